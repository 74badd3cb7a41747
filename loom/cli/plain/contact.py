"""What is done with the chosen contact, typed and shown as lines."""

from loom.addresses import parse_address
from loom.api.client import Client
from loom.api.commands import (
    AnswerFarewell,
    BlockContact,
    Connect,
    RenameContact,
    SetPreferences,
    SetTimer,
    ShowContact,
)
from loom.cli.contacts import about, contact_words
from loom.cli.conversations import (
    DELETE,
    KEEP,
    READ,
    UNREAD,
    mark_conversation,
    mute_command,
)
from loom.cli.output import Output
from loom.cli.plain.conversation import Conversation
from loom.errors import InvalidInput
from loom.front.durations import parse_timer
from loom.front.lasting import holding_words
from loom.printable import printable


class Contact:
    """The commands that are about whom one writes to."""

    def __init__(self, output: Output, client: Client, conversation: Conversation) -> None:
        self._output = output
        self._client = client
        self._conversation = conversation

    async def show(self, _: str) -> None:
        """`/contact`."""
        view = await self._client.send(ShowContact(contact=self._conversation.contact))
        self._output.put(view, contact_words(view))

    async def rename(self, name: str) -> None:
        """`/rename`."""
        if not name:
            raise InvalidInput(what="Write /rename NAME")
        await self._client.send(RenameContact(contact=self._conversation.contact, name=name))

    async def block(self, _: str) -> None:
        """`/block`."""
        await self._client.send(BlockContact(contact=self._conversation.contact))

    async def unblock(self, _: str) -> None:
        """`/unblock`."""
        await self._client.send(BlockContact(contact=self._conversation.contact, blocked=False))

    async def mute(self, how_long: str) -> None:
        """`/mute`."""
        await self._set(mute_command(self._conversation.contact, how_long))

    async def unmute(self, _: str) -> None:
        """`/unmute`."""
        await self._set(SetPreferences(contact=self._conversation.contact, muted=False))

    async def level(self, level: str) -> None:
        """`/level`."""
        if not level:
            raise InvalidInput(what="Write /level everything, /level mentions or /level nothing")
        contact = self._conversation.contact
        await self._set(SetPreferences(contact=contact, level=level.casefold()))

    async def archive(self, _: str) -> None:
        """`/archive`."""
        await self._set(SetPreferences(contact=self._conversation.contact, archived=True))

    async def unarchive(self, _: str) -> None:
        """`/unarchive`."""
        await self._set(SetPreferences(contact=self._conversation.contact, archived=False))

    async def favourite(self, _: str) -> None:
        """`/favourite`."""
        await self._set(SetPreferences(contact=self._conversation.contact, favourite=True))

    async def unfavourite(self, _: str) -> None:
        """`/unfavourite`."""
        await self._set(SetPreferences(contact=self._conversation.contact, favourite=False))

    async def read(self, _: str) -> None:
        """`/read`."""
        await self._mark(READ)

    async def unread(self, _: str) -> None:
        """`/unread`."""
        await self._mark(UNREAD)

    async def timer(self, how_long: str) -> None:
        """`/timer`."""
        contact = self._conversation.contact
        if how_long:
            await self._client.send(SetTimer(contact=contact, expires_s=parse_timer(how_long)))
            return
        view = await self._client.send(ShowContact(contact=contact))
        timer = view.timer
        words = holding_words(timer.expires_s, timer.own_s, timer.theirs_s)
        self._output.put(view, f"Disappearing messages: {words}")

    async def farewell(self, answer: str) -> None:
        """`/farewell`."""
        if answer not in (DELETE, KEEP):
            raise InvalidInput(what=f"Write /farewell {DELETE}, or /farewell {KEEP}")
        contact = self._conversation.contact
        await self._client.send(AnswerFarewell(contact=contact, accept=answer == DELETE))

    async def connect(self, argument: str) -> None:
        """`/connect`."""
        at = parse_address(argument)
        contact = self._conversation.contact
        await self._client.send(Connect(contact=contact, host=at.host, port=at.port))

    async def _set(self, command: SetPreferences) -> None:
        await self._client.send(command)
        view = await self._client.send(ShowContact(contact=self._conversation.contact))
        facts = [
            about(view),
            "muted" if view.muted else f"notifies of {view.level}",
            *(["archived"] if view.archived else []),
            *(["favourite"] if view.favourite else []),
        ]
        self._output.put(view, f"{printable(view.contact)}: {', '.join(facts)}")

    async def _mark(self, how: str) -> None:
        view = await mark_conversation(self._client, self._conversation.contact, how)
        self._output.put(view, f"{printable(view.contact)}: {view.unread} unread")
