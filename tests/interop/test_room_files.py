"""Files of rooms between the second implementation and a real daemon, both ways (PROTOCOL 15.6)."""

import base64
import hashlib
from pathlib import Path

import pytest

from tests.interop.conftest import ADA, BOB, Talk
from tests.interop.test_files import SIZES
from tests.interop.test_rooms import ROOM, UNSAY, Garden
from tests.vectors.reference import CHUNK_BYTES, file_content

GONE = 2


@pytest.fixture
def garden(talk: Talk) -> Garden:
    """A room that Bob made and Ada joined; both have a link."""
    one = Garden(talk)
    talk.ada_dials()
    one.made()
    one.joined()
    return one


def fetched(garden: Garden, post_id: str) -> str:
    """Ask Bob for the file of a post until it is whole; its SHA-512."""
    garden.talk.ada.do("room_fetch_file", contact=BOB, room=garden.id, post_id=post_id)
    found: str = garden.talk.ada.until_event("fetched", contact=BOB)["hash"]
    return found


def test_files_that_the_daemon_offers_to_a_room_are_fetched(garden: Garden, tmp_path: Path) -> None:
    """Until one is removed; nobody is told but who gives it."""
    path, post_id = tmp_path / "cellar.png", ""
    for size in SIZES:
        content = file_content(size)
        path.write_bytes(content)
        post_id = garden.bob("post_file", room=ROOM, path=str(path), caption="it")["post_id"]
        offered = garden.talk.ada.until_event("room file", id=post_id)
        assert [offered[name] for name in ("name", "size", "caption")] == ["cellar.png", size, "it"]
        assert fetched(garden, post_id) == hashlib.sha512(content).hexdigest()
        if size:  # of an empty one nothing is asked for
            assert garden.talk.events.until("file.changed")["file"]["served_to"] == 1
    garden.bob("remove_member", room=ROOM, member="Ada")
    garden.talk.ada.until_event("room left", room=garden.id)
    garden.talk.ada.do("room_fetch_file", contact=BOB, room=garden.id, post_id=post_id)
    assert garden.talk.ada.until_event("not served", contact=BOB)["reason"] == GONE


def test_the_daemon_fetches_files_that_are_offered_to_a_room(garden: Garden) -> None:
    for size in SIZES:
        post_id = garden.talk.ada.do(
            "room_offer_file",
            room=garden.id,
            name="../cellar.png",
            size=size,
            media_type="image/png",
        )
        came = garden.talk.events.until("room.posted", post_id=post_id)["file"]
        assert (came["size_bytes"], came["state"], came["contact"]) == (size, "offered", ADA)
        assert "/" not in came["name"]
        garden.bob("accept_file", file_id=came["file_id"])
        garden.talk.events.until("file.changed", state="done", file_id=came["file_id"])
        read = b"".join(
            base64.b64decode(garden.bob("read_file", file_id=came["file_id"], index=index)["data"])
            for index in range(-(-size // CHUNK_BYTES))
        )
        assert read == file_content(size)
        garden.ada_posts(UNSAY, [[{"bin": post_id}]])
        assert garden.talk.events.until("room.changed", post_id=post_id)["deleted"]
