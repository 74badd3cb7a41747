"""Begins sessions with one contact when the rules of the choice say so (PROTOCOL 4)."""

import logging
from typing import TYPE_CHECKING, Final

from loom.core import choice
from loom.core import conversation as core
from loom.core.prekeys import read_bundle
from loom.storage import contacts, outbox, receipts
from loom.storage.connection import Db
from loom.wire.framing import RecordKind

if TYPE_CHECKING:
    from loom.node.peer import Peer
    from loom.node.routes.direct import DirectLink

log = logging.getLogger(__name__)

BUNDLE_RETRY_S: Final = 30.0
GREETING_RETRY_S: Final = 60.0
RESPONDER_START_DELAY_S: Final = 1.0
"""Whoever was dialled leaves the first start to the other side, which spares a second session."""


class Starter:
    """Asks for bundles, starts, and greets until the contact answers."""

    def __init__(self, peer: "Peer") -> None:
        self._peer = peer
        self._asked_s: float | None = None
        self._greeted_s: float | None = None
        self._began_s = 0.0
        self._link_time_s = 0.0

    def link_up(self) -> None:
        """Ask and greet anew."""
        self._asked_s = self._greeted_s = None

    def link_down(self, connection: "DirectLink") -> None:
        """Link time adds up over links."""
        self._link_time_s += self._link_age_s(connection)

    async def start_if_due(self) -> None:
        """Ask for a bundle when a session should begin."""
        if await self._is_due():
            self._ask()

    def take_answer(self) -> bool:
        """Whether a bundle was asked for; an answer counts once."""
        asked, self._asked_s = self._asked_s is not None, None
        return asked

    async def bundle_received(self, data: bytes) -> None:
        """Begin a session, if one is still wanted.

        Raises:
            PeerError: the bundle is not one to begin with.
        """
        peer, parts = self._peer, self._peer.parts
        bundle = read_bundle(data, peer.token, parts.now_s())
        await peer.state.ready()
        if not await self._is_due():
            return
        self._greeted_s = None
        await peer.state.ready()
        peer.state.conversation = core.start(
            peer.state.conversation,
            parts.identity,
            peer.token,
            bundle,
            ephemeral_seed=parts.random(32),
            local=parts.keys.take(),
            now_ms=parts.clock.now_ms(),
        )
        self._began_s = parts.clock.monotonic_s()
        self._link_time_s = 0.0
        card = bundle.card.raw
        await peer.state.commit(lambda db: contacts.put_card(db, peer.number, card))
        log.info("contact %d: session started", peer.number)
        peer.outbox.rewind()

    async def greet(self) -> None:
        """A starter with nothing to say sends an empty receipt, anew until it is answered."""
        peer = self._peer
        best = peer.state.conversation.best
        if best is None or not choice.unconfirmed(best):
            return
        now_s = peer.parts.clock.monotonic_s()
        peer.outbox.look_again(GREETING_RETRY_S)
        if self._greeted_s is not None and now_s - self._greeted_s < GREETING_RETRY_S:
            return
        self._greeted_s = now_s
        if peer.state.awaiting:
            return
        envelope = peer.owed.seal([], [])
        if envelope is not None:
            await peer.state.commit(lambda db: None)
            peer.send_envelope(envelope)

    async def _is_due(self) -> bool:
        peer, state = self._peer, self._peer.state
        connection = peer.connection
        if connection is None:
            return False
        something = False
        if state.conversation.best is None:
            waited = peer.parts.clock.monotonic_s() - connection.opened_at_s
            if not connection.dialled and waited < RESPONDER_START_DELAY_S:
                peer.outbox.look_again(RESPONDER_START_DELAY_S)
                return state.conversation.start_wanted
            something = await peer.parts.database.read(self._has_something)
        return choice.should_start(
            state.conversation.sessions,
            something_to_send=something,
            start_wanted=state.conversation.start_wanted,
            wanted_starts_s=state.conversation.wanted_starts_s,
            link_time_s=self._link_time_s + self._link_age_s(connection),
            now_s=peer.parts.now_s(),
        )

    def _ask(self) -> None:
        now_s = self._peer.parts.clock.monotonic_s()
        if self._asked_s is not None and now_s - self._asked_s < BUNDLE_RETRY_S:
            return
        connection = self._peer.connection
        if connection is not None:
            self._asked_s = now_s
            connection.send_record(RecordKind.BUNDLE_REQUEST, b"")
            self._peer.outbox.look_again(BUNDLE_RETRY_S)

    def _link_age_s(self, connection: "DirectLink") -> float:
        """How long the best session has had this link."""
        since_s = max(self._began_s, connection.opened_at_s)
        return self._peer.parts.clock.monotonic_s() - since_s

    def _has_something(self, db: Db) -> bool:
        number = self._peer.number
        return bool(outbox.page(db, number, 0, 1) or receipts.of_contact(db, number, 1))
