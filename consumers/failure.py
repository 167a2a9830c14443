"""What a reader of the ledger can run into, told in one line that names the fix."""


class LookingError(Exception):
    """The database cannot be read."""


class TailError(Exception):
    """The events cannot be read."""


class RecordsError(Exception):
    """Records of the log cannot be looked up."""
