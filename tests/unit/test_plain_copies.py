"""Plain copies: nobody else reads them, and none is left, whatever became of their process."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loom.front import plain_copies
from loom.front.plain_copies import plain_copy, sweep

KILLED = """
import os, sys
from pathlib import Path
from loom.front import plain_copies
plain_copies._memory = lambda: [Path(sys.argv[1])]
with plain_copies.plain_copy(0) as copy:
    (copy.folder / "note.txt").write_text("secret")
    print(copy.folder, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for the memory-backed folder, and no other."""
    (tmp_path / "memory").mkdir()
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(plain_copies, "_memory", lambda: [tmp_path / "memory"])
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "disk"))
    monkeypatch.setattr(plain_copies, "_NEW_S", -1.0)
    return tmp_path / "memory"


def test_a_copy_lies_in_a_private_folder_in_memory_and_goes_with_the_block(memory: Path) -> None:
    with plain_copy(10) as copy:
        assert copy.folder.parent == memory
        assert copy.is_in_memory
        assert copy.folder.stat().st_mode & 0o777 == 0o700
        (copy.folder / "a").mkdir()
        (copy.folder / "a" / "b").write_text("secret")
    assert list(memory.iterdir()) == []
    with pytest.raises(ZeroDivisionError), plain_copy(10):
        raise ZeroDivisionError
    assert list(memory.iterdir()) == []


def test_what_has_no_room_in_memory_goes_to_the_disk_and_that_is_said(
    memory: Path, tmp_path: Path
) -> None:
    with plain_copy(1 << 60) as copy:
        assert copy.folder.parent == tmp_path / "disk"
        assert not copy.is_in_memory
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_copy_of_a_killed_process_is_swept_and_one_in_use_is_not(memory: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(memory)], capture_output=True, text=True, check=False
    )
    left = Path(done.stdout.strip())
    assert (left / "note.txt").read_text() == "secret"
    with plain_copy(0) as copy:  # sweeps before it begins
        assert not left.exists()
        assert sweep() == 0
        assert copy.folder.exists()


def test_a_text_that_was_edited_is_swept_like_a_copy(memory: Path) -> None:
    (memory / "loom-edit-left").mkdir()
    (memory / "loom-edit-left" / "message.md").write_text("secret")
    assert sweep() == 1
    assert list(memory.iterdir()) == []


def test_nothing_of_others_is_swept(memory: Path) -> None:
    (memory / "loom-plain-file").write_text("")
    (memory / "elsewhere").mkdir()
    (memory / "elsewhere" / "kept").write_text("")
    (memory / "loom-plain-link").symlink_to(memory / "elsewhere")
    assert sweep() == 0
    assert (memory / "elsewhere" / "kept").exists()
    assert len(list(memory.iterdir())) == 3


def test_a_folder_that_was_just_made_and_is_not_locked_yet_is_left_alone(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_copies, "_NEW_S", 60.0)
    (memory / "loom-plain-new").mkdir()
    assert sweep() == 0
    os.utime(memory / "loom-plain-new", (1, 1))
    descriptor = os.open(memory / "loom-plain-new", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert sweep() == 0
    os.close(descriptor)
    assert sweep() == 1
