"""Lists of service 003: how far the Link header leads."""

from types import SimpleNamespace
from typing import cast

import pytest

from producers.http.route import Asked
from producers.http.seeds.answering003 import PageQuery, listed
from producers.http.seeds.fields003 import OFFSET_MAX


@pytest.mark.parametrize(
    ("offset", "following"),
    [(0, 3), (OFFSET_MAX - 3, OFFSET_MAX), (OFFSET_MAX - 2, None), (OFFSET_MAX, None)],
)
async def test_a_link_leads_nowhere_that_is_refused(offset: int, following: int | None) -> None:
    """Past the largest offset there is no page."""
    query = PageQuery(limit=3, offset=offset)
    asked = cast("Asked", SimpleNamespace(base="http://here", query=query))
    answer = await listed(asked, "/api/sellers/", [1, 2, 3], lambda row: {"id": row})
    assert answer.body == b'[{"id":1},{"id":2},{"id":3}]'
    link = answer.headers.get("Link")
    if following is None:
        assert link is None
    else:
        assert link == f'<http://here/api/sellers/?limit=3&offset={following}>; rel="next"'
        assert PageQuery(limit=3, offset=following).offset == following
