"""Messages: sent, read, followed, searched, deleted."""

import asyncio
import sys
from typing import Annotated, Any

import msgspec
import typer

from loom.api.client import Client
from loom.api.contact_commands import SayFarewell, ShowContact
from loom.api.conversation_commands import MarkRead, SetTyping
from loom.api.events import (
    MessageDelivered,
    MessageFailed,
    MessageQueued,
    MessageRead,
    MessageReceived,
)
from loom.api.message_commands import DeleteMessages, FindMessage, History, SendText
from loom.api.message_views import MessageView
from loom.api.profile_commands import Status
from loom.cli.completion import contact_names, message_names, place_names
from loom.cli.contacts import confirm_name
from loom.cli.events import put_event
from loom.cli.message_words import message_words
from loom.cli.opening import Caller, following
from loom.cli.options import Contact, add_commands
from loom.cli.output import Output, SearchNotes
from loom.cli.room_words import said_words
from loom.errors import (
    ContactBlocked,
    ContactRevoked,
    ControlError,
    IdentityChanged,
    InvalidInput,
    InvalidText,
    NotDelivered,
)
from loom.front import search_both
from loom.front.durations import parse_timer
from loom.front.given_text import text_of
from loom.front.moments import moment_ms
from loom.front.search_query import SearchQuery, notes, read_query
from loom.wire.limits import TEXT_MAX_BYTES

PANEL = "Messages"
PAGE = 100
ID_LENGTH = 32
"""Digits of an id without dashes."""
STDIN_MAX_BYTES = 2 * TEXT_MAX_BYTES + 5
"""A text of CRLF alone, after a byte order mark and before a last line end."""
LATER = "It is sent when a node runs: `loom daemon`."
HELD = (
    "Another machine uses your identity: nothing is sent before you decide. "
    "`loom machine show` says more."
)
DELETED_FOR_BOTH = (
    "Deleted here, and on their side once their node is told. What they read or copied stays."
)

Limit = Annotated[int, typer.Option("-n", min=1, metavar="N", help="At most N, the newest.")]
Ids = Annotated[
    list[str],
    typer.Argument(
        metavar="ID",
        help="Numbers (`loom history --ids`), ids, last (yours) or theirs.",
        autocompletion=message_names,
    ),
]
Numbers = Annotated[
    bool, typer.Option("--ids", help="Show each message's number, by which others name it.")
]
Moment = Annotated[
    str | None,
    typer.Option(
        metavar="T",
        help="A date (2026-11-20), date and time (2026-11-20T12:00), or 10m, 2h, 3d ago.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("send", send, "Queue a message; it is sent when the contact can be reached."),
        ("history", history, "Show a conversation, oldest message first."),
        ("search", search, "Find messages that contain all these words, newest first."),
        ("delete", delete, "Delete messages here, or for both."),
        ("typing", typing, "Tell a contact that you are typing."),
    )


def send(
    context: typer.Context,
    contact: Contact,
    text: Annotated[
        str, typer.Argument(metavar="TEXT|-", help="The message; - reads it from standard input.")
    ],
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=0, metavar="SECONDS", help="Wait for it to be delivered."),
    ] = None,
    reply_to: Annotated[
        str | None,
        typer.Option(
            "--reply-to",
            metavar="ID",
            help="The message that it answers.",
            autocompletion=message_names,
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="1h|off",
            help="Let this message disappear after so long, whatever `loom timer` says.",
        ),
    ] = None,
) -> None:
    caller = Caller.of(context)
    body = read_body() if text == "-" else text
    expires_s = None if expires is None else parse_timer(expires)

    async def command(client: Client) -> SendText:
        answered = None if reply_to is None else (await find(client, contact, reply_to)).message_id
        return SendText(contact=contact, body=body, reply_to=answered, expires_s=expires_s)

    async def queue() -> None:
        async with caller.client() as client:
            message = await client.send(await command(client))
        _put_sent(caller, message)
        if caller.opened_here:
            caller.output.note(f"Queued. {LATER}")

    async def deliver(wait_s: float) -> None:
        async with caller.client(caller.online()) as client:
            before = await client.send(Status())
            message = await client.send(await command(client))
            try:
                async with asyncio.timeout(wait_s):
                    state = await _delivered(client, message, before.last_seq)
            except (TimeoutError, ControlError) as error:
                _put_sent(caller, message)
                if isinstance(error, TimeoutError):
                    view = await client.send(ShowContact(contact=contact))
                    if view.reach.how == "held":
                        caller.output.note(HELD)
                raise NotDelivered(timeout_s=f"{wait_s:g}") from error
        _put_sent(caller, msgspec.structs.replace(message, state=state))

    caller.run(queue() if wait is None else deliver(wait))


def history(
    context: typer.Context,
    contact: Contact,
    limit: Limit = 50,
    before: Moment = None,
    since: Moment = None,
    follow: Annotated[bool, typer.Option("--follow", help="Keep printing new messages.")] = False,
    ids: Numbers = False,
) -> None:
    caller = Caller.of(context)
    before_ms, since_ms = moment_ms(before), moment_ms(since)

    async def work() -> None:
        async with caller.client(caller.online()) if follow else caller.client() as client:
            last_seq = (await client.send(Status())).last_seq if follow else 0
            page = History(contact=contact, limit=limit, before_ms=before_ms, since_ms=since_ms)
            messages = await _all_pages(client, page)
            for message in messages:
                caller.output.put(message, message_words(message, number=ids))
            if not caller.options.json:
                if not messages and not follow:
                    caller.output.note("Nothing found.")
                if len(messages) == limit and await has_older(client, page, messages[0]):
                    caller.output.note(f"There are older messages: -n {2 * limit}, or --before T.")
            await _mark_read(caller, client, messages)
            if follow:
                contact_id = (await client.send(ShowContact(contact=contact))).contact_id
                shown = messages[-1].row_id if messages else 0
                await _follow(caller, client, last_seq, contact_id, shown, numbers=ids)

    caller.run(work())


def search(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            metavar="[TEXT]", help="Words, phrases in quotes, and filters as in the app."
        ),
    ] = "",
    author: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="CONTACT|me",
            help="Only what they wrote, or you.",
            autocompletion=contact_names,
        ),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(
            "--in",
            metavar="CONTACT|ROOM",
            help="Search only there.",
            autocompletion=place_names,
        ),
    ] = None,
    limit: Limit = 50,
    before: Moment = None,
    since: Moment = None,
    ids: Numbers = False,
) -> None:
    caller = Caller.of(context)
    given: dict[str, Any] = {
        "author": author,
        "contact": within,
        "before_ms": moment_ms(before),
        "since_ms": moment_ms(since),
    }
    given = {name: one for name, one in given.items() if one is not None}
    # An option comes before a filter: what it names is no word if there is no such contact.
    overruled: dict[str, Any] = dict.fromkeys(given)
    typed = read_query(text)._replace(**overruled)
    if typed == SearchQuery() and not given:
        raise InvalidInput(what="Nothing to look for: write a word of the message")

    async def work() -> None:
        found = 0
        async with caller.client() as client:
            query = await typed.known(client.send, rooms=True)
            put_notes(caller.output, query)
            # What an option names and nobody has is told by the node.
            query = await query._replace(**given).meant(client.send)
            async for one in search_both.found(client.send, query, limit):
                caller.output.put(one, said_words(one, ids=ids))
                found += 1
        if not found and not caller.options.json:
            caller.output.note("Nothing found.")

    caller.run(work())


def delete(
    context: typer.Context,
    contact: Contact,
    message_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID...",
            help="Numbers (`loom history --ids`), ids, last (yours) or theirs.",
            autocompletion=message_names,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole conversation.")] = False,
    for_both: Annotated[
        bool,
        typer.Option(
            "--for-both", help="On the contact's side, too; only what you wrote, or --all."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    caller = Caller.of(context)
    if everything == bool(message_ids):
        raise InvalidInput(what="Give either message ids or --all")

    async def work() -> None:
        async with caller.client() as client:
            if everything and not yes:
                sides = "on both sides" if for_both else "here only"
                await confirm_name(client, contact, f"the whole conversation, {sides}")
            ids = [(await find(client, contact, one)).message_id for one in message_ids or ()]
            if everything and for_both:
                done = await client.send(SayFarewell(contact=contact))
            else:
                command = DeleteMessages(
                    contact=contact, message_ids=None if everything else ids, for_both=for_both
                )
                done = await client.send(command)
        caller.output.put(done, DELETED_FOR_BOTH if for_both else "Deleted here.")
        if for_both and caller.opened_here:
            caller.output.note(LATER)

    caller.run(work())


def typing(
    context: typer.Context,
    contact: Contact,
    off: Annotated[bool, typer.Option("--off", help="You stopped.")] = False,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.attached() as client:
            done = await client.send(SetTyping(contact=contact, on=not off))
        caller.output.put(done, "Told, if they are connected.")

    caller.run(work())


def put_notes(output: Output, query: SearchQuery) -> None:
    """Say which words of a query look like filters and are searched as text."""
    if found := notes(query.words):
        if output.as_json:
            output.json(SearchNotes(notes=found))
            return
        for one in found:
            output.note(f"{one}.")


def _put_sent(caller: Caller, message: MessageView) -> None:
    done = f"The message is {message.state}: do not send it again."
    caller.output.put(message, message_words(message), done=done)


async def find(client: Client, contact: str, name: str) -> MessageView:
    """The message that somebody typed."""
    return await client.send(FindMessage(contact=contact, name=with_sign(name)))


def with_sign(name: str) -> str:
    """What names a message or a post; a number with its `#`, which shells skip."""
    return f"#{name}" if name.isdecimal() and len(name) < ID_LENGTH else name


def read_body() -> str:
    """All of stdin, without one final newline."""
    data = sys.stdin.buffer.read(STDIN_MAX_BYTES + 1)
    if len(data) > STDIN_MAX_BYTES:
        raise InvalidText(reason=f"it has more than {TEXT_MAX_BYTES} bytes")
    try:
        return text_of(data).removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InvalidText(reason="it is not valid UTF-8") from error


async def _delivered(client: Client, message: MessageView, after: int) -> str:
    """The state in which the message arrived; raises why it never will."""
    async with following(client, after) as events:
        async for event in events:
            match event:
                case MessageDelivered() | MessageRead() if event.message_id == message.message_id:
                    return event.state
                case MessageFailed() if event.message_id == message.message_id:
                    contact = await client.send(ShowContact(contact=f"#{message.contact_id}"))
                    if contact.revoked:
                        raise ContactRevoked(name=contact.contact)
                    if contact.identity_changed:
                        raise IdentityChanged(name=contact.contact)
                    raise ContactBlocked(name=contact.contact)
    raise ControlError(what="it ended before the message was delivered")


async def _all_pages(client: Client, wanted: History) -> list[MessageView]:
    """Up to `wanted.limit` messages, oldest first, asked for in pages."""
    messages: list[MessageView] = []
    page = wanted
    while (missing := wanted.limit - len(messages)) > 0:
        page = msgspec.structs.replace(page, limit=min(missing, PAGE))
        found = (await client.send(page)).messages
        messages[:0] = found
        if len(found) < page.limit:
            break
        page = msgspec.structs.replace(page, before_row=found[0].row_id)
    return messages


async def has_older(client: Client, wanted: History, oldest: MessageView) -> bool:
    """Whether `wanted` had more messages, before the oldest one that was shown."""
    page = msgspec.structs.replace(wanted, limit=1, before_row=oldest.row_id)
    return bool((await client.send(page)).messages)


async def _mark_read(caller: Caller, client: Client, messages: list[MessageView]) -> None:
    """Mark the newest as read if a person sees them; a script's output is not reading."""
    incoming = [message for message in messages if message.direction == "in"]
    if caller.output.fancy and incoming:
        first, last = incoming[0], incoming[-1]
        await client.send(
            MarkRead(contact=f"#{last.contact_id}", row_id=last.row_id, from_row=first.row_id)
        )


async def _follow(
    caller: Caller, client: Client, after: int, contact_id: int, shown: int, *, numbers: bool
) -> None:
    """Print the conversation's events; a message that was printed already is left out."""
    async with following(client, after) as events:
        async for event in events:
            if getattr(event, "contact_id", None) != contact_id:
                continue
            if isinstance(event, MessageReceived | MessageQueued) and event.row_id <= shown:
                continue
            put_event(caller.output, event, numbers=numbers)
            if isinstance(event, MessageReceived) and caller.output.fancy:
                row_id = event.row_id
                command = MarkRead(contact=f"#{contact_id}", row_id=row_id, from_row=row_id)
                await client.send(command)
