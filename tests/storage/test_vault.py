"""The keyslot and the profile lock."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from loom.crypto.aead import SivKey
from loom.crypto.kdf import hash_
from loom.errors import (
    DiskFull,
    InvalidInput,
    ProfileDamaged,
    ProfileInUse,
    StoreUnavailable,
    WrongPassphrase,
)
from loom.storage import vault
from loom.storage.profile_lock import ProfileLock

MEMORY_KIB = vault.MEMORY_MIN_KIB


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """(bytes of a keyslot with the passphrase "old", its database key)."""
    path = tmp_path_factory.mktemp("vault") / "keyslot"
    key = vault.create(path, "old", MEMORY_KIB, passes=1)
    return path.read_bytes(), key.database_key()


@pytest.fixture
def path(tmp_path: Path, made: tuple[bytes, bytes]) -> Path:
    """A keyslot with the passphrase "old"."""
    file = tmp_path / "keyslot"
    file.write_bytes(made[0])
    return file


def test_the_passphrase_opens_it_and_another_does_not(
    path: Path, made: tuple[bytes, bytes]
) -> None:
    assert vault.unlock(path, "old").database_key() == made[1]
    for wrong in ("Old", "old ", ""):
        with pytest.raises(WrongPassphrase):
            vault.unlock(path, wrong)


def test_an_accent_typed_two_ways_is_one_passphrase(tmp_path: Path) -> None:
    key = vault.create(tmp_path / "k", "caf\u00e9", MEMORY_KIB, passes=1)
    assert vault.unlock(tmp_path / "k", "cafe\u0301").database_key() == key.database_key()
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


def test_two_vaults_with_one_passphrase_have_nothing_in_common(
    tmp_path: Path, made: tuple[bytes, bytes]
) -> None:
    key = vault.create(tmp_path / "k", "old", MEMORY_KIB, passes=1)
    assert key.database_key() != made[1]
    assert (tmp_path / "k").read_bytes()[15:31] != made[0][15:31]


def test_creating_never_replaces(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable):
        vault.create(path, "other", MEMORY_KIB, passes=1)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("memory_kib", "passes", "lanes"),
    [(65_535, 3, 4), (4_194_305, 3, 4), (65_536, 0, 4), (65_536, 17, 4), (65_536, 3, 0)],
)
def test_parameters_outside_the_limits_are_refused(
    tmp_path: Path, path: Path, memory_kib: int, passes: int, lanes: int
) -> None:
    with pytest.raises(InvalidInput):
        vault.create(tmp_path / "k", "p", memory_kib, passes, lanes)
    # The same in a file whose checksum is right: read before Argon2id would take the memory.
    data = path.read_bytes()
    head = data[:9] + memory_kib.to_bytes(4, "big") + bytes([passes, lanes]) + data[15:-8]
    path.write_bytes(head + hash_(head)[:8])
    with pytest.raises(ProfileDamaged):
        vault.unlock(path, "old")


def test_damage_is_never_taken_for_a_wrong_passphrase(path: Path) -> None:
    data = path.read_bytes()
    flipped = [data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :] for i in range(len(data))]
    for broken in [b"", data[:-1], data + b"\0", *flipped]:
        path.write_bytes(broken)
        with pytest.raises(ProfileDamaged):
            vault.unlock(path, "old")
    path.unlink()
    with pytest.raises(ProfileDamaged):
        vault.unlock(path, "old")
    path.mkdir()
    with pytest.raises(StoreUnavailable):
        vault.unlock(path, "old")


def test_nothing_that_prints_shows_the_key(path: Path) -> None:
    key = vault.unlock(path, "old")
    assert repr(key) == "VaultKey(redacted)"
    assert key.database_key() not in path.read_bytes()
    key.wipe()
    assert key.database_key() != vault.unlock(path, "old").database_key()


def test_a_new_passphrase_opens_the_same_key(path: Path, made: tuple[bytes, bytes]) -> None:
    vault.change_passphrase(path, vault.unlock(path, "old"), "new")
    assert vault.unlock(path, "new").database_key() == made[1]
    with pytest.raises(WrongPassphrase):
        vault.unlock(path, "old")
    assert [file.name for file in path.parent.glob("keyslot*")] == ["keyslot"]


def _opens(path: Path, passphrase: str) -> bool:
    try:
        vault.unlock(path, passphrase)
    except WrongPassphrase:
        return False
    return True


@pytest.mark.parametrize("call", ["os.open", "os.fsync", "pathlib.Path.replace", "os.close"])
@pytest.mark.parametrize("nth", [1, 2])
def test_promise_14_a_change_that_fails_at_any_step_leaves_exactly_one_that_works(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    key = vault.unlock(path, "old")
    real = {"os.open": os.open, "os.fsync": os.fsync, "os.close": os.close}.get(call, Path.replace)
    calls = 0

    def fails(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError(errno.ENOSPC, "no space left")
        return real(*arguments, **named)  # type: ignore[operator]

    with monkeypatch.context() as patch:
        patch.setattr(call, fails)
        with contextlib.suppress(DiskFull):
            vault.change_passphrase(path, key, "new")
    assert _opens(path, "old") + _opens(path, "new") == 1
    vault.change_passphrase(path, key, "newer")  # what was left behind is in nobody's way
    assert _opens(path, "newer")


# --- two slots ---


def _old_form(path: Path, passphrase: str) -> vault.VaultKey:
    """A file as the version before wrote it, with one slot."""
    key, salt = vault.VaultKey.generate(), bytes(range(16))
    cost = vault.Cost(MEMORY_KIB, 1, 1)
    head = b"LOOMSLOT" + bytes([1]) + MEMORY_KIB.to_bytes(4, "big") + bytes([1, 1]) + salt
    wrapping = SivKey(vault.stretch(passphrase, salt, cost))
    body = head + wrapping.seal(bytes(12), key._secret.reveal(), head)
    path.write_bytes(body + hash_(body)[:8])
    return key


def test_both_slots_are_tried_by_one_derivation_whichever_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "k"
    key = vault.create(path, "own", MEMORY_KIB, passes=1)
    before = path.read_bytes()
    vault.set_duress(path, key, "other")
    assert len(path.read_bytes()) == len(before) == vault.FILE_BYTES == 161
    done: list[str] = []
    real_open, real_stretch = SivKey.open_, vault.stretch

    def open_(self: SivKey, sealed: bytes, associated_data: bytes = b"") -> bytes:
        done.append(f"open {len(sealed)} {len(associated_data)}")
        return real_open(self, sealed, associated_data)

    def stretch(passphrase: str, salt: bytes, cost: vault.Cost) -> bytes:
        done.append("stretch")
        return real_stretch(passphrase, salt, cost)

    monkeypatch.setattr(SivKey, "open_", open_)
    monkeypatch.setattr(vault, "stretch", stretch)
    steps: list[list[str]] = []
    uses = {}
    for passphrase in ("own", "other", "neither"):
        done.clear()
        with contextlib.suppress(WrongPassphrase):
            uses[passphrase] = vault.unlock(path, passphrase).use
        steps.append(list(done))
    assert steps == [["stretch", "open 61 31", "open 61 31"]] * 3
    assert uses == {"own": vault.Use.GUARDED, "other": vault.Use.DURESS}


def test_the_slot_of_a_new_profile_is_either_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "stretch", lambda *_: bytes(32))
    places = {vault.create(tmp_path / str(n), "p", MEMORY_KIB).place for n in range(64)}
    assert places == {0, 1}


def test_a_change_leaves_the_other_slot_and_does_not_take_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "k"
    key = vault.create(path, "own", MEMORY_KIB, passes=1)
    vault.set_duress(path, key, "other")
    with pytest.raises(InvalidInput):
        vault.set_duress(path, key, "own")
    with pytest.raises(InvalidInput):
        vault.change_passphrase(path, key, "other")
    vault.change_passphrase(path, key, "newer")
    assert vault.unlock(path, "newer").use is vault.Use.GUARDED
    assert vault.unlock(path, "other").use is vault.Use.DURESS
    vault.set_duress(path, vault.unlock(path, "newer"), None)
    assert vault.unlock(path, "newer").use is vault.Use.PROFILE
    with pytest.raises(WrongPassphrase):
        vault.unlock(path, "other")


def test_giving_way_overwrites_the_block_itself(tmp_path: Path) -> None:
    path = tmp_path / "k"
    key = vault.create(path, "own", MEMORY_KIB, passes=1)
    vault.set_duress(path, key, "other")
    before = path.read_bytes()
    os.link(path, tmp_path / "block")
    other = vault.unlock(path, "other")
    vault.give_way(path, other)
    after = (tmp_path / "block").read_bytes()
    own = slice(31 + 61 * (1 - other.place), 92 + 61 * (1 - other.place))
    assert not [1 for at in range(own.start, own.stop - 8) if before[at : at + 8] in after[own]]
    with pytest.raises(WrongPassphrase):
        vault.unlock(path, "own")
    assert vault.unlock(path, "other").use is vault.Use.DURESS
    vault.settle(path, other)
    assert vault.unlock(path, "other").use is vault.Use.PROFILE
    assert vault.unlock(path, "other").database_key() == other.database_key()


def test_a_file_with_one_slot_gets_the_second_one(path: Path) -> None:
    key = _old_form(path, "old")
    assert len(path.read_bytes()) == 99
    opened = vault.unlock(path, "old")
    assert opened.database_key() == key.database_key()
    vault.renew(path, opened)
    assert len(path.read_bytes()) == 161
    again = vault.unlock(path, "old")
    assert (again.database_key(), again.place) == (key.database_key(), opened.place)
    vault.renew(path, again)


def test_renewing_does_not_undo_a_change_made_meanwhile(path: Path) -> None:
    _old_form(path, "old")
    slow = vault.unlock(path, "old")
    vault.change_passphrase(path, vault.unlock(path, "old"), "new")
    vault.renew(path, slow)
    assert (_opens(path, "old"), _opens(path, "new")) == (False, True)


def test_a_file_with_one_slot_takes_a_duress_passphrase(path: Path) -> None:
    _old_form(path, "old")
    vault.set_duress(path, vault.unlock(path, "old"), "other")
    assert vault.unlock(path, "old").use is vault.Use.GUARDED
    assert vault.unlock(path, "other").use is vault.Use.DURESS


KILLED = """
import os, signal, sys
from pathlib import Path
from loom.storage import vault
key = vault.unlock(Path(sys.argv[1]), "old")
left = int(sys.argv[2])

def trace(event, arguments):
    global left
    if event in ("open", "os.rename") and "keyslot" in str(arguments[0]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(trace)
vault.change_passphrase(Path(sys.argv[1]), key, "new")
"""


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_promise_14_a_change_killed_at_any_instant_leaves_exactly_one_that_works(
    path: Path, nth: int
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(nth)], check=False, timeout=60
    )
    assert run.returncode in (-9, 0)
    assert _opens(path, "old") + _opens(path, "new") == 1


# --- the lock ---

LOCKING = """
import sys
from pathlib import Path
from loom.errors import ProfileInUse
from loom.storage.profile_lock import ProfileLock
try:
    ProfileLock.acquire(Path(sys.argv[1]), "work")
except ProfileInUse as error:
    print(error)
    sys.exit(6)
"""


def _in_another_process(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOCKING, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with ProfileLock.acquire(path, "work"):
        assert path.read_text() == f"{os.getpid()}\n"
        refused = _in_another_process(path)
        assert refused.returncode == 6
        assert refused.stdout == "profile_in_use: work\n"
        with pytest.raises(ProfileInUse):
            ProfileLock.acquire(path, "work")
    assert _in_another_process(path).returncode == 0
    ProfileLock.acquire(path, "work").release()


def test_a_lock_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        ProfileLock.acquire(tmp_path / "none" / "lock", "work")
