"""Rooms: groups without an owner's server."""

from typing import Annotated, Final

import msgspec
import typer

from loom.api.client import Client
from loom.api.command import Command
from loom.api.room_commands import (
    AppointMember,
    DeletePost,
    EditPost,
    InviteToRoom,
    LeaveRoom,
    LiftBan,
    ListMembers,
    ListRooms,
    MakeRoom,
    MarkRoomRead,
    PinPost,
    ReactToPost,
    RemoveMember,
    RenameRoom,
    RoomHistory,
    SendPost,
    SetRoomChannel,
    ShowRoom,
)
from loom.api.room_views import PostView, RoomView
from loom.api.views import InviteView
from loom.cli import room_votes
from loom.cli.messages import LATER, PAGE, Limit, read_body
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import when
from loom.cli.room_arguments import Channel, Member, Post, Room, policy_command
from loom.cli.room_offers import confirm, dismiss, offered
from loom.cli.room_words import member_cells, post_words, room_words
from loom.errors import InvalidInput
from loom.front.durations import parse_duration
from loom.front.invite_words import narrow_words
from loom.front.room_lines import parse_history
from loom.front.sentences import shell_word
from loom.printable import printable

PANEL: Final = "Rooms"


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("new", new, "Make a room of your own."),
        ("list", list_, "List your rooms."),
        ("show", show, "Show one room."),
        ("invite", invite, "Print an invite: who pastes it joins the room."),
        ("members", members, "List who is in a room."),
        ("send", send, "Post in a room."),
        ("history", history, "Show what was posted, in order."),
        ("leave", leave, "Be a member no longer."),
        ("remove", remove, "Let somebody be a member no longer."),
        ("ban", ban, "The same, and let nobody bring them back."),
        ("unban", unban, "Let a banned identity be brought back."),
        ("appoint", appoint, "Give somebody a role."),
        ("rename", rename, "Give a room another name, for everybody."),
        ("policy", policy, "Change how much joiners are sent, and how long posts last."),
        ("channel", channel, "Open, change or close a channel."),
        ("edit", edit, "Give a post of yours another wording."),
        ("delete", delete, "Delete a post for everybody."),
        ("react", react, "React to a post with one emoji."),
        ("pin", pin, "Pin a post for everybody."),
        ("unpin", unpin, "Take a pin back."),
        ("poll", room_votes.poll, "Ask everybody, with options to choose."),
        ("choose", room_votes.choose, "Choose in a poll; the last choice counts."),
        ("council", room_votes.council, "Let several members decide by votes."),
        ("propose", room_votes.propose, "Propose a change to a council of yours."),
        ("vote", room_votes.vote, "Agree to a proposal, or not."),
        ("proposals", room_votes.proposals, "List what was proposed, and what became of it."),
        ("offered", offered, "List what removed officers did that nobody has decided about."),
        ("confirm", confirm, "Let some of it count."),
        ("dismiss", dismiss, "Be asked about some of it no longer."),
    )
    app.add_typer(group, name="room", help="Rooms: groups without a server.", rich_help_panel=PANEL)


def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What all members see.")],
    past: Annotated[
        str,
        typer.Option(
            "--history", metavar="all|none|N", help="How much of the past who joins is sent."
        ),
    ] = "all",
    retention: Annotated[
        str | None,
        typer.Option("--ephemeral", metavar="1h..30d", help="Delete posts everywhere after this."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    retention_s = 0 if retention is None else parse_duration(retention)
    command = MakeRoom(name=name, history=parse_history(past), retention_s=retention_s)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(command)
        caller.output.put(view, room_words(view))
        caller.output.note(f"Invite others: `loom room invite {shell_word(view.room)}`.")

    caller.run(work())


def list_(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListRooms())).rooms
        if caller.options.json:
            for view in found:
                caller.output.json(view)
        elif found:
            rows = [
                (
                    f"{view.number}",
                    view.room,
                    view.role if view.standing == "member" else view.standing,
                    f"{view.members}",
                    f"{view.unread or ''}",
                )
                for view in found
            ]
            caller.output.table(("No", "Room", "You are", "Members", "Unread"), rows)
        else:
            caller.output.note("No rooms: `loom room new NAME` makes one.")

    caller.run(work())


def show(context: typer.Context, room: Room) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ShowRoom(room=room))
        caller.output.put(view, room_words(view))

    caller.run(work())


def invite(
    context: typer.Context,
    room: Room,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it serves: 30m, 1h, 1d.")
    ] = "1d",
    no_direct: Annotated[
        bool, typer.Option("--no-direct", help="Leave this machine's own addresses out.")
    ] = False,
) -> None:
    caller = Caller.of(context)
    lifetime_s = parse_duration(expires)
    found: list[InviteView] = []

    async def work() -> None:
        async with caller.client() as client:
            command = InviteToRoom(room=room, lifetime_s=lifetime_s, direct=not no_direct)
            found.append(await client.send(command))

    caller.run(work())
    (view,) = found
    caller.output.put(view, view.text)
    if not caller.options.json:
        caller.output.note(
            f"For one person, until {when(view.expires_at_ms)}. Whoever reads it first can use it: "
            "`loom token import TEXT`."
        )
        if narrow := narrow_words(view.reached_at):
            caller.output.note(narrow)


def members(context: typer.Context, room: Room) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = await client.send(ListMembers(room=room))
        if caller.options.json:
            for view in (*found.members, *found.banned):
                caller.output.json(view)
            return
        rows = [member_cells(view) for view in found.members]
        caller.output.table(("Id", "Name", "Role", "Rank", "Badge", "Warning"), rows)
        for banned in found.banned:
            name = banned.name or "somebody who never was here"
            caller.output.note(f"Banned by {banned.by}: {name}, {banned.fingerprint[:16]}")

    caller.run(work())


def send(
    context: typer.Context,
    room: Room,
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-", help="The text; - reads it from standard input.")
    ],
    channel: Channel = "general",
    reply_to: Annotated[
        str | None,
        typer.Option("--reply-to", metavar="ID", help="The post that it answers."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    body = read_body() if text == "-" else text

    async def work() -> None:
        async with caller.client() as client:
            command = SendPost(room=room, body=body, channel=channel, reply_to=reply_to)
            view = await client.send(command)
        caller.output.put(view, post_words(view), done="It is posted: do not post it again.")
        if caller.opened_here:
            caller.output.note(f"Queued. {LATER}")

    caller.run(work())


def history(
    context: typer.Context,
    room: Room,
    limit: Limit = 50,
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="CHANNEL", help="Only of this channel.")
    ] = None,
    ids: Annotated[bool, typer.Option("--ids", help="Show the beginning of each id.")] = False,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            command = RoomHistory(room=room, channel=channel, limit=limit)
            found = await _all_pages(client, command)
            for post in found:
                caller.output.put(post, post_words(post, ids=ids))
            if not found and not caller.options.json:
                caller.output.note("Nothing found.")
            if caller.output.fancy:
                await _mark_read(client, room, found)

    caller.run(work())


async def _all_pages(client: Client, wanted: RoomHistory) -> list[PostView]:
    """Up to `wanted.limit` posts in their order, asked for in pages."""
    found: list[PostView] = []
    page = wanted
    while (missing := wanted.limit - len(found)) > 0:
        page = msgspec.structs.replace(page, limit=min(missing, PAGE))
        posts = (await client.send(page)).posts
        found[:0] = posts
        if len(posts) < page.limit:
            break
        page = msgspec.structs.replace(page, before=posts[0].post_id)
    return found


async def _mark_read(client: Client, room: str, posts: list[PostView]) -> None:
    newest: dict[str, int] = {}
    for post in posts:
        newest[post.channel] = max(newest.get(post.channel, 0), post.row_id)
    for channel, row_id in newest.items():
        await client.send(MarkRoomRead(room=room, channel=channel, row_id=row_id))


def leave(
    context: typer.Context,
    room: Room,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete here what was said there, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            if not yes:
                view = await client.send(ShowRoom(room=room))
                _confirm(f"Leave {view.room}? You come back only by another invite.")
            done = await client.send(LeaveRoom(room=room, delete=delete))
        caller.output.put(done, "You left.")

    caller.run(work())


def remove(
    context: typer.Context,
    room: Room,
    member: Member,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    _remove(context, room, member, is_ban=False, yes=yes)


def ban(
    context: typer.Context,
    room: Room,
    member: Member,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    _remove(context, room, member, is_ban=True, yes=yes)


def _remove(context: typer.Context, room: str, member: str, *, is_ban: bool, yes: bool) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            if not yes:
                _confirm(f"Remove {printable(member)}? What they posted until now stays.")
            view = await client.send(RemoveMember(room=room, member=member, ban=is_ban))
        caller.output.put(view, "Removed. What they have, they keep.")

    caller.run(work())


def unban(
    context: typer.Context,
    room: Room,
    fingerprint: Annotated[
        str, typer.Argument(metavar="FINGERPRINT", help="Its beginning, as the line says it.")
    ],
) -> None:
    _state(context, LiftBan(room=room, fingerprint=fingerprint))


def appoint(
    context: typer.Context,
    room: Room,
    member: Member,
    role: Annotated[
        str,
        typer.Argument(metavar="ROLE", help="owner, moderator, helper, guest or archive."),
    ],
) -> None:
    _state(context, AppointMember(room=room, member=member, role=role))


def rename(
    context: typer.Context,
    room: Room,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What all members see.")],
) -> None:
    _state(context, RenameRoom(room=room, name=name))


def policy(
    context: typer.Context,
    room: Room,
    past: Annotated[
        str | None,
        typer.Option(
            "--history", metavar="all|none|N", help="How much of the past who joins is sent."
        ),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option(
            "--ephemeral", metavar="1h..30d|off", help="Delete later posts everywhere after this."
        ),
    ] = None,
) -> None:
    if past is None and retention is None:
        raise InvalidInput(what="Give --history or --ephemeral")
    _state(context, policy_command(room, past, retention))


def channel(
    context: typer.Context,
    room: Room,
    name: Annotated[str, typer.Argument(metavar="CHANNEL", help="Its name, without the #.")],
    topic: Annotated[str, typer.Option("--topic", metavar="TEXT", help="What it is for.")] = "",
    restricted: Annotated[
        bool, typer.Option("--restricted", help="Only officers post there.")
    ] = False,
    close: Annotated[
        bool, typer.Option("--close", help="Nobody posts there any more; what was said stays.")
    ] = False,
) -> None:
    command = SetRoomChannel(
        room=room, channel=name, topic=topic, restricted=restricted, on=not close
    )
    _state(context, command)


def _state(context: typer.Context, command: Command[RoomView]) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(command)
        caller.output.put(view, room_words(view))

    caller.run(work())


def edit(
    context: typer.Context,
    room: Room,
    post: Post,
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-", help="The text; - reads it from standard input.")
    ],
) -> None:
    body = read_body() if text == "-" else text
    _post(context, EditPost(room=room, post_id=post, body=body))


def delete(context: typer.Context, room: Room, post: Post) -> None:
    _post(context, DeletePost(room=room, post_id=post))


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
    _post(context, ReactToPost(room=room, post_id=post, emoji=emoji or ""))


def pin(context: typer.Context, room: Room, post: Post) -> None:
    _post(context, PinPost(room=room, post_id=post))


def unpin(context: typer.Context, room: Room, post: Post) -> None:
    _post(context, PinPost(room=room, post_id=post, on=False))


def _post(context: typer.Context, command: Command[PostView]) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(command)
        caller.output.put(view, post_words(view))

    caller.run(work())


def _confirm(question: str) -> None:
    if not typer.confirm(printable(question), err=True):
        raise typer.Abort
