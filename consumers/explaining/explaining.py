"""Puts a command's path together from the log, the database and the folder of receipts."""

from datetime import UTC, datetime
from typing import Final

from confluent_kafka import Message

from consumers.explaining.log import CommandLog
from consumers.explaining.steps import Explanation, Step, place_of, time_of
from consumers.letters.looking import Filed, Letters
from consumers.looking import Looking
from consumers.looking_withdrawals import Withdrawals
from consumers.receipts.facts import Chosen
from consumers.records import Records
from producers.headers import headers_of
from schemas import identifiers, receipts
from schemas.cloudevents import Envelope, EnvelopeError, read
from schemas.moments import in_milliseconds
from schemas.results import AnyResult
from schemas.settings import Settings

ARRIVING: Final = "its event waits for the holder of its partition"


class Explaining:
    """Explains commands. Methods raise LookingError or RecordsError."""

    def __init__(self, settings: Settings, looking: Looking, records: Records) -> None:
        self._settings = settings
        self._looking = looking
        self._log = CommandLog(settings, records)

    def answers(self, command_id: str, source: str | None, usual: str) -> list[AnyResult]:
        """The results of an id: of its source, else of the `usual` one, else of anybody's UUID."""
        named = self._looking.result(source or usual, command_id)
        if named is not None:
            return [named]
        return [] if source else self._looking.results_of_id(command_id)

    def result(self, found: AnyResult) -> Explanation:
        """The path of a command that has its result."""
        command = found.command
        record = self._log.command(command.partition, command.offset)
        answer = self._log.result(command.partition, command.offset)
        said_ms = _ms(found.recorded_at) if answer is None else answer.timestamp()[1]
        steps = [*self._recorded(record, command.partition, command.offset, found.recorded_at)]
        steps.append(self._decided(found, answer))
        if found.error is None:
            steps += [
                self._event(wallet, sequence, said_ms) for wallet, sequence in self._touched(found)
            ]
        steps += self._withdrawal(found, said_ms)
        steps += self._receipt(found)
        steps += self._letter(command.partition, command.offset, said_ms)
        return Explanation(command.source, command.id, command.type, found.status, steps)

    def waiting(self, source: str | None, command_id: str) -> Explanation | None:
        """The path of a command that is in the log and has no result; None when it is not there."""
        done = self._looking.progress(self._settings.topics.commands.name)
        record = self._log.waiting(source, command_id, done)
        return None if record is None else self.record(record, done)

    def at(self, partition: int, offset: int) -> Explanation | None:
        """The path of what stands at a place of the commands topic; None when nothing does."""
        done = self._looking.progress(self._settings.topics.commands.name)
        record = self._log.command(partition, offset)
        return None if record is None else self.record(record, done)

    def record(self, record: Message, done: dict[int, int]) -> Explanation:
        """The path of a record of the commands topic. `done`: next offset of each partition."""
        partition, offset = record.partition() or 0, record.offset() or 0
        envelope = _envelope(record)
        found = envelope and self._looking.result(envelope.source or "", envelope.id or "")
        if found and (found.command.partition, found.command.offset) == (partition, offset):
            return self.result(found)
        steps = [*self._recorded(record, partition, offset, time_of(record))]
        next_offset = done.get(partition, 0)
        if offset >= next_offset:
            behind = f"{offset - next_offset:,} records before it wait too"
            steps.append(Step("waits for the ledger", facts=[("next", behind)]))
            outcome = "waiting"
        elif found:
            place = f"{found.command.partition}:{found.command.offset}"
            told = [("first", f"{found.status}, the record of {place}")]
            steps.append(Step("came again: its id had its answer", facts=told))
            outcome = found.status
        else:
            outcome = "unreadable"
        steps += self._letter(partition, offset, record.timestamp()[1])
        named = envelope or Envelope()
        return Explanation(named.source, named.id, named.type, outcome, steps)

    def _recorded(
        self, record: Message | None, partition: int, offset: int, recorded_at: str
    ) -> list[Step]:
        topic = self._settings.topics.commands.name
        where = f"{topic} {partition}:{offset}"
        if record is None:
            return [Step("recorded", recorded_at, where, [("record", "is not kept any more")])]
        headers = dict(headers_of(record) or ())
        envelope = _envelope(record)
        facts = [("bytes", f"{len(record.value() or b''):,}")]
        key = (record.key() or b"").decode(errors="backslashreplace")
        facts.append(("key", key or "none"))
        home = identifiers.partition_of(key, self._settings.partitions)
        if identifiers.is_uuid(key) and home != partition:
            facts.append(("partitioner", f"not murmur2: the wallet lives on partition {home}"))
        facts.append(("mode", "binary" if "ce_id" in headers else "structured"))
        sent = [] if envelope is None or not envelope.time else [Step("sent", envelope.time)]
        return [*sent, Step("recorded", time_of(record), where, facts)]

    def _decided(self, found: AnyResult, answer: Message | None) -> Step:
        topic = self._settings.topics.results.name
        if found.error is not None:
            facts = [("code", str(found.error.code)), ("why", found.error.detail)]
        else:
            facts = [
                ("balance", f"{found.balance} {found.currency}"),
                ("sequence", str(found.sequence)),
                ("transaction", found.transaction_id or ""),
            ]
        if answer is None:
            facts.append(("record", "not in the log: not published yet, or not kept any more"))
            return Step(found.status, None, topic, facts)
        return Step(found.status, time_of(answer), place_of(topic, answer), facts)

    def _touched(self, found: AnyResult) -> list[tuple[str, int]]:
        """The wallets that have an event of this transaction, with its sequence; own one first."""
        assert found.transaction_id is not None
        touched = self._looking.touched(found.transaction_id)
        return sorted(touched, key=lambda each: each[0] != found.wallet_id)

    def _event(self, wallet: str, sequence: int, said_ms: int) -> Step:
        record = self._log.event(wallet, sequence, said_ms)
        topic = self._settings.topics.events.name
        facts = [("wallet", f"{wallet} #{sequence}")]
        if record is None:
            waits = self._looking.arrives(wallet, sequence)
            facts.append(("record", ARRIVING if waits else "not found in the log"))
            return Step("event", None, topic, facts)
        kind = dict(headers_of(record) or ()).get("ce_type", b"").decode()
        return Step("event", time_of(record), place_of(topic, record), [("type", kind), *facts])

    def _withdrawal(self, found: AnyResult, said_ms: int) -> list[Step]:
        if found.withdrawal is None:
            return []
        command = found.command
        record = self._log.step(command.partition, command.offset, said_ms)
        topic = self._settings.topics.scheduled.name
        steps = []
        if record is not None:
            fact = ("withdrawal", f"{found.withdrawal.id} {found.withdrawal.status}")
            steps.append(Step("delayed topic", time_of(record), place_of(topic, record), [fact]))
        withdrawals = Withdrawals(self._looking)
        now = withdrawals.one(found.withdrawal.id)
        if now is None:
            return steps
        for each in withdrawals.history(now):
            if (each.source, each.command_id) == (command.source, command.id):
                continue
            why = each.error or each.reason or ""
            facts = [
                ("led to", each.status or "refused"),
                ("by", f"{each.source} {each.command_id}"),
            ]
            facts += [("why", why)] if why else []
            steps.append(Step(each.kind, each.recorded_at, None, facts))
        calls = withdrawals.calls(now.id)
        if calls is not None:
            said = [("calls", str(calls.calls)), ("state", calls.state)]
            said += [("note", calls.note)] if calls.note else []
            steps.append(Step("bank called", calls.begun_at, None, said))
        steps.sort(key=lambda step: step.at or "")
        return [*steps, Step("withdrawal now", now.changed_at, None, [("it is", now.status)])]

    def _receipt(self, found: AnyResult) -> list[Step]:
        """The receipt that was made of a transfer, if its source gets any."""
        command, settings = found.command, self._settings
        if found.error is not None or command.type != "transfer.v1":
            return []
        if not Chosen.by(settings).has(command.source):
            return []
        number = identifiers.number(command.offset, command.partition, settings.partitions)
        name = receipts.name_of(number, found.recorded_at)
        place = receipts.place_of(settings.receipts_folder, name)
        try:
            made = datetime.fromtimestamp(place.stat().st_mtime, UTC)
        except OSError:
            return [Step("receipt", None, str(place), [("file", "is not there")])]
        return [Step("receipt", in_milliseconds(made), str(place))]

    def _letter(self, partition: int, offset: int, said_ms: int) -> list[Step]:
        filed = Letters(self._looking).one(partition, offset)
        if filed is None:
            return []
        record = self._log.dead_letter(partition, offset, said_ms)
        topic = self._settings.topics.dead_letters.name
        at, where = (None, topic) if record is None else (time_of(record), place_of(topic, record))
        own = Step("dead letter", at, where, [("reason", filed.letter.reason)])
        return [own, *_decisions(filed)]


def _decisions(filed: Filed) -> list[Step]:
    steps = []
    for each in filed.decisions:
        facts = [("by", each.by)]
        facts += [("why", each.why)] if each.why else []
        facts += [("as", f"{each.source} {each.command_id}")] if each.command_id else []
        steps.append(Step(each.decision, each.decided_at, None, facts))
    return steps


def _envelope(record: Message) -> Envelope | None:
    try:
        return read(record.value(), headers_of(record) or ())
    except EnvelopeError:
        return None


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
