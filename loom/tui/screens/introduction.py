"""One's own token, a box for another's, and who is near."""

import asyncio
import contextlib
from typing import TYPE_CHECKING

from loom.api.client import Client
from loom.api.commands import ExportToken, ImportToken, ListContacts
from loom.api.events import NodeStopped
from loom.errors import DuplicateContact, InvalidToken, LoomError, OwnToken
from loom.front.qr import qr_rows
from loom.printable import printable
from loom.tui import clipboard
from loom.tui.screens.form import Button, Field, Form, Item, Text

if TYPE_CHECKING:
    from loom.tui.door import DoorApp


class Introduction(Form):
    """From here to the first message it is one paste."""

    def __init__(self, door: "DoorApp", profile: str, client: Client) -> None:
        super().__init__(door.look)
        self._door = door
        self._profile = profile
        self._client = client
        self._own = ""
        self._people: list[tuple[str, bool]] = []
        self._token = Field("Paste another's token here")
        self._called = Field("What you call this person")

    def items(self) -> list[Item]:
        """Give, take, go on."""
        if not self._own:
            return []
        hint = "" if self.box.has_room_beside else " (80x22 has room for its QR code)"
        return [
            Text(f"Your token{hint}", "title"),
            Text(self._own, "name"),
            Button("Copy it", self._copy),
            Text(""),
            self._token,
            self._called,
            Button("Add", self._add),
            Text(""),
            *self._near(),
            Text(""),
            Button("Go to the conversations", self._go_on),
        ]

    def on_mount(self) -> None:
        """Ask for the token, then follow who comes near."""
        super().on_mount()
        self.work(self._load())

    can_go_back = True

    def back(self) -> None:
        """Nothing has to be done here."""
        self._go_on()

    def _near(self) -> list[Item]:
        near = [name for name, online in self._people if online]
        if near:
            sign = self.look.signs["online"]
            return [Text(f"{sign} {', '.join(near)} can be reached now", "good")]
        if self._people:
            sign, names = self.look.signs["offline"], ", ".join(name for name, _ in self._people)
            return [Text(f"{sign} {names}: not near yet", "hint")]
        return [Text("Who has your token, and you theirs, is found on this network.", "hint")]

    def _copy(self) -> None:
        async def copy() -> None:
            self.say(await clipboard.copy(self._own, self._door.write_terminal))

        self.work(copy())

    def _add(self) -> None:
        token, name = "".join(self._token.text.split()), self._called.text.strip()
        if not token:
            self.go_to(self._token)
            self.say("Paste a token first.", bad=True)
        elif not name:
            self.go_to(self._called)
            self.say("Give this person a name.", bad=True)
        else:
            self.work(self._added(token, name), "Adding ...")

    def _go_on(self) -> None:
        self._door.hand_out(self._profile, self._client)

    async def _added(self, token: str, name: str) -> None:
        try:
            view = await self._client.send(ImportToken(token=token, name=name))
        except (InvalidToken, OwnToken, DuplicateContact):
            self.go_to(self._token)
            raise
        self._token.clear()
        self._called.clear()
        self.go_to(self._token)
        self.said = Text(f"{printable(view.contact)} is added. Give them your token too.", "good")
        await self._look_around()

    async def _load(self) -> None:
        self._own = (await self._client.send(ExportToken())).token
        unicode = self.look.signs.unicode
        self.box.aside = await asyncio.to_thread(qr_rows, self._own, unicode=unicode)
        await self._look_around()
        self.go_to(self._token)
        self.run_worker(self._follow(), name="events")

    async def _look_around(self) -> None:
        found = (await self._client.send(ListContacts())).contacts
        self._people = [(printable(one.contact), one.online) for one in found]

    async def _follow(self) -> None:
        with contextlib.suppress(LoomError):  # what one does next says what is wrong
            async for event in self._client.events():
                if isinstance(event, NodeStopped):
                    return
                await self._look_around()
                self.show()
