"""A file in a room of real processes: who has it and who wants it are never online together."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.processes import LIMIT_S, Home, introduce
from tests.e2e.test_mail import Box, People, boxes
from tests.e2e.test_room_files import _joined

SIZE = 600_000
PARCEL_BYTES = 61_476
REQUESTS = 3
"""To the author, taken back, and to the other member."""


@pytest.mark.long
def test_a_file_of_a_room_comes_from_a_member_that_is_never_online_with_who_wants_it(
    home: Home, tmp_path: Path
) -> None:
    content = random.Random(12).randbytes(SIZE)
    path, saved = tmp_path / "plan.bin", tmp_path / "saved.bin"
    path.write_bytes(content)
    people = People(home)
    introduce(home, "bob", "eve")
    with boxes(tmp_path, 1) as [box]:
        try:
            for name in ("alice", "bob", "eve"):
                people.up(name)
            _joined(home)
            home.run("-p", "eve", "anchor", "use", box.text()).ok()
            port = people.daemons["eve"].port
            home.run("-p", "bob", "connect", "eve", f"127.0.0.1:{port}").ok()
            sent = home.run("-p", "alice", "--json", "send-file", "Garden", str(path)).ok()
            file_id = sent.objects[0]["file_id"]
            until(lambda: state(home, "bob", file_id) == state(home, "eve", file_id) == "offered")
            home.run("-p", "bob", "files", "accept", file_id, "--wait", "100").ok()
            until(lambda: not any(queued(home, name) for name in people.daemons))
            for name in ("alice", "bob"):
                people.down(name, signal.SIGTERM)

            before = held(box, "blobs")
            home.run("-p", "eve", "files", "accept", file_id).ok()
            until(lambda: held(box, "blobs") >= before + REQUESTS)
            people.down("eve", signal.SIGTERM)

            people.up("bob")
            until(lambda: held(box, "bulk_bytes") >= (1 + SIZE // PARCEL_BYTES) * PARCEL_BYTES)
            people.down("bob", signal.SIGTERM)

            people.up("eve")
            until(lambda: state(home, "eve", file_id) == "done")
            [file] = home.run("-p", "eve", "--json", "files", "list").ok().objects
            assert file["way"] == "anchor"
            home.run("-p", "eve", "files", "save", file_id, str(saved)).ok()
            assert saved.read_bytes() == content
            post_id = sent.objects[0]["post_id"]
            onward = home.run("-p", "eve", "--json", "forward", "Garden", post_id, "--to", "bob")
            [message] = onward.ok().objects
            assert (message["type"], message["file"]["name"]) == ("message", "plan.bin")
            assert message["file"]["file_id"] != file_id
        finally:
            for name in list(people.daemons):
                people.down(name, signal.SIGTERM)


def until(holds: Callable[[], bool]) -> None:
    """Go on once it holds; somebody who does not answer is waited for a minute first."""
    deadline_s = time.monotonic() + 3 * LIMIT_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.5)


def state(home: Home, profile: str, file_id: str) -> str:
    """Of a file, or nothing while its post has not come."""
    found = home.run("-p", profile, "--json", "files", "list").ok().objects
    return next((one["state"] for one in found if one.get("file_id") == file_id), "")


def queued(home: Home, profile: str) -> int:
    """What somebody has not delivered."""
    return int(home.run("-p", profile, "--json", "status").ok().objects[0]["queued"])


def held(box: Box, what: str) -> int:
    """What lies at an anchor."""
    [status] = box.home.run("--json", "anchor", "status").ok().objects
    return int(status[what])
