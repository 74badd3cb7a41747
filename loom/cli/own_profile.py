"""What contacts are told of oneself."""

from typing import Annotated

import typer

from loom.api.profile_commands import SetProfile, ShowProfile
from loom.api.profile_views import OwnProfileView
from loom.cli.opening import Caller
from loom.cli.options import add_commands
from loom.cli.profiles import PANEL
from loom.printable import printable

INVISIBLE_WORDS = (
    "invisible: no adverts, no links; what you write and what waits for it goes through anchors"
)


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        PANEL,
        ("profile", profile, "Show or change what contacts are told of you."),
    )


def profile(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Your name, as contacts see it.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="TEXT", help="A line that contacts see; '': none."),
    ] = None,
    away: Annotated[
        bool | None, typer.Option("--away/--back", help="Tell contacts that you are away, or back.")
    ] = None,
    invisible: Annotated[
        bool | None,
        typer.Option("--invisible/--visible", help="Do not let contacts see that you are here."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    asked = SetProfile(name=name, status=status, away=away, invisible=invisible)
    changes = any(one is not None for one in (name, status, away, invisible))

    caller.show(asked if changes else ShowProfile(), profile_words)


def profile_words(view: OwnProfileView) -> str:
    """A line for each thing that is told, and what is not."""
    seen = INVISIBLE_WORDS if view.invisible else "visible to contacts"
    facts = [
        ("Name", view.name),
        ("Status", view.status or "-"),
        ("Away", "yes" if view.away else "no"),
        ("Presence", seen),
        ("Fingerprint", view.fingerprint),
    ]
    return "\n".join(f"{name:<15} {printable(fact)}" for name, fact in facts)
