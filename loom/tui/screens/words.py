"""The 24 words, shown once, and the check that they were written down."""

import secrets
from typing import TYPE_CHECKING, Final

from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.tui.reminders import remember_words
from loom.tui.screens.form import Button, Field, Form, Item, Text

if TYPE_CHECKING:
    from loom.tui.door import DoorApp

CHECKED: Final = 3


class Words(Form):
    """First shows, then asks for three of them."""

    def __init__(self, door: "DoorApp", profile: str, phrase: str) -> None:
        super().__init__(door.look)
        self._door = door
        self._profile = profile
        self._words = phrase.split()
        self._places: list[int] = []
        self._fields: list[Field] = []

    def items(self) -> list[Item]:
        """The words, or the fields for three of them."""
        later = Button("Check later", self._later, "you will be reminded")
        if not self._fields:
            return [
                Text("Your 24 words", "title"),
                Text(
                    "Write them on paper. They bring your identity back when this machine is lost;"
                    " whoever has them is you. They are shown only now and stored nowhere."
                ),
                Text(""),
                *self._rows(),
                Text(""),
                Button("I have written them down", self._ask),
                later,
            ]
        return [
            Text("What you wrote down", "title"),
            Text(""),
            *self._fields,
            Text(""),
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
        self.box.at = 0
        self.show()

    def _rows(self) -> list[Item]:
        """Numbered, as many in a row as fit."""
        across = 4 if self.size.width >= 60 else 2 if self.size.width >= 30 else 1
        cells = [f"{place:2} {word:<8}" for place, word in enumerate(self._words, 1)]
        return [
            Text("   ".join(cells[start : start + across]), "name")
            for start in range(0, len(cells), across)
        ]

    def _ask(self) -> None:
        places = secrets.SystemRandom().sample(range(len(self._words)), CHECKED)
        self._places = sorted(places)
        self._fields = [Field(f"Word {place + 1}") for place in self._places]
        self.box.at = 0

    def _check(self) -> None:
        for place, field in zip(self._places, self._fields, strict=True):
            if field.text.strip().lower() != self._words[place]:
                field.clear()
                self.go_to(field)
                self.say(
                    f"Word {place + 1} is another one: try again, or look once more.", bad=True
                )
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
