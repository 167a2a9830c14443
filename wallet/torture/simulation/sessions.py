"""psycopg2 as the ledger sees it: connections and cursors of the simulated database."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, Self

from wallet.torture.simulation.database import Database, Session
from wallet.torture.simulation.statements import HANDLERS, Handler, Statements
from wallet.torture.simulation.turns import Process


class Connection:
    """A connection in autocommit mode."""

    def __init__(self, statements: Statements, session: Session) -> None:
        self.session: Final = session
        self.statements: Final = statements

    def cursor(self) -> "Cursor":
        """Give a cursor."""
        return Cursor(self)

    def close(self) -> None:
        """End the session."""
        self.session.close()


class Cursor:
    """Takes statements, gives rows."""

    def __init__(self, connection: Connection) -> None:
        self._session = connection.session
        self._statements = connection.statements
        self._rows: list[tuple[Any, ...]] = []
        self.rowcount = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to give back."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """Give the next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give all rows."""
        rows, self._rows = self._rows, []
        return rows

    def execute(self, text: str, arguments: Sequence[Any] = ()) -> None:
        """Send a text of one or more statements, and wait for the answer."""
        session = self._session
        texts = _parts(text)
        if texts[-1] == "COMMIT":
            self._write(texts[:-1], arguments)
            return
        if _method(texts[-1]) == "raise_epoch":  # may be done after its client has died
            session.pending = lambda: self._alone(texts[-1], arguments)
        session.step(_short(texts[-1]))
        session.pending = None
        if texts[0] == "ROLLBACK":
            session.rollback()
            return
        if texts[0] == "BEGIN":
            session.begin()
        with session.statement() as transaction:
            self._rows = self._statement(texts[-1])(transaction, arguments)
            self.rowcount = len(self._rows)

    def _write(self, texts: tuple[str, ...], arguments: Sequence[Any]) -> None:
        """Send statements and COMMIT in one message: once sent, all may happen without us."""
        session = self._session
        session.pending = lambda: self._do(texts, arguments)
        session.step("write and COMMIT")
        session.pending = None
        self._do_writes(texts, arguments)
        session.pending = session.commit
        session.step("COMMIT")
        session.pending = None
        session.commit()
        session.answer("commit")

    def _alone(self, text: str, arguments: Sequence[Any]) -> None:
        """Do a statement in a transaction of its own."""
        with self._session.statement() as transaction:
            self._statement(text)(transaction, arguments)

    def _do(self, texts: tuple[str, ...], arguments: Sequence[Any]) -> None:
        self._do_writes(texts, arguments)
        self._session.commit()

    def _do_writes(self, texts: tuple[str, ...], arguments: Sequence[Any]) -> None:
        transaction, at = self._session.transaction, 0
        assert transaction is not None, "a batch is open"
        for text in texts:
            count = _places(text)
            self._statement(text)(transaction, arguments[at : at + count])
            at += count

    def _statement(self, text: str) -> Handler:
        return getattr(self._statements, _method(text))  # type: ignore[no-any-return] # a Handler


def connect(database: Database, statements: Statements, process: Process, name: str) -> Connection:
    """Open a connection, as streams.journal does."""
    return Connection(statements, database.connect(process, name))


@lru_cache(maxsize=1024)
def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";"))


@lru_cache(maxsize=1024)
def _places(text: str) -> int:
    return text.count("%s")


@lru_cache(maxsize=1024)
def _method(text: str) -> str:
    """The method of Statements that does what a statement says."""
    if text == "ROLLBACK":
        return "nothing"
    for words, name in HANDLERS:
        if text.startswith(words):
            return name
    raise AssertionError(f"the simulated database does not know: {text[:200]}")


@lru_cache(maxsize=1024)
def _short(text: str) -> str:
    return " ".join(text.split()[:4])
