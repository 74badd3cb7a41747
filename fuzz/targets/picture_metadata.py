"""A picture on its way out, which may have come from anywhere."""

import io

from PIL import Image, PngImagePlugin

from fuzz.target import Target
from loom.media.job import Refused
from loom.media.kinds import HEAD_BYTES, content_type_of
from loom.media.metadata import strip


def _seeds() -> tuple[bytes, ...]:
    image = Image.effect_mandelbrot((24, 18), (-2, -1, 1, 1), 9).convert("RGB")
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "maker", 6
    exif.get_ifd(0x8825)[1] = "N"
    said = PngImagePlugin.PngInfo()
    said.add_text("Comment", "said")
    moving = {"save_all": True, "append_images": [image.rotate(90)]}
    made = []
    for format_, options in (
        ("JPEG", {"exif": exif, "comment": b"said", "progressive": True}),
        ("PNG", {"exif": exif, "pnginfo": said}),
        ("PNG", moving),
        ("WEBP", {"exif": exif, "xmp": b"<said/>", "quality": 10}),
        ("WEBP", {**moving, "quality": 10}),
        ("GIF", {**moving, "comment": b"said"}),
    ):
        file = io.BytesIO()
        image.save(file, format_, **options)
        made.append(file.getvalue())
    return tuple(made)


def run(data: bytes) -> None:
    """What is cut is a picture of the same kind, no longer, and has nothing more to cut; or no."""
    try:
        bare = strip(data).data
    except Refused:
        return
    assert content_type_of(bare[:HEAD_BYTES]) == content_type_of(data[:HEAD_BYTES])
    assert len(bare) <= len(data) + 64
    assert strip(bare).data == bare


TARGET = Target(run=run, seeds=_seeds(), max_bytes=8_192, executions=3_000)
