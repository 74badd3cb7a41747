"""Comparing safety numbers: digits, words to read aloud, a QR code, and the decision."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loom.api.commands import ShowContact, VerifyContact
from loom.api.events import AnyEvent, ContactRemoved
from loom.api.views import ContactView, SafetyNumberView
from loom.errors import ContactNotFound
from loom.front.qr import qr_rows
from loom.printable import printable
from loom.tui.cells import width_of
from loom.tui.screens.sheet import GAP, Item, Sheet, button, paragraph
from loom.tui.themes import Piece
from loom.tui.widgets.obstacle import changed_words

if TYPE_CHECKING:
    from loom.tui.app import LoomApp


class VerifySheet(Sheet):
    """The same on both sides means that nobody stands between."""

    def __init__(self, desk: "LoomApp", number: int) -> None:
        super().__init__(desk)
        self._number = number
        self._view: ContactView | None = None
        self._found: SafetyNumberView | None = None
        self._code: Sequence[str] = ()

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Verify" if self._view is None else f"Verify {self._view.contact}"

    async def load(self) -> None:
        """See `Sheet.load`."""
        contact = f"#{self._number}"
        try:
            self._view = await self.desk.send(ShowContact(contact=contact))
            self._found = await self.desk.send(VerifyContact(contact=contact))
            digits, unicode = "".join(self._found.groups), self.desk.look.signs.unicode
            self._code = await asyncio.to_thread(qr_rows, digits, unicode=unicode)
        except ContactNotFound:
            self.leave()

    def concerns(self, event: AnyEvent) -> bool:
        """See `Sheet.concerns`."""
        if isinstance(event, ContactRemoved) and event.contact_id == self._number:
            self.leave()
            return False
        return getattr(event, "contact_id", None) == self._number

    def picture(self) -> Sequence[str]:
        """The 60 digits."""
        return self._code

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        view, found = self._view, self._found
        if view is None or found is None:
            return []
        name = printable(view.contact)
        items = []
        if view.identity_changed:
            items += [*paragraph(changed_words(name), width, "bad"), GAP]
        items += [*_rows(found.groups, "  ", width), GAP, *_rows(found.words, " ", width), GAP]
        if view.verified:
            return [
                *items,
                *paragraph(f"{name} is verified.", width, "good"),
                GAP,
                button("copy", "Copy the number"),
                button("withdraw", "Mark as not verified"),
            ]
        ways = "number, words or QR code" if self._has_picture() else "number or words"
        return [
            *items,
            *paragraph(
                f"Compare the {ways} with {name}, in person or in a call where you know the voice. "
                f"{name} sees the same, or somebody stands between you.",
                width,
            ),
            GAP,
            button("copy", "Copy the number"),
            button("confirm", "It is the same", f"marks {name} verified"),
            button("differs", "It differs"),
        ]

    def _has_picture(self) -> bool:
        """Whether the code fits beside the column."""
        alone = self.body.column(())
        return self.body.column(self._code) < alone

    def do_copy(self) -> None:
        if self._found is not None:
            self.copy(" ".join(self._found.groups))

    def do_confirm(self) -> None:
        self._mark(VerifyContact(contact=f"#{self._number}", confirm=True))

    def do_withdraw(self) -> None:
        self._mark(VerifyContact(contact=f"#{self._number}", withdraw=True))

    def _mark(self, command: VerifyContact) -> None:
        async def mark() -> None:
            await self.desk.send(command)
            await self.load()

        self.begin(mark())

    def do_differs(self) -> None:
        self.say(
            "Then write nothing secret: exchange tokens again, in person, and add the new one "
            "under the same name.",
            bad=True,
        )


def _rows(parts: Sequence[str], gap: str, width: int) -> list[Item]:
    """As many parts a row as fit, in rows of one length."""
    widest = max(map(width_of, parts), default=1)
    per_row = next((n for n in (4, 3, 2) if n * (widest + len(gap)) - len(gap) <= width), 1)
    return [
        Item([Piece(gap.join(one.ljust(widest) for one in parts[at : at + per_row]), "title")])
        for at in range(0, len(parts), per_row)
    ]
