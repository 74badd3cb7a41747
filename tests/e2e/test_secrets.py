"""No secret where it does not belong: files, logs, arguments, environment, core files, processes.

A real pair of daemons under the loosest umask and the loudest log; then every byte of every file
that any of them left is looked at, also right after `kill -9`.
"""

import os
import re
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from loom.core.identity import IdentitySeeds
from loom.storage import settings, vault
from loom.storage.database import Database
from tests.e2e.conftest import Made
from tests.e2e.processes import ALONE, LIMIT_S, LOOPBACK, PASSPHRASE, ROOT, Home
from tests.memory import found_in_memory

LOOSE = ("sh", "-c", 'umask 000; ulimit -c "$(ulimit -Hc)"; exec "$@"', "sh")
TEXTS = ("quokka tangerine", "a marmalade tapir", "never sent pangolin")
NAME = "Zanzibaria"


@pytest.fixture
def loose(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Alice and Bob, who trust everybody on their machine."""
    temporary = tmp_path / "h" / "temporary"
    temporary.mkdir(mode=0o777)
    monkeypatch.setenv("TMPDIR", str(temporary))
    return Home(home.folder, LOOSE)


def keys_of(home: Home, profile: str) -> dict[str, bytes]:
    """Every key at rest from which all others follow; the profile is closed meanwhile."""
    key = vault.unlock(home.profile(profile) / "vault.key", PASSPHRASE)
    found = {"vault key": key._secret.reveal(), "database key": key.database_key()}
    database = Database.open(home.profile(profile) / "loom.db", key.database_key())
    try:
        stored = database.read_now(lambda db: settings.get(db, "identity"))
    finally:
        database.close()
    seeds = msgspec.msgpack.decode(stored or b"", type=IdentitySeeds)
    return found | {
        "ed25519 seed": seeds.ed25519_seed,
        "ml-dsa seed": seeds.mldsa_seed,
        "x25519 seed": seeds.x25519_seed,
    }


def written_forms(name: str, secret: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, secret
    yield f"{name} in hex", secret.hex().encode()
    yield f"{name} in HEX", secret.hex().upper().encode()


def needles(home: Home, made: Made) -> dict[str, bytes]:
    """What must be in no file: keys in three forms, what was written, who was meant."""
    found: dict[str, bytes] = {}
    for profile in ("alice", "bob"):
        for name, secret in keys_of(home, profile).items():
            found.update(written_forms(f"{profile}'s {name}", secret))
        words = made.phrases[profile].split()
        found |= {f"{profile}'s words {i}": " ".join(words[i : i + 3]).encode() for i in range(22)}
        found[f"{profile}'s token"] = made.tokens[profile].encode()[10:40]
        found[f"{profile}'s passphrase"] = PASSPHRASE.encode()
    found |= {word: word.encode() for text in TEXTS for word in text.split() if len(word) > 5}
    found[NAME] = NAME.encode()
    return found


def files_of(home: Home) -> list[Path]:
    """All that any process left, but the passphrase that the tests put beside the profiles."""
    found = (path for path in home.folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in found if path != home.passphrase]


def copied(home: Home) -> dict[str, bytes]:
    return {str(path.relative_to(home.folder)): path.read_bytes() for path in files_of(home)}


def leaks(files: dict[str, bytes], secret: dict[str, bytes]) -> list[str]:
    return [
        f"{what} in {file}"
        for file, data in files.items()
        for what, needle in secret.items()
        if needle in data
    ]


def shown_by_the_system(pid: int) -> Iterator[tuple[str, bytes]]:
    """What `ps` tells of a process; nothing where the system has no /proc."""
    for name in ("cmdline", "environ"):
        path = Path(f"/proc/{pid}/{name}")
        with suppress(FileNotFoundError, PermissionError):  # only root sees the environment
            yield str(path), path.read_bytes()


def modes(home: Home) -> dict[str, int]:
    """What others of this machine may do, of everything under Loom's home and temporary folder."""
    roots = (home.loom, home.folder / "temporary")
    paths = [path for root in roots for path in root.rglob("*")]
    open_ = {path: stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in paths}
    return {str(path.relative_to(home.folder)): mode for path, mode in open_.items() if mode}


def test_no_file_holds_a_secret_and_none_is_open_to_others(loose: Home, made: Made) -> None:
    """Logs at their loudest, database, log of the database, shared memory, temporary files."""
    loud = (*LOOPBACK, "-vv")
    with loose.daemon("alice", *loud) as alice, loose.daemon("bob", *loud) as bob:
        loose.run("-p", "alice", "contacts", "rename", "Bob", NAME).ok()
        loose.run("-p", "alice", "send", NAME, "-", "--wait", "60", stdin=TEXTS[0]).ok()
        loose.run("-p", "bob", "send", "Alice", "-", "--wait", "60", stdin=TEXTS[1]).ok()
        loose.run("-p", "bob", "search", "quokka").ok()
        loose.run("-p", "bob", "stop").ok()
        loose.run("-p", "alice", "send", NAME, "-", stdin=TEXTS[2]).ok()
        shown = dict(shown_by_the_system(alice.process.pid))
        assert modes(loose) == {}
        running = copied(loose)
        assert bob.process.wait(LIMIT_S) == 0
        alice.end(signal.SIGKILL)
        killed = copied(loose)
    secret = needles(loose, made)
    assert any(name.endswith("-wal") for name in killed)
    assert b"session started" in b"".join(v for k, v in running.items() if k.endswith(".log"))
    for files in (shown, running, killed, copied(loose)):
        assert leaks(files, secret) == []
    assert modes(loose) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="limits are read from Linux's /proc")
def test_a_front_end_leaves_no_core_file_either(loose: Home) -> None:
    """It holds texts, and a passphrase while it is typed."""
    with (
        loose.daemon("alice", *ALONE),
        loose.running("-p", "alice", "listen", "--after", "0") as one,
    ):
        assert one.line()
        limits = Path(f"/proc/{one.process.pid}/limits").read_text()
        assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.MULTILINE)


def test_of_two_that_open_a_profile_at_once_one_gets_it(home: Home) -> None:
    """Two at one ratchet would use a key twice."""
    with ThreadPoolExecutor(3) as pool:
        started = [home.start("-p", "alice", "daemon", "--json", *ALONE) for _ in range(3)]
        try:
            said = list(pool.map(lambda one: one.object(), started))
        finally:
            for one in started:
                one.end()
                assert one.process.stdout is not None
                one.process.stdout.close()
    assert sorted(one.get("code", one["type"]) for one in said) == [
        "node.ready",
        "profile_in_use",
        "profile_in_use",
    ]


# --- memory -----------------------------------------------------------------------------------

BOT = """
import asyncio, ctypes, os, resource, sys
from pathlib import Path
from loom.api.profiles import NodeOptions
from loom.app import open_profiles
from loom.config import read_settings

async def main():
    profiles = open_profiles(read_settings({}, home=Path(sys.argv[1])))
    passphrase = sys.stdin.readline().strip()
    client = await profiles.unlock("alice", passphrase, NodeOptions(online=False, serve=False))
    print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3), flush=True)
    sys.stdin.read()
    await client.close()

asyncio.run(main())
"""
"""Opens a profile without any command line of ours; 3 is PR_GET_DUMPABLE."""


def start_python(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """A program that may leave a core file of any size."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    unlimited = ("sh", "-c", f'ulimit -c {"unlimited" if hard < 0 else hard}; exec "$@"', "sh")
    return subprocess.Popen(
        [*unlimited, sys.executable, "-c", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def aborted_with_core(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the kernel made a core file (or piped one to a program) when it was aborted."""
    process.send_signal(signal.SIGABRT)
    status = os.waitpid(process.pid, 0)[1]
    process.returncode = -signal.SIGABRT
    return os.WCOREDUMP(status)


@pytest.mark.skipif(sys.platform != "linux", reason="core files are tested on Linux only")
def test_a_process_that_opened_a_profile_leaves_no_core_file(home: Home) -> None:
    with start_python(home.folder, BOT, str(home.loom)) as bot:
        assert bot.stdin is not None
        assert bot.stdout is not None
        bot.stdin.write(PASSPHRASE.encode() + b"\n")
        bot.stdin.flush()
        assert bot.stdout.readline() == b"(0, 0) 0\n"
        assert not aborted_with_core(bot)
    with start_python(home.folder, "print(flush=True); input()") as other:
        assert other.stdout is not None
        other.stdout.readline()
        if not aborted_with_core(other):
            pytest.skip("this system makes no core files at all (ulimit -Hc, core_pattern)")


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="only root reads another process's memory, on Linux: run as root there",
)
@pytest.mark.parametrize("where", ["in front", "in the background"])
def test_a_node_does_not_keep_the_passphrase(home: Home, where: str) -> None:
    """It runs for months and needs it once."""
    wanted = {"passphrase": PASSPHRASE.encode(), "name": b"Alice"}
    if where == "in front":
        with home.daemon("alice", *ALONE) as alice:
            assert found_in_memory(alice.process.pid, wanted) == {"name"}
    else:
        started = home.run("-p", "alice", "daemon", "--background", "--json", *ALONE).ok()
        assert found_in_memory(started.objects[0]["pid"], wanted) == {"name"}
        home.run("-p", "alice", "stop").ok()
