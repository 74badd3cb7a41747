"""A prekey bundle, from a link that authenticates no payload."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.prekeys import BUNDLE_VERSION, RemoteBundle, present, read_bundle
from loom.core.sessions import Sessions, encode_sessions
from loom.errors import AuthenticationError, MalformedMessage, ProtocolViolation
from loom.wire.encoding import enc, u32, u64
from loom.wire.limits import BUNDLE_FUTURE_SKEW_S, BUNDLE_LAST_LIFETIME_S
from tests.people import ALICE, BOB, NOW_MS, NOW_S, Source

_SOURCE = Source(3)
_PREKEY = _SOURCE.prekey(BOB)
_VALID = present(BOB, _PREKEY, Counters(5, 4))
_LOCAL = _SOURCE.key()
_DOCUMENTED = (MalformedMessage, AuthenticationError, ProtocolViolation)


def run(data: bytes) -> None:
    """A bundle is its owner's, fresh and of use, or is refused, at the latest by a start on it."""
    draw = Draw(data)
    signs_anything = draw.flag()
    if signs_anything:
        sent = _signed_by_its_owner(draw)
    else:
        sent = draw.edited(_VALID) if draw.flag() else draw.rest()
    try:
        bundle = read_bundle(sent, BOB.token, NOW_S)
    except _DOCUMENTED:
        return
    # What the owner signed and nothing else, unless it signed something else.
    assert signs_anything or sent == _VALID
    _check(bundle)
    before = Sessions()
    try:
        started = core.start(
            before,
            ALICE,
            BOB.token,
            bundle,
            ephemeral_seed=b"\5" * 32,
            local=_LOCAL,
            now_ms=NOW_MS,
        )
    except _DOCUMENTED:
        assert encode_sessions(before) == encode_sessions(Sessions())
        return
    assert started.best is not None


def _check(bundle: RemoteBundle) -> None:
    assert bundle.card.raw == BOB.card
    assert bundle.last_accepted <= bundle.last_counter
    assert NOW_S < bundle.expires_at_s <= NOW_S + BUNDLE_FUTURE_SKEW_S + BUNDLE_LAST_LIFETIME_S


def _signed_by_its_owner(draw: Draw) -> bytes:
    """Whatever the contact's own keys may sign."""
    fields = [
        BUNDLE_VERSION,
        bytes(BOB.peer_id),
        u32(0),
        draw.choice((b"\1", b"\2", b"\0", b"")),
        _PREKEY.bundle_id,
        _PREKEY.signed_prekey.public,
        _PREKEY.kem.public,
        u64(_time(draw)),
        u64(_time(draw)),
    ]
    while draw.flag():
        place = draw.number(len(fields))
        fields[place] = draw.edited(fields[place])
    if draw.flag():
        fields[5] = draw.integer(32).to_bytes(32, "little")
    bundle = draw.edited(enc(*fields)) if draw.flag() else enc(*fields)
    told = u64(draw.integer(64)), u64(draw.integer(64))
    signature = BOB.signing.sign("bundle", enc(bundle, *told))
    return enc(bundle, BOB.card, *told, signature)


def _time(draw: Draw) -> int:
    if draw.flag():
        return draw.integer(64)
    return NOW_S + draw.choice((0, 1, -1, 86_400, 86_401, 7 * 86_400, 7 * 86_400 + 1, -86_400))


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0" + b"\0\0\0\1a",
        b"\0\1",
        b"\0\1\2\0\5\1\7",
        b"\0\1\1\xff\xff\0\0",
        b"\1\0\0\0\0\5",
        b"\1\1\0\3\0\5\0\0\0\0",
        b"\1\0\0\0\0\5\0\1\1\0\0\0\0",
        b"\1\0\0\1\0\7",
    ),
    max_bytes=1_024,
    executions=200,
)
