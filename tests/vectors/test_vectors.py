"""The checked-in vectors: right by an independent computation, and what the product does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mnemonic import Mnemonic

from loom.app import moving
from loom.config import Paths
from loom.core import sessions as core
from loom.core.anchor_gate import AnchorEntry, AnchorGate, anchor_credentials
from loom.core.chains import RatchetKey
from loom.core.choice import Counters
from loom.core.gate import Admission, ContactEntry, Gate, pair_credentials
from loom.core.identity import (
    Identity,
    IdentitySeeds,
    phrase_from_entropy,
    recovery_key,
    seeds_from_phrase,
)
from loom.core.identity_chain import (
    Standing,
    Statement,
    follow,
    make_revocation,
    make_rotation,
    read_chain_envelope,
    read_statement,
)
from loom.core.invites import (
    derive_invite_keys,
    first_queue_secret,
    invite_credentials,
    invite_queue_secret,
)
from loom.core.link_ends import PROTOCOL_NAME, LinkInitiator, LinkResponder
from loom.core.link_events import LinkAuthenticated, LinkConfirmed, RecordReceived
from loom.core.move_pairing import MovePairingLink, MoveSide
from loom.core.noise import Handshake
from loom.core.pair_keys import DirectionKeys, derive_pair_keys
from loom.core.pairing_advert import make_alias
from loom.core.pairing_link import LINK_RANDOM_BYTES as PAIRING_RANDOM_BYTES
from loom.core.pairing_link import OwnSide, PairingLink
from loom.core.pairing_states import PairingState
from loom.core.prekeys import issue, present, read_bundle
from loom.core.presence import Place, build_adverts, decode_presence, epoch_at, find_contact
from loom.core.queues import (
    DoorKeys,
    derive_account_keys,
    derive_file_keys,
    derive_pairing_keys,
    derive_queue_keys,
    find_work,
    work_done,
)
from loom.core.safety_number import safety_number, safety_words
from loom.core.sessions import Sessions
from loom.core.skipped import SkippedMessageKeys
from loom.core.words import word_list
from loom.crypto.kdf import MacKey, hash_
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.crypto.signatures import SigningKey
from loom.errors import (
    AuthenticationError,
    InvalidToken,
    MalformedMessage,
    ProtocolViolation,
    WrongPassphrase,
)
from loom.model import Address, PeerId, PersonId
from loom.storage import unlocks, vault
from loom.storage.backup_file import BackupKey, Way, begin, key_of_phrase, read_header
from loom.storage.vault import Cost, Use
from loom.wire.chain_envelope import encode_chain_envelope
from loom.wire.content import Join, KnownPayload, Unknown, decode_payload, encode_payload
from loom.wire.encoding import enc, u8, u32, u64
from loom.wire.file_records import Piece, What
from loom.wire.framing import RecordKind
from loom.wire.hints import Hint
from loom.wire.invite import decode_invite, encode_invite
from loom.wire.limits import BUNDLE_MARK_BYTES, REKEY_AFTER_RECORDS
from loom.wire.mail_file import MailFile, decode_mail_file, encode_mail_file
from loom.wire.moving import (
    End,
    MoveKind,
    Pledge,
    Reason,
    decode_move_record,
    decode_offer,
    decode_pledge,
    decode_reason,
    encode_move_record,
    encode_offer,
    encode_pledge,
)
from loom.wire.pairing import PairingText, decode_pairing_text, encode_pairing_text
from loom.wire.parcel import Parcel, decode_parcel, encode_parcel
from loom.wire.requests import Put, decode_answer, decode_request, encode_answer, encode_request
from loom.wire.token import decode_token, encode_token
from tests.vectors.reference import DERIVE, Values, unhex

FOLDER = Path(__file__).parent


def load(name: str) -> Values:
    content: Values = json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))
    return content


def identity_of(keys: Values) -> Identity:
    return Identity(
        IdentitySeeds(
            ed25519_seed=unhex(keys["ed25519_seed"]),
            mldsa_seed=unhex(keys["mldsa_seed"]),
            x25519_seed=unhex(keys["x25519_seed"]),
            recovery_public=unhex(keys["recovery_public"]),
        )
    )


@pytest.mark.parametrize("name", sorted(DERIVE))
def test_every_derived_value_follows_from_the_inputs(name: str) -> None:
    vector = load(name)
    assert DERIVE[name](vector["inputs"]) == vector["derived"]


def test_identity() -> None:
    vector = load("identity")
    inputs, derived = vector["inputs"], vector["derived"]
    assert phrase_from_entropy(unhex(inputs["entropy"])) == inputs["phrase"]
    seeds = seeds_from_phrase(inputs["phrase"], inputs["number"])
    for field in ("ed25519_seed", "mldsa_seed", "x25519_seed", "recovery_public"):
        assert getattr(seeds, field).hex() == derived[field]
    identity = Identity(seeds)
    assert identity.card.hex() == derived["card"]
    assert identity.peer_id.hex() == derived["fingerprint"]
    assert encode_token(identity.token) == derived["token"]
    assert decode_token(derived["token"].lower()) == identity.token


def test_identity_chain() -> None:
    vector = load("identity_chain")
    inputs, derived = vector["inputs"], vector["derived"]
    phrase = phrase_from_entropy(unhex(inputs["entropy"]))
    own = [Identity(seeds_from_phrase(phrase, number)) for number in range(4)]
    assert [one.peer_id.hex() for one in own] == derived["fingerprints"]
    statements: dict[str, Statement] = {}
    for name, given in inputs["statements"].items():
        old, number = own[given["old"]].card, given["number"]
        if "new" in given:
            made = make_rotation(recovery_key(phrase), old, own[given["new"]].card, number)
        else:
            made = make_revocation(recovery_key(phrase), old, number)
        assert hash_(made.body).hex() == derived["bodies"][name]
        statements[name] = read_statement(enc(made.body, unhex(given["signature"])))
    assert statements["first"].raw.hex() == derived["rotation"]
    assert statements["end"].raw.hex() == derived["revocation"]
    for names, envelope in zip(inputs["envelopes"], derived["envelopes"], strict=True):
        assert encode_chain_envelope([statements[name].raw for name in names]).hex() == envelope
        assert [one.body for one in read_chain_envelope(unhex(envelope))] == [
            statements[name].body for name in names
        ]
    for given, (standing, followed) in zip(inputs["sets"], derived["outcomes"], strict=True):
        known = own[given["known"]].token
        heard = [statements[name] for name in given["statements"]]
        outcome = follow(known, (), heard).outcome
        if standing == "followed":
            assert outcome.token == own[followed].token
            is_known = followed == given["known"]
            assert outcome.standing is (Standing.CURRENT if is_known else Standing.MOVED)
        else:
            assert (outcome.standing.value, outcome.token) == (standing, known)


@pytest.mark.parametrize("given", load("identity_chain")["refused_statements"], ids=str)
def test_a_changed_statement_is_refused(given: Values) -> None:
    raw = bytearray(unhex(load("identity_chain")["derived"]["rotation"]))
    new = unhex(given["bytes"])
    raw[given["at"] : given["at"] + len(new)] = new
    inputs = load("identity")["inputs"]
    known = Identity(seeds_from_phrase(inputs["phrase"])).token
    wanted = AuthenticationError if "signature" in given["wrong"] else MalformedMessage
    with pytest.raises(wanted):
        follow(known, (), [read_statement(bytes(raw))])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("prefix", "start with"),
        ("alphabet", "A to Z"),
        ("version", "version"),
        ("length", "characters instead of"),
        ("checksum", "mistyped"),
        ("spare bits", "last character"),
        ("canonical key", "key"),
        ("order of the key", "key"),
    ],
)
def test_a_token_with_one_fault_is_refused_for_it(wrong: str, reason: str) -> None:
    tokens = {entry["wrong"]: entry["token"] for entry in load("identity")["refused_tokens"]}
    with pytest.raises(InvalidToken) as refused:
        decode_token(tokens[wrong])
    assert reason in str(refused.value.facts["reason"])


def test_pair_keys_and_safety_number() -> None:
    vector = load("pair")
    derived = vector["derived"]
    seeds = {who: unhex(vector["inputs"][who]["x25519_seed"]) for who in ("one", "other")}
    one, other = (X25519Key(seeds[who]) for who in ("one", "other"))
    ids = {who: PeerId(unhex(vector["inputs"][who]["fingerprint"])) for who in seeds}
    at_one = derive_pair_keys(one, ids["one"], ids["other"], other.public)
    at_other = derive_pair_keys(other, ids["other"], ids["one"], one.public)
    assert (at_one.sending, at_one.receiving) == (at_other.receiving, at_other.sending)
    for name, keys in (("one_to_other", at_one.sending), ("other_to_one", at_one.receiving)):
        assert derived[name] == {
            "tag": keys.tag.hex(),
            "link": keys.link.hex(),
            "presence": keys.presence.hex(),
        }
    groups = safety_number(ids["other"], ids["one"])
    assert " ".join(groups) == derived["safety_number"]
    words = Mnemonic("english").wordlist
    assert safety_words(groups) == tuple(words[place] for place in derived["safety_words"])


def test_queues() -> None:
    vector = load("queues")
    inputs, derived = vector["inputs"], vector["derived"]
    keys = derive_queue_keys(unhex(inputs["queue_secret"]))
    assert keys.queue_id.hex() == derived["queue_id"]
    assert keys.door == DoorKeys(unhex(derived["guest_tag"]), unhex(derived["guest_link"]))
    account = derive_account_keys(unhex(inputs["account_secret"]))
    assert account == DoorKeys(unhex(derived["account_tag"]), unhex(derived["account_link"]))
    pairing = derive_pairing_keys(unhex(inputs["pairing_secret"]))
    assert pairing == DoorKeys(unhex(derived["pairing_tag"]), unhex(derived["pairing_link"]))

    blob = keys.seal_blob(inputs["until"], unhex(inputs["envelope"]))
    assert blob.hex() == derived["blob"]
    assert keys.open_blob(blob) == (inputs["until"], unhex(inputs["envelope"]))
    given = inputs["parcel"]
    parcel = Parcel(
        Piece(unhex(given["file_id"]), What(given["what"]), given["index"]),
        given["part"],
        unhex(given["bytes"]),
    )
    parcel_blob = keys.seal_parcel(encode_parcel(parcel))
    assert parcel_blob.hex() == derived["parcel_blob"]
    assert decode_parcel(keys.open_parcel(parcel_blob)) == parcel
    with pytest.raises(MalformedMessage):
        keys.open_blob(parcel_blob)
    sealed = keys.seal_bundle(unhex(inputs["bundle"]), unhex(inputs["bundle_nonce"]))
    assert sealed.hex() == derived["sealed_bundle"]
    assert hash_(sealed)[:BUNDLE_MARK_BYTES].hex() == derived["bundle_mark"]
    put = encode_request(inputs["number"], Put(keys.queue_id, blob))
    assert put.hex() == derived["put"]
    assert decode_request(put) == (inputs["number"], Put(keys.queue_id, blob))

    mask_key, rand = unhex(inputs["mask_key"]), unhex(inputs["rand"])
    credentials = anchor_credentials(account, mask_key, rand, inputs["day"])
    assert credentials.clear.hex() == derived["clear"]
    entry = AnchorEntry(7, account)
    gate = AnchorGate(mask_key, inputs["day"], lambda _entry, _rand: False)
    gate.add(entry)
    assert gate.admit(credentials.clear) == Admission(entry, rand, inputs["day"])
    handshake = Handshake(
        PROTOCOL_NAME,
        is_initiator=True,
        prologue=credentials.kind.prologue + credentials.clear,
        ephemeral_seed=bytes(32),
    )
    assert handshake.handshake_hash.hex() == derived["handshake_hash_after_prologue"]

    blob_id, nonce = unhex(derived["blob_id"]), inputs["work_nonce"]
    assert find_work(keys.queue_id, inputs["day"], blob_id, 20, nonce - 3, 10) == nonce
    assert work_done(keys.queue_id, inputs["day"], blob_id, nonce) >= 20


def test_files() -> None:
    vector = load("files")
    inputs, derived = vector["inputs"], vector["derived"]
    salt, until_s = unhex(inputs["salt"]), inputs["until"]
    keys = derive_file_keys(unhex(inputs["link_key"]), salt)
    assert keys.queue_id.hex() == derived["queue_id"]
    assert derive_queue_keys(unhex(derived["queue_secret"])).queue_id == keys.queue_id
    assert keys.mark(salt).hex() == derived["mark"]
    envelopes = [unhex(one) for one in inputs["envelopes"]]
    blobs = [keys.seal_bundle(unhex(inputs["bundle"]), unhex(inputs["bundle_nonce"]))]
    blobs += [keys.seal_blob(until_s, one) for one in envelopes]
    assert [one.hex() for one in blobs] == derived["blobs"]
    file = encode_mail_file(salt, keys.mark(salt), blobs)
    assert file.hex() == derived["file"]
    assert decode_mail_file(file) == MailFile(salt, keys.mark(salt), tuple(blobs))
    assert [keys.open_blob(one).envelope for one in blobs[1:]] == envelopes
    for wrong in (file[:-1], file + b"\0", file + bytes((0, 0, 0, 1, 7)), b"M" + file[1:]):
        with pytest.raises(MalformedMessage):
            decode_mail_file(wrong)


def test_backups() -> None:
    vector = load("backups")
    inputs, derived = vector["inputs"], vector["derived"]
    own = key_of_phrase(
        IdentitySeeds(
            ed25519_seed=unhex(inputs["ed25519_seed"]),
            mldsa_seed=unhex(inputs["mldsa_seed"]),
            x25519_seed=unhex(inputs["x25519_seed"]),
            recovery_public=b"",
        )
    )
    assert own.secret.hex() == derived["phrase_key"]
    other = BackupKey(
        Way.PASSPHRASE,
        unhex(inputs["passphrase_key"]),
        Cost(*inputs["cost"]),
        unhex(inputs["passphrase_salt"]),
    )
    content = unhex(inputs["content"])
    plaintext = u32(len(content)) + content + bytes(65_532 - len(content))
    for name, key in (("phrase", own), ("passphrase", other)):
        wanted = derived["files"][name]
        header, file_key = begin(key, unhex(inputs["salt"]))
        assert header.hex() == wanted["header"]
        sealed = [
            file_key.seal(place, plaintext, is_last=is_last)
            for place, is_last in ((0, False), (1, False), (2, True))
        ]
        assert [hash_(one).hex() for one in sealed] == wanted["chunk_hashes"]
        assert read_header(header).open_(key).open_(2, sealed[2], is_last=True) == plaintext
        assert file_key.open_(2, sealed[2], is_last=False) is None
        assert file_key.open_(1, sealed[0], is_last=False) is None


@pytest.mark.parametrize(
    ("name", "place", "used"),
    [
        ("alone", 0, {0: Use.PROFILE}),
        ("alone_second", 1, {0: Use.PROFILE}),
        ("guarded", 0, {0: Use.GUARDED, 1: Use.DURESS}),
        ("version_1", 0, {0: Use.PROFILE}),
    ],
)
def test_a_keyslot(
    name: str,
    place: int,
    used: dict[int, Use],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vector = load("keyslot")
    inputs, derived = vector["inputs"], vector["derived"]
    path = tmp_path / "vault.key"
    path.write_bytes(unhex(derived[name]))
    monkeypatch.setattr(vault, "stretch", lambda typed, salt, cost: unhex(inputs["keks"][typed]))
    for at in (0, 1):
        if at not in used:
            with pytest.raises(WrongPassphrase):
                vault.unlock(path, at)  # type: ignore[arg-type]
            continue
        key = vault.unlock(path, at)  # type: ignore[arg-type]
        assert key.use is used[at]
        assert name == "version_1" or key.place == place ^ at
        assert key.database_key().hex() == derived["database_keys"][at]


def test_another_way_to_unlock(tmp_path: Path) -> None:
    vector = load("keyslot")
    inputs, derived = vector["inputs"], vector["derived"]
    paths = Paths(profile="ada", folder=tmp_path, log=tmp_path / "log")
    unlocks.path_of(paths, "keyring").write_bytes(unhex(derived["way"]))
    known = unlocks.read(paths, "keyring")
    assert known.hint.hex() == inputs["hint"]
    key = known.open_(unhex(inputs["way_secret"]))
    assert key.database_key().hex() == derived["database_keys"][0]


def test_a_move() -> None:
    vector = load("move")
    inputs, derived = vector["inputs"], vector["derived"]
    shares = [unhex(one) for one in inputs["shares"]]
    pledges = [Pledge(end, share) for end, share in zip(End, shares, strict=True)]
    for end in End:
        assert encode_pledge(pledges[end]).hex() == derived["pledges"][end]
        assert decode_pledge(unhex(derived["pledges"][end])) == pledges[end]
        side = MoveSide(b"a" * 16, pledges[end])
        link = MovePairingLink(side, dialled=True, random=bytes(PAIRING_RANDOM_BYTES), now_s=0.0)
        link.handshake_hash = unhex(inputs["handshake_hash"])
        link.remote = link._introduced(unhex(derived["pledges"][1 - end]))
        assert link.remote.secret.hex() == derived["key"]
        assert link._proof(is_own=True).hex() == derived["proofs"][end]
        assert link._proof(is_own=False).hex() == derived["proofs"][1 - end]
    header = unhex(inputs["header"])
    said = {
        "offer": (MoveKind.OFFER, encode_offer(inputs["size"], header)),
        "have": (MoveKind.HAVE, u64(inputs["offset"])),
        "data": (MoveKind.DATA, unhex(inputs["data"])),
    }
    for name, (kind, body) in said.items():
        assert encode_move_record(kind, body).hex() == derived[name]
        assert decode_move_record(unhex(derived[name])) == (kind, body)
    assert decode_offer(said["offer"][1]) == (inputs["size"], header)
    for reason, wanted in zip(Reason, derived["refusals"], strict=True):
        assert encode_move_record(MoveKind.REFUSAL, u8(reason)).hex() == wanted
        assert decode_reason(unhex(wanted)[1:]) is reason
    assert moving.backup_key(unhex(derived["key"])).secret.hex() == derived["backup_key"]


@pytest.mark.parametrize("name", sorted(load("queues")["derived"]["requests"]))
def test_a_request(name: str) -> None:
    data = unhex(load("queues")["derived"]["requests"][name])
    number, request = decode_request(data)
    assert type(request).__name__.lower() == name.split()[0]
    assert encode_request(number, request) == data


@pytest.mark.parametrize("name", sorted(load("queues")["derived"]["answers"]))
def test_an_answer(name: str) -> None:
    data = unhex(load("queues")["derived"]["answers"][name])
    number, answer = decode_answer(data)
    assert type(answer).__name__.lower() == {"no bundle": "laid"}.get(name, name)
    assert encode_answer(number, answer) == data


def test_a_pairing_text() -> None:
    vector = load("queues")
    inputs, derived = vector["inputs"], vector["derived"]
    hints = tuple(
        Hint(Address(one["host"], one["port"]), unhex(one["mask_key"])) for one in inputs["hints"]
    )
    pairing = PairingText(unhex(inputs["pairing_secret"]), inputs["expires_h"], hints)
    assert encode_pairing_text(pairing) == derived["pairing_text"]
    assert decode_pairing_text(derived["pairing_text"]) == pairing


def test_link(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = load("link")
    inputs, derived = vector["inputs"], vector["derived"]
    secret, ciphertext = unhex(derived["kem_shared_secret"]), unhex(inputs["kem_ciphertext"])
    monkeypatch.setattr("loom.core.noise.encapsulate", lambda _: (secret, ciphertext))
    keys = DirectionKeys(unhex(inputs["tag_key"]), unhex(inputs["link_key"]), b"")
    initiator = LinkInitiator(
        pair_credentials(keys, unhex(inputs["rand"]), inputs["day"]),
        ephemeral_seed=unhex(inputs["initiator_ephemeral"]),
        kem_seed=unhex(inputs["kem_seed"]),
        now_s=0,
    )
    entry = ContactEntry(PersonId(7), keys)
    gate = Gate((entry,), inputs["day"], lambda _entry, _rand: False)
    responder = LinkResponder(gate, ephemeral_seed=unhex(inputs["responder_ephemeral"]), now_s=0)

    opening = initiator.data_to_send()
    assert opening.hex() == derived["initiator_sends"]
    assert responder.receive_data(opening, 0) == [
        LinkAuthenticated(entry, unhex(inputs["rand"]), inputs["day"])
    ]
    responder.accept()
    answer = responder.data_to_send()
    assert answer.hex() == derived["responder_sends"]
    assert initiator.receive_data(answer, 0) == [LinkConfirmed()]
    confirmation = initiator.data_to_send()
    assert confirmation.hex() == derived["confirmation"]
    assert responder.receive_data(confirmation, 0) == [LinkConfirmed()]

    assert inputs["record_types"] == [RecordKind.BUNDLE_REQUEST, RecordKind.ENVELOPE]
    request, envelope = (unhex(body) for body in inputs["record_bodies"])
    initiator.send_record(RecordKind.BUNDLE_REQUEST, request, 0)
    responder.send_record(RecordKind.ENVELOPE, envelope, 0)
    frame = initiator.data_to_send()
    assert frame.hex() == derived["initiator_record_1"]
    assert responder.receive_data(frame, 0) == [RecordReceived(RecordKind.BUNDLE_REQUEST, request)]
    frame = responder.data_to_send()
    assert frame.hex() == derived["responder_record_0"]
    assert initiator.receive_data(frame, 0) == [RecordReceived(RecordKind.ENVELOPE, envelope)]

    initiator.send_records([(RecordKind.KEEPALIVE, b"")] * (REKEY_AFTER_RECORDS - 2), 0)
    assert responder.receive_data(initiator.data_to_send(), 0) == []
    initiator.send_record(RecordKind.KEEPALIVE, b"", 0)
    frame = initiator.data_to_send()
    assert frame.hex() == derived["initiator_record_16384"]
    assert responder.receive_data(frame, 0) == []
    assert responder.is_open


class Side:
    """One person of the session vector, as the product keeps her."""

    def __init__(self, own: Values, contact: Values) -> None:
        self.identity = identity_of(own)
        self.contact = identity_of(contact).token
        self.sessions = Sessions()
        self.skipped: dict[bytes, SkippedMessageKeys] = {}

    def seal(self, message: Values) -> bytes:
        names = ("nonce", "salt")
        sealed = core.seal(
            self.sessions,
            unhex(message["payload"]),
            entropy=b"".join(unhex(message[name]) for name in names),
            fresh_key=lambda: ratchet_key(message),
            awaited=None,
        )
        self.sessions = sealed.sessions
        return sealed.envelope

    def open_(self, envelope: bytes, **prekey: Any) -> bytes:
        opened = core.open_(
            self.sessions,
            self.identity,
            self.contact,
            envelope,
            skipped=self.skipped,
            refused=False,
            **prekey,
        )
        self.sessions = opened.sessions
        kept = self.skipped.setdefault(opened.session_id, SkippedMessageKeys())
        kept.apply(opened.skipped, prekey["now_ms"] // 1_000)
        return opened.payload


def ratchet_key(message: Values) -> RatchetKey:
    step = message["step"]
    return RatchetKey.from_seeds(unhex(step["x25519_seed"]), unhex(step["kem_seed"]))


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Values:
    """The session vector, with encapsulation and signing giving what was recorded."""
    vector = load("session")
    inputs, derived = vector["inputs"], vector["derived"]
    signatures = {
        ("bundle", derived["bundle_signed"]): inputs["prekey"]["signature"],
        ("init", derived["handshake"]["signed"]): inputs["flight"]["signature"],
    }
    flight = inputs["flight"]["kem_ciphertext"], derived["handshake"]["kem_shared_secret"]
    steps = [
        (message["step"]["kem_ciphertext"], noted["step"]["kem_shared_secret"])
        for message, noted in zip(inputs["messages"], derived["messages"], strict=True)
        if "step" in message
    ]
    in_steps = iter(steps[1:])  # A's first chain has no ciphertext

    def from_(values: Callable[[], tuple[str, str]]) -> Callable[[bytes], tuple[bytes, bytes]]:
        def encapsulate(_: bytes) -> tuple[bytes, bytes]:
            ciphertext, secret = values()
            return unhex(secret), unhex(ciphertext)

        return encapsulate

    monkeypatch.setattr("loom.core.handshake.encapsulate", from_(lambda: flight))
    monkeypatch.setattr("loom.core.ratchet.encapsulate", from_(lambda: next(in_steps)))
    monkeypatch.setattr(
        SigningKey, "sign", lambda _, label, signed: unhex(signatures[label, signed.hex()])
    )
    return vector


def test_session(recorded: Values) -> None:
    inputs, derived = recorded["inputs"], recorded["derived"]
    a, b = Side(inputs["a"], inputs["b"]), Side(inputs["b"], inputs["a"])
    made, flight, now_ms = inputs["prekey"], inputs["flight"], inputs["flight"]["reset_counter"]
    prekey = issue(
        b.identity,
        X25519Key(unhex(made["signed_prekey_seed"])),
        KemKey.from_seed(unhex(made["kem_seed"])),
        unhex(made["bundle_id"]),
        made["issued_at"],
    )
    assert prekey.bundle.hex() == derived["bundle"]
    sent = present(b.identity, prekey, Counters(made["last_counter"], made["last_accepted"]))
    assert sent.hex() == derived["bundle_sent"]
    first_s, last_s = derived["bundle_first_second"], derived["bundle_last_second"]
    for now_s in (first_s, last_s):
        read_bundle(sent, a.contact, now_s)
    for now_s in (first_s - 1, last_s + 1):
        with pytest.raises(ProtocolViolation):
            read_bundle(sent, a.contact, now_s)
    a.sessions = core.start(
        a.sessions,
        a.identity,
        a.contact,
        read_bundle(sent, a.contact, made["issued_at"]),
        ephemeral_seed=unhex(flight["ephemeral_seed"]),
        local=ratchet_key(inputs["messages"][0]),
        now_ms=now_ms,
    )
    (session,) = a.sessions.live
    assert session.prefix.hex() == derived["handshake"]["prefix"]
    assert session.handshake_id.hex() == derived["handshake"]["hsid"]
    assert session.session_id.hex() == derived["handshake"]["session_id"]
    assert session.ratchet.associated_data.hex() == derived["handshake"]["associated_data"]

    envelopes: list[bytes] = []
    for place in inputs["delivery"]:
        unsealed = inputs["messages"][len(envelopes) : place + 1]
        envelopes += [(a if one["sender"] == "a" else b).seal(one) for one in unsealed]
        message, noted = inputs["messages"][place], derived["messages"][place]
        assert len(envelopes[place]) == noted["envelope_bytes"]
        assert envelopes[place].hex().endswith(noted["salt"] + noted["kc"] + noted["body"])
        assert hash_(envelopes[place]).hex() == noted["envelope_hash"]
        receiver = b if message["sender"] == "a" else a
        payload = receiver.open_(envelopes[place], prekey=prekey, now_ms=now_ms)
        assert payload.hex() == message["payload"]

    last_step = [noted["step"] for noted in derived["messages"] if "step" in noted][-1]
    for side in (a, b):
        (session,) = side.sessions.live
        assert session.ratchet.root_key.hex() == last_step["root_key"]
        assert not any(side.skipped.values())


@pytest.mark.parametrize("name", sorted(load("payloads")["derived"]))
def test_payload(name: str) -> None:
    vector = load("payloads")
    data = unhex(vector["derived"][name])
    payload = decode_payload(data)
    if isinstance(payload, KnownPayload):
        assert encode_payload(payload) == data
    else:
        assert isinstance(payload, Unknown)
        assert payload.tag == vector["inputs"]["accepted"][name][0]


@pytest.mark.parametrize("name", sorted(load("payloads")["inputs"]["skipped"]))
def test_skipped_payload(name: str) -> None:
    payload = decode_payload(unhex(load("payloads")["inputs"]["skipped"][name]))
    assert isinstance(payload, Unknown)


@pytest.mark.parametrize("name", sorted(load("payloads")["inputs"]["refused"]))
def test_refused_payload(name: str) -> None:
    with pytest.raises(MalformedMessage):
        decode_payload(unhex(load("payloads")["inputs"]["refused"][name]))


def test_presence() -> None:
    vector = load("presence")
    inputs, derived = vector["inputs"], vector["derived"]
    keys = [unhex(key) for key in inputs["presence_keys"]]
    place = Place(inputs["port"], tuple(unhex(address) for address in inputs["addresses"]))
    fillers = unhex("".join(inputs["fillers"])).ljust(128 * 8, b"\0")
    epoch = epoch_at(inputs["unix_s"])
    (properties,) = build_adverts(
        keys, place, epoch=epoch, random_bytes=unhex(inputs["nonce"]) + fillers
    )
    assert [b"%b=%b" % item for item in properties] == [unhex(text) for text in derived["txt"]]
    assert epoch == derived["epoch"]
    first_s, last_s = derived["found_first_second"], derived["found_last_second"]
    heard = decode_presence(properties)
    for unix_s in (first_s - 1, first_s, inputs["unix_s"], last_s, last_s + 1):
        found = find_contact(heard, place, {PersonId(3): MacKey(keys[0])}, epoch=epoch_at(unix_s))
        assert found == (PersonId(3) if first_s <= unix_s <= last_s else None)


def test_invites() -> None:
    vector = load("invites")
    inputs, derived = vector["inputs"], vector["derived"]
    owner, secret = PeerId(unhex(inputs["fingerprint"])), unhex(inputs["secret"])
    mask_key, link_key = unhex(inputs["mask_key"]), unhex(inputs["link_key"])
    keys = derive_invite_keys(secret, owner)
    assert (keys.tag.hex(), keys.link.hex()) == (derived["invite_tag"], derived["invite_link"])
    clear = invite_credentials(keys, unhex(inputs["rand"]), inputs["day"]).clear
    assert clear.hex() == derived["clear"]
    assert invite_queue_secret(secret, owner, mask_key).hex() == derived["queue_secret"]
    assert first_queue_secret(secret, link_key, mask_key).hex() == derived["first_queue_secret"]
    join = decode_payload(unhex(derived["join"]))
    assert isinstance(join, Join)
    assert encode_payload(join).hex() == derived["join"]
    for name in ("invite", "address", "room_invite"):
        read = decode_invite(derived[f"{name}_text"])
        assert encode_invite(read) == derived[f"{name}_text"]
        assert (read.secret, read.token.peer_id) == (secret, owner)
        assert read.is_address is (inputs[name]["flags"] == 1)
        assert read.expires_h == inputs[name]["expires_h"]
        room = None if read.room is None else (read.room.room_id.hex(), read.room.name)
        wanted = inputs[name].get("room_id"), inputs[name].get("room_name")
        assert room == (None if name != "room_invite" else wanted)
        assert [
            {
                "host": one.address.host,
                "port": one.address.port,
                "mask_key": one.mask_key.hex(),
            }
            for one in read.hints
        ] == inputs[name]["hints"]


def test_nearby(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = load("nearby")
    inputs, derived = vector["inputs"], vector["derived"]
    words = word_list()
    alias = make_alias(unhex(inputs["alias_random"]))
    assert alias == "-".join(words[place] for place in derived["alias"])
    a, b = inputs["a"], inputs["b"]
    ciphertext = unhex(b["kem_ciphertext"])
    secret = KemKey.from_seed(unhex(a["kem_seed"])).decapsulate(ciphertext)
    monkeypatch.setattr("loom.core.noise.encapsulate", lambda _: (secret, ciphertext))
    links = [nearby_link(a, dialled=True), nearby_link(b, dialled=False)]
    dialled, came = links

    sent = dialled.data_to_send()
    assert sent.hex() == derived["a_sends"]
    came.receive_data(sent, 0)
    sent = came.data_to_send()
    assert sent.hex() == derived["b_sends"]
    dialled.receive_data(sent, 0)
    dialled.choose()
    commit, nonce_a, *rest_of_a = derived["a_records"]
    nonce_b, *rest_of_b = derived["b_records"]
    for sender, receiver, record in [(0, 1, commit), (1, 0, nonce_b), (0, 1, nonce_a)]:
        sent = links[sender].data_to_send()
        assert sent.hex() == record
        links[receiver].receive_data(sent, 0)
        if record == commit:
            came.choose()
    assert dialled.words == came.words == tuple(words[place] for place in derived["words"])
    for link in links:
        link.answer(same=True)
    introductions = [link.data_to_send() for link in links]
    assert [sent.hex() for sent in introductions] == [rest_of_a[0], rest_of_b[0]]
    dialled.receive_data(introductions[1], 0)
    came.receive_data(introductions[0], 0)
    proofs = [link.data_to_send() for link in links]
    assert [sent.hex() for sent in proofs] == [rest_of_a[1], rest_of_b[1]]
    dialled.receive_data(proofs[1], 0)
    came.receive_data(proofs[0], 0)
    for link, other in ((dialled, b), (came, a)):
        assert link.state is PairingState.PAIRED
        assert link.remote is not None
        assert (link.remote.name, link.remote.port) == (other["name"], other["port"])
        assert link.remote.token.peer_id.hex() == other["fingerprint"]


def nearby_link(side: Values, *, dialled: bool) -> PairingLink:
    """One end, with the random bytes of the vector."""
    identity = Identity.__new__(Identity)
    identity.agreement = X25519Key.from_seed(unhex(side["x25519_seed"]))
    identity.peer_id = PeerId(unhex(side["fingerprint"]))
    own = OwnSide(unhex(side["number"]), identity, side["name"], side["port"], lambda _: None)
    kem_seed = side.get("kem_seed", "00" * 64)
    random = unhex(side["ephemeral_seed"] + kem_seed + side["nonce"])
    return PairingLink(own, dialled=dialled, random=random, now_s=0)
