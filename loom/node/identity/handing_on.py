"""Members of a room are told who of it has another identity, by those who know (PROTOCOL 1.5)."""

import logging
from collections.abc import Set as AbstractSet
from typing import Final

from loom.core.identity_chain import Statement, chain_envelopes, identities
from loom.core.room.statement import Admit, Genesis
from loom.errors import LoomError
from loom.model import PeerId, Person, PersonId
from loom.node.device import Device
from loom.node.parts import Parts
from loom.node.room_states import RoomNow
from loom.node.rooms import introducing
from loom.node.roster import Roster
from loom.storage import identity_statements, persons, rooms
from loom.storage.connection import Db

log = logging.getLogger(__name__)

ENVELOPES_MAX: Final = 32
"""For one member at a time."""


_Key = tuple[PersonId, PeerId, int]
"""Who is told, of which identity, and how many statements."""


class HandingOn:
    """One per node. Each member is told once while the node runs what is known of another."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self._told: set[_Key] = set()

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

    def _due(self, db: Db, reader: Person) -> dict[_Key, list[bytes]]:
        """Of members of common rooms, what a member does not know for sure."""
        whose = identity_statements.whose(db)
        found: dict[_Key, list[bytes]] = {}
        for row in rooms.every(db) if whose else ():
            now = self._parts.room_states.of(db, row)
            if not row.is_live or not now.is_member or not introducing.is_in(now, reader):
                continue
            present = {whose.get(PeerId(one.peer_id)) for one in now.held.state.members.values()}
            # The reader knows the identities that members were admitted with, also by older keys.
            for known in _admitted(now):
                number = whose.get(known)
                if number is None or number not in present or number == reader.person_id:
                    continue
                person = persons.by_id(db, number)
                if person is None or (person.peer_id == known and not _is_over(person)):
                    continue
                statements = identity_statements.of(db, number)
                key = reader.person_id, known, len(statements)
                if key not in self._told and sum(map(len, found.values())) < ENVELOPES_MAX:
                    found[key] = chain_envelopes(statements, known)
        return found


def _admitted(now: RoomNow) -> list[PeerId]:
    """Every identity that somebody was admitted with, or made the room."""
    found: dict[PeerId, None] = {}
    for one in now.held.statements.values():
        if isinstance(one.body, Admit | Genesis):
            found[PeerId(one.body.token[0])] = None
    return list(found)


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
    if person is None:
        return None
    is_member = share_a_room(parts, db, sender, person)
    if not is_member and not _is_in_by_newer(parts, db, sender, person, frozenset(named)):
        return None
    return person.person_id


def share_a_room(parts: Parts, db: Db, *people: Person) -> bool:
    """Whether the owner and all of these are members of one room."""
    return any(all(introducing.is_in(now, one) for one in people) for now in _common(parts, db))


def _is_in_by_newer(
    parts: Parts, db: Db, sender: Person, person: Person, named: AbstractSet[bytes]
) -> bool:
    """Whether somebody is a member beside the sender by an identity that is not known as theirs.

    Args:
        named: all of theirs, as the statements say that are looked at.
    """
    return any(
        introducing.is_in(now, sender)
        and person.peer_id in _admitted(now)
        and any(one.peer_id in named for one in now.state.members.values())
        for now in _common(parts, db)
    )


def _common(parts: Parts, db: Db) -> list[RoomNow]:
    """The rooms that the owner is in."""
    states = [parts.room_states.of(db, row) for row in rooms.every(db) if row.is_live]
    return [now for now in states if now.is_member]
