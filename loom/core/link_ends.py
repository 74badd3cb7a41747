"""How a link begins at either end (docs/PROTOCOL.md 3); afterwards both are a `Link`."""

from typing import Final

from loom.core.gate import Admits
from loom.core.link import Link
from loom.core.link_events import CloseReason, LinkAuthenticated, LinkEvent
from loom.core.link_kinds import CONTACT_LINK, Credentials, OpeningTimes
from loom.core.link_states import LinkState, LinkStep
from loom.core.noise import Handshake
from loom.errors import PeerError, ProtocolViolation, UsageError
from loom.wire.framing import (
    MESSAGE_1_BYTES,
    MESSAGE_2_BYTES,
    RecordKind,
    encode_frame,
)
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    LINK_CLEAR_BYTES,
    LINK_CLEAR_TIMEOUT_S,
    LINK_HANDSHAKE_MAX_BYTES,
    LINK_HANDSHAKE_TIMEOUT_S,
    PROXIED_CLEAR_TIMEOUT_S,
    PROXIED_HANDSHAKE_TIMEOUT_S,
    RECORD_BUCKETS,
    REKEY_AFTER_RECORDS,
)

PROTOCOL_NAME: Final = "Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512"
PROMPT: Final = OpeningTimes(LINK_CLEAR_TIMEOUT_S, LINK_HANDSHAKE_TIMEOUT_S)
PROXIED: Final = OpeningTimes(PROXIED_CLEAR_TIMEOUT_S, PROXIED_HANDSHAKE_TIMEOUT_S)
"""Where a proxy or an onion service is on the way."""
CONFIRMATION_BYTES: Final = RECORD_BUCKETS[0] + AEAD_TAG_BYTES


class LinkInitiator(Link):
    """The end that dialled.

    Args:
        ephemeral_seed: 32 random bytes.
        kem_seed: 64 random bytes.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        ephemeral_seed: bytes,
        kem_seed: bytes,
        now_s: float,
        times: OpeningTimes = PROMPT,
        rekey_after: int = REKEY_AFTER_RECORDS,
    ) -> None:
        super().__init__(LinkState.MESSAGE_2, credentials.kind, times, now_s, rekey_after)
        handshake = Handshake(
            PROTOCOL_NAME,
            is_initiator=True,
            prologue=credentials.kind.prologue + credentials.clear,
            ephemeral_seed=ephemeral_seed,
            kem_seed=kem_seed,
            psk=credentials.link_key,
        )
        self._outgoing += [credentials.clear, encode_frame(handshake.write_message())]
        self._handshake = handshake

    def _receive_handshake(self, data: bytes, events: list[LinkEvent], now_s: float) -> None:
        self._incoming += data
        message_2 = self._take_frame(MESSAGE_2_BYTES)
        if not message_2 or self._handshake is None:
            return
        self._handshake.read_message(message_2)
        self._begin_records(self._handshake)
        self._open(events, now_s)
        self.send_record(RecordKind.KEEPALIVE, b"", now_s)
        self._receive_records(self._take(len(self._incoming)), events, now_s)


class LinkResponder(Link):
    """The end that was dialled.

    Args:
        gate: who may dial now.
        ephemeral_seed: 32 random bytes.
        times: how patient it is; a proxy takes longer.
    """

    def __init__(
        self,
        gate: Admits,
        *,
        ephemeral_seed: bytes,
        now_s: float,
        times: OpeningTimes = PROMPT,
        rekey_after: int = REKEY_AFTER_RECORDS,
    ) -> None:
        # The gate says which kind of link it is; until then no record can come.
        super().__init__(LinkState.CLEAR, CONTACT_LINK, times, now_s, rekey_after)
        self._gate = gate
        self._ephemeral_seed = ephemeral_seed
        self._authenticated: LinkAuthenticated | None = None
        self._handshake_bytes = 0

    def accept(self) -> list[LinkEvent]:
        """Answer: `rand` of `LinkAuthenticated` is on disk. Does nothing after the end.

        Raises:
            UsageError: nobody was authenticated, or twice.
        """
        if self._state is LinkState.CLOSED:
            return []
        self._move(LinkStep.ACCEPTED)
        if self._handshake is None:
            raise UsageError
        try:
            self._outgoing.append(encode_frame(self._handshake.write_message()))
        except PeerError as error:
            return [self._close(CloseReason.BROKEN, str(error))]
        self._begin_records(self._handshake)
        return []

    def _receive_handshake(self, data: bytes, events: list[LinkEvent], now_s: float) -> None:
        if self._state is LinkState.CONFIRMATION:
            self._receive_confirmation(data, events, now_s)
            return
        self._handshake_bytes += len(data)
        if self._state is not LinkState.DISCARDING:
            self._incoming += data
        if self._state is LinkState.CLEAR:
            self._test_clear()
        if self._state is LinkState.MESSAGE_1:
            self._test_message_1(events)
        if self._handshake_bytes >= LINK_HANDSHAKE_MAX_BYTES:
            events.append(self._close(CloseReason.REFUSED))

    def _test_clear(self) -> None:
        if len(self._incoming) < LINK_CLEAR_BYTES:
            return
        clear = self._take(LINK_CLEAR_BYTES)
        admission = self._gate.admit(clear)
        if admission is None:
            self._discard()
            return
        entry = admission.entry
        self._kind = entry.kind
        self._authenticated = LinkAuthenticated(entry, admission.rand, admission.day)
        self._handshake = Handshake(
            PROTOCOL_NAME,
            is_initiator=False,
            prologue=entry.kind.prologue + clear,
            ephemeral_seed=self._ephemeral_seed,
            psk=entry.link_key,
        )
        self._move(LinkStep.ADMITTED)

    def _test_message_1(self, events: list[LinkEvent]) -> None:
        if self._handshake is None or self._authenticated is None:
            raise UsageError
        try:
            message_1 = self._take_frame(MESSAGE_1_BYTES)
            if not message_1:
                return
            self._handshake.read_message(message_1)
        except PeerError:
            self._discard()
            return
        self._move(LinkStep.AUTHENTICATED)
        events.append(self._authenticated)

    def _discard(self) -> None:
        self._move(LinkStep.REFUSED)
        self._handshake = None
        self._incoming.clear()

    def _receive_confirmation(self, data: bytes, events: list[LinkEvent], now_s: float) -> None:
        self._incoming += data
        frame = self._take_frame(CONFIRMATION_BYTES)
        if not frame or self._records is None:
            return
        kind, _ = self._records.open_(frame)
        if kind is not RecordKind.KEEPALIVE:
            raise ProtocolViolation(what="no confirmation")
        self._open(events, now_s)
        self._receive_records(self._take(len(self._incoming)), events, now_s)
