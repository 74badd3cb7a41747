"""Destroys a profile."""

from typing import Annotated

import typer

from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import add_commands
from loom.front.destroyed_words import destroyed_words
from loom.front.plain_copies import sweep

PANEL = "Profiles"


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(app, PANEL, ("panic", panic, "Destroy a profile on this machine, at once."))


def panic(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_farewell: Annotated[
        bool,
        typer.Option("--no-farewell", help="Do not ask contacts to delete their conversations."),
    ] = False,
) -> None:
    caller = Caller.of(context)
    profile = caller.profile
    if not yes:
        terminal.confirm(
            f"Keys, history and files of {profile} will be destroyed on this machine.",
            "Nothing was destroyed",
        )

    async def work() -> None:
        view = await caller.profiles.panic(profile, farewell=not no_farewell)
        sweep()
        first, *others = destroyed_words(view)
        caller.output.put(view, first)
        for one in others:
            caller.output.note(one)

    caller.run(work())
