"""Whether what was written down brings this identity back."""

from typing import TYPE_CHECKING

from loom.api.commands import CheckPhrase
from loom.tui.reminders import remember_words
from loom.tui.screens.form import Button, Field, Form, Item, Text

if TYPE_CHECKING:
    from loom.tui.app import LoomApp


class CheckWords(Form):
    """All 24 words, because they are stored nowhere."""

    def __init__(self, desk: "LoomApp") -> None:
        super().__init__(desk.look)
        self._desk = desk
        self._words = Field("Your 24 words, in order")

    def items(self) -> list[Item]:
        """One field."""
        return [
            Text("Check your 24 words", "title"),
            Text("They are stored nowhere, so type what you wrote down, all of it."),
            Text(""),
            self._words,
            Text(f"   {len(self._words.text.split())} of 24", "hint"),
            Text(""),
            Button("Check", self._check),
            Button("Back", self.back),
        ]

    can_go_back = True

    def back(self) -> None:
        """To the conversations."""
        self._words.clear()
        self.dismiss()

    def _check(self) -> None:
        self.work(self._checked(), "Checking ...")

    async def _checked(self) -> None:
        await self._desk.send(CheckPhrase(phrase=self._words.text))
        remember_words(self._desk.config, self._desk.profile, checked=True)
        self._desk.say("These words bring this identity back: keep them safe.")
        self.back()
