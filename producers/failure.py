"""What a producer of commands can run into, told in one sentence that names the fix."""


def one_line(error: BaseException) -> str:
    """What an error says, however many lines it has; its type's name where it says nothing.

    Kafka's client puts its words into an object that prints itself with its innards.
    """
    words = getattr(error.args[0], "str", None) if error.args else None
    said = words() if callable(words) else str(error)
    return " ".join(said.split()) or type(error).__name__


class ClientError(Exception):
    """A command could not be sent or its result could not be had; the text names the fix."""


class ResultTimeout(ClientError):  # noqa: N818 - no fault: the answer may be on its way
    """The command is in the log, but no result came in time. It may still be done."""

    def __init__(self, source: str, command_id: str, seconds: float) -> None:
        super().__init__(
            f"no result for command {command_id} within {seconds:g} s; it may still be done."
            f" Look it up with `wallet result {command_id} --source {source}`,"
            " or send it again with the same id: that never does it twice."
        )
        self.source = source
        self.command_id = command_id


class ClientClosed(ClientError):  # noqa: N818 - no fault: somebody has closed it
    """The client takes no more commands, or was closed before a result came."""
