"""Conversations: muted, archived, read or unread, what is notified."""

import time
from typing import Annotated, Final

import typer

from loom.api.client import Client
from loom.api.contact_commands import AnswerFarewell, ShowContact
from loom.api.contact_views import ContactView
from loom.api.conversation_commands import (
    ListMentions,
    MarkRead,
    MarkUnread,
    SetPreferences,
    SetTimer,
)
from loom.api.message_views import MessageView
from loom.api.room_commands import ListRoomMentions
from loom.api.room_views import PostView
from loom.cli.completion import message_names
from loom.cli.conversation_words import preference_words, timer_holds_words, unread_words
from loom.cli.messages import Limit, find
from loom.cli.opening import Caller
from loom.cli.options import Contact, add_commands
from loom.cli.room_words import said_words
from loom.errors import InvalidInput
from loom.front.durations import OFF, parse_duration, parse_timer

PANEL: Final = "Conversations"
LAST_ROW: Final = (1 << 63) - 1
READ: Final = "read"
UNREAD: Final = "unread"
DELETE: Final = "delete"
KEEP: Final = "keep"


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("mute", mute, "Mute a conversation: for a time, until further notice, or no longer."),
        ("notify", notify, "Choose which messages of a conversation you are notified of."),
        ("archive", archive, "Take a conversation out of the list until a message comes."),
        ("unarchive", unarchive, "Put a conversation back into the list."),
        ("favourite", favourite, "Keep a conversation at the top of the list, or no longer."),
        ("timer", timer, "Let later messages of a conversation disappear on both sides."),
        ("farewell", farewell, "Answer a contact who asks you to delete a conversation."),
        ("mentions", mentions, "Show messages that mention you, newest first."),
        ("mark", mark, "Mark a conversation read, or its last messages unread again."),
    )


def mute(
    context: typer.Context,
    contact: Contact,
    how_long: Annotated[
        str | None,
        typer.Argument(
            metavar="[1h|8h|1w|off]", help="How long, or `off`; without it, until you say `off`."
        ),
    ] = None,
) -> None:
    _set(context, mute_command(contact, how_long or ""))


def mute_command(contact: str, how_long: str) -> SetPreferences:
    """Mute for so long from now on; empty: for ever.

    Raises:
        InvalidInput: neither a time nor `off`.
    """
    if not how_long:
        return SetPreferences(contact=contact, muted=True)
    if how_long.casefold() == OFF:
        return SetPreferences(contact=contact, muted=False)
    until_ms = time.time_ns() // 1_000_000 + parse_duration(how_long) * 1_000
    return SetPreferences(contact=contact, muted=True, mute_until_ms=until_ms)


def notify(
    context: typer.Context,
    contact: Contact,
    level: Annotated[
        str,
        typer.Argument(metavar="everything|mentions|nothing", help="What you are notified of."),
    ],
) -> None:
    _set(context, SetPreferences(contact=contact, level=level.casefold()))


def archive(context: typer.Context, contact: Contact) -> None:
    _set(context, SetPreferences(contact=contact, archived=True))


def unarchive(context: typer.Context, contact: Contact) -> None:
    _set(context, SetPreferences(contact=contact, archived=False))


def favourite(
    context: typer.Context,
    contact: Contact,
    off: Annotated[bool, typer.Option("--off", help="Not any longer.")] = False,
) -> None:
    _set(context, SetPreferences(contact=contact, favourite=not off))


def timer(
    context: typer.Context,
    contact: Contact,
    how_long: Annotated[
        str,
        typer.Argument(
            metavar="1h|off", help="From 5s to 1y after they were read, or `off` for your side."
        ),
    ],
) -> None:
    caller = Caller.of(context)
    command = SetTimer(contact=contact, expires_s=parse_timer(how_long))

    caller.show(command, timer_holds_words)


def farewell(
    context: typer.Context,
    contact: Contact,
    answer: Annotated[
        str,
        typer.Argument(metavar="delete|keep", help="Whether what they ask to delete is deleted."),
    ],
) -> None:
    if answer not in (DELETE, KEEP):
        raise InvalidInput(what=f"Write {DELETE} or {KEEP}")
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            done = await client.send(AnswerFarewell(contact=contact, accept=answer == DELETE))
        caller.output.put(done, "Deleted." if answer == DELETE else "Kept; nobody is told.")

    caller.run(work())


def mentions(context: typer.Context, limit: Limit = 50) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            messages = (await client.send(ListMentions(limit=limit))).messages
            posts = (await client.send(ListRoomMentions(limit=limit))).posts
        both: list[MessageView | PostView] = [*messages, *posts]
        found = sorted(both, key=lambda one: -one.stored_at_ms)[:limit]
        for one in found:
            caller.output.put(one, said_words(one, ids=True))
        if not found and not caller.options.json:
            caller.output.note("Nothing found.")

    caller.run(work())


def mark(
    context: typer.Context,
    contact: Contact,
    how: Annotated[str, typer.Argument(metavar="read|unread", help="What it shall be.")],
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ID",
            help="With `unread`: from this message on; its number, its id, or theirs.",
            autocompletion=message_names,
        ),
    ] = None,
) -> None:
    if how not in (READ, UNREAD) or (how == READ and first is not None):
        raise InvalidInput(what=f"Write {READ}, or {UNREAD} with or without --from ID")
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = None if first is None else await find(client, contact, first)
            from_row = None if found is None else found.row_id
            view = await mark_conversation(client, contact, how, from_row)
        caller.output.put(view, unread_words(view))

    caller.run(work())


async def mark_conversation(
    client: Client, contact: str, how: str, from_row: int | None = None
) -> ContactView:
    """Mark all of it read, or the newest message (or those from a row on) unread."""
    if how == READ:
        await client.send(MarkRead(contact=contact, row_id=LAST_ROW))
    else:
        await client.send(MarkUnread(contact=contact, row_id=from_row))
    return await client.send(ShowContact(contact=contact))


def _set(context: typer.Context, command: SetPreferences) -> None:
    """Carry it out and say what holds then."""
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            await client.send(command)
            view = await client.send(ShowContact(contact=command.contact or ""))
        caller.output.put(view, preference_words(view, command))

    caller.run(work())
