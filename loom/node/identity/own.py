"""The owner's identity: gone over to the next one of the same words, or ended for good."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from loom.api.events import IdentityRevoked, IdentityRotated, LaterIdentityFound
from loom.api.identity_views import IdentityView
from loom.core.identity import Identity, IdentitySeeds, recovery_key, seeds_from_phrase
from loom.core.identity_chain import (
    NUMBER_MAX,
    Outcome,
    Standing,
    Statement,
    StatementKind,
    follow,
    judge,
    make_revocation,
    make_rotation,
)
from loom.errors import InvalidInput, InvalidPhrase, OwnIdentityRevoked
from loom.node.failed import fail
from loom.node.identity.former import FormerDoors
from loom.node.identity.old_room_keys import old_room_keys
from loom.node.invites.own import OwnInvites
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import (
    anchors,
    counters,
    identity_statements,
    invites,
    machine,
    old_identities,
    outbox,
    persons,
    room_peers,
    room_renewals,
    settings,
)
from loom.storage.connection import Db
from loom.storage.old_identities import OldIdentity, Untold
from loom.wire.limits import (
    ANCHOR_SECRET_BYTES,
    IDENTITY_ROTATIONS_MAX,
    OLD_IDENTITY_ANSWERS_S,
)
from loom.wire.token import encode_token

log = logging.getLogger(__name__)

Stored = tuple[tuple[Statement, ...], list[OldIdentity], list[Untold]]
"""See `FormerDoors.take`."""
CHANGED_AT: Final = "identity_changed_at_ms"


class OwnIdentity:
    """One per node."""

    def __init__(
        self, parts: Parts, roster: Roster, doors: FormerDoors, own_invites: OwnInvites
    ) -> None:
        self._parts = parts
        self._roster = roster
        self._doors = doors
        self._invites = own_invites

        self.on_rotated: Callable[[], Awaitable[None]] = _nothing
        """Called when other accounts at anchors are to replace those there are."""

    async def view(self) -> IdentityView:
        """As front ends see it."""
        identity = self._parts.identity
        changed, statements, old_keys = await self._parts.database.read(
            lambda db: (
                settings.get(db, CHANGED_AT),
                identity_statements.of(db, None),
                old_room_keys(self._parts, db),
            )
        )
        outcome = judge(identity.token, statements)
        return IdentityView(
            number=identity.number,
            fingerprint=identity.peer_id.hex(),
            token=encode_token(identity.token),
            revoked=self._roster.is_revoked,
            changed_at_ms=None if changed is None else int(changed),
            untold=self._doors.count,
            later=outcome.number if outcome.standing is Standing.MOVED else None,
            forked=outcome.standing is Standing.FORKED,
            old_room_keys=old_keys,
        )

    async def load(self) -> None:
        """Read whether it was revoked, and who is still to be told what."""
        statements = await self._parts.database.read(lambda db: identity_statements.of(db, None))
        self._roster.is_revoked = self._judged(statements).standing is Standing.REVOKED
        await self._doors.load()

    async def rotate(self, phrase: str) -> None:
        """Go over to the next identity.

        Raises:
            InvalidPhrase: other words, or none.
            InvalidInput: these words have made as many identities as others follow, or the last.
            OwnIdentityRevoked: none follows any more.
        """
        async with self._roster.changing:
            before, held = self._parts.identity, await self._held()
            _check(phrase, before)
            rotations = [one for one in held if one.kind is StatementKind.ROTATION]
            if len(rotations) >= IDENTITY_ROTATIONS_MAX:
                raise InvalidInput(
                    what=f"These words have been rotated {IDENTITY_ROTATIONS_MAX} times, and "
                    "contacts follow no further: make a new profile, and tell them"
                )
            known, last = [before], before
            number = max(before.number, *(one.number for one in rotations), 0) + 1
            if number > NUMBER_MAX:
                raise InvalidInput(
                    what="Somebody with your 24 words has taken the last number there is: "
                    "revoke your identity, make a new profile, and tell your contacts"
                )
            if (later := _made_of(phrase, self._judged(held))) is not None:
                last = later
                known.append(last)  # contacts may know that one
            seeds = seeds_from_phrase(phrase, number)
            statement = make_rotation(recovery_key(phrase), last.card, Identity(seeds).card, number)
            await self._go_over(known, seeds, (statement,))
        await self._invites.ended()
        await self.on_rotated()
        log.info("identity: rotated to number %d", number)

    async def take_later(self, phrase: str) -> None:
        """Go on as the identity that a contact knows to follow this one.

        Raises:
            InvalidPhrase, OwnIdentityRevoked: see `rotate`.
            InvalidInput: no contact has said that there is a later one, or it is not of its number.
        """
        async with self._roster.changing:
            before, held = self._parts.identity, await self._held()
            _check(phrase, before)
            later = self._judged(held)
            if later.standing is not Standing.MOVED:
                raise InvalidInput(what="No contact has told of a later identity of your 24 words")
            if _made_of(phrase, later) is None:
                raise InvalidInput(
                    what="The later identity is not the one of its number, so somebody else who "
                    "has your 24 words made it: revoke your identity, and make a new profile"
                )
            await self._go_over([before], seeds_from_phrase(phrase, later.number), ())
        await self._invites.ended()
        log.info("identity: went on as number %d", later.number)

    async def revoke(self, phrase: str) -> None:
        """End the identity; it cannot be undone.

        Raises:
            InvalidPhrase, OwnIdentityRevoked: see `rotate`.
        """
        async with self._roster.changing:
            before, held = self._parts.identity, await self._held()
            _check(phrase, before)
            number = min(max(before.number, *(one.number for one in held), 0) + 1, NUMBER_MAX)
            statement = make_revocation(recovery_key(phrase), before.card, number)
            await self._go_over([before], None, (statement,))
        await self._invites.ended()
        log.info("identity: revoked")

    async def heard(self, statements: tuple[Statement, ...]) -> None:
        """Keep what a contact says of the owner's identity; `Roster.changing` is held.

        A revocation ends it here, too. The keys of a later one are made of the 24 words alone, so
        the owner is asked for them.

        Raises:
            MalformedMessage, AuthenticationError: it is not by the holder of the words.
        """
        token = self._parts.identity.token
        held = await self._parts.database.read(lambda db: identity_statements.of(db, None))
        before, followed = judge(token, held), follow(token, held, statements)
        outcome, added = followed.outcome, followed.added
        if not added:
            return
        if outcome.standing is Standing.REVOKED:
            await self._go_over([self._parts.identity], None, added)
            await self._invites.ended()
            return

        def work(db: Db, happened: Happened) -> Stored:
            identity_statements.add(db, None, added)
            if outcome.standing is not Standing.CURRENT and outcome != before:
                is_forked = outcome.standing is Standing.FORKED
                happened.add(LaterIdentityFound(number=outcome.number, forked=is_forked))
            return _stored(db, self._parts.now_s())

        self._doors.take(*await self._parts.journal.write(work))
        log.warning("identity: a contact says that it is %s", outcome.standing.value)

    # --- inside ---

    async def _held(self) -> tuple[Statement, ...]:
        held = await self._parts.database.read(lambda db: identity_statements.of(db, None))
        if self._judged(held).standing is Standing.REVOKED:
            raise OwnIdentityRevoked
        return held

    def _judged(self, statements: tuple[Statement, ...]) -> Outcome:
        return judge(self._parts.identity.token, statements)

    async def _go_over(
        self,
        known: Sequence[Identity],
        seeds: IdentitySeeds | None,
        statements: Sequence[Statement],
    ) -> None:
        """One transaction; then those who are linked are told on the links there are.

        Args:
            known: the identity of now, and others that contacts may know.
            seeds: of the one that follows; None: none does.
            statements: to be kept for it.
        """
        parts, roster = self._parts, self._roster
        devices = roster.everyone()
        before, is_revoked = parts.identity, seeds is None
        after = before if seeds is None else Identity(seeds)

        def work(db: Db, happened: Happened) -> tuple[Stored, int]:
            now_ms = parts.clock.now_ms()
            until_s = now_ms // 1000 + OLD_IDENTITY_ANSWERS_S
            identity_statements.add(db, None, statements)
            for one in known:
                old_identities.add(db, one.peer_id, one.agreement.seed, until_s)
            settings.put(db, CHANGED_AT, str(now_ms).encode())
            machine.put_found(db, frozenset())  # what another machine holds is left behind
            if seeds is not None:
                machine.begin_epoch(db)
                counters.begin_identity(db)
            invites.revoke_all(db, now_ms // 1000)
            for device in devices:
                if device.person.is_acquaintance:
                    persons.forget_identity(db, device.device_id)
                else:
                    persons.forget_own(db, device.device_id)
                outbox.unseal(db, device.device_id)
                if is_revoked:
                    ids = outbox.delete_all(db, device.device_id)
                    fail(db, happened, device, ids, "own_identity_revoked")
                else:
                    room_peers.tell_again(db, device.number)
            if seeds is None:
                happened.add(IdentityRevoked(fingerprint=before.peer_id.hex()))
            else:
                if statements:  # who had the keys of before may have those of accounts and rooms
                    room_renewals.note_rotation(db)
                    anchors.renew_all(db, lambda: parts.random(ANCHOR_SECRET_BYTES), now_ms)
                settings.put(db, "identity", msgspec.msgpack.encode(seeds))
                happened.add(IdentityRotated(number=after.number, fingerprint=after.peer_id.hex()))
            return _stored(db, now_ms // 1000), machine.epoch(db)

        async with roster.renewing(devices) as renew:
            stored, epoch = await parts.journal.write(work)
            parts.identity, roster.is_revoked = after, is_revoked
            parts.machine.found, parts.machine.epoch = frozenset(), epoch
            self._doors.take(*stored)
            for device in devices:
                links = device.arbiter.give_up()
                renew(device, device.contact)
                for link in links:
                    if not self._doors.tell_on(device.number, before.peer_id, link):
                        link.close()


def _stored(db: Db, now_s: int) -> Stored:
    return (
        identity_statements.of(db, None),
        old_identities.answered(db, now_s),
        old_identities.untold(db, now_s),
    )


async def _nothing() -> None:
    """As long as nobody listens."""


def _made_of(phrase: str, outcome: Outcome) -> Identity | None:
    """The identity that others have moved to; None: nobody has, or its number makes another one."""
    if outcome.standing is not Standing.MOVED:
        return None
    made = Identity(seeds_from_phrase(phrase, outcome.number))
    return made if made.peer_id == outcome.token.peer_id else None


def _check(phrase: str, identity: Identity) -> None:
    """Raises InvalidPhrase: the words did not make this identity."""
    if Identity(seeds_from_phrase(phrase, identity.number)).peer_id != identity.peer_id:
        raise InvalidPhrase(reason="they belong to another identity")
