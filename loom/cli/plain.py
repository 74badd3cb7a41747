"""`loom --plain`: a conversation as lines, for screen readers, dumb terminals and pipes.

It is part of the command line and not of the app: it writes through this layer's `Output`, on a
terminal and on a pipe, and shares only the reading of slash commands with the app.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Final

import msgspec
import typer

from loom.addresses import parse_address
from loom.api.client import Client
from loom.api.commands import (
    AcceptRequest,
    AnswerWords,
    DialPeer,
    History,
    ImportToken,
    ListAnchors,
    ListContacts,
    ListPeers,
    ListRequests,
    MakeInvite,
    MarkRead,
    PickPeer,
    Search,
    SendText,
    ShowContact,
    StartPairing,
    Status,
    StopPairing,
    VerifyContact,
)
from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactRemoved,
    MessageDelivered,
    MessageFailed,
    MessageQueued,
    MessageRead,
    MessageReceived,
    MessageSent,
    PairingDone,
    PairingFailed,
    PairingPeers,
    PairingStopped,
    PairingWords,
    PeerOffline,
    PeerOnline,
    ReachChanged,
    SessionStarted,
    Warned,
)
from loom.api.views import ContactView, MessageView, PairingPeer, ReachView
from loom.cli.anchors import anchor_lines
from loom.cli.completion import contact_names
from loom.cli.contacts import standing
from loom.cli.events import event_words
from loom.cli.messages import has_older, message_words
from loom.cli.opening import Caller, following
from loom.cli.options import add_commands
from loom.cli.output import body_words, sign
from loom.errors import InvalidInput, InvalidText, LoomError, NotDelivered
from loom.front.given_text import text_of
from loom.front.reach import reach_at, reach_words
from loom.front.slash import Refused, Run, Say, SlashCommand, read_line
from loom.printable import printable
from loom.wire.limits import TEXT_MAX_BYTES

PANEL: Final = "Messages"
LAST_MESSAGES: Final = 10
PAGE_MAX: Final = 200
CHUNK_BYTES: Final = 65_536
LINE_MAX_BYTES: Final = TEXT_MAX_BYTES + 4
"""A byte order mark and a carriage return are not counted."""
CONFIRM: Final = "same"
SAME: Final = "same"
DIFFERENT: Final = "different"

COMMANDS: Final = (
    SlashCommand("help", "", "List these commands", aliases=("h", "?")),
    SlashCommand("contacts", "", "List your contacts"),
    SlashCommand("to", "NAME", "Write to this contact", aliases=("open", "o")),
    SlashCommand("history", "[N]", "Show the last N messages with times and states"),
    SlashCommand("search", "TEXT", "Search in all conversations, newest first", aliases=("s",)),
    SlashCommand("verify", f"[{CONFIRM}]", f"Show the safety number; `{CONFIRM}`: it matches"),
    SlashCommand("peers", "", "Show who is online, and their addresses"),
    SlashCommand("anchors", "", "Show the anchors in use, and the mail that waits"),
    SlashCommand(
        "pair",
        "[WORDS|HOST:PORT|same|different|stop]",
        "Add somebody here: both compare three words",
    ),
    SlashCommand("add", "INVITE NAME", "Add somebody by their invite or token"),
    SlashCommand("invite", "", "Make an invite for one person, for a day"),
    SlashCommand("requests", "", "Show who came by an address of yours"),
    SlashCommand("accept", "NUMBER", "Accept a request"),
    SlashCommand("quit", "", "Quit", aliases=("q", "exit")),
)


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
            if caller.opened_here and talk.waiting:
                caller.output.note("Queued messages are sent when a node runs: `loom daemon`.")

    caller.run(work())


async def typed_lines(descriptor: int = 0) -> AsyncIterator[bytes]:
    """The lines of a terminal, pipe or file, without their ends.

    A line's first bytes are enough to refuse one that is too long, so no more are kept of it.
    Cancellation leaves no thread behind.
    """
    line = b""
    while chunk := await _read(descriptor):
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            yield _cut(line + part).removesuffix(b"\r")
            line = b""
        line = _cut(line + rest)
    if line:
        yield line


def _cut(line: bytes) -> bytes:
    return line[: LINE_MAX_BYTES + 1]


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not readable.done():
            readable.set_result(None)

    try:
        loop.add_reader(descriptor, ready)
    except PermissionError:  # a file is always readable, and cannot be waited for
        return os.read(descriptor, CHUNK_BYTES)
    try:
        await readable
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, CHUNK_BYTES)


class Talk:
    """One conversation at a time. An error ends it on a pipe; on a terminal it is only printed."""

    def __init__(
        self, caller: Caller, client: Client, *, answer_timeout_s: float | None = None
    ) -> None:
        self._output = caller.output
        self._client = client
        self._interactive = sys.stdin.isatty()
        self._answer_timeout_s = answer_timeout_s
        """Set: after each line, an answer is waited for so long."""
        self._contact: ContactView | None = None
        self._shown_row = 0
        self._told_away = self._told_mailbox = False
        self._sending = asyncio.Lock()
        self._is_pairing = False
        self._meeting = 0
        """The number of the words on the screen."""
        self._own: set[str] = set()
        self.waiting: set[str] = set()
        """Ids of messages sent here that are not yet delivered."""
        self._answered = asyncio.Event()

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
                if self._is_pairing:
                    with suppress(LoomError):  # the node is gone, and pairing with it
                        await self._client.send(StopPairing())
                for task in (reading, showing):
                    task.cancel()
                await asyncio.gather(reading, showing, return_exceptions=True)
            for task in done:
                task.result()
            if reading not in done:
                self._output.note("The node has stopped.")

    async def _begin(self, contact: str | None) -> None:
        if contact is not None:
            await self._do_to(contact)
            return
        known = (await self._client.send(ListContacts())).contacts
        if len(known) == 1:
            await self._do_to(f"#{known[0].contact_id}")
        else:
            self._output.note("/contacts lists your contacts, /to NAME chooses one.")

    # --- what is typed ---

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
                await getattr(self, f"_do_{command.name}")(argument)
            case Say(text=said) if _looks_like_a_command(text):
                first = said.split()[0][:32]
                raise InvalidInput(what=f"A space stands before {first}: begin with // to send it")
            case Say(text=said) if said.strip():
                await self._send(said)
        return False

    async def _send(self, text: str) -> None:
        self._answered.clear()
        async with self._sending:
            message = await self._client.send(SendText(contact=self._chosen, body=text))
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

    @property
    def _chosen(self) -> str:
        if self._contact is None:
            raise InvalidInput(
                what="No contact is chosen: /to NAME chooses one, /contacts lists them"
            )
        return f"#{self._contact.contact_id}"

    async def _do_help(self, _: str) -> None:
        for command in COMMANDS:
            usage = f"/{command.name} {command.arguments}".strip()
            self._output.note(f"{usage}: {command.does}.")
        self._output.note("Any other line is sent; begin with // to send one that begins with /.")

    async def _do_contacts(self, _: str) -> None:
        contacts = (await self._client.send(ListContacts())).contacts
        for view in contacts:
            unread = f", {view.unread} unread" if view.unread else ""
            self._output.put(view, f"{printable(view.contact)}: {_about(view)}{unread}")
        if not contacts:
            self._output.note(
                "No contacts yet: /pair for somebody here, /invite or /add for others."
            )

    async def _do_to(self, name: str) -> None:
        if not name:
            raise InvalidInput(what="Write /to NAME")
        self._contact = view = await self._client.send(ShowContact(contact=name))
        self._shown_row, self._told_away, self._told_mailbox = 0, False, False
        help_ = " /help lists the commands." if self._interactive else ""
        self._output.note(f"To {printable(view.contact)}: {_about(view)}.{help_}")
        await self._show_history(LAST_MESSAGES)

    async def _do_history(self, argument: str) -> None:
        count = argument or str(LAST_MESSAGES)
        if not (count.isascii() and count.isdecimal() and 0 < int(count[:4]) <= PAGE_MAX):
            raise InvalidInput(what=f"Write /history N, with N from 1 to {PAGE_MAX}")
        messages = await self._show_history(int(count))
        if self._output.as_json:
            return
        if not messages:
            self._output.note("No messages yet.")
        page = History(contact=self._chosen, limit=int(count))
        if len(messages) == page.limit and await has_older(self._client, page, messages[0]):
            more = f"/history {min(2 * page.limit, PAGE_MAX)}"
            if page.limit == PAGE_MAX:
                more = "`loom history CONTACT --before T`"
            self._output.note(f"There are older messages: {more} shows them.")

    async def _show_history(self, count: int) -> list[MessageView]:
        page = await self._client.send(History(contact=self._chosen, limit=count))
        self._put(page.messages)
        for message in page.messages[-1:]:
            self._shown_row = max(self._shown_row, message.row_id)
            await self._mark_read(message.row_id)
        return page.messages

    async def _do_search(self, text: str) -> None:
        if not text:
            raise InvalidInput(what="Write /search TEXT")
        found = (await self._client.send(Search(text=text))).messages
        self._put(found)
        if not found:
            self._output.note("Nothing found.")

    async def _do_verify(self, argument: str) -> None:
        if argument not in ("", CONFIRM):
            raise InvalidInput(what=f"Write /verify, or /verify {CONFIRM} when the numbers match")
        command = VerifyContact(contact=self._chosen, confirm=bool(argument))
        view = await self._client.send(command)
        name = printable(view.contact)
        if argument or view.verified:
            self._output.note(f"{name} is verified.")
        if not argument:
            rows = [" ".join(view.groups[start : start + 4]) for start in (0, 4, 8)]
            self._output.put(view, "\n".join(rows))
            if not view.verified:
                self._output.note(f"Does {name} see the same number? Then /verify {CONFIRM}.")

    async def _do_peers(self, _: str) -> None:
        for peer in (await self._client.send(ListPeers())).peers:
            at = f" at {printable(peer.address)}" if peer.address else ""
            here = f"{reach_words(peer.reach)}{at}"
            why = (
                f" ({printable(peer.last_error)})"
                if peer.last_error and not peer.reach.is_online
                else ""
            )
            self._output.put(peer, f"{printable(peer.contact)}: {here}{why}")

    async def _do_add(self, argument: str) -> None:
        text, _, name = argument.partition(" ")
        if not name.strip():
            raise InvalidInput(what="Write /add INVITE NAME")
        view = await self._client.send(ImportToken(token=text, name=name.strip()))
        self._output.put(view, f"{printable(view.contact)} is added: {_about(view)}")

    async def _do_invite(self, _: str) -> None:
        view = await self._client.send(MakeInvite())
        self._output.put(view, view.text)
        self._output.note("Send it to one person. Compare safety numbers afterwards with /verify.")

    async def _do_requests(self, _: str) -> None:
        found = (await self._client.send(ListRequests())).requests
        for view in found:
            words = f"{view.request_id}: {printable(view.name)}, {view.fingerprint[:16]}"
            self._output.put(view, words)
        if not found:
            self._output.note("Nobody asks.")

    async def _do_accept(self, argument: str) -> None:
        if not argument.isdecimal():
            raise InvalidInput(what="Write /accept NUMBER")
        view = await self._client.send(AcceptRequest(request_id=int(argument)))
        self._output.put(view, f"{printable(view.contact)} is a contact, not verified.")

    async def _do_anchors(self, _: str) -> None:
        found = await self._client.send(ListAnchors())
        if self._output.as_json:
            self._output.json(found)
            return
        if not found.anchors:
            self._output.note("No anchor is in use: `loom anchor use TEXT` adds one.")
        for line in anchor_lines(found):
            self._output.line(line)

    async def _do_pair(self, argument: str) -> None:
        if argument in (SAME, DIFFERENT):
            same = argument == SAME
            await self._client.send(AnswerWords(meeting=self._meeting, same=same))
            if same:
                self._output.note("Waiting for the other person to say the same ...")
        elif argument == "stop":
            await self._client.send(StopPairing())
        elif not argument:
            view = await self._client.send(StartPairing())
            self._is_pairing = True
            at = " or ".join(view.addresses) or f"HOST:{view.port}"
            self._output.put(view, f"You are {view.alias}, at {at}, for five minutes.")
            self._note_near(view.peers)
        elif ":" in argument:
            at_ = parse_address(argument)
            await self._client.send(DialPeer(host=at_.host, port=at_.port))
        else:
            await self._client.send(PickPeer(alias=argument))

    def _note_near(self, peers: list[PairingPeer]) -> None:
        near = ", ".join(printable(one.alias) for one in peers) or "nobody yet"
        self._output.note(f"Near: {near}. /pair WORDS meets somebody, or let them pick you.")

    # --- what is shown ---

    def _put(self, messages: list[MessageView]) -> None:
        for message in messages:
            self._output.put(message, message_words(message))

    async def _show(self, events: AsyncIterator[AnyEvent]) -> None:
        async for event in events:
            chosen = None if self._contact is None else self._contact.contact_id
            mine = getattr(event, "contact_id", None) == chosen
            match event:
                case MessageReceived() if mine:
                    await self._show_received(event)
                case MessageReceived():
                    await self._tell_elsewhere(event)
                case MessageQueued() if mine:
                    await self._show_queued(event)
                case MessageDelivered() | MessageRead():
                    await self._settle(event.message_id)
                case MessageFailed():
                    await self._settle(event.message_id)
                    self._output.put(event, event_words(event) or "")
                case PeerOnline() | PeerOffline() if mine and self._contact is not None:
                    is_up = isinstance(event, PeerOnline)
                    reach = (
                        reach_at(event.address) if isinstance(event, PeerOnline) else ReachView()
                    )
                    self._contact = msgspec.structs.replace(
                        self._contact, online=is_up, reach=reach
                    )
                    self._told_away = self._told_mailbox = False
                    self._note(event)
                case ReachChanged() if mine:
                    self._contact = await self._client.send(ShowContact(contact=self._chosen))
                    self._told_away = False
                    if not self._output.as_json:
                        self._output.note(_reached(self._contact))
                case MessageSent(via="mailbox") if mine and not self._told_mailbox:
                    self._told_mailbox = True
                    self._contact = await self._client.send(ShowContact(contact=self._chosen))
                    if not self._output.as_json:
                        self._output.note(_reached(self._contact))
                case ContactRemoved() if mine:
                    self._contact = None
                    self._note(event)
                case ContactChanged() | SessionStarted() if mine:
                    self._note(event)
                case Warned():
                    self._note(event)
                case _ if self._is_pairing:
                    self._show_pairing(event)

    def _show_pairing(self, event: AnyEvent) -> None:
        match event:
            case PairingPeers(peers=peers) if not self._output.as_json:
                self._note_near(peers)
            case PairingWords(meeting=meeting, words=words):
                self._meeting = meeting
                self._output.put(event, f"Compare with the other screen:  {'  '.join(words)}")
                self._output.note(f"/pair {SAME}, or /pair {DIFFERENT}.")
            case PairingDone() | PairingFailed():
                self._meeting = 0
                self._output.put(event, event_words(event) or "")
            case PairingStopped():
                self._is_pairing = False
                self._note(event)

    def _note(self, event: AnyEvent) -> None:
        if not self._output.as_json and (words := event_words(event)):
            self._output.note(words)

    async def _settle(self, message_id: str) -> None:
        async with self._sending:
            self.waiting.discard(message_id)

    async def _show_received(self, event: MessageReceived) -> None:
        if event.row_id > self._shown_row:
            self._shown_row = event.row_id
            self._output.put(event, body_words(f"{printable(event.contact)}: ", event.body))
            await self._mark_read(event.row_id)
        self._answered.set()

    async def _show_queued(self, event: MessageQueued) -> None:
        """What one writes here is on the screen already; what another front end sent is not."""
        async with self._sending:
            own = event.message_id in self._own
        self._own.discard(event.message_id)
        if not own and event.row_id > self._shown_row:
            self._shown_row = event.row_id
            prefix = f"you {sign('to')} {printable(event.contact)}: "
            self._output.put(event, body_words(prefix, event.body))

    async def _tell_elsewhere(self, event: MessageReceived) -> None:
        known = await self._client.send(ShowContact(contact=f"#{event.contact_id}"))
        if not known.muted and known.level == "everything" and not self._output.as_json:
            name = printable(event.contact)
            self._output.note(f"{name} wrote to you: /to {name} shows it.")

    async def _mark_read(self, row_id: int) -> None:
        """What a person has on the screen is read; what a script fetched is not."""
        if self._output.fancy and self._interactive:
            await self._client.send(MarkRead(contact=self._chosen, row_id=row_id))


def _about(view: ContactView) -> str:
    return f"{standing(view)}, {reach_words(view.reach)}"


def _reached(view: ContactView) -> str:
    return f"{printable(view.contact)} is {reach_words(view.reach)}."


def _looks_like_a_command(text: str) -> bool:
    """A slash after spaces, and no path: more likely a mistyped command than a message."""
    start = text.lstrip()
    return text != start and start.startswith("/") and "/" not in start[1:].partition(" ")[0]
