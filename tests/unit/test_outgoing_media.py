"""What both front ends do with a file before they offer it."""

import io

import pytest

from loom.errors import DecodingUnconfined, MetadataStays
from loom.front import outgoing_media
from loom.front.outgoing_media import OutgoingMedia, prepare
from loom.media import pictures
from tests.media.conftest import picture
from tests.media.test_metadata import SECRET, jpeg


def prepared(data: bytes, name: str = "a", *, keep: bool = False) -> OutgoingMedia:
    return prepare(io.BytesIO(data), name, keep_metadata=keep)


def test_a_photograph_goes_out_without_what_it_tells() -> None:
    ready = prepared(jpeg(), "holiday.bin")
    assert ready.media_type == "image/jpeg"
    assert ready.content is not None
    assert SECRET not in ready.content
    assert ready.thumbnail is not None
    width, height, rgb = ready.thumbnail
    assert (width, height) == (30, 40)  # upright
    assert len(rgb) == 3 * width * height <= 9_216
    assert prepared(jpeg(), keep=True) == ready._replace(content=None)


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("a.png", picture("PNG"), "image/png"),
        ("a.txt", b"hello", "text/plain"),
        ("a", b"", "application/octet-stream"),
    ],
)
def test_a_file_that_tells_nothing_is_sent_as_it_is(
    name: str, data: bytes, media_type: str
) -> None:
    ready = prepared(data, name)
    assert (ready.content, ready.media_type) == (None, media_type)
    assert (ready.thumbnail is not None) == media_type.startswith("image/")


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x18ftypheic" + bytes(99),
        b"\0\0\0\x18ftypqt  " + bytes(99),
        b"II*\0" + bytes(99),
        picture("JPEG")[:-9],
        picture("PNG")[:60],
    ],
)
def test_what_cannot_be_taken_apart_is_sent_only_as_it_is(data: bytes) -> None:
    with pytest.raises(MetadataStays) as caught:
        prepared(data, "film")
    assert caught.value.facts == {"name": "film"}
    ready = prepared(data, "film", keep=True)
    assert (ready.content, ready.thumbnail) == (None, None)


def test_a_large_picture_is_not_sent_with_what_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_media, "PICTURE_MAX", 50)
    monkeypatch.setattr(pictures, "PICTURE_MAX", 50)
    with pytest.raises(MetadataStays):
        prepared(picture("PNG"))
    assert prepared(picture("PNG"), keep=True).thumbnail is None


def test_where_nothing_is_decoded_there_is_no_small_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: bytes, **__: bool) -> None:
        raise DecodingUnconfined

    monkeypatch.setattr(pictures, "thumbnail", refuse)
    ready = prepared(jpeg())
    assert ready.thumbnail is None
    assert ready.content is not None
    assert SECRET not in ready.content
