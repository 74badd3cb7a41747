"""Inside the decoder: what the QR codes in a picture say, by ZXing-C++."""

from typing import Final

import zxingcpp
from PIL import Image

from loom.media.job import CODE_MAX, CODES_MAX, Answer, Status
from loom.media.picture_decoder import pixels

_QR: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
_BOX: Final = 2_048
"""The longest side of what is looked at: a code that fills a tenth of it is still read."""


def codes(data: bytes) -> Answer:
    """The bytes that each code holds, the first few of them.

    Raises:
        Refused: UNKNOWN or TOO_LARGE. Anything else that is raised: it is damaged.
    """
    shown = pixels(data, _BOX, _BOX)
    width, height = shown.numbers[:2]
    grey = Image.frombytes("RGB", (width, height), shown.data).convert("L").tobytes()
    found = zxingcpp.read_barcodes(memoryview(grey).cast("B", (height, width)), formats=_QR)
    said = [one.bytes for one in found[:CODES_MAX] if len(one.bytes) <= CODE_MAX]
    return Answer(Status.DONE, (len(said),), b"\0".join(said))
