"""RoomKey: which keys are whose in a room, and who is admitted by an invite (PROTOCOL 14.1)."""

from loom.api.events import InviteUsed
from loom.core.invites import InviteState, is_open, room_claim
from loom.core.room.keys import MemberKeys, verify_join
from loom.core.room.statement import Admit, Capability
from loom.errors import PeerError
from loom.model import ContactToken, PeerId, Person
from loom.node.room_states import RoomNow, signer_of
from loom.node.rooms import telling
from loom.node.rooms.work import RoomWork
from loom.storage import identity_statements, invites, persons, room_peers, room_renewals
from loom.storage.room_peers import RoomPeer
from loom.storage.room_renewals import Renewal
from loom.wire.content import RoomKey


def introduce(work: RoomWork, now: RoomNow) -> None:
    """Tell every member who is known which keys are one's own, and forget the others."""
    if not now.is_member:
        return
    known = {one.person_id: one for one in room_peers.of_room(work.db, now.row.room)}
    people = {member.peer_id for member in now.state.members.values()}
    # Of who is not admitted yet the keys may come before their Admit: they are kept.
    ended = now.state.removed.keys() | now.state.left.keys()
    gone = [one.person_id for one in known.values() if one.said in ended]
    room_peers.forget(work.db, now.row.room, gone)
    for peer_id in people:
        person = persons.by_peer_id(work.db, PeerId(peer_id))
        if person is None or person.is_stub or not person.is_welcome:
            continue
        peer = known.get(person.person_id)
        if peer is None or peer.told != told_to(now, person):
            tell_key(work, now, person)


def told_to(now: RoomNow, person: Person) -> bytes:
    """The author that a member is told: that which is to take one's place, if they may admit it."""
    if now.drawn is None or not any(
        member.peer_id == person.peer_id and now.state.may(author, Capability.INVITE)
        for author, member in now.state.members.items()
    ):
        return now.own
    return now.drawn


def is_in(now: RoomNow, person: Person) -> bool:
    """Whether a contact is a member."""
    return any(one.peer_id == person.peer_id for one in now.state.members.values())


def identities_of(work: RoomWork, person: Person) -> frozenset[bytes]:
    """Theirs, also those of before (PROTOCOL 1.5)."""
    return frozenset((person.peer_id, *identity_statements.ids_of(work.db, person.person_id)))


def tell_key(work: RoomWork, now: RoomNow, person: Person, claim: bytes = b"") -> None:
    """Say which keys are one's own; `claim`: of the invite that one uses."""
    signer = signer_of(work.db, now.row.room, told_to(now, person))
    proof = signer.prove_join(now.row.room_id, work.parts.identity.token)
    room_peers.put_told(work.db, now.row.room, person.person_id, signer.author)
    peer = room_peers.of(work.db, now.row.room, person.person_id)
    if peer is None:
        return
    keys, message_id = signer.keys, work.parts.new_id()
    telling.queue(
        work,
        peer,
        RoomKey(message_id, work.now_ms, now.row.room_id, keys.ed25519, keys.mldsa, proof, claim),
    )


def tell_key_again(work: RoomWork, now: RoomNow, person: Person, reset_counter: int) -> None:
    """Who repeats their keys may have put an older copy back, and lack one's own.

    Args:
        reset_counter: of the session. Once in each: an answer is a repetition there.
    """
    told, key = work.parts.room_states.key_told, (now.row.room, person.person_id)
    if told.get(key) != reset_counter:
        told[key] = reset_counter
        tell_key(work, now, person)


def admitted_by(work: RoomWork, now: RoomNow, person: Person, payload: RoomKey) -> Admit | None:
    """What admits a contact who used an invite into the room; None: it is not one, or no more."""
    if not identities_of(work, person).isdisjoint(now.state.banned):
        return None  # another identity does not bring them back
    now_s = work.now_ms // 1000
    for invite in invites.every(work.db):
        if invite.room is None or invite.room.room_id != now.row.room_id:
            continue
        if room_claim(invite.secret, now.row.room_id) != payload.claim:
            continue
        is_theirs = invite.state is InviteState.SPENT and invite.used_by == person.person_id
        if not is_theirs and not is_open(invite, now_s, by_mail=True):
            return None
        if not is_theirs:
            invites.spend(work.db, invite, person.person_id, now_s)
            used = InviteUsed(
                invite_id=invite.invite_id,
                contact=person.name,
                contact_id=person.person_id,
                is_new=False,
            )
            work.happened.add(used)
        return admission(work, now, person, payload)
    return None


def admission(work: RoomWork, now: RoomNow, person: Person, payload: RoomKey) -> Admit:
    """What admits a contact who said these keys."""
    return Admit(
        keys=MemberKeys(payload.ed25519_public, payload.mldsa_public),
        token=(person.peer_id, person.x25519_public),
        name=person.display_name or person.name,
        proof=payload.proof,
        from_order=posts_from(work, now),
    )


def posts_from(work: RoomWork, now: RoomNow) -> int:
    """The order from which who joins now is sent posts."""
    history, largest = now.state.history, now.row.largest_order
    return 0 if history < 0 else max(0, largest + 1 - history)


def take_key(work: RoomWork, now: RoomNow, person: Person, payload: RoomKey) -> RoomPeer | None:
    """Keep which keys a contact said are theirs; None: the proof is wrong."""
    keys = MemberKeys(payload.ed25519_public, payload.mldsa_public)
    token = ContactToken(person.peer_id, person.x25519_public)
    try:
        verify_join(now.row.room_id, token, keys, payload.proof)
    except PeerError:
        return None
    room_peers.put_said(work.db, now.row.room, person.person_id, keys.author)
    _keep_renewal(work, now, person, payload, keys.author)
    return room_peers.of(work.db, now.row.room, person.person_id)


def _keep_renewal(
    work: RoomWork, now: RoomNow, person: Person, payload: RoomKey, author: bytes
) -> None:
    """Of who has another identity the keys are kept until an officer has admitted them."""
    room, number = now.row.room, person.person_id
    state = now.state
    is_known = author in state.members or author in state.removed or author in state.left
    if is_known or payload.claim or not identity_statements.ids_of(work.db, number):
        room_renewals.forget(work.db, room, number)
        return
    keys = payload.ed25519_public, payload.mldsa_public
    room_renewals.put(work.db, room, Renewal(number, *keys, payload.proof))
