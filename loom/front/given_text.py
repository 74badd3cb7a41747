"""Text that comes from a file, a pipe, a command or standard input: one rule for all of it."""

import unicodedata


def text_of(data: bytes) -> str:
    """UTF-8 without a byte order mark, with LF for CRLF, composed (NFC).

    So a file that an editor of another system wrote says what it seems to say.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    text = data.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    return unicodedata.normalize("NFC", text)
