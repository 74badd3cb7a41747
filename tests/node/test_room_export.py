"""A room written out in each format: all of it, in its order, with nothing of others at work."""

import json

import pytest

from loom.api.command import Command
from loom.api.room_commands import (
    DeletePost,
    EditPost,
    PinPost,
    ReactToPost,
    RoomHistory,
    SendPost,
    SetRoomChannel,
    ShowRoom,
)
from loom.errors import ControlError
from loom.front.export import conversation
from loom.front.export.conversation import FORMATS, written_room
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, alike, join, make, say

NOW_MS = 1_795_000_000_000


async def out(person: Person, how: str, channel: str | None = None) -> str:
    """The room as one file."""
    parts = written_room(person.node.send, ROOM, FORMATS[how], channel=channel, now_ms=NOW_MS)
    return "".join([part.text async for part in parts])


async def test_a_room_is_written_out_in_every_format(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "PAGE", 3)  # several pages
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada)
    await join(world, ada, bob)
    await ada.do(SetRoomChannel(room=ROOM, channel="fruit"))
    root = await say(ada, "<b>apples</b>\x1b[31m")
    await alike(world, ada, bob, count=1)
    answer = await bob.do(SendPost(room=ROOM, body="ripe", thread=root.post_id))
    await bob.do(EditPost(room=ROOM, post_id=answer.post_id, body="very ripe"))
    await bob.do(SendPost(room=ROOM, body="these?", reply_to=root.post_id))
    gone = await say(ada, "never mind")
    await ada.do(DeletePost(room=ROOM, post_id=gone.post_id))
    await ada.do(PinPost(room=ROOM, post_id=root.post_id))
    await ada.do(ReactToPost(room=ROOM, post_id=root.post_id, emoji="\N{THUMBS UP SIGN}"))
    await alike(world, ada, bob, count=4)
    await world.pass_time(30.0)
    await say(ada, "in fruit", channel="fruit")

    for how in ("text", "markdown", "html"):
        page = await out(ada, how)
        assert "\x1b" not in page
        assert "never mind" not in page
        for said in ("very ripe", "these?", "(deleted)", "in a thread", "1 answer", "pinned"):
            assert said in page.replace("\\", "")
        assert page.count("very ripe") == 1
    page = await out(ada, "html")
    assert "<b>" not in page
    assert f'<a href="#post-{root.post_id}">' in page
    lines = [json.loads(line) for line in (await out(ada, "jsonl")).splitlines()]
    history = (await ada.do(RoomHistory(room=ROOM, limit=100))).posts
    assert [one["post_id"] for one in lines] == [one.post_id for one in history]
    assert {one["type"] for one in lines} == {"post"}
    fruit = [json.loads(line) for line in (await out(ada, "jsonl", "fruit")).splitlines()]
    assert [one["body"] for one in fruit] == ["in fruit"]


async def test_a_node_that_gives_the_same_posts_again_ends_the_export(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "PAGE", 2)
    ada = await world.person("Ada")
    await make(ada)
    for n in range(5):
        await say(ada, f"{n}")
    first = await ada.do(RoomHistory(room=ROOM, limit=2, oldest=True))
    view = await ada.do(ShowRoom(room=ROOM))

    async def send(command: Command[object]) -> object:
        return view if isinstance(command, ShowRoom) else first

    parts = written_room(send, ROOM, FORMATS["text"], now_ms=NOW_MS)  # type: ignore[arg-type]
    with pytest.raises(ControlError):
        async for _ in parts:
            pass
