"""The routes on which wallets are followed."""

from typing import Final

from producers.http.live.sse import EventsQuery, events
from producers.http.live.websocket import stream
from producers.http.people.access import Access
from producers.http.route import Route

FAMILY: Final = "v1"

ROUTES: Final = (
    Route(
        method="GET", path="/v1/wallets/{wallet_id:uuid}/events", handler=events, family=FAMILY,
        slash=False, summary="Follow a wallet: its changes as server-sent events",
        query=EventsQuery, access=Access.OWNER, answers={200: None}, is_described=False,
        is_stream=True,
    ),
    Route(
        method="GET", path="/v1/stream", handler=stream, family=FAMILY, slash=False,
        summary="Follow wallets over a WebSocket", access=Access.HANDLER, answers={101: None},
        is_described=False,
        is_stream=True,
    ),
)  # fmt: skip
