"""Settings that are wrong, told by the names of their variables."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from wallet.failure import UsageFailure


@contextmanager
def told_by_name(kind: type[BaseSettings]) -> Iterator[None]:
    """Turn what settings of this kind complain of into a failure. Raises UsageFailure."""
    try:
        yield
    except ValidationError as error:
        raise UsageFailure(_told(error, kind)) from None


def _told(error: ValidationError, kind: type[BaseSettings]) -> str:
    """What is wrong first, with the variable's name; no secret is shown."""
    first = error.errors()[0]
    why = first["msg"].removeprefix("Value error, ")
    field = ".".join(str(part) for part in first["loc"][:1])
    if not field:
        return why  # it names its variables itself
    found = kind.model_fields.get(field)
    shown = f", got {first['input']!r}" if found is None or found.repr else ""
    return f"{kind.model_config['env_prefix']}{field.upper()}: {why}{shown}"
