"""Hidden, not locked: anyone at this terminal can go on without a passphrase, and it says so."""

from collections.abc import Callable
from typing import Any

from loom.tui.drawing import DrawnApp
from loom.tui.kit.items import GAP, Button, Item, Text
from loom.tui.kit.panel import Panel

ELSEWHERE = (
    "Its node runs outside this window and holds the keys, so anyone at this terminal can go on"
    " without a passphrase. To lock it, end that node with `loom stop`."
)
DEMO = "This profile lives for minutes and nobody knows its passphrase, so none is asked for."


class Hidden(Panel):
    """Nothing is shown until somebody asks for it."""

    foot = (("quit", "quit"),)

    def __init__(
        self, owner: DrawnApp[Any], profile: str, why: str, go_on: Callable[["Hidden"], None]
    ) -> None:
        super().__init__(owner)
        self._profile = profile
        self._why = why
        self._go_on = go_on

    @property
    def heading(self) -> str:
        """Says plainly that there is no passphrase in the way."""
        return f"{self._profile} is hidden, not locked"

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        return [
            Text(self._why),
            GAP,
            Button("Go on", lambda: self._go_on(self)),
            Button("Quit", self.owner.leave),
        ]
