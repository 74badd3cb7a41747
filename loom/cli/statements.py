"""What is done with messages that were said: edited, reacted to, pinned, kept, sent on."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import typer

from loom.api.client import Client
from loom.api.command import Command
from loom.api.message_commands import (
    Bookmark,
    EditMessage,
    ListBookmarks,
    ListPins,
    Pin,
    React,
    ShowEdits,
)
from loom.api.message_views import MessageView
from loom.api.room_commands import ListRoomBookmarks
from loom.api.room_views import PostView
from loom.cli.completion import contact_names, message_names, place_names
from loom.cli.forwarding import GENERAL, said_there
from loom.cli.forwarding import forward as sent_on
from loom.cli.message_words import message_words
from loom.cli.messages import LATER, Ids, Limit, find, read_body
from loom.cli.opening import Caller
from loom.cli.options import Contact, add_commands
from loom.cli.output import body_words
from loom.cli.room_words import said_words
from loom.errors import InvalidInput
from loom.front.emoji import sign_of
from loom.front.moments import when

PANEL: Final = "Messages"
PAGE: Final = 100

Id = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A number (`loom history --ids`), an id, last (yours) or theirs.",
        autocompletion=message_names,
    ),
]
Off = Annotated[bool, typer.Option("--off", help="No longer.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("edit", edit, "Give a text of yours another wording, on both sides."),
        ("edits", edits, "Show what a text said before it was edited."),
        ("react", react, "React to a message with one emoji."),
        ("pin", pin, "Pin a message, on both sides."),
        ("unpin", unpin, "Take back your pin."),
        ("pins", pins, "Show the pinned messages of a conversation."),
        ("bookmark", bookmark, "Bookmark a message, here only."),
        ("bookmarks", bookmarks, "Show bookmarked messages and posts, newest first."),
        ("forward", forward, "Send texts and files on to others, without saying whose they were."),
    )


def edit(
    context: typer.Context,
    contact: Contact,
    name: Id,
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-", help="The text; - reads it from standard input.")
    ],
) -> None:
    body = read_body() if text == "-" else text
    _state(context, contact, name, partial(EditMessage, body=body))


def edits(context: typer.Context, contact: Contact, name: Id) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            message = await find(client, contact, name)
            found = await client.send(
                ShowEdits(contact=f"#{message.contact_id}", message_id=message.message_id)
            )
        if caller.options.json:
            caller.output.json(found)
            return
        for one in found.wordings:
            caller.output.line(body_words(f"{when(one.sent_at_ms)}  ", one.body))
        if len(found.wordings) < 2:
            caller.output.note("It was not edited.")

    caller.run(work())


def react(
    context: typer.Context,
    contact: Contact,
    name: Id,
    emoji: Annotated[
        str | None,
        typer.Argument(
            metavar="EMOJI", help="The sign, or :name:. It replaces an earlier one of yours."
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take your reaction back.")] = False,
) -> None:
    if remove == (emoji is not None):
        raise InvalidInput(what="Give either an emoji or --remove")
    _state(context, contact, name, partial(React, emoji=sign_of(emoji or "")))


def pin(context: typer.Context, contact: Contact, name: Id) -> None:
    _state(context, contact, name, partial(Pin, on=True))


def unpin(context: typer.Context, contact: Contact, name: Id) -> None:
    _state(context, contact, name, partial(Pin, on=False))


def pins(context: typer.Context, contact: Contact) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListPins(contact=contact))).messages
        _put_all(caller, found, "Nothing is pinned.")

    caller.run(work())


def bookmark(context: typer.Context, contact: Contact, name: Id, off: Off = False) -> None:
    _state(context, contact, name, partial(Bookmark, on=not off), is_told=False)


def bookmarks(
    context: typer.Context,
    contact: Annotated[
        str | None,
        typer.Argument(metavar="CONTACT", help="Only of this one.", autocompletion=contact_names),
    ] = None,
    limit: Limit = 50,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        posts: list[PostView] = []
        async with caller.client() as client:
            messages = await _bookmarked(client, contact, limit)
            if contact is None:
                posts = await bookmarked_posts(client, None, limit)
        both: list[MessageView | PostView] = [*messages, *posts]
        found = sorted(both, key=lambda one: -one.stored_at_ms)[:limit]
        for one in found:
            caller.output.put(one, said_words(one, ids=True))
        if not found and not caller.options.json:
            caller.output.note("Nothing is bookmarked.")

    caller.run(work())


async def _bookmarked(client: Client, contact: str | None, limit: int) -> list[MessageView]:
    found: list[MessageView] = []
    before_row: int | None = None
    while (missing := limit - len(found)) > 0:
        size = min(missing, PAGE)
        page = ListBookmarks(contact=contact, limit=size, before_row=before_row)
        more = (await client.send(page)).messages
        found += more
        if len(more) < size:
            break
        before_row = more[-1].row_id
    return found


async def bookmarked_posts(client: Client, room: str | None, limit: int) -> list[PostView]:
    """The newest bookmarked posts of a room, or of all."""
    found: list[PostView] = []
    before_row: int | None = None
    while (missing := limit - len(found)) > 0:
        command = ListRoomBookmarks(room=room, limit=min(missing, PAGE), before_row=before_row)
        page = await client.send(command)
        found += page.posts
        if not page.older or not page.posts:
            break
        before_row = page.posts[-1].row_id
    return found


def forward(
    context: typer.Context,
    contact: Annotated[
        str,
        typer.Argument(
            metavar="CONTACT|ROOM", help="Where it was said.", autocompletion=place_names
        ),
    ],
    names: Ids,
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="CONTACT|ROOM",
            help="Who gets them; may be repeated.",
            autocompletion=place_names,
        ),
    ],
    channel: Annotated[
        str, typer.Option("--channel", metavar="CHANNEL", help="Where to post in rooms.")
    ] = GENERAL,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            said = await said_there(client, contact, names)
            queued = await sent_on(client.send, contact, said, to, channel)
        for one in queued:
            caller.output.put(one, said_words(one, ids=False))
        if caller.opened_here:
            caller.output.note(LATER)

    caller.run(work())


def _state(
    context: typer.Context,
    contact: str,
    name: str,
    make: Callable[..., Command[MessageView]],
    *,
    is_told: bool = True,
) -> None:
    """Carry out what is made of a contact and a message id, and show the message as it is then.

    `is_told`: the contact hears of it.
    """
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            named = await find(client, contact, name)
            command = make(contact=f"#{named.contact_id}", message_id=named.message_id)
            message = await client.send(command)
        caller.output.put(message, message_words(message))
        if caller.opened_here and is_told:
            caller.output.note(LATER)

    caller.run(work())


def _put_all(caller: Caller, messages: list[MessageView], none: str) -> None:
    for message in messages:
        caller.output.put(message, message_words(message, number=True))
    if not messages and not caller.options.json:
        caller.output.note(none)
