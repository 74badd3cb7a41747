"""What is done with messages, typed and shown as lines."""

import time
from pathlib import Path
from typing import Final

from loom.api.client import Client
from loom.api.conversation_commands import ListMentions
from loom.api.message_commands import (
    Bookmark,
    DeleteMessages,
    EditMessage,
    FindMessage,
    ListBookmarks,
    ListPins,
    Pin,
    React,
    ShowEdits,
)
from loom.api.message_views import MessageView
from loom.cli.forwarding import forward
from loom.cli.message_words import message_words
from loom.cli.messages import DELETED_FOR_BOTH, put_notes
from loom.cli.output import Output, body_words
from loom.cli.plain.commands import PLAIN
from loom.cli.plain.conversation import Conversation
from loom.cli.room_words import said_words
from loom.errors import InvalidInput
from loom.front import search_both
from loom.front.durations import parse_timer
from loom.front.emoji import sign_of
from loom.front.export.conversation import FORMATS, counted, format_named, put_into, written
from loom.front.moments import when
from loom.front.search_query import read_query
from loom.printable import printable

FOUND_MAX: Final = 50

OFF: Final = "off"
MINE: Final = "last"
THEIRS: Final = "theirs"


class Messages:
    """A message is named by `#` and its number, or is the newest of one side.

    What comes of a command is shown when its event comes, as if another front end had done it.
    """

    def __init__(self, output: Output, client: Client, conversation: Conversation) -> None:
        self._output = output
        self._client = client
        self._conversation = conversation

    async def export(self, argument: str) -> None:
        """`/export`."""
        how, _, rest = argument.partition(" ")
        file, _, agreed = rest.rpartition(" ")
        if agreed != PLAIN or not file.strip():
            usage = f"/export {'|'.join(FORMATS)} FILE {PLAIN}"
            raise InvalidInput(what=f"The copy is not encrypted. To go on, write {usage}")
        contact = self._conversation.contact
        now_ms = int(time.time() * 1_000)
        parts = written(self._client.send, contact, format_named(how), now_ms=now_ms)
        messages = await put_into(Path(file.strip()), parts)
        self._output.note(f"{counted(messages)} written to {printable(file.strip())}.")

    async def reply(self, argument: str) -> None:
        """`/reply`."""
        name, text = _named(argument, THEIRS)
        if not text:
            raise InvalidInput(what="Write /reply TEXT, or /reply #NUMBER TEXT")
        message = await self._find(name)
        await self._conversation.send(text, reply_to=message.message_id)

    async def expires(self, argument: str) -> None:
        """`/expires`."""
        lasts, _, text = argument.partition(" ")
        if not text.strip():
            raise InvalidInput(what="Write /expires 1h TEXT; 1h may be any time, or off")
        await self._conversation.send(text.strip(), expires_s=parse_timer(lasts))

    async def edit(self, argument: str) -> None:
        """`/edit`."""
        name, text = _named(argument, MINE)
        if not text:
            raise InvalidInput(what="Write /edit TEXT, or /edit #NUMBER TEXT")
        message_id = (await self._find(name)).message_id
        contact = self._conversation.contact
        await self._client.send(EditMessage(contact=contact, message_id=message_id, body=text))

    async def react(self, argument: str) -> None:
        """`/react`."""
        name, emoji = _named(argument, THEIRS)
        if not emoji:
            raise InvalidInput(what=f"Write /react EMOJI, or /react {OFF}")
        emoji = "" if emoji == OFF else sign_of(emoji)
        message_id = (await self._find(name)).message_id
        contact = self._conversation.contact
        await self._client.send(React(contact=contact, message_id=message_id, emoji=emoji))

    async def forward(self, argument: str) -> None:
        """`/forward`."""
        name, to = _named(argument, THEIRS)
        if not to:
            raise InvalidInput(what="Write /forward NAME, or /forward #NUMBER NAME")
        message = await self._find(name)
        queued = await forward(self._client.send, self._conversation.contact, [message], [to])
        for one in queued:
            self._output.put(one, said_words(one, ids=False))

    async def message(self, argument: str) -> None:
        """`/message`."""
        message = await self._find(_only_named(argument, THEIRS, "message"))
        self._output.put(message, message_words(message, number=True))
        if message.edited:
            contact = self._conversation.contact
            command = ShowEdits(contact=contact, message_id=message.message_id)
            found = await self._client.send(command)
            if self._output.as_json:
                self._output.json(found)
                return
            for one in found.wordings:
                self._output.line(body_words(f"{when(one.sent_at_ms)}  ", one.body))

    async def pin(self, argument: str, *, on: bool = True) -> None:
        """`/pin` and `/unpin`."""
        message_id = (await self._find(_only_named(argument, THEIRS, "pin"))).message_id
        contact = self._conversation.contact
        await self._client.send(Pin(contact=contact, message_id=message_id, on=on))

    async def pins(self, _: str) -> None:
        """`/pins`."""
        found = await self._client.send(ListPins(contact=self._conversation.contact))
        self._put(found.messages, "Nothing is pinned here.")

    async def bookmark(self, argument: str, *, on: bool = True) -> None:
        """`/bookmark` and `/unbookmark`."""
        message_id = (await self._find(_only_named(argument, THEIRS, "bookmark"))).message_id
        contact = self._conversation.contact
        command = Bookmark(contact=contact, message_id=message_id, on=on)
        message = await self._client.send(command)
        self._output.put(message, message_words(message, number=True))

    async def bookmarks(self, _: str) -> None:
        """`/bookmarks`."""
        self._put((await self._client.send(ListBookmarks())).messages, "Nothing is bookmarked.")

    async def mentions(self, _: str) -> None:
        """`/mentions`."""
        found = await self._client.send(ListMentions())
        self._put(found.messages, "Nothing mentions you.")

    async def delete(self, argument: str, *, for_both: bool = False) -> None:
        """`/delete` and `/unsend`: a number is a must, as neither can be undone."""
        word = "unsend" if for_both else "delete"
        name = _only_named(argument, "", word)
        if not name:
            raise InvalidInput(what=f"Write /{word} #NUMBER; /history shows the numbers")
        ids = [(await self._find(name)).message_id]
        contact = self._conversation.contact
        command = DeleteMessages(contact=contact, message_ids=ids, for_both=for_both)
        await self._client.send(command)
        if for_both and not self._output.as_json:
            self._output.note(DELETED_FOR_BOTH)

    async def search(self, text: str) -> None:
        """`/search`."""
        if not text:
            raise InvalidInput(what="Write /search TEXT")
        query = await read_query(text).known(self._client.send, rooms=True)
        put_notes(self._output, query)
        hits = [one async for one in search_both.found(self._client.send, query, FOUND_MAX)]
        for one in hits:
            self._output.put(one, said_words(one, ids=True))
        if not hits:
            self._output.note("Nothing found.")

    async def _find(self, name: str) -> MessageView:
        contact = self._conversation.contact
        return await self._client.send(FindMessage(contact=contact, name=name))

    def _put(self, messages: list[MessageView], none: str) -> None:
        for message in messages:
            self._output.put(message, message_words(message, number=True))
        if not messages:
            self._output.note(none)


def _named(argument: str, otherwise: str) -> tuple[str, str]:
    """The message that an argument begins with, and the rest of it."""
    word, _, rest = argument.partition(" ")
    is_number = word.startswith("#") and word[1:].isdecimal()
    return (word, rest.strip()) if is_number else (otherwise, argument)


def _only_named(argument: str, otherwise: str, command: str) -> str:
    name, rest = _named(argument, otherwise)
    if rest:
        raise InvalidInput(what=f"Write /{command} #NUMBER; /history shows the numbers")
    return name
