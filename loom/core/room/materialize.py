"""From a set of statements to what holds in a room: one pass by rank (docs/PROTOCOL.md 14.4).

Signatures were verified when the statements came.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

import msgspec

from loom.core.room.keys import Council, Signers
from loom.core.room.state import Channel, Member, Officer, Rank, Removal, RoomState
from loom.core.room.statement import (
    HISTORY_ALL,
    Admit,
    Appoint,
    Ban,
    Body,
    Capability,
    DeletePosts,
    Genesis,
    Kept,
    Leave,
    Remove,
    SetChannel,
    SetName,
    SetPin,
    SetPolicy,
    SignedStatement,
    keys_told,
)
from loom.wire.limits import (
    ROOM_CHANNELS_MAX,
    ROOM_MEMBERS_MAX,
    ROOM_OFFICERS_MAX,
    ROOM_STATEMENTS_MAX,
)

GENERAL: Final = "general"
"""The channel that every room has."""

Subject = tuple[str, str]


class _Office(msgspec.Struct, frozen=True):
    """With what an officer's statements are judged. `keeper`: the capabilities of who keeps."""

    rank: Rank
    by: bytes
    capabilities: int
    since: int
    keep: tuple[Kept, ...] = ()
    keeper: int = 0
    removed: bool = False
    council: Council | None = None


class _Counted:
    """What of an officer's statements counts, by subject; of each the largest number."""

    __slots__ = (
        *("admits", "appoints", "bans", "deleted", "ids", "pins", "removes", "undeleted", "values"),
    )

    def __init__(self) -> None:
        self.ids: set[bytes] = set()
        self.removes: dict[bytes, SignedStatement] = {}
        self.bans: dict[bytes, tuple[bool, bytes]] = {}
        self.values: dict[Subject, SetName | SetPolicy | SetChannel] = {}
        """By number, as `pins` are."""
        self.pins: dict[bytes, bool] = {}
        self.deleted: set[bytes] = set()
        self.undeleted: set[bytes] = set()
        self.admits: dict[bytes, tuple[int, Admit]] = {}
        """With the first number that admits them."""
        self.appoints: dict[bytes, tuple[int, Appoint, int]] = {}
        """With the first number, and what may be given at most."""

    def take(self, one: SignedStatement, most: int) -> None:
        """Called in the order of the numbers."""
        self.ids.add(one.id)
        match one.body:
            case Remove() as remove:
                self.removes[remove.author] = one
            case Ban(peer_id=peer_id, on=on):
                self.bans[peer_id] = on, one.id
            case Admit() as admit:
                author = admit.author
                first = self.admits[author][0] if author in self.admits else one.number
                self.admits[author] = first, admit
            case Appoint() as appoint:
                author = appoint.author
                first = self.appoints[author][0] if author in self.appoints else one.number
                self.appoints[author] = first, appoint, most
            case DeletePosts(post_ids=post_ids, on=on):
                self.deleted.difference_update(post_ids)
                self.undeleted.difference_update(post_ids)
                (self.deleted if on else self.undeleted).update(post_ids)
            case SetPin(post_id=post_id, on=on):
                self.pins.pop(post_id, None)
                self.pins[post_id] = on
            case SetChannel(channel=name) as channel:
                self.values.pop(("channel", name), None)
                self.values["channel", name] = channel
            case SetName() as named:
                self.values["name", ""] = named
            case SetPolicy() as policy:
                self.values["policy", ""] = policy


class _Signed:
    """What one author signed."""

    __slots__ = ("_cached", "forked", "leave", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[int, list[SignedStatement]] = {}
        """Of each number by id."""
        self.forked: set[int] = set()
        """Numbers with more than one."""
        self.leave: SignedStatement | None = None
        """The one with the smallest number, then id."""
        self._cached: tuple[_Office, _Counted] | None = None

    def add(self, one: SignedStatement) -> bool:
        """False if it is here."""
        same = self.numbers.setdefault(one.number, [])
        if any(other.id == one.id for other in same):
            return False
        same.append(one)
        same.sort(key=lambda each: each.id)
        if len(same) > 1:
            self.forked.add(one.number)
        if isinstance(one.body, Leave):
            self.leave = min(
                filter(None, (self.leave, one)), key=lambda each: (each.number, each.id)
            )
        self._cached = None
        return True

    def counted(self, office: _Office) -> _Counted:
        """Step 1 and 2 of 14.4."""
        if self._cached is not None and self._cached[0] == office:
            return self._cached[1]
        counted = _Counted()
        kept = {one.statement_id: one.capabilities for one in office.keep}
        own, either = office.capabilities, office.capabilities | office.keeper
        last = self.leave.number if self.leave is not None else ROOM_STATEMENTS_MAX
        for number in sorted(self.numbers):
            same = self.numbers[number]
            one = next((each for each in same if each.id in kept), same[0]) if kept else same[0]
            needs = int(one.body.needs)
            in_office = not office.removed and office.since <= number < last
            if one.id in kept and either & needs == needs:
                counted.take(one, either & kept[one.id])
            elif in_office and own & needs == needs:
                counted.take(one, own)
        self._cached = office, counted
        return counted


class Ledger:
    """The statements of one room, and what holds after them; adding one costs little."""

    def __init__(self, room_id: bytes, statements: Iterable[SignedStatement] = ()) -> None:
        self._room_id = room_id
        self._by_author: dict[bytes, _Signed] = {}
        self._genesis: SignedStatement | None = None
        self._keys: dict[bytes, Signers] = {}
        self._state: RoomState | None = None
        for one in statements:
            self.add(one)

    def add(self, one: SignedStatement) -> bool:
        """Add a verified statement; False if it is here, or of another room."""
        if one.room_id != self._room_id:
            return False
        if not self._by_author.setdefault(one.author, _Signed()).add(one):
            return False
        if isinstance(one.body, Genesis):
            self._genesis = one
        told = keys_told(one)
        if told is not None:
            self._keys[told.author] = told
        self._state = None
        return True

    @property
    def state(self) -> RoomState:
        """What holds now."""
        if self._state is None:
            self._state = RoomState() if self._genesis is None else self._pass(self._genesis)
        return self._state

    def statements(self) -> list[SignedStatement]:
        """All of them, by author, number and id."""
        return [
            one
            for author in sorted(self._by_author)
            for _, same in sorted(self._by_author[author].numbers.items())
            for one in same
        ]

    def after(self, one: SignedStatement) -> RoomState:
        """What would hold with one statement more, which is not added."""
        if self._genesis is None or one.room_id != self._room_id:
            return self.state
        signed = _Signed()
        for other in self.under(one.author):
            signed.add(other)
        signed.add(one)
        return _Pass({**self._by_author, one.author: signed}, self._genesis).run(self._keys)

    def under(self, author: bytes, number: int | None = None) -> list[SignedStatement]:
        """Those of an author, or under one number of theirs, by number and id."""
        signed = self._by_author.get(author)
        if signed is None:
            return []
        numbers = sorted(signed.numbers) if number is None else [number]
        return [one for each in numbers for one in signed.numbers.get(each, ())]

    def next_number(self, author: bytes) -> int:
        """Above every number of theirs that is here; 512 when there is none left."""
        signed = self._by_author.get(author)
        return max(signed.numbers, default=0) + 1 if signed is not None else 1

    def keep_of(self, author: bytes) -> tuple[Kept, ...]:
        """All of theirs that counts now, and of appointments as much: for Remove and Appoint."""
        state, signed = self.state, self._by_author.get(author)
        kept = []
        for one in (one for same in signed.numbers.values() for one in same) if signed else ():
            if one.id in state.counting and not isinstance(one.body, Genesis | Leave):
                most = int(Capability.ALL)
                if isinstance(one.body, Appoint):
                    holds = state.officers.get(one.body.author)
                    is_its = holds is not None and holds.by == author
                    most = holds.capabilities if holds is not None and is_its else 0
                kept.append(Kept(one.id, most))
        return tuple(sorted(kept))

    def retained(self) -> frozenset[bytes]:
        """The ids of the statements to store; the others may be forgotten, and asked for later."""
        state, named = self.state, self._named() | self._witnesses()
        ids: set[bytes] = set()
        for author, signed in self._by_author.items():
            for same in signed.numbers.values():
                ids.update(one.id for one in same if one.id in named)
                if author in state.officers:
                    ids.update(one.id for one in same[:2])
            if signed.leave is not None:
                ids.add(signed.leave.id)
        return frozenset(ids)

    def _named(self) -> set[bytes]:
        """What the keep lists of officers name, whether these lists hold or not."""
        return {
            kept.statement_id
            for author in self.state.officers
            if author in self._by_author
            for same in self._by_author[author].numbers.values()
            for one in same
            if isinstance(one.body, Remove | Appoint)
            for kept in one.body.keep
        }

    def _witnesses(self) -> set[bytes]:
        """What tells the keys of councils' authors, and the keys of who tells them."""
        councils = [one.council for one in self.state.officers.values() if one.council is not None]
        wanted = [author for council in councils for author in council.authors]
        if not wanted:
            return set()
        told: dict[bytes, SignedStatement] = {}
        for one in sorted(self.statements(), key=lambda each: each.id):
            if (keys := keys_told(one)) is not None:
                told.setdefault(keys.author, one)
        found: set[bytes] = set()
        while wanted:
            witness = told.get(wanted.pop())
            if witness is not None and witness.id not in found:
                found.add(witness.id)
                wanted.append(witness.author)
        return found

    def _pass(self, genesis: SignedStatement) -> RoomState:
        return _Pass(self._by_author, genesis).run(self._keys)


class _Pass:
    """One pass over the officers, highest rank first; nothing processed changes."""

    def __init__(self, by_author: dict[bytes, _Signed], genesis: SignedStatement) -> None:
        self._by_author = by_author
        self._genesis = genesis
        self._offices: dict[bytes, _Office] = {
            genesis.author: _Office((), genesis.author, int(Capability.ALL), 0)
        }
        """Of everybody who was appointed, as the appointment that holds says."""
        self._processed: dict[bytes, _Office] = {}
        self._waiting: list[tuple[int, Rank, bytes]] = [(0, (), genesis.author)]
        self._removed: dict[bytes, Removal] = {}
        self._keepers: dict[bytes, int] = {}
        """Of the removed, the capabilities of who removed them."""
        self._bans: dict[bytes, tuple[bool, bytes]] = {}
        self._values: dict[Subject, SetName | SetPolicy | SetChannel] = {}
        """By rank and number, as `pins` are."""
        self._pins: dict[bytes, bool] = {}
        self._deleted: list[tuple[set[bytes], set[bytes]]] = []
        """What each officer deleted, and what not, by rank."""
        self._admits: dict[bytes, tuple[Admit, bytes]] = {}
        self._counting: set[bytes] = set()

    def run(self, keys: dict[bytes, Signers]) -> RoomState:
        while self._waiting and len(self._processed) < ROOM_OFFICERS_MAX:
            author = heappop(self._waiting)[2]
            office = self._judged(author)
            if office.removed and not office.keep:
                self._offices[author] = office
                continue
            self._processed[author] = self._offices[author] = office
            signed = self._by_author.get(author)
            if signed is not None:
                self._take(author, office, signed.counted(office))
        return self._result(keys)

    def _judged(self, author: bytes) -> _Office:
        """The office with the keep list that holds: a removal's before an appointment's."""
        office, removal = self._offices[author], self._removed.get(author)
        if removal is None:
            return office
        return msgspec.structs.replace(
            office, keep=removal.keep, keeper=self._keepers[author], removed=True
        )

    def _take(self, author: bytes, office: _Office, counted: _Counted) -> None:
        """Steps 3 to 5."""
        self._counting |= counted.ids
        for whom, one in counted.removes.items():
            body = one.body
            is_open = whom not in self._processed and whom not in self._removed
            if is_open and isinstance(body, Remove):
                self._removed[whom] = Removal(author, one.id, body.keep, body.posts, body.seen)
                self._keepers[whom] = office.capabilities
        for peer_id, ban in counted.bans.items():
            self._bans.setdefault(peer_id, ban)
        for subject, value in counted.values.items():
            self._values.setdefault(subject, value)
        for post_id, on in counted.pins.items():
            self._pins.setdefault(post_id, on)
        self._deleted.append((counted.deleted, counted.undeleted))
        for whom, (_, admit) in counted.admits.items():
            is_banned = self._bans.get(admit.token[0], (False, b""))[0]
            if not is_banned and whom not in self._admits:
                self._admits[whom] = admit, author
        for whom, (first, appoint, most) in counted.appoints.items():
            if whom in self._offices:
                continue
            rank = (*office.rank, first)
            self._offices[whom] = _Office(
                *(rank, author, appoint.capabilities & most, appoint.since, appoint.keep),
                keeper=office.capabilities,
                council=appoint.council,
            )
            heappush(self._waiting, (len(rank), rank, whom))

    def _result(self, keys: dict[bytes, Signers]) -> RoomState:
        left = {
            author: signed.leave.body.posts
            for author, signed in self._by_author.items()
            if signed.leave is not None and isinstance(signed.leave.body, Leave)
        }
        officers = {
            author: Officer(
                *(author, office.rank, office.capabilities, office.by, office.since),
                is_in_office=not office.removed and author not in left,
                council=office.council,
            )
            for author, office in sorted(
                self._offices.items(), key=lambda each: (len(each[1].rank), each[1].rank)
            )
            if author in self._processed or office.removed
        }
        start = self._genesis.body
        named = self._values.get(("name", ""), start)
        policy = self._values.get(("policy", ""), start)
        return RoomState(
            named.name if isinstance(named, SetName | Genesis) else "",
            policy.history if isinstance(policy, SetPolicy | Genesis) else HISTORY_ALL,
            policy.retention_s if isinstance(policy, SetPolicy | Genesis) else 0,
            self._channels(),
            self._members(left),
            officers,
            self._removed,
            left,
            {peer_id: held_by for peer_id, (on, held_by) in self._bans.items() if on},
            tuple(post_id for post_id, on in self._pins.items() if on),
            self._deleted_posts(),
            frozenset(self._counting),
            tuple(self._offered()),
            self._forks(officers),
            dict(keys),
        )

    def _members(self, left: dict[bytes, int]) -> dict[bytes, Member]:
        """The first 128 of officers by rank, then of the others; all of them were admitted."""
        by_rank = sorted(self._offices, key=lambda each: _place(self._offices[each].rank))
        members: dict[bytes, Member] = {}
        for author in (*by_rank, *(one for one in self._admits if one not in self._offices)):
            is_in = author == self._genesis.author or author in self._admits
            if not is_in or author in self._removed or author in left:
                continue
            members[author] = self._member(author)
            if len(members) == ROOM_MEMBERS_MAX:
                break
        return members

    def _member(self, author: bytes) -> Member:
        office = self._processed.get(author)
        rank, capabilities = (None, 0) if office is None else (office.rank, office.capabilities)
        start = self._genesis.body
        if author == self._genesis.author and isinstance(start, Genesis):
            who, name, from_order, by = start.token, start.member_name, 0, author
        else:
            admit, by = self._admits[author]
            who, name, from_order = admit.token, admit.name, admit.from_order
        return Member(author, who[0], who[1], name, rank, capabilities, from_order, by)

    def _channels(self) -> dict[str, Channel]:
        channels = {GENERAL: Channel(GENERAL)}
        for value in self._values.values():
            if not isinstance(value, SetChannel):
                continue
            is_shown = value.on or value.channel == GENERAL
            if is_shown and (value.channel in channels or len(channels) < ROOM_CHANNELS_MAX):
                channels[value.channel] = Channel(value.channel, value.topic, value.restricted)
        return channels

    def _deleted_posts(self) -> frozenset[bytes]:
        deleted: set[bytes] = set()
        for on, off in reversed(self._deleted):
            deleted -= off
            deleted |= on
        return frozenset(deleted)

    def _offered(self) -> list[SignedStatement]:
        by_rank = sorted(
            self._removed.keys() & self._offices, key=lambda each: _place(self._offices[each].rank)
        )
        offered = []
        for author in by_rank:
            removal, signed = self._removed[author], self._by_author.get(author)
            for number, same in sorted(signed.numbers.items()) if signed is not None else ():
                offered += [
                    one
                    for one in same[:2]
                    if number >= removal.seen
                    and one.id not in self._counting
                    and not isinstance(one.body, Leave)
                ]
        said = self._said() if offered else set()
        return [one for one in offered if one.body not in said]

    def _said(self) -> set[Body]:
        """What the counting statements say."""
        return {
            one.body
            for signed in self._by_author.values()
            for same in signed.numbers.values()
            for one in same
            if one.id in self._counting
        }

    def _forks(self, officers: dict[bytes, Officer]) -> dict[tuple[bytes, int], tuple[bytes, ...]]:
        return {
            (author, number): tuple(one.id for one in self._by_author[author].numbers[number])
            for author in officers
            if author in self._by_author
            for number in sorted(self._by_author[author].forked)
        }


def materialize(room_id: bytes, statements: Iterable[SignedStatement]) -> RoomState:
    """What holds in a room after these verified statements, in whatever order they came."""
    return Ledger(room_id, statements).state


def _place(rank: Rank) -> tuple[int, Rank]:
    return len(rank), rank
