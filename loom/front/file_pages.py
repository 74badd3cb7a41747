"""Lists of files that are longer than one page."""

from collections.abc import AsyncIterator
from typing import Final

from msgspec.structs import replace

from loom.api.file_commands import ListFiles
from loom.api.file_views import Files, FileView
from loom.front.send import Send

PAGE: Final = 500


def after(wanted: ListFiles, last: FileView) -> ListFiles:
    """What asks for the page after one that ends with `last`."""
    return replace(wanted, before_row=last.row_id, before_bytes=last.size_bytes)


async def at_most(send: Send, wanted: ListFiles, most: int) -> Files:
    """The first `most` files of a list, as one page."""
    found: list[FileView] = []
    while True:
        limit = min(most - len(found), PAGE)
        page = await send(replace(wanted, limit=limit))
        found += page.files
        if len(page.files) < limit or len(found) >= most:
            return replace(page, files=found)
        wanted = after(wanted, found[-1])


async def each(send: Send, wanted: ListFiles) -> AsyncIterator[FileView]:
    """Every file of a list."""
    wanted = replace(wanted, limit=PAGE)
    while True:
        page = (await send(wanted)).files
        for one in page:
            yield one
        if len(page) < PAGE:
            return
        wanted = after(wanted, page[-1])
