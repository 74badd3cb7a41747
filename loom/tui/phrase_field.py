"""Where the 24 words are typed, with what is offered when one of them is wrong."""

from collections.abc import Callable
from functools import partial

from loom.front.phrase_words import Offer, offers
from loom.tui.kit.items import Button, Field, Item


class PhraseField:
    """A field, and a button for each correction of what was typed.

    Args:
        go_to: puts the cursor into the field once one was taken.
    """

    def __init__(self, go_to: Callable[[Field], None]) -> None:
        self.field = Field("24 words")
        self._go_to = go_to
        self._offers: list[Offer] = []
        self._offered_for = ""

    @property
    def text(self) -> str:
        """What was typed."""
        return self.field.text

    def items(self) -> list[Item]:
        """The field; corrections only as long as nothing was changed."""
        if self.text != self._offered_for:
            self._offers = []
        return [
            self.field,
            *(Button(one.words, partial(self._take, one), one.why) for one in self._offers),
        ]

    def offer(self) -> None:
        """What was typed is wrong."""
        self._offers, self._offered_for = offers(self.text), self.text

    def clear(self) -> None:
        """Forget it."""
        self.field.clear()
        self._offers, self._offered_for = [], ""

    def _take(self, offer: Offer) -> None:
        self.field.clear()
        self.field.put(offer.phrase)
        self.offer()
        self._go_to(self.field)
