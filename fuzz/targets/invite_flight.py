"""The flight of somebody nobody knows, who has the text of an invite (PROTOCOL 11.4)."""

from fuzz.draw import Draw
from fuzz.target import Target
from fuzz.targets.session_init import _FRESH, _PREKEY, _SECOND, _VALID, _flight
from loom.core import handshake
from loom.core import sessions as core
from loom.core.handshake import PREFIX_BYTES
from loom.core.sessions import FIRST, Sessions
from loom.errors import MalformedMessage, PeerError
from loom.wire.encoding import check_lasting_x25519_public
from loom.wire.limits import ENVELOPE_BUCKETS
from tests.people import ALICE, BOB, NOW_MS


def run(data: bytes) -> None:
    """Who it claims to be from has a key that a token may have, and is the one it is opened as."""
    draw = Draw(data)
    match draw.number(4):
        case 0:
            envelope = draw.edited(_VALID)
        case 1:
            envelope = draw.edited(_SECOND)
        case 2:
            envelope = bytes([FIRST]) + draw.rest()
        case _:
            envelope = _flight(draw)
    if draw.flag():
        bucket = next((size for size in ENVELOPE_BUCKETS if size >= len(envelope)), 0)
        envelope = envelope.ljust(bucket, b"\0")
    prefix = envelope[1 : 1 + PREFIX_BYTES]
    try:
        token = handshake.claimed_token(BOB, _PREKEY, prefix, now_ms=NOW_MS)
    except PeerError:
        token = None
    if token is None:
        try:
            core.open_(
                _FRESH,
                BOB,
                ALICE.token,
                envelope,
                skipped={},
                prekey=_PREKEY,
                refused=False,
                now_ms=NOW_MS,
            )
        except PeerError:
            return
        raise AssertionError("what claims to be from nobody opened as a contact's")
    try:
        check_lasting_x25519_public(token.x25519_public)
    except MalformedMessage as error:
        raise AssertionError("a key that everybody shares") from error
    try:
        opened = core.open_(
            Sessions(),
            BOB,
            token,
            envelope,
            skipped={},
            prekey=_PREKEY,
            refused=False,
            now_ms=NOW_MS,
        )
    except PeerError:
        return
    assert token == ALICE.token
    assert opened.accepted


TARGET = Target(
    run=run,
    seeds=(b"\0", b"\0\1", b"\1\1", b"\2\1\2\3", b"\3" + bytes(64), b"\3\1" + b"\xff" * 64),
    max_bytes=512,
    executions=300,
)
