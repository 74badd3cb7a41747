"""Texts that waited when the backup was made from which this profile comes: sent, or not."""

from functools import partial
from typing import Final

from loom.api.backup_commands import DropUnsent, ListUnsent, SendUnsent
from loom.api.backup_views import Unsent
from loom.front.backup_words import count_words
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Item, Option, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner

ABOUT: Final = (
    "These texts waited to be sent when the backup was made. Who has one already is not shown it "
    "again."
)


class UnsentPanel(LivePanel):
    """To whom, and what shall become of them."""

    heading = "Texts that wait"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._now: Unsent | None = None
        self._contact = ""
        """Empty: all of them."""

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._now = await self.loom.send(ListUnsent())

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._now is None:
            return []
        contacts = self._now.contacts
        if not contacts:
            return [Text("No text waits for your word."), GAP, Button("Back", self.back)]
        return [
            Text(ABOUT),
            GAP,
            self._option("", "To everybody", sum(one.messages for one in contacts)),
            *(self._option(one.contact, f"To {one.contact}", one.messages) for one in contacts),
            GAP,
            Button(
                "Send them",
                partial(
                    self._decide, SendUnsent, "They leave as soon as their contacts are reached."
                ),
            ),
            Button(
                "Do not send them",
                partial(self._decide, DropUnsent, "They are not sent."),
                "they stay as failed",
            ),
            Button("Back", self.back),
        ]

    def _option(self, contact: str, label: str, texts: int) -> Option:
        does = partial(self._choose, contact)
        is_chosen = contact == self._contact
        return Option("contact", printable(label), is_chosen, does, count_words(texts, "text"))

    def _choose(self, contact: str) -> None:
        self._contact = contact

    def _decide(self, command: type[SendUnsent | DropUnsent], said: str) -> None:
        self.work(self._send(command(contact=self._contact), said), "Asking the node")

    async def _send(self, command: SendUnsent | DropUnsent, said: str) -> None:
        self._now = await self.loom.send(command)
        self._contact = ""
        self.say(said)
