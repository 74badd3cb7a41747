"""Hidden, not locked: whoever sits here can go on without a passphrase, and is told so."""

from collections.abc import Callable

from loom.tui.screens.form import Button, Form, Item, Text
from loom.tui.widgets.lines import Look

ELSEWHERE = (
    "Its node runs outside this window and holds the keys, so whoever sits here can go on without"
    " a passphrase. To lock it, end that node with `loom stop`."
)
DEMO = "This profile lives for minutes and nobody knows its passphrase: nothing asks for it."


class Hidden(Form):
    """Nothing is shown until somebody asks for it."""

    def __init__(self, look: Look, profile: str, why: str, go_on: Callable[["Hidden"], None]):
        super().__init__(look)
        self._profile = profile
        self._why = why
        self._go_on = go_on

    def items(self) -> list[Item]:
        """Says plainly that no passphrase stands before it."""
        return [
            Text(f"{self._profile} is hidden, not locked", "title"),
            Text(""),
            Text(self._why),
            Text(""),
            Button("Go on", lambda: self._go_on(self)),
            Button("Quit", self.leave),
        ]
