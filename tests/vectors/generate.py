"""Writes the JSON files beside it: `python -m tests.vectors.generate`, or those that it names.

Inputs are fixed, except what ML-KEM encapsulation and ML-DSA signing draw by themselves; derived
values come from `reference.py`, which shares no code with the product.
"""

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from mnemonic import Mnemonic

from tests.vectors.fixed import UNIX_S, filler, sign
from tests.vectors.reference import (
    BASE32,
    DERIVE,
    Values,
    enc,
    hkdf,
    kem_public,
    sha512,
    u,
    unhex,
    x25519_public,
)
from tests.vectors.rooms import ROOM_STATES, refused_heads, refused_posts, room_inputs

VERSIONS = {
    "identity": 1,
    "identity_chain": 1,
    "pair": 1,
    "link": 1,
    "session": 4,
    "payloads": 8,
    "presence": 1,
    "queues": 3,
    "invites": 2,
    "nearby": 1,
    "files": 2,
    "rooms": 3,
    "transfer": 2,
    "backups": 1,
    "keyslot": 1,
    "move": 1,
}
"""Raised when a file's contents change; SOURCES.md says how."""
FOLDER = Path(__file__).parent
DELIVERY = [0, 1, 3, 4, 5, 6, 2, 7, 8, 9]
SENDERS = "aaaabbabab"
ENTROPIES = {"one": bytes(range(32)), "other": bytes(range(100, 132))}


def ciphertext_for(encapsulation_key: bytes) -> str:
    return MLKEM768PublicKey.from_public_bytes(encapsulation_key).encapsulate()[1].hex()


def identity_inputs(who: str) -> Values:
    phrase = Mnemonic("english").to_mnemonic(ENTROPIES[who])
    return {"entropy": ENTROPIES[who].hex(), "phrase": phrase, "number": 0}


def identity_chain_inputs(who: str) -> Values:
    """Statements by name: from and to which identity, under which number."""
    own = [DERIVE["identity"](identity_inputs(who) | {"number": number}) for number in range(4)]
    seeds = {name: own[0][f"recovery_{name}"] for name in ("ed25519_seed", "mldsa_seed")}
    statements: Values = {
        "first": {"old": 0, "new": 1, "number": 1},
        "second": {"old": 1, "new": 2, "number": 2},
        "beside": {"old": 0, "new": 2, "number": 2},
        "third": {"old": 0, "new": 3, "number": 3},
        "end": {"old": 1, "number": 2},
    }
    for one in statements.values():
        body = enc(
            b"\x01",
            b"\x01" if "new" in one else b"\x02",
            unhex(own[one["old"]]["card"]),
            u(32, one["number"]),
            unhex(own[one["new"]]["card"]) if "new" in one else b"",
            unhex(own[0]["recovery_public"]),
        )
        one["signature"] = sign(seeds, "rotation", body)
    sets = [
        {"known": 0, "statements": ["first"]},
        {"known": 1, "statements": ["first"]},
        {"known": 0, "statements": ["second", "first"]},
        {"known": 1, "statements": ["third", "first"]},
        {"known": 0, "statements": ["first", "second", "beside"]},
        {"known": 2, "statements": ["beside", "third", "second"]},
        {"known": 0, "statements": ["first", "end"]},
        {"known": 1, "statements": ["end", "beside", "second", "first"]},
        {"known": 1, "statements": ["end"]},
    ]
    return {
        "entropy": ENTROPIES[who].hex(),
        "statements": statements,
        "envelopes": [["first"], ["first", "end"], ["first", "second", "third"]],
        "sets": sets,
    }


def refused_statements(rotation: str) -> list[Values]:
    """Changes to a rotation that make another thing of it: which bytes, and where."""
    inner = 4  # behind the length of the body
    return [
        {"wrong": "version", "at": inner + 4, "bytes": "02"},
        {"wrong": "kind", "at": inner + 9, "bytes": "03"},
        {"wrong": "a revocation with a card", "at": inner + 9, "bytes": "02"},
        {"wrong": "length of a card", "at": inner + 13, "bytes": "36"},
        {"wrong": "number", "at": inner + 2_119, "bytes": "00000000"},
        {"wrong": "the same card", "at": inner + 2_127, "bytes": rotation[2 * 18 : 2 * 2_119]},
        {"wrong": "recovery key", "at": inner + 4_232, "bytes": "ff"},
        {"wrong": "signature", "at": 6_224, "bytes": "00"},
        {"wrong": "second signature", "at": 9_500, "bytes": "0000"},
    ]


def pair_inputs(one: Values, other: Values) -> Values:
    names = ("x25519_seed", "fingerprint")
    return {
        "one": {name: one[name] for name in names},
        "other": {name: other[name] for name in names},
    }


def link_inputs(pair: Values) -> Values:
    kem_seed = filler("link kem", 64)
    return {
        "tag_key": pair["one_to_other"]["tag"],
        "link_key": pair["one_to_other"]["link"],
        "rand": filler("link rand", 16).hex(),
        "day": UNIX_S // 86_400,
        "initiator_ephemeral": filler("link initiator", 32).hex(),
        "responder_ephemeral": filler("link responder", 32).hex(),
        "kem_seed": kem_seed.hex(),
        "kem_ciphertext": ciphertext_for(kem_public(kem_seed)),
        "record_types": [1, 3],
        "record_bodies": ["", filler("link record", 4_096).hex()],
    }


def session_inputs(a: Values, b: Values) -> Values:
    names = (
        "ed25519_seed",
        "mldsa_seed",
        "x25519_seed",
        "ed25519_public",
        "mldsa_public",
        "recovery_public",
        "card",
        "fingerprint",
    )
    prekey: Values = {
        "bundle_id": filler("bundle id", 8).hex(),
        "signed_prekey_seed": filler("signed prekey", 32).hex(),
        "kem_seed": filler("prekey kem", 64).hex(),
        "issued_at": UNIX_S,
        "expires_at": UNIX_S + 7 * 86_400,
        "last_counter": UNIX_S * 1_000 + 5,
        "last_accepted": UNIX_S * 1_000 + 3,
    }
    spk, ek = (
        x25519_public(unhex(prekey["signed_prekey_seed"])),
        kem_public(unhex(prekey["kem_seed"])),
    )
    bundle = enc(
        b"\x01",
        unhex(b["fingerprint"]),
        u(32, 0),
        b"\x01",
        unhex(prekey["bundle_id"]),
        spk,
        ek,
        u(64, prekey["issued_at"]),
        u(64, prekey["expires_at"]),
    )
    told = u(64, prekey["last_counter"]), u(64, prekey["last_accepted"])
    prekey["signature"] = sign(b, "bundle", enc(bundle, *told))
    flight: Values = {
        "ephemeral_seed": filler("handshake ephemeral", 32).hex(),
        "kem_ciphertext": ciphertext_for(ek),
        "reset_counter": UNIX_S * 1_000 + 123,
    }
    ephemeral = x25519_public(unhex(flight["ephemeral_seed"]))
    ciphertext = unhex(flight["kem_ciphertext"])
    th0 = sha512(enc(b"LOOM/1 hs", unhex(b["fingerprint"]), sha512(bundle), ephemeral, ciphertext))
    counter = u(64, flight["reset_counter"])
    signed = enc(th0, unhex(a["fingerprint"]), unhex(b["fingerprint"]), u(32, 0), counter)
    flight["signature"] = sign(a, "init", signed)
    return {
        "a": {name: a[name] for name in names},
        "b": {name: b[name] for name in names},
        "prekey": prekey,
        "flight": flight,
        "messages": session_messages(),
        "delivery": DELIVERY,
    }


def session_messages() -> list[Values]:
    kem_seeds: dict[str, bytes] = {}
    messages: list[Values] = []
    for number, sender in enumerate(SENDERS):
        text = f"message {number} of {sender.upper()}"
        message_id = {"bin": filler(f"message id {number}", 16).hex()}
        fields = [1, message_id, UNIX_S * 1_000 + number, text, None, 0]
        payload = DERIVE["payloads"]({"accepted": {"it": fields}})["it"]
        message: Values = {
            "sender": sender,
            "payload": payload,
            "nonce": filler(f"header {number}", 12).hex(),
            "salt": filler(f"salt {number}", 16).hex(),
        }
        if number == 0 or SENDERS[number - 1] != sender:
            remote = kem_seeds.get("b" if sender == "a" else "a")
            kem_seeds[sender] = filler(f"ratchet kem {number}", 64)
            message["step"] = {
                "x25519_seed": filler(f"ratchet x25519 {number}", 32).hex(),
                "kem_seed": kem_seeds[sender].hex(),
                "kem_ciphertext": ciphertext_for(kem_public(remote))
                if remote
                else bytes(1_088).hex(),
            }
        messages.append(message)
    return messages


def payload_inputs() -> Values:
    id_one, id_two = {"bin": bytes(range(16)).hex()}, {"bin": bytes(range(16, 32)).hex()}
    ms, some = UNIX_S * 1_000, bytes(range(16)).hex()
    mask, secret, year = {"bin": some}, {"bin": bytes(range(32)).hex()}, 31_536_000
    entry = f"949192a16101c410{some}c420{some * 2}00"  # at port 1 of the host "a"
    later = f"9464c410{some}05"
    none, proof = {"bin": ""}, {"bin": "22" * 3_373}
    mldsa, place_0 = {"bin": "11" * 1_952}, {"bin": f"{some * 2}0100000000"}
    row = [{"bin": f"{some * 2}0200000000"}, 300, mask, []]
    row_of_ids = [{"bin": f"{some * 2}0200000001"}, 2, mask, [secret, {"bin": "ff" * 32}]]
    have = f"9511c410{some}00c420{some * 2}96"
    a_row = f"94c425{some * 2}0200000000"
    rooted = f"c420{some * 2}" * 2
    a_file, a_state = f"9c0ec410{some}00", f"970fc410{some}00c410{some}"
    a_place = f"949192a16101c410{some}c420{some * 2}c400"
    return {
        "accepted": {
            "text": [1, id_one, ms, "see you at noon", None, 0],
            "text of 40 bytes": [1, id_one, 0, "\N{SNOWMAN}" * 13 + "!", None, 0],
            "longest text": [1, id_one, ms, "x" * 16_384, None, 0],
            "answer": [1, id_one, ms, "yes", [False, id_two], 86_400],
            "answer to oneself with the longest timer": [1, id_one, ms, "x", [True, id_two], year],
            "empty receipt": [2, id_one, ms, [], []],
            "receipt": [2, id_one, ms, [id_two], [id_one, id_two]],
            "receipt of 20": [2, id_one, ms, [id_two] * 20, []],
            "typing": [3, id_one, ms, True],
            "typing ended": [3, id_one, ms, False],
            "profile": [4, id_one, 2**53 - 1, ms, "Ada", "in the mountains", False],
            "profile of somebody away": [4, id_one, ms, 2**53 - 1, "", "", True],
            "longest profile": [4, id_one, ms, 0, "n" * 256, "s" * 256, True],
            "mailboxes": [
                5,
                id_one,
                ms,
                ms + 1,
                [
                    [[["192.0.2.7", 4070], ["anchor.example", 443]], mask, secret, 0],
                    [[["2001:db8::7", 4070]], mask, secret, 1],
                ],
            ],
            "no mailboxes": [5, id_one, ms, ms + 1, []],
            "edit": [8, id_one, ms, id_two, ms, "see you at one"],
            "edit with the largest number": [8, id_one, ms, id_two, 2**53 - 1, "x" * 16_384],
            "delete": [9, id_one, ms, [id_two]],
            "delete of 100": [9, id_one, ms, [id_two] * 100],
            "reaction": [10, id_one, ms, [False, id_two], ms, "\N{THUMBS UP SIGN}"],
            "reaction taken back": [10, id_one, ms, [True, id_two], 0, ""],
            "longest reaction": [10, id_one, ms, [True, id_two], 7, "\N{SNOWMAN}" * 21 + "!"],
            "pin": [11, id_one, ms, [True, id_two], ms, True],
            "pin taken off": [11, id_one, ms, [False, id_two], ms, False],
            "timer": [12, id_one, ms, ms + 1, 3_600],
            "timer off": [12, id_one, ms, ms + 1, 0],
            "farewell to a conversation": [13, id_one, ms, ms, 1],
            "farewell to a contact": [13, id_one, ms, ms - 1, 2],
            "file": [14, id_one, ms, "x", 0, "", secret, secret, None, "", None, 0],
            "largest file": [
                *(14, id_one, ms, "n" * 255, 2**34, "t" * 127, secret, secret),
                *([64, 48, {"bin": "7f" * 9_216}], "c" * 16_384, [True, id_two], year),
            ],
            "file accepted": [15, id_one, ms, id_two, ms, 1, None],
            "file accepted by an anchor": [
                *(15, id_one, ms, id_two, ms, 1),
                [
                    [["192.0.2.7", 4070], ["anchor.example", 443]],
                    mask,
                    secret,
                    {"bin": "ff" * 8_192},
                ],
            ],
            **{
                f"file state {state}": [15, id_one, ms, id_two, 2**53 - 1, state, None]
                for state in (2, 3, 4, 5)
            },
            "room events": [16, id_one, ms, secret, [{"bin": "00"}, {"bin": "0102"}], [secret]],
            "room events told to nobody": [16, id_one, ms, secret, [{"bin": "ff" * 300}], []],
            "room have: root": [17, id_one, ms, secret, [0, 0, mask, none, True, []]],
            "room have: rows": [17, id_one, ms, secret, [1, 2**40, mask, place_0, False, [row]]],
            "room have: no rows": [17, id_one, ms, secret, [1, 0, mask, none, True, []]],
            "room have: ids": [17, id_one, ms, secret, [2, 0, mask, none, True, [row_of_ids]]],
            "room have: missing": [17, id_one, ms, secret, [3, 0, mask, none, True, [row_of_ids]]],
            "room key": [18, id_one, ms, secret, secret, mldsa, proof, none],
            "room key with a claim": [18, id_one, ms, secret, secret, mldsa, proof, secret],
            "unknown tag": [300, id_one, ms, [1, "later"], {"bin": "00"}],
        },
        "skipped": {
            "later kind with no field of its own": f"93{later[2:]}",
            "integer not in its shortest form": f"{later}cd0005",
            "text that is no UTF-8": f"{later}a1ff",
            "map with one key twice": f"{later}82a16101a16102",
            "map with the keys 1 and true": f"{later}8201c0c3c0",
            "map as a key": f"{later}818001",
            "time past the year 9999": f"{later}d7ff{'ff' * 8}",
            "extension of 3 bytes": f"{later}c703ff000000",
            "float of 32 bits": f"{later}ca3f800000",
            "arrays 16 deep": f"{later}{'91' * 16}c0",
        },
        "refused": {
            "nothing": "",
            "no array": "01",
            "integer not in its shortest form": f"96cc01c410{some}00a178c000",
            "bytes left over": f"9601c410{some}00a178c00000",
            "one field too many": f"9701c410{some}00a178c000a0",
            "one field too few": f"9501c410{some}00a178c0",
            "text without answer and timer": f"9401c410{some}00a178",
            "empty text": f"9601c410{some}00a0c000",
            "invalid UTF-8": f"9601c410{some}00a1ffc000",
            "text as bytes": f"9601c410{some}00c40178c000",
            "id of 15 bytes": f"9601c40f{some[:30]}00a178c000",
            "negative time": f"9601c410{some}ffa178c000",
            "time of 2^53": f"9601c410{some}cf0020000000000000a178c000",
            "answer to an id of 15 bytes": f"9601c410{some}00a17892c2c40f{some[:30]}00",
            "answer that says not whose": f"9601c410{some}00a17891c410{some}00",
            "answer with a number for a bool": f"9601c410{some}00a1789200c410{some}00",
            "text under a timer of 4 s": f"9601c410{some}00a178c004",
            "text under a timer of a year and a second": f"9601c410{some}00a178c0ce01e13381",
            "profile with a name alone": f"9404c410{some}00a3416461",
            "profile numbered 2^53": f"9704c410{some}00cf0020000000000000a0a0c2",
            "profile with a status of 257 bytes": f"9704c410{some}0000a0da0101{'73' * 257}c2",
            "profile with a number for a bool": f"9704c410{some}0000a0a001",
            "edit to nothing": f"9608c410{some}00c410{some}00a0",
            "edit numbered 2^53": f"9608c410{some}00c410{some}cf0020000000000000a178",
            "edit with a negative number": f"9608c410{some}00c410{some}ffa178",
            "edit of an id of 15 bytes": f"9608c410{some}00c40f{some[:30]}00a178",
            "delete of nothing": f"9409c410{some}0090",
            "delete of 101": f"9409c410{some}00dc0065" + f"c410{some}" * 101,
            "delete of an id of 15 bytes": f"9409c410{some}0091c40f{some[:30]}",
            "reaction of 65 bytes": f"960ac410{some}0092c3c410{some}00d941{'61' * 65}",
            "reaction numbered 2^53": f"960ac410{some}0092c3c410{some}cf0020000000000000a178",
            "pin with a number for a bool": f"960bc410{some}0092c3c410{some}0001",
            "pin of an id of 15 bytes": f"960bc410{some}0092c3c40f{some[:30]}00c3",
            "receipt with a short id": f"9502c410{some}0091c4010090",
            "five mailboxes": f"9505c410{some}0000" + f"95{entry * 5}",
            "mailbox without an address": f"9505c410{some}0000919490c410{some}c420{some * 2}00",
            "mailbox of a third direction": f"9505c410{some}000091{entry[:-2]}02",
            "mailbox with a host in capitals": f"9505c410{some}000091{entry}".replace("61", "41"),
            "timer of 4 seconds": f"950cc410{some}000104",
            "timer of a year and a second": f"950cc410{some}0001ce01e13381",
            "farewell to what comes after it": f"950dc410{some}000101",
            "farewell to nothing": f"950dc410{some}000000",
            "file without a name": f"{a_file}a000a0{rooted}c0a0c000",
            "file with a name of 256 bytes": f"{a_file}da0100{'6e' * 256}00a0{rooted}c0a0c000",
            "file of 16 GiB and a byte": f"{a_file}a16ecf0000000400000001a0{rooted}c0a0c000",
            "file with a type of 128 bytes": f"{a_file}a16e00d980{'74' * 128}{rooted}c0a0c000",
            "file with a type that is not ASCII": f"{a_file}a16e00a2c3a9{rooted}c0a0c000",
            "file with a type of two lines": f"{a_file}a16e00a3610a62{rooted}c0a0c000",
            "file with a root of 31 bytes": f"{a_file}a16e00a0c41f{some}{some[:30]}"
            f"c420{some * 2}c0a0c000",
            "thumbnail with a byte too few": f"{a_file}a16e00a0{rooted}930101c4020000a0c000",
            "thumbnail without width": f"{a_file}a16e00a0{rooted}930001c400a0c000",
            "thumbnail of 9,219 bytes": f"{a_file}a16e00a0{rooted}9301cd0c01c52403{'00' * 9_219}"
            "a0c000",
            "file with a timer of a second": f"{a_file}a16e00a0{rooted}c0a0c001",
            "file state 0": f"{a_state}0000c0",
            "file state 6": f"{a_state}0006c0",
            "file state numbered 2^53": f"{a_state}cf002000000000000001c0",
            "file declined with a place": f"{a_state}0002{a_place}",
            "file accepted with a place without an address": f"{a_state}00019490{a_place[12:]}",
            "file accepted with a bitmap that ends in a zero byte": f"{a_state}0001"
            f"{a_place[:-2]}020100",
            "file accepted with a bitmap of 8,193 bytes": f"{a_state}0001{a_place[:-4]}c52001"
            f"{'01' * 8_193}",
            "room events of nothing": f"9610c410{some}00c420{some * 2}9090",
            "room events with an empty one": f"9610c410{some}00c420{some * 2}91c40090",
            "room events with one of 36,865 bytes": f"9610c410{some}00c420{some * 2}91c59001"
            f"{'00' * 36_865}90",
            "257 room events": f"9610c410{some}00c420{some * 2}dc0101{'c40100' * 257}90",
            "room events told to 129": f"9610c410{some}00c420{some * 2}91c40100dc0081"
            + f"c420{some * 2}" * 129,
            "room events of a room of 31 bytes": f"9610c410{some}00c41f{some}{some[:30]}91c4010090",
            "room have of a fourth step": f"{have}0400c410{some}c400c390",
            "room have with a short root": f"{have}0000c40f{some[:30]}c400c390",
            "room have after 36 bytes": f"{have}0100c410{some}c424{some * 2}01000000c390",
            "room have: ids in rows": f"{have}0100c410{some}c400c391{a_row}01c410{some}"
            f"91c420{some * 2}",
            "room have: a place twice": f"{have}0100c410{some}c400c392"
            + f"{a_row}01c410{some}90" * 2,
            "room have: a row not above the last place": f"{have}0100c410{some}"
            f"c425{some * 2}0200000000c391{a_row}01c410{some}90",
            "room have: an id of 31 bytes": f"{have}0200c410{some}c400c391{a_row}01c410{some}"
            f"91c41f{some}{some[:30]}",
            "room key with a short proof": f"9812c410{some}00c420{some * 2}c420{some * 2}"
            f"c507a0{'11' * 1_952}c50d2c{'22' * 3_372}c400",
            "room key with a claim of 16 bytes": f"9812c410{some}00c420{some * 2}c420{some * 2}"
            f"c507a0{'11' * 1_952}c50d2d{'22' * 3_373}c410{some}",
            "unknown tag without an id": "9264a0",
            "unknown tag not in its shortest form": f"94cd0064c410{some}00c0",
            "unknown tag, head of the array not in its shortest form": f"dc0004{later[2:]}c0",
            "unknown tag, one field too few": later,
            "unknown tag, bytes left over": f"{later}c0c0",
            "unknown tag, a byte that begins nothing": f"{later}c1",
            "unknown tag, a value cut short": f"{later}c40200",
            "unknown tag, arrays 17 deep": f"{later}{'91' * 17}c0",
            "tag 0": f"9300c410{some}00",
        },
    }


def presence_inputs(pair: Values) -> Values:
    keys = [pair["one_to_other"]["presence"]]
    keys += [filler(f"presence key {number}", 32).hex() for number in range(19)]
    return {
        "presence_keys": keys,
        "unix_s": UNIX_S,
        "nonce": filler("presence nonce", 16).hex(),
        "port": 4_070,
        "addresses": ["fd000000000000000000000000000007", "c0000207", "0a000001"],
        "fillers": [filler(f"presence filler {number}", 8).hex() for number in range(12)],
    }


def queue_inputs() -> Values:
    queue_secret, mask_key = filler("queue", 32), filler("mask key", 16)
    queue_id = {"bin": hkdf(b"", queue_secret, b"LOOM/1 queue", 16).hex()}
    id_one, id_two = ({"bin": filler(f"blob {n}", 12).hex()} for n in (1, 2))
    keys = [{"bin": filler(f"guest {n}", 32).hex()} for n in ("tag", "link")]
    sealed = {"bin": filler("sealed bundle", 6_852).hex()}
    limits = [12, 1_000, 1 << 24, 1_000, 1 << 29, 200, 600, 10, 1 << 26, 1 << 28, 2_000]
    inputs: Values = {
        "queue_secret": queue_secret.hex(),
        "account_secret": filler("account", 32).hex(),
        "pairing_secret": filler("pairing", 16).hex(),
        "mask_key": mask_key.hex(),
        "envelope": filler("envelope in a queue", 4_096).hex(),
        "until": UNIX_S + 30 * 86_400,
        "parcel": {
            "file_id": filler("file id", 16).hex(),
            "what": 1,
            "index": 700,
            "part": 4,
            "bytes": filler("part of a chunk", 16_496).hex(),
        },
        "bundle": filler("bundle in a queue", 6_824).hex(),
        "bundle_nonce": filler("bundle nonce", 12).hex(),
        "rand": filler("anchor rand", 16).hex(),
        "day": UNIX_S // 86_400,
        "number": 7,
        "requests": {
            "open": [1, queue_id, *keys, 2, UNIX_S + 86_400],
            "open for files": [1, queue_id, *keys, 4, 0],
            "shut": [2, queue_id],
            "subscribe": [3],
            "ack": [4, queue_id, [id_one, id_two]],
            "have": [5, queue_id, [id_one]],
            "lay": [6, queue_id, 3, sealed],
            "fetch": [7, queue_id],
            "work": [8, queue_id, id_one, UNIX_S // 86_400, 123_456],
            "pair": [9, *keys],
            "status": [10],
            "unpair": [11],
        },
        "answers": {
            "ok": [1],
            "full": [2],
            "taken": [3],
            "later": [4, 60],
            "unknown": [5],
            "ended": [6],
            "more": [7, 22],
            "ids": [8, [id_two]],
            "laid": [9, sealed, 2],
            "no bundle": [9, {"bin": ""}, 0],
            "subscribed": [10, UNIX_S, True, [[queue_id, {"bin": filler("marks", 32).hex()}]]],
            "displaced": [11],
            "limits": limits,
            "stored": [13, UNIX_S, limits, [[queue_id, 3, 12_396, UNIX_S - 60, 2]]],
        },
        "expires_h": UNIX_S // 3_600 + 1,
        "hints": [
            {"host": "2001:db8::7", "port": 4_070, "mask_key": mask_key.hex()},
            {"host": "anchor.example", "port": 4_070, "mask_key": mask_key.hex()},
        ],
        "work_nonce": 0,
    }
    found = DERIVE["queues"](inputs)
    day, blob_id = u(64, inputs["day"]), unhex(found["blob_id"])
    work = enc(b"LOOM/1 work", unhex(found["queue_id"]), day, blob_id, u(64, 0))[:-8]
    while any(sha512(work + u(64, inputs["work_nonce"]))[:2]) or (
        sha512(work + u(64, inputs["work_nonce"]))[2] >> 4
    ):
        inputs["work_nonce"] += 1
    return inputs


def invite_inputs(one: Values, pair: Values) -> Values:
    mask_key, sent_at_ms = filler("mask key", 16).hex(), UNIX_S * 1_000
    node = {"host": "192.0.2.7", "port": 4_070, "mask_key": ""}
    anchor = {"host": "anchor.example", "port": 4_070, "mask_key": mask_key}
    entry = [[["a.example", 4_070]], {"bin": mask_key}, {"bin": filler("mailbox", 32).hex()}, 0]
    return {
        "fingerprint": one["fingerprint"],
        "x25519_public": one["x25519_public"],
        "secret": filler("invite secret", 16).hex(),
        "mask_key": mask_key,
        "link_key": pair["one_to_other"]["link"],
        "day": UNIX_S // 86_400,
        "rand": filler("invite rand", 16).hex(),
        "invite": {"expires_h": UNIX_S // 3_600 + 24, "flags": 0, "hints": [node, anchor]},
        "room_invite": {
            "expires_h": UNIX_S // 3_600 + 24,
            "flags": 2,
            "room_id": filler("room of an invite", 32).hex(),
            "room_name": "the attic",
            "hints": [anchor],
        },
        "address": {"expires_h": UNIX_S // 3_600 + 720, "flags": 1, "hints": [anchor]},
        "join": [
            6,
            {"bin": bytes(range(16)).hex()},
            sent_at_ms,
            "Bob",
            sent_at_ms,
            [entry],
        ],
    }


def nearby_inputs(a: Values, b: Values) -> Values:
    kem_seed = filler("nearby kem", 64)

    def side(who: Values, label: str, name: str, port: int) -> Values:
        return {
            "x25519_seed": who["x25519_seed"],
            "fingerprint": who["fingerprint"],
            "name": name,
            "port": port,
            "number": filler(f"nearby number {label}", 16).hex(),
            "nonce": filler(f"nearby nonce {label}", 32).hex(),
            "ephemeral_seed": filler(f"nearby ephemeral {label}", 32).hex(),
        }

    return {
        "alias_random": "c0ffee",
        "a": {**side(a, "a", "Ada", 4_070), "kem_seed": kem_seed.hex()},
        "b": {
            **side(b, "b", "B\N{LATIN SMALL LETTER O WITH STROKE}b", 0),
            "kem_ciphertext": ciphertext_for(kem_public(kem_seed)),
        },
    }


def file_inputs(pair: Values) -> Values:
    """From the first identity of `pair.json` to the second."""
    sizes = (4_096, 16_384)
    return {
        "link_key": pair["one_to_other"]["link"],
        "salt": filler("salt of a file", 16).hex(),
        "until": UNIX_S + 30 * 86_400,
        "bundle": filler("bundle in a file", 6_824).hex(),
        "bundle_nonce": filler("bundle nonce in a file", 12).hex(),
        "envelopes": [filler(f"envelope of {size} in a file", size).hex() for size in sizes],
    }


def transfer_inputs() -> Values:
    """A file of two chunks, the second one small; what the JSON says of it follows from `size`."""
    file_id, state_id = filler("file_id", 16).hex(), filler("state_id", 16).hex()
    ms = UNIX_S * 1_000
    place = [
        [["anchor.example", 443]],
        {"bin": filler("bulk D", 16).hex()},
        {"bin": filler("bulk Q", 32).hex()},
        {"bin": "01"},
    ]
    return {
        "file_id": file_id,
        "secret": filler("F", 32).hex(),
        "size": 262_844,
        "media_type": "image/png",
        "offer": {
            "sent_at_ms": ms,
            "name": "cellar.png",
            "thumbnail": [2, 1, {"bin": "ff8000007fff"}],
            "caption": "the cellar",
        },
        "states": [
            [15, {"bin": state_id}, ms + 1, {"bin": file_id}, ms + 1, 1, None],
            [15, {"bin": state_id}, ms + 2, {"bin": file_id}, ms + 2, 1, place],
            [15, {"bin": state_id}, ms + 3, {"bin": file_id}, ms + 3, 4, None],
        ],
    }


def refused_file_records(inputs: Values) -> Values:
    """Bodies of records 4, 5 and 6 that close a link."""
    file_id = inputs["file_id"]
    return {
        "4": {
            "empty": "",
            "a byte too few": f"{file_id}01000000",
            "a byte too many": f"{file_id}010000000000",
            "of what is neither list nor data": f"{file_id}0200000000",
            "of the ninth piece of a list": f"{file_id}0000000008",
            "of chunk 65,536": f"{file_id}0100010000",
        },
        "5": {
            "of nothing": f"{file_id}010000000000",
            "cut short": f"{file_id}0100000000",
            "of what is neither list nor data": f"{file_id}02000000000000",
            "of chunk 65,536": f"{file_id}01000100000000",
        },
        "6": {
            "without a reason": f"{file_id}0100000000",
            "for no known reason": f"{file_id}010000000003",
            "for reason 0": f"{file_id}010000000000",
            "of the ninth piece of a list": f"{file_id}000000000801",
            "a byte too many": f"{file_id}01000000000100",
        },
    }


def refused_tokens(token: str) -> list[Values]:
    """What is wrong, and a token with just that wrong (and perhaps a later check's fault)."""

    def remade(change: bytes, at: int) -> str:
        value = int.from_bytes(_unbase32(token[5:]), "big")
        body = value.to_bytes(69, "big")[:65]
        body = body[:at] + change + body[at + len(change) :]
        data = body + sha512(enc(b"LOOM/1 token", body))[:4]
        bits = "".join(f"{byte:08b}" for byte in data) + "000"
        return "LOOM-" + "".join(BASE32[int(bits[i : i + 5], 2)] for i in range(0, 555, 5))

    last = BASE32[BASE32.index(token[-1]) + 1]
    return [
        {"wrong": "prefix", "token": "L00M-" + token[5:]},
        {"wrong": "alphabet", "token": token[:9] + "1" + token[10:]},
        {"wrong": "version", "token": remade(b"\x02", 0)},
        {"wrong": "length", "token": token[:-1]},
        {
            "wrong": "checksum",
            "token": token[:30] + ("A" if token[30] != "A" else "B") + token[31:],
        },
        {"wrong": "spare bits", "token": token[:-1] + last},
        {"wrong": "canonical key", "token": remade(b"\xff" * 32, 33)},
        {"wrong": "order of the key", "token": remade(bytes([1]) + bytes(31), 33)},
    ]


def _unbase32(characters: str) -> bytes:
    bits = "".join(f"{BASE32.index(character):05b}" for character in characters)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, 552, 8))


def backup_inputs(one: Values) -> Values:
    return {
        **{name: one[name] for name in ("ed25519_seed", "mldsa_seed", "x25519_seed")},
        "passphrase_key": filler("backup passphrase key", 32).hex(),
        "cost": [65_536, 1, 1],
        "passphrase_salt": filler("backup passphrase salt", 16).hex(),
        "salt": filler("backup salt", 32).hex(),
        "content": "90",
    }


def keyslot_inputs() -> Values:
    return {
        "cost": [65_536, 1, 1],
        "salt": filler("keyslot salt", 16).hex(),
        "keks": [filler(f"keyslot kek {one}", 32).hex() for one in (0, 1)],
        "vault_keys": [filler(f"keyslot vault key {one}", 32).hex() for one in (0, 1)],
        "nonces": [filler(f"keyslot nonce {one}", 12).hex() for one in (0, 1)],
        "unused": filler("keyslot unused", 61).hex(),
        "way_salt": filler("unlock salt", 32).hex(),
        "way_secret": filler("unlock secret", 32).hex(),
        "hint": filler("unlock hint", 16).hex(),
    }


def move_inputs() -> Values:
    return {
        "handshake_hash": filler("move handshake", 64).hex(),
        "shares": [filler(f"move share {one}", 32).hex() for one in (0, 1)],
        "size": 1_048_656,
        "header": filler("move header", 80).hex(),
        "offset": 65_536,
        "data": "6c6f6f6d",
    }


def write(name: str, inputs: Values, more: Values | None = None) -> Values:
    derived: Values = DERIVE[name](inputs)
    if sys.argv[1:] and name not in sys.argv[1:]:
        return derived
    content = {
        "protocol": "LOOM/1",
        "version": VERSIONS[name],
        "inputs": inputs,
        "derived": derived,
        **(more or {}),
    }
    text = json.dumps(content, indent=1, ensure_ascii=True)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="ascii")
    return derived


def main() -> None:
    one_inputs = identity_inputs("one")
    token = str(DERIVE["identity"](one_inputs)["token"])
    one = write("identity", one_inputs, {"refused_tokens": refused_tokens(token)})
    chain_inputs = identity_chain_inputs("one")
    rotation = str(DERIVE["identity_chain"](chain_inputs)["rotation"])
    write("identity_chain", chain_inputs, {"refused_statements": refused_statements(rotation)})
    other = DERIVE["identity"](identity_inputs("other"))
    pair = write("pair", pair_inputs(one, other))
    write("link", link_inputs(pair))
    write("session", session_inputs(one, other))
    write("payloads", payload_inputs())
    write("presence", presence_inputs(pair))
    write("queues", queue_inputs())
    write("invites", invite_inputs(one, pair))
    write("nearby", nearby_inputs(one, other))
    write("files", file_inputs(pair))
    write("backups", backup_inputs(one))
    write("keyslot", keyslot_inputs())
    write("move", move_inputs())
    inputs = transfer_inputs()
    write("transfer", inputs, {"refused_records": refused_file_records(inputs)})
    inputs = room_inputs(one, other)
    derived = DERIVE["rooms"](inputs)
    write(
        "rooms",
        inputs,
        {
            "states": ROOM_STATES,
            "refused_heads": refused_heads(derived),
            "refused_posts": refused_posts(derived),
        },
    )


if __name__ == "__main__":
    main()
