"""The passphrase of a profile that is there."""

from typing import TYPE_CHECKING

from loom.tui.screens.form import Button, Field, Form, Item, Text

if TYPE_CHECKING:
    from loom.tui.door import DoorApp


class Unlock(Form):
    """Asks until it is right."""

    def __init__(self, door: "DoorApp", profile: str) -> None:
        super().__init__(door.look)
        self._door = door
        self._profile = profile
        self._passphrase = Field("Passphrase", secret=True)

    def items(self) -> list[Item]:
        """The passphrase and other ways."""
        return [
            Text(f"{self._profile} is locked", "title"),
            Text("It is offline until you unlock it.", "hint"),
            Text(""),
            self._passphrase,
            Text(""),
            Button("Unlock", self._unlock),
            Button("Another profile", self.back),
            Button("Quit", self.leave),
        ]

    def _unlock(self) -> None:
        passphrase = self._passphrase.text
        self._passphrase.clear()
        self.go_to(self._passphrase)
        if not passphrase:
            self.say("Type the passphrase first.", bad=True)
            return
        self.work(self._open(passphrase), f"Unlocking {self._profile}: a guess is made expensive")

    can_go_back = True

    def back(self) -> None:
        """To the other profiles."""
        self.work(self._door.choose(again=True), "One moment ...")

    async def _open(self, passphrase: str) -> None:
        client = await self._door.unlock(self._profile, passphrase)
        self._door.hand_out(self._profile, client)
