"""The 24 words, shown once, and the check that they were written down."""

import secrets
from typing import Final

from loom.errors import LoomError
from loom.front.identity_words import number_words
from loom.front.sentences import in_app
from loom.tui.kit.items import GAP, Button, Field, Grid, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opener
from loom.tui.reminders import remember_words

CHECKED: Final = 3


class Words(Panel):
    """First shows, then asks for three of them."""

    def __init__(self, door: Opener, profile: str, phrase: str) -> None:
        super().__init__(door)
        self._door = door
        self._profile = profile
        self._words = phrase.split()
        self._places: list[int] = []
        self._fields: list[Field] = []

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return "What you wrote down" if self._fields else "Your 24 words"

    def items(self) -> list[Item]:
        """The words, or the fields for three of them."""
        later = Button("Check later", self._later, "you type them in; they are not shown again")
        if not self._fields:
            return [
                Text(
                    "Write them on paper. They restore your identity when this machine is lost, so "
                    "keep them secret. They are stored nowhere. Write "
                    f"{number_words(0)} beside them."
                ),
                GAP,
                Grid([f"{place:2} {word:<8}" for place, word in enumerate(self._words, 1)], "   "),
                GAP,
                Button("I have written them down", self._ask),
                later,
            ]
        return [
            *self._fields,
            GAP,
            Button("Check", self._check),
            Button("Show the words again", self.back),
            later,
        ]

    @property
    def can_go_back(self) -> bool:
        """From the check to the words."""
        return bool(self._fields)

    def back(self) -> None:
        """Show them again."""
        self._fields = []
        self.show()

    def _ask(self) -> None:
        places = secrets.SystemRandom().sample(range(len(self._words)), CHECKED)
        self._places = sorted(places)
        self._fields = [Field(f"Word {place + 1}") for place in self._places]
        self.go_to(self._fields[0])

    def _check(self) -> None:
        for place, field in zip(self._places, self._fields, strict=True):
            if field.text.strip().lower() != self._words[place]:
                field.clear()
                self.refuse(field, f"Word {place + 1} is wrong.")
                return
        self._go_on(checked=True)

    def _later(self) -> None:
        self._go_on(checked=False)

    def _go_on(self, *, checked: bool) -> None:
        try:
            remember_words(self._door.config, self._profile, checked=checked)
        except LoomError as error:
            self.say(in_app(error), bad=True)
            if not checked:
                return
        self._words = []
        self._door.introduce(self._profile)
