"""rooms.json, by the product."""

import pytest

from loom.core.invites import room_claim
from loom.core.queues import acquaintance_queue_secret
from loom.core.room.council import assemble
from loom.core.room.keys import (
    Council,
    MemberKeys,
    RoomSigner,
    Signers,
    continued_claim,
    verify_join,
)
from loom.core.room.materialize import materialize
from loom.core.room.post import (
    FileContent,
    ProposalContent,
    VoteContent,
    decode_post,
    file_id_of,
    sign_post,
    verify_post,
    without_content,
)
from loom.core.room.statement import (
    NO_ROOM,
    Appoint,
    SignedStatement,
    decode_statement,
    encode_head,
    keys_told,
    verify_statement,
)
from loom.core.room.sync import Family, Place, digest_of, root_of, statement_place
from loom.errors import AuthenticationError, MalformedMessage
from loom.model import ContactToken, PeerId
from loom.wire.encoding import enc
from tests.vectors.reference import Values, unhex
from tests.vectors.test_vectors import load


def member_keys(vector: Values, name: str) -> MemberKeys:
    one = vector["derived"]["members"][name]
    return MemberKeys(unhex(one["ed25519_public"]), unhex(one["mldsa_public"]))


def room_statements(vector: Values) -> dict[str, SignedStatement]:
    """Decoded and verified, each by the keys that those before it told."""
    keys: dict[bytes, Signers] = {}
    read = {}
    for name, one in vector["derived"]["statements"].items():
        statement = decode_statement(unhex(one["event"]))
        verify_statement(statement, keys)
        if (told := keys_told(statement)) is not None:
            keys[told.author] = told
        read[name] = statement
    return read


def test_members_of_a_room() -> None:
    vector = load("rooms")
    room_id = unhex(vector["derived"]["room_id"])
    for name, given in vector["inputs"]["members"].items():
        signer = RoomSigner(unhex(given["ed25519_seed"]), unhex(given["mldsa_seed"]))
        assert signer.keys == member_keys(vector, name)
        assert signer.author.hex() == vector["derived"]["members"][name]["author"]
        token = ContactToken(
            PeerId(unhex(given["token"]["fingerprint"])), unhex(given["token"]["x25519_public"])
        )
        verify_join(room_id, token, signer.keys, unhex(given["proof"]))
        with pytest.raises(AuthenticationError):
            verify_join(unhex(given["ed25519_seed"]), token, signer.keys, unhex(given["proof"]))
    given = vector["inputs"]["council"]
    authors = sorted(member_keys(vector, name).author for name in given["members"])
    council = Council(given["threshold"], tuple(authors))
    assert council.author.hex() == vector["derived"]["council_author"]
    claim = room_claim(unhex(vector["inputs"]["invite_secret"]), room_id)
    assert claim.hex() == vector["derived"]["claim"]
    new_room_id = unhex(vector["inputs"]["continued_room_id"])
    continued = continued_claim(room_id, new_room_id)
    assert continued.hex() == vector["derived"]["continued_claim"]
    queue = {name: unhex(one) for name, one in vector["inputs"]["queue"].items()}
    secret = acquaintance_queue_secret(
        queue["link_key"], PeerId(queue["holder"]), queue["mask_key"]
    )
    assert secret.hex() == vector["derived"]["queue_secret"]


def test_statements_of_a_room() -> None:
    vector = load("rooms")
    derived = vector["derived"]
    read = room_statements(vector)
    keys: dict[bytes, Signers] = {}
    for name, statement in read.items():
        given, wanted = vector["inputs"]["statements"][name], derived["statements"][name]
        assert (statement.id.hex(), statement.head.hex()) == (wanted["id"], wanted["head"])
        assert (statement.number, statement.body.kind) == (given["number"], given["kind"])
        assert statement.room_id.hex() == derived["room_id"]
        where = NO_ROOM if given["kind"] == 1 else statement.room_id
        head = encode_head(where, statement.author, statement.number, statement.body)
        assert head == statement.head
        forged = decode_statement(statement.data[:-1] + bytes([statement.data[-1] ^ 1]))
        with pytest.raises(AuthenticationError):
            verify_statement(forged, keys)
        if (told := keys_told(statement)) is not None:
            keys[told.author] = told


@pytest.mark.parametrize("name", sorted(load("rooms")["refused_heads"]))
def test_a_refused_statement_of_a_room(name: str) -> None:
    head = unhex(load("rooms")["refused_heads"][name])
    with pytest.raises(MalformedMessage):
        decode_statement(enc(head, bytes(3_373)))


def test_posts_of_a_room() -> None:
    vector = load("rooms")
    room_id = unhex(vector["derived"]["room_id"])
    for name, wanted in vector["derived"]["posts"].items():
        given = vector["inputs"]["posts"][name]
        post = decode_post(unhex(wanted["event"]))
        assert (post.id.hex(), post.head.hex()) == (wanted["id"], wanted["head"])
        names = ("number", "order", "sent_at_ms", "kind")
        assert [getattr(post, one) for one in names] == [given[one] for one in names]
        assert (post.content is None) is (given["kind"] > 11)
        keys = member_keys(vector, given["author"])
        verify_post(post, {keys.author: keys})
        assert without_content(post.data).hex() == wanted["event_without_content"]
        verify_post(decode_post(without_content(post.data)), {keys.author: keys})
        if isinstance(post.content, FileContent):
            assert file_id_of(post.id).hex() == vector["derived"]["file_ids"][name]
        seeds = vector["inputs"]["members"][given["author"]]
        if post.content is not None:
            signer = RoomSigner(unhex(seeds["ed25519_seed"]), unhex(seeds["mldsa_seed"]))
            fields = post.number, post.order, post.sent_at_ms
            assert sign_post(signer, room_id, *fields, post.content).data == post.data


@pytest.mark.parametrize("name", sorted(load("rooms")["refused_posts"]))
def test_a_refused_post_of_a_room(name: str) -> None:
    with pytest.raises(MalformedMessage):
        decode_post(unhex(load("rooms")["refused_posts"][name]))


def test_a_council_signs_once_enough_said_yes() -> None:
    vector = load("rooms")
    statements, derived = room_statements(vector), vector["derived"]
    appointed, signed = statements["appoint council"].body, statements["council name"]
    assert isinstance(appointed, Appoint)
    assert appointed.council is not None
    keys = {one.author: one for one in (member_keys(vector, name) for name in ("bob", "cyd"))}
    yes = decode_post(unhex(derived["posts"]["yes"]["event"]))
    proposal = decode_post(unhex(derived["posts"]["proposal"]["event"]))
    assert isinstance(yes.content, VoteContent)
    assert isinstance(proposal.content, ProposalContent)
    assert proposal.content.head == signed.head
    votes = {yes.author: yes.content.signature}
    assert assemble(appointed.council, signed.head, votes, keys) is None
    cyd = vector["inputs"]["members"]["cyd"]
    signer = RoomSigner(unhex(cyd["ed25519_seed"]), unhex(cyd["mldsa_seed"]))
    votes[signer.author] = signer.sign_head(signed.head)
    event = assemble(appointed.council, signed.head, votes, keys)
    assert event is not None
    verify_statement(decode_statement(event), {**keys, signed.author: appointed.council})


def test_what_two_members_compare() -> None:
    vector = load("rooms")
    inputs, derived = vector["inputs"], vector["derived"]
    held: dict[Place, list[bytes]] = {}
    later: dict[Place, list[bytes]] = {}
    for one in room_statements(vector).values():
        for places in (held, later):
            places.setdefault(statement_place(one), []).append(one.id)
    for wanted in derived["posts"].values():
        post = decode_post(unhex(wanted["event"]))
        place = Place(post.author, Family.POSTS, post.number // 256)
        held.setdefault(place, []).append(post.id)
        if post.order >= inputs["from_order"]:
            later.setdefault(place, []).append(post.id)
    summary = {place: digest_of(ids) for place, ids in held.items()}
    rows = [
        {"place": place.encode().hex(), "count": one.count, "digest": one.digest.hex()}
        for place, one in sorted(summary.items())
    ]
    assert rows == derived["places"]
    assert root_of(summary).hex() == derived["root"]
    summary = {place: digest_of(ids) for place, ids in later.items()}
    assert root_of(summary).hex() == derived["root_from_order"]


@pytest.mark.parametrize("case", load("rooms")["states"], ids=str)
def test_what_holds_in_a_room(case: Values) -> None:
    vector = load("rooms")
    statements = {
        name: one for name, one in room_statements(vector).items() if name not in case["without"]
    }
    derived = vector["derived"]
    authors = {one["author"]: name for name, one in derived["members"].items()}
    authors[derived["council_author"]] = "council"
    posts = {one["id"]: name for name, one in derived["posts"].items()}
    state = materialize(unhex(derived["room_id"]), reversed(statements.values()))
    assert {
        "without": case["without"],
        "name": state.name,
        "policy": [state.history, state.retention_s],
        "channels": list(state.channels),
        "members": [
            [authors[one.author.hex()], one.capabilities] for one in state.members.values()
        ],
        "officers": [[authors[one.author.hex()], [*one.rank]] for one in state.officers.values()],
        "removed": [authors[author.hex()] for author in state.removed],
        "left": [authors[author.hex()] for author in state.left],
        "pins": [posts[post_id.hex()] for post_id in state.pins],
        "deleted": sorted(posts[post_id.hex()] for post_id in state.deleted),
        "banned": len(state.banned),
        "counting": [name for name, one in statements.items() if one.id in state.counting],
    } == {**case, "counting": [name for name in statements if name in case["counting"]]}
