"""Files between two people: offered, accepted, fetched, and what goes wrong meanwhile."""

import random
from pathlib import Path

from loom.api.events import FileChanged, MessageReceived
from loom.api.file_commands import AcceptFile, ListFiles, ReadFile, SendFile
from loom.api.file_views import FileView
from tests.node.harness import Person, World

CHUNK = 256 * 1024


def content_of(size: int, seed: int = 0) -> bytes:
    """Bytes that no other file has."""
    return random.Random(seed).randbytes(size)


def plain_file(folder: Path, name: str, content: bytes) -> str:
    """A file that is offered in place."""
    path = folder / name
    path.write_bytes(content)
    return str(path)


async def only_file(person: Person) -> FileView:
    """The one file that somebody has."""
    [file] = (await person.do(ListFiles())).files
    return file


async def whole(person: Person, file: FileView) -> bytes:
    """What is read of a file that is there."""
    data = b""
    count = max(1, -(-file.size_bytes // CHUNK))
    for index in range(count):
        data += (await person.do(ReadFile(file_id=file.file_id, index=index))).data
    return data


async def test_a_file_is_offered_accepted_and_fetched(world: World, tmp_path: Path) -> None:
    """What arrives is what was sent, and both sides see that it is done."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(3 * CHUNK + 1_000)
    sent = await ada.do(
        SendFile(contact="Bob", path=plain_file(tmp_path, "plan.pdf", content), caption="the plan")
    )
    assert sent.kind == "file"
    assert sent.body == "the plan"
    assert sent.file is not None
    assert sent.file.state == "offered"
    await world.until(lambda: bool(bob.told(MessageReceived)))
    [came] = bob.told(MessageReceived)
    assert came.kind == "file"
    assert came.file is not None
    assert (came.file.name, came.file.size_bytes) == ("plan.pdf", len(content))
    await bob.do(AcceptFile(file_id=came.file.file_id))
    await world.until(lambda: any(one.state == "done" for one in ada.told(FileChanged)))
    assert await whole(bob, await only_file(bob)) == content
    assert (await only_file(ada)).state == "done"
