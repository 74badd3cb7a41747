"""Contacts: names, trust, removal."""

import sys
import time
from pathlib import Path
from typing import Annotated
from unicodedata import normalize

import typer

from loom.api.client import Client
from loom.api.command import Command as ApiCommand
from loom.api.contact_commands import (
    BlockContact,
    ListContacts,
    RemoveContact,
    RenameContact,
    ShowContact,
    VerifyContact,
)
from loom.api.contact_views import ContactView, SafetyNumberView
from loom.api.conversation_commands import ListPreferences, SetPreferences
from loom.api.view import Done
from loom.cli import terminal
from loom.cli.completion import contact_names
from loom.cli.opening import Caller
from loom.cli.options import Contact, Group, add_commands, by_default
from loom.cli.output import sign
from loom.cli.qr import print_qr_code
from loom.config import decodes_unconfined, without_tilde
from loom.errors import InvalidInput
from loom.front.invite_words import joining_words
from loom.front.lasting import asked_words, holding_words
from loom.front.moments import when
from loom.front.reach import queued_words, reach_words
from loom.front.sentences import shell_word
from loom.front.verified import identity_words, verified_words
from loom.printable import printable

PANEL = "People"
STANDARD = "-"
_SESSIONS = {"none": "none yet", "starting": "starting, not yet answered"}


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, invoke_without_command=True, callback=by_default(list_))
    add_commands(
        group,
        "",
        ("list", list_, "List all contacts."),
        ("show", show, "Show one contact."),
        ("rename", rename, "Rename a contact, here only."),
        ("remove", remove, "Delete a contact and the whole conversation, on both sides."),
        ("block", block, "Block a contact: nothing is accepted from them or shown to them."),
        ("unblock", unblock, "Unblock a contact; what they sent during the block arrives."),
    )
    app.add_typer(group, name="contacts", help="Your contacts.", rich_help_panel=PANEL)
    add_commands(
        app,
        PANEL,
        ("verify", verify, "Show the safety number, to compare with your contact."),
        ("verify-first", verify_first, "Send nothing to new keys of contacts before you verify."),
    )


def list_(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListContacts())).contacts
        caller.output.listed(
            found,
            ("", "No", "Contact", "Status", "Unread", "Queued"),
            _cells,
            none="No contacts yet: `loom token import TOKEN --name NAME` adds one.",
        )

    caller.run(work())


def _cells(view: ContactView) -> tuple[str, ...]:
    return (
        sign("online" if view.reach.is_online else "offline"),
        f"#{view.contact_id}",
        view.contact,
        ", ".join([standing(view), *_marks(view)]),
        str(view.unread or ""),
        str(view.queued or ""),
    )


def show(context: typer.Context, contact: Contact) -> None:
    _one(context, ShowContact(contact=contact))


def rename(
    context: typer.Context,
    contact: Contact,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
) -> None:
    _one(context, RenameContact(contact=contact, name=name))


def block(context: typer.Context, contact: Contact) -> None:
    _one(context, BlockContact(contact=contact))


def unblock(context: typer.Context, contact: Contact) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            was_blocked = (await client.send(ShowContact(contact=contact))).blocked
            view = await client.send(BlockContact(contact=contact, blocked=False))
        caller.output.put(view, contact_words(view))
        if was_blocked:
            name = printable(view.contact)
            caller.output.note(f"What {name} sent during the block arrives when you are connected.")

    caller.run(work())


def remove(
    context: typer.Context,
    contact: Contact,
    farewell: Annotated[
        bool,
        typer.Option("--farewell", help="Also a blocked contact's Loom deletes its copy and you."),
    ] = False,
    without_farewell: Annotated[
        bool, typer.Option("--without-farewell", help="Delete here only.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    caller = Caller.of(context)
    if farewell and without_farewell:
        raise InvalidInput(what="Either --farewell or --without-farewell")

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ShowContact(contact=contact))
            says = (farewell or view.may_hear_farewell) and not without_farewell
            if not yes:
                sides = "on both sides" if says else "here only"
                what = f"the contact and the whole conversation, {sides}"
                await confirm_name(client, contact, what)
            number = f"#{view.contact_id}"
            done = await client.send(RemoveContact(contact=number, farewell=says))
        name = printable(view.contact)
        told = f" {name} is told, at the latest when you both are online." if says else ""
        caller.output.put(done, f"{name} is removed.{told}")

    caller.run(work())


def verify(
    context: typer.Context,
    contact: Contact,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Both see the same: mark the contact verified.")
    ] = False,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="number|words", help="With --confirm: what you compared, to be kept."
        ),
    ] = "number",
    qr_file: Annotated[
        str | None,
        typer.Option(
            "--qr-file",
            metavar="FILE|-",
            help="Compare with a picture of the QR code on their screen, or with what it says.",
        ),
    ] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Print it as a QR code too.")] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Mark the contact as not verified.")
    ] = False,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        code = None if qr_file is None else await _code_in(qr_file, caller)
        async with caller.client() as client:
            view = await client.send(
                VerifyContact(contact=contact, confirm=confirm, withdraw=withdraw, by=by, code=code)
            )
        rows = ["  ".join(view.groups[start : start + 4]) for start in (0, 4, 8)]
        caller.output.put(view, "\n".join(rows))
        caller.output.note(f"In words: {' '.join(view.words)}")
        if qr and not caller.options.json:
            print_qr_code(caller.output, "".join(view.groups))
        caller.output.note(_advice(view))

    caller.run(work())


def verify_first(
    context: typer.Context,
    contact: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONTACT]",
            help="Only for this contact; without it for everybody.",
            autocompletion=contact_names,
        ),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Not any longer.")] = False,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            await client.send(SetPreferences(contact=contact, verify_first=not off))
            everybody = (await client.send(ListPreferences())).everybody
            view = None if contact is None else await client.send(ShowContact(contact=contact))
        whom = "any contact" if view is None else printable(view.contact)
        if off and not everybody.verify_first:
            words = f"What you write follows new keys of {whom} by itself."
        else:
            words = (
                f"Nothing is sent to or received from new keys of {whom} before you verify them."
            )
        caller.output.put(Done() if view is None else view, words)
        if off and everybody.verify_first:
            caller.output.note("It is on for everybody: `loom verify-first --off` ends that.")
        if off and view is not None and view.identity_changed:
            command = f"`loom verify {shell_word(view.contact)}`"
            caller.output.note(f"Their keys of now still wait until you verify them: {command}.")

    caller.run(work())


async def _code_in(name: str, caller: Caller) -> str:
    """What a picture of a QR code says, or a text; `-`: of standard input."""
    from loom.front.given_code import read_code

    is_unconfined = decodes_unconfined(caller.home)
    if name == STANDARD:
        return await read_code(sys.stdin.buffer, is_unconfined=is_unconfined)
    try:
        with without_tilde(Path(name)).open("rb") as file:
            return await read_code(file, is_unconfined=is_unconfined)
    except OSError as error:
        raise InvalidInput(what=f"{name} cannot be read") from error


def _advice(view: SafetyNumberView) -> str:
    name = printable(view.contact)
    if view.verified:
        return f"{name} is {verified_words(view.verified_by, _since(view.verified_at_ms))}."
    return (
        "If you see different numbers, someone may be intercepting your messages. "
        f"If you both see the same: `loom verify --confirm {shell_word(view.contact)}`."
    )


def _since(at_ms: int | None) -> str:
    return "" if at_ms is None else when(at_ms)


async def confirm_name(client: Client, contact: str, what: str) -> None:
    """Have the contact's name typed before `what` is deleted.

    Raises:
        TerminalNeeded: nobody can be asked.
        InvalidInput: another name was typed.
    """
    name = (await client.send(ShowContact(contact=contact))).contact
    typed = terminal.ask(
        f"Type {printable(name)} and press Enter to delete {what}: ",
        what="Asking for confirmation",
        remedy="Add --yes.",
    )
    if _folded(typed) != _folded(name):
        raise InvalidInput(what="Nothing was deleted: that was not the name")


def _folded(name: str) -> str:
    return normalize("NFC", name.strip()).casefold()


def contact_words(view: ContactView) -> str:
    """Everything about one contact, a line each."""
    last = view.last_message_at_ms
    facts = [
        ("Contact", f"{view.contact} (#{view.contact_id})"),
        ("Their own name", view.display_name or "-"),
        *([("Their status", view.status)] if view.status else []),
        *([("Away", "they say so")] if view.away else []),
        ("Status", standing(view)),
        *_held(view),
        *_trust(view),
        ("Reached", reach_words(view.reach)),
        *_joining(view),
        ("Session", _SESSIONS.get(view.session, view.session)),
        ("Fingerprint", view.fingerprint),
        ("Unread", str(view.unread)),
        *_habits(view),
        ("Queued", queued_words(view.queued, view.reach.waiting)),
        ("Disappearing", _timer_words(view)),
        *_asked(view),
        ("Last message", when(last) if last is not None else "-"),
        ("Since", when(view.created_at_ms)),
    ]
    return "\n".join(f"{name:<15} {printable(fact)}" for name, fact in facts)


def _timer_words(view: ContactView) -> str:
    return holding_words(view.timer.expires_s, view.timer.own_s, view.timer.theirs_s)


def _asked(view: ContactView) -> list[tuple[str, str]]:
    return [("Asks", asked_words(view.contact, view.farewell))] if view.farewell else []


def _joining(view: ContactView) -> list[tuple[str, str]]:
    if view.joining is None:
        return []
    return [("Invite", joining_words(view.joining, time.time_ns() // 1_000_000))]


def _held(view: ContactView) -> list[tuple[str, str]]:
    """Why nothing goes or comes, and what to do."""
    if not view.identity_changed or view.revoked:
        return []
    command = f"`loom verify {shell_word(view.contact)}`"
    return [("Waits", f"nothing is sent or received until you verify them: {command}")]


def _trust(view: ContactView) -> list[tuple[str, str]]:
    """When and how they were verified, and since when they have this identity."""
    facts = []
    if view.verified:
        facts.append(("Verified", verified_words(view.verified_by, _since(view.verified_at_ms))))
    if view.identity_changed_at_ms is not None:
        facts.append(("Identity", identity_words(when(view.identity_changed_at_ms))))
    return facts


def _marks(view: ContactView) -> list[str]:
    held = {"muted": view.muted, "archived": view.archived, "favourite": view.favourite}
    return [word for word, holds in held.items() if holds]


def _habits(view: ContactView) -> list[tuple[str, str]]:
    """What was decided about the conversation, where it differs."""
    until = "" if view.mute_until_ms is None else f"until {when(view.mute_until_ms)}"
    facts = [
        ("Muted", view.muted, until or "yes"),
        ("Notifications", view.level != "everything", view.level),
        ("Archived", view.archived, "yes"),
        ("Favourite", view.favourite, "yes"),
    ]
    return [(name, words) for name, holds, words in facts if holds]


def standing(view: ContactView) -> str:
    """How far the contact is to be trusted, in a word or two."""
    if view.revoked:
        return "IDENTITY REVOKED"
    if view.forked and view.identity_changed:
        return "TWO IDENTITIES"
    if view.is_held:
        return "NEW IDENTITY, TO BE VERIFIED"
    if view.identity_changed:
        return "IDENTITY CHANGED"
    if view.looks_like and not view.blocked:
        trust = "verified" if view.verified else "not verified"
        return f"{trust}, LOOKS LIKE {view.looks_like}"
    if view.blocked:
        return "blocked"
    return "verified" if view.verified else "not verified"


def about(view: ContactView) -> str:
    """The same, and how the contact is reached."""
    return f"{standing(view)}, {reach_words(view.reach)}"


def _one(context: typer.Context, command: ApiCommand[ContactView]) -> None:
    """Carry out a command that answers with a contact, and show it."""
    Caller.of(context).show(command, contact_words)
