"""Files on their way into and out of the node, whatever the node answers."""

import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loom.api.file_commands import BeginUpload, ReadFile, SendFile, UploadPart
from loom.api.file_views import FilePiece, FileView, UploadView
from loom.api.view import Done
from loom.errors import ControlError, FolderRefused, InvalidInput, MetadataStays
from loom.front.folder_packing import FOLDER_TYPE
from loom.front.outgoing_files import measure, offer, piped
from loom.front.received_files import free_place, read_whole, save
from loom.front.sizes import parse_size
from loom.media.job import PICTURE_MAX
from loom.wire.limits import FILE_CHUNK_BYTES, FILE_MAX_BYTES
from tests.media.test_metadata import SECRET, jpeg


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


class Node:
    """Keeps what is handed over, and gives `content`."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.begun: list[BeginUpload] = []
        self.parts: list[UploadPart] = []
        self.offered: list[SendFile] = []
        self.asked = 0
        self.spoil: Callable[[FilePiece], FilePiece] = lambda piece: piece

    async def send(self, command: Any) -> Any:
        await asyncio.sleep(0)
        match command:
            case BeginUpload():
                self.begun.append(command)
                return UploadView(upload_id="u1", name=command.name, size_bytes=0)
            case UploadPart():
                self.parts.append(command)
                return Done()
            case SendFile():
                self.offered.append(command)
                return Done()
            case ReadFile():
                self.asked += 1
                at = command.index * FILE_CHUNK_BYTES
                data = self.content[at : at + FILE_CHUNK_BYTES]
                return self.spoil(
                    FilePiece(file_id=command.file_id, index=command.index, count=9, data=data)
                )
        raise AssertionError(command)

    @property
    def handed_over(self) -> bytes:
        assert [one.index for one in self.parts] == list(range(len(self.parts)))
        assert all(len(one.data) == FILE_CHUNK_BYTES for one in self.parts[:-1])
        return b"".join(one.data for one in self.parts)


def view(content: bytes, name: str = "a.txt", media_type: str = "text/plain") -> FileView:
    return FileView(
        file_id="f1",
        message_id="f1",
        contact="Bob",
        contact_id=1,
        direction="in",
        name=name,
        size_bytes=len(content),
        media_type=media_type,
        state="done",
        received_bytes=len(content),
        is_here=True,
    )


CONTENT = os.urandom(2 * FILE_CHUNK_BYTES + 7)


async def test_a_file_is_named_by_its_path_here_and_handed_over_to_another_machine(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.pdf").write_bytes(CONTENT)
    node = Node()
    await offer(node.send, "Bob", tmp_path / "a.pdf", caption="read it")
    assert node.offered[0] == SendFile(
        contact="Bob",
        path=str(tmp_path / "a.pdf"),
        name="a.pdf",
        caption="read it",
        media_type="application/pdf",
    )
    assert not node.parts
    moved: list[tuple[int, int]] = []
    await offer(
        node.send, "Bob", tmp_path / "a.pdf", is_remote=True, moved=lambda *two: moved.append(two)
    )
    assert (node.offered[1].path, node.offered[1].upload_id) == ("", "u1")
    assert node.handed_over == CONTENT
    assert moved[-1] == (len(CONTENT), len(CONTENT))


async def test_what_a_killed_save_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".loom-new-abcdefgh").write_bytes(CONTENT[:100])
    (tmp_path / ".loom-folder-abcdefgh").mkdir()
    (tmp_path / ".loom-mine").write_text("kept")
    saved = await save(Node(CONTENT).send, view(CONTENT), tmp_path)
    assert saved.path.read_bytes() == CONTENT
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == [".loom-mine", "a.txt"]


async def test_a_folder_is_handed_over_and_saved_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.bin").write_bytes(CONTENT)
    node = Node()
    await offer(node.send, "Bob", tmp_path / "mine")
    assert (node.offered[0].path, node.offered[0].media_type) == ("", FOLDER_TYPE)
    far = Node(node.handed_over)
    saved = await save(far.send, view(far.content, "mine", FOLDER_TYPE), tmp_path)
    assert saved.path == tmp_path / "mine (2)"
    assert (saved.path / "a.bin").read_bytes() == CONTENT
    far.content = far.content[:-1_024]
    with pytest.raises(FolderRefused):
        await save(far.send, view(far.content, "mine", FOLDER_TYPE), tmp_path)
    assert names_in(tmp_path) == ["mine", "mine (2)"]


async def test_a_file_that_changes_while_it_is_handed_over_is_not_offered(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    node = Node()

    async def begin_and_grow(command: Any) -> Any:
        if isinstance(command, BeginUpload):
            with (tmp_path / "a").open("ab") as file:
                file.write(b"more")
        return await node.send(command)

    with pytest.raises(InvalidInput, match="changed while it was read"):
        await offer(begin_and_grow, "Bob", tmp_path / "a", is_remote=True)
    assert not node.offered


def test_what_cannot_be_sent_is_said_before_anything_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(FILE_MAX_BYTES + 1)
    for name, why in (
        ("none", "No such file"),
        ("pipe", "neither a file nor a folder"),
        ("large", "larger than 16 GiB"),
    ):
        with pytest.raises(InvalidInput, match=why):
            measure(tmp_path / name)
    (tmp_path / "empty").write_bytes(b"")
    assert measure(tmp_path / "empty").size_bytes == 0


@pytest.mark.parametrize("size", [0, 5, PICTURE_MAX, PICTURE_MAX + 1, PICTURE_MAX + 300_000])
async def test_a_pipe_is_handed_over_as_it_is_read(size: int) -> None:
    """Never more of it in memory than a picture may have, and nothing of it on a disk."""
    content = os.urandom(size)
    node, pipe = Node(), io.BytesIO(content)
    come = piped(pipe)
    assert len(come.beginning) == min(size, PICTURE_MAX + 1)
    await offer(node.send, "Bob", come, name="log")
    assert node.handed_over == content
    assert node.begun[-1].size_bytes == (size if size <= PICTURE_MAX else None)


@pytest.mark.parametrize("way", ["path", "elsewhere", "pipe"])
async def test_a_photograph_is_handed_over_without_what_it_tells(way: str, tmp_path: Path) -> None:
    whole = jpeg()
    (tmp_path / "a.jpg").write_bytes(whole)
    node = Node()
    for keep in (False, True):
        with (tmp_path / "a.jpg").open("rb") as stream:
            await offer(
                node.send,
                "Bob",
                piped(stream) if way == "pipe" else tmp_path / "a.jpg",
                name="a.jpg",
                is_remote=way == "elsewhere",
                keep_metadata=keep,
            )
        offered = node.offered[-1]
        assert offered.media_type == "image/jpeg"
        assert offered.thumbnail is not None
        assert (offered.thumbnail.width, offered.thumbnail.height) == (30, 40)
        if keep and way == "path":
            assert (offered.path, node.parts) == (str(tmp_path / "a.jpg"), [])
        else:
            assert (offered.path, offered.upload_id) == ("", "u1")
            assert (node.handed_over == whole) == keep
            assert (SECRET in node.handed_over) == keep
        node.parts.clear()


async def test_what_a_file_tells_is_not_sent_by_accident(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    node = Node()
    with pytest.raises(MetadataStays):
        await offer(node.send, "Bob", tmp_path / "a.heic")
    assert not node.offered
    await offer(node.send, "Bob", tmp_path / "a.heic", keep_metadata=True)
    assert node.offered[0].path == str(tmp_path / "a.heic")


@pytest.mark.parametrize("size", [0, 1, FILE_CHUNK_BYTES, 6 * FILE_CHUNK_BYTES + 1])
async def test_a_saved_file_is_whole_private_and_beside_what_is_there(
    size: int, tmp_path: Path
) -> None:
    content = os.urandom(size)
    node = Node(content)
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "a (2).txt").symlink_to(tmp_path / "nowhere")
    for place, name in ((tmp_path, "a (3).txt"), (tmp_path / "a.txt", "a (4).txt")):
        assert free_place(tmp_path, "a.txt").name == name
        saved = await save(node.send, view(content), place)
        assert saved.path == tmp_path / name
        assert saved.path.read_bytes() == content
        assert saved.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert not any(one.startswith(".") for one in names_in(tmp_path))
    assert node.asked == 2 * -(-size // FILE_CHUNK_BYTES)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: FilePiece(file_id="f1", index=one.index + 1, count=9, data=one.data),
        lambda one: FilePiece(file_id="f1", index=one.index, count=9, data=one.data + b"x"),
        lambda one: FilePiece(file_id="f1", index=one.index, count=9, data=one.data[1:]),
    ],
    ids=["another", "more", "less"],
)
async def test_a_node_that_gives_something_else_writes_nothing(
    spoil: Callable[[FilePiece], FilePiece], tmp_path: Path
) -> None:
    node = Node(CONTENT)
    node.spoil = spoil
    with pytest.raises(ControlError):
        await save(node.send, view(CONTENT), tmp_path)
    assert names_in(tmp_path) == []


async def test_the_name_of_a_hostile_node_stays_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("../x", "/etc/x", "..", ".bashrc"):
        await save(Node(b"1").send, view(b"1", name), tmp_path / "in")
    assert names_in(tmp_path) == ["in"]
    assert names_in(tmp_path / "in") == ["_etc_x", "_x", "bashrc", "file"]


async def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written: No such file"):
        await save(Node(b"1").send, view(b"1"), tmp_path / "none" / "a")
    with pytest.raises(InvalidInput, match="cannot be written: File name too long"):
        await save(Node(b"1").send, view(b"1"), tmp_path / ("n" * 300))
    assert names_in(tmp_path) == []


async def test_a_small_file_is_read_whole_and_a_large_one_refused() -> None:
    assert await read_whole(Node(CONTENT).send, view(CONTENT), 1 << 20) == CONTENT
    with pytest.raises(InvalidInput, match="too large"):
        await read_whole(Node(CONTENT).send, view(CONTENT), 100)


def test_sizes_are_read_as_they_are_written() -> None:
    assert [parse_size(one) for one in ("12", "500k", "10M", "1.5G", "1,25 GB", "2TB", "1MiB")] == [
        *(12, 500_000, 10_000_000, 1_500_000_000, 1_250_000_000, 2 * 10**12, 10**6)
    ]
    for wrong in ("", "k", "-1", "1.5", "1e9", "10 X", "9" * 40):
        with pytest.raises(InvalidInput, match="is not a size"):
            parse_size(wrong)
