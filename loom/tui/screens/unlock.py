"""The passphrase of a profile that is there."""

from loom.errors import WrongPassphrase
from loom.front.sentences import in_app
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opener
from loom.tui.unlock_ways import NAMES, TypedPin


class Unlock(Panel):
    """Asks until it is right."""

    can_go_back = True

    def __init__(self, door: Opener, profile: str) -> None:
        super().__init__(door)
        self._door = door
        self._profile = profile
        self._passphrase = Field("Passphrase", secret=True)

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return f"{self._profile} is locked"

    def items(self) -> list[Item]:
        """The passphrase and other ways."""
        return [
            Text("It is offline until you unlock it.", "hint"),
            GAP,
            self._passphrase,
            GAP,
            Button("Unlock", self._unlock),
            *self._other_ways(),
            Button("Another profile", self.back),
            Button("Move it to another machine", self._move),
            Button("Quit", self._door.leave),
        ]

    def _other_ways(self) -> list[Item]:
        return [
            Button(f"By {NAMES[way]}", lambda way=way: self._unlock_by(way))  # type: ignore[misc]
            for way in self._door.ways(self._profile)
            if way in NAMES
        ]

    def back(self) -> None:
        """To the other profiles."""
        self.work(self._door.choose(again=True), "One moment ...")

    def _move(self) -> None:
        self._passphrase.clear()
        self._door.show_moving(self._profile)

    def _unlock(self) -> None:
        passphrase = self._passphrase.text
        self._passphrase.clear()
        if not passphrase:
            self.refuse(self._passphrase, "Type the passphrase first.")
            return
        words = f"Unlocking {self._profile} (slow on purpose, to resist guessing)"
        self.work(self._open(passphrase), words)

    def _unlock_by(self, way: str) -> None:
        pin = self._passphrase.text
        self._passphrase.clear()
        touch = way == "fido2"
        words = "Touch the security key; its PIN, if it has one, goes into the field first"
        self.work(self._open_by(way, pin), words if touch else f"Unlocking {self._profile}")

    async def _open_by(self, way: str, pin: str) -> None:
        client = await self._door.unlock_by(self._profile, way, TypedPin(pin))
        self._door.hand_out(self._profile, client)

    async def _open(self, passphrase: str) -> None:
        try:
            client = await self._door.unlock(self._profile, passphrase)
        except WrongPassphrase as error:
            self.refuse(self._passphrase, in_app(error))
            return
        self._door.hand_out(self._profile, client)
