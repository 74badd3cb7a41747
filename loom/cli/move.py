"""`loom move`: a profile goes to another machine, and runs there only from then on."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated, Final

import typer

from loom.addresses import parse_address
from loom.api.move_views import MoveListening, MoveProgress, MoveWords
from loom.api.moving import Where
from loom.api.view import Done, View
from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import Output
from loom.cli.passphrase import read_new_passphrase, read_passphrase
from loom.cli.plain.pairing import DIFFERENT, SAME
from loom.cli.profiles import Memory, check_new_profile
from loom.cli.typed_lines import typed_lines
from loom.config import check_profile_name, paths_of, profile_name_for
from loom.errors import InvalidInput, PairingLeft
from loom.front.backup_words import contents_words
from loom.front.file_words import size_words
from loom.front.given_text import text_of

PANEL: Final = "Profiles"

Address = Annotated[
    str | None,
    typer.Argument(
        metavar="[HOST:PORT]", help="Where the other machine listens; without it this one does."
    ),
]
Listen = Annotated[
    str | None,
    typer.Option("--listen", metavar="HOST:PORT", help="Listen on this address only."),
]
StartOver = Annotated[
    bool, typer.Option("--start-over", help="Forget a move that was begun, and begin again.")
]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("send", send, "On the old machine: send the profile, and close it here for good."),
        ("receive", receive, "On the new machine: take the profile, with a passphrase of its own."),
        ("wipe", wipe, "On the old machine, afterwards: delete what is left of the profile."),
    )
    app.add_typer(
        group, name="move", help="Move the profile to another machine.", rich_help_panel=PANEL
    )


def send(
    context: typer.Context,
    address: Address = None,
    listen: Listen = None,
    without_files: Annotated[
        bool, typer.Option("--without-files", help="Leave the contents of files behind.")
    ] = False,
    start_over: StartOver = False,
) -> None:
    caller = Caller.of(context)
    profile = caller.profile
    passphrase = read_passphrase(caller.settings)

    async def work() -> None:
        view = await caller.profiles.move_away(
            profile,
            passphrase,
            _where(address, listen),
            _Person(caller.output),
            has_files=not without_files,
            start_over=start_over,
        )
        caller.output.put(view, f"The profile {view.profile} runs on the new machine now.")
        caller.output.note(f"Here it never starts again. `loom move wipe` deletes {view.path}.")

    caller.run(work())


def receive(
    context: typer.Context,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the profile is called here.")
    ],
    address: Address = None,
    listen: Listen = None,
    start_over: StartOver = False,
    argon2_memory_mib: Memory = None,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        profile = caller.settings.profile or profile_name_for(name)
        check_profile_name(profile)
        if caller.profiles.is_move_begun(profile):
            passphrase = read_passphrase(caller.settings)
        else:
            check_new_profile(caller, name)
            passphrase = read_new_passphrase(caller.settings)
        view = await caller.profiles.move_here(
            profile,
            passphrase,
            _where(address, listen),
            _Person(caller.output),
            argon2_memory_mib=argon2_memory_mib,
            start_over=start_over,
        )
        caller.output.put(
            view, f"The profile {view.profile} is here: {contents_words(view.backup)}."
        )
        for file in view.lost_files:
            size = size_words(file.size_bytes)
            caller.output.note(f"The content of {file.name} ({size}) was not whole there.")
        if not view.is_told:
            caller.output.note(
                "The old machine does not know yet: run both commands again to wipe it there."
            )
        caller.output.note("Sessions with your contacts begin again by themselves.")

    caller.run(work())


def wipe(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    caller = Caller.of(context)
    paths = paths_of(caller.home, caller.profile)
    passphrase = read_passphrase(caller.settings)
    if not yes:
        terminal.confirm(f"Delete {paths.folder}?", "Nothing is deleted")

    async def work() -> None:
        await caller.profiles.wipe_moved(paths.profile, passphrase)
        caller.output.put(Done(), f"{paths.folder} is deleted.")

    caller.run(work())


class _Person:
    """What the person at this machine sees, and types."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._typed: AsyncIterator[bytes] | None = None

    def tell(self, view: View) -> None:
        """Say it, once."""
        match view:
            case MoveListening(addresses=addresses):
                words = f"Type on the other machine, behind its command: {' or '.join(addresses)}"
            case MoveWords(words=shown):
                words = f"Compare with the other screen:  {'  '.join(shown)}"
            case MoveProgress(done_bytes=done, size_bytes=size):
                words = f"{size_words(done)} of {size_words(size)}"
            case _:
                return
        self._output.put(view, words)
        if isinstance(view, MoveWords):
            self._output.note(f"Type {SAME} or {DIFFERENT}.")

    async def is_same(self) -> bool:
        """What is typed. Raises PairingLeft: nothing more is."""
        if self._typed is None:
            self._typed = typed_lines()
        async for line in self._typed:
            text = text_of(line).strip()
            if text in (SAME, DIFFERENT):
                return text == SAME
            if not sys.stdin.isatty():
                raise InvalidInput(what=f"Write {SAME} or {DIFFERENT}")
            self._output.note(f"Type {SAME} or {DIFFERENT}.")
        raise PairingLeft


def _where(address: str | None, listen: str | None) -> Where:
    if address is not None and listen is not None:
        raise InvalidInput(what="An address to dial and --listen exclude each other")
    dial = None if address is None else parse_address(address)
    return Where(dial=dial, listen=None if listen is None else parse_address(listen))
