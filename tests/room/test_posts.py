"""Statements and posts as they travel: what is read, refused, verified (PROTOCOL 14.2, 14.3)."""

import pytest

from loom.core.room.post import (
    ChoiceContent,
    Content,
    ContinueContent,
    EditContent,
    FileContent,
    PollContent,
    ProposalContent,
    ReactContent,
    TextContent,
    UnsayContent,
    VoteContent,
    advance,
    decode_post,
    sign_post,
    verify_post,
    without_content,
)
from loom.core.room.statement import (
    Ban,
    Body,
    Leave,
    Remove,
    SetChannel,
    SetName,
    SetPolicy,
    decode_head,
    decode_statement,
    encode_head,
    is_statement,
    sign_statement,
    verify_statement,
)
from loom.errors import AuthenticationError, MalformedMessage
from loom.wire.content.file import Thumbnail
from loom.wire.encoding import enc, u8, u16, u32, u64
from tests.room.people import author, genesis, keys, signer

ROOM, POST = genesis().id, bytes(range(32))
CONTENTS: list[Content] = [
    TextContent("general", "hi", POST, POST, (author("bob"),), 5),
    EditContent(POST, "hello"),
    UnsayContent((POST,)),
    ReactContent(POST, "\N{SNOWMAN}"),
    PollContent("general", "when?", ("now", "later"), many=True, closes_at_ms=0),
    ChoiceContent(POST, (0, 1)),
    ProposalContent("general", encode_head(ROOM, author("bob"), 1, SetName("x")), ""),
    VoteContent(POST, b""),
    ContinueContent(POST, "us again", (bytes(32), POST)),
    FileContent("general", "plan.pdf", 5, "application/pdf", bytes(32), POST),
    FileContent(
        *("general", "p", 0, "", bytes(32), POST, Thumbnail(1, 2, bytes(6)), "the plan"),
        *(POST, POST, (author("bob"),), 5),
    ),
]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda one: type(one).__name__)
def test_a_post_is_read_and_verified(content: Content) -> None:
    post = sign_post(signer("bob"), ROOM, 7, 9, 1_234, content)
    read = decode_post(post.data)
    assert (read, read.content) == (post, content)
    assert (read.author, read.number, read.order, read.sent_at_ms) == (author("bob"), 7, 9, 1_234)
    verify_post(read, {author("bob"): keys("bob")})
    assert not is_statement(post.data)


def test_a_post_verifies_without_its_content_and_has_the_same_id() -> None:
    post = sign_post(signer("bob"), ROOM, 1, 1, 1, CONTENTS[0])
    bare = decode_post(without_content(post.data))
    assert (bare.id, bare.content) == (post.id, None)
    verify_post(bare, {author("bob"): keys("bob")})


def test_what_expired_before_a_joiner_came_still_verifies_for_it() -> None:
    """A joiner of an ephemeral room gets headers only, and passes them on as they are."""
    posts = [sign_post(signer("bob"), ROOM, at, at + 1, at, CONTENTS[0]) for at in range(3)]
    given = [without_content(one.data) for one in posts]
    taken = [decode_post(data) for data in given]
    for one in taken:
        verify_post(one, {author("bob"): keys("bob")})
    assert [one.id for one in taken] == [one.id for one in posts]
    assert [without_content(one.data) for one in taken] == given
    assert all(one.content is None for one in taken)


def test_a_post_with_one_bit_flipped_is_refused() -> None:
    data = sign_post(signer("bob"), ROOM, 1, 1, 1, TextContent("general", "hi")).data
    for at in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises((MalformedMessage, AuthenticationError)):
            verify_post(decode_post(bytes(flipped)), {author("bob"): keys("bob")})


def test_of_an_unknown_author_nothing_verifies() -> None:
    post = sign_post(signer("bob"), ROOM, 1, 1, 1, TextContent("general", "hi"))
    for known in ({}, {author("bob"): keys("ada")}):
        with pytest.raises(AuthenticationError):
            verify_post(post, known)


@pytest.mark.parametrize(
    "content",
    [
        TextContent("", "x"),
        TextContent("c" * 65, "x"),
        TextContent("general", ""),
        TextContent("general", "x" * 16_385),
        TextContent("general", "x", b"short"),
        TextContent("general", "x", expires_s=4),
        UnsayContent(()),
        PollContent("general", "?", ("one",), many=False, closes_at_ms=0),
        PollContent("general", "?", ("one", "one"), many=False, closes_at_ms=0),
        ChoiceContent(POST, (1, 0)),
        ChoiceContent(POST, (12,)),
        VoteContent(POST, b"short"),
        ContinueContent(POST, "", ()),
        ContinueContent(POST, "n" * 257, ()),
        ContinueContent(POST[1:], "us", ()),
        FileContent("", "plan.pdf", 5, "", bytes(32), POST),
        FileContent("general", "", 5, "", bytes(32), POST),
        FileContent("general", "plan.pdf", (1 << 34) + 1, "", bytes(32), POST),
        FileContent("general", "plan.pdf", 5, "a\n", bytes(32), POST),
        FileContent("general", "plan.pdf", 5, "", bytes(31), POST),
        FileContent("general", "plan.pdf", 5, "", bytes(32), b""),
        FileContent("general", "plan.pdf", 5, "", POST, POST, Thumbnail(1, 1, bytes(4))),
        FileContent("general", "plan.pdf", 5, "", POST, POST, caption="x" * 16_385),
        FileContent("general", "plan.pdf", 5, "", POST, POST, reply=b"short"),
        FileContent("general", "plan.pdf", 5, "", POST, POST, expires_s=4),
        ContinueContent(POST, "us", (POST, bytes(32))),
        ContinueContent(POST, "us", tuple(bytes([n]) * 32 for n in range(129))),
    ],
)
def test_a_content_out_of_bounds_is_neither_written_nor_read(content: Content) -> None:
    with pytest.raises(MalformedMessage):
        sign_post(signer("bob"), ROOM, 1, 1, 1, content)


def test_no_post_moves_the_count_by_more_than_a_thousand() -> None:
    assert [advance(5, order) for order in (0, 5, 6, 1_005, 1_006, 2**64 - 1)] == [
        *(5, 5, 6, 1_005, 1_005, 1_005)
    ]


BODIES: list[Body] = [
    Remove(author("bob"), (), 2**32 - 1, 512),
    Ban(bytes(32), on=True),
    SetName("n" * 256),
    SetPolicy(-1, 3_600),
    SetChannel("talk", "", restricted=True, on=False),
    Leave(0),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda one: type(one).__name__)
def test_a_statement_is_read_and_verified(body: Body) -> None:
    statement = sign_statement(signer("ada"), ROOM, 511, body)
    assert decode_statement(statement.data) == statement
    assert is_statement(statement.data)
    verify_statement(statement, {author("ada"): keys("ada")})


@pytest.mark.parametrize(
    "body",
    [
        Remove(bytes(31), (), 0, 0),
        Remove(bytes(32), (), 0, 513),
        SetName(""),
        SetName("n" * 257),
        SetPolicy(-2, 0),
        SetPolicy(0, 3_599),
        SetChannel("", "", restricted=False, on=True),
        Leave(2**32),
    ],
)
def test_a_body_out_of_bounds_is_refused(body: Body) -> None:
    with pytest.raises(MalformedMessage):
        encode_head(ROOM, author("ada"), 1, body)


def test_only_a_genesis_has_number_zero_and_no_room() -> None:
    for room_id, number in ((ROOM, 0), (bytes(32), 0), (bytes(32), 1), (ROOM, 512)):
        head = enc(u8(1), room_id, author("ada"), u16(number), u8(11), b"\x91\x00")
        with pytest.raises(MalformedMessage):
            decode_head(head)
    assert genesis().room_id == genesis().id


def test_a_longer_encoding_of_the_same_body_is_refused() -> None:
    right = enc(u8(1), ROOM, author("ada"), u16(1), u8(11), b"\x91\x00")
    assert decode_head(right).body == Leave(0)
    for longer in (b"\x91\xcc\x00", b"\xdc\x00\x01\x00", b"\x92\x00\x00", b"\x91\x00\x00"):
        with pytest.raises(MalformedMessage):
            decode_head(enc(u8(1), ROOM, author("ada"), u16(1), u8(11), longer))


def test_a_statement_signs_no_post_and_a_post_no_statement() -> None:
    head = encode_head(ROOM, author("ada"), 1, Leave(0))
    with pytest.raises(MalformedMessage):
        decode_statement(enc(head, signer("ada").sign_post_head(head)))
    post_head = enc(
        *(u8(1), ROOM, author("ada"), u32(1), u64(1), u64(1), u8(1), bytes(64)),
    )
    wrong = enc(post_head, signer("ada").sign_head(post_head)[:64], b"")
    with pytest.raises(AuthenticationError):
        verify_post(decode_post(wrong), {author("ada"): keys("ada")})
