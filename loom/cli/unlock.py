"""Other ways to unlock a profile than its passphrase: the desktop's keyring, a security key."""

from typing import Annotated

import typer

from loom.api.view import Done
from loom.cli.asking import OnTerminal
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import UnlockLine
from loom.cli.passphrase import read_passphrase
from loom.config import WAYS
from loom.errors import InvalidInput
from loom.printable import printable

PANEL = "Profiles"
Way = Annotated[str, typer.Argument(metavar="WAY", help="keyring or fido2.")]
_WORDS = {"keyring": "the desktop's keyring", "fido2": "a FIDO2 security key"}


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("list", list_, "Show by what the profile is unlocked besides its passphrase."),
        ("add", add, "Unlock it by the desktop's keyring, or by a FIDO2 security key."),
        ("remove", remove, "Take one of these ways away again."),
    )
    app.add_typer(
        group,
        name="unlock",
        help="Other ways to unlock than the passphrase.",
        rich_help_panel=PANEL,
    )


def list_(context: typer.Context) -> None:
    caller = Caller.of(context)
    ways = caller.profiles.unlocks(caller.profile)
    for way in ways:
        caller.output.put(UnlockLine(way=way), f"{way}  {_WORDS[way]}")
    if not ways:
        caller.output.note("The passphrase alone unlocks it: `loom unlock add` adds another way.")


def add(context: typer.Context, way: Way) -> None:
    caller = Caller.of(context)
    _check(way)
    profile = caller.profile
    passphrase = read_passphrase(caller.settings, prompt="The profile's passphrase: ")

    async def work() -> None:
        await caller.profiles.add_unlock(profile, passphrase, way, OnTerminal())
        words = f"From now on {_WORDS[way]} unlocks it, and the passphrase still does."
        caller.output.put(Done(), words)

    caller.run(work())


def remove(context: typer.Context, way: Way) -> None:
    caller = Caller.of(context)
    _check(way)
    profile = caller.profile

    async def work() -> None:
        await caller.profiles.remove_unlock(profile, way)
        caller.output.put(Done(), f"It is unlocked by {_WORDS[way]} no more.")

    caller.run(work())


def _check(way: str) -> None:
    """Before a passphrase is asked for."""
    if way not in WAYS:
        raise InvalidInput(what=f"{printable(way)[:64]} unlocks nothing: write {' or '.join(WAYS)}")
