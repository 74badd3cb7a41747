"""An invite makes one contact, under any order of crash, retry and theft (PROTOCOL 11.4)."""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from loom.core import handshake
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.handshake import PREFIX_BYTES
from loom.core.identity import Identity
from loom.core.invites import Claimant, Invite, InviteState, Verdict, judge, spent
from loom.core.prekeys import Prekey, present, read_bundle
from loom.core.sessions import Sessions
from loom.errors import PeerError
from loom.model import InviteId, PeerId, PersonId
from loom.wire.content import Join, decode_payload, encode_payload
from tests.people import ALICE, BOB, EVE, NOW_MS, NOW_S, Source

HOUR_S = 3_600
BUNDLES_MAX = 4


class Owner(msgspec.Struct, frozen=True):
    """What the owner has on disk."""

    invite: Invite
    prekeys: tuple[Prekey, ...] = ()
    contacts: tuple[tuple[PeerId, bytes], ...] = ()
    """Each with the id of the session that its Join began."""


class InviteMachine(RuleBasedStateMachine):
    """Alice owns the invite. Bob and Eve both have its text; whoever comes first is a contact."""

    def __init__(self) -> None:
        super().__init__()
        self.source = Source(1)
        self.now_s = NOW_S
        invite = Invite(
            invite_id=InviteId(1),
            secret=bytes(16),
            created_at_ms=NOW_MS,
            expires_at_s=NOW_S + 6 * HOUR_S,
            is_address=False,
            hints=(),
        )
        self.disk = Owner(invite)
        self.was_revoked_at: int | None = None
        """How many contacts there were."""
        self.flights: dict[PeerId, list[tuple[bytes, bytes]]] = {BOB.peer_id: [], EVE.peer_id: []}
        """Envelopes that were ever sent, with the session each began; the network keeps them."""
        self.started: dict[PeerId, Sessions] = {}

    @precondition(lambda self: len(self.disk.prekeys) < BUNDLES_MAX)
    @rule()
    def issue(self) -> None:
        """A bundle for a link, or for one more anchor; a closed invite issues none."""
        if judge(self.disk.invite, Claimant.STRANGER, self.now_s) is Verdict.CONTACT:
            prekey = self.source.prekey(ALICE, self.now_s)
            self.disk = msgspec.structs.replace(self.disk, prekeys=(*self.disk.prekeys, prekey))

    @precondition(lambda self: self.disk.prekeys)
    @rule(who=st.sampled_from([BOB, EVE]), which=st.integers(0, BUNDLES_MAX - 1))
    def start(self, who: Identity, which: int) -> None:
        """Begin on a bundle, perhaps a second time: what was begun before is lost."""
        prekey = self.disk.prekeys[which % len(self.disk.prekeys)]
        bundle = read_bundle(present(ALICE, prekey, Counters()), ALICE.token, self.now_s)
        before = self.started.get(who.peer_id, Sessions())
        started = core.start(
            msgspec.structs.replace(before, live=()),
            who,
            ALICE.token,
            bundle,
            ephemeral_seed=self.source.take(32),
            local=self.source.key(),
            now_ms=self.now_s * 1000,
        )
        join = encode_payload(Join(bytes(16), 0, "me", 0, ()))
        sealed = core.seal(
            started, join, entropy=self.source.entropy(), fresh_key=self.source.key, awaited=None
        )
        self.started[who.peer_id] = sealed.sessions
        self.flights[who.peer_id].append((sealed.envelope, sealed.session_id))

    @precondition(lambda self: any(self.flights.values()))
    @rule(
        who=st.sampled_from([BOB, EVE]),
        which=st.integers(0, 7),
        is_committed=st.booleans(),
        by_mail=st.booleans(),
    )
    def bring(self, who: Identity, which: int, is_committed: bool, by_mail: bool) -> None:
        """Any flight of theirs comes, again or late; the owner may die before its commit."""
        flights = self.flights[who.peer_id]
        if not flights:
            return
        after = self._judged(flights[which % len(flights)][0], by_mail=by_mail)
        if is_committed:
            self.disk = after

    @rule()
    def revoke(self) -> None:
        """Only an open one can be."""
        if self.disk.invite.state is InviteState.OPEN:
            invite = msgspec.structs.replace(self.disk.invite, state=InviteState.REVOKED)
            self.disk = msgspec.structs.replace(self.disk, invite=invite, prekeys=())
            self.was_revoked_at = len(self.disk.contacts)

    @rule(hours=st.integers(1, 3))
    def wait(self, hours: int) -> None:
        """The invite expires in time."""
        self.now_s += hours * HOUR_S

    # --- the owner, as `loom/node/invites/acceptance.py` does it ---

    def _judged(self, envelope: bytes, *, by_mail: bool) -> Owner:
        unknown = core.unknown_handshake(Sessions(), envelope)
        assert unknown is not None
        prekey = next(
            (one for one in self.disk.prekeys if one.bundle_id == unknown.bundle_id), None
        )
        if prekey is None:
            return self.disk
        now_ms = self.now_s * 1000
        try:
            token = handshake.claimed_token(
                ALICE, prekey, envelope[1 : 1 + PREFIX_BYTES], now_ms=now_ms
            )
            known = [one for one, _ in self.disk.contacts]
            claimant = Claimant.KNOWN if token.peer_id in known else Claimant.STRANGER
            if judge(self.disk.invite, claimant, self.now_s, by_mail=by_mail) is not (
                Verdict.CONTACT
            ):
                return self.disk
            opened = core.open_(
                Sessions(),
                ALICE,
                token,
                envelope,
                skipped={},
                prekey=prekey,
                refused=False,
                now_ms=now_ms,
            )
        except PeerError:
            return self.disk
        assert isinstance(decode_payload(opened.payload), Join)
        return Owner(
            spent(self.disk.invite, PersonId(1), self.now_s),
            (),
            (*self.disk.contacts, (token.peer_id, opened.session_id)),
        )

    # --- what holds ---

    @invariant()
    def at_most_one_contact(self) -> None:
        """And the invite says so."""
        assert len(self.disk.contacts) <= 1
        is_spent = self.disk.invite.state is InviteState.SPENT
        assert is_spent == (len(self.disk.contacts) == 1)

    @invariant()
    def a_contact_is_who_made_the_flight(self) -> None:
        """Nobody is made a contact by what somebody else sent."""
        for peer_id, session_id in self.disk.contacts:
            assert session_id in [session for _, session in self.flights[peer_id]]

    @invariant()
    def a_closed_invite_changes_nothing(self) -> None:
        """Revoked is revoked, and no key of a closed one is left."""
        if self.was_revoked_at is not None:
            assert len(self.disk.contacts) == self.was_revoked_at
        if self.disk.invite.state is not InviteState.OPEN:
            assert self.disk.prekeys == ()


TestInvite = InviteMachine.TestCase
TestInvite.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
