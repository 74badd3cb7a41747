"""Who is near or connected, and how."""

from loom.api.commands import ListPeers, Status
from loom.api.events import AnyEvent, ContactChanged, ContactRemoved, PeerOffline, PeerOnline
from loom.api.views import PeerView, StatusView
from loom.printable import printable
from loom.tui.cells import pad
from loom.tui.layout import clock_of
from loom.tui.screens.person import PersonSheet
from loom.tui.screens.sheet import GAP, Item, Sheet, fact, paragraph
from loom.tui.themes import Piece

NAME_WIDTH = 16


class PeersSheet(Sheet):
    """The connected first, then those with a known address, then the rest."""

    _peers: list[PeerView] | None = None
    _status: StatusView | None = None

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Peers"

    async def load(self) -> None:
        """See `Sheet.load`."""
        self._status = await self.desk.send(Status())
        peers = (await self.desk.send(ListPeers())).peers
        self._peers = sorted(
            peers, key=lambda one: (not one.online, not one.known_addresses, one.contact.casefold())
        )

    def concerns(self, event: AnyEvent) -> bool:
        """See `Sheet.concerns`."""
        return isinstance(event, PeerOnline | PeerOffline | ContactChanged | ContactRemoved)

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        status, peers = self._status, self._peers
        if status is None or peers is None:
            return []
        items = [
            fact("You are at", ", ".join(status.addresses) or f"port {status.port}"),
            fact("Local network", status.mdns),
            GAP,
        ]
        if not peers:
            return [*items, *paragraph("Nobody is here yet: /add adds a contact.", width, "hint")]
        items += paragraph("Enter shows a contact, where an address to call can be given.", width)
        return [*items, GAP, *(self._row(one) for one in peers)]

    def _row(self, peer: PeerView) -> Item:
        signs = self.desk.look.signs
        name = pad(printable(peer.contact), NAME_WIDTH, signs["ellipsis"])
        if peer.online:
            since = peer.connected_at_ms
            when = "" if since is None else f" since {clock_of(since)}"
            way, role = f"direct {peer.address or ''}{when}", "good"
        elif peer.known_addresses:
            way, role = f"not connected; known at {', '.join(peer.known_addresses)}", "status"
        else:
            way, role = "not connected; no address known yet", "status"
        sign = "online" if peer.online else "offline"
        return Item(
            [Piece(f"{signs[sign]} {name}"), Piece(f"  {printable(way)}", role)],
            f"peer:{peer.contact_id}",
        )

    def do_peer(self, number: str) -> None:
        self.desk.push_screen(PersonSheet(self.desk, int(number), "connect"))
