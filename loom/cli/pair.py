"""`loom pair`: two people in one place, or on one call, become verified contacts of each other."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Final

import typer

from loom.addresses import parse_address
from loom.api.client import Client
from loom.api.events import (
    AnyEvent,
    NodeStopped,
    PairingDone,
    PairingFailed,
    PairingPeers,
    PairingStopped,
    PairingWords,
    Warned,
)
from loom.api.pairing_commands import (
    AnswerWords,
    DialPeer,
    PickPeer,
    ShowPairing,
    StartPairing,
    StopPairing,
)
from loom.api.pairing_views import PairingPeer, PairingView
from loom.cli.events import event_words
from loom.cli.opening import Caller, following
from loom.cli.options import add_commands
from loom.cli.plain.pairing import DIFFERENT, SAME
from loom.cli.typed_lines import typed_lines
from loom.errors import (
    ControlError,
    InvalidInput,
    LoomError,
    NotFound,
    PairingTimedOut,
    TooManyTries,
    error_from,
)
from loom.front.given_text import text_of
from loom.model import Address
from loom.printable import printable
from loom.wire.limits import PAIR_WINDOW_S

PANEL: Final = "People"
WATCH_S: Final = 1.0
QUIT: Final = ("quit", "/quit", "q")
QUIT_EXIT: Final = 130
"""As after Ctrl-C."""


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        PANEL,
        ("pair", pair, "Add somebody here: both compare three words, and both are verified."),
    )


def pair(
    context: typer.Context,
    address: Annotated[
        str | None,
        typer.Argument(metavar="[HOST:PORT]", help="Where the other person's `loom pair` listens."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Listen on this address only."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    there = None if address is None else parse_address(address)
    here = None if listen is None else parse_address(listen)

    async def work() -> None:
        async with caller.client(caller.online()) as client:
            await _Pairing(caller, client).run(there, here)

    caller.run(work())


class _Pairing:
    """One pairing from its start to its end. A failure ends it on a pipe; a person goes on."""

    def __init__(self, caller: Caller, client: Client) -> None:
        self._output = caller.output
        self._client = client
        self._interactive = sys.stdin.isatty() and not caller.options.json
        self._peers: list[PairingPeer] = []
        self._meeting = 0
        self._done = False
        self._has_quit = False
        self._last: LoomError | None = None
        """Why the last meeting failed."""

    async def run(self, there: Address | None, here: Address | None) -> None:
        """Until both are contacts, or pairing ends.

        Raises:
            LoomError: nobody became a contact, and why.
        """
        async with following(self._client, None) as events:
            first = asyncio.ensure_future(anext(events))  # listens before anything happens
            await asyncio.sleep(0)
            try:
                await self._begin(there, here)
                await self._converse(first, events)
            finally:
                first.cancel()
                if not self._done:
                    await self._stop()
        if self._has_quit and not self._done:
            raise typer.Exit(QUIT_EXIT)
        if not self._done:
            raise self._last or PairingTimedOut()

    async def _begin(self, there: Address | None, here: Address | None) -> None:
        start = StartPairing() if here is None else StartPairing(host=here.host, port=here.port)
        view = await self._client.send(start)
        self._peers = view.peers
        self._output.put(view, self._welcome(view, there))
        if there is not None:
            await self._client.send(DialPeer(host=there.host, port=there.port))
        elif view.peers:
            self._note_peers()

    async def _converse(
        self, first: "asyncio.Future[AnyEvent]", events: AsyncIterator[AnyEvent]
    ) -> None:
        reading = asyncio.create_task(self._read(), name="lines")
        showing = asyncio.create_task(self._show(first, events), name="events")
        watching = asyncio.create_task(self._watch(), name="watch")
        try:
            # The end of what is typed ends nothing: the other person may pick this one.
            done, _ = await asyncio.wait((reading, showing), return_when=asyncio.FIRST_COMPLETED)
            if reading in done and not reading.result():
                await asyncio.wait((showing,))
        finally:
            for task in (reading, showing, watching):
                task.cancel()
            await asyncio.gather(reading, showing, watching, return_exceptions=True)
        if showing.done() and not showing.cancelled():
            showing.result()

    async def _stop(self) -> None:
        try:
            await self._client.send(StopPairing())
        except (ControlError, asyncio.CancelledError):
            return  # the node is gone, and pairing with it

    # --- what is typed ---

    async def _read(self) -> bool:
        """Carry out each line; True: it was told to quit."""
        async for line in typed_lines():
            try:
                text = text_of(line).strip()
            except UnicodeDecodeError as error:
                raise InvalidInput(what="That is not valid UTF-8") from error
            if text in QUIT:
                self._has_quit = True
                return True
            try:
                await self._carry_out(text)
            except LoomError as error:
                if not self._interactive:
                    raise
                self._output.error(error)
        self._has_quit = self._interactive
        return self._interactive

    async def _carry_out(self, text: str) -> None:
        if not text:
            return
        if text in (SAME, DIFFERENT):
            await self._client.send(AnswerWords(meeting=self._meeting, same=text == SAME))
            if text == SAME and not self._done:
                self._note("Waiting for the other person to say the same ...")
        elif self._meeting:
            raise InvalidInput(what=f"Write {SAME} or {DIFFERENT}")
        elif ":" in text:
            at = parse_address(text)
            await self._client.send(DialPeer(host=at.host, port=at.port))
            self._note(f"Connecting to {at} ...")
        else:
            alias = self._alias(text)
            await self._client.send(PickPeer(alias=alias))
            self._note(f"Connecting to {alias} ...")

    def _alias(self, text: str) -> str:
        """Somebody's, by it or by the number in the list."""
        if text.isascii() and text.isdecimal():
            if not 0 < int(text[:4]) <= len(self._peers):
                raise NotFound(what=f"Number {text[:4]}")
            return self._peers[int(text[:4]) - 1].alias
        return text

    # --- what is shown ---

    async def _show(
        self, first: "asyncio.Future[AnyEvent]", events: AsyncIterator[AnyEvent]
    ) -> None:
        event = await first
        while await self._tell(event):
            try:
                event = await anext(events)
            except StopAsyncIteration:
                return

    async def _watch(self) -> None:
        """Look now and then: what happened before this command listened was told to nobody."""
        while True:
            await asyncio.sleep(WATCH_S)
            view = await self._client.send(ShowPairing())
            if view.on and view.peers != self._peers:
                await self._tell(PairingPeers(peers=view.peers))
            if view.on and view.meeting and view.meeting != self._meeting and not view.answered:
                await self._tell(PairingWords(meeting=view.meeting, words=view.words))

    async def _tell(self, event: AnyEvent) -> bool:
        """Show an event; False: it was the last."""
        match event:
            case PairingPeers(peers=peers):
                self._peers = peers
                self._put(event)
                self._note_peers()
            case PairingWords(meeting=meeting, words=words) if meeting != self._meeting:
                self._meeting = meeting
                self._put(event)
                self._note(
                    f"\nCompare with the other screen:\n\n    {'  '.join(words)}\n\n"
                    f"Write {SAME} or {DIFFERENT}."
                )
            case PairingFailed():
                self._meeting = 0
                self._last = error_from(event.code, event.facts)
                self._put(event)
                if not self._interactive:
                    return False
                self._output.error(self._last)
            case PairingDone():
                self._done = True
                self._output.put(event, f"{printable(event.contact)} is a verified contact now.")
                return False
            case PairingStopped(reason=reason):
                self._put(event)
                if self._last is None and reason == "tries":
                    self._last = TooManyTries(wait_s=int(PAIR_WINDOW_S))
                return False
            case NodeStopped():
                return False
            case Warned():
                self._put(event)
                if not self._output.as_json and (words_ := event_words(event)):
                    self._note(words_)
        return True

    def _put(self, event: AnyEvent) -> None:
        if self._output.as_json:
            self._output.json(event)

    def _note(self, text: str) -> None:
        if not self._output.as_json:
            self._output.note(text)

    def _note_peers(self) -> None:
        if self._meeting:
            return
        if self._peers:
            near = "   ".join(f"{n} {peer.alias}" for n, peer in enumerate(self._peers, 1))
            self._note(f"Near: {near}   (a number meets them; or let them pick you)")
        else:
            self._note("Near: nobody yet")

    def _welcome(self, view: PairingView, there: Address | None) -> str:
        lines = [f"You are {view.alias}. This ends in {-(-view.seconds_left // 60)} minutes."]
        if there is not None:
            lines.append(f"Connecting to {there} ...")
        else:
            at = " or ".join(view.addresses) or f"HOST:{view.port}"
            lines += [
                "The other person runs `loom pair`, too. One of you picks the other's two words.",
                f"If neither sees the other, they type: loom pair {at}",
            ]
        return "\n".join(lines)
