"""Which of two links to one contact stays (docs/PROTOCOL.md 3.7)."""

import asyncio
from typing import Protocol

from loom.core.link_events import CloseReason, RecordReceived
from loom.links.direct import DirectLink
from loom.wire.framing import RecordKind
from loom.wire.limits import LINKS_OVERLAP_S


class LinkUser(Protocol):
    """The contact, as far as its links are concerned."""

    def link_changed(
        self, before: DirectLink | None, after: DirectLink | None, reason: CloseReason | None
    ) -> None:
        """The link to write to is another one; `reason`: why the last one ended, if known."""
        ...

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Some records, in order."""
        ...

    def writable_again(self) -> None:
        """The send buffer of the link to write to drained."""
        ...


class Arbiter:
    """The direct `Route` to one contact: owns its confirmed links and writes to one of them.

    Args:
        keeps_own: of two links dialled from both sides, the one that this side dialled stays.
    """

    def __init__(self, user: LinkUser, *, keeps_own: bool) -> None:
        self.link: DirectLink | None = None
        """The one to write to."""
        self.links: list[DirectLink] = []
        """All that are read; the one to write to is the last."""
        self._user = user
        self._keeps_own = keeps_own
        self._is_ended = False

    # --- Route ---

    @property
    def is_up(self) -> bool:
        """See `Route.is_up`."""
        return self.link is not None and self.link.is_up

    @property
    def is_writable(self) -> bool:
        """See `Route.is_writable`."""
        return self.link is not None and self.link.is_writable

    def send(self, envelope: bytes) -> bool:
        """See `Route.send`."""
        return self.link is not None and self.link.send(envelope)

    # --- what only a link carries ---

    def ask_for_bundle(self) -> None:
        """Ask the contact for a bundle (docs/PROTOCOL.md 4.1)."""
        if self.link is not None:
            self.link.send_record(RecordKind.BUNDLE_REQUEST, b"")

    # --- links ---

    @property
    def takes_links(self) -> bool:
        """Whether a confirmed link would be taken."""
        return not self._is_ended

    def take(self, link: DirectLink) -> bool:
        """Own a confirmed link, which replaces another or is closed; False: none is taken now."""
        if self._is_ended:
            return False
        link.hand_over(self)
        before = self.link
        for other in list(self.links):
            if other.dialled == link.dialled or (not self._keeps_own and other.dialled):
                if not other.dialled and not link.dialled:
                    other.send_record(RecordKind.REPLACED, link.rand)
                self._let_go(other)
            elif not self._keeps_own:
                # Both are confirmed, so a record has come on the link that the contact dialled.
                link.close()
                return True
        if before is not None and self._keeps_own and before.dialled and not link.dialled:
            # The contact will close this one; until then it may still send on it.
            self.links.insert(0, link)
            asyncio.get_running_loop().call_later(LINKS_OVERLAP_S, self._settle, before, link)
            return True
        self.links.append(link)
        self.link = link
        self._user.link_changed(before, link, None)
        return True

    def _settle(self, own: DirectLink, other: DirectLink) -> None:
        """The contact closed neither, so they lead to two machines: the newer one stays."""
        if own in self.links and other in self.links:
            self._let_go(own)
            self.link = other
            self._user.link_changed(own, other, None)

    def pause_reading(self) -> None:
        """Nothing more is taken in."""
        for link in self.links:
            link.pause_reading()

    def give_up(self) -> list[DirectLink]:
        """Take no more links; those there are, for another owner."""
        self.end()
        links, before = list(self.links), self.link
        self.links.clear()
        self.link = None
        if before is not None:
            self._user.link_changed(before, None, None)
        return links

    def resume_reading(self) -> None:
        """The user has room for more records."""
        for link in self.links:
            link.resume_reading()

    def close(self) -> None:
        """Close every link; from here on nothing is written to them."""
        for link in list(self.links):
            link.close()
            self.link_closed(link, None)

    def end(self) -> None:
        """Take no more links."""
        self._is_ended = True

    def abort(self) -> None:
        """End every link at once, also what is not flushed."""
        for link in list(self.links):
            link.abort()

    def _let_go(self, link: DirectLink) -> None:
        """Close a link that another replaces; from here on nothing is written to it."""
        self.links.remove(link)
        link.close()

    # --- Owner ---

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Also of a link that is closing: what the contact sent before is not lost."""
        self._user.records_received(link, records)

    def writable_again(self, link: DirectLink) -> None:
        """Only of the link to write to."""
        if link is self.link:
            self._user.writable_again()

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """Go over to another link if there is one."""
        if link not in self.links:
            return
        self.links.remove(link)
        if link is self.link:
            self.link = self.links[-1] if self.links else None
            self._user.link_changed(link, self.link, reason)
