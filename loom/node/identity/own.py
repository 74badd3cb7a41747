"""The owner's identity: gone over to the next one of the same words, or ended for good."""

import logging
from typing import Final

import msgspec

from loom.api.events import IdentityRevoked, IdentityRotated
from loom.api.identity_views import IdentityView
from loom.core.identity import Identity, IdentitySeeds, recovery_key, seeds_from_phrase
from loom.core.identity_chain import (
    Standing,
    Statement,
    StatementKind,
    judge,
    make_revocation,
    make_rotation,
)
from loom.errors import InvalidInput, InvalidPhrase, OwnIdentityRevoked
from loom.node.failed import fail
from loom.node.identity.former import FormerDoors
from loom.node.invites.own import OwnInvites
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import (
    identity_statements,
    invites,
    machine,
    old_identities,
    outbox,
    persons,
    room_peers,
    settings,
)
from loom.storage.connection import Db
from loom.storage.old_identities import Untold
from loom.wire.limits import IDENTITY_ROTATIONS_MAX, OLD_IDENTITY_ANSWERS_S
from loom.wire.token import encode_token

log = logging.getLogger(__name__)

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

    async def view(self) -> IdentityView:
        """As front ends see it."""
        identity = self._parts.identity
        changed = await self._parts.database.read(lambda db: settings.get(db, CHANGED_AT))
        return IdentityView(
            number=identity.number,
            fingerprint=identity.peer_id.hex(),
            token=encode_token(identity.token),
            revoked=self._roster.is_revoked,
            changed_at_ms=None if changed is None else int(changed),
            untold=self._doors.count,
        )

    async def load(self) -> None:
        """Read whether it was revoked, and who is still to be told what."""
        statements = await self._parts.database.read(lambda db: identity_statements.of(db, None))
        self._roster.is_revoked = self._is_revoked(statements)
        await self._doors.load()

    async def rotate(self, phrase: str) -> None:
        """Go over to the next identity.

        Raises:
            InvalidPhrase: other words, or none.
            InvalidInput: these words have made as many identities as others follow.
            OwnIdentityRevoked: none follows any more.
        """
        parts = self._parts
        async with self._roster.changing:
            before, held = parts.identity, await self._held()
            _check(phrase, before)
            rotations = [one for one in held if one.kind is StatementKind.ROTATION]
            if len(rotations) >= IDENTITY_ROTATIONS_MAX:
                raise InvalidInput(
                    what=f"These words have been rotated {IDENTITY_ROTATIONS_MAX} times, and "
                    "contacts follow no further: make a new profile, and tell them"
                )
            number = max(before.number, *(one.number for one in rotations), 0) + 1
            seeds = seeds_from_phrase(phrase, number)
            after = Identity(seeds)
            statement = make_rotation(recovery_key(phrase), before.card, after.card, number)
            await self._go_over(before, after, seeds, statement)
        await self._invites.ended()
        log.info("identity: rotated to number %d", number)

    async def revoke(self, phrase: str) -> None:
        """End the identity; it cannot be undone.

        Raises:
            InvalidPhrase, OwnIdentityRevoked: see `rotate`.
        """
        async with self._roster.changing:
            before, held = self._parts.identity, await self._held()
            _check(phrase, before)
            number = max(before.number, *(one.number for one in held), 0) + 1
            statement = make_revocation(recovery_key(phrase), before.card, number)
            await self._go_over(before, before, None, statement)
        await self._invites.ended()
        log.info("identity: revoked")

    # --- inside ---

    async def _held(self) -> tuple[Statement, ...]:
        held = await self._parts.database.read(lambda db: identity_statements.of(db, None))
        if self._is_revoked(held):
            raise OwnIdentityRevoked
        return held

    def _is_revoked(self, statements: tuple[Statement, ...]) -> bool:
        token = self._parts.identity.token
        return bool(statements) and judge(token, statements).standing is Standing.REVOKED

    async def _go_over(
        self, before: Identity, after: Identity, seeds: IdentitySeeds | None, statement: Statement
    ) -> None:
        """One transaction; then those who are linked are told on the links there are."""
        parts, roster = self._parts, self._roster
        devices = roster.everyone()
        is_revoked = seeds is None

        def work(db: Db, happened: Happened) -> tuple[tuple[Statement, ...], list[Untold]]:
            now_ms = parts.clock.now_ms()
            until_s = now_ms // 1000 + OLD_IDENTITY_ANSWERS_S
            identity_statements.add(db, None, [statement])
            old_identities.add(db, before.peer_id, before.agreement.seed, until_s)
            settings.put(db, CHANGED_AT, str(now_ms).encode())
            machine.put_found(db, frozenset())  # what another machine holds is left behind
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
                settings.put(db, "identity", msgspec.msgpack.encode(seeds))
                happened.add(IdentityRotated(number=after.number, fingerprint=after.peer_id.hex()))
            return (
                identity_statements.of(db, None),
                old_identities.untold(db, now_ms // 1000),
            )

        async with roster.renewing(devices) as renew:
            statements, untold = await parts.journal.write(work)
            parts.identity, roster.is_revoked = after, is_revoked
            parts.machine.found = frozenset()
            self._doors.take(statements, untold)
            for device in devices:
                links = device.arbiter.give_up()
                renew(device, device.contact)
                for link in links:
                    if not self._doors.tell_on(device.number, before.peer_id, link):
                        link.close()


def _check(phrase: str, identity: Identity) -> None:
    """Raises InvalidPhrase: the words did not make this identity."""
    if Identity(seeds_from_phrase(phrase, identity.number)).peer_id != identity.peer_id:
        raise InvalidPhrase(reason="they belong to another identity")
