"""What a front end is shown of pairing nearby."""

import msgspec

from loom.api.view import View


class PairingPeer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on this network who pairs now; the alias stands on their screen."""

    alias: str
    address: str


class PairingView(View, frozen=True, kw_only=True, tag="pairing"):
    """How pairing stands: one's own alias and addresses, who is near, the words to compare.

    `meeting` is 0 while there are no words; `answered`: one said "same", and the other has not yet.
    """

    on: bool = False
    alias: str = ""
    port: int = 0
    addresses: list[str] = []
    mdns: str = "off"
    seconds_left: int = 0
    peers: list[PairingPeer] = []
    meeting: int = 0
    words: list[str] = []
    answered: bool = False
