"""The conversation that lines go to: one at a time."""

import asyncio
from typing import Final

import msgspec

from loom.api.client import Client
from loom.api.contact_commands import ShowContact
from loom.api.contact_views import ContactView, ReachView
from loom.api.conversation_commands import MarkRead
from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactRemoved,
    FarewellAsked,
    FarewellDone,
    IdentityNoted,
    MessageDeleted,
    MessageDelivered,
    MessageEdited,
    MessageExpired,
    MessageFailed,
    MessagePinned,
    MessageQueued,
    MessageReacted,
    MessageRead,
    MessageReceived,
    MessagesDeleted,
    MessageSent,
    PeerOffline,
    PeerOnline,
    ReachChanged,
    SessionStarted,
    TimerChanged,
)
from loom.api.message_commands import History, SendText
from loom.api.message_views import MessageView
from loom.cli.contacts import about
from loom.cli.events import event_words, note_event, statement_words
from loom.cli.message_words import message_words, said_words
from loom.cli.messages import has_older
from loom.cli.output import Output
from loom.errors import InvalidInput, NotDelivered
from loom.front.identity_words import identity_line
from loom.front.lasting import asked_words, timer_words
from loom.front.reach import reach_at, reach_words
from loom.model import Level
from loom.printable import printable

LAST_MESSAGES: Final = 10
PAGE_MAX: Final = 200


class Conversation:
    """The chosen contact, what of it is on the screen, and what was sent and is on its way."""

    def __init__(
        self,
        output: Output,
        client: Client,
        *,
        interactive: bool,
        answer_timeout_s: float | None = None,
    ) -> None:
        self._output = output
        self._client = client
        self._interactive = interactive
        self._answer_timeout_s = answer_timeout_s
        """Set: after each line, an answer is waited for so long."""
        self._contact: ContactView | None = None
        self._shown_row = 0
        self._told_away = self._told_mailbox = False
        self._sending = asyncio.Lock()
        self._own: set[str] = set()
        self.waiting: set[str] = set()
        """Ids of messages sent here that are not yet delivered."""
        self._answered = asyncio.Event()

    @property
    def contact(self) -> str:
        """How commands name the chosen contact. Raises InvalidInput: there is none."""
        if self._contact is None:
            raise InvalidInput(
                what="No contact is chosen: /to NAME chooses one, /contacts lists them"
            )
        return f"#{self._contact.contact_id}"

    async def send(
        self, text: str, *, reply_to: str | None = None, expires_s: int | None = None
    ) -> None:
        """Send a line, perhaps as an answer or with its timer; with a timeout, wait for one."""
        self._answered.clear()
        async with self._sending:
            message = await self._client.send(
                SendText(contact=self.contact, body=text, reply_to=reply_to, expires_s=expires_s)
            )
            self._own.add(message.message_id)
            self.waiting.add(message.message_id)
        if self._answer_timeout_s is not None:
            try:
                async with asyncio.timeout(self._answer_timeout_s):
                    await self._answered.wait()
            except TimeoutError as error:
                raise NotDelivered(timeout_s=f"{self._answer_timeout_s:g}") from error
        elif self._contact is not None and not (self._contact.reach.is_online or self._told_away):
            self._told_away = True
            name = printable(self._contact.contact)
            self._output.note(f"{name} is away; this is sent when {name} can be reached.")

    async def open(self, name: str) -> None:
        """`/to`: choose a contact and show the last messages."""
        if not name:
            raise InvalidInput(what="Write /to NAME")
        self._contact = view = await self._client.send(ShowContact(contact=name))
        self._shown_row, self._told_away, self._told_mailbox = 0, False, False
        help_ = " /help lists the commands." if self._interactive else ""
        self._output.note(f"To {printable(view.contact)}: {about(view)}.{help_}")
        await self._show_history(LAST_MESSAGES, numbers=False)

    async def history(self, argument: str) -> None:
        """`/history`."""
        count = argument or str(LAST_MESSAGES)
        if not (count.isascii() and count.isdecimal() and 0 < int(count[:4]) <= PAGE_MAX):
            raise InvalidInput(what=f"Write /history N, with N from 1 to {PAGE_MAX}")
        messages = await self._show_history(int(count), numbers=True)
        if self._output.as_json:
            return
        if not messages:
            self._output.note("No messages yet.")
        page = History(contact=self.contact, limit=int(count))
        if len(messages) == page.limit and await has_older(self._client, page, messages[0]):
            more = f"/history {min(2 * page.limit, PAGE_MAX)}"
            if page.limit == PAGE_MAX:
                more = "`loom history CONTACT --before T`"
            self._output.note(f"There are older messages: {more} shows them.")

    async def _show_history(self, count: int, *, numbers: bool) -> list[MessageView]:
        page = await self._client.send(History(contact=self.contact, limit=count))
        for message in page.messages:
            self._output.put(message, message_words(message, number=numbers))
        for message in page.messages[-1:]:
            self._shown_row = max(self._shown_row, message.row_id)
            await self._mark_read(page.messages[0].row_id, message.row_id)
        return page.messages

    # --- what happens ---

    async def show(self, event: AnyEvent) -> None:
        """An event of any contact: in full if it is the chosen one's."""
        chosen = None if self._contact is None else self._contact.contact_id
        mine = getattr(event, "contact_id", None) == chosen
        match event:
            case MessageReceived() if mine:
                await self._show_received(event)
            case MessageReceived():
                await self._tell_elsewhere(event)
            case MessageQueued() if mine:
                await self._show_queued(event)
            case MessageEdited() if mine:
                self._output.put(event, said_words(event))
            case MessageReacted() | MessagePinned() | MessageDeleted() if mine:
                self._output.put(event, statement_words(event))
            case TimerChanged() if mine:
                words = timer_words(event.direction, event.contact, event.expires_s)
                self._output.put(event, words)
            case IdentityNoted() if mine:
                self._output.put(event, identity_line(event.kind, event.contact))
            case MessageExpired() | FarewellDone() if mine:
                self._output.put(event, event_words(event) or "")
            case FarewellAsked() if mine:
                self._output.put(event, asked_words(event.contact, event.scope))
                self._output.note("/farewell delete, or /farewell keep.")
            case MessageDelivered() | MessageRead():
                await self._settle(event.message_id)
            case MessageFailed():
                await self._settle(event.message_id)
                self._output.put(event, event_words(event) or "")
            case PeerOnline() | PeerOffline() if mine and self._contact is not None:
                is_up = isinstance(event, PeerOnline)
                reach = reach_at(event.address) if isinstance(event, PeerOnline) else ReachView()
                self._contact = msgspec.structs.replace(self._contact, online=is_up, reach=reach)
                self._told_away = self._told_mailbox = False
                note_event(self._output, event)
            case ReachChanged() if mine:
                self._told_away = False
                await self._show_reach()
            case MessageSent(via="mailbox") if mine and not self._told_mailbox:
                self._told_mailbox = True
                await self._show_reach()
            case ContactRemoved() if mine:
                self._contact = None
                note_event(self._output, event)
            case ContactChanged() if mine:
                self._contact = await self._client.send(ShowContact(contact=self.contact))
                note_event(self._output, event)
            case SessionStarted() | MessagesDeleted() if mine:
                note_event(self._output, event)

    async def _show_received(self, event: MessageReceived) -> None:
        if event.row_id > self._shown_row:
            self._shown_row = event.row_id
            self._output.put(event, said_words(event))
            await self._mark_read(event.row_id, event.row_id)
        self._answered.set()

    async def _show_queued(self, event: MessageQueued) -> None:
        """What one writes here is on the screen already; what another front end sent is not."""
        async with self._sending:
            own = event.message_id in self._own
        self._own.discard(event.message_id)
        if not own and event.row_id > self._shown_row:
            self._shown_row = event.row_id
            self._output.put(event, said_words(event))

    async def _show_reach(self) -> None:
        self._contact = view = await self._client.send(ShowContact(contact=self.contact))
        if not self._output.as_json:
            self._output.note(f"{printable(view.contact)} is {reach_words(view.reach)}.")

    async def _tell_elsewhere(self, event: MessageReceived) -> None:
        known = await self._client.send(ShowContact(contact=f"#{event.contact_id}"))
        is_told = known.level == Level.EVERYTHING or (
            known.level == Level.MENTIONS and event.mention
        )
        if is_told and not known.muted and not self._output.as_json:
            name = printable(event.contact)
            self._output.note(f"{name} wrote to you: /to {name} shows it.")

    async def _settle(self, message_id: str) -> None:
        async with self._sending:
            self.waiting.discard(message_id)

    async def _mark_read(self, from_row: int, row_id: int) -> None:
        """What a person has on the screen is read; what a script fetched is not."""
        if self._output.fancy and self._interactive:
            await self._client.send(
                MarkRead(contact=self.contact, row_id=row_id, from_row=from_row)
            )
