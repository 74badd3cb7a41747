"""How each contact is reached, which attempts failed, what waits, and whom the node refused."""

import os
from functools import partial

from loom.api.contact_commands import ShowConnectivity
from loom.api.contact_views import Connectivity, PathView
from loom.api.events import AnyEvent, ContactChanged, ContactRemoved, PeerOffline, PeerOnline
from loom.api.profile_commands import Status
from loom.front.reach import reach_words
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Item, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.report import Screen, report
from loom.tui.screens.anchors import anchor_line, mail_words, name_of, silence_words
from loom.tui.themes import Piece
from loom.tui.times import now_ms, second_of

LOOK_S = 2.0
_CHANGES = {
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
ERRORS = {
    "unreachable": "no answer",
    "proxy_unavailable": "the proxy does not answer",
    "proxy_needed": "an onion service, and no proxy is set",
}


class ConnectivityPanel(LivePanel):
    """Each contact with the last changes of its path, the newest first."""

    heading = "Connection details"

    def __init__(self, loom: Owner, focus: str = "") -> None:
        super().__init__(loom, focus)
        self.loom = loom
        self._found: Connectivity | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._found = await self.loom.send(ShowConnectivity())

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, PeerOnline | PeerOffline | ContactChanged | ContactRemoved)

    def on_mount(self) -> None:
        """What is tried and what waits changes without an event."""
        self.set_interval(LOOK_S, lambda: self.work(self.load(), name="load"))

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        found = self._found
        if found is None:
            return []
        items: list[Item] = [
            Button("Copy a diagnostic report", self.copy_report, "no names, no addresses"),
            GAP,
            Fact("Listening at", ", ".join(found.addresses) or "nothing"),
            Fact("Local network", found.mdns, "bad" if found.mdns == "failed" else "text"),
            *([Fact("Proxy", *_proxy(found))] if found.proxy else []),
            Fact("Refused", f"{_count(found.refused, 'unknown caller')}"),
        ]
        for anchor in found.anchors:
            role = "text" if anchor.up else "bad"
            items.append(Fact("Anchor", f"{name_of(anchor)}, {anchor_line(anchor)}", role))
        for path in found.paths:
            items += [GAP, *self._path(path)]
        return items

    def copy_report(self) -> None:
        """How things stand, without names, for those who help."""

        async def copy() -> None:
            loom = self.loom
            status = await loom.send(Status())
            found = await loom.send(ShowConnectivity())
            screen = Screen(*loom.size, loom.look.signs.unicode, loom.has_focus)
            self.copy(report(status, found, screen, os.environ, now_ms()))

        self.work(copy(), name="report")

    def _path(self, path: PathView) -> list[Item]:
        signs = self.loom.look.signs
        sign = signs["online" if path.reach.is_online else "offline"]
        line = [Piece(f"{sign} {printable(path.contact)}", "name"), Piece(f"  {way(path)}", "hint")]
        items: list[Item] = [Row(f"contact {path.contact_id}", line, partial(self._open, path))]
        if not path.address and path.last_error:
            why = ERRORS.get(path.last_error, path.last_error)
            tries = _count(path.failed_attempts, "attempt")
            text = f"{tries} failed: {why}." if path.failed_attempts else f"{why.capitalize()}."
            if path.next_dial_at_ms is not None:
                wait_s = (path.next_dial_at_ms - now_ms()) // 1000
                text += f" Next in {wait_s} s." if wait_s > 0 else " Trying again now."
            items.append(Text(f"  {text}"))
        reach = path.reach
        if reach.waiting and reach.since_ms is not None:
            anchor = reach.anchor if reach.how == "mail" else ""
            mail = mail_words(reach.waiting, anchor, reach.since_ms, path.contact)
            items.append(Text(f"  {mail}", "warn"))
        if reach.silent_since_ms is not None:
            silence = silence_words(reach.silent_at, reach.silent_since_ms, path.contact)
            items.append(Text(f"  {silence}", "warn"))
        waiting = [
            (path.queued, "waiting for confirmation"),
            (path.arriving, "arriving"),
            (path.dropped, "refused"),
        ]
        if words := [f"{count} {what}" for count, what in waiting if count]:
            items.append(Text(f"  {', '.join(words)}"))
        for one in reversed(path.changes):
            what = _CHANGES.get(one.what, one.what)
            # Without an address, also without the word before it.
            what = f"{what} {one.address}" if one.address else what.rpartition(" ")[0] or what
            items.append(Text(f"  {second_of(one.at_ms)}  {what}", "hint"))
        return items

    def _open(self, path: PathView) -> None:
        self.loom.close_panels()
        self.loom.open_conversation(path.contact_id)


def _proxy(found: Connectivity) -> tuple[str, str]:
    """The proxy with its state, and how that looks."""
    return f"{found.proxy}, {found.proxy_state}", "bad" if found.proxy_state == "failed" else "text"


def way(path: PathView) -> str:
    """How a contact is reached, in words."""
    words = reach_words(path.reach)
    if path.address:
        proxy = ", through the proxy" if path.proxied else ""
        return f"{words} at {printable(path.address or '')}".removesuffix(" at ") + proxy
    return f"{words}, {_count(path.known_addresses, 'known address', 'es')}"


def _count(number: int, what: str, plural: str = "s") -> str:
    return f"{number} {what}{'' if number == 1 else plural}"
