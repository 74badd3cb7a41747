"""Tokens, as a person pastes them."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.errors import InvalidToken
from loom.wire.token import decode_token, encode_token
from tests.people import ALICE

_VALID = encode_token(ALICE.token)


def run(data: bytes) -> None:
    """Any text is a token that is written the same again, or an InvalidToken."""
    draw = Draw(data)
    if draw.flag():
        text = draw.edited(_VALID.encode()).decode("utf-8", "surrogateescape")
    else:
        text = draw.rest().decode("utf-8", "surrogateescape")
    try:
        token = decode_token(text)
    except InvalidToken as error:
        str(error)
        return
    joined = "".join(text.split())
    # Only case, white space and inner hyphens may differ from the one way to write it.
    assert encode_token(token)[5:] == joined[5:].replace("-", "").upper()


TARGET = Target(
    run=run,
    seeds=(b"\1", b"\0" + _VALID.encode(), b"\0loom-", b"\1\2\0\x70\0\3", b"\0\xff\xfe"),
    max_bytes=512,
    executions=3_000,
)
