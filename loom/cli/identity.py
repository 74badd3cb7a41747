"""The owner's identity: shown, its keys renewed, or ended for good."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from loom.api.identity_commands import (
    RevokeIdentity,
    RotateIdentity,
    ShowIdentity,
    TakeLaterIdentity,
)
from loom.api.identity_views import IdentityView
from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands, by_default
from loom.cli.profiles import read_phrase
from loom.front.identity_words import number_words, room_words, state_words, told_words
from loom.front.moments import when

PANEL = "Profiles"

PhraseFile = Annotated[
    Path | None,
    typer.Option(
        "--phrase-file",
        metavar="FILE",
        help="Read the 24 words from this file; - reads standard input.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, invoke_without_command=True, callback=by_default(show))
    add_commands(
        group,
        "",
        ("show", show, "Show your identity: its number, token and state. The default."),
        ("rotate", rotate, "Make new keys from your 24 words, if somebody may have the old ones."),
        ("take", take, "Take the newer keys of your 24 words that a contact knows already."),
        ("revoke", revoke, "End this identity for good. It cannot be undone."),
    )
    app.add_typer(
        group,
        name="identity",
        help="Your identity, made from your 24 words: show it, renew its keys, end it.",
        rich_help_panel=PANEL,
    )


def show(context: typer.Context) -> None:
    Caller.of(context).show(ShowIdentity(), _words)


def rotate(context: typer.Context, phrase_file: PhraseFile = None, yes: Yes = False) -> None:
    _change(
        context,
        RotateIdentity,
        phrase_file,
        question=None
        if yes
        else "New keys are made from your 24 words. Your contacts get them by themselves, and see "
        "that you are not verified any more. Invites and addresses that you gave away are revoked.",
        said=_rotated_words,
    )


def take(context: typer.Context, phrase_file: PhraseFile = None, yes: Yes = False) -> None:
    _change(
        context,
        TakeLaterIdentity,
        phrase_file,
        question=None
        if yes
        else "This profile goes on with the later keys of your 24 words, as your contacts know "
        "them. Stop the other machine that uses them, if there is one.",
        said=_rotated_words,
    )


def revoke(context: typer.Context, phrase_file: PhraseFile = None, yes: Yes = False) -> None:
    _change(
        context,
        RevokeIdentity,
        phrase_file,
        question=None
        if yes
        else "Contacts will never send anything to this identity again, nor take anything from "
        "it. It cannot be undone.",
        said=lambda view: [
            "Your identity is revoked. What was said can still be read here.",
            "Let `loom daemon` run: contacts are told as they come. Make a new profile to go on.",
        ],
    )


def _change(
    context: typer.Context,
    command: type[RotateIdentity | TakeLaterIdentity | RevokeIdentity],
    phrase_file: Path | None,
    *,
    question: str | None,
    said: Callable[[IdentityView], list[str]],
) -> None:
    """Ask, read the 24 words, change the identity, and say what follows: the result first."""
    caller = Caller.of(context)
    if question is not None:
        terminal.confirm(question, "Nothing was changed")
    phrase = read_phrase(phrase_file)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(command(phrase=phrase))
        result, *notes = said(view)
        caller.output.put(view, result)
        for note in notes:
            caller.output.note(note)

    caller.run(work())


def _words(view: IdentityView) -> str:
    facts = [
        ("Identity", f"{number_words(view.number)} of your 24 words"),
        ("State", state_words(view)),
        ("Fingerprint", view.fingerprint),
        ("Token", view.token),
    ]
    if view.changed_at_ms is not None:
        facts.insert(2, ("Changed", when(view.changed_at_ms)))
        facts.insert(3, ("Not told yet", told_words(view)))
    lines = [f"{name:<15} {fact}" for name, fact in facts]
    if view.forked:
        lines.append("`loom identity revoke` ends both.")
    elif view.later is not None:
        lines.append("`loom identity take` goes on with it. It asks for the 24 words.")
    return "\n".join([*lines, *_room_words(view)])


def _rotated_words(view: IdentityView) -> list[str]:
    return [
        f"You have new keys. Write {number_words(view.number)} beside your 24 words.",
        f"Contacts to tell: {told_words(view)}.",
        *_room_words(view),
    ]


def _room_words(view: IdentityView) -> list[str]:
    return [room_words(one) for one in view.old_room_keys]
