"""What may be asked of the node about pairing nearby."""

from loom.api.command import Command
from loom.api.pairing_views import PairingView
from loom.api.view import Done


class StartPairing(Command[PairingView], frozen=True, kw_only=True, tag="start_pairing"):
    """Pair nearby for five minutes: listen, and unless `announce` is off, announce and look.

    Where pairing goes on already, nothing changes. `host` empty: on every address.
    """

    host: str = ""
    port: int = 0
    announce: bool = True


class StopPairing(Command[Done], frozen=True, kw_only=True, tag="stop_pairing"):
    """End pairing; nothing listens or announces afterwards."""


class ShowPairing(Command[PairingView], frozen=True, kw_only=True, tag="show_pairing"):
    """How pairing stands."""


class PickPeer(Command[Done], frozen=True, kw_only=True, tag="pick_peer"):
    """Meet somebody who pairs on this network; events tell what becomes of it."""

    alias: str


class DialPeer(Command[Done], frozen=True, kw_only=True, tag="dial_peer"):
    """The same for somebody who pairs at this address."""

    host: str
    port: int


class AnswerWords(Command[Done], frozen=True, kw_only=True, tag="answer_words"):
    """Whether the words of a meeting are the same on both screens."""

    meeting: int
    same: bool
