"""An oracle to talk to, at a time that the test says."""

import msgspec

from consumers.audit.books import Place
from consumers.audit.oracle import Answer, Oracle
from schemas.decoding import decode
from schemas.results import Completed, Rejected

A, B, C = (f"00000000-0000-4000-8000-00000000000{n}" for n in "abc")
NOW_MS = 1_795_000_000_123
NOW = "2026-11-18T11:06:40.123Z"


class World:
    """An oracle and a counter: every command said gets the next offset, at `now_ms`."""

    def __init__(self) -> None:
        self.oracle = Oracle("commands")
        self.offset = 0
        self.now_ms = NOW_MS

    def say(self, kind: str, wallet: str = A, /, **data: object) -> Answer | None:
        """Have a command answered; `id` and `expirytime` go into the envelope."""
        envelope: dict[str, object] = {"specversion": "1.0", "source": "/test"}
        envelope |= {"id": f"c{self.offset}", "type": f"{kind}.v1"}
        envelope |= {name: data.pop(name) for name in ("id", "expirytime") if name in data}
        envelope["data"] = {"wallet_id": wallet, **data}
        place = Place(0, self.offset, self.now_ms)
        self.offset += 1
        return self.oracle.answer(decode(wallet.encode(), msgspec.json.encode(envelope)), place)

    def done(self, kind: str, wallet: str = A, /, **data: object) -> Completed:
        """Have a command completed."""
        answer = self.say(kind, wallet, **data)
        assert answer is not None
        assert isinstance(answer.result, Completed), answer.result
        return answer.result

    def refused(self, kind: str, wallet: str = A, /, **data: object) -> Rejected:
        """Have a command refused."""
        answer = self.say(kind, wallet, **data)
        assert answer is not None
        assert isinstance(answer.result, Rejected)
        assert answer.events == ()
        return answer.result

    def open(self, *wallets: str, amount: str = "100.00", currency: str = "IRR") -> None:
        """Make wallets with money in them."""
        for wallet in wallets:
            self.done("wallet.create", wallet, currency=currency)
            self.done("deposit", wallet, amount=amount)
