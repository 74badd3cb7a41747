"""Who is online, and how they are reached."""

from functools import partial

from loom.api.contact_commands import ListPeers
from loom.api.contact_views import PeerView
from loom.api.events import AnyEvent, ContactChanged, ContactRemoved, PeerOffline, PeerOnline
from loom.api.profile_commands import Status
from loom.api.profile_views import StatusView
from loom.front.reach import reach_words
from loom.printable import printable
from loom.tui.cells import pad
from loom.tui.kit.items import GAP, Fact, Item, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.screens.person import ADDRESS, PersonPanel
from loom.tui.themes import Piece
from loom.tui.times import clock_of

NAME_WIDTH = 16


class PeersPanel(LivePanel):
    """The connected first, then those with a known address, then the rest."""

    heading = "Who is online"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._peers: list[PeerView] | None = None
        self._status: StatusView | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._status = await self.loom.send(Status())
        peers = (await self.loom.send(ListPeers())).peers
        self._peers = sorted(
            peers,
            key=lambda one: (
                not one.reach.is_online,
                not one.known_addresses,
                one.contact.casefold(),
            ),
        )

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, PeerOnline | PeerOffline | ContactChanged | ContactRemoved)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        status, peers = self._status, self._peers
        if status is None or peers is None:
            return []
        items: list[Item] = [
            Fact("You are at", ", ".join(status.addresses) or f"port {status.port}"),
            Fact("Local network", status.mdns),
            GAP,
        ]
        if not peers:
            return [*items, Text("No contacts yet: /add adds one.", "hint")]
        items.append(Text("Enter shows a contact, where you can give an address to connect to."))
        return [*items, GAP, *(self._row(one) for one in peers)]

    def _row(self, peer: PeerView) -> Row:
        signs = self.loom.look.signs
        name = pad(printable(peer.contact), NAME_WIDTH, signs["ellipsis"])
        way, role = reach_words(peer.reach), "good" if peer.reach.is_online else "status"
        if peer.address:
            since = peer.connected_at_ms
            way += f", {peer.address}"
            way += "" if since is None else f" since {clock_of(since)}"
        elif peer.known_addresses:
            way += f", last seen at {', '.join(peer.known_addresses)}"
        else:
            way += ", no address known"
        sign = signs["online" if peer.reach.is_online else "offline"]
        line = [Piece(f"{sign} {name}"), Piece(f"  {printable(way)}", role)]
        return Row(f"peer {peer.contact_id}", line, partial(self._show, peer.contact_id))

    def _show(self, number: int) -> None:
        self.loom.push_screen(PersonPanel(self.loom, number, ADDRESS))
