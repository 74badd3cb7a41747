"""Where answers go: full disks, closed pipes, files, devices and terminals."""

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from loom.api.contact_commands import BlockContact, RemoveContact
from loom.api.conversation_commands import MarkRead
from loom.api.message_views import MessageView
from loom.cli import messages, output, qr
from loom.cli.output import FOLD_LINES, Output, body_words
from loom.errors import OutputFailed
from loom.front.invite_words import narrow_words
from tests.cli.conftest import Loom, objects
from tests.cli.on_terminal import ROOT
from tests.fakes import TOKEN, FakeNode, FakeProfiles

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="/dev/full is a device of Linux")


@pytest.fixture
def node(profiles: FakeProfiles) -> FakeNode:
    """The only profile, with one contact."""
    node = profiles.add()
    node.add("Bob")
    return node


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For real processes over a fake node."""
    (tmp_path / "passphrase").write_text("correct horse\n")
    return {
        **os.environ,
        "LOOM_HOME": str(tmp_path / "h"),
        "LOOM_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
    }


def driver(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.cli.driver", *arguments]


# --- standard output ------------------------------------------------------------------------


@needs_full
@pytest.mark.parametrize("json_", [False, True])
def test_a_message_whose_answer_cannot_be_written_is_said_to_be_queued(
    environment: dict[str, str], json_: bool
) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            driver("send", "Bob", "hi", *(["--json"] if json_ else [])),
            cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("loom: Standard output could not be written: No space left")
    assert "The message is queued: do not send it again." in done.stderr
    assert "Traceback" not in done.stderr


@needs_full
def test_bytes_that_cannot_be_written_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with FULL.open("wb", buffering=0) as full:  # nothing is left that closing would write
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=full))
        with pytest.raises(OutputFailed) as failed:
            Output(as_json=False).data(bytes(8))
    assert failed.value.facts["what"] == "No space left on device"


@pytest.mark.parametrize("arguments", [("--help",), ("send", "--help"), ("contacts",)])
def test_a_reader_that_leaves_is_no_failure(
    environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            driver(*arguments),
            cwd=ROOT, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_deleted_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = "import os, sys; os.rmdir(os.getcwd()); from loom.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--json", "--home", "rel", "profiles"],
        cwd=tmp_path / "gone",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "current folder is gone" in json.loads(done.stdout)["message"]
    assert done.stderr == ""


# --- token export --out -----------------------------------------------------------------------


def test_a_link_is_written_through_and_stays_one(
    loom: Loom, node: FakeNode, tmp_path: Path
) -> None:
    target, link, mine = tmp_path / "target", tmp_path / "link", tmp_path / "link.part"
    target.write_text("old")
    mine.write_text("mine")
    link.symlink_to(target)
    assert loom("token", "export", "--out", str(link)).exit_code == 0
    assert link.is_symlink()
    assert (target.read_text(), mine.read_text()) == (TOKEN + "\n", "mine")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".loom-")) == []


def test_a_pipe_is_written_into(loom: Loom, node: FakeNode, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    assert loom("token", "export", "--out", str(pipe)).exit_code == 0
    reader.join(30)
    assert got == [TOKEN + "\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@needs_full
def test_a_device_stays_one_and_is_heard(loom: Loom, node: FakeNode) -> None:
    assert loom("token", "export", "--out", "/dev/null").exit_code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    result = loom("token", "export", "--out", str(FULL), "--json")
    assert (result.exit_code, objects(result)[0]["code"]) == (2, "invalid_input")
    assert "No space left" in objects(result)[0]["message"]


def test_a_dash_prints_and_a_folder_is_refused(loom: Loom, node: FakeNode, tmp_path: Path) -> None:
    assert loom("token", "export", "--out", "-").stdout == TOKEN + "\n"
    for folder in (".", "/", str(tmp_path)):
        result = loom("token", "export", "--out", folder)
        assert result.exit_code == 2
        assert "is a folder: write the name of a file" in result.stderr
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert loom("token", "export", "--out", str(tmp_path / "circle")).exit_code == 2


def test_the_qr_code_brings_its_own_colours_to_a_terminal(
    loom: Loom, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped = loom("token", "export", "--qr").stdout.splitlines()[1:]
    assert "\x1b" not in "".join(piped)
    monkeypatch.setattr(qr, "is_terminal", lambda: True)
    shown = loom("token", "export", "--qr").stdout.splitlines()[1:]
    assert shown == [f"{qr.BLACK_ON_WHITE}{row}{qr.PLAIN}" for row in piped]
    assert len({len(row) for row in piped}) == 1


@pytest.mark.parametrize(
    ("addresses", "is_narrow"),
    [
        (["127.0.0.1:4070", "[::1]:4070"], True),
        (["127.0.0.1:4070", "anchor.example:4070"], False),
        (["192.168.1.7:4070"], False),
        ([], False),
    ],
)
def test_a_text_that_leads_to_this_machine_alone_is_noticed(
    addresses: list[str], is_narrow: bool
) -> None:
    assert bool(narrow_words(addresses)) is is_narrow


# --- what is on the screen ----------------------------------------------------------------------


def test_a_message_of_many_lines_is_folded_on_a_terminal_only(
    loom: Loom, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.receive("Bob", "top" + "\n" * 16_383)
    assert len(loom("history", "Bob").stdout.splitlines()) == 16_384
    assert objects(loom("history", "Bob", "--json"))[0]["body"] == "top" + "\n" * 16_383
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    rows = loom("history", "Bob").stdout.splitlines()
    assert len(rows) == FOLD_LINES + 1
    assert rows[-1].strip() == "... 16,344 more lines"


def test_one_line_more_is_shown_rather_than_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    assert "more" not in body_words("", "\n" * FOLD_LINES)


@pytest.mark.parametrize("on_terminal", [True, False])
def test_what_history_follows_on_a_terminal_counts_as_read(
    loom: Loom, node: FakeNode, monkeypatch: pytest.MonkeyPatch, on_terminal: bool
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: on_terminal)

    async def come_and_end(*_: object) -> list[MessageView]:
        node.receive("Bob", "while you look")
        node.closed = True
        return []

    monkeypatch.setattr(messages, "_all_pages", come_and_end)
    assert "while you look" in loom("history", "Bob", "--follow").stdout
    read = [one.row_id for one in node.sent if isinstance(one, MarkRead)]
    assert read == ([1] if on_terminal else [])


def test_removing_a_contact_asks_or_wants_yes(loom: Loom, node: FakeNode) -> None:
    result = loom("contacts", "remove", "Bob", "--json")
    assert (result.exit_code, objects(result)[0]["code"]) == (2, "terminal_needed")
    assert not any(isinstance(one, RemoveContact) for one in node.sent)
    assert loom("contacts", "remove", "Bob", "--yes").exit_code == 0
    assert node.contacts == {}


def test_unblocking_says_that_what_was_sent_meanwhile_arrives(loom: Loom, node: FakeNode) -> None:
    assert "during the block" not in loom("contacts", "unblock", "Bob").stderr
    loom("contacts", "block", "Bob")
    assert "What Bob sent during the block arrives" in loom("contacts", "unblock", "Bob").stderr
    assert [one.blocked for one in node.sent if isinstance(one, BlockContact)] == [
        False, True, False,
    ]  # fmt: skip


def test_standard_error_that_takes_nothing_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    Output(as_json=False).note("said to nobody")
