"""Files between two command lines: offered, taken, saved, opened, removed."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Home
from tests.media.test_metadata import SECRET, jpeg

CHUNK = 256 * 1024
SEEING = """
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
mode = path.parent.stat().st_mode & 0o777
print(path.parent, oct(mode), path.read_text())
"""


def alice(home: Home, *arguments: str, stdin: str = "") -> list[dict[str, Any]]:
    return home.run("-p", "alice", *arguments, "--json", stdin=stdin).ok().objects


def bob(home: Home, *arguments: str) -> list[dict[str, Any]]:
    return home.run("-p", "bob", *arguments, "--json").ok().objects


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_offered_taken_waited_for_and_saved(home: Home, tmp_path: Path) -> None:
    content = tmp_path / "Übung.bin"
    content.write_bytes(os.urandom(3 * CHUNK + 5))
    listening = ("listen", "--after", "0", "--type", "file", "--json")
    with (
        home.daemon("alice"),
        home.daemon("bob"),
        home.running("-p", "bob", *listening) as to_bob,
    ):
        with home.running(
            *("-p", "alice", "send-file", "Bob", str(content), "--caption", "for Monday"),
            *("--wait", "80", "--json"),
        ) as sending:
            [offered] = waited(home, "offered")
            assert (offered["name"], offered["size_bytes"]) == ("Übung.bin", 3 * CHUNK + 5)
            assert offered["direction"] == "in"
            short = offered["file_id"][-8:]
            refused = home.run("-p", "bob", "files", "save", short, "--json")
            assert (refused.code, refused.error["code"]) == (4, "file_not_here")

            [taken] = bob(home, "files", "accept", short, "--wait", "80")
            assert (taken["state"], taken["received_bytes"]) == ("done", 3 * CHUNK + 5)
            sent = sending.object()
            assert (sent["type"], sent["state"], sent["direction"]) == ("file", "done", "out")
            assert sending.process.wait(60) == 0
        states = [to_bob.until("file.changed")["state"]]
        while states[-1] != "done":
            states.append(to_bob.until("file.changed")["state"])
        [message] = home.run("-p", "bob", "history", "Alice", "--json").ok().objects
        assert (message["kind"], message["body"]) == ("file", "for Monday")
        assert message["file"]["file_id"] == offered["file_id"]
        words = home.run("-p", "bob", "history", "Alice").ok().stdout
        assert f"Alice (file {short}, Übung.bin, 786 kB): for Monday" in words

        for name in ("Übung.bin", "Übung (2).bin"):
            [saved] = bob(home, "files", "save", short, str(tmp_path / "bob"))  # makes no folder
            assert saved["path"] == str(tmp_path / "bob")
            (tmp_path / "bob").unlink()
            (tmp_path / "got").mkdir(exist_ok=True)
            [saved] = bob(home, "files", "save", short, str(tmp_path / "got"))
            assert Path(saved["path"]) == tmp_path / "got" / name
            assert digest(Path(saved["path"])) == digest(content)
            assert Path(saved["path"]).stat().st_mode & 0o777 == 0o600
        assert sorted(one.name for one in (tmp_path / "got").iterdir()) == [
            *("Übung (2).bin", "Übung.bin")
        ]

        [removed] = bob(home, "files", "remove", short)
        assert (removed["state"], removed["is_here"]) == ("done", False)
        assert content.exists()


def test_a_photograph_arrives_without_what_it_tells(home: Home, tmp_path: Path) -> None:
    photograph = tmp_path / "holiday.jpg"
    photograph.write_bytes(jpeg())
    with home.daemon("alice"), home.daemon("bob"):
        alice(home, "send-file", "Bob", str(photograph))
        [offered] = waited(home, "offered")
        [message] = bob(home, "history", "Alice")
        assert (offered["media_type"], message["file"]["thumbnail"]["width"]) == ("image/jpeg", 30)
        bob(home, "files", "accept", offered["file_id"], "--wait", "80")
        [saved] = bob(home, "files", "save", offered["file_id"], str(tmp_path / "got.jpg"))
        assert SECRET in photograph.read_bytes()
        assert SECRET not in Path(saved["path"]).read_bytes()

        photograph.write_bytes(jpeg()[:-400])
        refused = home.run("-p", "alice", "send-file", "Bob", str(photograph), "--json")
        assert (refused.code, refused.error["code"]) == (2, "metadata_stays")


def waited(home: Home, state: str) -> list[dict[str, Any]]:
    """Bob's files in this state, once there is one."""
    listening = ("listen", "--after", "0", "--type", "message.received", "--json")
    with home.running("-p", "bob", *listening) as to_bob:
        to_bob.until("message.received")
    return bob(home, "files", "list", "Alice", "--state", state)


def test_a_folder_arrives_as_a_folder_and_a_pipe_under_the_name_it_was_given(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "mine" / "in").mkdir(parents=True)
    (tmp_path / "mine" / "in" / "a.txt").write_text("1")
    (tmp_path / "mine" / ".hidden").write_text("2")
    (tmp_path / "mine" / "link").symlink_to("/etc/passwd")
    with home.daemon("alice"), home.daemon("bob"):
        assert (
            bob(home, "files", "rules", "--accept-from", "contacts", "--up-to", "1M")[0][
                "accept_max_bytes"
            ]
            == 1_000_000
        )
        done = home.run("-p", "alice", "send-file", "Bob", str(tmp_path / "mine"), "--wait", "80")
        assert done.ok().stderr.splitlines()[0] == "mine: 1 link or device in it will not be sent."
        [piped] = alice(
            home, "send-file", "Bob", "-", "--name", "../x.log", "--wait", "80", stdin="3"
        )
        assert (piped["name"], piped["state"]) == ("_x.log", "done")
        (tmp_path / "got").mkdir()
        for one in bob(home, "files"):
            bob(home, "files", "save", one["file_id"], str(tmp_path / "got"))
        got = tmp_path / "got"
        assert {str(one.relative_to(got)): one.read_text() for one in got.rglob("*.*")} == {
            "_x.log": "3",
            "mine/in/a.txt": "1",
        }
        assert (got / "mine" / "hidden").read_text() == "2"
        printed = home.run("-p", "bob", "files", "save", piped["file_id"][-8:], "-").ok()
        assert printed.stdout == "3"


def test_what_is_opened_lies_in_a_private_folder_until_its_program_ends(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("secret")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "harmless.txt").write_text("#!/bin/sh\n")
    viewer = tmp_path / "viewer"
    viewer.write_text(f"#!{sys.executable}\n{SEEING}")
    viewer.chmod(0o700)
    with home.daemon("alice"), home.daemon("bob"):
        bob(home, "files", "rules", "--accept-from", "contacts")
        sent = [str(tmp_path / one) for one in ("note.txt", "run.sh", "harmless.txt")]
        files = {one["name"]: one for one in alice(home, "send-file", "Bob", *sent, "--wait", "80")}
        seen = home.run("-p", "bob", "open", files["note.txt"]["file_id"], "--with", str(viewer))
        folder, mode, content = seen.ok().stdout.split()
        assert (mode, content) == ("0o700", "secret")
        assert not Path(folder).exists()
        for name in ("run.sh", "harmless.txt"):
            refused = home.run("-p", "bob", "open", files[name]["file_id"], "--with", str(viewer))
            assert refused.code == 2
            assert "is a program, and opening it may run it" in refused.stderr
            assert not refused.stdout
        [saved] = bob(home, "files", "save", files["run.sh"]["file_id"], str(tmp_path / "x"))
        assert saved["programs"] == ["x"]
        assert not os.access(tmp_path / "x", os.X_OK)


def test_what_is_declined_or_late_is_no_success(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with home.daemon("alice"), home.daemon("bob"):
        late = home.run(
            "-p", "alice", "send-file", "Bob", str(tmp_path / "a"), "--wait", "1", "--json"
        )
        assert (late.code, late.error["code"]) == (5, "not_transferred")
        assert late.objects[0]["state"] == "offered"
        [offered] = waited(home, "offered")
        sending = ("send-file", "Bob", str(tmp_path / "a"), "--wait", "80", "--json")
        with home.running("-p", "alice", *sending) as other:
            listening = ("listen", "--after", "0", "--type", "message.received", "--json")
            with home.running("-p", "bob", *listening) as to_bob:
                ids = [to_bob.until("message.received")["file"]["file_id"] for _ in range(2)]
            assert offered["file_id"] in ids
            for one in bob(home, "files", "decline", *ids):
                assert one["state"] == "declined"
            assert other.object()["code"] == "file_not_taken"
            assert other.process.wait(60) == 1
        for arguments, code in (
            (("send-file", "Bob", str(tmp_path / "none")), 2),
            (("send-file", "Bob", "/dev/null"), 2),
            (("send-file", "Bob", "-"), 2),
            (("files", "accept", "12345678"), 4),
            (("files", "accept", ids[0]), 2),
            (("open", "12345678"), 4),
            (("files", "rules", "--up-to", "many"), 2),
            (("files", "remove"), 2),
        ):
            failed = home.run("-p", "alice", *arguments, "--json")
            assert failed.code == code, failed
            assert failed.error


@pytest.mark.parametrize("is_running", [True, False], ids=["daemon", "alone"])
def test_what_was_offered_without_a_node_goes_out_later(
    home: Home, tmp_path: Path, is_running: bool
) -> None:
    (tmp_path / "a.txt").write_text("1")
    if is_running:
        with home.daemon("alice"):
            [offered] = alice(home, "send-file", "Bob", str(tmp_path / "a.txt"))
    else:
        [offered] = alice(home, "send-file", "Bob", str(tmp_path / "a.txt"))
    assert (offered["type"], offered["state"]) == ("file", "offered")
    with home.daemon("bob"):
        bob(home, "files", "rules", "--accept-from", "contacts")
        with home.daemon("alice"):
            listening = ("listen", "--after", "0", "--type", "file.changed", "--json")
            with home.running("-p", "bob", *listening) as to_bob:
                while to_bob.until("file.changed")["state"] != "done":
                    pass
        assert bob(home, "files")[0]["state"] == "done"
