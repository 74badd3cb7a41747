"""The inputs of rooms.json, what holds after them, and what must be refused."""

from typing import Any

from tests.vectors.fixed import UNIX_S, filler, sign
from tests.vectors.reference import (
    DERIVE,
    Values,
    enc,
    room_member,
    room_post,
    sha512,
    u,
    unhex,
    x25519_public,
)

HINTS = (
    "02"
    "00"
    "0fe7"
    "09"
    "3139322e302e322e37"
    "01"
    "0fe7"
    "000102030405060708090a0b0c0d0e0f"
    "0e"
    "616e63686f722e6578616d706c65"
)
"""A node at 192.0.2.7, port 4071, and an anchor at anchor.example."""
ALL, MODERATOR = 255, 0b0101_1111
ADAS = ["genesis", "admit bob", "admit cyd", "appoint bob", "appoint council", "channel", "policy"]
ROOM_STATES = [
    {
        "without": [],
        "name": "the cellar",
        "policy": [1_000, 86_400],
        "channels": ["general", "talk"],
        "members": [["ada", ALL]],
        "officers": [["ada", []], ["bob", [3]], ["council", [4]]],
        "removed": ["bob"],
        "left": ["cyd"],
        "pins": ["text"],
        "deleted": [],
        "banned": 1,
        "counting": [*ADAS, "remove bob", "pin", "ban", "council name"],
    },
    {
        "without": ["remove bob", "leave"],
        "name": "the cellar",
        "policy": [1_000, 86_400],
        "channels": ["general", "talk"],
        "members": [["ada", ALL], ["bob", MODERATOR], ["cyd", 0]],
        "officers": [["ada", []], ["bob", [3]], ["council", [4]]],
        "removed": [],
        "left": [],
        "pins": ["text"],
        "deleted": ["edit", "reaction"],
        "banned": 1,
        "counting": [*ADAS, "pin", "delete", "ban", "council name"],
    },
    {
        "without": ["appoint bob", "appoint council", "policy"],
        "name": "the attic",
        "policy": [-1, 0],
        "channels": ["general", "talk"],
        "members": [["ada", ALL]],
        "officers": [["ada", []]],
        "removed": ["bob"],
        "left": ["cyd"],
        "pins": [],
        "deleted": [],
        "banned": 0,
        "counting": ["genesis", "admit bob", "admit cyd", "channel", "remove bob"],
    },
]
"""What holds without these statements, by hand."""


def room_inputs(one: Values, other: Values) -> Values:
    """Ada makes a room; Bob is a moderator and removed at the end; Cyd leaves."""
    tokens = {"ada": one, "bob": other, "cyd": None}
    inputs: Values = {
        "members": {},
        "council": {"threshold": 2, "members": ["bob", "cyd"]},
        "invite_secret": filler("room invite", 16).hex(),
        "continued_room_id": filler("continued room", 32).hex(),
        "queue": {
            "link_key": filler("room queue", 32).hex(),
            "holder": filler("fp holder", 32).hex(),
            "mask_key": filler("mask", 16).hex(),
        },
        "from_order": 3,
        "statements": {},
        "posts": {},
    }
    for name, identity in tokens.items():
        x25519 = x25519_public(filler(f"room x25519 {name}", 32)).hex()
        token = identity or {"fingerprint": filler("fp cyd", 32).hex(), "x25519_public": x25519}
        inputs["members"][name] = {
            "ed25519_seed": filler(f"room ed25519 {name}", 32).hex(),
            "mldsa_seed": filler(f"room mldsa {name}", 32).hex(),
            "token": {key: token[key] for key in ("fingerprint", "x25519_public")},
        }
    _RoomWriter(inputs).write()
    return inputs


class _RoomWriter:
    """Fills in statements, posts and proofs."""

    def __init__(self, inputs: Values) -> None:
        self.inputs = inputs
        self.members = inputs["members"]
        self.keys = {name: room_member(inputs, name) for name in self.members}
        self.authors = {name: one["author"].hex() for name, one in self.keys.items()}
        listed = [unhex(self.authors[name]) for name in inputs["council"]["members"]]
        self.listed = sorted(listed)
        items = enc(b"LOOM/1 room council", b"\x02", *self.listed)
        self.authors["council"] = sha512(items)[:32].hex()
        self.room_id = bytes(32)
        self.ids: dict[str, str] = {}
        self.heads: dict[str, bytes] = {}

    def write(self) -> None:
        ada, bob = self.authors["ada"], self.authors["bob"]
        keys = {
            name: [_bin(one["ed25519_public"]), _bin(one["mldsa_public"])]
            for name, one in self.keys.items()
        }
        nonce = _bin(filler("room nonce", 16))
        self.says(
            "genesis",
            "ada",
            0,
            1,
            [keys["ada"], self.token("ada"), "Ada", "the attic", -1, 0, nonce],
        )
        self.room_id = unhex(self.ids["genesis"])
        for member in self.members.values():
            token = member["token"]
            joined = enc(self.room_id, unhex(token["fingerprint"]), unhex(token["x25519_public"]))
            member["proof"] = sign(member, "room join", joined)
        for number, (name, order) in enumerate((("bob", 0), ("cyd", 3)), 1):
            proof = {"bin": self.members[name]["proof"]}
            body = [keys[name], self.token(name), name.title(), proof, order]
            self.says(f"admit {name}", "ada", number, 2, body)
        council = [2, [_bin(one) for one in self.listed]]
        self.says("appoint bob", "ada", 3, 3, [keys["bob"], None, MODERATOR, [], 1])
        self.says("appoint council", "ada", 4, 3, [None, council, 160, [], 0])
        self.says("channel", "ada", 5, 8, ["talk", "whatever it is", True, True])
        self.says("policy", "ada", 6, 7, [1_000, 86_400])
        self.posts(ada, bob)
        self.says("pin", "bob", 1, 9, [{"bin": self.ids["text"]}, True])
        deleted = sorted((self.ids["edit"], self.ids["reaction"]))
        self.says("delete", "bob", 2, 10, [[{"bin": one} for one in deleted], True])
        self.says("ban", "bob", 3, 5, [_bin(filler("banned", 32)), True])
        self.says("leave", "cyd", 1, 11, [3])
        self.says("council name", "council", 1, 6, ["the cellar"])
        keep = sorted((self.ids["pin"], self.ids["ban"]))
        kept = [[{"bin": one}, ALL] for one in keep]
        self.says("remove bob", "ada", 7, 4, [{"bin": bob}, kept, 6, 4])

    def posts(self, ada: str, bob: str) -> None:
        none = {"bin": ""}
        self.post("text", "ada", 1, 1, 1, ["general", "who is here?", none, none, [], 0])
        text = {"bin": self.ids["text"]}
        answer = ["talk", "we are", text, text, [{"bin": ada}, {"bin": bob}], 3_600]
        self.post("answer", "bob", 1, 2, 1, answer)
        self.post("edit", "bob", 2, 3, 2, [{"bin": self.ids["answer"]}, "we all are"])
        self.post("reaction", "cyd", 1, 4, 4, [text, "\N{THUMBS UP SIGN}"])
        self.post("unsaid", "bob", 3, 5, 3, [[{"bin": self.ids["answer"]}]])
        poll = ["general", "when?", ["now", "later"], False, 0]
        self.post("poll", "ada", 256, 6, 5, poll)
        self.post("choice", "cyd", 2, 7, 6, [{"bin": self.ids["poll"]}, [1]])
        head = self.head("council name", "council", 1, 6, ["the cellar"])
        self.post("proposal", "cyd", 3, 8, 7, ["general", _bin(head), "it is damp"])
        yes = {"bin": sign(self.members["bob"], "room statement", head)}
        self.post("yes", "bob", 4, 9, 8, [{"bin": self.ids["proposal"]}, yes])
        self.post("no", "cyd", 4, 10, 8, [{"bin": self.ids["proposal"]}, none])
        self.post("a later kind", "bob", 5, 11, 255, ["whatever"])
        self.post("hints", "ada", 257, 12, 9, [{"bin": HINTS}])
        self.post("no hints", "cyd", 5, 13, 9, [{"bin": "00"}])
        people = sorted(self.members[name]["token"]["fingerprint"] for name in ("ada", "bob"))
        offered = [{"bin": self.inputs["continued_room_id"]}, "the loft"]
        self.post("continue", "cyd", 6, 14, 10, [*offered, [{"bin": one} for one in people]])
        what = ["general", "cellar.png", 262_844, "image/png"]
        secrets = [_bin(filler("room file root", 32)), _bin(filler("room file secret", 32))]
        thumbnail = [2, 1, {"bin": "ff800000" + "7fff"}]
        said = ["the cellar", text, none, [{"bin": bob}], 3_600]
        self.post("file", "cyd", 7, 15, 11, [*what, *secrets, thumbnail, *said])
        bare: list[Any] = ["general", "empty", 0, "", *secrets, None, "", none, text, [], 0]
        self.post("a bare file", "cyd", 8, 16, 11, bare)

    def token(self, name: str) -> list[Values]:
        token = self.members[name]["token"]
        return [{"bin": token["fingerprint"]}, {"bin": token["x25519_public"]}]

    def head(self, name: str, author: str, number: int, kind: int, body: list[Any]) -> bytes:
        packed = unhex(DERIVE["payloads"]({"accepted": {name: body}})[name])
        return enc(
            *(b"\x01", self.room_id, unhex(self.authors[author]), u(16, number), u(8, kind)),
            packed,
        )

    def says(self, name: str, author: str, number: int, kind: int, body: list[Any]) -> None:
        head = self.head(name, author, number, kind, body)
        if author == "council":
            places = {unhex(self.authors[one]): one for one in self.inputs["council"]["members"]}
            signature = "".join(
                f"{place:02x}" + sign(self.members[places[one]], "room statement", head)
                for place, one in enumerate(self.listed)
            )
        else:
            signature = sign(self.members[author], "room statement", head)
        self.ids[name] = sha512(head)[:32].hex()
        self.inputs["statements"][name] = {
            "author": author,
            "number": number,
            "kind": kind,
            "body": body,
            "signature": signature,
        }

    def post(
        self, name: str, author: str, number: int, order: int, kind: int, content: list[Any]
    ) -> None:
        given = {
            "author": author,
            "number": number,
            "order": order,
            "sent_at_ms": UNIX_S * 1_000 + order,
            "kind": kind,
            "content": content,
        }
        self.inputs["posts"][name] = given
        by_name = {name: unhex(one) for name, one in self.authors.items()}
        self.ids[name] = room_post(self.inputs, self.room_id, given, by_name)["id"].hex()


def _bin(data: bytes) -> Values:
    return {"bin": data.hex()}


def refused_heads(derived: Values) -> Values:
    """Heads of statements that must be refused with any signature, each for the named fault."""
    room_id, ada = unhex(derived["room_id"]), unhex(derived["members"]["ada"]["author"])
    bob = derived["members"]["bob"]
    keys = f"92c420{bob['ed25519_public']}c507a0{bob['mldsa_public']}"
    two = sorted((derived["members"]["ada"]["author"], bob["author"]))

    def head(
        body: str, kind: int = 6, number: int = 1, room: bytes = room_id, version: int = 1
    ) -> str:
        items = u(8, version), room, ada, u(16, number), u(8, kind), unhex(body)
        return enc(*items).hex()

    some, more = "11" * 32, "22" * 32
    admit = _items(unhex(derived["statements"]["admit bob"]["head"]))
    genesis = dict(enumerate(_items(unhex(derived["statements"]["genesis"]["head"]))))
    return {
        "another version": head("91a178", version=2),
        "a kind that is none": head("91a178", kind=12),
        "kind 0": head("90", kind=0),
        "number 512": head("91a178", number=512),
        "number 0 and no genesis": head("91a178", number=0),
        "a room of zeros and no genesis": head("91a178", room=bytes(32)),
        "a genesis with a number": enc(
            *(genesis[0], genesis[1], genesis[2], u(16, 1), genesis[4], genesis[5])
        ).hex(),
        "a genesis of another author": enc(
            *(genesis[0], genesis[1], unhex(bob["author"]), *(genesis[at] for at in (3, 4, 5)))
        ).hex(),
        "an item left over": head("91a178") + "00000000",
        "a head that is cut short": head("91a178")[:-2],
        "an empty name": head("91a0"),
        "a name of 257 bytes": head(f"91da0101{'78' * 257}"),
        "a text not in its shortest form": head("91d90178"),
        "invalid UTF-8": head("91a1ff"),
        "one field too many": head("92a178c0"),
        "bytes after the body": head("91a17800"),
        "a map": head("81a178c0"),
        "a name as bytes": head("91c40178"),
        "a history of -2": head("92fe00", kind=7),
        "a retention of 3,599 s": head("92ffcd0e0f", kind=7),
        "an empty channel": head("94a0a0c2c3", kind=8),
        "a number for a bool": head("94a178a001c3", kind=8),
        "an appointment of nobody": head("95c0c000 9000".replace(" ", ""), kind=3),
        "an appointment of a member and a council": head(
            f"95{keys}920292c420{two[0]}c420{two[1]}009000", kind=3
        ),
        "a council of two with a threshold of one": head(
            f"95c0920192c420{two[0]}c420{two[1]}009000", kind=3
        ),
        "a council whose authors descend": head(
            f"95c0920292c420{two[1]}c420{two[0]}009000", kind=3
        ),
        "capabilities of more than a byte": head(f"95{keys}c0cd01009000", kind=3),
        "a keep list that descends": head(
            f"94c420{some}9292c420{more}ccff92c420{some}ccff0000", kind=4
        ),
        "a keep list with one id twice": head(
            f"94c420{some}9292c420{some}ccff92c420{some}ccff0000", kind=4
        ),
        "an author of 31 bytes": head(f"94c41f{some[2:]}900000", kind=4),
        "2^32 posts": head(f"94c420{some}90cf000000010000000000", kind=4),
        "513 seen": head(f"94c420{some}9000cd0201", kind=4),
        "a fingerprint of 33 bytes": head(f"92c421{some}11c3", kind=5),
        "an admission from order 2^53": enc(
            *(*admit[:5], admit[5][:-1] + unhex("cf0020000000000000"))
        ).hex(),
        "no deleted post": head("9290c3", kind=10),
        "deleted posts that descend": head(f"9292c420{more}c420{some}c3", kind=10),
        "a negative number of posts": head("91ff", kind=11),
    }


POST_HEAD = ("version", "room", "author", "number", "order", "sent", "kind")


def refused_posts(derived: Values) -> Values:
    """Posts that must be refused before their signatures are looked at."""
    event = unhex(derived["posts"]["text"]["event"])
    head, signature, content = _items(event)
    items = _items(head)
    id_ = derived["posts"]["text"]["id"]
    some, more = "11" * 32, "22" * 32

    def post(raw: bytes, kind: int = 1, **changed: bytes) -> str:
        fields = dict(zip(POST_HEAD, items, strict=False))
        fields |= {"kind": u(8, kind)} | changed
        return enc(enc(*fields.values(), sha512(raw)), signature, raw).hex()

    wrong = content[:-2] + b"\x90\x05"
    return {
        "content with another hash": enc(head, signature, wrong).hex(),
        "another version": post(content, version=b"\x02"),
        "kind 0": post(content, kind=0),
        "an order of 2^53": post(content, order=u(64, 1 << 53)),
        "a time of 2^53": post(content, sent=u(64, 1 << 53)),
        "a number of 2 bytes and three items": enc(
            enc(*items[:3], u(16, 1), *items[4:]), signature, content
        ).hex(),
        "a signature of 63 bytes": enc(head, signature[:63], content).hex(),
        "an item left over": enc(head, signature, content, b"").hex(),
        "no channel": post(unhex("96a0a178c400c4009000")),
        "an empty text": post(unhex("96a178a0c400c4009000")),
        "a reply of 31 bytes": post(unhex(f"96a178a178c41f{id_[2:]}c4009000")),
        "a timer of 4 s": post(unhex("96a178a178c400c4009004")),
        "nil for no reply": post(unhex("96a178a178c0c4009000")),
        "a field too few": post(unhex("95a178a178c400c40090")),
        "an integer not in its shortest form": post(unhex("96a178a178c400c40090cc00")),
        "an edit to nothing": post(unhex(f"92c420{id_}a0"), kind=2),
        "nothing unsaid": post(unhex("9190"), kind=3),
        "a reaction of 65 bytes": post(unhex(f"92c420{id_}d941{'61' * 65}"), kind=4),
        "one option": post(unhex("95a178a17891a161c200"), kind=5),
        "an option twice": post(unhex("95a178a17892a161a161c200"), kind=5),
        "choices that descend": post(unhex(f"92c420{id_}920100"), kind=6),
        "the choice of a thirteenth option": post(unhex(f"92c420{id_}910c"), kind=6),
        "a proposal that is no statement": post(unhex("93a178c40100a0"), kind=7),
        "a vote with a short signature": post(unhex(f"92c420{id_}c40100"), kind=8),
        "one hint of two": post(unhex("91c40e02000fe709") + b"192.0.2.7", kind=9),
        "a byte after the hints": post(unhex("91c40e01000fe709") + b"192.0.2.7\0", kind=9),
        "hints without their number": post(unhex("91c400"), kind=9),
        "nine hints": post(unhex("91c45b09") + 9 * (unhex("000fe706") + b"a.test"), kind=9),
        "a hint to port 0": post(
            unhex("91c40d01000000 09".replace(" ", "")) + b"192.0.2.7", kind=9
        ),
        "a room of 31 bytes": post(unhex(f"93c41f{some[2:]}a17890"), kind=10),
        "no name of a room": post(unhex(f"93c420{some}a090"), kind=10),
        "people who descend": post(unhex(f"93c420{some}a17892c420{more}c420{some}"), kind=10),
        "one of the people twice": post(unhex(f"93c420{some}a17892c420{some}c420{some}"), kind=10),
        **{name: post(unhex(raw), kind=11) for name, raw in _refused_files(some).items()},
        "a fingerprint of 31 bytes": post(unhex(f"93c420{some}a17891c41f{some[2:]}"), kind=10),
    }


def _refused_files(some: str) -> dict[str, str]:
    """Contents of posts that offer a file, each with the named fault."""
    root = f"c420{some}"

    def file(name: str = "a178", size: str = "05", kind: str = "a0", **more: str) -> str:
        fields = {"root": root, "secret": root, "thumbnail": "c0", "caption": "a0"} | more
        said = "c400c4009000"
        return f"9ca178{name}{size}{kind}{''.join(fields.values())}{said}"

    return {
        "a file without a name": file(name="a0"),
        "a file name of 256 bytes": file(name="da0100" + "61" * 256),
        "a file of more than 16 GiB": file(size="cf0000000400000001"),
        "a media type with a line feed": file(kind="a10a"),
        "a root of 31 bytes": file(root=f"c41f{some[2:]}"),
        "a secret of 33 bytes": file(secret=f"c421{some}11"),
        "a thumbnail with a byte too few": file(thumbnail="930101c4020000"),
        "a thumbnail of nothing": file(thumbnail="930001c400"),
        "nil for no caption": file(caption="c0"),
    }


def _items(data: bytes) -> list[bytes]:
    """What `enc` joined."""
    items = []
    while data:
        size = int.from_bytes(data[:4], "big")
        items.append(data[4 : 4 + size])
        data = data[4 + size :]
    return items
