"""The index against a slow search in Python, and against what is edited and deleted under it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Direction
from loom.search_words import fold, hits, terms, typed_words
from loom.storage import messages, search, text_index
from tests.new_database import KEY
from tests.scripts import MIXED
from tests.storage.conftest import OpenDatabase
from tests.storage.given import check_search, find, index_all, mid, say
from tests.storage.pages import decrypted
from tests.unit.test_search_words import FOUND, NOT_FOUND

ADA = ConversationId(1)


@contextmanager
def _holding(db: Connection, texts: list[str]) -> Iterator[None]:
    db.execute("BEGIN")
    for number, text in enumerate(texts, 1):
        say(db, number, text)
    try:
        yield
        check_search(db)
    finally:
        db.execute("ROLLBACK")


def _kind(letter: str) -> str:
    code = ord(letter)
    if letter.isascii():
        return "word" if letter.isalnum() else ""
    sparse = (
        (0xE00, 0xEFF),
        (0x1000, 0x109F),
        (0x1780, 0x17FF),
        (0xA980, 0xA9FF),
        (0xAA60, 0xAA7F),
    )
    if any(first <= code <= last for first, last in sparse):
        return "sparse"
    dense = (
        *((0x1100, 0x11FF), (0x2600, 0x2BFF), (0x2E80, 0xA4CF), (0xA960, 0xA97F)),
        *((0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x1AFF0, 0x1B16F), (0x1F000, 0x1FAFF)),
        (0x20000, 0x3FFFF),
    )
    return "dense" if any(first <= code <= last for first, last in dense) else "word"


def _pieces(text: str) -> list[tuple[str, str]]:
    pieces: list[tuple[str, str]] = []
    before = ""
    for letter in fold(text):
        kind = _kind(letter)
        if kind and kind == before:
            pieces[-1] = kind, pieces[-1][1] + letter
        elif kind:
            pieces.append((kind, letter))
        before = kind
    return pieces


def _holds(text: str, wanted: list[tuple[str, str]], is_exact: bool) -> bool:
    """Whether the pieces follow each other somewhere in the text."""
    pieces = _pieces(text)

    def fits(place: int, at: int) -> bool:
        (kind, said), (wanted_kind, piece) = pieces[place], wanted[at]
        is_last = at == len(wanted) - 1
        if kind != wanted_kind:
            return False
        if kind == "word":
            return said == piece or (is_last and not is_exact and said.startswith(piece))
        if len(wanted) == 1:
            return piece in said
        if at == 0:
            return said.endswith(piece)
        return said.startswith(piece) if is_last else said == piece

    return any(
        all(fits(start + at, at) for at in range(len(wanted)))
        for start in range(len(pieces) - len(wanted) + 1)
    )


@given(texts=st.lists(MIXED, min_size=1, max_size=8), word=MIXED, cut=st.slices(8))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_index_finds_what_a_slow_search_finds(
    db: Connection, texts: list[str], word: str, cut: slice
) -> None:
    queries = [word, texts[0][cut]]
    with _holding(db, texts):
        for query in queries:
            wanted = [_pieces(one) for one in query.replace('"', " ").split()]
            wanted = [one for one in wanted if one]
            for is_exact in (False, True):
                typed = [one for one in query.replace('"', " ").split() if _pieces(one)]
                asked = " ".join(f'"{one}"' if is_exact else one for one in typed)
                expected = {
                    number
                    for number, text in enumerate(texts, 1)
                    if wanted and all(_holds(text, one, is_exact) for one in wanted)
                }
                found = {int.from_bytes(one.message_id) for one in find(db, asked)}
                assert found == expected
                marked = {
                    number
                    for number, text in enumerate(texts, 1)
                    if wanted and all(hits(text, [one]) for one in typed_words(asked) if terms(one))
                }
                assert marked == expected


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["say", "edit", "delete", "index"]), st.integers(0, 5), MIXED),
        max_size=12,
    )
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_index_follows_what_is_said_edited_and_deleted(
    db: Connection, steps: list[tuple[str, int, str]]
) -> None:
    with _holding(db, ["first 東京", "กรุงเทพ second"]):
        number = 2
        for what, which, text in steps:
            match what:
                case "say":
                    number += 1
                    say(db, number, text)
                case "edit":
                    db.execute(
                        "UPDATE messages SET body = ? WHERE message_id = ?", (text, mid(which))
                    )
                case "delete":
                    messages.delete(db, ADA, [mid(which)])
                case "index":
                    search.index_new(db)


@given(query=st.text() | MIXED | st.text('"*()^:-+{}AND ORNEAR,\0'))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_is_an_error(db: Connection, query: str) -> None:
    with _holding(db, ["hello"]):
        find(db, query)
        for own in (None, False, True):
            search.search(db, query, ADA, own=own, has_link=True, since_ms=0, before_ms=9)


@pytest.mark.parametrize(("text", "query"), [(text, query) for text, query, _ in FOUND])
def test_the_index_finds(db: Connection, text: str, query: str) -> None:
    say(db, 1, text)
    say(db, 2, "unlike 其他 อื่น 다른")
    assert [one.body for one in find(db, query)] == [text]


@pytest.mark.parametrize(("text", "query"), NOT_FOUND)
def test_the_index_does_not_find(db: Connection, text: str, query: str) -> None:
    say(db, 1, text)
    assert find(db, query) == []


def test_what_was_written_by_whom_with_a_link_and_when(db: Connection) -> None:
    say(db, 1, "see https://example.org", sent_at_ms=1_000)
    say(db, 2, "see HTTP://example.org", sent_at_ms=2_000, direction=Direction.OUT)
    say(db, 3, "see me", sent_at_ms=3 * text_index.DAY_MS, direction=Direction.OUT)
    say(db, 4, "see", sent_at_ms=1_500)
    index_all(db)

    def numbers(text: str = "", **given: object) -> list[int]:
        found = search.search(db, text, **given)  # type: ignore[arg-type]
        return [int.from_bytes(one.message_id) for one in found]

    assert numbers("see", has_link=True) == [2, 1]
    assert numbers(has_link=True, own=True) == [2]
    assert numbers("see", own=True) == [3, 2]
    assert numbers("see", conversation_id=ADA, own=False) == [4, 1]
    assert numbers(conversation_id=ADA) == [4, 3, 2, 1]
    assert numbers("me", own=False) == numbers("link") == []
    assert numbers(since_ms=1_500) == [4, 3, 2]
    assert numbers("see", since_ms=1_500, before_ms=2_000) == [4]
    assert numbers(before_ms=1_000) == numbers("see", since_ms=4 * text_index.DAY_MS) == []
    assert numbers(own=True, since_ms=2_001, before_ms=3 * text_index.DAY_MS + 1) == [3]
    assert numbers() == numbers("!?", has_link=True) == []


@pytest.mark.parametrize("is_indexed", [True, False])
async def test_an_edited_text_is_found_by_its_new_words_alone(
    path: Path, open_database: OpenDatabase, is_indexed: bool
) -> None:
    before, after = "zanzibar 東京都 กรุงเทพ https://marzipan.example", "madrid 大阪府"

    def edit(db: Connection, number: int, body: str) -> None:
        db.execute("UPDATE messages SET body = ? WHERE message_id = ?", (body, mid(number)))

    database = open_database()
    for number in range(1, 4):
        text = before if number < 3 else "ordinary"
        await database.write(lambda db, n=number, text=text: say(db, n, text))  # type: ignore[misc]
    if is_indexed:
        await database.write(index_all)
    await database.write(lambda db: edit(db, 1, after))
    await database.write(lambda db: edit(db, 2, ""))  # as deleting for both does
    await database.write(check_search)

    async def numbers(text: str, **given: object) -> list[int]:
        found = await database.search(lambda db: search.search(db, text, **given))  # type: ignore[arg-type]
        return [int.from_bytes(one.message_id) for one in found]

    for text in ("zanzibar", "東京", "京都", "กรุง", "example"):
        assert await numbers(text) == []
    assert await numbers("", has_link=True) == []
    assert await numbers("大阪") == await numbers("madrid") == [1]
    assert await numbers("", conversation_id=ADA) == [3, 1]
    assert await database.checkpoint()
    gone = [word.encode() for word in ("zanzibar", "marzipan", "東京", "京都", "กรุ", "รุง", "เทพ")]
    pages = decrypted(path, KEY)
    assert not any(word in pages for word in gone)
    assert "大阪".encode() in pages

    await database.write(lambda db: messages.delete(db, ADA, [mid(1)]))
    await database.write(check_search)
    assert await database.checkpoint()
    pages = decrypted(path, KEY)
    assert not any(word.encode() in pages for word in ("大阪", "阪府", "madrid"))


async def test_an_index_made_by_other_rules_is_made_again(
    path: Path, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a new Python with a new Unicode: the old words could not be taken out any more."""
    database = open_database()
    await database.write(lambda db: [say(db, n, "zanzibar") for n in range(1, 3)])
    await database.write(index_all)
    database.close()
    monkeypatch.setattr(text_index, "VERSION", "another")
    monkeypatch.setattr(text_index, "SLICE", 1)
    database = open_database()
    assert await database.read(lambda db: search.search(db, "zanzibar")) == []
    assert len(await database.search(lambda db: search.search(db, "zanzibar"))) == 2
    await database.write(check_search)
    await database.write(lambda db: messages.delete_all(db, ADA))
    await database.write(check_search)
    database.close()
    assert b"zanzibar" not in decrypted(path, KEY)


async def test_what_is_deleted_before_an_outdated_index_is_dropped_is_gone_at_once(
    path: Path, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database()
    await database.write(lambda db: [say(db, 1, "zanzibar"), say(db, 2, "marzipan")])
    await database.write(index_all)
    database.close()
    monkeypatch.setattr(text_index, "VERSION", "another")
    database = open_database()
    assert not await database.read(search.is_complete)
    await database.write(lambda db: messages.delete(db, ADA, [mid(1)]))
    assert await database.checkpoint()
    assert b"zanzibar" not in decrypted(path, KEY)
    assert [one.body for one in await database.search(lambda db: search.search(db, "mar"))] == [
        "marzipan"
    ]
    assert await database.integrity() == []


async def test_an_index_that_was_dropped_is_made_again_beside_other_work(
    open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_index, "SLICE", 100)
    database = open_database()
    await database.write(lambda db: [say(db, n, "zanzibar") for n in range(1, 1_001)])
    while not await database.read(search.is_complete):
        # What follows a commit does a slice at a time, until nothing is due.
        await database.checkpoint()
        if not await database.read(search.is_due):
            break
    found = await database.read(lambda db: search.search(db, "zanzibar", limit=9_999))
    assert len(found) > 1_000 - text_index.INDEX_EVERY


async def test_long_texts_are_indexed_a_few_at_a_time(open_database: OpenDatabase) -> None:
    """A contact that floods with them must not make the receipts of others wait for its index."""
    database = open_database()
    await database.write(lambda db: [say(db, n, "zanzibar " * 1_000) for n in range(1, 181)])

    def found(db: Connection) -> int:
        return len(search.search(db, "zanzibar", limit=9_999))

    counts = [0]
    while not await database.write(search.index_new):
        counts.append(await database.read(found))
    counts.append(await database.read(found))
    assert counts[-1] == 180
    assert max(b - a for a, b in pairwise(counts)) <= text_index.SLICE_BYTES // 9_000 + 1
