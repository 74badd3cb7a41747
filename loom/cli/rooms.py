"""Rooms: groups without an owner's server."""

from pathlib import Path
from typing import Annotated, Final

import typer

from loom.api.command import Command
from loom.api.contact_commands import ImportToken, ShowContact
from loom.api.invite_views import InviteView
from loom.api.message_commands import SendText
from loom.api.room_commands import (
    AppointMember,
    FindPost,
    InviteToRoom,
    JoinRoom,
    LeaveRoom,
    LiftBan,
    ListMembers,
    ListRooms,
    MakeRoom,
    MarkRoomRead,
    MarkRoomUnread,
    RemoveMember,
    RenameRoom,
    SetRoomChannel,
    SetRoomDirect,
    SetRoomPreferences,
    ShowRoom,
)
from loom.api.room_views import RoomView
from loom.cli import room_posts, room_votes, terminal
from loom.cli.completion import contact_names
from loom.cli.conversations import READ, UNREAD, mute_command
from loom.cli.export import export_room
from loom.cli.invites import put_invite
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.room_arguments import Member, OnlyChannel, Room, Thread, policy_command
from loom.cli.room_offers import confirm, dismiss, offered
from loom.cli.room_words import habit_words, member_cells, room_words, unread_words
from loom.cli.tokens import read_token
from loom.errors import InvalidInput
from loom.front.durations import parse_duration
from loom.front.moments import when
from loom.front.room_lines import parse_history
from loom.front.room_members import has_room_called
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
        ("join", join, "Join a room by an invite, or one that a member offers to go on in."),
        ("send", room_posts.send, "Post in a room."),
        ("history", room_posts.history, "Show what was posted, in order."),
        ("threads", room_posts.threads, "Show threads, that with the newest answer first."),
        ("mentions", room_posts.mentions, "Show posts that mention you, newest first."),
        ("pins", room_posts.pins, "Show what is pinned."),
        ("bookmarks", room_posts.bookmarks, "Show bookmarked posts, newest first."),
        ("leave", leave, "Be a member no longer."),
        ("remove", remove, "Let somebody be a member no longer."),
        ("ban", ban, "The same, and let nobody bring them back."),
        ("unban", unban, "Let a banned identity be brought back."),
        ("appoint", appoint, "Give somebody a role."),
        ("rename", rename, "Give a room another name, for everybody."),
        ("policy", policy, "Change how much joiners are sent, and how long posts last."),
        ("channel", channel, "Open, change or close a channel."),
        ("direct", direct, "Tell all members your addresses, and link to theirs."),
        ("edit", room_posts.edit, "Give a post of yours another wording."),
        ("edits", room_posts.edits, "Show what a post said before it was edited."),
        ("delete", room_posts.delete, "Delete a post for everybody."),
        ("react", room_posts.react, "React to a post with one emoji."),
        ("pin", room_posts.pin, "Pin a post for everybody."),
        ("unpin", room_posts.unpin, "Take a pin back."),
        ("bookmark", room_posts.bookmark, "Bookmark a post, here only."),
        ("mute", mute, "Mute a room or a channel: for a time, until further notice, or no longer."),
        ("notify", notify, "Choose which posts of a room or a channel you are notified of."),
        ("mark", mark, "Mark posts read, or the last ones unread again."),
        ("export", export_room, "Write a room out, unencrypted, in one file."),
        ("poll", room_votes.poll, "Ask everybody, with options to choose."),
        ("choose", room_votes.choose, "Choose in a poll; the last choice counts."),
        ("council", room_votes.council, "Let several members decide by votes."),
        ("propose", room_votes.propose, "Propose a change to a council of yours."),
        ("vote", room_votes.vote, "Agree to a proposal, or not."),
        ("continue", room_votes.continue_, "Offer all members to go on in a new room."),
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
    yes: Annotated[
        bool, typer.Option("--yes", help="Make another one of a name that you have.")
    ] = False,
) -> None:
    caller = Caller.of(context)
    retention_s = 0 if retention is None else parse_duration(retention)
    command = MakeRoom(name=name, history=parse_history(past), retention_s=retention_s)

    async def work() -> None:
        async with caller.client() as client:
            if not yes and has_room_called(name, (await client.send(ListRooms())).rooms):
                question = f"You are in a room {name} already. Make another one of that name?"
                terminal.confirm(question, "No room was made")
            view = await client.send(command)
        caller.output.put(view, room_words(view))
        caller.output.note(f"Invite others: `loom room invite {shell_word(view.room)}`.")

    caller.run(work())


def list_(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListRooms())).rooms
        caller.output.listed(
            found,
            ("No", "Room", "You are", "Members", "Unread", "Last", ""),
            _cells,
            none="No rooms: `loom room new NAME` makes one.",
        )

    caller.run(work())


def _cells(view: RoomView) -> tuple[str, ...]:
    return (
        f"{view.number}",
        view.room,
        view.role if view.standing == "member" else view.standing,
        f"{view.members}",
        unread_words(view.unread, view.mentions),
        "" if view.last is None else when(view.last.sent_at_ms),
        "muted" if view.muted else "",
    )


def show(context: typer.Context, room: Room) -> None:
    Caller.of(context).show(ShowRoom(room=room), room_words)


def invite(
    context: typer.Context,
    room: Room,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it serves: 30m, 1h, 1d.")
    ] = "1d",
    no_direct: Annotated[
        bool, typer.Option("--no-direct", help="Leave this machine's own addresses out.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="CONTACT",
            help="Send it to a contact as a message.",
            autocompletion=contact_names,
        ),
    ] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Print it as a QR code too.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write it to a private file; -: print it."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    lifetime_s = parse_duration(expires)
    found: list[InviteView] = []

    async def work() -> None:
        async with caller.client() as client:
            if to is not None:
                await client.send(ShowContact(contact=to))
            command = InviteToRoom(room=room, lifetime_s=lifetime_s, direct=not no_direct)
            view = await client.send(command)
            if to is not None:
                await client.send(SendText(contact=to, body=view.text))
            found.append(view)

    caller.run(work())
    (view,) = found
    put_invite(caller, view, is_address=False, qr=qr, out=out, is_sent=to is not None)


def join(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT|FILE|-|ROOM",
            help="An invite, a file, standard input; or a room that is offered.",
        ),
    ],
) -> None:
    from loom.wire.invite import decode_invite, is_invite

    is_text = text == "-" or text.strip().upper().startswith("LOOM-")
    if not is_text and not Path(text).is_file():
        _state(context, JoinRoom(room=text))
        return
    caller = Caller.of(context)
    token = read_token(text)
    door = decode_invite(token).room if is_invite(token) else None
    if door is None:
        raise InvalidInput(what="That is no invite into a room: `loom token import` takes it")

    async def work() -> None:
        async with caller.client() as client:
            await client.send(ImportToken(token=token))
            view = await client.send(ShowRoom(room=door.room_id.hex()))
        caller.output.put(view, room_words(view))
        caller.output.note("You are in it once who invited you was reached.")

    caller.run(work())


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
        caller.output.table(("Id", "Name", "Role", "Rank", "Badge", "Reached", "Warning"), rows)
        apart = sum(one.reach == "members" and not one.own for one in found.members)
        if apart:
            caller.output.note(_apart_words(room, apart))
        for banned in found.banned:
            name = banned.name or "somebody who never was here"
            caller.output.note(f"Banned by {banned.by}: {name}, {banned.fingerprint[:16]}")

    caller.run(work())


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
                question = f"Leave {view.room}? You come back only by another invite."
                terminal.confirm(question, "You are still in the room")
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
                check = RemoveMember(room=room, member=member, ban=is_ban, only_check=True)
                await client.send(check)
                question = f"Remove {member}? What they posted until now stays."
                terminal.confirm(question, "Nobody was removed")
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


def direct(
    context: typer.Context,
    room: Room,
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
) -> None:
    _state(context, SetRoomDirect(room=room, on=not off))


def _state(context: typer.Context, command: Command[RoomView]) -> None:
    Caller.of(context).show(command, room_words)


def mute(
    context: typer.Context,
    room: Room,
    how_long: Annotated[
        str | None,
        typer.Argument(
            metavar="[1h|8h|1w|off]", help="How long, or `off`; without it, until you say `off`."
        ),
    ] = None,
    channel: OnlyChannel = None,
) -> None:
    asked = mute_command("", how_long or "")
    _prefer(
        context,
        SetRoomPreferences(
            room=room, channel=channel, muted=asked.muted, mute_until_ms=asked.mute_until_ms
        ),
    )


def notify(
    context: typer.Context,
    room: Room,
    level: Annotated[
        str,
        typer.Argument(
            metavar="everything|mentions|nothing|room",
            help="What you are notified of; room: of a channel as of the room.",
        ),
    ],
    channel: OnlyChannel = None,
) -> None:
    wanted = level.casefold()
    is_as_room = wanted == "room" and channel is not None
    _prefer(
        context,
        SetRoomPreferences(room=room, channel=channel, level="" if is_as_room else wanted),
    )


def mark(
    context: typer.Context,
    room: Room,
    how: Annotated[str, typer.Argument(metavar="read|unread", help="What it shall be.")],
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="ID", help="With `unread`: from this post on."),
    ] = None,
    channel: OnlyChannel = None,
    thread: Thread = None,
) -> None:
    if how not in (READ, UNREAD) or (how == READ and first is not None):
        raise InvalidInput(what=f"Write {READ}, or {UNREAD} with or without --from ID")
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            row_id = None
            if first is not None:
                row_id = (await client.send(FindPost(room=room, name=first))).row_id
            if how == READ:
                await client.send(MarkRoomRead(room=room, channel=channel, thread=thread))
            else:
                command = MarkRoomUnread(room=room, row_id=row_id, channel=channel, thread=thread)
                await client.send(command)
            view = await client.send(ShowRoom(room=room))
        name = printable(view.room)
        counted = unread_words(view.unread, view.mentions)
        words = f"Unread in {name}: {counted}." if counted else f"Everything in {name} is read."
        caller.output.put(view, words)

    caller.run(work())


def _prefer(context: typer.Context, command: SetRoomPreferences) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(command)
        caller.output.put(view, habit_words(view, command))

    caller.run(work())


def _apart_words(room: str, count: int) -> str:
    """What helps with members whom only others reach."""
    what = "One member is" if count == 1 else f"{count} members are"
    return (
        f"{what} reached through others only: what you post waits until a member whom both know is "
        f"there. An anchor helps, or `loom room direct {shell_word(room)}`."
    )
