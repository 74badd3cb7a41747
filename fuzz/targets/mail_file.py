"""Files of mail, as a person reads them in."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.queues import derive_file_keys
from loom.errors import MalformedMessage, PeerError
from loom.wire.limits import BLOB_SIZES, SEALED_BUNDLE_BYTES
from loom.wire.mail_file import decode_mail_file, encode_mail_file

_SALT = bytes(range(16))
_KEYS = derive_file_keys(bytes(32), _SALT)
_VALID = encode_mail_file(
    _SALT, _KEYS.mark(_SALT), [_KEYS.seal_blob(1, bytes(4_096)), bytes(SEALED_BUNDLE_BYTES)]
)
_HEAD = _VALID[:41]


def run(data: bytes) -> None:
    """Any bytes are a file that is written the same again, or malformed; its blobs open or not."""
    draw = Draw(data)
    match draw.number(3):
        case 0:
            given = draw.edited(_VALID)
        case 1:
            given = draw.rest()
        case _:
            given = _HEAD + draw.rest()
    try:
        file = decode_mail_file(given)
    except MalformedMessage:
        return
    assert encode_mail_file(file.salt, file.mark, file.blobs) == given
    for blob in file.blobs:
        assert len(blob) in (*BLOB_SIZES, SEALED_BUNDLE_BYTES)
        try:
            if len(blob) == SEALED_BUNDLE_BYTES:
                _KEYS.open_bundle(blob)
            else:
                _KEYS.open_blob(blob)
        except PeerError:
            continue


TARGET = Target(
    run=run,
    seeds=(
        b"\0",
        b"\1" + _VALID,
        b"\1LOOMMAIL\1",
        b"\2",
        b"\2\0\0\x10\x24" + bytes(4_132),
        b"\2\0\0\x1a\xb8",
    ),
    max_bytes=16 * 1024,
    executions=2_000,
)
