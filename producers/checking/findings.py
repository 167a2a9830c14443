"""All that is wrong with one message, found by the ledger's own eyes.

The ledger tells the first thing that is wrong; so each is mended here, and the message looked at
again, until nothing is left or nothing can be mended.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import fields

from schemas import decoding, money, vectors
from schemas.cloudevents import STRUCTURED, Envelope, headers_of
from schemas.commands import TYPES, Command, Exchange, ScheduleWithdrawal
from schemas.diagnosis import did_you_mean
from schemas.jsonschemas import MESSAGES
from schemas.refusals import DETAILS, Code, detail_of

Headers = Sequence[tuple[str, bytes]]
Fields = dict[str, Any]

MOST: Final = 50
"""Most findings of one message: more have one cause."""

_FINEST: Final = max(money.DECIMALS, key=lambda code: money.DECIMALS[code])
"""A currency of which none has more decimals."""

_ATTRIBUTES: Final = {*Envelope.__struct_fields__}
_GOOD: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/checked",
    "due_at": "2999-01-01T00:00:00Z",
}
"""Values to go on with, beyond those of the examples."""


class Finding(NamedTuple):
    """One thing that is wrong. `path` leads to it within the message; `code` is the refusal's.

    A note is no trouble: the ledger takes the message, but it may not do what was meant.
    """

    path: tuple[str, ...]
    code: str
    detail: str
    is_note: bool = False


class Inspected(NamedTuple):
    """A message with what was found; the command, where the ledger can read one."""

    findings: list[Finding]
    command: Command | None

    @property
    def troubles(self) -> list[Finding]:
        """What the ledger would refuse."""
        return [each for each in self.findings if not each.is_note]


def inspect(key: bytes | None, value: bytes, headers: Headers = ()) -> Inspected:
    """Look at a record. A value that is no JSON object has one finding, without a path."""
    patient = _Patient(key, value, headers)
    findings: list[Finding] = []
    while len(findings) < MOST:
        found = patient.next_finding()
        if found is None:
            break
        findings.append(found)
        if not patient.mend(found):
            break
    command = patient.command()
    if command is None:
        return Inspected(findings, None)
    mended = {found.path[-1] for found in findings}
    rest = [
        *_of_amounts(command, patient.inside),
        *_of_currencies(command, patient.inside),
        *_of_itself(command, patient.inside),
        *_of_times(command, patient.inside),
    ]
    # What was mended has another value now, and its finding already.
    if "wallet_id" in mended:
        mended.add("to_wallet_id")  # it may be the example's
    findings += [found for found in rest if found.path[-1] not in mended]
    return Inspected(findings, None if mended else command)


class _Patient:
    """A message that is being mended."""

    def __init__(self, key: bytes | None, value: bytes, headers: Headers) -> None:
        self._key = key
        self._value = value
        self._headers = dict(headers)
        self._told: set[tuple[str, tuple[str, ...]]] = set()
        self._seen: decoding.Decoded | None = None
        is_said = (self._headers.get("content-type") or b"").startswith(STRUCTURED)
        has_any = "ce_id" in self._headers or "ce_type" in self._headers
        self.is_binary = has_any and not is_said
        self.inside: tuple[str, ...] = () if self.is_binary else ("data",)
        """The path of the data within the message."""

    def command(self) -> Command | None:
        """The command, once nothing is wrong."""
        decoded = self._decoded()
        return decoded if isinstance(decoded, Command) else None

    def next_finding(self) -> Finding | None:
        """What the ledger complains of; None for nothing."""
        decoded = self._decoded()
        if isinstance(decoded, Command):
            return None
        if isinstance(decoded, decoding.Unreadable):
            is_id = "id" in decoded.reason.partition(":")[0].split()
            path = self._path("id") if is_id else ()
            return Finding(path, "unreadable", f"{decoded.reason}. It goes to the dead letters.")
        refusal = decoded.refusal
        detail = detail_of(refusal)
        if refusal.code == Code.UNKNOWN_TYPE and decoded.type in MESSAGES:
            detail = f"{decoded.type} is what the ledger says, not what it is asked."
        return Finding(self._path(refusal.param), refusal.code, detail)

    def mend(self, found: Finding) -> bool:
        """Make the finding go away, to see what else there is; False where it cannot be."""
        name = (found.code, found.path)
        if name in self._told or not found.path:
            return False
        self._told.add(name)
        self._seen = None
        if found.code == Code.KEY_MISMATCH:
            self._key = None
            return True
        return self._mend_attribute(found) if self._is_attribute(found) else self._mend_data(found)

    def _decoded(self) -> decoding.Decoded:
        if self._seen is None:
            headers = list(self._headers.items())
            self._seen = decoding.decode(self._key, self._value, headers)
        return self._seen

    def _path(self, param: str | None) -> tuple[str, ...]:
        """The path of a field at fault: an attribute of the envelope, or within the data."""
        if param is None:
            return ()
        if param == "data":
            return self.inside or ("data",)
        if param in _ATTRIBUTES:
            return (f"ce_{param}",) if self.is_binary else (param,)
        return (*self.inside, *param.split("."))

    def _is_attribute(self, found: Finding) -> bool:
        name = found.path[0].removeprefix("ce_") if self.is_binary else found.path[0]
        return len(found.path) == 1 and name in _ATTRIBUTES and name != "data"

    def _mend_attribute(self, found: Finding) -> bool:
        name = found.path[0].removeprefix("ce_")
        good = _GOOD.get(name)
        if name == "type":
            given = self._attribute("type")
            good = None if given in MESSAGES else next(iter(_nearest(given)), None)
            if good is None:
                return False  # whose fields these are nobody knows
        if not self.is_binary:
            return self._change((), name, good)
        self._headers.pop(found.path[0], None)
        if good is not None:
            self._headers |= dict(headers_of([(name, good)]))
        return True

    def _mend_data(self, found: Finding) -> bool:
        *above, name = found.path
        if found.code == Code.UNKNOWN_FIELD or name in self._optional(above):
            return self._change(above, name, None)
        if name == "delay" and (_within(self._whole(), above) or {}).get("due_at"):
            return self._change(above, name, None)
        good = _GOOD.get(name, _example_values().get(name))
        return good is not None and self._change(above, name, good)

    def _optional(self, above: Sequence[str]) -> set[str]:
        """The fields that a command of this type can do without."""
        if tuple(above) != self.inside:
            return {"name", "email", "phone"}  # of the owner
        known = TYPES.get(self._attribute("type") or "")
        own = {each.name for each in fields(known) if not each.required} if known else set()
        return own - {"due_at", "delay"}  # one of the two is needed

    def _attribute(self, name: str) -> str | None:
        if self.is_binary:
            told = self._headers.get(f"ce_{name}")
            return None if told is None else told.decode(errors="replace")
        found = self._whole().get(name)
        return found if isinstance(found, str) else None

    def _whole(self) -> Fields:
        """The value as an object; empty where it is none."""
        try:
            found = msgspec.json.decode(self._value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _change(self, above: Sequence[str], name: str, good: object) -> bool:
        """Give a member another value, or take it away."""
        whole = self._whole()
        part = _within(whole, above)
        if part is None or (good is None and name not in part):
            return False
        if good is None:
            del part[name]
        else:
            part[name] = good
        self._value = msgspec.json.encode(whole)
        return True


def _within(whole: Fields, above: Sequence[str]) -> Fields | None:
    """The object at a path; None where there is none."""
    part: Any = whole
    for step in above:
        part = part.get(step) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else None


def _nearest(given: str | None) -> list[str]:
    """The type that was meant."""
    asked = did_you_mean(given or "", TYPES)
    return [asked.removeprefix(" Did you mean ").removesuffix("?")] if asked else []


@cache
def _example_values() -> Mapping[str, Any]:
    """Field of a command -> a value that some example has."""
    known = (example.value for name, example in vectors.examples().items() if name in TYPES)
    return {name: value for data in known for name, value in data.items()}


def _of_amounts(command: Command, inside: tuple[str, ...]) -> list[Finding]:
    """What the ledger would say of the amounts; without a currency only what any would."""
    found = []
    for name, unit in (("amount", "currency"), ("to_amount", "to_currency")):
        amount: str | None = getattr(command.data, name, None)
        currency: str | None = getattr(command.data, unit, None)
        if amount is None:
            continue
        try:
            money.parse(amount, currency or _FINEST)
        except money.AmountError as error:
            detail = str(error) if currency else str(error).replace(_FINEST, "No currency")
            found.append(Finding((*inside, name), error.code, f"{name}: {detail}"))
    return found


def _of_currencies(command: Command, inside: tuple[str, ...]) -> list[Finding]:
    """Whether an exchange would be one of a currency for itself."""
    data = command.data
    if not isinstance(data, Exchange) or data.currency is None or data.currency != data.to_currency:
        return []
    words = DETAILS[Code.SAME_CURRENCY].format(currency=data.currency)
    return [Finding((*inside, "to_currency"), Code.SAME_CURRENCY, words)]


def _of_itself(command: Command, inside: tuple[str, ...]) -> list[Finding]:
    """Whether money would go from a wallet to itself."""
    data = command.data
    found = [
        name for name in ("to_wallet_id", "target") if getattr(data, name, "") == data.wallet_id
    ]
    words = DETAILS[Code.SAME_WALLET]
    return [Finding((*inside, name), Code.SAME_WALLET, words) for name in found]


def _of_times(command: Command, inside: tuple[str, ...]) -> list[Finding]:
    """What would be refused if it were sent now."""
    now = datetime.now(UTC)
    found = []
    if command.expires_at is not None and command.expires_at < now:
        path = ("expirytime",) if inside else ("ce_expirytime",)
        words = "expirytime is past: sent now, it would be refused with command_expired."
        found.append(Finding(path, Code.COMMAND_EXPIRED, words, is_note=True))
    data = command.data
    if isinstance(data, ScheduleWithdrawal) and data.due_at is not None and data.due_at <= now:
        words = "due_at is past: sent now, it would be refused with due_not_in_future."
        found.append(Finding((*inside, "due_at"), Code.DUE_NOT_IN_FUTURE, words, is_note=True))
    return found
