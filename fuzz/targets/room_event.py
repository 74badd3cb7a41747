"""What a member passes on: signed statements and posts of a room, by anybody who may lie."""

from typing import Final

from msgspec.structs import replace

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.room.keys import Council, MemberKeys, RoomSigner
from loom.core.room.materialize import Ledger
from loom.core.room.post import (
    Content,
    ContinueContent,
    EditContent,
    FileContent,
    HintsContent,
    PollContent,
    ProposalContent,
    TextContent,
    VoteContent,
    decode_post,
    sign_post,
    verify_post,
    without_content,
)
from loom.core.room.statement import (
    Admit,
    Appoint,
    Ban,
    Body,
    Capability,
    Genesis,
    Kept,
    Leave,
    Remove,
    SetChannel,
    SetPolicy,
    decode_head,
    decode_statement,
    encode_head,
    is_statement,
    sign_genesis,
    sign_statement,
    verify_statement,
)
from loom.crypto.keys import X25519Key
from loom.errors import PeerError
from loom.model import Address, ContactToken, PeerId
from loom.wire.content.file import Thumbnail
from loom.wire.hints import Hint, encode_hints

_ADA, _BOB = (RoomSigner(bytes([n]) * 32, bytes([n + 1]) * 32) for n in (1, 3))
_TOKEN = ContactToken(PeerId(bytes(32)), X25519Key(bytes(range(32))).public)
_PAIR = (_TOKEN.peer_id, _TOKEN.x25519_public)
_GENESIS = sign_genesis(_ADA, Genesis(_ADA.keys, _PAIR, "Ada", "us", -1, 0, bytes(16)))
_ROOM = _GENESIS.id
_KEYS = {one.author: one.keys for one in (_ADA, _BOB)}
_COUNCIL = Council(2, tuple(sorted(_KEYS)))
_ADMIT = Admit(_BOB.keys, _PAIR, "Bob", _BOB.prove_join(_ROOM, _TOKEN), 7)
_BODIES: Final[tuple[Body, ...]] = (
    _ADMIT,
    Appoint(_BOB.keys, None, Capability.ALL, (Kept(bytes(32), 3),), 2),
    Appoint(None, _COUNCIL, Capability.ALL),
    Remove(_BOB.author, (Kept(_ROOM),), 4, 3),
    Ban(bytes(32), on=True),
    SetPolicy(10, 3_600),
    SetChannel("dogs", "all of them", restricted=True, on=True),
    Leave(3),
)
_STATEMENTS = (
    _GENESIS,
    *(sign_statement(_ADA, _ROOM, number, body) for number, body in enumerate(_BODIES, 1)),
)
_CONTENTS: Final[tuple[Content, ...]] = (
    TextContent("general", "hello", bytes(32), b"", (_ADA.author,), 60),
    EditContent(bytes(32), "hallo"),
    PollContent("general", "who?", ("me", "you"), many=False, closes_at_ms=0),
    VoteContent(bytes(32), b""),
    ProposalContent("general", encode_head(_ROOM, _COUNCIL.author, 1, Leave(3)), "because"),
    ContinueContent(bytes(32), "us again", (bytes(32),)),
    FileContent(
        *("general", "plan.pdf", 5, "application/pdf", bytes(32), bytes(32)),
        *(Thumbnail(1, 1, bytes(3)), "the plan", bytes(32), b"", (_ADA.author,), 60),
    ),
    HintsContent(encode_hints((Hint(Address("192.0.2.7", 4071), bytes(16)),))),
)
_POSTS = tuple(
    sign_post(_BOB, _ROOM, number, number + 1, 1_800_000_000_000, content)
    for number, content in enumerate(_CONTENTS)
)
_VALID = (*(one.data for one in _STATEMENTS), *(one.data for one in _POSTS))
_SIGNED = frozenset((*(one.id for one in _STATEMENTS), *(one.id for one in _POSTS)))


def run(data: bytes) -> None:
    """An event is refused, or its head is written the same again; only what was signed verifies."""
    draw = Draw(data)
    event = draw.edited(draw.choice(_VALID)) if draw.flag() else draw.rest()
    try:
        if is_statement(event):
            _check_statement(event)
        else:
            _check_post(event)
    except PeerError:
        return


def _check_statement(event: bytes) -> None:
    one = decode_statement(event)
    room_id = bytes(32) if isinstance(one.body, Genesis) else one.room_id
    assert encode_head(room_id, one.author, one.number, one.body) == one.head
    assert decode_head(one.head).id == one.id
    assert Ledger(_ROOM, [_GENESIS, one]).state.name
    verify_statement(one, _KEYS)
    made_by = one.body.keys if isinstance(one.body, Genesis) else None
    assert one.id in _SIGNED or isinstance(made_by, MemberKeys) or _is_admit_of_bob(one.body)


def _is_admit_of_bob(body: Body) -> bool:
    """A proof is random, so the seeds of another process have another one."""
    return isinstance(body, Admit) and replace(body, proof=b"") == replace(_ADMIT, proof=b"")


def _check_post(event: bytes) -> None:
    one = decode_post(event)
    bare = decode_post(without_content(event))
    assert (bare.id, bare.content) == (one.id, None)
    verify_post(one, _KEYS)
    assert one.id in _SIGNED
    assert event in (*_VALID, without_content(event))


TARGET = Target(
    run=run,
    seeds=(
        *(b"\1" + bytes([place]) + b"\0" for place in range(len(_VALID))),
        *(b"\0" + event for event in _VALID),
        b"\0" + _POSTS[1].data[:-1] + b"e",
        b"\0" + b"\0\0\0\xb6" + bytes(77) + b"\0\0\0\2",
    ),
    max_bytes=12_288,
    executions=1_000,
)
