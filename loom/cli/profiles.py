"""Profiles: made, restored, listed, and their passphrase changed."""

from pathlib import Path
from typing import Annotated

import typer

from loom.api.view import Done
from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import ProfileCreated, ProfileLine
from loom.cli.passphrase import from_file, read_new_passphrase, read_passphrase
from loom.config import Settings, check_profile_name, profile_name_for
from loom.errors import InvalidInput, InvalidPhrase, ProfileExists, TerminalNeeded
from loom.front import identity_number
from loom.front.given_text import text_of
from loom.front.identity_words import number_words
from loom.printable import printable

PANEL = "Profiles"
PHRASE_MAX_BYTES = 4_096
PHRASE_TRIES = 3
_ASKING_WORDS = "Asking for the recovery words"
_WORDS_REMEDY = "Give --phrase-file FILE."
_WHAT = "Showing the recovery words"
_REMEDY = "Add --show-phrase to print them, and keep them safe."
_NEXT = """Next, one of:
  `loom invite`        anywhere: they paste the text that you send them
  `loom pair`          nearby, or on a call: both of you run it
  `loom token export`  they import your token, and you theirs: `loom token import`"""

ONE_MACHINE = (
    "Use this identity on one machine only: where an old one still runs, `loom machine close` "
    "there. This machine's clock must be right to a day, or no contact is reached."
)

Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="Your name, as contacts will see it.")
]
Memory = Annotated[
    int | None,
    typer.Option(
        "--argon2-memory-mib",
        metavar="MIB",
        min=64,
        help="Memory that each guess of the passphrase takes.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("init", init, "Create a profile and show its 24 recovery words once."),
        ("restore", restore, "Restore an identity from its 24 recovery words."),
        ("profiles", profiles, "List the profiles."),
    )
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("change", change, "Change the passphrase; asks for the old one first."),
    )
    duress = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        duress,
        "",
        ("set", set_duress, "Choose a passphrase that opens an empty profile, and destroys this."),
        ("remove", remove_duress, "Let there be no such passphrase."),
    )
    group.add_typer(duress, name="duress", help="A passphrase to give to somebody who forces you.")
    app.add_typer(group, name="passphrase", help="Change the passphrase.", rich_help_panel=PANEL)


def init(
    context: typer.Context,
    name: Name,
    argon2_memory_mib: Memory = None,
    show_phrase: Annotated[
        bool, typer.Option("--show-phrase", help="Print the 24 words on standard output.")
    ] = False,
) -> None:
    caller = Caller.of(context)
    if not show_phrase and not terminal.has_terminal():
        raise TerminalNeeded(what=_WHAT, remedy=_REMEDY)
    profile = check_new_profile(caller, name)
    passphrase = read_new_passphrase(caller.settings)

    async def work() -> None:
        with caller.slowly("Creating your keys"):
            phrase = await caller.profiles.create(
                profile, name, passphrase, argon2_memory_mib=argon2_memory_mib
            )
        if show_phrase:
            shown = ProfileCreated(profile=profile, name=name, phrase=phrase)
            done = f"The profile {profile} was created, but nobody has seen its words: delete it."
            caller.output.put(shown, phrase, done=done)
        else:
            terminal.show(_words(phrase), what=_WHAT, remedy=_REMEDY)
            if caller.options.json:
                caller.output.json(ProfileCreated(profile=profile, name=name))
        caller.output.note(f"The profile {profile} is ready. {_NEXT}")

    caller.run(work())


def restore(
    context: typer.Context,
    name: Name,
    phrase_file: Annotated[
        Path | None,
        typer.Option(
            "--phrase-file",
            metavar="FILE",
            help="Read the 24 words from this file; - reads standard input.",
        ),
    ] = None,
    number: Annotated[
        str | None,
        typer.Option(
            "--number",
            metavar="N",
            help="The identity number that you wrote beside the words; without it: 1.",
        ),
    ] = None,
    argon2_memory_mib: Memory = None,
) -> None:
    caller = Caller.of(context)
    profile = check_new_profile(caller, name)
    identity = None if number is None else identity_number.read(number)
    phrase = read_phrase(phrase_file)
    if identity is None:
        identity = 0 if phrase_file is not None else _ask_number()
    passphrase = read_new_passphrase(caller.settings)

    async def work() -> None:
        with caller.slowly("Creating your keys"):
            await caller.profiles.restore(
                profile,
                name,
                passphrase,
                phrase,
                number=identity,
                argon2_memory_mib=argon2_memory_mib,
            )
        caller.output.put(
            ProfileCreated(profile=profile, name=name),
            f"The profile {profile} is restored. Import the contacts' tokens again.",
        )
        caller.output.note(ONE_MACHINE)

    caller.run(work())


def profiles(context: typer.Context) -> None:
    caller = Caller.of(context)
    found = caller.profiles.list_profiles()
    if caller.options.json:
        for info in found:
            caller.output.json(
                ProfileLine(profile=info.profile, path=str(info.path), running=info.running)
            )
    elif found:
        rows = [(i.profile, "running" if i.running else "", str(i.path)) for i in found]
        caller.output.table(("Profile", "Node", "Folder"), rows)
    else:
        caller.output.note("There is no profile here yet: `loom init --name NAME` makes one.")


def change(
    context: typer.Context,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--new-passphrase-file", metavar="FILE", help="Read the new passphrase from this file."
        ),
    ] = None,
) -> None:
    caller = Caller.of(context)
    profile = caller.profile
    old = read_passphrase(caller.settings, prompt="Old passphrase: ")
    if new_passphrase_file is not None:
        new = from_file(new_passphrase_file)
    else:
        new = read_new_passphrase(Settings())

    async def work() -> None:
        await caller.profiles.change_passphrase(profile, old, new)
        caller.output.put(Done(), "The passphrase is changed.")
        caller.output.note("Copies of the old vault.key still open with the old passphrase.")

    caller.run(work())


def set_duress(
    context: typer.Context,
    duress_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--duress-passphrase-file",
            metavar="FILE",
            help="Read the duress passphrase from this file.",
        ),
    ] = None,
) -> None:
    caller = Caller.of(context)
    passphrase = read_passphrase(caller.settings, prompt="The profile's passphrase: ")
    if duress_passphrase_file is not None:
        duress = from_file(duress_passphrase_file)
    else:
        duress = read_new_passphrase(Settings(), prompt="Duress passphrase: ")
    _set_duress(caller, passphrase, duress, "The duress passphrase is set.")
    caller.output.note(
        "Typed wherever a passphrase is asked for, it destroys this profile and opens an empty "
        "one. It does not help against somebody who copied the disk before, and backups survive."
    )


def remove_duress(context: typer.Context) -> None:
    caller = Caller.of(context)
    passphrase = read_passphrase(caller.settings, prompt="The profile's passphrase: ")
    _set_duress(caller, passphrase, None, "There is no duress passphrase.")


def _set_duress(caller: Caller, passphrase: str, duress: str | None, words: str) -> None:
    profile = caller.profile

    async def work() -> None:
        await caller.profiles.set_duress(profile, passphrase, duress)
        caller.output.put(Done(), words)

    caller.run(work())


def check_new_profile(caller: Caller, name: str) -> str:
    """The new profile's name; refused before anything is asked when it is taken."""
    profile = caller.settings.profile or profile_name_for(name)
    check_profile_name(profile)
    if profile in (info.profile for info in caller.profiles.list_profiles()):
        raise ProfileExists(profile=profile)
    return profile


def _words(phrase: str) -> str:
    """The 24 words, numbered, four in a row."""
    words = phrase.split()
    rows = [
        "   ".join(f"{n + 1:2} {words[n]:<8}" for n in range(start, min(start + 4, len(words))))
        for start in range(0, len(words), 4)
    ]
    return "\n".join(
        [
            "",
            "Write these words down: they restore your identity, and are not shown again.",
            f"Write {number_words(0)} beside them.",
            "",
            *rows,
            "",
            "",
        ]
    )


def read_phrase(file: Path | None) -> str:
    """The 24 words, from a file, standard input (-) or the terminal, where a mistake is explained.

    Raises:
        InvalidPhrase, InvalidInput, TerminalNeeded.
    """
    from loom.core.identity import entropy_of
    from loom.front.sentences import on_command_line

    tries_left = 1 if file is not None else PHRASE_TRIES
    while True:
        phrase, tries_left = _ask_phrase() if file is None else _phrase_in(file), tries_left - 1
        try:
            entropy_of(phrase)
        except InvalidPhrase as error:
            _show_offers(phrase)
            if not tries_left:
                raise
            terminal.show(f"{on_command_line(error)[0]}\n", what=_ASKING_WORDS, remedy="")
        else:
            return phrase


def _show_offers(phrase: str) -> None:
    """On the terminal alone: these words are a secret."""
    from loom.front.phrase_words import offers

    found = offers(phrase)
    if not found or not terminal.has_terminal():
        return
    lines = [f"  {one.words}{one.why and f' ({one.why})'}" for one in found]
    text = "\n".join(("Perhaps:", *map(printable, lines), ""))
    terminal.show(text, what=_ASKING_WORDS, remedy=_WORDS_REMEDY)


def _ask_phrase() -> str:
    return terminal.ask("The 24 words: ", what=_ASKING_WORDS, remedy=_WORDS_REMEDY)


def _ask_number() -> int:
    typed = terminal.ask(
        "The identity number beside them [1]: ",
        what="Asking for the identity number",
        remedy="Give --number N.",
    )
    return identity_number.read(typed)


def _phrase_in(file: Path) -> str:
    try:
        if str(file) == "-":
            import sys

            data = sys.stdin.buffer.read(PHRASE_MAX_BYTES)
        else:
            with file.open("rb") as opened:
                data = opened.read(PHRASE_MAX_BYTES)
        return text_of(data)
    except OSError as error:
        raise InvalidInput(what=f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidPhrase(reason="it is not text") from error
