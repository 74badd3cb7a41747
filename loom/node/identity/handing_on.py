"""Members of a room are told who of it has another identity, by those who know (PROTOCOL 1.5)."""

import logging
from typing import Final

from loom.core.identity_chain import Statement, chain_envelopes, identities
from loom.errors import LoomError
from loom.model import PeerId, Person, PersonId
from loom.node.device import Device
from loom.node.parts import Parts
from loom.node.rooms import introducing
from loom.node.roster import Roster
from loom.storage import identity_statements, persons, rooms
from loom.storage.connection import Db

log = logging.getLogger(__name__)

ENVELOPES_MAX: Final = 32
"""For one member at a time."""


class HandingOn:
    """One per node. Each member is told once while the node runs what is known of another."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self._told: set[tuple[PersonId, PersonId, int]] = set()
        """Who, of whom, and how many statements."""

    async def tell(self, device: Device) -> None:
        """Tell one who is linked."""
        try:
            found = await self._parts.database.read(lambda db: self._due(db, device.person))
        except LoomError as error:
            log.warning("contact %d: identities not told: %s", device.number, error.code)
            return
        for key, envelopes in found.items():
            sent = [device.arbiter.send(one) for one in envelopes]
            if all(sent):
                self._told.add(key)

    async def tell_all(self) -> None:
        """Somebody has another identity."""
        for device in self._roster.in_rooms():
            if device.is_linked():
                await self.tell(device)

    def _due(self, db: Db, reader: Person) -> dict[tuple[PersonId, PersonId, int], list[bytes]]:
        """Of members of common rooms, what a member does not know for sure."""
        whose = identity_statements.whose(db)
        found: dict[tuple[PersonId, PersonId, int], list[bytes]] = {}
        for row in rooms.every(db) if whose else ():
            now = self._parts.room_states.of(db, row)
            if not row.is_live or not now.is_member or not introducing.is_in(now, reader):
                continue
            for member in now.held.state.members.values():
                # The reader knows the identity that the member was admitted with.
                known = PeerId(member.peer_id)
                number = whose.get(known)
                if number is None or number == reader.person_id:
                    continue
                person = persons.by_id(db, number)
                if person is None or (person.peer_id == known and not _is_over(person)):
                    continue
                statements = identity_statements.of(db, number)
                key = reader.person_id, number, len(statements)
                if key not in self._told and sum(map(len, found.values())) < ENVELOPES_MAX:
                    found[key] = chain_envelopes(statements, known)
        return found


def _is_over(person: Person) -> bool:
    return person.forked or person.revoked


def told_about(
    parts: Parts, db: Db, sender: Person, heard: tuple[Statement, ...]
) -> PersonId | None:
    """Whom statements are about that somebody else brought, if all three are in one room."""
    whose = identity_statements.whose(db)
    named = [token.peer_id for token in identities(heard)]
    by_id = (persons.by_peer_id(db, one) for one in named)
    by_statement = (
        None if number is None else persons.by_id(db, number) for number in map(whose.get, named)
    )
    person = next((one for one in (*by_id, *by_statement) if one is not None), None)
    if person is None or not share_a_room(parts, db, sender, person):
        return None
    return person.person_id


def share_a_room(parts: Parts, db: Db, *people: Person) -> bool:
    """Whether the owner and all of these are members of one room."""
    for row in rooms.every(db):
        now = parts.room_states.of(db, row)
        is_common = row.is_live and now.is_member
        if is_common and all(introducing.is_in(now, one) for one in people):
            return True
    return False
