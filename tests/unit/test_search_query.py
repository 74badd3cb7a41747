"""What a person typed to search, understood."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.front.search_query import SearchQuery, read_query
from tests.scripts import MIXED

NOW_S = 1_000_000


def _local_ms(*moment: int) -> int:
    return int(datetime(*moment).astimezone().timestamp() * 1_000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("two words", SearchQuery(("two", "words"))),
        ('a "whole phrase" b', SearchQuery(("a", '"whole phrase"', "b"))),
        ("“typed by a phone”", SearchQuery(('"typed by a phone"',))),
        ("from:me x", SearchQuery(("x",), author="me")),
        ("From:Ada in:Bob", SearchQuery(author="Ada", contact="Bob")),
        ('from:"Ada Lovelace" x', SearchQuery(("x",), author="Ada Lovelace")),
        ('in:"Ada Love', SearchQuery(contact="Ada Love")),
        ("from:#3", SearchQuery(author="#3")),
        ("from:a from:b", SearchQuery(author="b")),
        ("has:link", SearchQuery(has_link=True)),
        ("HAS:Links is:PINNED", SearchQuery(has_link=True, is_pinned=True)),
        ("before:2026-11-20", SearchQuery(before_ms=_local_ms(2026, 11, 20))),
        ("after:2026-11-20T12:30", SearchQuery(since_ms=_local_ms(2026, 11, 20, 12, 30))),
        ("since:10m", SearchQuery(since_ms=999_400_000)),
        # what is no filter is looked for
        ("before:soon", SearchQuery(("before:soon",))),
        ("has:fish is: from:", SearchQuery(("has:fish", "is:", "from:"))),
        ("to:ada https://x", SearchQuery(("to:ada", "https://x"))),
        ("-x OR (y AND NOT z)", SearchQuery(("-x", "OR", "(y", "AND", "NOT", "z)"))),
        ("", SearchQuery()),
        ("  \n ", SearchQuery()),
    ],
)
def test_a_query_is_understood(typed: str, understood: SearchQuery) -> None:
    assert read_query(typed, now_s=NOW_S) == understood


@given(
    st.text()
    | MIXED
    | st.lists(
        st.sampled_from(["from:", "in:", "before:", "after:", "has:", "is:", '"', "2h", "\0", " "])
        | st.text(max_size=5)
    ).map("".join)
)
def test_nothing_typed_is_an_error(typed: str) -> None:
    query = read_query(typed, now_s=NOW_S)
    command = query.command(limit=1)
    assert len(command.text) <= len(typed)
    again = read_query(command.text, now_s=NOW_S)
    assert again.words == query.words


@pytest.mark.parametrize("typed", ["x" * 1_000_000, '"' * 1_000_000, "from:a " * 150_000])
def test_a_megabyte_is_cut(typed: str) -> None:
    assert len(read_query(typed, now_s=NOW_S).command(limit=1).text) <= 2_000
