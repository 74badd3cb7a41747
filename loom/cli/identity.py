"""The owner's identity: shown, gone over to the next one, or ended for good."""

from pathlib import Path
from typing import Annotated

import typer

from loom.api.anchor_commands import ListAnchors
from loom.api.identity_commands import RevokeIdentity, RotateIdentity, ShowIdentity
from loom.api.identity_views import IdentityView
from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import when
from loom.cli.profiles import read_phrase
from loom.front.identity_words import number_words

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
    group = typer.Typer(cls=Group, invoke_without_command=True, callback=_show_by_default)
    add_commands(
        group,
        "",
        ("show", show, "Show which identity this is."),
        ("rotate", rotate, "Go over to new keys of the same 24 words; contacts follow."),
        ("revoke", revoke, "End this identity for good; it cannot be undone."),
    )
    app.add_typer(
        group,
        name="identity",
        help="Your identity: show it, renew its keys, end it.",
        rich_help_panel=PANEL,
    )


def _show_by_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        show(context)


def show(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ShowIdentity())
        caller.output.put(view, _words(view))

    caller.run(work())


def rotate(context: typer.Context, phrase_file: PhraseFile = None, yes: Yes = False) -> None:
    caller = Caller.of(context)
    if not yes:
        terminal.confirm(
            "New keys are made of your 24 words; invites and addresses you gave away are revoked, "
            "and contacts see that you are not verified.",
            "Nothing was changed",
        )
    command = RotateIdentity(phrase=read_phrase(phrase_file))

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(command)
            anchors = (await client.send(ListAnchors())).anchors
        number = number_words(view.number)
        caller.output.put(view, f"You have a new identity. Write {number} beside your 24 words.")
        caller.output.note(_told_words(view))
        for one in anchors:
            caller.output.note(
                f"Who had your keys may have the account at anchor {one.anchor_id}, too: ask its "
                f"owner for a new text, then `loom anchor replace {one.anchor_id} TEXT`."
            )

    caller.run(work())


def revoke(context: typer.Context, phrase_file: PhraseFile = None, yes: Yes = False) -> None:
    caller = Caller.of(context)
    if not yes:
        terminal.confirm(
            "Contacts will never send anything to this identity again, nor take anything from it. "
            "It cannot be undone.",
            "Nothing was changed",
        )
    command = RevokeIdentity(phrase=read_phrase(phrase_file))

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(command)
        caller.output.put(view, "Your identity is revoked. What was said can still be read here.")
        caller.output.note(
            "Let `loom daemon` run: contacts are told as they come. Make a new profile to go on."
        )

    caller.run(work())


def _words(view: IdentityView) -> str:
    state = "revoked" if view.revoked else "valid"
    facts = [
        ("Identity", f"{number_words(view.number)} of your 24 words"),
        ("State", state),
        ("Fingerprint", view.fingerprint),
        ("Token", view.token),
    ]
    if view.changed_at_ms is not None:
        facts.insert(2, ("Changed", when(view.changed_at_ms)))
        facts.insert(3, ("Not told yet", str(view.untold)))
    return "\n".join(f"{name:<15} {fact}" for name, fact in facts)


def _told_words(view: IdentityView) -> str:
    if not view.untold:
        return "Nobody has to be told."
    who = "1 contact is" if view.untold == 1 else f"{view.untold} contacts are"
    return (
        f"{who} told as they come, for 90 days: let `loom daemon` run. `loom identity` says how "
        "many are left."
    )
