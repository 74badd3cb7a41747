"""What removed officers did and their remover had not seen: listed, confirmed, dismissed."""

from typing import Annotated

import typer

from loom.api.room_commands import ConfirmOffered, DismissOffered, ListOffered
from loom.cli.completion import room_names
from loom.cli.opening import Caller
from loom.cli.room_words import offered_words, room_words

Room = Annotated[
    str,
    typer.Argument(
        metavar="ROOM",
        help="A name, # and a number, or an id.",
        autocompletion=room_names,
    ),
]
Ids = Annotated[
    list[str], typer.Argument(metavar="ID...", help="As `loom room offered` shows them.")
]


def offered(context: typer.Context, room: Room) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListOffered(room=room))).statements
        for view in found:
            caller.output.put(view, offered_words(view))
        if not found and not caller.options.json:
            caller.output.note("Nothing waits to be confirmed.")

    caller.run(work())


def confirm(context: typer.Context, room: Room, ids: Ids) -> None:
    Caller.of(context).show(ConfirmOffered(room=room, statement_ids=ids), room_words)


def dismiss(context: typer.Context, room: Room, ids: Ids) -> None:
    Caller.of(context).show(DismissOffered(room=room, statement_ids=ids), room_words)
