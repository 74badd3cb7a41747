"""Pairing nearby: who is near, three words to compare, and the answer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from loom.addresses import parse_address
from loom.api.command import Command
from loom.api.events import (
    AnyEvent,
    PairingDone,
    PairingFailed,
    PairingPeers,
    PairingStopped,
    PairingWords,
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
from loom.errors import LoomError, error_from
from loom.front.sentences import in_app
from loom.printable import printable
from loom.tui.drawing import DrawnApp
from loom.tui.kit.items import GAP, Button, Fact, Field, Grid, Item, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.themes import Piece

R = TypeVar("R", covariant=True)

SAME: Final = "They are the same"
DIFFERENT: Final = "They are different"
WATCH_S: Final = 1.0
"""How often it looks by itself: the time that is left, and what was told to nobody yet."""
STOP_TIMEOUT_S: Final = 2.0


class Send(Protocol):
    """Asks the node."""

    def __call__(self, command: Command[R], /) -> Awaitable[R]:
        """See `Client.send`."""
        ...


class PairingPanel(LivePanel):
    """Pairing goes on for as long as this is open, five minutes at most.

    Args:
        met: called with who became a contact.
    """

    heading = "Pair nearby"

    def __init__(
        self, owner: DrawnApp[Any], send: Send, met: Callable[[PairingDone], None]
    ) -> None:
        super().__init__(owner)
        self._send = send
        self._met = met
        self._view: PairingView | None = None
        self._tried = ""
        """Whom this side is connecting to."""
        self._is_done = False
        self._address = Field("Or their address", self._do_dial, form="HOST:PORT")

    # --- what is shown ---

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        if view is None:
            return []
        if not view.on:
            return [
                Text("Pairing is over: it lasts five minutes."),
                GAP,
                Button("Start again", self._do_start),
                Button("Back", self.leave),
            ]
        if view.meeting:
            return self._meeting(view)
        return self._waiting(view)

    def _waiting(self, view: PairingView) -> list[Item]:
        items: list[Item] = [
            Text("The other person opens this too, or runs `loom pair`. You are"),
            Grid([view.alias], framed=True),
            Text("One of you picks the other's words:" if view.peers else _looking(view)),
        ]
        items += [self._row(peer) for peer in view.peers]
        at = ", ".join(view.addresses) or f"port {view.port}"
        return [
            *items,
            GAP,
            self._address,
            Fact("Yours", at, "hint"),
            Fact("Ends in", f"{-(-view.seconds_left // 60)} min", "hint"),
            GAP,
            Button("Stop pairing", self.leave),
        ]

    def _meeting(self, view: PairingView) -> list[Item]:
        items: list[Item] = [
            Text("Compare with the other screen, side by side or aloud:"),
            Grid(view.words, framed=True),
        ]
        if view.answered:
            return [*items, Text("You said the same. Waiting for the other person ...", "notice")]
        return [
            *items,
            Text(
                "If one word differs, you met somebody else, or somebody is between you: nothing "
                "is kept then."
            ),
            GAP,
            Button(DIFFERENT, partial(self._do_answer, same=False)),
            Button(SAME, partial(self._do_answer, same=True), "makes you verified contacts"),
        ]

    def _row(self, peer: PairingPeer) -> Row:
        signs = self.owner.look.signs
        tried = "  connecting ..." if peer.alias == self._tried else ""
        line = [
            Piece(f"{signs['online']} {printable(peer.alias)}", "title"),
            Piece(f"  {printable(peer.address)}{tried}", "status"),
        ]
        return Row(_row_name(peer), line, partial(self._do_pick, peer.alias))

    # --- what happens ---

    def on_mount(self) -> None:
        """See `Panel.on_mount`."""
        self._do_start()
        self.set_interval(WATCH_S, self._watch)

    async def on_unmount(self) -> None:
        """However it was left, nothing listens any more."""
        if not self._is_done:
            # The node may be gone, and pairing with it.
            with contextlib.suppress(LoomError, TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self._send(StopPairing())

    async def load(self) -> None:
        """See `LivePanel.load`."""
        before, self._view = self._view, await self._send(ShowPairing())
        if self._view.meeting and (before is None or before.meeting != self._view.meeting):
            self._tried = ""
            self.body.at = DIFFERENT  # where Enter confirms nothing
        elif self._view.peers and not (before and before.peers) and not self._address.text:
            self.body.at = _row_name(self._view.peers[0])

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, PairingPeers | PairingWords | PairingFailed | PairingStopped)

    def show_events(self, happened: Sequence[AnyEvent]) -> None:
        """See `LivePanel.show_events`."""
        for event in happened:
            if isinstance(event, PairingFailed):
                self._tried = ""
                self.say(in_app(error_from(event.code, event.facts)), bad=True)
            elif isinstance(event, PairingDone) and not self._is_done:
                self._is_done = True
                self.leave()
                self._met(event)
        if not self._is_done:
            super().show_events(happened)

    async def _watch(self) -> None:
        if self._view is not None and self._view.on and self.is_active:
            with contextlib.suppress(LoomError):  # what one does next says what is wrong
                await self.load()
                self.show()

    # --- what one does ---

    def _do_start(self) -> None:
        async def start() -> None:
            self._view = await self._send(StartPairing())

        self.work(start(), name="load")

    def _do_pick(self, alias: str) -> None:
        async def pick() -> None:
            await self._send(PickPeer(alias=alias))
            self._tried = alias

        self.work(pick(), name="pick")

    def _do_dial(self) -> None:
        async def dial() -> None:
            at = parse_address(self._address.text)
            await self._send(DialPeer(host=at.host, port=at.port))
            self.say(f"Connecting to {at} ...")

        self.work(dial(), field=self._address, name="dial")

    def _do_answer(self, *, same: bool) -> None:
        view = self._view
        if view is None:
            return

        async def answer() -> None:
            await self._send(AnswerWords(meeting=view.meeting, same=same))
            await self.load()

        self.work(answer(), name="answer")


def _row_name(peer: PairingPeer) -> str:
    return f"peer {peer.alias}"


def _looking(view: PairingView) -> str:
    if view.mdns == "on":
        return "Looking for the other person on this network ..."
    return "Nobody can be found on this network: one of you types the other's address."
