"""Comparing safety numbers: digits, words to read aloud, a QR code, and the decision."""

import asyncio
from collections.abc import Sequence

from loom.api.commands import ShowContact, VerifyContact
from loom.api.events import AnyEvent, ContactRemoved
from loom.api.views import ContactView, SafetyNumberView
from loom.errors import ContactNotFound
from loom.front.qr import qr_rows
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Grid, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.model import changed_words
from loom.tui.owner import Owner

LATER = "Compare later"


class VerifyPanel(LivePanel):
    """Two equal numbers mean that nobody intercepts. The cursor begins where Enter is safe."""

    def __init__(self, loom: Owner, number: int) -> None:
        super().__init__(loom, LATER)
        self.loom = loom
        self._number = number
        self._view: ContactView | None = None
        self._found: SafetyNumberView | None = None
        self._code: Sequence[str] = ()
        self._differs = False

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return "Verify" if self._view is None else f"Verify {self._view.contact}"

    async def load(self) -> None:
        """See `LivePanel.load`."""
        contact = f"#{self._number}"
        try:
            self._view = await self.loom.send(ShowContact(contact=contact))
            self._found = await self.loom.send(VerifyContact(contact=contact))
            digits, unicode = "".join(self._found.groups), self.loom.look.signs.unicode
            self._code = await asyncio.to_thread(qr_rows, digits, unicode=unicode)
        except ContactNotFound:
            self.leave()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        if isinstance(event, ContactRemoved) and event.contact_id == self._number:
            self.leave()
            return False
        return getattr(event, "contact_id", None) == self._number

    def picture(self) -> Sequence[str]:
        """The 60 digits."""
        return self._code

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view, found = self._view, self._found
        if view is None or found is None:
            return []
        name = printable(view.contact)
        items: list[Item] = []
        if view.identity_changed:
            items.append(Text(changed_words(name), "bad"))
        items += [Grid(found.groups, framed=True), Grid(found.words, role="text"), GAP]
        if view.verified:
            return [
                *items,
                Text(f"{name} is verified.", "good"),
                GAP,
                Button("Copy the number", self._do_copy),
                Button("Mark as not verified", self._do_withdraw),
                Button("Back", self.leave),
            ]
        ways = "number, words or QR code" if self.body.picture else "number or words"
        return [
            *items,
            Text(
                "The numbers differ: someone may be intercepting your messages. Don't send "
                "anything private. Meet, exchange tokens again, and replace this contact.",
                "bad",
            )
            if self._differs
            else Text(
                f"Compare the {ways} with {name}, in person or in a call where you know the voice. "
                f"If {name} sees anything different, someone may be intercepting your messages."
            ),
            GAP,
            Button("They are the same", self._do_confirm, f"marks {name} verified"),
            Button("They differ", self._do_differ),
            Button("Copy the number", self._do_copy),
            Button(LATER, self.leave),
        ]

    def _do_copy(self) -> None:
        if self._found is not None:
            self.copy(" ".join(self._found.groups))

    def _do_confirm(self) -> None:
        async def confirm() -> None:
            view = await self.loom.send(VerifyContact(contact=f"#{self._number}", confirm=True))
            self.loom.say(f"{printable(view.contact)} is verified.")
            self.leave()

        self.work(confirm())

    def _do_withdraw(self) -> None:
        async def withdraw() -> None:
            await self.loom.send(VerifyContact(contact=f"#{self._number}", withdraw=True))
            await self.load()

        self.work(withdraw())

    def _do_differ(self) -> None:
        self._differs = True
