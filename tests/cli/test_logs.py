"""The log says what happened and where, never with what values, whoever writes it."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from loom.api.events import NodeStopped
from loom.cli import log_file, logs

SECRET = "what somebody wrote"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The loudest log there is; afterwards no handler of it is left."""
    path = tmp_path / "state" / "loom.log"
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.start(path, 2)
    yield path
    for handler in [one for one in root.handlers if one not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.getLogger("loom").setLevel(logging.NOTSET)


def test_an_exception_is_its_type_and_place(log: Path) -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError:
        logging.getLogger("loom.node").exception("a command failed")
    written = log.read_text()
    assert "a command failed" in written
    assert "ValueError at " in written
    assert "KeyError at " in written
    assert SECRET not in written


async def _ignored(loop: asyncio.AbstractEventLoop) -> None:
    """An error that nobody looks at, and a callback that fails: asyncio shows both whole."""

    def refuse(event: NodeStopped) -> None:
        raise ValueError(event.reason)

    async def fail() -> None:
        raise ValueError(SECRET)

    task = loop.create_task(fail())
    loop.call_soon(refuse, NodeStopped(reason=SECRET))
    await asyncio.wait([task])
    del task


def test_what_asyncio_says_of_a_failure_shows_no_value(log: Path) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_ignored(loop))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    written = log.read_text()
    assert "Task exception was never retrieved" in written
    assert written.count("ValueError at ") == 2
    assert SECRET not in written


def test_what_a_library_says_shows_no_value(log: Path) -> None:
    logging.getLogger("textual").warning("Cannot read %r", SECRET)
    logging.getLogger("textual").warning("Cannot read '%s'" % SECRET)  # noqa: UP031, G002
    assert "Cannot read" in log.read_text()
    assert SECRET not in log.read_text()


def test_the_same_holds_for_the_error_that_ends_a_command(tmp_path: Path) -> None:
    path = tmp_path / "state" / "loom.log"
    assert log_file.record(ValueError(SECRET), path)
    assert "ValueError at " in path.read_text()
    assert SECRET not in path.read_text()
