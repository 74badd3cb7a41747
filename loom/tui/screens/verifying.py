"""Comparing safety numbers: digits, words to read aloud, a QR code, and the decision."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from loom.api.contact_commands import ShowContact, VerifyContact
from loom.api.contact_views import ContactView, SafetyNumberView
from loom.api.events import AnyEvent, ContactRemoved
from loom.errors import CodeDiffers, ContactNotFound, InvalidInput
from loom.front.given_code import read_code
from loom.front.identity_words import changed_words
from loom.front.qr import qr_rows
from loom.front.sentences import in_app
from loom.front.verified import identity_words, verified_words
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Field, Grid, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.paths import pasted_paths, typed_paths
from loom.tui.settings import read_or_default
from loom.tui.times import since_words

LATER = "Compare later"
SAME_NUMBER = "The numbers are the same"
SAME_WORDS = "The words are the same"


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
        self._read = Field("Their code", self._do_read, form="a picture of it, or its text")

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
            items.append(Text(changed_words(name, proven=view.identity_proven), "bad"))
        if view.identity_changed_at_ms is not None:
            since = since_words(view.identity_changed_at_ms)
            items.append(Text(f"Identity of {name}: {identity_words(since)}.", "warn"))
        items += [Grid(found.groups, framed=True), Grid(found.words, role="text"), GAP]
        if view.verified:
            return [
                *items,
                Text(f"{name} is {verified_words(view.verified_by, _since(view))}.", "good"),
                GAP,
                Button("Copy the number", self._do_copy),
                Button("Mark as not verified", self._do_withdraw),
                Button("Back", self.leave),
            ]
        ways = "number, words or QR code" if self.body.picture else "number or words"
        return [
            *items,
            Text(in_app(CodeDiffers(name=view.contact)), "bad")
            if self._differs
            else Text(
                f"Compare the {ways} with {name}, in person or in a call where you know the voice. "
                f"If {name} sees anything different, someone may be intercepting your messages."
            ),
            GAP,
            Button(SAME_NUMBER, partial(self._confirm, "number"), "verifies"),
            Button(SAME_WORDS, partial(self._confirm, "words"), "verifies"),
            Button("They differ", self._do_differ),
            self._read,
            Button("Copy the number", self._do_copy),
            Button(LATER, self.leave),
        ]

    def _do_copy(self) -> None:
        if self._found is not None:
            self.copy(" ".join(self._found.groups))

    def _confirm(self, by: str) -> None:
        self.work(self._verify(VerifyContact(contact=f"#{self._number}", confirm=True, by=by)))

    def _do_read(self) -> None:
        async def read() -> None:
            code = await self._given()
            try:
                await self._verify(VerifyContact(contact=f"#{self._number}", code=code))
            except CodeDiffers:
                self._read.clear()
                self._differs = True

        self.work(read(), "Reading", field=self._read)

    async def _given(self) -> str:
        """What was typed, or what the QR code in a picture says that is named so."""
        text = self._read.text.strip()
        path = await asyncio.to_thread(_picture, text)
        if path is None:
            return text
        settings, _ = read_or_default(self.loom.config)
        try:
            with await asyncio.to_thread(path.open, "rb") as file:
                return await read_code(file, is_unconfined=settings.media.unconfined)
        except OSError as error:
            raise InvalidInput(what=f"{path} cannot be read") from error

    async def _verify(self, command: VerifyContact) -> None:
        view = await self.loom.send(command)
        self.loom.say(f"{printable(view.contact)} is verified.")
        self.leave()

    def _do_withdraw(self) -> None:
        async def withdraw() -> None:
            await self.loom.send(VerifyContact(contact=f"#{self._number}", withdraw=True))
            await self.load()

        self.work(withdraw())

    def _do_differ(self) -> None:
        self._differs = True


def _since(view: ContactView) -> str:
    return "" if view.verified_at_ms is None else since_words(view.verified_at_ms)


def _picture(text: str) -> Path | None:
    """The file that was named, if it is one."""
    try:
        named = pasted_paths(text) or typed_paths(text)
    except ValueError:
        return None
    return named[0] if len(named) == 1 and named[0].is_file() else None
