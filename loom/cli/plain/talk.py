"""`loom plain`: lines are sent or carried out, and what happens is shown."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Annotated, Final

import typer

from loom.api.client import Client
from loom.api.contact_commands import ListContacts
from loom.api.conversation_commands import SetPreferences
from loom.api.events import AnyEvent, Warned
from loom.api.profile_commands import Status
from loom.cli.completion import contact_names
from loom.cli.conversations import READ, UNREAD
from loom.cli.events import note_event
from loom.cli.opening import Caller, following
from loom.cli.options import add_commands
from loom.cli.plain.commands import COMMANDS
from loom.cli.plain.contact import Contact
from loom.cli.plain.conversation import Conversation
from loom.cli.plain.messages import Messages
from loom.cli.plain.own_profile import OwnProfile
from loom.cli.plain.pairing import Pairing
from loom.cli.plain.people import People
from loom.cli.typed_lines import LINE_MAX_BYTES, typed_lines
from loom.errors import InvalidInput, InvalidText, LoomError
from loom.front.given_text import text_of
from loom.front.slash import Refused, Run, Say, read_line
from loom.wire.limits import TEXT_MAX_BYTES

PANEL: Final = "Messages"


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        PANEL,
        ("plain", plain, "Chat line by line, for screen readers, simple terminals and pipes."),
    )


def plain(
    context: typer.Context,
    contact: Annotated[
        str | None,
        typer.Argument(metavar="[CONTACT]", help="Who to write to.", autocompletion=contact_names),
    ] = None,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client(caller.online()) as client:
            talk = Talk(caller, client)
            await talk.run(contact)
            if caller.opened_here and talk.conversation.waiting:
                caller.output.note("Queued messages are sent when a node runs: `loom daemon`.")

    caller.run(work())


class Talk:
    """From the first line to the last. An error ends it on a pipe; a terminal only shows it."""

    def __init__(
        self, caller: Caller, client: Client, *, answer_timeout_s: float | None = None
    ) -> None:
        self._output = caller.output
        self._client = client
        self._interactive = sys.stdin.isatty()
        self.conversation = Conversation(
            caller.output,
            client,
            interactive=self._interactive,
            answer_timeout_s=answer_timeout_s,
        )
        self._pairing = Pairing(caller.output, client)
        people = People(caller.output, client, self.conversation)
        contact = Contact(caller.output, client, self.conversation)
        own = OwnProfile(caller.output, client)
        messages = Messages(caller.output, client, self.conversation)
        self._handlers: dict[str, Callable[[str], Awaitable[None]]] = {
            "help": self._help,
            "contacts": people.contacts,
            "to": self.conversation.open,
            "history": self.conversation.history,
            "search": messages.search,
            "reply": messages.reply,
            "edit": messages.edit,
            "expires": messages.expires,
            "react": messages.react,
            "message": messages.message,
            "forward": messages.forward,
            "pin": messages.pin,
            "unpin": partial(messages.pin, on=False),
            "pins": messages.pins,
            "bookmark": messages.bookmark,
            "unbookmark": partial(messages.bookmark, on=False),
            "bookmarks": messages.bookmarks,
            "mentions": messages.mentions,
            "delete": messages.delete,
            "unsend": partial(messages.delete, for_both=True),
            "export": messages.export,
            "contact": contact.show,
            "verify": people.verify,
            "rename": contact.rename,
            "block": lambda _: contact.block(),
            "unblock": lambda _: contact.block(blocked=False),
            "timer": contact.timer,
            "farewell": contact.farewell,
            "mute": contact.mute,
            "unmute": contact.habit(SetPreferences(muted=False)),
            "level": contact.level,
            "archive": contact.habit(SetPreferences(archived=True)),
            "unarchive": contact.habit(SetPreferences(archived=False)),
            "favourite": contact.habit(SetPreferences(favourite=True)),
            "unfavourite": contact.habit(SetPreferences(favourite=False)),
            "read": lambda _: contact.mark(READ),
            "unread": lambda _: contact.mark(UNREAD),
            "peers": people.peers,
            "connect": contact.connect,
            "token": people.token,
            "anchors": people.anchors,
            "pair": self._pairing.do,
            "add": people.add,
            "invite": people.invite,
            "requests": people.requests,
            "accept": people.accept,
            "profile": own.profile,
            "status": own.status,
            "away": own.away,
            "back": own.back,
            "invisible": own.invisible,
            "visible": own.visible,
        }

    async def run(self, contact: str | None, lines: AsyncIterator[bytes] | None = None) -> None:
        """Until /quit, the end of the lines, or the end of the node."""
        last_seq = (await self._client.send(Status())).last_seq
        async with following(self._client, last_seq) as events:
            await self._begin(contact)
            reading = asyncio.create_task(
                self._read(typed_lines() if lines is None else lines), name="lines"
            )
            showing = asyncio.create_task(self._show(events), name="events")
            try:
                done, _ = await asyncio.wait(
                    (reading, showing), return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                await self._pairing.end()
                for task in (reading, showing):
                    task.cancel()
                await asyncio.gather(reading, showing, return_exceptions=True)
            for task in done:
                task.result()
            if reading not in done:
                self._output.note("The node has stopped.")

    async def _begin(self, contact: str | None) -> None:
        if contact is not None:
            await self.conversation.open(contact)
            return
        known = (await self._client.send(ListContacts())).contacts
        if len(known) == 1:
            await self.conversation.open(f"#{known[0].contact_id}")
        else:
            self._output.note("/contacts lists your contacts, /to NAME chooses one.")

    async def _read(self, lines: AsyncIterator[bytes]) -> None:
        async for line in lines:
            try:
                if await self._carry_out(line):
                    return
            except LoomError as error:
                if not self._interactive:
                    raise
                self._output.error(error)

    async def _carry_out(self, line: bytes) -> bool:
        """Send a text or run a command; whether that was the end."""
        if len(line) > LINE_MAX_BYTES:
            raise InvalidText(reason=f"it has more than {TEXT_MAX_BYTES} bytes")
        try:
            text = text_of(line)
        except UnicodeDecodeError as error:
            raise InvalidText(reason="it is not valid UTF-8") from error
        match read_line(text, COMMANDS):
            case Refused(why=why):
                raise InvalidInput(what=why.rstrip("."))
            case Run(command=command) if command.name == "quit":
                return True
            case Run(command=command, argument=argument):
                await self._handlers[command.name](argument)
            case Say(text=said) if _looks_like_a_command(text):
                first = said.split()[0][:32]
                raise InvalidInput(what=f"A space stands before {first}: begin with // to send it")
            case Say(text=said) if said.strip():
                await self.conversation.send(said)
        return False

    async def _help(self, _: str) -> None:
        for command in COMMANDS:
            usage = f"/{command.name} {command.arguments}".strip()
            self._output.note(f"{usage}: {command.does}.")
        self._output.note("Any other line is sent; begin with // to send one that begins with /.")

    async def _show(self, events: AsyncIterator[AnyEvent]) -> None:
        async for event in events:
            await self.conversation.show(event)
            self._pairing.show(event)
            if isinstance(event, Warned):
                note_event(self._output, event)


def _looks_like_a_command(text: str) -> bool:
    """A slash after spaces, and no path: more likely a mistyped command than a message."""
    start = text.lstrip()
    return text != start and start.startswith("/") and "/" not in start[1:].partition(" ")[0]
