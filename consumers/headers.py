"""A record's headers, whatever their sender has put there, for those who follow the log."""

from producers.headers import headers_of

__all__ = ["headers_of"]
