"""A batch decided: records in, everything to be written and said out. Pure.

Records of one partition, in order, on books that hold all their wallets. Deduplicates by command
key against what the database has seen and against the batch itself.
"""

from msgspec.structs import replace

from schemas import identifiers, moments, results
from schemas.accounts import WORLD, WORLD_NUMBERS
from schemas.commands import Command, CommandData, CreateWallet
from schemas.decoding import Decoded, RefusedCommand
from schemas.money import show
from schemas.refusals import Code, Refusal
from schemas.results import CommandRef, Rejected
from streams import ledger, rendering
from streams.bodies import credit_request_body, details_of, withdrawal_body
from streams.books import (
    Books,
    Entry,
    NewWallet,
    Payment,
    Posting,
    Wallet,
    Withdrawal,
    apply,
)
from streams.dead_letters import dead_letter_text, dead_message
from streams.rendering import COMPLETED, REJECTED, Details, Message, Telling
from streams.rows import Arrival, CommandRow, DeadLetter, EntryRow, Place, Record


class Decided:
    """All that a batch writes (rows) and says (messages), in the order of its records."""

    def __init__(
        self,
        place: Place,
        books: Books,
        seen: dict[str, str],
        wanted: set[str],
        clock_ahead_ms: int = 0,
    ) -> None:
        self.place = place
        self.books = books
        self.seen = seen
        self.wanted = wanted
        self.clock_ahead_ms = clock_ahead_ms
        self.commands: list[CommandRow] = []
        self.entries: list[EntryRow] = []
        self.arrivals: list[Arrival] = []
        self.new_wallets: list[NewWallet] = []
        self.refunds: list[tuple[str, str, int]] = []
        self.dead_letters: list[DeadLetter] = []
        self.results: list[Message] = []
        self.events: list[Message] = []
        self.steps: list[Message] = []
        self.dead: list[Message] = []
        self.strays = 0
        self.last_result_offset = -1
        self._missed: set[str] = set()

    @property
    def absent(self) -> set[str]:
        """Wallets that were looked for in vain: a row that is not there cannot be locked."""
        return self._missed - self.books.wallets.keys()

    def take(self, record: Record, decoded: Decoded) -> None:
        """Decide one record."""
        if isinstance(decoded, Command):
            self._command(record, decoded)
        elif isinstance(decoded, RefusedCommand):
            if decoded.dead is not None:
                self._dead(record, decoded.dead)
            self._refused(record, decoded)
        else:
            self._dead(record, decoded.reason)

    def _command(self, record: Record, command: Command) -> None:
        key = self._first_time(command)
        if key is None:
            return
        ref = self._ref(record, command.source, command.id, command.type)
        if key != command.key:
            self._reject(record, command, key, ref, _reused(command.id), ())
            return
        wallet = self.books.wallets.get(command.data.wallet_id)
        if wallet is not None and wallet.partition != self.place.partition:
            self.strays += 1
        now_ms = self._now_ms(record)
        looked_at = ledger.looked_at(command, now_ms, self.books)
        decision = ledger.decide(command, now_ms, self.books)
        if isinstance(decision, Refusal):
            self._reject(record, command, key, ref, decision, looked_at)
        else:
            self._complete(record, command, ref, decision, looked_at)

    def _refused(self, record: Record, refused: RefusedCommand) -> None:
        key = self._first_time(refused)
        if key is None:
            return
        ref = self._ref(record, refused.source, refused.id, refused.type)
        refusal = refused.refusal if key == refused.key else _reused(refused.id)
        self._reject(record, refused, key, ref, refusal, ())

    def _first_time(self, command: Command | RefusedCommand) -> str | None:
        """The key to store the answer under; None when this very content has its answer.

        Other content under a known id is answered once too, under a key of its own.
        """
        known = self.seen.get(command.key)
        if known is None:
            self.seen[command.key] = command.fingerprint
            return command.key
        if known == command.fingerprint:
            return None
        key = reuse_key(command)
        if key in self.seen:
            return None
        self.seen[key] = command.fingerprint
        return key

    def _complete(
        self,
        record: Record,
        command: Command,
        ref: CommandRef,
        posting: Posting,
        looked_at: tuple[str, ...],
    ) -> None:
        data = command.data
        now_ms = self._now_ms(record)
        telling = Telling(ref, moments.of_broker(now_ms), command.extras)
        transaction_id = identifiers.transaction_id(
            now_ms, self.place.partition, record.offset, command.name
        )
        posting = self._named(posting, transaction_id, record)
        if isinstance(data, CreateWallet):
            self._open_wallet(data, telling.recorded_at)
        apply(self.books, posting, now_ms)
        if posting.refund_of is not None or transaction_id in self.wanted:
            self._register(transaction_id, data, posting)
        details = details_of(command, posting)
        if posting.withdrawal is not None:
            self._tell_step(posting.withdrawal, telling)
        if posting.credit_request is not None:
            telling.about(credit_request_body(posting.credit_request))
        wallet = self.books.wallets[data.wallet_id]
        balance = show(wallet.balance_minor, wallet.currency)
        state = (wallet.wallet_id, wallet.currency, balance, wallet.sequence)
        text = telling.completed_text(state, transaction_id, self._sequences(looked_at))
        self.results.append(telling.result(command.key, text, wallet.wallet_id, COMPLETED))
        said = rendering.details_text(details)
        row = CommandRow(
            command.key, command.fingerprint, transaction_id, record.offset, text, said
        )
        self._store(row)
        self._book(posting, transaction_id, telling, details)

    def _named(self, posting: Posting, transaction_id: str, record: Record) -> Posting:
        """The posting; what it makes new has the transaction's id, and a number from its place."""
        withdrawal, request = posting.withdrawal, posting.credit_request
        if withdrawal is not None and not withdrawal.withdrawal_id:
            return replace(posting, withdrawal=replace(withdrawal, withdrawal_id=transaction_id))
        if request is not None and not request.credit_request_id:
            number = identifiers.number(record.offset, self.place.partition, self.place.partitions)
            made = replace(request, credit_request_id=transaction_id, number=number)
            return replace(posting, credit_request=made)
        return posting

    def _open_wallet(self, data: CreateWallet, moment: str) -> None:
        partition = identifiers.partition_of(data.wallet_id, self.place.partitions)
        self.strays += partition != self.place.partition
        self.books.wallets[data.wallet_id] = Wallet(
            data.wallet_id, partition, data.currency, 0, 0, 0, 0
        )
        self.new_wallets.append(NewWallet(data.wallet_id, moment, data.owner, data.metadata))

    def _register(self, transaction_id: str, data: CommandData, posting: Posting) -> None:
        """Note what this posting means for refunds, given or to come in this batch."""
        if posting.refund_of is not None:
            amount = max(entry.amount_minor for entry in posting.entries)
            self.refunds.append((posting.refund_of.transaction_id, transaction_id, amount))
        if posting.payable_back and transaction_id in self.wanted:
            payer, payee = sorted(posting.entries, key=lambda entry: entry.amount_minor)
            self.books.payments[transaction_id] = Payment(
                transaction_id, data.wallet_id, payee.account, posting.currency,
                -payer.amount_minor, 0,
            )  # fmt: skip

    def _reject(
        self,
        record: Record,
        command: Command | RefusedCommand,
        key: str,
        ref: CommandRef,
        refusal: Refusal,
        looked_at: tuple[str, ...],
    ) -> None:
        wallet_id = command.data.wallet_id if isinstance(command, Command) else command.wallet_id
        moment = moments.of_broker(self._now_ms(record))
        error = results.error_of(refusal)
        result = Rejected(ref, "rejected", wallet_id, error, moment, self._sequences(looked_at))
        text = results.encode(result).decode()
        telling = Telling(ref, moment, command.extras)
        self.results.append(telling.result(key, text, wallet_id, REJECTED))
        said = rendering.details_text(Details(extras=command.extras))
        self._store(CommandRow(key, command.fingerprint, None, record.offset, text, said))

    def _store(self, row: CommandRow) -> None:
        """Store what is said."""
        self.commands.append(row)
        self.last_result_offset = row.offset

    def _book(
        self, posting: Posting, transaction_id: str, telling: Telling, details: Details
    ) -> None:
        """The journal rows of an applied posting, and an event for each wallet of it."""
        currency, entries = posting.currency, posting.entries
        telling.post(transaction_id, entries, currency, details)
        if len(entries) == 2:  # noqa: PLR2004 - nearly all: a wallet and somebody else
            first, last = entries
            world = WORLD_NUMBERS.get(first.account, 0) + WORLD_NUMBERS.get(last.account, 0)
        else:
            world = 0
            self._book_world(transaction_id, entries, currency)
        for entry in entries:
            account, amount = entry.account, entry.amount_minor
            wallet = self.books.wallets.get(account)
            if wallet is None:
                continue
            sequence, balance, currency = wallet.sequence, wallet.balance_minor, wallet.currency
            row = EntryRow(account, transaction_id, sequence, amount, balance, currency, world)
            self.entries.append(row)
            text = telling.event_text(account, sequence, amount, balance, currency)
            if wallet.partition == self.place.partition:
                self.events.append(telling.event(account, sequence, text))
            else:  # left to the one writer of its partition
                waiting = rendering.waiting_text(text, details.extras)
                self.arrivals.append(Arrival(wallet.partition, account, sequence, waiting))

    def _book_world(self, transaction_id: str, entries: tuple[Entry, ...], currency: str) -> None:
        """The rows of the world's accounts, where they are not just a wallet's other side."""
        for entry in entries:
            account = WORLD.get(entry.account)
            if account is not None:
                minor, its = entry.amount_minor, entry.currency or currency
                self.entries.append(EntryRow(account, transaction_id, None, minor, None, its, 0))

    def _tell_step(self, withdrawal: Withdrawal, telling: Telling) -> None:
        """Tell a withdrawal's new status, here and on the delayed topic."""
        telling.about(withdrawal_body(withdrawal))
        wallet_id, status = withdrawal.wallet_id, withdrawal.status
        self.steps.append(telling.step(wallet_id, withdrawal.withdrawal_id, status))

    def _now_ms(self, record: Record) -> int:
        """The moment at which a record is decided: the broker's, unless a test clock runs ahead."""
        return record.timestamp + self.clock_ahead_ms

    def _dead(self, record: Record, reason: str) -> None:
        text = dead_letter_text(record)
        self.dead_letters.append(DeadLetter(record.offset, reason, text))
        self.dead.append(dead_message(self.place, record.offset, reason, text))

    def _sequences(self, looked_at: tuple[str, ...]) -> dict[str, int]:
        wallets, sequences = self.books.wallets, {}
        for wallet_id in looked_at:
            wallet = wallets.get(wallet_id)
            if wallet is None:
                self._missed.add(wallet_id)
            sequences[wallet_id] = 0 if wallet is None else wallet.sequence
        return sequences

    def _ref(
        self, record: Record, source: str | None, command_id: str, command_type: str | None
    ) -> CommandRef:
        place = self.place
        return CommandRef(
            source, command_id, command_type, place.topic, place.partition, record.offset
        )


def _reused(command_id: str) -> Refusal:
    return Refusal(Code.IDEMPOTENCY_KEY_REUSED, "id", {"id": command_id})


def reuse_key(command: Command | RefusedCommand) -> str:
    """The key under which other content for a known id is answered, once for each content."""
    return identifiers.command_key(f"reused:{command.key}", command.fingerprint)
