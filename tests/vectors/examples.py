"""The figures with real bytes in docs/PROTOCOL.md: `python -m tests.vectors.examples` writes them.

Each is a value of the JSON files, cut where the layout says; the pieces must be the whole again.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).parent
PROTOCOL: Final = FOLDER.parents[1] / "docs" / "PROTOCOL.md"
_FIGURE: Final = re.compile(r"(<!-- figure: ([a-z0-9 ]+) -->\n```\n)(.*?)(```\n)", re.DOTALL)
_WHOLE_BYTES: Final = 16
_SHOWN_BYTES: Final = 8
_LABEL_COLUMN: Final = 54


class Part(NamedTuple):
    """A piece of a layout: what it is, how many bytes (0: the rest), `enc` item or not."""

    what: str
    size: int
    is_item: bool = False


def load(name: str) -> dict[str, Any]:
    """One of the JSON files."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))
    return content


def item(what: str, size: int) -> Part:
    """An item of `enc`: its length, then so many bytes."""
    return Part(what, size, is_item=True)


def figure(data: bytes, parts: Sequence[Part]) -> str:
    """One line for each part: where it begins, its bytes, what it is.

    Raises:
        ValueError: the layout is not that of the data.
    """
    lines, at = [], 0
    for part in parts:
        begins, head = at, ""
        if part.is_item:
            head, at = f"{data[at : at + 4].hex()} ", at + 4
            if int(head, 16) != part.size:
                raise ValueError(f"{part.what}: {int(head, 16)} bytes instead of {part.size}")
        end = at + part.size if part.size or part.is_item else len(data)
        left = f"{begins:>6,}  {head}{_shown(data[at:end])}"
        lines.append(f"{left:<{_LABEL_COLUMN}}  {part.what}".rstrip())
        at = end
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes are left over")
    return "\n".join([*lines, f"{at:>6,}  bytes in all"]) + "\n"


def _shown(piece: bytes) -> str:
    if len(piece) <= _WHOLE_BYTES:
        return piece.hex(" ", -4)
    return f"{piece[:_SHOWN_BYTES].hex(' ', -4)} .. {piece[-4:].hex()} ({len(piece):,})"


def _values(pairs: Sequence[tuple[str, str]]) -> str:
    """Named values, one a line."""
    width = max(len(name) for name, _ in pairs)
    return "".join(f"{name:<{width}} = {value}\n" for name, value in pairs)


def _card() -> str:
    derived = load("identity")["derived"]
    return figure(
        bytes.fromhex(derived["card"]),
        [
            item("version", 1),
            item("ed25519_pk", 32),
            item("mldsa_pk", 1_952),
            item("x25519_pk", 32),
            item("H(recovery_pk)", 64),
        ],
    )


def _identity() -> str:
    vector = load("identity")
    derived = vector["derived"]
    words = vector["inputs"]["phrase"].split()
    return _values(
        [
            ("R", _abbreviated(vector["inputs"]["entropy"])),
            ("phrase", f"{' '.join(words[:4])} .. {words[-1]} ({len(words)} words)"),
            ("recovery Ed25519 seed", _abbreviated(derived["recovery_ed25519_seed"])),
            ("Ed25519 seed", _abbreviated(derived["ed25519_seed"])),
            ("ML-DSA-65 seed", _abbreviated(derived["mldsa_seed"])),
            ("X25519 key", _abbreviated(derived["x25519_seed"])),
            ("FP", _abbreviated(derived["fingerprint"])),
        ]
    )


def _token() -> str:
    derived = load("identity")["derived"]
    data = "01" + derived["fingerprint"] + derived["x25519_public"] + derived["token_checksum"]
    parts = [Part("version", 1), Part("FP", 32), Part("x25519_pk", 32), Part("checksum", 4)]
    return figure(bytes.fromhex(data), parts) + f"\n{derived['token']}\n"


def _rotation() -> str:
    rotation = bytes.fromhex(load("identity_chain")["derived"]["rotation"])
    body = [
        item("version", 1),
        item("kind: rotation", 1),
        item("old_card", 2_101),
        item("number", 4),
        item("new_card", 2_101),
        item("recovery_pk: Ed25519, ML-DSA-65", 1_984),
    ]
    whole = [Part("length of the body", 4), Part("body", 6_216), item("DS of the body", 3_373)]
    return f"body\n{figure(rotation[4:6_220], body)}statement\n{figure(rotation, whole)}"


def _chain_envelope() -> str:
    return figure(
        bytes.fromhex(load("identity_chain")["derived"]["envelopes"][1]),
        [
            Part("type", 1),
            Part("length", 4),
            item("a rotation", 9_597),
            item("a revocation", 7_496),
            Part("zeros", 0),
        ],
    )


def _safety() -> str:
    derived = load("pair")["derived"]
    groups = derived["safety_number"].split()
    return f"{' '.join(groups[:6])}\n{' '.join(groups[6:])}\n"


def _pair() -> str:
    derived = load("pair")["derived"]
    keys = derived["one_to_other"]
    return _values(
        [
            ("Z", _abbreviated(derived["shared_secret"])),
            ("K_tag", _abbreviated(keys["tag"])),
            ("K_link", _abbreviated(keys["link"])),
            ("K_presence", _abbreviated(keys["presence"])),
        ]
    )


def _first_flight() -> str:
    return figure(
        bytes.fromhex(load("link")["derived"]["initiator_sends"]),
        [
            Part("rand", 16),
            Part("day", 8),
            Part("tag; the clear part ends", 16),
            Part("length of message 1", 2),
            Part("e_I", 32),
            Part("ek, sealed", 1_200),
            Part("nothing, sealed", 16),
        ],
    )


def _answer() -> str:
    return figure(
        bytes.fromhex(load("link")["derived"]["responder_sends"]),
        [
            Part("length of message 2", 2),
            Part("e_R", 32),
            Part("ct, sealed", 1_104),
            Part("nothing, sealed", 16),
        ],
    )


def _record() -> str:
    vector = load("link")
    frame = bytes.fromhex(vector["derived"]["responder_record_0"])
    sealed = figure(frame, [Part("length", 2), Part("sealed plaintext", 4_160), Part("tag", 16)])
    body = vector["inputs"]["record_bodies"][1]
    plaintext = bytes.fromhex(f"03{len(body) // 2:04x}{body}").ljust(4_160, b"\0")
    parts = [
        Part("type: envelope", 1),
        Part("body length", 2),
        Part("body", len(body) // 2),
        Part("zeros", 0),
    ]
    return f"plaintext\n{figure(plaintext, parts)}frame\n{sealed}"


def _bundle() -> str:
    sent = bytes.fromhex(load("session")["derived"]["bundle_sent"])
    inner = [
        item("version", 1),
        item("FP_B", 32),
        item("device", 4),
        item("kind: once", 1),
        item("bundle_id", 8),
        item("spk", 32),
        item("ek", 1_184),
        item("issued_at", 8),
        item("expires_at", 8),
    ]
    outer = [
        item("bundle", 1_314),
        item("card_B", 2_101),
        item("last_counter", 8),
        item("last_accepted", 8),
        item("DS_B: Ed25519, ML-DSA-65", 3_373),
    ]
    return f"bundle\n{figure(sent[4:1_318], inner)}as sent\n{figure(sent, outer)}"


def _flight() -> str:
    handshake = load("session")["derived"]["handshake"]
    plaintext = [
        item("card_A", 2_101),
        item("device", 4),
        item("reset_counter", 8),
        item("DS_A", 3_373),
    ]
    prefix = [
        Part("bundle_id", 8),
        Part("EK_pk", 32),
        Part("ct", 1_088),
        Part("e1: P1 sealed, tag", 5_518),
    ]
    return (
        f"P1\n{figure(bytes.fromhex(handshake['p1']), plaintext)}"
        f"prefix\n{figure(bytes.fromhex(handshake['prefix']), prefix)}"
    )


def _message() -> str:
    derived = load("session")["derived"]["messages"][4]
    plain = bytes.fromhex(derived["header_plaintext"])
    header = [Part("flags", 1), Part("n", 4), Part("pn", 4), Part("dh_pub", 32)]
    whole = "".join(derived[name] for name in ("header", "block", "salt", "kc", "body"))
    parts = [
        Part("header: nonce", 12),
        Part("flags, n, pn, dh_pub sealed; tag", 57),
        Part("block: ek_s, ct sealed; tag", 2_288),
        Part("salt", 16),
        Part("kc", 32),
        Part("body: length, payload, zeros sealed; tag", 0),
    ]
    return f"header, opened\n{figure(plain, header)}message\n{figure(bytes.fromhex(whole), parts)}"


def _keys() -> str:
    derived = load("session")["derived"]["messages"][4]
    return _values(
        [
            ("CK", _abbreviated(derived["chain_key"])),
            ("mk", _abbreviated(derived["message_key"])),
            ("CK'", _abbreviated(derived["next_chain_key"])),
            ("salt", derived["salt"]),
            ("k", _abbreviated(derived["k"])),
            ("kc", _abbreviated(derived["kc"])),
            ("BK", _abbreviated(derived["block_key"])),
        ]
    )


def _text() -> str:
    return figure(
        bytes.fromhex(load("payloads")["derived"]["text"]),
        [
            Part("array of 6", 1),
            Part("tag 1", 1),
            Part("bin of 16", 2),
            Part("message_id", 16),
            Part("sent_at_ms", 9),
            Part('str of 15: "see you at noon"', 16),
            Part("answers nothing: nil", 1),
            Part("no timer", 1),
        ],
    )


def _answer_text() -> str:
    return figure(
        bytes.fromhex(load("payloads")["derived"]["answer"]),
        [
            Part("array of 6", 1),
            Part("tag 1", 1),
            Part("message_id", 18),
            Part("sent_at_ms", 9),
            Part('str of 3: "yes"', 4),
            Part("array of 2", 1),
            Part("own: false, the reader wrote it", 1),
            Part("message_id of what it answers", 18),
            Part("timer: a day", 0),
        ],
    )


def _edit() -> str:
    return figure(
        bytes.fromhex(load("payloads")["derived"]["edit"]),
        [
            Part("array of 6", 1),
            Part("tag 8", 1),
            Part("message_id", 18),
            Part("sent_at_ms", 9),
            Part("message_id of the Text", 18),
            Part("number", 9),
            Part('str of 14: "see you at one"', 0),
        ],
    )


def _receipt() -> str:
    return figure(
        bytes.fromhex(load("payloads")["derived"]["receipt"]),
        [
            Part("array of 5", 1),
            Part("tag 2", 1),
            Part("message_id", 18),
            Part("sent_at_ms", 9),
            Part("delivered: array of 1", 1),
            Part("an id", 18),
            Part("read: array of 2", 1),
            Part("an id", 18),
            Part("an id", 18),
        ],
    )


def _queue() -> str:
    derived = load("queues")["derived"]
    names = [
        ("Q", load("queues")["inputs"]["queue_secret"]),
        *((name, derived[name]) for name in ("queue_id",)),
        ("G_tag", derived["guest_tag"]),
        ("G_link", derived["guest_link"]),
        ("K_id", derived["id"]),
        ("K_blob", derived["blob_key"]),
        ("K_bundle", derived["bundle_key"]),
    ]
    return _values([(name, _abbreviated(value)) for name, value in names])


def _put() -> str:
    return figure(
        bytes.fromhex(load("queues")["derived"]["put"]),
        [
            Part("number", 4),
            Part("queue_id", 16),
            Part("blob: id", 12),
            Part("until, envelope, sealed", 4_104),
            Part("tag", 16),
        ],
    )


def _clear_of_an_anchor() -> str:
    derived = load("queues")["derived"]
    parts = [Part("rand", 16), Part("day", 8), Part("tag, masked", 16)]
    return _values(
        [("A_tag", _abbreviated(derived["account_tag"])), ("day tag", derived["day_tag"])]
    ) + figure(bytes.fromhex(derived["clear"]), parts)


def _request() -> str:
    return figure(
        bytes.fromhex(load("queues")["derived"]["requests"]["ack"]),
        [
            Part("number", 4),
            Part("array of 3", 1),
            Part("tag 4: ack", 1),
            Part("queue_id", 18),
            Part("ids: array of 2", 1),
            Part("an id", 14),
            Part("an id", 14),
        ],
    )


def _pairing_text() -> str:
    derived = load("queues")["derived"]
    parts = [
        Part("version", 1),
        Part("V", 16),
        Part("expires_h", 4),
        Part("n", 1),
        Part("hint: kind, port", 3),
        Part("D", 16),
        Part("length, 2001:db8::7", 12),
        Part("hint: kind, port", 3),
        Part("D", 16),
        Part("length, anchor.example", 15),
    ]
    return f"{figure(bytes.fromhex(derived['pairing_body']), parts)}\n{derived['pairing_text']}\n"


def _invite_text() -> str:
    derived = load("invites")["derived"]
    parts = [
        Part("version", 1),
        Part("FP", 32),
        Part("x25519_pk", 32),
        Part("V", 16),
        Part("expires_h", 4),
        Part("flags", 1),
        Part("n", 1),
        Part("hint: kind, port", 3),
        Part("length, 192.0.2.7", 10),
        Part("hint: kind, port", 3),
        Part("D", 16),
        Part("length, anchor.example", 15),
    ]
    return f"{figure(bytes.fromhex(derived['invite_body']), parts)}\n{derived['invite_text']}\n"


def _invite_keys() -> str:
    vector = load("invites")
    derived, given = vector["derived"], vector["inputs"]
    names = [
        ("V", given["secret"]),
        ("I_tag", derived["invite_tag"]),
        ("I_link", derived["invite_link"]),
        ("Q at D", derived["queue_secret"]),
        ("K_link(owner -> joiner)", given["link_key"]),
        ("first Q at D", derived["first_queue_secret"]),
    ]
    return _values([(name, _abbreviated(value)) for name, value in names])


def _join() -> str:
    return figure(
        bytes.fromhex(load("invites")["derived"]["join"]),
        [
            Part("array of 6", 1),
            Part("tag 6", 1),
            Part("message_id", 18),
            Part("sent_at_ms", 9),
            Part("str of 3: Bob", 4),
            Part("number", 9),
            Part("array of 1 mailbox: array of 4", 2),
            Part("addresses: array of 1: host, port", 15),
            Part("D", 18),
            Part("Q", 34),
            Part("direction: inbound", 1),
        ],
    )


def _advert() -> str:
    vector = load("presence")
    strings = [bytes.fromhex(text) for text in vector["derived"]["txt"]]
    shown = []
    for text in strings:
        name, value = text.split(b"=", 1)
        is_version = name == b"v"
        shown.append((name.decode(), value.decode() if is_version else _abbreviated(value.hex())))
    keys = [("epoch", str(vector["derived"]["epoch"])), ("tag 0", vector["derived"]["tags"][0])]
    return _values([*keys, *shown])


def _room_keys() -> str:
    vector = load("rooms")
    derived, bob = vector["derived"], vector["derived"]["members"]["bob"]
    names = [
        ("R_ed", bob["ed25519_public"]),
        ("R_ml", bob["mldsa_public"]),
        ("author", bob["author"]),
        ("room_id", derived["room_id"]),
        ("enc(room_id, FP, x25519_pk)", bob["joined"]),
        ("proof", vector["inputs"]["members"]["bob"]["proof"]),
        ("V", vector["inputs"]["invite_secret"]),
        ("claim", derived["claim"]),
    ]
    return _values([(name, _abbreviated(value)) for name, value in names])


def _room_statement() -> str:
    one = load("rooms")["derived"]["statements"]["pin"]
    head, event = bytes.fromhex(one["head"]), bytes.fromhex(one["event"])
    inner = [
        item("version", 1),
        item("room_id", 32),
        item("author", 32),
        item("number", 2),
        item("kind: SetPin", 1),
        item("body: array of 2: post_id, true", 36),
    ]
    outer = [item("head", len(head)), item("DS: Ed25519, ML-DSA-65", 3_373)]
    value = _values([("id", _abbreviated(one["id"]))])
    return f"head\n{figure(head, inner)}event\n{figure(event, outer)}{value}"


def _room_post() -> str:
    one = load("rooms")["derived"]["posts"]["text"]
    head, event = bytes.fromhex(one["head"]), bytes.fromhex(one["event"])
    content = event[4 + len(head) + 4 + 64 + 4 :]
    inner = [
        item("version", 1),
        item("room_id", 32),
        item("author", 32),
        item("number", 4),
        item("order", 8),
        item("sent_at_ms", 8),
        item("kind: Text", 1),
        item("H(content)", 64),
    ]
    outer = [item("head", len(head)), item("Ed25519", 64), item("content", len(content))]
    parts = [
        Part("array of 6", 1),
        Part("str of 7: general", 8),
        Part("str of 12: who is here?", 13),
        Part("no reply", 2),
        Part("no thread", 2),
        Part("nobody is mentioned", 1),
        Part("no timer", 1),
    ]
    value = _values([("id", _abbreviated(one["id"]))])
    return (
        f"head\n{figure(head, inner)}content\n{figure(content, parts)}"
        f"event\n{figure(event, outer)}{value}"
    )


def _room_places() -> str:
    derived = load("rooms")["derived"]
    lines = []
    for one in derived["places"]:
        place = bytes.fromhex(one["place"])
        lines.append(
            f"{place[:4].hex()} .. {place[28:32].hex()} {place[32:33].hex()} {place[33:].hex()}"
            f"  {one['count']:>2}  {one['digest']}"
        )
    heading = "author             family, block count digest"
    return "\n".join([heading, *lines, f"root = {derived['root']}"]) + "\n"


def _room_have() -> str:
    return figure(
        bytes.fromhex(load("payloads")["derived"]["room have: ids"]),
        [
            Part("array of 5", 1),
            Part("tag 17", 1),
            Part("message_id", 18),
            Part("sent_at_ms", 9),
            Part("room_id", 34),
            Part("array of 6", 1),
            Part("step", 1),
            Part("from_order", 1),
            Part("root", 18),
            Part("after: nothing", 2),
            Part("is_last: true", 1),
            Part("rows: array of 1: array of 4", 2),
            Part("place: author", 34),
            Part("family, block", 5),
            Part("count", 1),
            Part("digest", 18),
            Part("ids: array of 2", 1),
            Part("an id", 34),
            Part("an id", 34),
        ],
    )


def _file() -> str:
    return figure(
        bytes.fromhex(load("transfer")["derived"]["file"]),
        [
            Part("array of 12", 1),
            Part("tag 14", 1),
            Part("message_id, which is the file_id", 18),
            Part("sent_at_ms", 9),
            Part("str of 10: cellar.png", 11),
            Part("size: 262,844", 5),
            Part("str of 9: image/png", 10),
            Part("root", 34),
            Part("F", 34),
            Part("thumbnail: array of 3: 2, 1", 3),
            Part("rgb", 8),
            Part("str of 10: the cellar", 11),
            Part("answers nothing: nil", 1),
            Part("no timer", 1),
        ],
    )


def _file_state() -> str:
    return figure(
        bytes.fromhex(load("transfer")["derived"]["states"][1]),
        [
            Part("array of 7", 1),
            Part("tag 15", 1),
            Part("message_id", 18),
            Part("sent_at_ms", 9),
            Part("file_id", 18),
            Part("number", 9),
            Part("state: accept", 1),
            Part("place: array of 4: array of 1: array of 2", 3),
            Part("str of 14: anchor.example", 15),
            Part("port", 3),
            Part("D", 18),
            Part("Q", 34),
            Part("have: chunk 0", 3),
        ],
    )


def _file_content() -> str:
    vector = load("transfer")
    derived = vector["derived"]
    return _values(
        [
            ("F", _abbreviated(vector["inputs"]["secret"])),
            ("hash 0", _abbreviated(derived["hashes"][0])),
            ("hash 1", _abbreviated(derived["hashes"][1])),
            ("root", _abbreviated(derived["root"])),
            ("K_data", _abbreviated(derived["data_key"])),
            ("K_list", _abbreviated(derived["list_key"])),
            ("sealed list", _abbreviated(derived["sealed_list"])),
            ("sealed chunk 1", _abbreviated(derived["sealed_last_chunk"])),
        ]
    )


def _file_records() -> str:
    derived = load("transfer")["derived"]
    head = [Part("file_id", 16), Part("what: data", 1), Part("index", 4)]
    request = figure(bytes.fromhex(derived["request"]), head)
    parts = [*head, Part("part", 1), Part("sealed chunk 1", 700), Part("tag", 16)]
    part = figure(bytes.fromhex(derived["part"]), parts)
    refusal = figure(bytes.fromhex(derived["refusal"]), [*head, Part("reason: later", 1)])
    return f"request\n{request}part\n{part}refusal\n{refusal}"


def _abbreviated(value: str) -> str:
    return _shown(bytes.fromhex(value))


FIGURES: Final[dict[str, Callable[[], str]]] = {
    "identity": _identity,
    "card": _card,
    "token": _token,
    "rotation": _rotation,
    "chain envelope": _chain_envelope,
    "safety number": _safety,
    "pair keys": _pair,
    "first flight of a link": _first_flight,
    "answer of a link": _answer,
    "record": _record,
    "bundle": _bundle,
    "flight of a session": _flight,
    "keys of a message": _keys,
    "ratchet message": _message,
    "text": _text,
    "answering text": _answer_text,
    "edit": _edit,
    "receipt": _receipt,
    "advert": _advert,
    "queue keys": _queue,
    "put": _put,
    "clear part for an anchor": _clear_of_an_anchor,
    "ack": _request,
    "pairing text": _pairing_text,
    "invite": _invite_text,
    "keys of an invite": _invite_keys,
    "join": _join,
    "keys of a room": _room_keys,
    "statement": _room_statement,
    "post": _room_post,
    "what two members compare": _room_places,
    "room have": _room_have,
    "file": _file,
    "file state": _file_state,
    "content of a file": _file_content,
    "pieces of a file": _file_records,
}


def with_figures(text: str) -> str:
    """The specification with the figures that belong into it."""
    return _FIGURE.sub(lambda found: found[1] + FIGURES[found[2]]() + found[4], text)


def named(text: str) -> list[str]:
    """Which figures the specification asks for."""
    return [found[1] for found in _FIGURE.findall(text)]


if __name__ == "__main__":
    PROTOCOL.write_text(with_figures(PROTOCOL.read_text("utf-8")), "utf-8")
