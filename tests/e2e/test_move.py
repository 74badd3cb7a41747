"""A profile that moves to another machine: it runs on one of them, whatever is killed."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from loom.storage import moving, vault
from loom.storage.connection import Db, connect
from tests.e2e.processes import (
    ALONE,
    ARGON2,
    LIMIT_S,
    PASSPHRASE,
    ROOT,
    Home,
    Running,
    history,
    introduce,
    new_profile,
)

T = TypeVar("T")
COMMIT = "loom.storage.database:Database.write_now"
PLACE = "loom.app.moving:_Place"
SEND = ("-p", "alice", "move", "send")
OLD_STEPS = {
    "writing": "loom.storage.backup_file:FileKey.seal:after:1",
    "agreed": f"{COMMIT}:before:1",
    "written": f"{COMMIT}:after:1",
    "in the middle": "loom.core.move_link:MoveLink.send:after:1",
    "ready there": f"{COMMIT}:before:2",
    "closed": f"{COMMIT}:after:2",
    "opened there": f"{COMMIT}:before:3",
    "noted": f"{COMMIT}:after:3",
}
NEW_STEPS = {
    "agreed": f"{PLACE}.keep:before:1",
    "kept": f"{PLACE}.keep:after:1",
    "in the middle": "loom.core.move_link:MoveLink.have:before:1",
    "come": f"{PLACE}.build:before:1",
    "built": f"{PLACE}.keep:before:2",
    "ready": f"{PLACE}.keep:after:2",
    "closed there": f"{PLACE}.open_:before:1",
    "in its place": "pathlib:Path.rename:after:1",
    "opened": f"{PLACE}.open_:after:1",
    "leaving": f"{PLACE}.leave:before:1",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Alice and Bob, who have said something."""
    home = Home(tmp_path_factory.mktemp("made") / "h")
    new_profile(home, "Alice")
    new_profile(home, "Bob")
    introduce(home, "alice", "bob")
    home.run("-p", "alice", "send", "bob", "this one waits").ok()
    return home


@pytest.fixture
def old(made: Home, tmp_path: Path) -> Home:
    return made.copy(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Home:
    return Home(tmp_path / "new")


def dying(home: Home, step: str) -> Home:
    """The same machine, whose next command is killed at a step."""
    prefix = (sys.executable, str(ROOT / "tests" / "e2e" / "dying.py"), step) if step else ()
    return Home(home.folder, prefix)


@contextmanager
def both(
    old: Home, new: Home, sending: tuple[str, ...] = (), receiving: tuple[str, ...] = ()
) -> Iterator[tuple[Running, Running]]:
    """Both commands, the new machine dialling."""
    with ExitStack() as stack:
        send = (*SEND, "--listen", "127.0.0.1:0", "--json", *sending)
        one = stack.enter_context(old.running(*send, typed=True))
        [address] = one.until("move.listening")["addresses"]
        receive = ("move", "receive", address, "--name", "Alice", "--json", *ARGON2, *receiving)
        yield one, stack.enter_context(new.running(*receive, typed=True))


def agree(*ends: Running) -> None:
    """Both screens show the same words, and both people say so."""
    words = [one.until("move.words")["words"] for one in ends]
    assert words[0] == words[1]
    assert len(words[0]) == 3
    for one in ends:
        one.type("same")


def last(one: Running) -> dict[str, Any]:
    """The last line of a command that comes to its end."""
    said: dict[str, Any] = {}
    while line := one.line():
        said = json.loads(line)
    one.process.wait(LIMIT_S)
    return said


def look(home: Home, work: Callable[[Db], T]) -> T:
    """Into the database of Alice's profile there."""
    folder = home.profile("alice")
    key = vault.unlock(folder / "vault.key", PASSPHRASE)
    db = connect(folder / "loom.db", key.database_key())
    try:
        return work(db)
    finally:
        db.close()


def move_of(home: Home) -> moving.Move | None:
    """What the old machine's profile knows."""
    return look(home, moving.load)


def texts(db: Db) -> list[str]:
    """All of them."""
    return [body for (body,) in db.execute("SELECT body FROM messages ORDER BY row_id")]


def is_begun(home: Home) -> bool:
    """Whether the new machine has agreed on a key."""
    return (home.loom / "profiles" / ".alice.move" / "state").exists()


def runs_on_one(old: Home, new: Home) -> bool:
    """Whether the new machine has it, which it may only where the old one is closed."""
    move = move_of(old)
    is_closed = move is not None and move.is_closed
    is_there = new.profile("alice").exists()
    assert is_closed or not is_there
    return is_there


def check_moved(old: Home, new: Home) -> None:
    """It runs there, and never here."""
    assert runs_on_one(old, new)
    assert look(new, texts) == ["this one waits"]
    assert look(new, moving.load) is None
    assert not (new.loom / "profiles" / ".alice.move" / "move.loom").exists()
    assert not (old.profile("alice") / "move.loom").exists()
    assert not list(old.profile("alice").glob(".loom-*"))


def test_the_talk_goes_on_from_the_new_machine(old: Home, new: Home) -> None:
    with both(old, new) as (one, other):
        agree(one, other)
        received, sent = last(other), last(one)
    assert (sent["type"], sent["profile"]) == ("move.sent", "alice")
    assert (received["type"], received["backup"]["contacts"]) == ("move.received", 1)
    check_moved(old, new)
    refused = old.run("-p", "alice", "contacts", "list", "--json")
    assert refused.error["code"] == "profile_moved"
    with old.daemon("bob", *ALONE) as bob, new.daemon("alice", *ALONE):
        new.run("-p", "alice", "connect", "bob", f"127.0.0.1:{bob.port}").ok()
        new.run("-p", "alice", "send", "bob", "from here", "--wait", "60").ok()
        said = [each["body"] for each in history(old, "bob", "alice")]
    assert said == ["this one waits", "from here"]
    old.run("-p", "alice", "move", "wipe", "--yes").ok()
    assert not old.profile("alice").exists()


@pytest.mark.parametrize(
    ("end", "step"),
    [
        *(pytest.param("old", one, marks=pytest.mark.long) for one in list(OLD_STEPS)[::2]),
        *(("old", one) for one in list(OLD_STEPS)[1::2]),
        *(("new", one) for one in list(NEW_STEPS)[::2]),
        *(pytest.param("new", one, marks=pytest.mark.long) for one in list(NEW_STEPS)[1::2]),
    ],
)
def test_killed_at_any_step_it_runs_on_one_machine_in_the_end(
    old: Home, new: Home, end: str, step: str
) -> None:
    first = dying(old, OLD_STEPS[step]) if end == "old" else old
    second = dying(new, NEW_STEPS[step]) if end == "new" else new
    with both(first, second) as (one, other):
        agree(one, other)
        victim, survivor = (one, other) if end == "old" else (other, one)
        assert victim.process.wait(LIMIT_S) == -signal.SIGKILL
        survivor.process.terminate()  # unless it knows already that it is done
        survivor.process.wait(LIMIT_S)
    runs_on_one(old, new)
    move, begun = move_of(old), is_begun(new)
    is_over = move is not None and move.is_opened
    if is_over:
        # The old one knows already that the other runs, and does not wait for it.
        assert old.run(*SEND, "--json").ok().objects[-1]["type"] == "move.sent"
        if begun:
            receive = ("move", "receive", "127.0.0.1:9", "--name", "Alice", "--json")
            assert new.run(*receive).ok().objects[-1]["is_told"] is False
        check_moved(old, new)
        return
    # Only one of them keeps a key when the other one was killed before it did.
    sending = ("--start-over",) if move is not None and not begun else ()
    receiving = ("--start-over",) if move is None and begun else ()
    with both(old, new, sending, receiving) as (one, other):
        if move is None or not begun:
            agree(one, other)
        assert last(other)["type"] == "move.received"
        assert last(one)["type"] == "move.sent"
    check_moved(old, new)


def test_different_words_move_nothing(old: Home, new: Home) -> None:
    with both(old, new) as (one, other):
        for each in (one, other):
            each.until("move.words")
        one.type("different")
        assert last(one)["code"] == "words_differ"
        assert last(other)["code"] == "words_differ"
    assert move_of(old) is None
    assert not new.profile("alice").exists()
    old.run("-p", "alice", "contacts", "list").ok()


def test_a_profile_that_is_used_again_stays(old: Home, new: Home) -> None:
    with both(dying(old, OLD_STEPS["ready there"]), new) as (one, other):
        agree(one, other)
        one.process.wait(LIMIT_S)
        other.end()
    old.run("-p", "alice", "send", "bob", "still here").ok()
    assert move_of(old) is None
    assert not (old.profile("alice") / "move.loom").exists()
    assert not list(old.profile("alice").glob(".loom-*"))
    refused = new.run("-p", "alice", "contacts", "list", "--json")
    assert refused.error["code"] == "profile_not_found"
    with both(old, new, (), ("--start-over",)) as (one, other):
        agree(one, other)
        assert (last(other)["type"], last(one)["type"]) == ("move.received", "move.sent")
    assert runs_on_one(old, new)
    assert look(new, texts) == ["this one waits", "still here"]


def test_what_was_not_moved_is_not_wiped(old: Home) -> None:
    refused = old.run("-p", "alice", "move", "wipe", "--yes", "--json")
    assert refused.error["code"] == "move_unfinished"
    old.run("-p", "alice", "contacts", "list").ok()
