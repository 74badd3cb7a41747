"""What is done with messages, typed and shown as lines."""

from typing import Final

from loom.api.client import Client
from loom.cli.messages import message_words
from loom.cli.output import Output
from loom.errors import InvalidInput
from loom.front.search_query import read_query

FOUND_MAX: Final = 50


class Messages:
    """The commands that are about messages of any conversation."""

    def __init__(self, output: Output, client: Client) -> None:
        self._output = output
        self._client = client

    async def search(self, text: str) -> None:
        """`/search`."""
        if not text:
            raise InvalidInput(what="Write /search TEXT")
        found = (await self._client.send(read_query(text).command(limit=FOUND_MAX))).messages
        for message in found:
            self._output.put(message, message_words(message))
        if not found:
            self._output.note("Nothing found.")
