"""A whole conversation or room, a page at a time, in one of the formats."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from loom.api.contact_commands import ShowContact
from loom.api.message_commands import History
from loom.api.room_commands import RoomHistory, ShowRoom
from loom.errors import ControlError, InvalidInput
from loom.front.export import facts, html, jsonl, markdown, text
from loom.front.export.facts import Said
from loom.front.private_file import private_file
from loom.front.send import Send
from loom.printable import printable

PAGE: Final = 200
"""Messages of a page: of the longest texts, 20 MB as JSON, which an answer may have."""


NAME_MAX: Final = 40
_AGAIN: Final = "it gave the same messages again, so the export stopped"


class Format(NamedTuple):
    """How one format is written. All text that it is given may be hostile."""

    ending: str
    head: Callable[[str, str], str]
    """Of a title and when it was written."""
    day: Callable[[str], str]
    message: Callable[[Said], str]
    tail: str


FORMATS: Final[Mapping[str, Format]] = {
    "text": Format("txt", text.head, text.day, text.message, ""),
    "markdown": Format("md", markdown.head, markdown.day, markdown.message, ""),
    "jsonl": Format("jsonl", jsonl.head, jsonl.day, jsonl.message, ""),
    "html": Format("html", html.head, html.day, html.message, html.TAIL),
}


class Written(NamedTuple):
    """The next part, and how many messages are in it."""

    text: str
    messages: int


def format_named(name: str) -> Format:
    """Raises InvalidInput: there is none of that name."""
    if (found := FORMATS.get(name.lower())) is None:
        raise InvalidInput(
            what=f"There is no format {printable(name[:40])}; write {', '.join(FORMATS)}"
        )
    return found


def file_name(contact: str) -> str:
    """A harmless name for a file, without its ending: letters and digits of the contact's name."""
    kept = "".join(one if one.isalnum() else "-" for one in printable(contact)[:NAME_MAX])
    return f"loom-{kept.strip('-') or 'conversation'}"


async def written(
    send: Send,
    contact: str,
    how: Format,
    *,
    since_ms: int | None = None,
    before_ms: int | None = None,
    now_ms: int,
) -> AsyncIterator[Written]:
    """All messages with since_ms <= sent_at_ms < before_ms, oldest first, in constant memory.

    Raises:
        LoomError: what the node raised.
        ControlError: a page does not go on after the one before; a hostile node can do so for ever.
    """
    view = await send(ShowContact(contact=contact))
    page = History(
        contact=f"#{view.contact_id}",
        limit=PAGE,
        since_ms=since_ms,
        before_ms=before_ms,
        oldest=True,
    )
    title = f"Conversation with {view.contact}"
    async for part in _written(title, _messages(send, page), how, now_ms):
        yield part


async def written_room(
    send: Send,
    room: str,
    how: Format,
    *,
    channel: str | None = None,
    since_ms: int | None = None,
    before_ms: int | None = None,
    now_ms: int,
) -> AsyncIterator[Written]:
    """The same of the posts and lines of a room, or of one of its channels, in their order."""
    view = await send(ShowRoom(room=room))
    page = RoomHistory(
        room=view.room_id,
        channel=channel,
        limit=PAGE,
        since_ms=since_ms,
        before_ms=before_ms,
        oldest=True,
    )
    title = f"Room {view.room}" + ("" if channel is None else f", #{channel}")
    async for part in _written(title, _posts(send, page), how, now_ms):
        yield part


async def _written(
    title: str, pages: AsyncIterator[Sequence[Said]], how: Format, now_ms: int
) -> AsyncIterator[Written]:
    yield Written(how.head(title, facts.moment(now_ms)), 0)
    day = ""
    async for found in pages:
        parts: list[str] = []
        for one in found:
            if (new_day := facts.day(one)) != day:
                day = new_day
                parts.append(how.day(day))
            parts.append(how.message(one))
        yield Written("".join(parts), len(found))
    yield Written(how.tail, 0)


async def _messages(send: Send, page: History) -> AsyncIterator[Sequence[Said]]:
    while found := (await send(page)).messages:
        if found[-1].row_id <= (page.after_row or 0):
            raise ControlError(what=_AGAIN)
        yield found
        if len(found) < PAGE:
            break
        page = msgspec.structs.replace(page, after_row=found[-1].row_id)


async def _posts(send: Send, page: RoomHistory) -> AsyncIterator[Sequence[Said]]:
    last = (-1, "")
    while found := (await send(page)).posts:
        if (found[-1].order, found[-1].post_id) <= last:
            raise ControlError(what=_AGAIN)
        last = found[-1].order, found[-1].post_id
        yield found
        if len(found) < PAGE:
            break
        page = msgspec.structs.replace(page, oldest=False, after=last[1])


async def put(parts: AsyncIterator[Written], write: Callable[[bytes], object]) -> int:
    """Write all parts, outside the event loop; how many messages there are."""
    messages = 0
    async for part in parts:
        await asyncio.to_thread(write, part.text.encode())
        messages += part.messages
    return messages


async def put_into(file: Path, parts: AsyncIterator[Written]) -> int:
    """`put` into a private file, whole or not at all.

    Raises:
        InvalidInput: it cannot be written.
    """
    with ExitStack() as stack:
        opened = await asyncio.to_thread(stack.enter_context, private_file(file))
        return await put(parts, opened.write)


def counted(messages: int) -> str:
    """So many messages, in words."""
    return "1 message" if messages == 1 else f"{messages} messages"
