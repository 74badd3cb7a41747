"""Which machine uses the identity, when two do."""

from typing import Final

import typer

from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.api.machine_views import MachineView
from loom.cli.identity import rotate
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.printable import printable

PANEL = "Profiles"
_NEXT = (
    "Is the other one yours? Then use one of them: `loom machine stay` here, or "
    "`loom machine close`. "
    "Is it not? Somebody has a copy of your keys: `loom machine rotate`."
)
_STAYS: Final = {
    "alone": "No other machine was found to use this identity: this one goes on as before.",
    "asks": "This machine stays. Close the other one for good.",
    "closed": "This profile is open again.",
}
"""What `stay` did, by what was so before."""


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("show", show, "Say whether another machine uses this identity."),
        ("stay", stay, "This machine stays: it goes on, with new sessions."),
        ("rotate", rotate, "Make new keys; what the other one has is left with the old ones."),
        ("close", close, "This one is closed: it can be read, and sends nothing any more."),
    )
    app.add_typer(
        group,
        name="machine",
        help="Two machines with one identity: which one stays.",
        rich_help_panel=PANEL,
    )


def show(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ShowMachine())
        caller.output.put(view, _words(view))
        if view.state == "asks":
            caller.output.note(_NEXT)

    caller.run(work())


def stay(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            before = (await client.send(ShowMachine())).state
            view = await client.send(DecideMachine(stays=True))
        caller.output.put(view, _STAYS[before])
        if before == "closed" and not caller.opened_here:
            caller.output.note(
                "Its node goes online when it starts again: `loom stop`, then start it."
            )

    caller.run(work())


def close(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(DecideMachine(stays=False))
        caller.output.put(
            view, "This profile is closed: its node ends, and nothing is sent from it."
        )
        caller.output.note("What is here can be read. `loom machine stay` opens it again.")

    caller.run(work())


def _words(view: MachineView) -> str:
    if view.state == "closed":
        return "This profile is closed: nothing is sent from it."
    if view.state == "alone":
        return "No other machine was found to use this identity."
    whom = ", ".join(map(printable, view.contacts))
    return (
        f"Another machine uses this identity: it has sessions with {whom}. Nothing is sent to them "
        "before you decide."
    )
