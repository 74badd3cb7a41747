"""A target that finds nothing must be one that could: each sees a product broken on purpose."""

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from fuzz import plain
from fuzz.requests import ALL
from fuzz.target import load
from loom.anchor.store import Removed
from loom.core.pairing_link import PairingLink
from loom.core.pairing_states import PairingStep
from loom.core.skipped import SkippedChange, SkippedMessageKeys
from loom.errors import MalformedMessage
from loom.storage import messages


def broken_by(name: str) -> bool:
    """Whether the target notices within what the test suite runs anyway."""
    target = load(name)
    for data in (*target.seeds, *islice(plain.inputs(target, [], 1), target.executions)):
        try:
            target.run(data)
        except Exception:  # noqa: BLE001 - whatever it is, it was seen
            return True
    return False


def _lax(*_: Any, **__: Any) -> bool:
    return True


def _pass_on(error: type[Exception]) -> Callable[..., None]:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def _keep_used_keys(keys: SkippedMessageKeys, change: SkippedChange, now_s: int) -> None:
    for place, key in change.added:
        keys._keys[place] = (key, now_s)


def _read_elsewhere(*_: Any) -> list[str]:
    return Path("/etc/passwd").read_text().splitlines()[:1]


def _believe(link: PairingLink, _: bytes) -> None:
    link._move(PairingStep.PROVED)


class _Anything(tuple[str, ...]):
    def __contains__(self, _: object) -> bool:
        return True


def _decode_loosely(decoder: Any, data: bytes) -> Any:
    return decoder.decode(data)


_BY_ID = messages.by_id


def _forget_nothing(_db: Any, queue: int, _ids: Any) -> Removed:
    return Removed(queue, 1, 4_132)


def _of_anybody(db: Any, conversation_id: Any, message_id: Any, author: Any = None) -> Any:
    return _BY_ID(db, conversation_id, message_id)


BROKEN: list[tuple[str, str, object]] = [
    ("anchor_request", "loom.wire.requests._decode", _decode_loosely),
    ("anchor_request", "loom.wire.pairing.read_body", _pass_on(IndexError)),
    ("anchor_request", "loom.wire.requests._PUT_SIZES", frozenset({21, 22})),
    ("anchor_service", "loom.anchor.peers.Queue.count", lambda *_: None),
    ("anchor_service", "loom.anchor.peers.Peer.reads", _lax),
    ("anchor_service", "loom.anchor.store.ack", _forget_nothing),
    ("anchor_service", "loom.anchor.service.Service._answer_failed", lambda *_: None),
    ("anchor_service", "loom.anchor.service.Service._answer_refused", lambda *_: None),
    ("identity_chain", "loom.core.identity_chain._verify", lambda *_: None),
    ("identity_chain", "loom.core.identity_chain.decode_items", _pass_on(IndexError)),
    ("payload", "loom.wire.content._MAX_MS", 2**64),
    ("payload", "loom.wire.content.decode_unknown", _pass_on(RuntimeError)),
    ("room_event", "loom.core.room.statement.decode_items", _pass_on(IndexError)),
    ("room_event", "loom.core.room.post.equal", _lax),
    ("room_event", "loom.core.room.keys.verify_ed25519", _lax),
    ("room_sync", "loom.core.room.sync.decode_place", _pass_on(IndexError)),
    ("payload", "loom.wire.content.file.Thumbnail.is_in_bounds", _pass_on(TypeError)),
    ("payload", "loom.wire.content.file_state.Place.is_in_bounds", _pass_on(TypeError)),
    ("file_pieces", "loom.core.file.receiver.equal", _lax),
    ("file_pieces", "loom.core.file.keys.equal", _lax),
    ("file_pieces", "loom.core.file.receiver.FILE_ASKED_MAX", 17),
    ("file_pieces", "loom.core.file.receiver.AuthenticationError", MalformedMessage),
    ("file_requests", "loom.core.file.keys.equal", _lax),
    ("file_requests", "loom.core.file.sender.FILE_ASKED_MAX", 17),
    ("file_requests", "loom.wire.file_records._ENDS", {0: 2**32, 1: 2**32}),
    ("file_requests", "loom.core.file.sender.Source.refusal", lambda *_: None),
    ("invite_flight", "loom.core.handshake.read_card", _pass_on(ValueError)),
    ("invite_flight", "loom.core.handshake.claimed_token", _pass_on(MalformedMessage)),
    ("invite", "loom.wire.invite.read_token_fields", _pass_on(MalformedMessage)),
    ("invite", "loom.wire.invite._has_right_hints", _lax),
    ("payload", "loom.wire.content.mailboxes.Mailbox.is_in_bounds", _pass_on(TypeError)),
    ("payload", "loom.wire.content.target.Target.is_in_bounds", _pass_on(TypeError)),
    ("payload", "loom.wire.content.delete.Delete.is_in_bounds", _pass_on(TypeError)),
    ("picture_metadata", "loom.media.metadata._upright", lambda _: b""),
    ("picture_metadata", "loom.media.metadata._OF_JPEG", frozenset(range(256))),
    ("picture", "loom.media.decoder._answer", _pass_on(IndexError)),
    ("voice_note", "loom.media.decoder._answer", _pass_on(IndexError)),
    ("keyslot", "loom.storage.vault.Cost.allowed", _lax),
    ("ratchet", "loom.core.skipped.SkippedMessageKeys.apply", _keep_used_keys),
    ("session_init", "loom.core.handshake.acceptable", _lax),
    ("session_init", "loom.core.handshake.open_card", _pass_on(ValueError)),
    ("bundle", "loom.core.prekeys.check_lasting_x25519_public", _pass_on(ValueError)),
    ("bundle", "loom.core.prekeys.verify", _lax),
    ("printable", "loom.printable.MARKS_MAX", 5),
    ("received_name", "loom.received_names.printable", lambda text: text),
    ("received_name", "loom.received_names._RESERVED", frozenset()),
    ("folder", "loom.front.folder_unpacking.received_name", lambda name: name),
    ("folder", "loom.front.folder_unpacking.shutil.rmtree", lambda *_, **__: None),
    ("formatting", "loom.tui.content.text.wrap", lambda text, width: [(0, len(text))]),
    ("encoding", "loom.core.prekeys.decode_items", _pass_on(IndexError)),
    ("link_responder", "loom.core.link_ends.LinkResponder._discard", _pass_on(MalformedMessage)),
    ("link_initiator", "loom.core.records.unpad_record", _pass_on(MalformedMessage)),
    ("control_server", "loom.node.commands.messages.check_text", _pass_on(RuntimeError)),
    ("control_pipe", "loom.control.pipe.FROM_AFAR", frozenset(ALL)),
    ("control_pipe", "loom.node.commands.profile.tail", _read_elsewhere),
    ("pipe_client", "loom.control.cleaning.printable", lambda text: text),
    ("pipe_client", "loom.control.cleaning._KNOWN_WORDS", {}),
    ("pipe_client", "loom.control.cleaning._GROUP", re.compile("(?s).*")),
    ("hostile_contact", "loom.node.inbox.decode_payload", _pass_on(RuntimeError)),
    ("hostile_contact", "loom.storage.messages.by_id", _of_anybody),
    ("pairing", "loom.core.pairing_link.PairingLink._receive_proof", _believe),
    ("pairing", "loom.wire.nearby._NAME_AT", 70),
    ("pairing", "loom.core.pairing_advert.word_list", lambda: _Anything()),
    ("pairing", "loom.wire.nearby.check_lasting_x25519_public", _pass_on(ValueError)),
    ("schedule", "loom.core.choice.should_start", lambda *_, **__: False),
    ("schedule", "loom.node.inbox.Inbox._came_before", _lax),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "place", "instead"), BROKEN, ids=[f"{name}-{place}" for name, place, _ in BROKEN]
)
def test_a_broken_product_is_noticed(
    name: str, place: str, instead: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(name)
    monkeypatch.setattr(place, instead)
    assert broken_by(name)
