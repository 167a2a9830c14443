"""The style and the scripts of the console: files of ours, and htmx."""

from producers.http.answers import Answer
from producers.http.description import docs
from producers.http.route import Asked


async def asset(asked: Asked) -> Answer:
    """A file of the pages."""
    return await docs.file(asked)
