"""One's own token: to be copied, read, or scanned."""

import asyncio
from collections.abc import Sequence

from loom.api.commands import ExportToken
from loom.api.views import TokenView
from loom.front.qr import qr_rows
from loom.tui.cells import wrap
from loom.tui.screens.sheet import BESIDE_MIN, GAP, Item, Sheet, button, paragraph
from loom.tui.themes import Piece


class TokenSheet(Sheet):
    """The token as text and as a QR code."""

    _token: TokenView | None = None
    _code: Sequence[str] = ()

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Your token"

    async def load(self) -> None:
        """See `Sheet.load`."""
        self._token = await self.desk.send(ExportToken())
        unicode = self.desk.look.signs.unicode
        self._code = await asyncio.to_thread(qr_rows, self._token.token, unicode=unicode)

    def picture(self) -> Sequence[str]:
        """The token."""
        return self._code

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        if self._token is None:
            return []
        items = [
            *paragraph("Give it to the people you want to talk to; it is no secret.", width),
            GAP,
            *token_rows(self._token.token, width),
            GAP,
            button("copy", "Copy it"),
            button("add", "Add theirs"),
        ]
        if self.body.column(self._code) == self.body.column(()):
            items += [GAP, *paragraph(too_small(self._code), width, "hint")]
        return items

    def do_copy(self) -> None:
        if self._token is not None:
            self.copy(self._token.token)

    def do_add(self) -> None:
        self.leave()
        self.desk.room.slash.show_add()


def token_rows(token: str, width: int) -> list[Item]:
    """The token, cut where the rows end."""
    return [Item([Piece(token[a:b], "title")]) for a, b in wrap(token, width)]


def too_small(code: Sequence[str]) -> str:
    """Why there is no code."""
    width = len(code[0]) if code else 0
    return f"A window of {width + BESIDE_MIN + 6} by {len(code) + 2} also shows it as a QR code."
