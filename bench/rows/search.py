"""A history of a million messages: its search beside plain SQLite's, and the app in it."""

import asyncio
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.peers import large
from bench.processes import deadline_s

if TYPE_CHECKING:
    from bench.terminal import Terminal
    from loom.storage.connection import Db

PAGE = 100
QUIET_S = 0.2
OPEN_NEXT, OPEN_PREVIOUS = b"\x1b[1;3B", b"\x1b[1;3A"
SEARCH_HERE, CHOOSE, NEWEST = b"\x06", b"\r", b"\x1b[1;5F"
PLAIN_SEARCH = """
SELECT row_id, message_id, contact_id, direction, messages.body, sent_at_ms, stored_at_ms, state
    FROM messages_text CROSS JOIN messages ON messages.row_id = messages_text.rowid
    WHERE messages_text MATCH ?1 AND (?2 IS NULL OR contact_id = ?2)
    ORDER BY messages_text.rowid DESC LIMIT ?3
"""

_kept: list["TemporaryDirectory[str]"] = []
"""What is filled once for all rows; removed when the benchmark ends."""


def _folder() -> Path:
    _kept.append(TemporaryDirectory())
    return Path(_kept[-1].name)


@cache
def _home(settings: Settings) -> Path:
    home = _folder()
    large.fill(home, settings)
    return home


@cache
def _chinese_home(settings: Settings) -> Path:
    home = _folder()
    large.fill(home, settings, large.chinese_body)
    return home


@cache
def _plain(settings: Settings) -> Path:
    path = _folder() / "plain.db"
    large.fill_plain(path, settings)
    return path


def _mean(count: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


# --- one page of hits ---

_Home = Callable[[Settings], Path]
_Search = Callable[[str, int | None, _Home, Settings], AbstractContextManager[Sample]]


def _found(word: str, contact_id: int | None) -> "Callable[[Db], object]":
    from loom.model import ConversationId
    from loom.storage import search

    within = None if contact_id is None else ConversationId(contact_id)
    return lambda db: search.search(db, word, within, PAGE)


@contextmanager
def _search(word: str, contact_id: int | None, home: _Home, settings: Settings) -> Iterator[Sample]:
    """Seconds for the newest page of hits, in the thread that reads."""
    count = settings.amount(20, 2)
    with closing(large.open_store(home(settings))) as database:
        found = _found(word, contact_id)
        yield lambda: _mean(count, lambda: database.read_now(found))


@contextmanager
def _first_search(
    word: str, contact_id: int | None, home: _Home, settings: Settings
) -> Iterator[Sample]:
    """The same with a store that was opened for it, so that nothing is decrypted yet."""
    found = _found(word, contact_id)

    def sample() -> float:
        with closing(large.open_store(home(settings))) as database:
            return _mean(1, lambda: database.read_now(found))

    yield sample


@contextmanager
def _awaited_search(
    word: str, contact_id: int | None, home: _Home, settings: Settings
) -> Iterator[Sample]:
    """The same as a front end in this process has it: asked of the node, answered with views."""
    from bench.peers import loom_cli
    from loom.api.message_commands import Search
    from loom.app import open_profiles
    from loom.config import Settings as Where

    count = settings.amount(20, 2)
    within = None if contact_id is None else f"#{contact_id}"
    command = Search(text=word, contact=within, limit=PAGE)
    profiles = open_profiles(Where(home=home(settings)))
    with asyncio.Runner() as runner:
        client = runner.run(profiles.unlock(large.PROFILE, loom_cli.PASSPHRASE, loom_cli.OFFLINE))

        async def ask() -> float:
            start = time.perf_counter()
            for _ in range(count):
                await client.send(command)
            return (time.perf_counter() - start) / count

        try:
            yield lambda: runner.run(ask())
        finally:
            runner.run(client.close())


@contextmanager
def _plain_search(query: str, contact_id: int | None, settings: Settings) -> Iterator[Sample]:
    """The same rows, unencrypted, from a full-text index in one piece."""
    count = settings.amount(5, 2)
    with closing(sqlite3.connect(_plain(settings), isolation_level=None)) as db:
        given = (query, contact_id, PAGE)
        yield lambda: _mean(count, lambda: db.execute(PLAIN_SEARCH, given).fetchall())


def _row(name: str, figure: str, word: str, contact_id: int | None = None) -> Row:
    return Row(
        name,
        figure,
        Unit.SECONDS,
        (
            *_contenders(word, contact_id, _home),
            Contender("sqlite", partial(_plain_search, f'"{word}"*', contact_id)),
            Contender("sqlite, whole word", partial(_plain_search, f'"{word}"', contact_id)),
        ),
        (Target(at_most=0.05), Target("sqlite", at_most=2.5)),
    )


def _inside(name: str, figure: str, word: str) -> Row:
    contenders = _contenders(word, None, _chinese_home)
    return Row(name, figure, Unit.SECONDS, contenders, (Target(at_most=0.05),))


def _contenders(word: str, contact_id: int | None, home: _Home) -> tuple[Contender, ...]:
    return (
        Contender("loom", partial(_search, word, contact_id, home)),
        Contender("loom, just opened", partial(_first_search, word, contact_id, home)),
        Contender("loom, awaited", partial(_awaited_search, word, contact_id, home)),
    )


# --- the app ---


@contextmanager
def _app(settings: Settings) -> "Iterator[Terminal]":
    """The app on the big conversation, attached to a daemon."""
    from bench import terminal
    from bench.peers import loom_cli

    environment = loom_cli.environment(_home(settings))
    limit_s = deadline_s(2 * settings.rounds)
    with (
        loom_cli.daemon(environment, limit_s, "--no-mdns"),
        terminal.opened(loom_cli.LOOM, environment, limit_s) as screen,
    ):
        screen.until(_last_word(large.count(settings)))
        screen.until_quiet(QUIET_S)
        yield screen


def _last_word(number: int) -> bytes:
    return large.body(number).split()[-1].encode()


def _painted(screen: "Terminal", keys: bytes, *words: bytes) -> float:
    """Seconds from the keys to the frame with these words."""
    screen.until_quiet(QUIET_S, QUIET_S)
    start = time.perf_counter()
    screen.type(keys)
    return screen.until(*words) - start


@contextmanager
def open_conversation(settings: Settings) -> Iterator[Sample]:
    """Median seconds from the key to the conversation's newest messages."""
    newest, times = _last_word(large.count(settings)), settings.amount(5, 1)
    with _app(settings) as screen:

        def sample() -> float:
            screen.type(OPEN_NEXT)
            return _painted(screen, OPEN_PREVIOUS, newest)

        yield lambda: statistics.median(sample() for _ in range(times))


@contextmanager
def jump(settings: Settings) -> Iterator[Sample]:
    """Median seconds from Enter on a hit to the messages around it."""
    place, times = large.needle(settings), settings.amount(5, 1)
    words = _last_word(place - 1), large.NEEDLE.encode()
    with _app(settings) as screen:

        def sample() -> float:
            _painted(screen, NEWEST)
            screen.until_quiet(QUIET_S)
            _painted(screen, SEARCH_HERE + large.NEEDLE.encode(), b"in the middle")
            return _painted(screen, CHOOSE, *words)

        yield lambda: statistics.median(sample() for _ in range(times))


ROWS = (
    _row("search-common", "newest 100 hits of a common word", large.common_word()),
    _row("search-rare", "all hits of a rare word", large.rare_word()),
    _row(
        "search-one",
        "newest 100 hits of a common word in one of 500 conversations",
        large.common_word(),
        large.STREWN,
    ),
    _inside(
        "search-inside-common",
        "newest 100 hits of the commonest word of two letters in Chinese texts",
        large.chinese_common(),
    ),
    _inside(
        "search-inside-rare",
        "all hits of a rare word of two letters in Chinese texts",
        large.CHINESE_RARE,
    ),
    Row(
        "open-million",
        "from the key to the newest of 1,000,000 messages, painted",
        Unit.SECONDS,
        (Contender("loom", open_conversation),),
        (Target(at_most=0.1),),
    ),
    Row(
        "jump-million",
        "from a search hit to its place among 1,000,000, painted",
        Unit.SECONDS,
        (Contender("loom", jump),),
        (Target(at_most=0.1),),
    ),
)
