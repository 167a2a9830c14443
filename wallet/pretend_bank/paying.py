"""What becomes of a call: the rules of the bank, without HTTP."""

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

from wallet.pretend_bank.faults import (
    BEFORE,
    KEYS_MAX,
    SAY_NOT_DONE,
    Fault,
    Faults,
    UnknownFaultError,
)
from wallet.pretend_bank.ledger import Call, Payment, PaymentLedger
from wallet.pretend_bank.settings import PretendBankSettings

KEY_CHARACTERS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `fault` says how the answer goes wrong, None: it is success.

    `replayed`: an earlier call paid. `refusal` is the reason of a call that was not even tried;
    `reused`: because its key stands for another payment.
    """

    key: str | None
    fault: Fault | None = None
    replayed: bool = False
    refusal: str | None = None
    reused: bool = False


State = Literal["success", "failed", "refused", "pending"]


class Bank:
    """Pays, each key once."""

    def __init__(self, settings: PretendBankSettings, ledger: PaymentLedger) -> None:
        self.ledger = ledger
        self.counts: Counter[str] = Counter()
        """What happened since the start: `executed`, `replayed`, `reused`, and faults by name."""
        self._settings = settings
        self._faults = Faults(settings.faulty, settings.seed)
        self._pending: dict[str, asyncio.Future[None]] = {}
        # Keys that were told that nothing was paid; the newest only, and not in the file.
        self._failed: OrderedDict[str, State] = OrderedDict()

    async def pay(self, call: Call) -> Outcome:
        """Take the time a payment takes, and execute it once.

        A caller that goes away does not end it. A second call under the same key waits for the
        first one, and is answered as the first one was.

        Raises:
            OSError: the ledger could not be written; nothing was executed.

        """
        if len(call.key or "") > KEY_CHARACTERS_MAX:
            return Outcome(None, refusal=f"a key has {KEY_CHARACTERS_MAX} characters at most")
        try:
            fault = self._faults.pick(call.identity or call.digest, call.target or "")
        except UnknownFaultError as error:
            return Outcome(call.key, refusal=str(error))
        earlier = await self._earlier(call)
        if earlier is None:
            outcome = await self._first(call, fault)
        elif earlier.digest != call.digest:
            self.counts["reused"] += 1
            return Outcome(call.key, refusal="this key paid something else", reused=True)
        else:
            outcome = await self._again(call, fault)
        self.counts[outcome.fault or "success"] += 1
        return outcome

    def state(self, key: str) -> State | None:
        """Say what is known of a key; None when nothing is."""
        if key in self._pending:
            return "pending"
        if self.ledger.find(key) is not None:
            return "success"
        return self._failed.get(key)

    async def _earlier(self, call: Call) -> Payment | None:
        """Give what the key paid already, once nothing under it is under way."""
        if not self._settings.knows_keys or call.key is None:
            return None
        while call.key in self._pending:
            await asyncio.shield(self._pending[call.key])
        return self.ledger.find(call.key)

    async def _first(self, call: Call, fault: Fault | None) -> Outcome:
        done = asyncio.get_running_loop().create_future()
        if call.key is not None:
            self._pending[call.key] = done
        try:
            await self._work(fault)
            if fault in BEFORE:
                self._note_failure(call, fault)
            else:
                self.ledger.append(call)
                self.counts["executed"] += 1
        finally:
            if call.key is not None and self._pending.get(call.key) is done:
                del self._pending[call.key]
            done.set_result(None)
        return Outcome(call.key, fault)

    async def _again(self, call: Call, fault: Fault | None) -> Outcome:
        await self._work(fault)
        self.counts["replayed"] += 1
        return Outcome(call.key, None if fault in SAY_NOT_DONE else fault, replayed=True)

    async def _work(self, fault: Fault | None) -> None:
        seconds = self._settings.delay + (self._settings.slow if fault is Fault.SLOW else 0.0)
        await asyncio.sleep(seconds)  # the time it takes is the thing itself

    def _note_failure(self, call: Call, fault: Fault | None) -> None:
        if call.key is None or fault not in SAY_NOT_DONE:
            return
        self._failed[call.key] = "refused" if fault is Fault.REFUSED else "failed"
        if len(self._failed) > KEYS_MAX:
            self._failed.popitem(last=False)
