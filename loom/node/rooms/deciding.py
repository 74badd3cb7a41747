"""Councils at work: proposing, voting, and the statement once enough agree (PROTOCOL 14.4)."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from loom.core.invites import Invite
from loom.core.room.council import Standing, assemble, council_of, obstacle_of, outcome
from loom.core.room.post import ProposalContent, VoteContent
from loom.core.room.state import RoomState
from loom.core.room.statement import (
    Admit,
    Body,
    Capability,
    SignedStatement,
    decode_head,
    decode_statement,
    encode_head,
)
from loom.errors import InvalidInput
from loom.node.room_proposals import YES, votes_of
from loom.node.room_states import RoomNow, RoomStates, signer_of
from loom.node.rooms import changes, speaking, votes
from loom.node.rooms.work import RoomWork
from loom.storage import room_posts, room_signed, rooms
from loom.storage.connection import Db
from loom.storage.room_posts import RoomPost
from loom.wire.limits import ROOM_PROPOSALS_AHEAD


def own_councils(now: RoomNow, capability: Capability = Capability.NONE) -> list[bytes]:
    """The councils in office that one belongs to and that may do this, by rank."""
    return [
        author
        for author in now.state.officers
        if (found := council_of(now.held.ledger, author)) is not None
        and now.own in found[1].authors
        and now.state.may(author, capability)
    ]


def propose(
    work: RoomWork, now: RoomNow, council: bytes, body: Body, reason: str, channel: str
) -> bytes:
    """Post what a council shall state, and agree to it; the id of the post.

    Raises:
        InvalidInput: the council could not state it, it would change nothing, or too much is open.
    """
    number = _free_number(work, now, council)
    head = decode_head(encode_head(now.row.room_id, council, number, body))
    if obstacle_of(now.row.room_id, now.held.ledger, head):
        raise InvalidInput(what="The council may not do that")
    after = now.held.ledger.after(head)
    if head.id not in after.counting or _seen(after) == _seen(now.state):
        raise InvalidInput(what="That would change nothing")
    post = speaking.post(work, now, ProposalContent(channel, head.head, reason))
    stored = room_posts.by_id(work.db, now.row.room, post.id)
    if stored is not None:
        vote(work, work.now(now.row.room) or now, stored, yes=True)
    return post.id


def may_admit(now: RoomNow) -> bool:
    """Whether one may let somebody in, or propose it to a council of one's own that may."""
    is_officer = now.state.may(now.own, Capability.INVITE)
    return now.is_member and (is_officer or bool(own_councils(now, Capability.INVITE)))


def serves(states: RoomStates, db: Db, invite: Invite) -> bool:
    """Whether who uses an invite of one's own gets what it promises: also the way into its room."""
    if invite.room is None:
        return True
    row = rooms.by_id(db, invite.room.room_id)
    return row is not None and may_admit(states.of(db, row))


def admit(work: RoomWork, now: RoomNow, body: Admit) -> RoomNow:
    """Let in who used one's invite: oneself, or by votes of a council that may."""
    if now.state.may(now.own, Capability.INVITE):
        return changes.state(work, now, body)
    councils = own_councils(now, Capability.INVITE)
    asked = any(
        isinstance(head.body, Admit) and head.body.author == body.author
        for post, head in _open(work, now)
        if post.author == now.own
    )
    if councils and not asked:
        # Nobody is here to be told that it makes no sense, or that too much is open.
        with suppress(InvalidInput):
            propose(work, now, councils[0], body, "", "general")
    return work.now(now.row.room) or now


def vote(work: RoomWork, now: RoomNow, proposal: RoomPost, *, yes: bool) -> None:
    """Say yes or no to a proposal that is open.

    Raises:
        InvalidInput: one is asked for nothing, said yes already, or another one has its number.
    """
    head = votes.head_of(work.db, proposal)
    if head is None:
        raise InvalidInput(what="That is no proposal, or it was deleted")
    found = council_of(now.held.ledger, head.author)
    said = votes_of(one for _, one in room_posts.about(work.db, now.row.room, [proposal.id]))
    standing, obstacle = outcome(now.row.room_id, now.held.ledger, head, _saying(said), ())
    if standing is not Standing.OPEN or found is None:
        become = "cannot be accepted any more" if obstacle else f"is {standing.value} already"
        raise InvalidInput(what=f"The proposal {become}")
    if now.own not in found[1].authors:
        raise InvalidInput(what="You do not belong to this council")
    if said.get(now.own) == YES:
        raise InvalidInput(what="You agreed already, and that cannot be taken back")
    if not yes:
        speaking.post(work, now, VoteContent(proposal.id, b""))
        return
    # Two majorities have somebody in common: a council of which each signs once never forks.
    if not room_signed.add(work.db, now.row.room, head.author, head.number, head.id):
        raise InvalidInput(
            what=f"You agreed to another proposal with number {head.number}: propose this one again"
        )
    signature = signer_of(work.db, now.row.room, now.own).sign_head(head.head)
    # Who gets the statement first need not make it from the votes.
    now = _decide(work, now, proposal, {now.own: signature})
    speaking.post(work, now, VoteContent(proposal.id, signature))


def settle(work: RoomWork, now: RoomNow, proposal_ids: Iterable[bytes]) -> RoomNow:
    """Make the statements of these proposals to which enough agree."""
    for proposal_id in proposal_ids:
        proposal = room_posts.by_id(work.db, now.row.room, proposal_id)
        if proposal is not None and proposal.kind == ProposalContent.kind:
            now = _decide(work, now, proposal, {})
    return now


def settle_all(work: RoomWork, now: RoomNow) -> RoomNow:
    """The same with all that may be open: who is in office is another now."""
    if not own_councils(now):
        return now
    found = room_posts.proposals(work.db, now.row.room, votes.LOOKED_AT_MAX)
    return settle(work, now, [one.id for one in found])


def _decide(
    work: RoomWork, now: RoomNow, proposal: RoomPost, more: Mapping[bytes, bytes]
) -> RoomNow:
    """State it, if enough said yes; `more`: signatures that are not stored yet."""
    head = votes.head_of(work.db, proposal)
    if head is None or not now.is_member:
        return now
    found = council_of(now.held.ledger, head.author)
    if found is None or now.own not in found[1].authors:
        return now
    ledger = now.held.ledger
    if outcome(now.row.room_id, ledger, head, (), ()).standing is not Standing.OPEN:
        return now
    signed = {**votes.signatures(work.db, now, proposal), **more}
    if len(signed.keys() & set(found[1].authors)) < found[1].threshold:
        return now
    data = assemble(found[1], head.head, signed, now.state.keys)
    return now if data is None else changes.add(work, now, decode_statement(data))


def _free_number(work: RoomWork, now: RoomNow, council: bytes) -> int:
    """The smallest number that nobody of this council proposes; else one that one did not sign."""
    officer = now.state.officers[council]
    authors = () if officer.council is None else officer.council.authors
    taken = {
        head.number
        for post in room_posts.proposals(work.db, now.row.room, votes.LOOKED_AT_MAX)
        if post.author in authors
        and (head := votes.head_of(work.db, post)) is not None
        and head.author == council
    }
    signed = room_signed.numbers(work.db, now.row.room, council)
    first = now.held.ledger.next_number(council)
    numbers = [one for one in range(first, first + ROOM_PROPOSALS_AHEAD) if one not in signed]
    if not numbers:
        raise InvalidInput(what="Too many proposals are open: first decide some of them")
    return next((one for one in numbers if one not in taken), numbers[0])


def _open(work: RoomWork, now: RoomNow) -> list[tuple[RoomPost, SignedStatement]]:
    found = []
    for post in room_posts.proposals(work.db, now.row.room, votes.LOOKED_AT_MAX):
        head = votes.head_of(work.db, post)
        if head is None:
            continue
        end = outcome(now.row.room_id, now.held.ledger, head, (), ())
        if end.standing is Standing.OPEN:
            found.append((post, head))
    return found


def _saying(said: Mapping[bytes, str]) -> set[bytes]:
    return {author for author, one in said.items() if one == YES}


def _seen(state: RoomState) -> tuple[object, ...]:
    """What members see of it."""
    return (
        *(state.name, state.history, state.retention_s, state.channels, state.members),
        *(state.officers, state.removed, state.banned, set(state.pins), state.deleted),
    )


def council_named(now: RoomNow, beginning: str) -> bytes:
    """One's own council whose id begins so.

    Raises:
        InvalidInput: there is none, or more than one.
    """
    found = [one for one in own_councils(now) if one.hex().startswith(beginning.lower())]
    if not found:
        raise InvalidInput(what="You belong to no such council in this room")
    if len(found) > 1:
        ids = " or ".join(one.hex()[:8] for one in found)
        raise InvalidInput(what=f"You belong to {len(found)} councils: choose {ids}")
    return found[0]
