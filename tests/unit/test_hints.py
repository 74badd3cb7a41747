"""Addresses as invites and pairing texts tell them: one way to write each, nothing else read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import InvalidInput, MalformedMessage
from loom.model import Address
from loom.wire.hints import Hint, decode_hints, encode_hint, encode_hints, is_canonical_host

KEY = bytes(range(16))
ONION = "a2" * 28 + ".onion"
HOSTS = [
    "192.0.2.7",
    "2001:db8::1",
    "::1",
    "anchor.example",
    "raspberrypi",
    ONION,
    "xn--bcher-kva.de",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("key", [b"", KEY], ids=["node", "anchor"])
def test_a_hint_is_read_as_it_was_written(host: str, key: bytes) -> None:
    hint = Hint(Address(host, 4070), key)
    data = encode_hints((hint, hint))
    assert decode_hints(data) == (hint, hint)
    assert decode_hints(data)[0].is_anchor is bool(key)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "Anchor.example",
        "anchor.example.",
        "-a.example",
        "a-.example",
        "a..example",
        "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.de",
        "a" * 64,
        "a." * 127,
        "192.0.2.07",
        "192.0.2",
        "1",
        "2001:db8:0::1",
        "2001:DB8::1",
        "[2001:db8::1]",
        "fe80::1%eth0",
        "::ffff:192.0.2.7",
        "::ffff:c000:207",
        "short.onion",
        "onion",
        "a/b",
        "user@host",
        "a\n",
    ],
)
def test_a_host_in_another_form_is_neither_written_nor_read(host: str) -> None:
    assert not is_canonical_host(host)
    with pytest.raises(InvalidInput):
        encode_hint(Hint(Address(host, 4070)))
    raw = host.encode("latin-1")
    if len(raw) < 256:
        with pytest.raises(MalformedMessage):
            decode_hints(b"\x01\x00\x0f\xe6" + bytes([len(raw)]) + raw)


@pytest.mark.parametrize(("port", "key"), [(0, KEY), (65_536, KEY), (1, KEY[:15]), (1, KEY + b"x")])
def test_a_port_or_key_that_cannot_be_is_not_written(port: int, key: bytes) -> None:
    with pytest.raises(InvalidInput):
        encode_hint(Hint(Address("192.0.2.7", port), key))


def test_every_cut_and_every_byte_left_over_is_refused() -> None:
    data = encode_hints((Hint(Address("192.0.2.7", 4070), KEY), Hint(Address("::1", 1))))
    for size in range(len(data)):
        with pytest.raises(MalformedMessage):
            decode_hints(data[:size])
    with pytest.raises(MalformedMessage):
        decode_hints(data + b"\0")


def test_a_hint_shows_no_address_in_a_traceback() -> None:
    assert "192" not in repr(Hint(Address("192.0.2.7", 4070), KEY))


@given(st.binary(max_size=80))
def test_what_is_read_is_the_one_encoding(data: bytes) -> None:
    try:
        hints = decode_hints(data)
    except MalformedMessage:
        return
    assert encode_hints(hints) == data
