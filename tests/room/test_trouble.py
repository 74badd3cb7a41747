"""What people try in rooms, by name (PROTOCOL 14.4, THREAT_MODEL)."""

from typing import Any

import pytest

from loom.core.room.council import Obstacle, assemble, obstacle_of, outcome
from loom.core.room.keys import Council, Signers
from loom.core.room.materialize import Ledger, materialize
from loom.core.room.state import RoomState
from loom.core.room.statement import (
    Admit,
    Appoint,
    Ban,
    Body,
    Capability,
    Kept,
    Leave,
    Remove,
    SetChannel,
    SetName,
    SignedStatement,
    decode_statement,
    encode_head,
    keys_told,
    lacks_keys,
    sign_statement,
    verify_statement,
)
from loom.errors import AuthenticationError
from loom.model import ContactToken, PeerId
from tests.room.people import Writer, author, genesis, keys, signer, token

MODERATOR = Capability.INVITE | Capability.REMOVE | Capability.ROLES | Capability.NAME


def state(write: Writer, *statements: SignedStatement) -> RoomState:
    return materialize(write.room_id, [write.genesis, *statements])


def keep(*statements: SignedStatement) -> tuple[Kept, ...]:
    return tuple(sorted(Kept(one.id) for one in statements))


def test_the_sock_puppet_of_a_removed_moderator_is_inert() -> None:
    write = Writer()
    mod = write.appoints("ada", "mod", MODERATOR)
    friend = write.admits("mod", "friend")
    removal = write.says("ada", Remove(author("mod"), keep(friend), 0, 2))
    sock = write.admits("mod", "sock", number=1)
    late = [
        write.appoints("mod", "sock", number=2),
        write.says("sock", SetName("taken"), 1),
        write.says("sock", Remove(author("friend"), (), 0, 0), 2),
        write.appoints("sock", "mod", number=3),
    ]
    after = state(write, mod, friend, removal, sock, *late)
    assert after.name == "us"
    assert set(after.members) == {author("ada"), author("friend")}
    assert author("sock") not in after.officers
    assert {one.id for one in after.offered} == {late[0].id}
    assert set(after.forks[author("mod"), 1]) == {friend.id, sock.id}


def test_of_a_mutual_removal_the_senior_ones_holds_in_whatever_order_they_came() -> None:
    write = Writer()
    appointed = [write.appoints("ada", "bob", MODERATOR), write.appoints("ada", "cyd", MODERATOR)]
    each = [
        write.says("bob", Remove(author("cyd"), (), 0, 0)),
        write.says("cyd", Remove(author("bob"), (), 0, 0)),
    ]
    for order in (each, each[::-1]):
        after = state(write, *appointed, *order)
        assert set(after.removed) == {author("cyd")}
        assert after.officers[author("bob")].is_in_office


def test_the_fork_of_an_officer_is_shown_and_gives_it_one_statement() -> None:
    write = Writer()
    bob = write.appoints("ada", "bob", MODERATOR)
    forked = [write.says("bob", SetName(name), 1) for name in ("one", "two", "three")]
    smallest = min(forked, key=lambda one: one.id)
    after = state(write, bob, *forked)
    assert isinstance(smallest.body, SetName)
    assert after.name == smallest.body.name
    assert after.counting & {one.id for one in forked} == {smallest.id}
    assert set(after.forks[author("bob"), 1]) == {one.id for one in forked}
    ledger = Ledger(write.room_id, [write.genesis, bob, *forked])
    assert len(ledger.retained() & {one.id for one in forked}) == 2


def test_nobody_gives_by_an_appointment_what_they_have_not() -> None:
    write = Writer()
    bob = write.appoints("ada", "bob", Capability.ROLES | Capability.INVITE)
    cyd = write.appoints("bob", "cyd", Capability.ALL)
    dan = write.appoints("cyd", "dan", Capability.ALL)
    named = write.says("dan", SetName("dans"))
    after = state(write, bob, cyd, dan, named)
    allowed = int(Capability.ROLES | Capability.INVITE)
    assert [one.capabilities for one in after.officers.values()] == [255, allowed, allowed, allowed]
    assert after.name == "us"


def test_what_is_kept_of_an_appointment_gives_no_more_than_is_said() -> None:
    write = Writer()
    bob = write.appoints("ada", "bob", Capability.ROLES)
    cyd = write.appoints("bob", "cyd", Capability.ALL)
    ledger = Ledger(write.room_id, [write.genesis, bob, cyd])
    kept = ledger.keep_of(author("bob"))
    assert kept == (Kept(cyd.id, int(Capability.ROLES)),)
    removal = write.says("ada", Remove(author("bob"), kept, 0, 9))
    after = state(write, bob, cyd, removal)
    assert after.officers[author("cyd")].capabilities == Capability.ROLES
    all_of_it = write.says("ada", Remove(author("bob"), keep(cyd), 0, 9))
    assert state(write, bob, cyd, all_of_it).officers[author("cyd")].capabilities == 255


def test_a_removal_and_keeping_everything_changes_only_who_is_in_office() -> None:
    write = Writer()
    said = [
        write.appoints("ada", "bob", MODERATOR),
        write.admits("bob", "cyd"),
        write.appoints("bob", "dan", Capability.NAME),
        write.says("dan", SetName("dans")),
        write.says("bob", Ban(token("eve")[0], on=True)),
    ]
    before = Ledger(write.room_id, [write.genesis, *said])
    removal = write.says("ada", Remove(author("bob"), before.keep_of(author("bob")), 0, 9))
    after = state(write, *said, removal)
    assert after.name == "dans"
    assert after.banned == before.state.banned
    assert set(after.members) == set(before.state.members) - {author("bob")}
    undone = write.says("ada", Remove(author("bob"), (), 0, 9), removal.number)
    assert state(write, *said, undone).name == "us"


def test_what_somebody_says_again_is_offered_no_longer() -> None:
    write = Writer()
    bob, cyd = write.appoints("ada", "bob", MODERATOR), write.appoints("ada", "cyd", MODERATOR)
    seen, unseen = write.says("bob", SetName("seen"), 1), write.says("bob", SetName("unseen"), 2)
    removal = write.says("ada", Remove(author("bob"), (), 0, 2))
    after = state(write, bob, cyd, seen, unseen, removal)
    assert [one.id for one in after.offered] == [unseen.id]
    again = write.says("cyd", SetName("unseen"))
    assert state(write, bob, cyd, seen, unseen, removal, again).offered == ()
    kept = write.says("ada", Remove(author("bob"), keep(unseen), 0, 2))
    after = state(write, bob, cyd, seen, unseen, removal, kept)
    assert (after.name, after.offered) == ("unseen", ())


def test_a_ban_is_of_the_identity_whatever_key_it_comes_back_with() -> None:
    write = Writer()
    bob = write.appoints("ada", "bob", MODERATOR)
    ban = write.says("ada", Ban(token("eve")[0], on=True))
    admits = [write.admits("ada", "eve"), write.admits("bob", "eve again", who="eve")]
    lifted_by_a_junior = write.says("bob", Ban(token("eve")[0], on=False))
    after = state(write, bob, ban, *admits, lifted_by_a_junior)
    assert not {author("eve"), author("eve again")} & set(after.members)
    lifted = write.says("ada", Ban(token("eve")[0], on=False))
    assert author("eve") in state(write, bob, ban, *admits, lifted).members


def test_an_office_without_an_admission_is_no_membership() -> None:
    """Else a banned identity came back by another key that somebody gave a role."""
    write = Writer()
    mod = [write.admits("ada", "mod"), write.appoints("ada", "mod", MODERATOR)]
    ban = write.says("ada", Ban(token("eve")[0], on=True))
    dodge = [
        write.admits("mod", "eve again", who="eve"),
        write.appoints("mod", "eve again", Capability.ALL),
        write.appoints("mod", "eve unsaid", Capability.ALL),
    ]
    named = write.says("eve unsaid", SetName("eves"))
    after = state(write, *mod, ban, *dodge, named)
    assert set(after.members) == {author("ada"), author("mod")}
    assert not any(after.takes_post(author(name), 0) for name in ("eve again", "eve unsaid"))
    assert not after.may_post(author("eve unsaid"), "general")
    # As little as who appointed may do, and it ends with them.
    assert after.name == "eves"
    assert after.officers[author("eve unsaid")].capabilities == MODERATOR
    removal = write.says("ada", Remove(author("mod"), (), 0, 9))
    assert state(write, *mod, ban, *dodge, named, removal).name == "us"


def test_who_is_removed_comes_back_only_with_a_new_key() -> None:
    write = Writer()
    eve = write.admits("ada", "eve")
    removal = write.says("ada", Remove(author("eve"), (), 5, 0))
    again, anew = write.admits("ada", "eve"), write.admits("ada", "eve2", who="eve")
    appointed = write.appoints("ada", "eve")
    after = state(write, eve, removal, again, anew, appointed)
    assert set(after.members) == {author("ada"), author("eve2")}
    assert [after.takes_post(author("eve"), number) for number in (4, 5)] == [True, False]
    assert not after.may(author("eve"), Capability.NAME)


def test_a_room_has_128_members_and_64_channels_and_no_more() -> None:
    write = Writer()
    named = [f"name {n}" for n in range(130)]
    admits = [write.admits("ada", name) for name in named]
    channels = [
        write.says("ada", SetChannel(f"channel {n}", "", restricted=False, on=True))
        for n in range(70)
    ]
    after = state(write, *admits, *channels)
    assert list(after.members) == [author("ada"), *map(author, named[:127])]
    assert list(after.channels) == ["general", *(f"channel {n}" for n in range(63))]
    gone = write.says("ada", Remove(author(named[0]), (), 0, 0))
    assert author(named[127]) in state(write, *admits, *channels, gone).members


def test_who_leaves_keeps_what_was_decided_and_decides_nothing_more() -> None:
    write = Writer()
    bob = write.appoints("ada", "bob", MODERATOR)
    named = write.says("bob", SetName("bobs"))
    leave = write.says("bob", Leave(3))
    later = write.says("bob", SetName("later"))
    after = state(write, bob, named, leave, later)
    assert after.name == "bobs"
    assert author("bob") not in after.members
    assert [after.takes_post(author("bob"), number) for number in (2, 3)] == [True, False]


def test_a_restricted_channel_takes_posts_of_officers_only() -> None:
    write = Writer()
    said = [
        write.says("ada", SetChannel("news", "", restricted=True, on=True)),
        write.admits("ada", "eve"),
        write.admits("ada", "bob"),
        write.admits("ada", "attic"),
        write.appoints("ada", "bob", Capability.POST),
        write.appoints("ada", "attic", Capability.NONE),
    ]
    after = state(write, *said)
    assert [after.may_post(author(name), "news") for name in ("bob", "eve", "attic")] == [
        *(True, False, False)
    ]
    assert [after.may_post(author(name), "general") for name in ("bob", "eve", "attic")] == [
        *(True, True, False)
    ]
    assert not after.may_post(author("ada"), "no such channel")


def _admission(room_id: bytes, name: str, number: int) -> SignedStatement:
    peer_id, x25519_public = token(name)
    proof = signer(name).prove_join(room_id, ContactToken(PeerId(peer_id), x25519_public))
    return sign_statement(
        signer("ada"), room_id, number, Admit(keys(name), token(name), name, proof, 0)
    )


def test_an_admission_needs_the_word_of_who_is_let_in() -> None:
    made = genesis()
    right = _admission(made.id, "bob", 1)
    known = {author("ada"): keys("ada")}
    verify_statement(made, {})
    verify_statement(right, known)
    assert isinstance(right.body, Admit)
    stolen = Admit(keys("bob"), token("eve"), "bob", right.body.proof, 0)
    with pytest.raises(AuthenticationError):
        verify_statement(sign_statement(signer("ada"), made.id, 2, stolen), known)
    with pytest.raises(AuthenticationError):
        verify_statement(right, {})
    with pytest.raises(AuthenticationError):
        verify_statement(right, {author("ada"): keys("bob")})


def test_a_council_acts_by_enough_signatures_and_by_no_fewer() -> None:
    made = genesis()
    names = sorted(("ada", "bob", "cyd"), key=author)
    council = Council(2, tuple(map(author, names)))
    appoint = sign_statement(signer("ada"), made.id, 1, Appoint(None, council, int(Capability.ALL)))
    told = keys_told(appoint)
    assert told == council
    known = {council.author: council} | {author(name): keys(name) for name in names}
    head = encode_head(made.id, council.author, 1, SetName("voted"))
    votes = {author(name): signer(name).sign_head(head) for name in names}
    eve = {author("eve"): signer("eve").sign_head(head)}
    wrong = {author(names[0]): votes[author(names[1])]}
    assert assemble(council, head, dict([*votes.items()][:1]) | eve, known) is None
    assert assemble(council, head, wrong | dict([*votes.items()][1:2]), known) is None
    data = assemble(council, head, votes, known)
    assert data is not None
    statement = decode_statement(data)
    verify_statement(statement, known)
    assert materialize(made.id, [made, appoint, statement]).name == "voted"
    assert council.author not in materialize(made.id, [made, appoint, statement]).members
    twice = data[:-3_374] + data[-3_374 * 2 : -3_374]
    with pytest.raises(AuthenticationError):
        verify_statement(decode_statement(twice), known)


def _council(*names: str) -> Council:
    return Council(len(names) // 2 + 1, tuple(sorted(map(author, names))))


def test_a_council_that_rules_alone_goes_on_when_the_creator_left() -> None:
    write, council = Writer(), _council("ada", "bob", "cyd")
    said = [
        *(write.admits("ada", name) for name in ("bob", "cyd", "dan")),
        write.says("ada", Appoint(None, council, int(Capability.ALL))),
        write.says("ada", Leave(0)),
        write.says("ada", SetName("too late"), 9),
        write.states(council.author, Remove(author("dan"), (), 0, 0), 1),
        write.states(council.author, SetName("voted"), 2),
    ]
    after = state(write, *said)
    assert after.name == "voted"
    assert set(after.members) == {author("bob"), author("cyd")}
    again = write.states(council.author, SetName("forked"), 2)
    smallest = min(said[-1], again, key=lambda one: one.id)
    assert isinstance(smallest.body, SetName)
    assert state(write, *said, again).name == smallest.body.name


def test_what_tells_the_keys_of_a_councils_authors_is_not_forgotten() -> None:
    """Mod let bob in, and was removed with nothing kept: bob's signatures verify all the same."""
    write, council = Writer(), _council("ada", "bob")
    bob = write.admits("mod", "bob")
    said = [
        *(write.appoints("ada", "boss"), write.appoints("boss", "mod")),
        bob,
        write.says("ada", Appoint(None, council, int(Capability.NAME))),
        write.says("ada", Remove(author("boss"), (), 0, 9)),
    ]
    ledger = Ledger(write.room_id, [write.genesis, *said])
    assert author("mod") not in ledger.state.officers
    assert {one.id for one in said} <= ledger.retained()
    without = Ledger(write.room_id, [write.genesis, *(one for one in said if one is not said[3])])
    assert bob.id not in without.retained()


def test_a_statement_of_a_council_waits_for_the_keys_of_who_signed_it() -> None:
    made, council = genesis(), _council("ada", "bob", "cyd")
    head = encode_head(made.id, council.author, 1, SetName("voted"))
    votes = {author(name): signer(name).sign_head(head) for name in ("ada", "bob")}
    known: dict[bytes, Signers] = {council.author: council}
    known |= {author(name): keys(name) for name in ("ada", "bob")}
    data = assemble(council, head, votes, known)
    assert data is not None
    statement = decode_statement(data)
    assert not lacks_keys(statement, known)
    for lacking in (council.author, author("bob")):
        assert lacks_keys(statement, {who: one for who, one in known.items() if who != lacking})


def test_a_council_is_asked_only_for_what_it_can_state() -> None:
    write, council = Writer(), _council("ada", "bob", "cyd")
    some = int(Capability.NAME | Capability.INVITE)
    appoint = write.says("ada", Appoint(None, council, some, since=3))
    ledger = Ledger(write.room_id, [write.genesis, appoint])

    def why(body: Body, number: int = 3, who: bytes = council.author) -> Obstacle:
        return obstacle_of(write.room_id, ledger, write.states(who, body, number))

    assert why(SetName("voted")) is Obstacle.NONE
    assert why(SetName("voted"), who=author("ada")) is Obstacle.OFFICE
    assert why(Remove(author("bob"), (), 0, 0)) is Obstacle.RIGHT
    assert why(Leave(0)) is Obstacle.KIND
    assert [why(SetName("voted"), number) for number in (2, 32, 33)] == [
        *(Obstacle.NUMBER, Obstacle.NONE, Obstacle.NUMBER)
    ]
    unsigned = write.admits("ada", "dan", number=8).body
    assert why(unsigned) is Obstacle.PROOF
    peer_id, x25519_public = token("dan")
    proof = signer("dan").prove_join(write.room_id, ContactToken(PeerId(peer_id), x25519_public))
    assert why(Admit(keys("dan"), token("dan"), "dan", proof, 0)) is Obstacle.NONE
    elsewhere = Writer("bob").states(council.author, SetName("voted"), 3)
    assert obstacle_of(write.room_id, ledger, elsewhere) is Obstacle.ROOM
    fallen = Ledger(write.room_id, [write.genesis, appoint, write.says("ada", Leave(0))])
    head = write.states(council.author, SetName("voted"), 3)
    assert obstacle_of(write.room_id, fallen, head) is Obstacle.NONE
    removed = write.says("ada", Remove(council.author, (), 0, 9))
    fallen = Ledger(write.room_id, [write.genesis, appoint, removed])
    assert obstacle_of(write.room_id, fallen, head) is Obstacle.OFFICE


def test_what_becomes_of_a_proposal() -> None:
    write, council = Writer(), _council("ada", "bob", "cyd")
    appoint = write.says("ada", Appoint(None, council, int(Capability.ALL)))
    ada, bob, cyd, eve = map(author, ("ada", "bob", "cyd", "eve"))
    one, two = (write.states(council.author, SetName(name), 1) for name in ("one", "two"))

    def become(*statements: SignedStatement, yes: Any = (), no: Any = ()) -> Any:
        ledger = Ledger(write.room_id, [write.genesis, appoint, *statements])
        return tuple(outcome(write.room_id, ledger, one, yes, no))

    assert become(no=[ada, eve]) == ("open", "")
    assert become(no=[ada, bob]) == ("failed", "votes")
    assert become(no=[ada, bob], yes={bob}) == ("open", "")
    assert become(one) == ("accepted", "")
    assert become(two, no=[cyd]) == ("overtaken", "")
    counts = min(one, two, key=lambda each: each.id)
    assert become(one, two)[0] == ("accepted" if counts is one else "overtaken")
