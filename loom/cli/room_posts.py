"""Posts of rooms: written, shown, changed."""

from typing import Annotated

import msgspec
import typer

from loom.api.client import Client
from loom.api.command import Command
from loom.api.events import RoomEvent, RoomPostChanged, RoomPosted
from loom.api.profile_commands import Status
from loom.api.room_commands import (
    BookmarkPost,
    DeletePost,
    EditPost,
    FindPost,
    ListRoomMentions,
    ListRoomPins,
    ListThreads,
    MarkRoomRead,
    PinPost,
    ReactToPost,
    RoomHistory,
    SendPost,
    ShowPostEdits,
    ShowRoom,
)
from loom.api.room_views import Posts, PostView
from loom.cli.events import put_event
from loom.cli.messages import LATER, PAGE, Limit, Moment, read_body
from loom.cli.opening import Caller, following
from loom.cli.output import body_words
from loom.cli.room_arguments import OnlyChannel, Post, Room, Thread
from loom.cli.room_words import post_words
from loom.cli.statements import Off, bookmarked_posts
from loom.errors import InvalidInput
from loom.front.durations import parse_timer
from loom.front.moments import moment_ms, when

NAMED = ("last", "theirs")
Text = Annotated[
    str, typer.Argument(metavar="TEXT|-", help="The text; - reads it from standard input.")
]
Ids = Annotated[bool, typer.Option("--ids", help="Show the beginning of each id.")]


def send(
    context: typer.Context,
    room: Room,
    text: Text,
    channel: Annotated[
        str, typer.Option("--channel", metavar="CHANNEL", help="Where to post.")
    ] = "general",
    reply_to: Annotated[
        str | None,
        typer.Option("--reply-to", metavar="ID", help="The post that it answers."),
    ] = None,
    thread: Annotated[
        str | None,
        typer.Option("--thread", metavar="ID", help="Post in the thread of this post."),
    ] = None,
    mention: Annotated[
        list[str] | None,
        typer.Option(
            "--mention", metavar="MEMBER", help="Whom it addresses, where several have one name."
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="1h", help="Let it disappear so long after it was sent."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    body = read_body() if text == "-" else text
    expires_s = 0 if expires is None else parse_timer(expires)

    async def work() -> None:
        async with caller.client() as client:
            command = SendPost(
                room=room,
                body=body,
                channel=channel,
                reply_to=await named_id(client, room, reply_to),
                thread=await named_id(client, room, thread),
                mentions=mention or [],
                expires_s=expires_s,
            )
            view = await client.send(command)
        caller.output.put(view, post_words(view), done="It is posted: do not post it again.")
        if caller.opened_here:
            caller.output.note(f"Queued. {LATER}")

    caller.run(work())


def history(
    context: typer.Context,
    room: Room,
    limit: Limit = 50,
    channel: OnlyChannel = None,
    thread: Thread = None,
    around: Annotated[
        str | None,
        typer.Option("--around", metavar="ID", help="The posts before and after this one."),
    ] = None,
    before: Moment = None,
    since: Moment = None,
    follow: Annotated[bool, typer.Option("--follow", help="Keep printing new posts.")] = False,
    ids: Ids = False,
) -> None:
    caller = Caller.of(context)
    before_ms, since_ms = moment_ms(before), moment_ms(since)
    if follow and (around is not None or before_ms is not None):
        raise InvalidInput(what="--follow goes on from the newest posts: leave out the other one")

    async def work() -> None:
        async with caller.client(caller.online()) if follow else caller.client() as client:
            last_seq = (await client.send(Status())).last_seq if follow else 0
            thread_id = await named_id(client, room, thread)
            command = RoomHistory(
                room=room,
                channel=channel,
                limit=limit,
                thread=thread_id,
                around=await named_id(client, room, around),
                before_ms=before_ms,
                since_ms=since_ms,
            )
            if around is None:
                found = await _all_pages(client, command)
            else:
                found = (await client.send(command)).posts
            _put(caller, found, ids=ids, is_all=not follow)
            if caller.output.fancy:
                await _mark_read(client, room, found)
            if follow:
                await _follow(caller, client, last_seq, command, found, ids=ids)

    caller.run(work())


def threads(
    context: typer.Context,
    room: Room,
    limit: Limit = 50,
    channel: OnlyChannel = None,
) -> None:
    _list(context, ListThreads(room=room, channel=channel, limit=limit))


def mentions(context: typer.Context, room: Room, limit: Limit = 50) -> None:
    _list(context, ListRoomMentions(room=room, limit=limit))


def pins(context: typer.Context, room: Room, channel: OnlyChannel = None) -> None:
    _list(context, ListRoomPins(room=room, channel=channel))


def edit(context: typer.Context, room: Room, post: Post, text: Text) -> None:
    body = read_body() if text == "-" else text
    _change(context, EditPost(room=room, post_id=post, body=body))


def edits(context: typer.Context, room: Room, post: Post) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = await client.send(ShowPostEdits(room=room, post_id=post))
        if caller.options.json:
            caller.output.json(found)
            return
        for one in found.wordings:
            caller.output.line(body_words(f"{when(one.sent_at_ms)}  ", one.body))
        if len(found.wordings) < 2:
            caller.output.note("It was not edited.")

    caller.run(work())


def delete(context: typer.Context, room: Room, post: Post) -> None:
    _change(context, DeletePost(room=room, post_id=post))


def react(
    context: typer.Context,
    room: Room,
    post: Post,
    emoji: Annotated[
        str | None, typer.Argument(metavar="EMOJI", help="It replaces an earlier one of yours.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take your reaction back.")] = False,
) -> None:
    if remove == (emoji is not None):
        raise InvalidInput(what="Give either an emoji or --remove")
    _change(context, ReactToPost(room=room, post_id=post, emoji=emoji or ""))


def pin(context: typer.Context, room: Room, post: Post) -> None:
    _change(context, PinPost(room=room, post_id=post))


def unpin(context: typer.Context, room: Room, post: Post) -> None:
    _change(context, PinPost(room=room, post_id=post, on=False))


def bookmark(context: typer.Context, room: Room, post: Post, off: Off = False) -> None:
    _change(context, BookmarkPost(room=room, post_id=post, on=not off))


def bookmarks(context: typer.Context, room: Room, limit: Limit = 50) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = await bookmarked_posts(client, room, limit)
        _put(caller, found, ids=True)

    caller.run(work())


Change = BookmarkPost | EditPost | DeletePost | ReactToPost | PinPost


def _change(context: typer.Context, command: Change) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            post_id = await named_id(client, command.room, command.post_id)
            asked: Command[PostView] = msgspec.structs.replace(command, post_id=post_id)
            view = await client.send(asked)
        caller.output.put(view, post_words(view))

    caller.run(work())


def _list(context: typer.Context, command: Command[Posts]) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(command)).posts
        _put(caller, found, ids=True)

    caller.run(work())


async def _follow(
    caller: Caller,
    client: Client,
    after: int,
    wanted: RoomHistory,
    printed: list[PostView],
    *,
    ids: bool,
) -> None:
    """Print what comes in the room, its channel or thread; not again what was printed."""
    room_id = (await client.send(ShowRoom(room=wanted.room))).room_id
    shown = {post.post_id for post in printed}
    async with following(client, after) as events:
        async for event in events:
            if not isinstance(event, RoomEvent) or event.room_id != room_id:
                continue
            if not isinstance(event, RoomPosted):
                put_event(caller.output, event)
                continue
            is_elsewhere = wanted.channel not in (None, event.channel)
            threads = event.thread or "", event.post_id
            is_elsewhere |= not any(one.startswith(wanted.thread or "") for one in threads)
            is_again = not isinstance(event, RoomPostChanged) and event.post_id in shown
            if is_elsewhere or is_again:
                continue
            caller.output.put(event, post_words(event, ids=ids))
            if caller.output.fancy and event.unread:
                place = MarkRoomRead(
                    room=room_id,
                    channel=event.channel,
                    thread=event.thread,
                    from_row=event.row_id,
                    row_id=event.row_id,
                )
                await client.send(place)


def _put(caller: Caller, posts: list[PostView], *, ids: bool, is_all: bool = True) -> None:
    for post in posts:
        caller.output.put(post, post_words(post, ids=ids))
    if is_all and not posts and not caller.options.json:
        caller.output.note("Nothing found.")


async def named_id(client: Client, room: str, name: str | None) -> str | None:
    """The id of a post that is named by `last`, `theirs` or its row; else what was typed."""
    if name is None or not (name in NAMED or name.startswith("#")):
        return name
    return (await client.send(FindPost(room=room, name=name))).post_id


async def _all_pages(client: Client, wanted: RoomHistory) -> list[PostView]:
    """Up to `wanted.limit` posts in their order, asked for in pages."""
    found: list[PostView] = []
    page = wanted
    while (missing := wanted.limit - len(found)) > 0:
        page = msgspec.structs.replace(page, limit=min(missing, PAGE))
        answer = await client.send(page)
        found[:0] = answer.posts
        if not answer.older or not answer.posts:
            break
        page = msgspec.structs.replace(page, before=answer.posts[0].post_id)
    return found


async def _mark_read(client: Client, room: str, posts: list[PostView]) -> None:
    """What a person saw, of each channel and thread."""
    rows: dict[tuple[str, str | None], list[int]] = {}
    for post in posts:
        if post.unread:
            rows.setdefault((post.channel, post.thread), []).append(post.row_id)
    for (channel, thread), seen in rows.items():
        command = MarkRoomRead(
            room=room, channel=channel, thread=thread, from_row=min(seen), row_id=max(seen)
        )
        await client.send(command)
