"""How deep JSON is nested: a limit of ours, so that it is not the interpreter's stack.

Decoders give up at a depth that depends on who called them; the same record could then be a
command in one process and unreadable in another.
"""

import re
from typing import Final

DEEPEST: Final = 64
"""A command has 4 levels."""

_TEXTS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")


def is_too_deep(value: bytes) -> bool:
    """Whether objects and arrays stand more than DEEPEST levels within each other."""
    if value.count(b"[") + value.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for byte in _TEXTS.sub(b"", value):
        if byte in _OPENING:
            depth += 1
            if depth > DEEPEST:
                return True
        elif byte in _CLOSING:
            depth -= 1
    return False
