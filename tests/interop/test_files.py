"""Files between the second implementation and a real daemon, both ways (PROTOCOL 15)."""

import base64
import hashlib
from pathlib import Path

from tests.interop.conftest import ADA, BOB, Talk
from tests.vectors.reference import CHUNK_BYTES, file_content

SIZES = [0, 1, 3 * CHUNK_BYTES + 77]


def test_files_of_the_daemon_are_fetched(talk: Talk, tmp_path: Path) -> None:
    """By an implementation that asks for one piece at a time."""
    path = tmp_path / "cellar.png"
    talk.ada_dials()
    for size in SIZES:
        content = file_content(size)
        path.write_bytes(content)
        sent = talk.control.do(
            "send_file", contact=ADA, path=str(path), media_type="image/png", caption="the cellar"
        )
        file_id = sent["file"]["file_id"]
        offered = talk.ada.until_event("offered", file_id=file_id)
        said = [offered[name] for name in ("name", "size", "media_type", "caption")]
        assert said == ["cellar.png", size, "image/png", "the cellar"]
        talk.ada.do("accept_file", contact=BOB, file_id=file_id)
        fetched = talk.ada.until_event("fetched", file_id=file_id)
        assert fetched["hash"] == hashlib.sha512(content).hexdigest()
        done = talk.events.until("file.changed", state="done")
        assert done["file_id"] == file_id


def test_the_daemon_fetches_files(talk: Talk) -> None:
    talk.ada_dials()
    for size in SIZES:
        file_id = talk.ada.do(
            "offer_file", contact=BOB, name="../cellar.png", size=size, media_type="image/png"
        )
        came = talk.events.until("message.received")["file"]
        assert (came["file_id"], came["size_bytes"], came["state"]) == (file_id, size, "offered")
        assert "/" not in came["name"]
        talk.control.do("accept_file", file_id=file_id)
        talk.ada.until_event("stated", file_id=file_id, state=4)
        talk.events.until("file.changed", state="done")
        read = b"".join(
            base64.b64decode(talk.control.do("read_file", file_id=file_id, index=index)["data"])
            for index in range(-(-size // CHUNK_BYTES))
        )
        assert read == file_content(size)
