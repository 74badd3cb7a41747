"""One's own token: to be copied, read, or scanned."""

import asyncio
from collections.abc import Sequence

from loom.api.contact_commands import ExportToken
from loom.api.contact_views import TokenView
from loom.front.qr import qr_rows
from loom.tui.kit.body import COLUMN_MIN, EDGE
from loom.tui.kit.items import GAP, Button, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner


class TokenPanel(LivePanel):
    """The token as text and as a QR code."""

    heading = "Your token"

    def __init__(self, loom: Owner, *, is_over_adding: bool = False) -> None:
        """`is_over_adding`: going back is enough to add theirs."""
        super().__init__(loom)
        self.loom = loom
        self._is_over_adding = is_over_adding
        self._token: TokenView | None = None
        self._code: Sequence[str] = ()

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._token = await self.loom.send(ExportToken())
        unicode = self.loom.look.signs.unicode
        self._code = await asyncio.to_thread(qr_rows, self._token.token, unicode=unicode)

    def picture(self) -> Sequence[str]:
        """The token."""
        return self._code

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._token is None:
            return []
        items: list[Item] = [
            Text("Give it to the people you want to talk to. It is not secret."),
            GAP,
            Text(self._token.token, "title"),
            GAP,
            Button("Copy it", self._do_copy),
            Button("Add theirs", self._do_add),
        ]
        if not self.body.picture:
            items += [GAP, Text(too_small(self._code), "hint")]
        return items

    def _do_copy(self) -> None:
        if self._token is not None:
            self.copy(self._token.token)

    def _do_add(self) -> None:
        self.leave()
        if not self._is_over_adding:
            self.loom.show_add()


def too_small(code: Sequence[str]) -> str:
    """Why there is no code."""
    width = len(code[0]) if code else 0
    return (
        f"A window of {width + 2 + COLUMN_MIN + EDGE} by {len(code) + 2} also shows it as a QR "
        "code."
    )
