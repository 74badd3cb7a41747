"""Real sessions that follow the steps of the model, and are compared with it after each."""

from collections.abc import Iterator
from typing import NamedTuple

from loom.core import choice
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.prekeys import Prekey, present, read_bundle
from loom.core.session import Awaited
from loom.core.sessions import Sessions, decode_sessions, encode_sessions
from loom.core.skipped import SkippedChange, SkippedMessageKeys
from loom.errors import PeerError
from loom.wire.limits import SESSION_SUPERSEDED_S
from tests.model.delivery import Delivery
from tests.model.world import NOW_MS, NOW_S, Envelope, Kept, Side, Step, World
from tests.people import ALICE, BOB, Source

PEOPLE = sorted((ALICE, BOB), key=lambda one: one.peer_id)
SOURCE = Source()

Skipped = dict[bytes, tuple[SkippedChange, ...]]


class Differs(Exception):
    """The model and the real sessions do not agree."""


class RealSide(NamedTuple):
    """One person: a value, so that every branch of a walk can go on from it."""

    sessions: Sessions = Sessions()
    skipped: Skipped = {}  # noqa: RUF012 - never changed in place
    prekeys: tuple[Prekey, ...] = ()
    fetched: bytes = b""


class Bytes(NamedTuple):
    """An envelope as it travels, and where it stands in its session."""

    envelope: bytes
    session_id: bytes
    awaited: Awaited


class Real(NamedTuple):
    """Both sides, and the bytes of every envelope of the model."""

    sides: tuple[RealSide, RealSide] = (RealSide(), RealSide())
    sealed: tuple[tuple[Envelope, Bytes], ...] = ()

    def put(self, who: int, side: RealSide) -> "Real":
        """With one side changed."""
        return self._replace(sides=(side, self.sides[1]) if who == 0 else (self.sides[0], side))

    def bytes_of(self, envelope: Envelope) -> Bytes | None:
        """What was sealed as this envelope."""
        return next((found for one, found in self.sealed if one == envelope), None)


def follow(real: Real, before: World, step: Step, after: World) -> Real:
    """Do what the model did.

    Raises:
        Differs: it came out otherwise.
    """
    who = step.who
    if step.what == "fetches":
        real = _fetch(real, who, before)
    elif step.what == "starts":
        real = _start(real, who, before, after)
    elif step.what in ("receives", "crashes before telling"):
        real = _receive(real, who, before, after)
    elif step.what == "an hour later":
        real = _tidy(real, who)
    elif step.what == "is restored":
        counters = real.sides[who].sessions.counters
        kept = Sessions(Counters(counters.sent, counters.accepted))
        real = real.put(who, RealSide(kept))
    elif step.what == "loses a prekey":
        real = real.put(who, real.sides[who]._replace(prekeys=()))
    if step.what in ("writes", "tells", "greets", "crashes within a step"):
        real = _seal(real, who, before, after.coming[1 - who][-1])
    compare(real, after)
    return real


def _fetch(real: Real, who: int, before: World) -> Real:
    owner, other = PEOPLE[1 - who], real.sides[1 - who]
    if before.sides[1 - who].prekey is None:
        other = other._replace(prekeys=(SOURCE.prekey(owner, NOW_S),))
        real = real.put(1 - who, other)
    bundle = present(owner, other.prekeys[0], other.sessions.counters)
    return real.put(who, real.sides[who]._replace(fetched=bundle))


def _start(real: Real, who: int, before: World, after: World) -> Real:
    side, contact = real.sides[who], PEOPLE[1 - who].token
    if after.sides[who].counters == before.sides[who].counters:
        return real  # no longer due
    bundle = read_bundle(side.fetched, contact, NOW_S)
    if core.heard(side.sessions, bundle.last_accepted, 0).is_halted:
        raise Differs("another machine, where there is none")
    started = core.start(
        side.sessions,
        PEOPLE[who],
        contact,
        bundle,
        ephemeral_seed=SOURCE.take(32),
        local=SOURCE.key(),
        now_ms=NOW_MS,
    )
    return real.put(who, side._replace(sessions=started))


def _seal(real: Real, who: int, before: World, envelope: Envelope) -> Real:
    if real.bytes_of(envelope) is not None:
        return real  # a retry: the same bytes
    side = real.sides[who]
    awaited = next(_awaited(real, before.sides[who], envelope), None)
    sealed = core.seal(
        side.sessions,
        b"%d %d" % (envelope.text, len(envelope.receipt)),
        entropy=SOURCE.entropy(),
        fresh_key=SOURCE.key,
        awaited=awaited,
    )
    if sealed.envelope[0] != (core.FIRST if envelope.first else core.ORDINARY):
        raise Differs(f"type of the envelope: {sealed.envelope[0]}")
    found = Bytes(sealed.envelope, sealed.session_id, Awaited(sealed.chain, sealed.ordinal))
    real = real._replace(sealed=(*real.sealed, (envelope, found)))
    return real.put(who, side._replace(sessions=sealed.sessions))


def _awaited(real: Real, side: Side, envelope: Envelope) -> Iterator[Awaited]:
    for row in side.rows:
        if row.envelope is not None and row.envelope.session == envelope.session:
            found = real.bytes_of(row.envelope)
            if found is not None:
                yield found.awaited


def _receive(real: Real, who: int, before: World, after: World) -> Real:
    envelope = before.coming[who][0]
    found, side = real.bytes_of(envelope), real.sides[who]
    if found is None:
        raise Differs("an envelope that was never sealed")
    opens = envelope in after.sides[who].remembered - before.sides[who].remembered
    unknown = core.unknown_handshake(side.sessions, found.envelope)
    bundle_id = None if unknown is None else unknown.bundle_id
    prekey = next((one for one in side.prekeys if one.bundle_id == bundle_id), None)
    try:
        opened = core.open_(
            side.sessions,
            PEOPLE[who],
            PEOPLE[1 - who].token,
            found.envelope,
            skipped={name: _keys(changes) for name, changes in side.skipped.items()},
            prekey=prekey,
            refused=False,
            now_ms=NOW_MS,
        )
    except PeerError as error:
        if opens:
            raise Differs(f"did not open: {error.facts}") from error
        if envelope in before.sides[who].remembered:
            return real
        wanted = core.want_start(side.sessions)
        return real.put(who, side._replace(sessions=wanted))
    if not opens:
        raise Differs("opened")
    changes = (*side.skipped.get(opened.session_id, ()), opened.skipped)
    side = side._replace(
        sessions=decode_sessions(encode_sessions(opened.sessions)),
        skipped={**side.skipped, opened.session_id: changes},
        prekeys=() if opened.accepted else side.prekeys,
    )
    gone = set(before.sides[who].rows) - set(after.sides[who].rows)
    for row in gone:
        sealed = None if row.envelope is None else real.bytes_of(row.envelope)
        if sealed is not None:
            known = core.receipted(side.sessions, sealed.session_id, sealed.awaited.ordinal)
            side = side._replace(sessions=known)
    return real.put(who, side)


def _keys(changes: tuple[SkippedChange, ...]) -> SkippedMessageKeys:
    keys = SkippedMessageKeys()
    for change in changes:
        keys.apply(change, NOW_S)
    return keys


def _tidy(real: Real, who: int) -> Real:
    side = real.sides[who]
    gone = choice.superseded(side.sessions.live, NOW_S + SESSION_SUPERSEDED_S)
    kept = core.without(side.sessions, gone)
    return real.put(who, side._replace(sessions=kept))


def compare(real: Real, world: World) -> None:
    """Counters, sessions in their order, what each has sealed, and whether a start is wanted.

    Raises:
        Differs: by one of these.
    """
    for side, model in zip(real.sides, world.sides, strict=True):
        sessions = side.sessions
        there = [
            (one.reset_counter, one.own, one.confirmed_at_s, one.ratchet.sealed)
            for one in sorted(sessions.live, key=lambda one: (one.reset_counter, one.own))
        ]
        here = [
            (one.reset_counter, one.own, one.confirmed_at_s, one.sealed)
            for one in sorted(model.sessions, key=lambda one: (one.reset_counter, one.own))
        ]
        if there != here:
            raise Differs(f"sessions: {there}, in the model {here}")
        if (sessions.counters, sessions.start_wanted) != (
            model.counters,
            model.start_wanted,
        ):
            raise Differs("counters, or whether a start is wanted")
        if len(side.prekeys) != int(model.prekey is not None):
            raise Differs("prekeys")
        _compare_best(sessions, choice.best(model.sessions))


def _compare_best(sessions: Sessions, best: Kept | None) -> None:
    there = sessions.best
    if there is None or best is None:
        if there is not None or best is not None:
            raise Differs("no session to send on")
    elif (there.reset_counter, there.own) != (best.reset_counter, best.own):
        raise Differs("which session is sent on")


class Followed(NamedTuple):
    """How far a walk went."""

    worlds: int
    steps: int


def follow_all(rules: Delivery, first: World, limit: int) -> Followed:
    """Breadth first through the model from two strangers, real sessions along at every step.

    Raises:
        Differs: at the first step that comes out otherwise.
    """
    known: dict[World, Real] = {first: Real()}
    layer, steps = [first], 0
    while layer and len(known) < limit:
        following: list[World] = []
        for world in layer:
            for step, after in rules.successors(world):
                steps += 1
                real = follow(known[world], world, step, after)
                if after not in known and len(known) < limit:
                    known[after] = real
                    following.append(after)
        layer = following
    return Followed(len(known), steps)
