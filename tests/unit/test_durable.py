"""Files that are written whole or not at all: what a killed process leaves goes with the next."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loom.durable import locked_new_folder, remove_left, replaced_durably

KILLED = """
import os, sys
from pathlib import Path
from loom.durable import replaced_durably
with replaced_durably(Path(sys.argv[1])) as file:
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_bytes(b"the earlier one")
    subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
    [left] = set(tmp_path.iterdir()) - {file}
    assert left.read_bytes() == b"half of it"
    assert file.read_bytes() == b"the earlier one"
    with replaced_durably(tmp_path / "another") as new:
        new.write(b"whole")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["another", "kept"]


def test_two_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    with replaced_durably(tmp_path / "one") as one, replaced_durably(tmp_path / "two") as two:
        one.write(b"1")
        two.write(b"2")
    assert ((tmp_path / "one").read_bytes(), (tmp_path / "two").read_bytes()) == (b"1", b"2")


def test_what_is_no_file_or_leads_elsewhere_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / ".loom-new-aaaaaaaa").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".loom-new-bbbbbbbb").mkdir()
    with pytest.raises(ZeroDivisionError), replaced_durably(tmp_path / "new"):
        raise ZeroDivisionError
    assert (tmp_path / "elsewhere").read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 3


KILLED_FOLDER = """
import os, sys
from pathlib import Path
from loom.durable import locked_new_folder
_, folder = locked_new_folder(Path(sys.argv[1]))
(folder / "inside").write_text("half of it")
os.kill(os.getpid(), 9)
"""


def test_a_folder_that_a_killed_process_left_is_removed_too(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_FOLDER, str(tmp_path)], check=False)
    [left] = tmp_path.iterdir()
    assert (left / "inside").read_text() == "half of it"
    descriptor, held = locked_new_folder(tmp_path)
    assert list(tmp_path.iterdir()) == [held]
    remove_left(tmp_path)
    assert list(tmp_path.iterdir()) == [held], "who fills it has it locked"
    os.close(descriptor)
    (tmp_path / ".loom-folder-aaaaaaaa").symlink_to(tmp_path)
    remove_left(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [".loom-folder-aaaaaaaa"]
