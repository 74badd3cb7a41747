"""The plaintext of a link's records."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.errors import MalformedMessage, ProtocolViolation
from loom.wire.framing import RecordKind, frame_size, pad_record, unpad_record
from loom.wire.limits import RECORD_BUCKETS


def run(data: bytes) -> None:
    """A record's plaintext is padded the same again, or is refused."""
    draw = Draw(data)
    structured = draw.flag()
    valid = pad_record(draw.number(4), draw.some()) if structured else b""
    plaintext = draw.edited(valid) if structured else draw.rest()
    # What decrypts has one of the lengths that a frame may announce.
    size = next((size for size in RECORD_BUCKETS if len(plaintext) <= size), RECORD_BUCKETS[-1])
    plaintext = plaintext[:size].ljust(size, b"\0")
    assert frame_size(size.to_bytes(2, "big"), 0) == size
    try:
        kind, body = unpad_record(plaintext)
    except (MalformedMessage, ProtocolViolation):
        return
    assert pad_record(kind, body) == plaintext
    assert body == b"" or kind is not RecordKind.KEEPALIVE


TARGET = Target(
    run=run,
    seeds=(b"\0", b"\0\3\0\4text", b"\0\3\0\xff\xff", b"\1\2\4text", b"\0\3\0\x3d" + b"x" * 61),
    max_bytes=5_000,
    executions=3_000,
)
