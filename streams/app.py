"""The Faust app: delivery and group membership, never correctness (DESIGN.md 3)."""

from typing import Final

from faust.types import TP

from schemas.settings import Settings
from streams import credentials
from streams.crashing import crash
from streams.holding import Holding
from streams.transport import LedgerApp, LedgerConsumer, Run

STREAM_BUFFER: Final = 1024
"""Runs, not records: Faust sleeps a whole second when its buffer is full, so it never is."""


def make(settings: Settings, holding: Holding, slot: str) -> LedgerApp:
    """The app of one worker slot. Make it inside the event loop that runs it."""
    topics = settings.topics
    folder = settings.data / "faust" / slot  # Faust wants one, and keeps nothing of ours there
    folder.mkdir(parents=True, exist_ok=True)
    app = LedgerApp(
        settings.application,
        broker=f"kafka://{settings.kafka_bootstrap}",
        broker_credentials=credentials.of_faust(settings),
        datadir=folder,
        store="memory://",
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
        worker_redirect_stdouts=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,  # the default picks Faust's own assignor (F12)
        processing_guarantee="at_least_once",  # exactly_once swallows errors (F4)
        consumer_group_instance_id=slot,  # a restart stalls nobody else (F8)
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6,  # the broker's floor: 6.5 s of silence after a kill (F7)
        broker_heartbeat_interval=0.15,  # by which one hears that another has come or left
        broker_rebalance_timeout=15,
        broker_request_timeout=30,  # at least the session timeout (F7)
        broker_max_poll_records=settings.batch_max,
        broker_max_poll_interval=60,
        broker_commit_interval=2.0,
        stream_buffer_maxsize=STREAM_BUFFER,
        stream_wait_empty=False,  # our own drain waits, with a limit
    )
    LedgerConsumer.holding = holding
    commands = app.topic(
        topics.commands.name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
    )

    @app.agent(commands, name="commands")
    async def move_runs(stream: object) -> None:
        """Move each run into its partition's lane, and ask for what is missing."""
        async for run in stream:  # type: ignore[attr-defined]
            await _move(app, holding, topics.commands.name, run)

    return app


async def _move(app: LedgerApp, holding: Holding, topic: str, run: Run) -> None:
    """No exception may leave: Faust would acknowledge the run (F1)."""
    try:
        round_, records = run
        partition = records[0].partition
        missing = holding.offer(round_, partition, records)
        if missing is not None:
            got = next((r.offset for r in records if r.offset >= missing), records[0].offset)
            holding.note_gap(partition, missing, got)
            await app.consumer.seek(TP(topic, partition), missing)
    except Exception as error:  # noqa: BLE001 - nobody may go on after it, whatever it is
        crash("the agent failed", error)
