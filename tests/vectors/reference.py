"""LOOM/1 once more, straight from docs/PROTOCOL.md: what a second implementer would write.

Nothing here imports the product. Each function takes the `inputs` of one vector file and gives
its `derived`; byte strings are hexadecimal on both sides.
"""

import hashlib
import hmac
from typing import Any

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV, ChaCha20Poly1305

Values = dict[str, Any]

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ZERO_NONCE = bytes(12)
NOISE_NAME = b"Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512"
NEARBY_NOISE_NAME = b"Noise_NNhfs_25519+MLKEM768_ChaChaPoly_SHA512"
ENVELOPE_SIZES = (4_096, 16_384, 61_440)
RECORD_SIZES = (64, 4_160, 16_448, 61_504)


# --- 0: conventions ---


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def hexed(value: Any) -> Any:
    """Bytes anywhere inside become hexadecimal."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: hexed(item) for key, item in value.items()}
        case list():
            return [hexed(item) for item in value]
        case _:
            return value


def enc(*items: bytes) -> bytes:
    return b"".join(len(item).to_bytes(4, "big") + item for item in items)


def u(bits: int, value: int) -> bytes:
    return value.to_bytes(bits // 8, "big")


def sha512(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "sha512").digest()


def hkdf(salt: bytes, input_key: bytes, info: bytes, length: int) -> bytes:
    extracted = mac(salt or bytes(64), input_key)
    block, output, number = b"", b"", 1
    while len(output) < length:
        block = mac(extracted, block + info + bytes([number]))
        output, number = output + block, number + 1
    return output[:length]


def x25519(seed: bytes, public: bytes) -> bytes:
    private = X25519PrivateKey.from_private_bytes(seed)
    return private.exchange(X25519PublicKey.from_public_bytes(public))


def x25519_public(seed: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def kem_public(seed: bytes) -> bytes:
    return MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def decapsulate(seed: bytes, ciphertext: bytes) -> bytes:
    return MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(ciphertext)


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def mldsa_public(seed: bytes) -> bytes:
    return MLDSA65PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def verify(ed25519: bytes, mldsa: bytes, label: str, message: bytes, signature: bytes) -> None:
    """Raises unless both halves verify."""
    signed = enc(b"LOOM/1 " + label.encode(), message)
    Ed25519PublicKey.from_public_bytes(ed25519).verify(signature[:64], signed)
    MLDSA65PublicKey.from_public_bytes(mldsa).verify(signature[64:], signed)


def chacha(key: bytes, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, associated_data)


def siv(key: bytes, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    return AESGCMSIV(key).encrypt(nonce, plaintext, associated_data)


def gcm(key: bytes, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, plaintext, associated_data)


# --- 1, 2: identity and pair ---


def identity(inputs: Values) -> Values:
    entropy, number = unhex(inputs["entropy"]), inputs["number"]
    recovery = hkdf(b"", entropy, b"LOOM/1 recovery", 64)
    seeds = hkdf(b"", entropy, enc(b"LOOM/1 identity", u(32, number)), 96)
    recovery_public = ed25519_public(recovery[:32]) + mldsa_public(recovery[32:])
    publics = ed25519_public(seeds[:32]), mldsa_public(seeds[32:64]), x25519_public(seeds[64:])
    card = enc(b"\x01", *publics, sha512(recovery_public))
    fingerprint = sha512(enc(b"LOOM/1 fp", card))[:32]
    body = b"\x01" + fingerprint + publics[2]
    checksum = sha512(enc(b"LOOM/1 token", body))[:4]
    bits = "".join(f"{byte:08b}" for byte in body + checksum) + "000"
    token = "LOOM-" + "".join(BASE32[int(bits[at : at + 5], 2)] for at in range(0, 555, 5))
    derived: Values = {
        "recovery_ed25519_seed": recovery[:32],
        "recovery_mldsa_seed": recovery[32:],
        "recovery_public": recovery_public,
        "recovery_hash": sha512(recovery_public),
        "ed25519_seed": seeds[:32],
        "mldsa_seed": seeds[32:64],
        "x25519_seed": seeds[64:],
        "ed25519_public": publics[0],
        "mldsa_public": publics[1],
        "x25519_public": publics[2],
        "card": card,
        "fingerprint": fingerprint,
        "token_checksum": checksum,
        "token": token,
    }
    return hexed(derived)  # type: ignore[no-any-return]


CHAIN_ENVELOPE_SIZES = ENVELOPE_SIZES[1:]


def identity_chain(inputs: Values) -> Values:
    entropy = unhex(inputs["entropy"])
    own = [identity({"entropy": inputs["entropy"], "number": number}) for number in range(4)]
    recovery = hkdf(b"", entropy, b"LOOM/1 recovery", 64)
    keys = ed25519_public(recovery[:32]), mldsa_public(recovery[32:])
    raw: dict[str, bytes] = {}
    derived: Values = {"fingerprints": [one["fingerprint"] for one in own], "bodies": {}}
    for name, given in inputs["statements"].items():
        new_card = unhex(own[given["new"]]["card"]) if "new" in given else b""
        kind = u(8, 1 if new_card else 2)
        old_card, number = unhex(own[given["old"]]["card"]), u(32, given["number"])
        body = enc(b"\x01", kind, old_card, number, new_card, b"".join(keys))
        verify(*keys, "rotation", body, unhex(given["signature"]))
        raw[name] = enc(body, unhex(given["signature"]))
        derived["bodies"][name] = sha512(body)
    derived["rotation"], derived["revocation"] = raw["first"], raw["end"]
    derived["envelopes"] = [
        _chain_envelope([raw[name] for name in names]) for names in inputs["envelopes"]
    ]
    derived["outcomes"] = [
        _outcome({name: inputs["statements"][name] for name in given["statements"]})
        for given in inputs["sets"]
    ]
    return hexed(derived)  # type: ignore[no-any-return]


def _chain_envelope(statements: list[bytes]) -> bytes:
    items = enc(*statements)
    whole = b"\x02" + u(32, len(items)) + items
    return whole.ljust(min(size for size in CHAIN_ENVELOPE_SIZES if size >= len(whole)), b"\0")


def _outcome(statements: Values) -> list[Any]:
    """What holds, and the identity that is followed."""
    rotations = [one for one in statements.values() if "new" in one]
    if len(rotations) < len(statements):
        return ["revoked", None]
    if len({one["number"] for one in rotations}) < len(rotations):
        return ["forked", None]
    return ["followed", max(rotations, key=lambda one: one["number"])["new"]]


def pair(inputs: Values) -> Values:
    one = {key: unhex(value) for key, value in inputs["one"].items()}
    other = {key: unhex(value) for key, value in inputs["other"].items()}
    shared = x25519(one["x25519_seed"], x25519_public(other["x25519_seed"]))
    if shared != x25519(other["x25519_seed"], x25519_public(one["x25519_seed"])):
        raise ValueError("the two sides disagree")
    fingerprints = one["fingerprint"], other["fingerprint"]

    def direction(initiator: bytes, responder: bytes) -> Values:
        block = hkdf(b"", shared, enc(b"LOOM/1 pair", initiator, responder), 96)
        return {"tag": block[:32], "link": block[32:64], "presence": block[64:]}

    digest = sha512(enc(b"LOOM/1 sn", *sorted(fingerprints)))
    groups = [int.from_bytes(digest[5 * i : 5 * i + 5], "big") % 100_000 for i in range(12)]
    number = int("".join(f"{group:05d}" for group in groups))
    derived: Values = {
        "shared_secret": shared,
        "one_to_other": direction(*fingerprints),
        "other_to_one": direction(*reversed(fingerprints)),
        "safety_number": " ".join(f"{group:05d}" for group in groups),
        "safety_words": [number >> 11 * (11 - j) & 2_047 for j in range(12)],
    }
    return hexed(derived)  # type: ignore[no-any-return]


# --- 3: link ---


class Noise:
    """The symmetric state of section 3.3, with a note of every value it goes through."""

    def __init__(self, prologue: bytes, name: bytes = NOISE_NAME) -> None:
        self.ck = self.h = name.ljust(64, b"\0")
        self.k, self.counter = b"", 0
        self.trace: list[Values] = []
        self.mix_hash(prologue)
        self.note("prologue")

    def note(self, after: str) -> None:
        self.trace.append({"after": after, "ck": self.ck, "h": self.h, "k": self.k})

    def hkdf(self, input_key: bytes, outputs: int) -> list[bytes]:
        block = hkdf(self.ck, input_key, b"", 64 * outputs)
        return [block[64 * i : 64 * i + 64] for i in range(outputs)]

    def mix_hash(self, data: bytes) -> None:
        self.h = sha512(self.h + data)

    def mix_key(self, input_key: bytes) -> None:
        self.ck, key = self.hkdf(input_key, 2)
        self.k, self.counter = key[:32], 0

    def mix_psk(self, psk: bytes) -> None:
        self.ck, data, key = self.hkdf(psk, 3)
        self.mix_hash(data)
        self.k, self.counter = key[:32], 0

    def seal(self, plaintext: bytes) -> bytes:
        if not self.k:
            self.mix_hash(plaintext)
            return plaintext
        ciphertext = chacha(self.k, noise_nonce(self.counter), plaintext, self.h)
        self.counter += 1
        self.mix_hash(ciphertext)
        return ciphertext


def noise_nonce(counter: int) -> bytes:
    return bytes(4) + counter.to_bytes(8, "little")


def record(key: bytes, counter: int, kind: int, body: bytes) -> bytes:
    plain = bytes([kind]) + u(16, len(body)) + body
    plain = plain.ljust(next(size for size in RECORD_SIZES if len(plain) <= size), b"\0")
    sealed = chacha(key, noise_nonce(counter), plain, b"")
    return u(16, len(sealed)) + sealed


def link(inputs: Values) -> Values:
    tag_key, psk = unhex(inputs["tag_key"]), unhex(inputs["link_key"])
    rand, day = unhex(inputs["rand"]), inputs["day"]
    seed_i, seed_r = unhex(inputs["initiator_ephemeral"]), unhex(inputs["responder_ephemeral"])
    kem_seed, ciphertext = unhex(inputs["kem_seed"]), unhex(inputs["kem_ciphertext"])
    tag = mac(tag_key, enc(b"LOOM/1 tag", u(64, day), rand))[:16]
    clear = rand + u(64, day) + tag

    noise = Noise(b"LOOM/1 link" + clear)
    noise.mix_psk(psk)
    noise.note("psk")
    e_i, e_r = x25519_public(seed_i), x25519_public(seed_r)
    noise.mix_hash(e_i)
    noise.mix_key(e_i)
    noise.note("e of message 1")
    message_1 = e_i + noise.seal(kem_public(kem_seed))
    noise.note("e1")
    message_1 += noise.seal(b"")
    noise.note("message 1")
    noise.mix_hash(e_r)
    noise.mix_key(e_r)
    noise.note("e of message 2")
    noise.mix_key(x25519(seed_i, e_r))
    noise.note("ee")
    message_2 = e_r + noise.seal(ciphertext)
    shared_secret = decapsulate(kem_seed, ciphertext)
    noise.mix_key(shared_secret)
    noise.note("ekem1")
    message_2 += noise.seal(b"")
    noise.note("message 2")
    k1, k2 = (block[:32] for block in noise.hkdf(b"", 2))
    bodies = [unhex(body) for body in inputs["record_bodies"]]
    types = inputs["record_types"]
    rekeyed = chacha(k1, noise_nonce(2**64 - 1), bytes(32), b"")[:32]
    derived: Values = {
        "tag": tag,
        "clear": clear,
        "encapsulation_key": kem_public(kem_seed),
        "dh_ee": x25519(seed_r, e_i),
        "kem_shared_secret": shared_secret,
        "trace": noise.trace,
        "message_1": message_1,
        "message_2": message_2,
        "initiator_to_responder_key": k1,
        "responder_to_initiator_key": k2,
        "initiator_sends": clear + u(16, len(message_1)) + message_1,
        "responder_sends": u(16, len(message_2)) + message_2,
        "confirmation": record(k1, 0, 0, b""),
        "initiator_record_1": record(k1, 1, types[0], bodies[0]),
        "responder_record_0": record(k2, 0, types[1], bodies[1]),
        "initiator_key_after_rekey": rekeyed,
        "initiator_record_16384": record(rekeyed, 16_384, 0, b""),
    }
    return hexed(derived)  # type: ignore[no-any-return]


# --- 4, 5: session ---


def session(inputs: Values) -> Values:
    a = {key: unhex(value) for key, value in inputs["a"].items()}
    b = {key: unhex(value) for key, value in inputs["b"].items()}
    prekey, flight = inputs["prekey"], inputs["flight"]
    bundle, keys = _bundle(prekey, b), _Handshake(prekey, flight, a, b)
    derived = {
        "bundle": bundle,
        "bundle_signed": enc(bundle, *_told(prekey)),
        "bundle_sent": enc(bundle, b["card"], *_told(prekey), unhex(prekey["signature"])),
        "bundle_first_second": prekey["issued_at"] - 86_400,
        "bundle_last_second": prekey["expires_at"] - 1,
        "handshake": keys.derived,
        "messages": _messages(inputs, keys),
    }
    return hexed(derived)  # type: ignore[no-any-return]


def _told(prekey: Values) -> tuple[bytes, bytes]:
    return u(64, prekey["last_counter"]), u(64, prekey["last_accepted"])


def _bundle(prekey: Values, b: dict[str, bytes]) -> bytes:
    bundle = enc(
        b"\x01",
        b["fingerprint"],
        u(32, 0),
        b"\x01",
        unhex(prekey["bundle_id"]),
        x25519_public(unhex(prekey["signed_prekey_seed"])),
        kem_public(unhex(prekey["kem_seed"])),
        u(64, prekey["issued_at"]),
        u(64, prekey["expires_at"]),
    )
    signed = enc(bundle, *_told(prekey))
    signature = unhex(prekey["signature"])
    verify(b["ed25519_public"], b["mldsa_public"], "bundle", signed, signature)
    return bundle


class _Handshake:
    def __init__(
        self, prekey: Values, flight: Values, a: dict[str, bytes], b: dict[str, bytes]
    ) -> None:
        ek_seed, spk_seed = unhex(flight["ephemeral_seed"]), unhex(prekey["signed_prekey_seed"])
        ciphertext, signature = unhex(flight["kem_ciphertext"]), unhex(flight["signature"])
        ephemeral, spk = x25519_public(ek_seed), x25519_public(spk_seed)
        counter = u(64, flight["reset_counter"])
        bundle = _bundle(prekey, b)
        dh1 = x25519(a["x25519_seed"], spk)
        dh2 = x25519(ek_seed, x25519_public(b["x25519_seed"]))
        dh3 = x25519(ek_seed, spk)
        shared = decapsulate(unhex(prekey["kem_seed"]), ciphertext)
        th0 = sha512(enc(b"LOOM/1 hs", b["fingerprint"], sha512(bundle), ephemeral, ciphertext))
        first = hkdf(b"", enc(dh2, dh3, shared), enc(b"LOOM/1 hs1", th0), 96)
        signed = enc(th0, a["fingerprint"], b["fingerprint"], u(32, 0), counter)
        verify(a["ed25519_public"], a["mldsa_public"], "init", signed, signature)
        plaintext = enc(a["card"], u(32, 0), counter, signature)
        sealed = siv(first[:32], ZERO_NONCE, plaintext, th0)
        th1 = sha512(enc(b"LOOM/1 th1", th0, plaintext))
        info = enc(b"LOOM/1 hs2", th1, a["fingerprint"], b["fingerprint"])
        final = hkdf(first[32:], dh1, info, 128)
        self.prefix = unhex(prekey["bundle_id"]) + ephemeral + ciphertext + sealed
        self.root_key, self.header_key_a = final[:32], final[32:64]
        self.next_header_key_b, self.session_id = final[64:96], final[96:]
        self.associated_data = enc(b"LOOM/1 AD", a["fingerprint"], b["fingerprint"], th1)
        self.derived: Values = {
            "ephemeral_public": ephemeral,
            "dh1": dh1,
            "dh2": dh2,
            "dh3": dh3,
            "kem_shared_secret": shared,
            "th0": th0,
            "k1": first[:32],
            "ck": first[32:],
            "signed": signed,
            "p1": plaintext,
            "e1": sealed,
            "th1": th1,
            "root_key": self.root_key,
            "header_key_a": self.header_key_a,
            "next_header_key_b": self.next_header_key_b,
            "session_id": self.session_id,
            "prefix": self.prefix,
            "hsid": sha512(enc(ephemeral, ciphertext)),
            "prefix_hash": sha512(self.prefix),
            "associated_data": self.associated_data,
        }


def _messages(inputs: Values, keys: _Handshake) -> list[Values]:
    """Ten messages as their senders make them; both sides' steps share one root chain."""
    spk_seed = unhex(inputs["prekey"]["signed_prekey_seed"])
    root_key = keys.root_key
    next_header_key = {"a": keys.header_key_a, "b": keys.next_header_key_b}
    pairs: dict[str, tuple[bytes, bytes]] = {"b": (spk_seed, b"")}
    chain: dict[str, Values] = {}
    answered = False
    result = []
    for message in inputs["messages"]:
        sender = message["sender"]
        remote = "b" if sender == "a" else "a"
        noted: Values = {"sender": sender}
        if "step" in message:
            x_seed, k_seed = (
                unhex(message["step"]["x25519_seed"]),
                unhex(message["step"]["kem_seed"]),
            )
            ciphertext = unhex(message["step"]["kem_ciphertext"])
            remote_x, remote_k = pairs[remote]
            dh_s, dh_r = x25519_public(x_seed), x25519_public(remote_x)
            ek_s, ek_r = kem_public(k_seed), kem_public(remote_k) if remote_k else b""
            shared = decapsulate(remote_k, ciphertext) if remote_k else b""
            dh = x25519(remote_x, dh_s)
            public = sha512(enc(dh_s, dh_r, ek_r, ciphertext, ek_s))
            block = hkdf(root_key, enc(dh, shared), enc(b"LOOM/1 rk", keys.session_id, public), 96)
            noted["step"] = {
                "dh": dh,
                "kem_shared_secret": shared,
                "public_hash": public,
                "root_key": block[:32],
                "chain_key": block[32:64],
                "next_header_key": block[64:],
            }
            chain[sender] = {
                "header_key": next_header_key[sender],
                "chain_key": block[32:64],
                "n": 0,
                "pn": chain[sender]["n"] if sender in chain else 0,
                "dh_s": dh_s,
                "block": ek_s + ciphertext,
            }
            root_key, next_header_key[sender] = block[:32], block[64:]
            pairs[sender] = (x_seed, k_seed)
        current = chain[sender]
        answered = answered or sender == "b"
        noted |= _message(message, current, keys, b"" if answered else keys.prefix)
        current["chain_key"] = noted["next_chain_key"]
        current["n"] += 1
        result.append(noted)
    return result


def _message(message: Values, chain: Values, keys: _Handshake, prefix: bytes) -> Values:
    direction = b"\0" if message["sender"] == "a" else b"\x01"
    nonce = unhex(message["nonce"])
    salt, payload = unhex(message["salt"]), unhex(message["payload"])
    derived = sha512(enc(b"LOOM/1 ck", chain["chain_key"]))
    key = sha512(enc(b"LOOM/1 msg", derived[:32], keys.session_id, direction, salt))
    header_plaintext = b"\0" + u(32, chain["n"]) + u(32, chain["pn"]) + chain["dh_s"]
    header = nonce + siv(chain["header_key"], nonce, header_plaintext, b"")
    block_key = sha512(enc(b"LOOM/1 block", chain["header_key"]))[:32]
    block = gcm(block_key, nonce, chain["block"], header)
    clear = header + block + salt + key[32:]
    fixed = 1 + len(prefix) + len(clear) + 16
    size = next(size for size in ENVELOPE_SIZES if fixed + 4 + len(payload) <= size)
    padded = (u(32, len(payload)) + payload).ljust(size - fixed, b"\0")
    body = chacha(key[:32], ZERO_NONCE, padded, keys.associated_data + clear)
    envelope = (b"\0" if prefix else b"\x01") + prefix + clear + body
    return {
        "header_key": chain["header_key"],
        "chain_key": chain["chain_key"],
        "next_chain_key": derived[32:],
        "message_key": derived[:32],
        "k": key[:32],
        "kc": key[32:],
        "block_key": block_key,
        "header_plaintext": header_plaintext,
        "header": header,
        "block_plaintext_hash": sha512(chain["block"]),
        "block": block,
        "salt": salt,
        "body": body,
        "envelope_type": envelope[0],
        "envelope_bytes": len(envelope),
        "envelope_hash": sha512(envelope),
    }


# --- 6: payloads ---


def payloads(inputs: Values) -> Values:
    return {name: _pack(fields).hex() for name, fields in inputs["accepted"].items()}


def _pack(value: Any) -> bytes:
    """The part of MessagePack that payloads use; {"bin": hex} stands for bytes."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return _pack_int(value)
        case {"bin": text}:
            return _headed(unhex(text), (), ((0xC4, 8), (0xC5, 16)))
        case str():
            return _headed(value.encode(), (0xA0, 32), ((0xD9, 8), (0xDA, 16)))
        case list():
            header = _head(len(value), (0x90, 16), ((0xDC, 16),))
            return header + b"".join(_pack(item) for item in value)
        case _:
            raise TypeError(type(value).__name__)


def _pack_int(value: int) -> bytes:
    if -0x20 <= value < 0x80:
        return bytes([value & 0xFF])
    kind, bits = next((0xCC + i, 8 << i) for i in range(4) if value < 1 << (8 << i))
    return bytes([kind]) + u(bits, value)


def _head(length: int, fixed: tuple[int, ...], wider: tuple[tuple[int, int], ...]) -> bytes:
    if fixed and length < fixed[1]:
        return bytes([fixed[0] | length])
    kind, bits = next((kind, bits) for kind, bits in wider if length < 1 << bits)
    return bytes([kind]) + u(bits, length)


def _headed(data: bytes, fixed: tuple[int, ...], wider: tuple[tuple[int, int], ...]) -> bytes:
    return _head(len(data), fixed, wider) + data


# --- 7: presence ---


def presence(inputs: Values) -> Values:
    addresses = sorted({unhex(address) for address in inputs["addresses"]})
    nonce, fillers = unhex(inputs["nonce"]), [unhex(filler) for filler in inputs["fillers"]]
    epoch, port = u(64, inputs["unix_s"] // 900), u(16, inputs["port"])
    message = enc(b"LOOM/1 presence", epoch, nonce, port, *addresses)
    tags = [mac(unhex(key), message)[:8] for key in inputs["presence_keys"]]
    size = next(size for size in (16, 32, 64, 128) if len(tags) <= size)
    entries = b"".join(sorted(tags + fillers[: size - len(tags)]))
    strings = [entries[at : at + 240] for at in range(0, len(entries), 240)]
    derived: Values = {
        "epoch": inputs["unix_s"] // 900,
        "found_first_second": (inputs["unix_s"] // 900 - 4) * 900,
        "found_last_second": (inputs["unix_s"] // 900 + 5) * 900 - 1,
        "message": message,
        "tags": tags,
        "txt": [
            b"v=1",
            b"n=" + nonce,
            *(b"t%d=" % number + string for number, string in enumerate(strings)),
        ],
    }
    return hexed(derived)  # type: ignore[no-any-return]


# --- 10: queues and anchors ---


def queues(inputs: Values) -> Values:
    block = hkdf(b"", unhex(inputs["queue_secret"]), b"LOOM/1 queue", 176)
    queue_id, keys = block[:16], [block[at : at + 32] for at in range(16, 176, 32)]
    account = hkdf(b"", unhex(inputs["account_secret"]), b"LOOM/1 account", 64)
    pairing = hkdf(b"", unhex(inputs["pairing_secret"]), b"LOOM/1 pairing", 64)
    content = u(64, inputs["until"]) + unhex(inputs["envelope"])
    blob_id = mac(keys[2], content)[:12]
    blob = blob_id + siv(keys[3], blob_id, content, queue_id)
    parcel = inputs["parcel"]
    data = unhex(parcel["bytes"])
    content = b"\xff" * 8 + unhex(parcel["file_id"]) + u(8, parcel["what"]) + u(32, parcel["index"])
    content += u(8, parcel["part"]) + u(16, len(data)) + data + bytes(61_440 - 24 - len(data))
    parcel_id = mac(keys[2], content)[:12]
    nonce = unhex(inputs["bundle_nonce"])
    bundle = nonce + siv(keys[4], nonce, unhex(inputs["bundle"]), queue_id)
    day, rand = u(64, inputs["day"]), unhex(inputs["rand"])
    day_tag = mac(account[:32], enc(b"LOOM/1 anchor tag", day))[:16]
    mask = mac(unhex(inputs["mask_key"]), enc(b"LOOM/1 anchor mask", day, rand))[:16]
    tag = bytes(one ^ other for one, other in zip(day_tag, mask, strict=True))
    clear = rand + day + tag
    noise = Noise(b"LOOM/1 anchor" + clear)
    work = enc(b"LOOM/1 work", queue_id, day, blob_id, u(64, inputs["work_nonce"]))
    number = u(32, inputs["number"])
    requests = {name: number + _pack(fields) for name, fields in inputs["requests"].items()}
    answers = {name: number + _pack(fields) for name, fields in inputs["answers"].items()}
    body = b"\x03" + unhex(inputs["pairing_secret"]) + u(32, inputs["expires_h"])
    body += u(8, len(inputs["hints"])) + b"".join(map(_hint, inputs["hints"]))
    checked = body + sha512(enc(b"LOOM/1 token", body))[:4]
    bits = "".join(f"{byte:08b}" for byte in checked)
    bits += "0" * (-len(bits) % 5)
    text = "".join(BASE32[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))
    derived: Values = {
        "queue_id": queue_id,
        **dict(zip(("guest_tag", "guest_link", "id", "blob_key", "bundle_key"), keys, strict=True)),
        "account_tag": account[:32],
        "account_link": account[32:],
        "pairing_tag": pairing[:32],
        "pairing_link": pairing[32:],
        "blob_id": blob_id,
        "blob": blob,
        "put": number + queue_id + blob,
        "parcel_blob": parcel_id + siv(keys[3], parcel_id, content, queue_id),
        "sealed_bundle": bundle,
        "bundle_mark": sha512(bundle)[:8],
        "day_tag": day_tag,
        "clear": clear,
        "handshake_hash_after_prologue": noise.h,
        "work_hash": sha512(work),
        "requests": requests,
        "answers": answers,
        "pairing_body": body,
        "pairing_text": "LOOM-" + text,
    }
    return hexed(derived)  # type: ignore[no-any-return]


def _hint(hint: Values) -> bytes:
    mask_key, host = unhex(hint["mask_key"]), str(hint["host"]).encode()
    kind = b"\x01" if mask_key else b"\x00"
    return kind + u(16, hint["port"]) + mask_key + u(8, len(host)) + host


# --- 11: invites ---


def invites(inputs: Values) -> Values:
    fingerprint, secret = unhex(inputs["fingerprint"]), unhex(inputs["secret"])
    block = hkdf(b"", secret, enc(b"LOOM/1 invite", fingerprint), 64)
    mask_key = unhex(inputs["mask_key"])
    queue = hkdf(b"", secret, enc(b"LOOM/1 invite queue", fingerprint, mask_key), 32)
    first = hkdf(secret, unhex(inputs["link_key"]), enc(b"LOOM/1 first queue", mask_key), 32)
    day, rand = u(64, inputs["day"]), unhex(inputs["rand"])
    clear = rand + day + mac(block[:32], enc(b"LOOM/1 tag", day, rand))[:16]
    derived: Values = {
        "invite_tag": block[:32],
        "invite_link": block[32:],
        "clear": clear,
        "handshake_hash_after_prologue": Noise(b"LOOM/1 link" + clear).h,
        "queue_secret": queue,
        "first_queue_secret": first,
        "join": _pack(inputs["join"]),
    }
    for name in ("invite", "address", "room_invite"):
        given = inputs[name]
        body = b"\x02" + fingerprint + unhex(inputs["x25519_public"]) + secret
        body += u(32, given["expires_h"]) + u(8, given["flags"])
        if "room_id" in given:
            room = given["room_name"].encode()
            body += unhex(given["room_id"]) + u(8, len(room)) + room
        body += u(8, len(given["hints"])) + b"".join(map(_hint, given["hints"]))
        checked = body + sha512(enc(b"LOOM/1 token", body))[:4]
        bits = "".join(f"{byte:08b}" for byte in checked)
        bits += "0" * (-len(bits) % 5)
        text = "".join(BASE32[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))
        derived[f"{name}_body"] = body
        derived[f"{name}_text"] = "LOOM-" + text
    return hexed(derived)  # type: ignore[no-any-return]


# --- 12: pairing nearby ---


def nearby(inputs: Values) -> Values:
    a, b = inputs["a"], inputs["b"]
    seed_a, seed_b = unhex(a["ephemeral_seed"]), unhex(b["ephemeral_seed"])
    kem_seed, ciphertext = unhex(a["kem_seed"]), unhex(b["kem_ciphertext"])
    e_a, e_b = x25519_public(seed_a), x25519_public(seed_b)
    noise = Noise(b"LOOM/1 pair link", NEARBY_NOISE_NAME)
    noise.mix_hash(e_a)
    message_1 = e_a + noise.seal(kem_public(kem_seed)) + noise.seal(unhex(a["number"]))
    noise.note("message 1")
    noise.mix_hash(e_b)
    noise.mix_key(x25519(seed_a, e_b))
    message_2 = e_b + noise.seal(ciphertext)
    noise.mix_key(decapsulate(kem_seed, ciphertext))
    message_2 += noise.seal(unhex(b["number"]))
    noise.note("message 2")
    keys = [block[:32] for block in noise.hkdf(b"", 2)]
    n_a, n_b = unhex(a["nonce"]), unhex(b["nonce"])
    digest = sha512(enc(b"LOOM/1 pair words", noise.h, n_a, n_b))
    bits = "".join(f"{byte:08b}" for byte in digest)
    shared = x25519(unhex(a["x25519_seed"]), x25519_public(unhex(b["x25519_seed"])))
    fingerprints = unhex(a["fingerprint"]), unhex(b["fingerprint"])

    def proof(me: bytes, you: bytes) -> bytes:
        tag_key = hkdf(b"", shared, enc(b"LOOM/1 pair", me, you), 96)[:32]
        return mac(tag_key, enc(b"LOOM/1 pair proof", noise.h))[:32]

    commit = sha512(enc(b"LOOM/1 pair commit", noise.h, n_a))
    said = [
        [(1, commit), (2, n_a), (3, _introduction(a)), (4, proof(*fingerprints))],
        [(2, n_b), (3, _introduction(b)), (4, proof(*reversed(fingerprints)))],
    ]
    records = [
        [_nearby_record(key, counter, *record) for counter, record in enumerate(side)]
        for key, side in zip(keys, said, strict=True)
    ]
    derived: Values = {
        "alias": [int(inputs["alias_random"], 16) >> 11 * (1 - j) & 2_047 for j in range(2)],
        "trace": noise.trace,
        "a_sends": u(16, len(message_1)) + message_1,
        "b_sends": u(16, len(message_2)) + message_2,
        "a_to_b_key": keys[0],
        "b_to_a_key": keys[1],
        "commit": commit,
        "words": [int(bits[at : at + 11], 2) for at in (0, 11, 22)],
        "a_introduction": _introduction(a),
        "b_introduction": _introduction(b),
        "a_records": records[0],
        "b_records": records[1],
        "b_differ_after_nonce": _nearby_record(keys[1], 1, 5, b""),
    }
    return hexed(derived)  # type: ignore[no-any-return]


def _introduction(who: Values) -> bytes:
    name = str(who["name"]).encode()
    token = b"\x01" + unhex(who["fingerprint"]) + x25519_public(unhex(who["x25519_seed"]))
    return (token + u(16, who["port"]) + u(16, len(name)) + name).ljust(325, b"\0")


def _nearby_record(key: bytes, counter: int, kind: int, body: bytes) -> bytes:
    plain = (bytes([kind]) + body).ljust(326, b"\0")
    sealed = chacha(key, noise_nonce(counter), plain, b"")
    return u(16, len(sealed)) + sealed


# --- 13: mail in files ---


def files(inputs: Values) -> Values:
    salt = unhex(inputs["salt"])
    secret = hkdf(salt, unhex(inputs["link_key"]), b"LOOM/1 file", 32)
    block = hkdf(b"", secret, b"LOOM/1 queue", 176)
    queue_id, id_key, blob_key, bundle_key = block[:16], block[80:112], block[112:144], block[144:]
    nonce = unhex(inputs["bundle_nonce"])
    blobs = [nonce + siv(bundle_key, nonce, unhex(inputs["bundle"]), queue_id)]
    for envelope in inputs["envelopes"]:
        content = u(64, inputs["until"]) + unhex(envelope)
        blob_id = mac(id_key, content)[:12]
        blobs.append(blob_id + siv(blob_key, blob_id, content, queue_id))
    mark = mac(id_key, salt)[:16]
    file = b"LOOMMAIL\x01" + salt + mark
    file += b"".join(u(32, len(blob)) + blob for blob in blobs)
    derived: Values = {
        "queue_secret": secret,
        "queue_id": queue_id,
        "mark": mark,
        "blobs": blobs,
        "file": file,
    }
    return hexed(derived)  # type: ignore[no-any-return]


# --- 14: rooms ---


def rooms(inputs: Values) -> Values:
    members = {name: room_member(inputs, name) for name in inputs["members"]}
    council = inputs["council"]
    authors = sorted(members[name]["author"] for name in council["members"])
    items = enc(b"LOOM/1 room council", u(8, council["threshold"]), *authors)
    council_author = sha512(items)[:32]
    by_name = {name: one["author"] for name, one in members.items()} | {"council": council_author}
    keys = {one["author"]: one for one in members.values()}
    statements: dict[str, Values] = {}
    room_id = bytes(32)
    for name, given in inputs["statements"].items():
        author = by_name[given["author"]]
        where = bytes(32) if given["kind"] == 1 else room_id
        number, kind = u(16, given["number"]), u(8, given["kind"])
        head = enc(b"\x01", where, author, number, kind, _pack(given["body"]))
        signature = unhex(given["signature"])
        listed = authors if author == council_author else [author]
        _verify_statement(head, signature, listed, keys)
        statements[name] = {
            "head": head,
            "id": sha512(head)[:32],
            "event": enc(head, signature),
        }
        room_id = sha512(head)[:32] if given["kind"] == 1 else room_id
    joins = {}
    for name, one in members.items():
        token = inputs["members"][name]["token"]
        joins[name] = enc(room_id, unhex(token["fingerprint"]), unhex(token["x25519_public"]))
        proof = unhex(inputs["members"][name]["proof"])
        verify(one["ed25519_public"], one["mldsa_public"], "room join", joins[name], proof)
    posts = {
        name: room_post(inputs, room_id, one, by_name) for name, one in inputs["posts"].items()
    }
    every = [
        (by_name[inputs["statements"][name]["author"]], 1, inputs["statements"][name], one)
        for name, one in statements.items()
    ]
    every += [
        (by_name[inputs["posts"][name]["author"]], 2, inputs["posts"][name], one)
        for name, one in posts.items()
    ]
    places = _places(every, 0)
    later = _places(every, inputs["from_order"])
    derived: Values = {
        "members": {name: {**one, "joined": joins[name]} for name, one in members.items()},
        "council_author": council_author,
        "room_id": room_id,
        "statements": statements,
        "posts": posts,
        "file_ids": {
            name: one["id"][:16]
            for name, one in posts.items()
            if inputs["posts"][name]["kind"] == 11
        },
        "places": [
            {"place": place, "count": len(ids), "digest": _digest(ids)}
            for place, ids in sorted(places.items())
        ],
        "root": _root(places),
        "root_from_order": _root(later),
        "claim": hkdf(b"", unhex(inputs["invite_secret"]), enc(b"LOOM/1 room claim", room_id), 32),
        "continued_claim": sha512(
            enc(b"LOOM/1 room continued", room_id, unhex(inputs["continued_room_id"]))
        )[:32],
        "queue_secret": hkdf(
            b"",
            unhex(inputs["queue"]["link_key"]),
            enc(
                b"LOOM/1 room queue",
                unhex(inputs["queue"]["holder"]),
                unhex(inputs["queue"]["mask_key"]),
            ),
            32,
        ),
    }
    return hexed(derived)  # type: ignore[no-any-return]


def room_member(inputs: Values, name: str) -> dict[str, bytes]:
    given = inputs["members"][name]
    ed25519 = ed25519_public(unhex(given["ed25519_seed"]))
    mldsa = mldsa_public(unhex(given["mldsa_seed"]))
    author = sha512(enc(b"LOOM/1 room member", ed25519, mldsa))[:32]
    return {"ed25519_public": ed25519, "mldsa_public": mldsa, "author": author}


def _verify_statement(
    head: bytes, signature: bytes, listed: list[bytes], keys: dict[bytes, dict[str, bytes]]
) -> None:
    """One signature of one author; of a council each after the place of who signed."""
    if len(signature) == 3_373:
        shares = [(listed[0], signature)]
    else:
        cut = [signature[at : at + 3_374] for at in range(0, len(signature), 3_374)]
        shares = [(listed[one[0]], one[1:]) for one in cut]
    for author, share in shares:
        one = keys[author]
        verify(one["ed25519_public"], one["mldsa_public"], "room statement", head, share)


def room_post(inputs: Values, room_id: bytes, given: Values, by_name: dict[str, bytes]) -> Values:
    content = _pack(given["content"])
    head = enc(
        *(b"\x01", room_id, by_name[given["author"]], u(32, given["number"])),
        *(u(64, given["order"]), u(64, given["sent_at_ms"]), u(8, given["kind"]), sha512(content)),
    )
    seed = unhex(inputs["members"][given["author"]]["ed25519_seed"])
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signature = key.sign(enc(b"LOOM/1 room post", head))
    return {
        "head": head,
        "id": sha512(head)[:32],
        "event": enc(head, signature, content),
        "event_without_content": enc(head, signature, b""),
    }


def _places(every: list[Any], from_order: int) -> dict[bytes, list[bytes]]:
    """The ids at each place, without posts of an earlier order."""
    places: dict[bytes, list[bytes]] = {}
    for author, family, given, one in every:
        if given.get("order", from_order) >= from_order:
            place = author + u(8, family) + u(32, given["number"] // 256)
            places.setdefault(place, []).append(one["id"])
    return places


def _digest(ids: list[bytes]) -> bytes:
    return sha512(b"".join(sorted(ids)))[:16]


def _root(places: dict[bytes, list[bytes]]) -> bytes:
    joined = b"".join(place + _digest(ids) for place, ids in sorted(places.items()))
    return sha512(joined)[:16]


# --- 15: files ---

CHUNK_BYTES = 262_144
PART_BYTES = 61_479


def file_content(size: int) -> bytes:
    """Byte i is i times 7 and i / 256, added, modulo 256."""
    return bytes((place * 7 + place // 256) % 256 for place in range(size))


def transfer(inputs: Values) -> Values:
    content, media_type = file_content(inputs["size"]), inputs["media_type"].encode()
    file_id = unhex(inputs["file_id"])
    starts = range(0, len(content), CHUNK_BYTES)
    chunks = [content[start : start + CHUNK_BYTES] for start in starts]
    hashes = [blake3(one).digest() for one in chunks]
    root = blake3(enc(b"LOOM/1 file", u(64, len(content)), media_type, *hashes)).digest()
    keys = hkdf(b"", unhex(inputs["secret"]), enc(b"LOOM/1 file", root), 64)
    data_key, list_key = keys[:32], keys[32:]
    sealed = [chacha(data_key, u(96, place), one, b"") for place, one in enumerate(chunks)]
    sealed_list = chacha(list_key, bytes(12), b"".join(hashes), b"")
    first, last = (file_id + b"\1" + u(32, place) for place in (0, len(chunks) - 1))
    parts = [
        sealed[0][start : start + PART_BYTES] for start in range(0, len(sealed[0]), PART_BYTES)
    ]
    offer = inputs["offer"]
    rooted = [{"bin": root.hex()}, {"bin": inputs["secret"]}]
    file = [14, {"bin": inputs["file_id"]}, offer["sent_at_ms"], offer["name"], len(content)]
    file += [inputs["media_type"], *rooted, offer["thumbnail"], offer["caption"], None, 0]
    derived: Values = {
        "hashes": hashes,
        "root": root,
        "empty_root": blake3(enc(b"LOOM/1 file", u(64, 0), media_type)).digest(),
        "data_key": data_key,
        "list_key": list_key,
        "sealed_list": sealed_list,
        "sealed_chunk_hashes": [sha512(one) for one in sealed],
        "sealed_last_chunk": sealed[-1],
        "request": last,
        "request_of_the_list": file_id + bytes(5),
        "part": last + b"\0" + sealed[-1],
        "part_hashes": [sha512(first + u(8, number) + part) for number, part in enumerate(parts)],
        "part_of_the_list": file_id + bytes(6) + sealed_list,
        "refusal": last + b"\1",
        "file": _pack(file),
        "states": [_pack(one) for one in inputs["states"]],
    }
    return hexed(derived)  # type: ignore[no-any-return]


# --- 8.1: backups ---


def backups(inputs: Values) -> Values:
    seeds = (
        unhex(inputs["ed25519_seed"]) + unhex(inputs["mldsa_seed"]) + unhex(inputs["x25519_seed"])
    )
    phrase_key = hkdf(b"", seeds, b"LOOM/1 backup phrase", 32)
    salt = unhex(inputs["salt"])
    content = unhex(inputs["content"])
    plaintext = u(32, len(content)) + content + bytes(65_532 - len(content))
    files = {}
    for name, key, cost, passphrase_salt in (
        ("phrase", phrase_key, (0, 0, 0), bytes(16)),
        (
            "passphrase",
            unhex(inputs["passphrase_key"]),
            inputs["cost"],
            unhex(inputs["passphrase_salt"]),
        ),
    ):
        memory, passes, lanes = cost
        head = b"LOOMBACK\x01" + u(8, int(name == "passphrase"))
        head += u(32, memory) + u(8, passes) + u(8, lanes) + passphrase_salt + salt
        head += hkdf(salt, key, b"LOOM/1 backup check", 8)
        header = head + sha512(head)[:8]
        file_key = hkdf(salt, key, b"LOOM/1 backup", 32)
        bound = sha512(header)
        files[name] = {
            "header": header,
            "file_key": file_key,
            "chunk_hashes": [
                sha512(chacha(file_key, u(88, place) + u(8, last), plaintext, bound))
                for place, last in ((0, 0), (1, 0), (2, 1))
            ],
        }
    return hexed({"phrase_key": phrase_key, "files": files})  # type: ignore[no-any-return]


# --- 8: the keyslot, and other ways ---


def keyslot(inputs: Values) -> Values:
    memory, passes, lanes = inputs["cost"]
    cost = u(32, memory) + u(8, passes) + u(8, lanes)
    salt = unhex(inputs["salt"])
    secret, keks, nonces = (
        [unhex(one) for one in inputs[name]] for name in ("vault_keys", "keks", "nonces")
    )
    unused = unhex(inputs["unused"])

    def whole(version: int, seal: Any) -> bytes:
        head = b"LOOMSLOT" + u(8, version) + cost + salt
        body: bytes = head + seal(head)
        return body + sha512(body)[:8]

    def slot(place: int, use: int, head: bytes) -> bytes:
        plaintext = u(8, use) + secret[place]
        found: bytes = nonces[place] + siv(keks[place], nonces[place], plaintext, head)
        return found

    hint, way_salt = unhex(inputs["hint"]), unhex(inputs["way_salt"])
    way_head = b"LOOMWAYS\x01" + way_salt + u(16, len(hint)) + hint
    way_key = hkdf(way_salt, unhex(inputs["way_secret"]), b"LOOM/1 unlock", 32)
    way = way_head + nonces[0] + siv(way_key, nonces[0], secret[0], way_head)
    derived = {
        "alone": whole(2, lambda head: slot(0, 0, head) + unused),
        "alone_second": whole(2, lambda head: unused + slot(0, 0, head)),
        "guarded": whole(2, lambda head: slot(0, 1, head) + slot(1, 2, head)),
        "version_1": whole(1, lambda head: nonces[0] + siv(keks[0], nonces[0], secret[0], head)),
        "database_keys": [hkdf(b"", one, b"LOOM/1 database", 32) for one in secret],
        "way_key": way_key,
        "way": way + sha512(way)[:8],
    }
    return hexed(derived)  # type: ignore[no-any-return]


# --- 8.2: moving to another machine ---


def move(inputs: Values) -> Values:
    h, shares = unhex(inputs["handshake_hash"]), [unhex(one) for one in inputs["shares"]]
    key = hkdf(h, shares[0] + shares[1], b"LOOM/1 move", 32)
    derived = {
        "pledges": [
            (b"\x01" + u(8, end) + share).ljust(325, b"\0") for end, share in enumerate(shares)
        ],
        "key": key,
        "proofs": [mac(key, enc(b"LOOM/1 move proof", h, u(8, end)))[:32] for end in (0, 1)],
        "psk": hkdf(b"", key, b"LOOM/1 move link", 32),
        "backup_key": hkdf(b"", key, b"LOOM/1 move backup", 32),
        "offer": b"\x01" + u(64, inputs["size"]) + unhex(inputs["header"]),
        "have": b"\x02" + u(64, inputs["offset"]),
        "data": b"\x03" + unhex(inputs["data"]),
        "refusals": [b"\x08" + u(8, reason) for reason in (1, 2, 3)],
    }
    return hexed(derived)  # type: ignore[no-any-return]


DERIVE = {
    "identity": identity,
    "identity_chain": identity_chain,
    "pair": pair,
    "link": link,
    "session": session,
    "payloads": payloads,
    "presence": presence,
    "queues": queues,
    "invites": invites,
    "nearby": nearby,
    "files": files,
    "rooms": rooms,
    "transfer": transfer,
    "backups": backups,
    "keyslot": keyslot,
    "move": move,
}
