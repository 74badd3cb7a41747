"""QR codes as front ends read them. Everything here blocks while a decoder works."""

from loom.errors import MediaUnreadable
from loom.media.decoder import run
from loom.media.job import CODE_MAX, CODES_MAX, PICTURE_MAX, Job


def code_in(data: bytes, *, is_unconfined: bool = False) -> str:
    """What the one QR code in a picture says.

    Raises:
        MediaUnreadable: it cannot be decoded, shows no code or several, or one that is no text.
        DecodingUnconfined: nothing is decoded on this system.
        ExtraMissing: what reads QR codes is not installed.
    """
    if len(data) > PICTURE_MAX:
        raise MediaUnreadable(reason=f"it has more than {PICTURE_MAX >> 20} MiB")
    answer = run(
        Job.CODES, data, answer_max=CODES_MAX * (CODE_MAX + 1), is_unconfined=is_unconfined
    )
    if not answer.numbers[0]:
        raise MediaUnreadable(reason="no QR code was found in it")
    if answer.numbers[0] > 1 or b"\0" in answer.data:
        raise MediaUnreadable(reason="it shows more than one QR code")
    try:
        return answer.data.decode("ascii")
    except UnicodeDecodeError as error:
        raise MediaUnreadable(reason="its QR code is none of Loom") from error
