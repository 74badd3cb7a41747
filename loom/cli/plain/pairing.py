"""Pairing nearby, typed and shown as lines."""

from contextlib import suppress
from typing import Final

from loom.addresses import parse_address
from loom.api.client import Client
from loom.api.events import (
    AnyEvent,
    PairingDone,
    PairingFailed,
    PairingPeers,
    PairingStopped,
    PairingWords,
)
from loom.api.pairing_commands import AnswerWords, DialPeer, PickPeer, StartPairing, StopPairing
from loom.api.pairing_views import PairingPeer
from loom.cli.events import event_words, note_event
from loom.cli.output import Output
from loom.errors import LoomError
from loom.printable import printable

SAME: Final = "same"
DIFFERENT: Final = "different"


class Pairing:
    """What one typed and what is to be compared."""

    def __init__(self, output: Output, client: Client) -> None:
        self._output = output
        self._client = client
        self._is_on = False
        self._meeting = 0
        """The number of the words on the screen."""

    async def end(self) -> None:
        """Nothing listens or announces afterwards."""
        if self._is_on:
            with suppress(LoomError):  # the node is gone, and pairing with it
                await self._client.send(StopPairing())

    async def do(self, argument: str) -> None:
        """`/pair`."""
        if argument in (SAME, DIFFERENT):
            same = argument == SAME
            await self._client.send(AnswerWords(meeting=self._meeting, same=same))
            if same:
                self._output.note("Waiting for the other person to say the same ...")
        elif argument == "stop":
            await self._client.send(StopPairing())
        elif not argument:
            view = await self._client.send(StartPairing())
            self._is_on = True
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

    def show(self, event: AnyEvent) -> None:
        """What becomes of it."""
        if not self._is_on:
            return
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
                self._is_on = False
                note_event(self._output, event)
