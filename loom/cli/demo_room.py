"""`loom demo --room`: a room with Ada, Ben and Cleo, who answer, react, pin, ask and moderate."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from loom.api.client import Client
from loom.api.contact_commands import ImportToken
from loom.api.events import AnyEvent, RoomJoined, RoomPostChanged, RoomPosted, Warned
from loom.api.profile_commands import Status
from loom.api.room_commands import (
    AppointMember,
    ChooseInPoll,
    DeletePost,
    InviteToRoom,
    ListMembers,
    MakeRoom,
    PinPost,
    PostPoll,
    ReactToPost,
    SendPost,
    SetRoomChannel,
)
from loom.cli.ada import answer
from loom.cli.events import note_event
from loom.cli.opening import Caller, following
from loom.cli.plain.commands import COMMANDS
from loom.cli.room_words import post_words
from loom.cli.typed_lines import LINE_MAX_BYTES, typed_lines
from loom.errors import InvalidInput, InvalidText, NotDelivered
from loom.front.given_text import text_of
from loom.front.slash import Refused, Run, Say, read_line
from loom.wire.limits import TEXT_MAX_BYTES

ROOM: Final = "The attic"
GREETING: Final = (
    f'You made the room "{ROOM}", and Ada, Ben and Cleo joined it by invites of yours. '
    "Write something: Enter sends it to all of them."
)
YOU: Final = "You"
GUESTS: Final = ("Ada", "Ben", "Cleo")
_WELCOMES: Final = {
    "Ada": "Welcome to the room that you made. The three of us are programs on this machine: "
    "write something, and Enter sends it to all.",
    "Ben": "Esc selects a post; then r answers it, + reacts, T opens a thread. F2 shows the room, "
    "/members who is in it.",
}
MEETING_TIMEOUT_S: Final = 60.0
_BENS_REMARKS: Final = (
    "I read that, too. Nobody's server did.",
    "It came to me from you directly, and would have come from Ada if I had been away.",
    "Signed by you: I could prove to others that you wrote it.",
    "Noted up here in the attic.",
)
_SPAM: Final = "HATS! Cheap hats, only today, only here: three hats for the price of four!"
_SORRY: Final = "Fair enough, no more hats. Ada moderates here, because you gave her that role."
_CLEOS_REMARKS: Final = (
    "I read that, and have no hat to offer.",
    "If you remove me, I am sent nothing any more. I keep what I have.",
    "Say @Ben, and he is told that you mean him.",
)
_QUESTION: Final = "Shall we meet here again?"
_OPTIONS: Final = ["Yes, gladly", "Only if there is tea"]
_QUIT: Final = tuple(one for one in COMMANDS if one.name == "quit")


async def meet(you: Client, others: Mapping[str, Client]) -> None:
    """Make the room; the others join it, each by an invite. The first one moderates it."""
    async with asyncio.timeout(MEETING_TIMEOUT_S):
        await you.send(MakeRoom(name=ROOM))
        for client in others.values():
            invite = await you.send(InviteToRoom(room=ROOM))
            await client.send(ImportToken(token=invite.text, name=YOU))
            await _until(client, lambda event: isinstance(event, RoomJoined))
        await you.send(AppointMember(room=ROOM, member=next(iter(others)), role="moderator"))
        await you.send(SetRoomChannel(room=ROOM, channel="tea", topic="everything but hats"))


async def welcome(you: Client, others: Mapping[str, Client]) -> None:
    """The guests say in the room how it is used."""
    async with asyncio.timeout(MEETING_TIMEOUT_S):
        for name, words in _WELCOMES.items():
            post = await others[name].send(SendPost(room=ROOM, body=words))
            await _until(you, partial(_is_post, post.post_id))


def _is_post(post_id: str, event: AnyEvent) -> bool:
    return isinstance(event, RoomPosted) and event.post_id == post_id


async def live(others: Mapping[str, Client]) -> None:
    """They answer until this is cancelled."""
    async with asyncio.TaskGroup() as group:
        for name, client in others.items():
            group.create_task(_Guest(name, client).answer(), name=name)


async def _until(client: Client, holds: Callable[[AnyEvent], bool]) -> None:
    async with following(client, 0) as events:
        async for event in events:
            if holds(event):
                return


class _Guest:
    """Answers each post of the user; Ada moderates, Ben asks something, Cleo spams once."""

    def __init__(self, name: str, client: Client) -> None:
        self._name = name
        self._client = client
        self._turn = 0

    async def answer(self) -> None:
        async with following(self._client, 0) as events:
            async for event in events:
                if isinstance(event, RoomPostChanged):
                    if event.own and event.deleted:
                        await self._say(_SORRY, event)
                elif isinstance(event, RoomPosted) and event.line is None and not event.own:
                    await self._meet(event)

    async def _meet(self, post: RoomPosted) -> None:
        send = self._client.send
        if post.poll is not None:
            await send(ChooseInPoll(room=ROOM, post_id=post.post_id, options=["1"]))
        if self._name == "Ada" and post.body == _SPAM and not post.deleted:
            await send(DeletePost(room=ROOM, post_id=post.post_id))
        if post.author != YOU or post.kind != "text":
            return
        turn, self._turn = self._turn, self._turn + 1
        match self._name:
            case "Ada":
                now = datetime.now().astimezone()
                await self._say(answer(post.body, turn=turn, now=now), post, is_answer=True)
                if turn == 0:
                    await send(PinPost(room=ROOM, post_id=post.post_id))
            case "Ben":
                thumb = "\N{THUMBS UP SIGN}"
                await send(ReactToPost(room=ROOM, post_id=post.post_id, emoji=thumb))
                remark = _BENS_REMARKS[turn % len(_BENS_REMARKS)]
                await self._say(remark, post, is_answer=True)
                if turn == 0:
                    poll = PostPoll(
                        room=ROOM, channel=post.channel, question=_QUESTION, options=_OPTIONS
                    )
                    await send(poll)
            case _:
                remark = _CLEOS_REMARKS[turn % len(_CLEOS_REMARKS)] if turn else _SPAM
                await self._say(remark, post, is_answer=True)

    async def _say(self, body: str, post: RoomPosted, *, is_answer: bool = False) -> None:
        """Post where a post stands."""
        command = SendPost(
            room=ROOM,
            channel=post.channel,
            thread=post.thread,
            body=body,
            reply_to=post.post_id if is_answer else None,
        )
        await self._client.send(command)


class RoomTalk:
    """Lines become posts, and what others do in the room is shown.

    Args:
        answer_timeout_s: set: after each line, the others' answers are waited for so long.
    """

    def __init__(
        self, caller: Caller, client: Client, *, answer_timeout_s: float | None = None
    ) -> None:
        self._output = caller.output
        self._client = client
        self._answer_timeout_s = answer_timeout_s
        self._awaited = ""
        self._answered: set[str] = set()
        self._all_answered = asyncio.Event()
        self._others = 0

    async def run(self, lines: AsyncIterator[bytes] | None = None) -> None:
        """Until /quit or the end of the lines."""
        members = (await self._client.send(ListMembers(room=ROOM))).members
        self._others = len(members) - 1
        last_seq = (await self._client.send(Status())).last_seq
        async with following(self._client, last_seq) as events:
            showing = asyncio.create_task(self._show(events), name="events")
            reading = asyncio.create_task(
                self._read(typed_lines() if lines is None else lines), name="lines"
            )
            try:
                done, _ = await asyncio.wait(
                    (reading, showing), return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                for task in (reading, showing):
                    task.cancel()
                await asyncio.gather(reading, showing, return_exceptions=True)
            for task in done:
                task.result()

    async def _read(self, lines: AsyncIterator[bytes]) -> None:
        async for line in lines:
            if len(line) > LINE_MAX_BYTES:
                raise InvalidText(reason=f"it has more than {TEXT_MAX_BYTES} bytes")
            try:
                text = text_of(line)
            except UnicodeDecodeError as error:
                raise InvalidText(reason="it is not valid UTF-8") from error
            match read_line(text, _QUIT):
                case Run():
                    return
                case Refused(why=why) if sys.stdin.isatty():
                    self._output.note(why)
                case Refused(why=why):
                    raise InvalidInput(what=why.rstrip("."))
                case Say(text=said) if said.strip():
                    await self._post(said)

    async def _post(self, text: str) -> None:
        post = await self._client.send(SendPost(room=ROOM, body=text))
        self._awaited = post.post_id
        self._answered.clear()
        self._all_answered.clear()
        if self._answer_timeout_s is None:
            return
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                await self._all_answered.wait()
        except TimeoutError as error:
            raise NotDelivered(timeout_s=f"{self._answer_timeout_s:g}") from error

    async def _show(self, events: AsyncIterator[AnyEvent]) -> None:
        async for event in events:
            if isinstance(event, Warned):
                note_event(self._output, event)
            elif isinstance(event, RoomPosted):
                self._show_post(event)

    def _show_post(self, post: RoomPosted) -> None:
        is_typed = post.own and post.line is None and not isinstance(post, RoomPostChanged)
        if self._output.as_json or not is_typed:
            self._output.put(post, post_words(post))
        if post.reply_to == self._awaited and not post.own:
            self._answered.add(post.author_id)
            if len(self._answered) >= self._others:
                self._all_answered.set()
