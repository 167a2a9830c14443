"""Moments on the command line: a time, or so long ago."""

from contextlib import suppress
from datetime import UTC, datetime

import typer

from wallet.cli.durations import duration


def moment(text: str) -> datetime:
    """Read a time such as 2026-11-20T10:00:00Z, or a length of time ago such as 10m or 2h30m.

    A time without a zone is this machine's. Raises BadParameter.
    """
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text.strip()).astimezone()
    try:
        return datetime.now(UTC) - duration(text)
    except (typer.BadParameter, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither a time such as 2026-11-20T10:00:00Z nor one ago such as 10m"
        ) from None
