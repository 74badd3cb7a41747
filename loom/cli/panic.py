"""Destroys a profile."""

from typing import Annotated

import typer

from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import add_commands
from loom.config import is_profile_name
from loom.front.destroyed_words import destroyed_words

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
    named = caller.settings.profile
    # Of one that was never finished here there is no profile yet, but perhaps its keys.
    profile = named if named is not None and is_profile_name(named) else caller.profile
    if not yes:
        terminal.confirm(
            f"Keys, history and files of {profile} will be destroyed on this machine.",
            "Nothing was destroyed",
        )

    async def work() -> None:
        view = await caller.profiles.panic(profile, farewell=not no_farewell)
        first, *others = destroyed_words(view)
        caller.output.put(view, first)
        for one in others:
            caller.output.note(one)

    caller.run(work())
