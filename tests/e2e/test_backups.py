"""A profile lost with its machine, and made again from a backup: nothing lost, nothing twice."""

import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import ALONE, ARGON2, ROOT, Home, history, introduce, new_profile


def said(home: Home, profile: str, contact: str) -> list[tuple[str, str]]:
    """Direction and text of what somebody sees."""
    return [(one["direction"], one["body"]) for one in history(home, profile, contact)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Path]:
    """Alice and Bob, who know each other; and the file with Alice's words."""
    home = Home(tmp_path_factory.mktemp("made") / "h")
    words = home.folder / "words"
    words.write_text(new_profile(home, "Alice"))
    new_profile(home, "Bob")
    introduce(home, "alice", "bob")
    return home, words


@pytest.fixture
def home(made: tuple[Home, Path], tmp_path: Path) -> Home:
    return made[0].copy(tmp_path / "h")


@pytest.fixture
def words(made: tuple[Home, Path]) -> str:
    return str(made[1])


def restored(backup: Path, words: str, folder: Path) -> tuple[Home, dict[str, Any]]:
    """Alice's profile on another machine, and what the command said."""
    there = Home(folder)
    arguments = ("backup", "restore", str(backup), "--name", "Alice", "--phrase-file", words)
    [view] = there.run(*arguments, *ARGON2, "--json").ok().objects
    return there, view


def test_the_talk_goes_on_from_a_backup_and_nothing_is_shown_twice(
    home: Home, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "alice.loom"
    with home.daemon("bob", *ALONE) as bob:
        address = f"127.0.0.1:{bob.port}"
        with home.daemon("alice", *ALONE):
            home.run("-p", "alice", "connect", "bob", address).ok()
            home.run("-p", "alice", "send", "bob", "hello", "--wait", "30").ok()
            home.run("-p", "bob", "send", "alice", "hi", "--wait", "30").ok()
        # Queued while nobody can hear it; the backup is made meanwhile.
        home.run("-p", "alice", "send", "bob", "this one waits").ok()
        home.run("-p", "alice", "backup", "create", str(file)).ok()
        with home.daemon("alice", *ALONE):
            home.run("-p", "alice", "connect", "bob", address).ok()
            home.run("-p", "alice", "send", "bob", "said after the backup", "--wait", "30").ok()
        there, view = restored(file, words, tmp_path / "new")
        assert (view["unsent"], view["lost"], view["backup"]["messages"]) == (1, [], 3)
        with there.daemon("alice", *ALONE) as alice:
            there.run("-p", "alice", "connect", "bob", address).ok()
            there.run("-p", "alice", "send", "bob", "from the new machine", "--wait", "60").ok()
            assert there.run("-p", "alice", "unsent", "list", "--json").ok().objects[0] == {
                "v": 1,
                "type": "unsent",
                "contact": "Bob",
                "contact_id": 1,
                "messages": 1,
            }
            there.run("-p", "alice", "unsent", "send").ok()
            there.run("-p", "alice", "send", "bob", "the last", "--wait", "60").ok()
            home.run("-p", "bob", "send", "alice", "welcome back", "--wait", "60").ok()
            assert said(there, "alice", "bob")[:3] == [
                ("out", "hello"),
                ("in", "hi"),
                ("out", "this one waits"),
            ]
            assert "Traceback" not in alice.stderr
        assert said(home, "bob", "alice") == [
            ("in", "hello"),
            ("out", "hi"),
            ("in", "this one waits"),
            ("in", "said after the backup"),
            ("in", "from the new machine"),
            ("in", "the last"),
            ("out", "welcome back"),
        ]


def test_dropped_texts_are_failed_and_never_leave(home: Home, words: str, tmp_path: Path) -> None:
    file = tmp_path / "alice.loom"
    home.run("-p", "alice", "send", "bob", "too late").ok()
    home.run("-p", "alice", "backup", "create", str(file)).ok()
    there, _ = restored(file, words, tmp_path / "new")
    there.run("-p", "alice", "unsent", "drop", "bob").ok()
    [one] = history(there, "alice", "bob")
    assert (one["body"], one["state"]) == ("too late", "failed")
    assert there.run("-p", "alice", "unsent", "list", "--json").ok().objects == []


def test_what_opens_it_and_what_does_not(home: Home, words: str, tmp_path: Path) -> None:
    by_words, by_passphrase = tmp_path / "w.loom", tmp_path / "p.loom"
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_text("a passphrase of the backup\n")
    wrong.write_text("another passphrase here\n")
    home.run("-p", "alice", "backup", "create", str(by_words)).ok()
    given = ("--backup-passphrase-file", str(secret))
    home.run("-p", "alice", "backup", "create", str(by_passphrase), *given).ok()
    assert by_words.stat().st_mode & 0o777 == 0o600
    verify = ("backup", "verify", "--json")
    assert home.run(*verify, str(by_words), "--phrase-file", words).ok().objects[0]["lost"] == []
    opened = home.run(*verify, str(by_passphrase), *given).ok().objects[0]
    assert opened["backup"]["opens_with"] == "passphrase"
    refused = home.run(*verify, str(by_passphrase), "--backup-passphrase-file", str(wrong))
    assert refused.error["code"] == "wrong_backup_passphrase"
    others = tmp_path / "others"
    others.write_text(new_profile(home, "Eve"))
    refused = home.run(*verify, str(by_words), "--phrase-file", str(others))
    assert (refused.error["code"], refused.code) == ("wrong_phrase", 3)
    assert home.run(*verify, words, "--phrase-file", words).error["code"] == "backup_damaged"
    os.mkfifo(tmp_path / "pipe")
    refused = home.run(*verify, str(tmp_path / "pipe"), "--phrase-file", words)
    assert "no regular file" in refused.error["message"]


def test_verifying_what_lost_some_history_fails(home: Home, words: str, tmp_path: Path) -> None:
    file = tmp_path / "w.loom"
    for _ in range(10):
        home.run("-p", "alice", "send", "bob", "-", stdin=secrets.token_hex(8_000)).ok()
    home.run("-p", "alice", "backup", "create", str(file)).ok()
    data = bytearray(file.read_bytes())
    data[-70_000] ^= 1
    file.write_bytes(data)
    damaged = home.run("backup", "verify", "--json", str(file), "--phrase-file", words)
    assert (damaged.code, bool(damaged.objects[0]["lost"])) == (1, True)


def test_a_damaged_backup_makes_no_profile(home: Home, words: str, tmp_path: Path) -> None:
    file = tmp_path / "alice.loom"
    home.run("-p", "alice", "backup", "create", str(file)).ok()
    data = bytearray(file.read_bytes())
    data[70_000] ^= 1
    file.write_bytes(data)
    there = Home(tmp_path / "new")
    arguments = ("backup", "restore", str(file), "--name", "Alice", "--phrase-file", words)
    refused = there.run(*arguments, *ARGON2, "--json")
    assert refused.error["code"] == "backup_damaged"
    assert there.run("profiles", "--json").ok().objects == []


def dying(home: Home, step: str) -> Home:
    """The same machine, whose next command is killed at a step."""
    return Home(home.folder, (sys.executable, str(ROOT / "tests" / "e2e" / "dying.py"), step))


@pytest.mark.parametrize(
    "step",
    [
        "loom.storage.vault:create:after:1",
        "loom.storage.backup:fill:after:1",
        "loom.storage.backup:build:after:1",
        "loom.storage.backup:settle:before:1",
        "loom.storage.database:Database.close:after:1",
        "pathlib:Path.rename:before:1",
        "pathlib:Path.rename:after:1",
    ],
)
def test_killed_while_restoring_there_is_no_profile_or_a_whole_one(
    home: Home, words: str, tmp_path: Path, step: str
) -> None:
    file = tmp_path / "alice.loom"
    home.run("-p", "alice", "backup", "create", str(file)).ok()
    there = Home(tmp_path / "new")
    arguments = ("backup", "restore", str(file), "--name", "Alice", "--phrase-file", words)
    assert dying(there, step).run(*arguments, *ARGON2).code == -signal.SIGKILL
    if there.run("profiles", "--json").ok().objects:
        assert "rename:after" in step
    else:
        there.run(*arguments, *ARGON2).ok()
    there.run("-p", "alice", "contacts", "list").ok()
    assert [one.name for one in (there.loom / "profiles").iterdir()] == ["alice"]


@pytest.mark.parametrize(
    "step",
    [
        "loom.storage.backup_file:FileKey.seal:before:1",
        "loom.storage.backup_file:FileKey.seal:after:2",
        "loom.storage.backup:write:after:1",
        "loom.storage.backups:made:before:1",
    ],
)
def test_killed_while_a_backup_is_made_the_earlier_one_is_whole(
    home: Home, words: str, tmp_path: Path, step: str
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    create = ("-p", "alice", "backup", "create", str(folder / "alice.loom"))
    verify = ("backup", "verify", str(folder / "alice.loom"), "--phrase-file", words, "--json")
    home.run(*create).ok()
    assert dying(home, step).run(*create).code == -signal.SIGKILL
    assert home.run(*verify).ok().objects[0]["lost"] == []
    home.run(*create).ok()
    assert home.run(*verify).ok().objects[0]["lost"] == []
    assert [one.name for one in folder.iterdir()] == ["alice.loom"]


def test_the_daemon_makes_one_every_day_and_keeps_the_newest(
    home: Home, words: str, tmp_path: Path
) -> None:
    folder = tmp_path / "daily"
    folder.mkdir()
    (folder / "other.loom").write_text("not mine")
    with home.daemon("alice", *ALONE):
        asked = home.run("-p", "alice", "backup", "schedule", str(folder), "--keep", "2", "--json")
        assert asked.ok().objects[0]["keep"] == 2
        while not (found := list(folder.glob("loom-backup-*"))):
            pass
        [file] = found
        verify = ("backup", "verify", str(file), "--phrase-file", words, "--json")
        assert home.run(*verify).ok().objects[0]["backup"]["name"] == "Alice"
        off = home.run("-p", "alice", "backup", "schedule", "--off", "--json").ok().objects[0]
        assert (off["folder"], off["last_ms"] is not None) == ("", True)
    assert (folder / "other.loom").read_text() == "not mine"
