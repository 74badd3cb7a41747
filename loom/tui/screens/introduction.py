"""The first contact: pairing nearby, one's own token and a field for another's, who is online."""

import asyncio
import contextlib
from collections.abc import Sequence

from textual import events

from loom.api.client import Client
from loom.api.contact_commands import ExportToken, ImportToken, ListContacts
from loom.api.events import NodeStopped, PairingDone
from loom.api.invite_commands import MakeInvite
from loom.errors import DuplicateContact, InvalidToken, LoomError, OwnToken
from loom.front.qr import qr_rows
from loom.front.sentences import in_app
from loom.printable import printable
from loom.tui import clipboard
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opener
from loom.tui.pasted import pasted_token
from loom.tui.screens.adding import NEARBY, TOKEN
from loom.tui.screens.pairing import PairingPanel


class Introduction(Panel):
    """From here to the first message it is one paste."""

    heading = "Your first contact"
    can_go_back = True

    def __init__(self, door: Opener, profile: str, client: Client) -> None:
        super().__init__(door, TOKEN)
        self._pairing: PairingPanel | None = None
        self._door = door
        self._profile = profile
        self._client = client
        self._own = ""
        self._code: Sequence[str] = ()
        self._people: list[tuple[str, bool]] = []
        self._token = Field(TOKEN)
        self._called = Field("Their name here")

    def picture(self) -> Sequence[str]:
        """The token."""
        return self._code

    def items(self) -> list[Item]:
        """Give, take, go on."""
        if not self._own:
            return []
        return [
            Text("In one room, or on one call?"),
            Button(NEARBY, self._pair),
            Text("Apart? Send one text, and you are contacts:"),
            Button("Make an invite and copy it", self._invite),
            Text("Or give each other a token:"),
            Text(self._own, "title"),
            Button("Copy it", self._copy),
            GAP,
            self._token,
            self._called,
            Button("Add", self._add),
            GAP,
            self._near(),
            GAP,
            Button("Go to the conversations", self.back),
        ]

    def on_mount(self) -> None:
        """Ask for the token, then follow who comes online."""
        self.work(self._load())

    def back(self) -> None:
        """On to the conversations: nothing has to be done here."""
        self._door.hand_out(self._profile, self._client)

    def on_paste(self, event: events.Paste) -> None:
        """A token goes where tokens belong, wherever the cursor is; `Panel` takes anything else."""
        if token := pasted_token(event.text):
            event.stop()
            event.prevent_default()
            self._token.clear()
            self._token.put(token)
            here = self.body.here
            self.go_to(here if isinstance(here, Field) else self._called)

    def _near(self) -> Text:
        signs = self._door.look.signs
        if online := [name for name, is_online in self._people if is_online]:
            return Text(f"{signs['online']} {', '.join(online)}: online", "good")
        if self._people:
            names = ", ".join(name for name, _ in self._people)
            return Text(f"{signs['offline']} {names}: offline", "hint")
        return Text("Contacts on this network are found automatically.", "hint")

    def _pair(self) -> None:
        self._pairing = PairingPanel(self._door, self._client.send, self._met)
        self._door.push_screen(self._pairing)

    def _met(self, done: PairingDone) -> None:
        self.say(f"{printable(done.contact)} is a verified contact.")

    def _copy(self) -> None:
        async def copy() -> None:
            self.say(await clipboard.copy(self._own, self._door.write_terminal))

        self.work(copy())

    def _invite(self) -> None:
        async def make() -> None:
            text = (await self._client.send(MakeInvite())).text
            said = await clipboard.copy(text, self._door.write_terminal)
            self.say(f"{said} It serves one person, for a day; /invite shows it again.")

        self.work(make())

    def _add(self) -> None:
        token, name = "".join(self._token.text.split()), self._called.text.strip()
        if not token:
            self.refuse(self._token, "Paste a token first.")
        elif not name:
            self.refuse(self._called, "Give this person a name.")
        else:
            self.work(self._added(token, name), "Adding", field=self._called)

    async def _added(self, token: str, name: str) -> None:
        try:
            view = await self._client.send(ImportToken(token=token, name=name))
        except (InvalidToken, OwnToken, DuplicateContact) as error:
            self.refuse(self._token, in_app(error))
            return
        self._token.clear()
        self._called.clear()
        self.go_to(self._token)
        name = printable(view.contact)
        if view.joining is None:
            self.say(f"{name} is added. Give them your token too.")
        else:
            self.say(f"{name} is added, and is told of you.")
        await self._look_around()

    async def _load(self) -> None:
        self._own = (await self._client.send(ExportToken())).token
        unicode = self._door.look.signs.unicode
        self._code = await asyncio.to_thread(qr_rows, self._own, unicode=unicode)
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
                if self._pairing is not None and self._pairing.is_attached:
                    self._pairing.show_events([event])
                await self._look_around()
                self.show()
