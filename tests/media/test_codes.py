"""QR codes in pictures: what one says, or one sentence."""

import io

import pytest
import segno
from PIL import Image

from loom.errors import ExtraMissing, MediaUnreadable
from loom.media.codes import code_in
from tests.media.conftest import Plant, picture

pytest.importorskip("zxingcpp")

NUMBER = "0123456789" * 6


def code(text: str | bytes, scale: int = 6) -> Image.Image:
    file = io.BytesIO()
    segno.make(text, error="l", micro=False).save(file, kind="png", scale=scale)
    return Image.open(file).convert("RGB")


def saved(image: Image.Image, format_: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, format_)
    return file.getvalue()


def why(data: bytes) -> str:
    with pytest.raises(MediaUnreadable) as caught:
        code_in(data)
    return str(caught.value.facts["reason"])


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_a_photograph_of_a_screen_is_read(format_: str) -> None:
    table = Image.new("RGB", (2_400, 1_600), (181, 172, 160))
    shot = code(NUMBER, 12).rotate(19, expand=True, fillcolor=(255, 255, 255))
    table.paste(shot, (700, 500))
    assert code_in(saved(table, format_)) == NUMBER


def test_what_shows_no_code_or_several_or_no_text_is_said() -> None:
    assert why(picture("PNG")) == "no QR code was found in it"
    two = Image.new("RGB", (900, 400), "white")
    two.paste(code(NUMBER), (20, 20))
    two.paste(code("LOOM-"), (500, 20))
    assert why(saved(two)) == "it shows more than one QR code"
    assert why(saved(code("\N{SNOWMAN}" * 9))) == "its QR code is none of Loom"
    assert why(saved(code(NUMBER))[:200]) == "it is damaged"
    assert "format" in why(b"no picture")


def test_a_decoder_that_lies_about_its_codes_is_not_believed(planted: Plant) -> None:
    lie = "worker._work = lambda job: lambda data: job_.Answer(job_.Status.DONE, {}, b'x' * {})"
    planted("job_ = job\n" + lie.format("(1,)", 1 << 16))
    assert "sense" in why(saved(code(NUMBER)))
    planted("job_ = job\n" + lie.format("(1,)", 10))
    assert code_in(saved(code(NUMBER))) == "x" * 10  # what a taken-over decoder can still do


def test_without_the_extra_it_says_which_to_install(planted: Plant) -> None:
    planted("sys.modules['zxingcpp'] = None")
    with pytest.raises(ExtraMissing) as caught:
        code_in(saved(code(NUMBER)))
    assert caught.value.facts["extra"] == "qr"
