"""Damaged files, full disks and foreign hands: one sentence, the right exit code, nothing lost."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from loom.api.contact_commands import Connect
from loom.api.events import MessageDelivered
from loom.api.message_commands import SendText
from loom.api.profile_commands import Diagnose, Status
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles
from loom.config import Settings
from loom.model import Address
from loom.storage import maintenance, vault
from loom.storage.connection import Db, connect
from tests.e2e.processes import ALONE, ARGON2, LIMIT_S, PASSPHRASE, ROOT, Home, history

Damage = Callable[[Path], None]


def missing(file: str) -> Damage:
    return lambda folder: (folder / file).unlink()


def truncated(file: str, size: int) -> Damage:
    return lambda folder: os.truncate(folder / file, size)


def overwritten(file: str, at: int, data: bytes) -> Damage:
    def damage(folder: Path) -> None:
        with (folder / file).open("r+b") as opened:
            opened.seek(at)
            opened.write(data)

    return damage


def replaced(file: str, data: bytes) -> Damage:
    def damage(folder: Path) -> None:
        (folder / file).write_bytes(data)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(missing("vault.key"), id="no keyslot"),
        pytest.param(truncated("vault.key", 50), id="half a keyslot"),
        pytest.param(truncated("vault.key", 0), id="an empty keyslot"),
        pytest.param(overwritten("vault.key", 40, b"\0\1\2\3"), id="a changed keyslot"),
        pytest.param(overwritten("vault.key", 9, b"\xff\xff\xff\xff"), id="a costly keyslot"),
        pytest.param(replaced("vault.key", os.urandom(4_096)), id="a foreign keyslot"),
        pytest.param(missing("loom.db"), id="no database"),
        pytest.param(truncated("loom.db", 0), id="an empty database"),
        pytest.param(truncated("loom.db", 5_000), id="half a database"),
        pytest.param(overwritten("loom.db", 100, os.urandom(64)), id="a changed first page"),
        pytest.param(replaced("loom.db", os.urandom(8_192)), id="a foreign database"),
        pytest.param(replaced("loom.db", b"SQLite format 3\0" + bytes(8_176)), id="plain SQLite"),
    ],
)
def test_a_damaged_profile_says_so(home: Home, damage: Damage) -> None:
    damage(home.profile("alice"))
    for arguments in (("contacts",), ("daemon", "--background", *ALONE)):
        refused = home.run("-p", "alice", "--json", *arguments)
        assert (refused.code, refused.error["code"]) == (1, "profile_damaged")
        assert "backup" in refused.error["advice"]
        assert refused.stderr == ""
    checked = home.run("-p", "alice", "--json", "doctor")
    assert checked.code == 1
    assert any(not one["ok"] and one["advice"] for one in checked.objects)


@pytest.mark.long
@pytest.mark.parametrize("page", [2, 5, 9])
def test_a_page_that_went_bad_is_noticed(home: Home, page: int) -> None:
    for number in range(4):
        home.run("-p", "alice", "send", "Bob", f"{number} " + "z" * 3_000).ok()
    database = home.profile("alice") / "loom.db"
    assert database.stat().st_size > 4_096 * page
    overwritten("loom.db", 4_096 * page + 100, os.urandom(16))(database.parent)
    for arguments in (("contacts",), ("history", "Bob"), ("send", "Bob", "hi"), ("doctor",)):
        result = home.run("-p", "alice", "--json", *arguments)
        if arguments == ("doctor",):
            assert result.code == 1
            assert any(not one["ok"] for one in result.objects)
        elif result.code:
            assert (result.code, result.error["code"]) == (1, "profile_damaged")


def test_a_running_node_does_not_take_a_merged_index_for_damage(home: Home) -> None:
    with home.daemon("alice", *ALONE):
        home.run("-p", "alice", "send", "Bob", "hello").ok()
        home.run("-p", "alice", "search", "hello").ok()
        for number in range(1, 16):
            home.run("-p", "alice", "send", "Bob", f"message number {number}").ok()
        checked = home.run("-p", "alice", "doctor", "--json").ok()
    found = {one["name"]: one["found"] for one in checked.objects}
    assert found["database"] == "whole"


async def test_doctor_does_not_stop_delivery_on_a_new_link(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All reads shared one thread: a message waited half a minute for the check of a database."""
    checking, delivered = threading.Event(), threading.Event()
    check = maintenance.integrity

    def slow(db: Db) -> list[str]:
        checking.set()
        assert delivered.wait(LIMIT_S)
        return check(db)

    monkeypatch.setattr(maintenance, "integrity", slow)
    profiles = LocalProfiles(Settings(home=home.loom))
    alone = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False, serve=False)
    alice, bob = [await profiles.unlock(one, PASSPHRASE, alone) for one in ("alice", "bob")]
    try:
        doctors = [asyncio.create_task(alice.send(Diagnose())) for _ in range(5)]
        await asyncio.to_thread(checking.wait, LIMIT_S)
        port = (await bob.send(Status())).port
        await alice.send(Connect(contact="Bob", host="127.0.0.1", port=port))
        sent = await alice.send(SendText(contact="Bob", body="meanwhile"))
        async with asyncio.timeout(LIMIT_S):
            async for event in alice.events(after=0):
                if isinstance(event, MessageDelivered) and event.message_id == sent.message_id:
                    break
        delivered.set()
        for one in doctors:
            assert (await one).checks[0].ok
    finally:
        delivered.set()
        await alice.close()
        await bob.close()


def test_a_newer_database_is_refused_and_left_alone(home: Home) -> None:
    folder = home.profile("alice")
    key = vault.unlock(folder / "vault.key", PASSPHRASE)
    database = connect(folder / "loom.db", key.database_key())
    database.execute("PRAGMA user_version = 4711")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    before = (folder / "loom.db").read_bytes()
    refused = home.run("-p", "alice", "contacts", "--json")
    assert (refused.code, refused.error["code"]) == (1, "profile_too_new")
    assert "4711" in refused.error["message"]
    assert "Update" in refused.error["advice"]
    assert (folder / "loom.db").read_bytes() == before


def test_a_keyslot_change_that_broke_off_does_no_harm(home: Home) -> None:
    (home.profile("alice") / "vault.key.new").write_bytes(b"half of it")
    home.run("-p", "alice", "contacts").ok()
    new = home.folder / "new"
    new.write_text("a better one\n")
    home.run("-p", "alice", "passphrase", "change", "--new-passphrase-file", str(new)).ok()
    home.run("-p", "alice", "contacts", environment={"LOOM_PASSPHRASE_FILE": str(new)}).ok()


def test_a_creation_that_was_killed_leaves_room_for_another(empty: Home) -> None:
    started = empty.start("init", "--name", "Ada", "--show-phrase")
    with started.process:
        profiles = empty.loom / "profiles"
        while not (profiles.exists() and list(profiles.iterdir())):
            assert started.process.poll() is None
        started.end(signal.SIGKILL)
    listed = empty.run("profiles", "--json").ok().objects
    assert listed == [] or listed[0]["profile"] == "ada"
    if not listed:
        arguments = ("--show-phrase", "--argon2-memory-mib", "64")
        empty.run("init", "--name", "Ada", *arguments).ok()
        assert len(empty.run("profiles", "--json").ok().objects) == 1


def test_a_folder_that_cannot_be_written(home: Home) -> None:
    folder = home.profile("alice")
    folder.chmod(0o500)
    (folder / "loom.db").chmod(0o400)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("root writes to read-only folders too: needs a user who is not root")
        refused = home.run("-p", "alice", "--json", "send", "Bob", "hi")
        assert (refused.code, refused.error["code"]) == (1, "store_unavailable")
    finally:
        folder.chmod(0o700)


def test_a_home_that_is_no_folder(home: Home) -> None:
    for command in (("init", "--name", "Ada", "--show-phrase"), ("contacts",), ("profiles",)):
        refused = home.run("--home", str(home.passphrase), "--json", *command)
        assert refused.code in (1, 4), refused
        assert refused.error["code"] in ("store_unavailable", "no_profile"), refused


def test_a_wrong_passphrase_is_not_a_damaged_file(home: Home) -> None:
    for data in (b"nonsense", PASSPHRASE.upper().encode(), b"\xff\xfe", b"", b"x" * 5_000):
        wrong = home.folder / "wrong"
        wrong.write_bytes(data)
        refused = home.run("-p", "alice", "--json", "--passphrase-file", str(wrong), "contacts")
        assert refused.code == (2 if data in (b"\xff\xfe", b"", b"x" * 5_000) else 3), refused
    nowhere = home.run("-p", "alice", "--json", "--passphrase-file", "/nowhere", "contacts")
    assert (nowhere.code, nowhere.error["code"]) == (2, "invalid_input")


@pytest.mark.parametrize("newline", ["\n", "\r\n", ""])
def test_only_one_final_newline_of_a_passphrase_is_dropped(home: Home, newline: str) -> None:
    home.passphrase.write_bytes((PASSPHRASE + newline).encode())
    assert home.run("-p", "alice", "contacts").code == 0
    home.passphrase.write_bytes((PASSPHRASE + "\n\n").encode())
    assert home.run("-p", "alice", "contacts").code == 3


def test_without_a_network_to_look_in_the_rest_works(home: Home) -> None:
    pinned = ("--listen", "127.0.0.1:0", "--mdns-interface", "192.0.2.1")
    with home.daemon("alice", *pinned) as alice:
        warned = alice.until("warning")
        assert warned["code"] == "discovery_unavailable"
        status = home.run("-p", "alice", "status", "--json").ok().objects[0]
        assert status["mdns"] == "failed"
        checked = home.run("-p", "alice", "doctor", "--json")
        assert checked.code == 1
        assert [one["name"] for one in checked.objects if not one["ok"]] == ["discovery"]
        home.run("-p", "bob", "connect", "Alice", f"127.0.0.1:{alice.port}").ok()
        home.run("-p", "bob", "send", "Alice", "by hand", "--wait", "60").ok()


# --- a full disk ------------------------------------------------------------------------------

MOUNT = """
set -eu
mount -t tmpfs -o size=3m,mode=700 tmpfs "$2"
cp -a "$1"/. "$2"
echo ready
exec cat
"""


class SmallDisk:
    """A home on a disk of 3 MiB that only its own commands see."""

    def __init__(self, home: Home, holder: int) -> None:
        self.home = home
        self._filler = Path(f"/proc/{holder}").joinpath("root", *home.folder.parts[1:], "filler")

    def fill(self) -> None:
        """Leave not a byte."""
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def leave(self, size: int) -> None:
        """Leave so many bytes."""
        self.fill()
        os.truncate(self._filler, self._filler.stat().st_size - size)

    def write_protect(self) -> None:
        """Even root cannot write now."""
        mount = [*self.home.prefix, "mount", "-o", "remount,ro", str(self.home.folder)]
        subprocess.run(mount, check=True, timeout=LIMIT_S)

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink()


@pytest.fixture
def small(home: Home) -> Iterator[SmallDisk]:
    """A copy of `home` on a tmpfs in a mount namespace of its own."""
    folder = home.folder.parent / "small"
    folder.mkdir()
    user = [] if os.geteuid() == 0 else ["--user"]
    unshare = ["unshare", "--mount", *user, *(["--map-root-user"] if user else [])]
    try:
        holder = subprocess.Popen(
            [*unshare, "sh", "-c", MOUNT, "-", home.folder, folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        pytest.skip("no small disk: unshare (util-linux, Linux only) is missing")
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            if holder.stdout.readline() != b"ready\n":
                pytest.skip("no small disk: this user may not mount one in a private namespace")
            enter = ["nsenter", f"--target={holder.pid}", "--mount", f"--wd={ROOT}"]
            yield SmallDisk(Home(folder, [*enter, *user, "--"]), holder.pid)
        finally:
            holder.stdin.close()


def test_on_a_full_disk_nothing_is_stored_and_nothing_is_lost(small: SmallDisk) -> None:
    home = small.home
    home.run("-p", "alice", "send", "Bob", "before").ok()
    small.fill()
    for command in (("send", "Bob", "too much"), ("daemon", *ALONE)):
        refused = home.run("-p", "alice", "--json", *command)
        assert (refused.code, refused.error["code"]) == (1, "disk_full"), refused
        assert "Free some space" in refused.error["advice"]
    refused = home.run("--json", "init", "--name", "Zoe", "--show-phrase", *ARGON2)
    assert (refused.code, refused.error["code"]) == (1, "disk_full")
    new = home.folder / "passphrase"
    change = ("passphrase", "change", "--new-passphrase-file", str(new))
    refused = home.run("-p", "alice", "--json", *change)
    assert (refused.code, refused.error["code"]) == (1, "disk_full")
    small.free()
    assert [one["profile"] for one in home.run("profiles", "--json").ok().objects] == [
        "alice", "bob", "eve",
    ]  # fmt: skip
    home.run("-p", "alice", "send", "Bob", "after").ok()
    assert [one["body"] for one in history(home, "alice", "Bob")] == ["before", "after"]


def test_a_disk_that_fills_up_under_a_backup(small: SmallDisk, tmp_path: Path) -> None:
    """The earlier backup stays, and no half of a profile does."""
    home, kept = small.home, small.home.folder / "kept.loom"
    secret, file = tmp_path / "secret", tmp_path / "alice.loom"
    secret.write_text("a passphrase of the backup\n")
    given = ("--backup-passphrase-file", str(secret))
    for place in (file, kept):
        home.run("-p", "alice", "backup", "create", str(place), *given).ok()
    small.leave(120_000)
    refused = home.run("-p", "alice", "--json", "backup", "create", str(kept), *given)
    assert (refused.code, refused.error["code"]) == (1, "disk_full"), refused
    restore = ("backup", "restore", str(file), "--name", "New", *given)
    refused = home.run("--json", *restore, *ARGON2)
    assert (refused.code, refused.error["code"]) == (1, "disk_full"), refused
    verified = home.run("backup", "verify", str(kept), *given, "--json").ok().objects[0]
    assert verified["lost"] == []
    left = [*home.prefix, "ls", "-A", str(home.loom / "profiles"), str(home.folder)]
    shown = subprocess.run(left, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    assert ".new." not in shown.stdout
    assert ".loom-" not in shown.stdout


@pytest.mark.long
def test_a_disk_that_cannot_be_written(small: SmallDisk) -> None:
    small.write_protect()
    for command in (
        ("-p", "alice", "contacts"),
        ("-p", "alice", "send", "Bob", "hi"),
        ("-p", "alice", "daemon", *ALONE),
        ("init", "--name", "Zoe", "--show-phrase", *ARGON2),
    ):
        refused = small.home.run("--json", *command)
        assert (refused.code, refused.error["code"]) == (1, "store_unavailable"), refused
        assert "can be written" in refused.error["advice"]


def test_a_node_outlives_a_full_disk(home: Home, small: SmallDisk) -> None:
    with small.home.daemon("alice", *ALONE) as alice:
        home.run("-p", "bob", "connect", "Alice", f"127.0.0.1:{alice.port}").ok()
        home.run("-p", "bob", "send", "Alice", "before", "--wait", "60").ok()
        small.fill()
        late = home.run("-p", "bob", "send", "Alice", "while full", "--wait", "4", "--json")
        assert (late.code, late.error["code"]) == (5, "not_delivered")
        refused = small.home.run("-p", "alice", "--json", "send", "Bob", "too much")
        assert (refused.code, refused.error["code"]) == (1, "disk_full"), refused
        small.home.run("-p", "alice", "status").ok()
        small.free()
        home.run("-p", "bob", "send", "Alice", "after", "--wait", "60").ok()
        kept = [one["body"] for one in history(small.home, "alice", "Bob")]
        assert kept == ["before", "while full", "after"]
        assert alice.end() == 0
