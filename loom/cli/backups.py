"""Backups: made, verified, restored, made every day; and what waited when one was made."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from loom.api.backup_commands import (
    DropUnsent,
    ListUnsent,
    MakeBackup,
    SendUnsent,
    SetBackupSchedule,
    ShowBackupSchedule,
)
from loom.api.backup_views import LostFile, LostRows, Unsent
from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.passphrase import from_file, read_new_passphrase
from loom.cli.profiles import Memory, check_new_profile, read_phrase
from loom.config import paths_of
from loom.errors import InvalidInput
from loom.front.backup_words import (
    USE,
    clock_words,
    contents_words,
    count_words,
    damage_lines,
    opener_words,
    schedule_words,
)

PANEL = "Profiles"
_WHAT = "Asking for the backup's passphrase"
_REMEDY = "Give --backup-passphrase-file FILE."

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--backup-passphrase-file",
        metavar="FILE",
        help="Read the backup's own passphrase from this file; without it the 24 words open it.",
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--backup-passphrase-file",
        metavar="FILE",
        help="Read the backup's own passphrase from this file.",
    ),
]
PhraseFile = Annotated[
    Path | None,
    typer.Option(
        "--phrase-file",
        metavar="FILE",
        help="Read the 24 words from this file; - reads standard input.",
    ),
]
WithFiles = Annotated[
    bool, typer.Option("--with-files", help="Take along the contents of files in the profile.")
]
Contact = Annotated[
    str, typer.Argument(metavar="[CONTACT]", help="To whom; without it: to everybody.")
]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("create", create, "Write the profile into one encrypted file."),
        ("verify", verify, "Read a backup from end to end, and say what is in it."),
        ("restore", restore, "Make a profile of a backup, on this machine or another."),
        ("schedule", schedule, "Let the node make a backup every day."),
    )
    app.add_typer(group, name="backup", help="Backups of the profile.", rich_help_panel=PANEL)
    waiting = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        waiting,
        "",
        ("list", list_unsent, "Show whom they are to."),
        ("send", send_unsent, "Send them; a contact who already has one does not see it again."),
        ("drop", drop_unsent, "Do not send them; they stay in the history as failed."),
    )
    app.add_typer(
        waiting,
        name="unsent",
        help="Texts that were waiting when the restored backup was made.",
        rich_help_panel=PANEL,
    )


def create(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it is written.")],
    contacts_only: Annotated[
        bool, typer.Option("--contacts-only", help="Leave out what was said.")
    ] = False,
    with_files: WithFiles = False,
    backup_passphrase_file: PassphraseFile = None,
) -> None:
    caller = Caller.of(context)
    command = MakeBackup(
        path=str(file.absolute()),
        contacts_only=contacts_only,
        with_files=with_files,
        passphrase=_passphrase(backup_passphrase_file),
    )

    async def work() -> None:
        with caller.slowly("Writing"):
            async with caller.client() as client:
                view = await client.send(command)
        caller.output.put(view, f"{view.path}: {contents_words(view)}.")
        caller.output.note(f"It opens with {opener_words(view)}: `loom backup verify` tries that.")
        if view.files_in_place:
            theirs = count_words(view.files_in_place, "file")
            caller.output.note(
                f"Without the contents of {theirs} of yours that lie elsewhere: copy them yourself."
            )

    caller.run(work())


def verify(
    context: typer.Context,
    file: File,
    phrase_file: PhraseFile = None,
    backup_passphrase_file: SecretFile = None,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        from loom.app import backups

        secret = _secret(file, phrase_file, backup_passphrase_file)
        with caller.slowly("Reading"):
            view = await asyncio.to_thread(backups.verify, file, secret)
        caller.output.put(view, f"{file}: {contents_words(view.backup)}.")
        _say_lost(caller, view.lost, view.lost_files)
        if view.lost or view.lost_files:
            raise typer.Exit(1)

    caller.run(work())


def restore(
    context: typer.Context,
    file: File,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the profile is called here.")
    ],
    phrase_file: PhraseFile = None,
    backup_passphrase_file: SecretFile = None,
    argon2_memory_mib: Memory = None,
) -> None:
    caller = Caller.of(context)
    profile = check_new_profile(caller, name)

    async def work() -> None:
        from loom.app import backups

        secret = _secret(file, phrase_file, backup_passphrase_file)
        passphrase = read_new_passphrase(caller.settings)
        paths = paths_of(caller.home, profile)
        with caller.slowly("Restoring"):
            view = await asyncio.to_thread(
                backups.restore, file, secret, paths, passphrase, argon2_memory_mib
            )
        caller.output.put(
            view, f"The profile {profile} is restored: {contents_words(view.backup)}."
        )
        _say_lost(caller, view.lost, view.lost_files)
        caller.output.note(USE)
        if clock := clock_words(view.backup.made_at_ms, time.time_ns() // 1_000_000):
            caller.output.note(clock)
        if view.unsent:
            waited = count_words(view.unsent, "text")
            caller.output.note(
                f"{waited} waited to be sent when it was made: `loom unsent send`, or drop."
            )

    caller.run(work())


def schedule(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Where they are written.")
    ] = None,
    keep: Annotated[
        int, typer.Option("--keep", metavar="N", min=1, help="How many stay, the newest.")
    ] = 7,
    with_files: WithFiles = False,
    backup_passphrase_file: PassphraseFile = None,
    off: Annotated[bool, typer.Option("--off", help="Make none any more.")] = False,
) -> None:
    caller = Caller.of(context)
    if off and folder is not None:
        raise InvalidInput(what="A folder and --off exclude each other")
    command: ShowBackupSchedule | SetBackupSchedule = ShowBackupSchedule()
    if off or folder is not None:
        command = SetBackupSchedule(
            folder="" if folder is None else str(folder.absolute()),
            keep=keep,
            with_files=with_files,
            passphrase=_passphrase(backup_passphrase_file),
        )

    caller.show(command, schedule_words)


def list_unsent(context: typer.Context) -> None:
    _unsent(context, ListUnsent())


def send_unsent(context: typer.Context, contact: Contact = "") -> None:
    _unsent(context, SendUnsent(contact=contact))


def drop_unsent(context: typer.Context, contact: Contact = "") -> None:
    _unsent(context, DropUnsent(contact=contact))


def _unsent(context: typer.Context, command: ListUnsent | SendUnsent | DropUnsent) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view: Unsent = await client.send(command)
        caller.output.listed(
            view.contacts,
            ("Contact", "Texts"),
            lambda one: (one.contact, str(one.messages)),
            none="No text waits for your decision.",
        )

    caller.run(work())


def _passphrase(file: Path | None) -> str:
    return "" if file is None else from_file(file)


def _secret(file: Path, phrase_file: Path | None, passphrase_file: Path | None) -> str:
    """What opens this backup: from its file, else asked for."""
    from loom.app import backups

    if backups.opens_with(file) == "phrase":
        if passphrase_file is not None:
            raise InvalidInput(what="The 24 words open this backup, not a passphrase")
        return read_phrase(phrase_file)
    if phrase_file is not None:
        raise InvalidInput(what="A passphrase opens this backup, not the 24 words")
    if passphrase_file is not None:
        return from_file(passphrase_file)
    return terminal.ask_hidden("The backup's passphrase: ", what=_WHAT, remedy=_REMEDY)


def _say_lost(caller: Caller, lost: list[LostRows], files: list[LostFile]) -> None:
    for line in damage_lines(lost, files):
        caller.output.note(line)
