"""Many message ids in one statement: each step of each gives up the interpreter."""

from collections.abc import Iterable
from typing import Final

from loom.model import MessageId

ROWS: Final = "(SELECT unhex(value) AS message_id FROM json_each(:ids))"
"""The ids as rows of a statement that is given `ids=id_list(...)`."""


def id_list(message_ids: Iterable[MessageId]) -> str:
    """A JSON array of hexadecimal digits, which is what SQLite can take apart itself."""
    return '["' + '","'.join([one.hex() for one in message_ids]) + '"]'
