"""What several commands of rooms take."""

from typing import Annotated

import typer

from loom.api.room_commands import SetRoomPolicy
from loom.cli.completion import room_names
from loom.front.durations import parse_timer
from loom.front.room_lines import parse_history

Room = Annotated[
    str,
    typer.Argument(
        metavar="ROOM",
        help="A name, # and a number, or an id.",
        autocompletion=room_names,
    ),
]
Member = Annotated[str, typer.Argument(metavar="MEMBER", help="A name, or the beginning of an id.")]
Channel = Annotated[str, typer.Option("--channel", metavar="CHANNEL", help="Where to post.")]
Post = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The beginning of its id (`loom room history --ids`), last (yours) or theirs.",
    ),
]
OnlyChannel = Annotated[
    str | None, typer.Option("--channel", metavar="CHANNEL", help="Only of this channel.")
]
Thread = Annotated[
    str | None,
    typer.Option("--thread", metavar="ID", help="The thread that this post began, or is in."),
]


def policy_command(room: str, past: str | None, retention: str | None) -> SetRoomPolicy:
    """What changes the rules; None: as it was."""
    return SetRoomPolicy(
        room=room,
        history=None if past is None else parse_history(past),
        retention_s=None if retention is None else parse_timer(retention),
    )
