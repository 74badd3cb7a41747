"""Commands of rooms by which many decide: polls."""

from typing import Annotated

import typer

from loom.api.room_commands import ChooseInPoll, PostPoll
from loom.cli.opening import Caller
from loom.cli.room_arguments import Channel, Post, Room
from loom.cli.room_words import post_words
from loom.errors import InvalidInput
from loom.front.durations import parse_duration


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
            command = ChooseInPoll(room=room, post_id=post, options=options or [])
            view = await client.send(command)
        caller.output.put(view, post_words(view))

    caller.run(work())
