"""Is the commands log the one that the database has worked off? An offset alone does not say.

A topic that was made anew, or whose broker came back without its newest records, counts on from
where others stood. Once it has grown past what the database knows its bounds look right, and every
command before `next_offset` would be taken for done. So a claim looks at one command: the newest
that has a result in the database must still be the one that stands at its place.
"""

from confluent_kafka import Message

from producers.headers import headers_of
from schemas.cloudevents import EnvelopeError, read
from schemas.decoding import told_source
from schemas.results import CommandRef


def another_command(record: Message | None, known: CommandRef) -> str | None:
    """What stands where a command was processed, if it is another one. None: it, or unknown.

    Unknown is what readers of committed records do not see (somebody's open transaction), and a
    record whose headers librdkafka cannot read.
    """
    headers = None if record is None else headers_of(record)
    if record is None or headers is None:
        return None
    try:
        envelope = read(record.value(), headers)
    except EnvelopeError:
        return "a record that is no command"
    if envelope.id != known.id:
        return f"command {envelope.id}"
    source = told_source(envelope)
    if known.source and source and source != known.source:
        return f"command {envelope.id} of {source}"
    return None
