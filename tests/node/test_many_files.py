"""Lists of files that are longer than one answer."""

from itertools import product
from pathlib import Path

import msgspec
import pytest

from loom.api.file_commands import ListFiles, SendFile
from loom.api.message_commands import DeleteMessages
from loom.control.lines import ANSWER_MAX_BYTES
from loom.errors import InvalidInput
from loom.front.file_pages import at_most, each
from loom.front.file_words import ENDED
from loom.model import FileId, TransferState
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.files import NewFile
from tests.node.harness import World
from tests.node.test_files import plain_file

MANY = 30_000
RGB = files.Thumbnail(48, 64, b"\x7f" * 9_216)


def _file(number: int, conversation_id: int, state: TransferState = TransferState.DONE) -> NewFile:
    is_kept = number % 3 == 0
    return NewFile(
        file_id=FileId(number.to_bytes(16, "big")),
        is_own=False,
        name=f"{number}.png",
        size=number % 1_000,
        media_type="image/png" if number % 2 else "text/plain",
        root=b"r" * 32,
        secret=b"s" * 32,
        state=state,
        offered_at_ms=number,
        conversation_id=conversation_id,  # type: ignore[arg-type]
        thumbnail=RGB if number % 100 == 0 else None,
        blob_id=number.to_bytes(16, "big") if is_kept else None,
        is_whole=is_kept,
    )


async def test_more_files_than_an_answer_holds_are_listed_page_by_page(world: World) -> None:
    """Each once, in their order, whatever comes meanwhile."""
    ada, _ = await world.friends("Ada", "Bob")

    def fill(db: Db) -> None:
        [(conversation,)] = db.execute("SELECT conversation_id FROM conversations")
        for number in range(MANY):
            files.add(db, _file(number, conversation))

    await ada.database.write(fill)
    newest = [one.name async for one in each(ada.do, ListFiles())]
    assert newest == [f"{number}.png" for number in reversed(range(MANY))]
    largest = [one async for one in each(ada.do, ListFiles(largest=True))]
    assert [(-one.size_bytes, -one.row_id) for one in largest] == sorted(
        (-one.size_bytes, -one.row_id) for one in largest
    )
    assert len({one.file_id for one in largest}) == MANY
    page = await ada.do(ListFiles(limit=1_000_000))
    assert len(page.files) == 1_000
    assert len(msgspec.json.encode(page)) < ANSWER_MAX_BYTES
    assert page.total == MANY
    wanted = ListFiles(
        contact="Bob",
        kept=True,
        media_type="image/",
        state="ended",
        before_ms=20_000,
        larger_than_bytes=100,
    )
    matching = [n for n in range(20_000) if n % 3 == 0 and n % 2 and n % 1_000 > 100]
    found = await at_most(ada.do, wanted, 1_500)
    assert [one.name for one in found.files] == [f"{n}.png" for n in matching[::-1]][:1_500]
    assert (found.total, found.total_bytes) == (len(matching), sum(n % 1_000 for n in matching))


async def test_a_page_follows_a_file_that_is_gone(world: World, tmp_path: Path) -> None:
    """Its message was deleted while somebody read the list."""
    ada, _ = await world.friends("Ada", "Bob")
    sent = [
        await ada.do(SendFile(contact="Bob", path=plain_file(tmp_path, name, b"x")))
        for name in ("a", "b", "c")
    ]
    first = await ada.do(ListFiles(limit=2))
    assert [one.name for one in first.files] == ["c", "b"]
    await ada.do(DeleteMessages(contact="Bob", message_ids=[sent[1].message_id]))
    rest = await ada.do(ListFiles(limit=2, before_row=first.files[-1].row_id))
    assert [one.name for one in rest.files] == ["a"]
    with pytest.raises(InvalidInput):
        await ada.do(ListFiles(limit=0))


async def test_a_list_of_one_state_holds_what_is_shown_in_it(world: World) -> None:
    """The database and what front ends are told agree about every state."""
    ada, _ = await world.friends("Ada", "Bob")

    def fill(db: Db) -> None:
        [(conversation,)] = db.execute("SELECT conversation_id FROM conversations")
        shapes = product(files.STATES, (False, True), (0, 1))
        for number, (state, is_paused, way) in enumerate(shapes):
            row_id = files.add(db, _file(number, conversation, state))
            db.execute(
                "UPDATE files SET is_paused = ?, way = ? WHERE row_id = ?",
                (is_paused, way, row_id),
            )

    await ada.database.write(fill)
    every = (await ada.do(ListFiles())).files
    assert len(every) == 4 * (len(files.STATES) - 1)
    for state in files.SHOWN_STATES:
        listed = (await ada.do(ListFiles(state=state))).files
        wanted = ENDED if state == "ended" else (state,)
        assert listed == [one for one in every if one.state in wanted]
        assert listed
    with pytest.raises(InvalidInput):
        await ada.do(ListFiles(state="uploaded"))
