"""Commands of rooms by which many decide: polls, councils and votes; and going on in a new room."""

from enum import StrEnum
from typing import Annotated

import typer

from loom.api.command import Command
from loom.api.room_commands import (
    AppointCouncil,
    AppointMember,
    ChooseInPoll,
    ContinueRoom,
    DeletePost,
    LiftBan,
    ListProposals,
    PinPost,
    PostPoll,
    ProposeChange,
    RemoveMember,
    RenameRoom,
    RoomChange,
    SetRoomChannel,
    VoteOnProposal,
)
from loom.api.room_views import CouncilView, RoomView
from loom.cli.messages import Limit
from loom.cli.opening import Caller
from loom.cli.room_arguments import Channel, Post, Room, policy_command
from loom.cli.room_posts import named_id
from loom.cli.room_words import ID_SHOWN, post_words, room_words
from loom.errors import InvalidInput
from loom.front.durations import parse_duration
from loom.printable import printable


def poll(
    context: typer.Context,
    room: Room,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What is asked.")],
    options: Annotated[list[str], typer.Argument(metavar="OPTION...", help="2 to 12 answers.")],
    many: Annotated[bool, typer.Option("--many", help="More than one may be chosen.")] = False,
    closes: Annotated[
        str | None,
        typer.Option("--closes", metavar="TIME", help="After this no choice counts: 1h, 1d."),
    ] = None,
    channel: Channel = "general",
) -> None:
    caller = Caller.of(context)
    closes_in_s = 0 if closes is None else parse_duration(closes)

    async def work() -> None:
        async with caller.client() as client:
            command = PostPoll(
                room=room,
                question=question,
                options=options,
                many=many,
                closes_in_s=closes_in_s,
                channel=channel,
            )
            view = await client.send(command)
        caller.output.put(view, post_words(view, ids=True))

    caller.run(work())


def choose(
    context: typer.Context,
    room: Room,
    post: Post,
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="OPTION...", help="As written, or its number from 1."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take your choice back.")] = False,
) -> None:
    if remove == bool(options):
        raise InvalidInput(what="Give either options or --remove")
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            command = ChooseInPoll(
                room=room, post_id=await named_id(client, room, post) or post, options=options or []
            )
            view = await client.send(command)
        caller.output.put(view, post_words(view))

    caller.run(work())


def council(
    context: typer.Context,
    room: Room,
    threshold: Annotated[
        int, typer.Option("--threshold", metavar="N", help="How many must agree: more than half.")
    ],
    members: Annotated[
        list[str],
        typer.Option("--member", metavar="MEMBER", help="Who belongs to it; once for each."),
    ],
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="As of a member: owner, moderator ...")
    ] = "owner",
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(
                AppointCouncil(room=room, threshold=threshold, members=members, role=role)
            )
        caller.output.put(view, "\n".join(map(council_words, view.councils)) or "It has no power.")

    caller.run(work())


def propose(
    context: typer.Context,
    room: Room,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="remove, ban, unban, appoint, council, rename, policy, channel, pin, unpin or"
            " delete, and what that command takes.",
        ),
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What the others read about it.")
    ] = "",
    council: Annotated[
        str,
        typer.Option("--council", metavar="ID", help="The beginning of its id, of several."),
    ] = "",
    channel: Channel = "general",
    past: Annotated[
        str | None, typer.Option("--history", metavar="all|none|N", help="Of a policy.")
    ] = None,
    retention: Annotated[
        str | None, typer.Option("--ephemeral", metavar="1h..30d|off", help="Of a policy.")
    ] = None,
    topic: Annotated[str, typer.Option("--topic", metavar="TEXT", help="Of a channel.")] = "",
    restricted: Annotated[bool, typer.Option("--restricted", help="Of a channel.")] = False,
    close: Annotated[bool, typer.Option("--close", help="Of a channel.")] = False,
    threshold: Annotated[
        int, typer.Option("--threshold", metavar="N", help="Of another council.")
    ] = 0,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="Of another council.")
    ] = "owner",
) -> None:
    caller = Caller.of(context)
    change: RoomChange
    match what:
        case ["remove" | "ban" as word, member]:
            change = RemoveMember(room=room, member=member, ban=word == "ban")
        case ["unban", fingerprint]:
            change = LiftBan(room=room, fingerprint=fingerprint)
        case ["appoint", member, named]:
            change = AppointMember(room=room, member=member, role=named)
        case ["council", *members] if members:
            change = AppointCouncil(room=room, threshold=threshold, members=members, role=role)
        case ["rename", name]:
            change = RenameRoom(room=room, name=name)
        case ["policy"] if past is not None or retention is not None:
            change = policy_command(room, past, retention)
        case ["channel", name]:
            change = SetRoomChannel(
                room=room, channel=name, topic=topic, restricted=restricted, on=not close
            )
        case ["pin" | "unpin" as word, post]:
            change = PinPost(room=room, post_id=post, on=word == "pin")
        case ["delete", post]:
            change = DeletePost(room=room, post_id=post)
        case _:
            raise InvalidInput(
                what="Propose one of: remove MEMBER, ban MEMBER, unban FINGERPRINT, appoint MEMBER"
                " ROLE, council MEMBER... --threshold N, rename NAME, policy --history N, channel"
                " NAME, pin ID, unpin ID, delete ID"
            )

    async def work() -> None:
        async with caller.client() as client:
            command = ProposeChange(
                room=room, change=change, council=council, reason=reason, channel=channel
            )
            found = (await client.send(command)).posts
        for post in found:
            caller.output.put(post, post_words(post, ids=True))

    caller.run(work())


class Answer(StrEnum):
    """What may be said to a proposal."""

    YES = "yes"
    NO = "no"


def continue_(
    context: typer.Context,
    room: Room,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the new room is called.")
    ] = None,
) -> None:
    _show(context, ContinueRoom(room=room, name=name))


def _show(context: typer.Context, command: Command[RoomView]) -> None:
    Caller.of(context).show(command, room_words)


def vote(
    context: typer.Context,
    room: Room,
    post: Post,
    answer: Annotated[Answer, typer.Argument(metavar="yes|no", help="A yes is for good.")],
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            command = VoteOnProposal(
                room=room,
                post_id=await named_id(client, room, post) or post,
                yes=answer is Answer.YES,
            )
            view = await client.send(command)
        caller.output.put(view, post_words(view, ids=True))

    caller.run(work())


def proposals(context: typer.Context, room: Room, limit: Limit = 50) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListProposals(room=room, limit=limit))).posts
        for post in found:
            caller.output.put(post, post_words(post, ids=True))
        if not found and not caller.options.json:
            caller.output.note("Nothing was proposed.")

    caller.run(work())


def council_words(view: CouncilView) -> str:
    """One council for people."""
    members = ", ".join(map(printable, view.members))
    return f"{view.council_id[:ID_SHOWN]}  {view.threshold} of {members}: {view.role}"
