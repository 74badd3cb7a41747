"""The code of a contact's screen, as somebody has it: a picture of it, or what it says."""

import asyncio
from typing import BinaryIO

from loom.errors import InvalidInput, MediaUnreadable
from loom.front.given_text import text_of
from loom.media.job import PICTURE_MAX
from loom.media.kinds import HEAD_BYTES, content_type_of


async def read_code(file: BinaryIO, *, is_unconfined: bool = False) -> str:
    """What the QR code in a picture says, or what a text says.

    Raises:
        DecodingUnconfined, ExtraMissing: as `loom.media.codes`.
        InvalidInput: neither a picture nor text, or the picture shows no code that can be read.
    """
    from loom.media.codes import code_in

    data = await asyncio.to_thread(file.read, PICTURE_MAX + 1)
    if content_type_of(data[:HEAD_BYTES]) is not None:
        try:
            return await asyncio.to_thread(code_in, data, is_unconfined=is_unconfined)
        except MediaUnreadable as error:
            what = f"This picture cannot be compared: {error.facts['reason']}"
            raise InvalidInput(what=what) from error
    try:
        return text_of(data)
    except UnicodeDecodeError as error:
        raise InvalidInput(what="This is neither a picture nor text") from error
