"""What is done with the chosen contact, typed and shown as lines."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from loom.addresses import parse_address
from loom.api.client import Client
from loom.api.contact_commands import (
    AnswerFarewell,
    BlockContact,
    Connect,
    RenameContact,
    ShowContact,
)
from loom.api.conversation_commands import SetPreferences, SetTimer
from loom.cli.contacts import contact_words
from loom.cli.conversation_words import preference_words, timer_holds_words, unread_words
from loom.cli.conversations import (
    DELETE,
    KEEP,
    mark_conversation,
    mute_command,
)
from loom.cli.output import Output
from loom.cli.plain.conversation import Conversation
from loom.errors import InvalidInput
from loom.front.durations import parse_timer


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

    async def block(self, *, blocked: bool = True) -> None:
        """`/block` and `/unblock`."""
        await self._client.send(BlockContact(contact=self._conversation.contact, blocked=blocked))

    async def mute(self, how_long: str) -> None:
        """`/mute`."""
        await self._set(mute_command(self._conversation.contact, how_long))

    async def level(self, level: str) -> None:
        """`/level`."""
        if not level:
            raise InvalidInput(what="Write /level everything, /level mentions or /level nothing")
        contact = self._conversation.contact
        await self._set(SetPreferences(contact=contact, level=level.casefold()))

    def habit(self, change: SetPreferences) -> Callable[[str], Awaitable[None]]:
        """What a command does that changes preferences for the contact that is chosen then."""

        async def carry_out(_: str) -> None:
            await self._set(replace(change, contact=self._conversation.contact))

        return carry_out

    async def mark(self, how: str) -> None:
        """`/read` and `/unread`."""
        view = await mark_conversation(self._client, self._conversation.contact, how)
        self._output.put(view, unread_words(view))

    async def timer(self, how_long: str) -> None:
        """`/timer`."""
        contact = self._conversation.contact
        if how_long:
            await self._client.send(SetTimer(contact=contact, expires_s=parse_timer(how_long)))
            return
        view = await self._client.send(ShowContact(contact=contact))
        self._output.put(view, timer_holds_words(view))

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
        self._output.put(view, preference_words(view, command))
