"""How everybody is reached, what was tried lately, what waits, and which limits were hit."""

import os
import time
from datetime import datetime

from loom.api.commands import ShowConnectivity, Status
from loom.api.events import AnyEvent, ContactChanged, ContactRemoved, PeerOffline, PeerOnline
from loom.api.views import Connectivity, PathView
from loom.printable import printable
from loom.tui.report import Screen, report
from loom.tui.screens.sheet import GAP, Item, Sheet, button, fact, paragraph
from loom.tui.themes import Piece

LOOK_S = 2.0
_WHATS = {
    "found": "found at",
    "dialled": "connected to",
    "accepted": "connected from",
    "moved": "moved to",
    "closed": "disconnected from",
    "idle": "no answer any more from",
    "broken": "broke the protocol at",
    "slow": "too slow at",
    "aged": "connecting again to",
}
_ERRORS = {"unreachable": "nobody answered there"}


class ConnectivitySheet(Sheet):
    """Each contact with the last changes of its path, the newest first."""

    _found: Connectivity | None = None

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Connectivity"

    async def load(self) -> None:
        """See `Sheet.load`."""
        self._found = await self.desk.send(ShowConnectivity())

    def concerns(self, event: AnyEvent) -> bool:
        """See `Sheet.concerns`."""
        return isinstance(event, PeerOnline | PeerOffline | ContactChanged | ContactRemoved)

    def on_mount(self) -> None:
        """What is tried and what waits changes without an event."""
        self.set_interval(LOOK_S, lambda: self.begin(self.load(), "load"))

    def look_again(self) -> None:
        """See `Sheet.look_again`; what one looks at stays where it is."""
        first = self.body.first
        super().look_again()
        self.body.scroll(first - self.body.first)

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        found = self._found
        if found is None:
            return []
        dropped = sum(one.dropped for one in found.paths)
        items = [
            button("report", "Copy a report", "for whoever helps: no names, no addresses"),
            GAP,
            fact("Listening at", ", ".join(found.addresses) or "nothing"),
            fact("Local network", found.mdns, "bad" if found.mdns == "failed" else "text"),
            fact("Limits hit", f"{found.refused} strangers refused, {dropped} payloads dropped"),
        ]
        for path in found.paths:
            items += [GAP, *self._path(path, width)]
        return items

    def do_report(self) -> None:
        async def copy() -> None:
            desk = self.desk
            status = await desk.send(Status())
            found = await desk.send(ShowConnectivity())
            screen = Screen(*desk.size, desk.look.signs.unicode, desk.has_focus)
            now_ms = int(time.time() * 1000)
            self.copy(report(status, found, screen, os.environ, now_ms))

        self.begin(copy(), "report")

    def do_contact(self, number: str) -> None:
        self.leave()
        self.desk.room.reading.open_(int(number))

    def _path(self, path: PathView, width: int) -> list[Item]:
        signs = self.desk.look.signs
        sign = signs["online" if path.online else "offline"]
        name = Piece(f"{sign} {printable(path.contact)}", "name")
        items = [Item([name, Piece(f"  {self._way(path)}", "hint")], f"contact:{path.contact_id}")]
        if not path.online and path.last_error:
            why = _ERRORS.get(path.last_error, path.last_error)
            when = (
                "" if path.next_dial_at_ms is None else f"; next at {_clock(path.next_dial_at_ms)}"
            )
            count = path.failed_attempts
            failed = f"{count} attempt{'' if count == 1 else 's'} failed; " if count else ""
            items += paragraph(f"  {failed}{why}{when}", width)
        if path.queued or path.arriving or path.dropped:
            waits = f"{path.queued} to be receipted, {path.arriving} arriving"
            items += paragraph(f"  {waits}, {path.dropped} dropped", width)
        for one in reversed(path.changes):
            what = _WHATS.get(one.what, one.what)
            line = f"  {_clock(one.at_ms)}  {what} {one.address}".rstrip()
            items += paragraph(line, width, "hint")
        return items

    @staticmethod
    def _way(path: PathView) -> str:
        if path.online:
            return f"direct {printable(path.address or '')}"
        known = path.known_addresses
        if not known:
            return "not connected, no address known yet"
        return f"not connected, {known} address{'' if known == 1 else 'es'} known"


def _clock(at_ms: int) -> str:
    """Day and time, to the second, in the reader's time zone."""
    return f"{datetime.fromtimestamp(at_ms // 1000).astimezone():%m-%d %H:%M:%S}"
