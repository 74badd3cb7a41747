"""A second passphrase, for somebody who forces one to unlock: it destroys the profile."""

from typing import Final

from loom.api.profiles import Profiles
from loom.errors import WrongPassphrase
from loom.front.sentences import in_app
from loom.passphrases import MIN_CHARACTERS, strength_of
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.unlock_ways import NAMES

ABOUT: Final = (
    "For somebody who forces you to unlock: typed wherever the passphrase is asked for, it opens "
    "an empty profile, and destroys this one for good."
)
LIMITS: Final = (
    "It does not help against somebody who copied the disk before, and backups survive. Nothing on "
    "this machine shows whether there is such a passphrase, so neither does this screen."
)


class DuressPanel(LivePanel):
    """Sets one, replaces it, or takes it away; the profile's own passphrase is asked for."""

    heading = "Duress passphrase"

    def __init__(self, loom: Owner, profiles: Profiles) -> None:
        super().__init__(loom)
        self.loom = loom
        self._profiles = profiles
        self._ways: list[str] = []
        self._own = Field("Passphrase", secret=True)
        self._duress = Field("For duress", secret=True)
        self._again = Field("Repeat it", secret=True)

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._ways = list(self._profiles.unlocks(self.loom.profile))

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        about: list[Item] = [Text(ABOUT), Text(LIMITS, "hint"), GAP]
        if self._ways:
            others = " and ".join(NAMES.get(way, way) for way in self._ways)
            return [
                *about,
                Text(
                    f"It is not possible while {others} unlocks the profile: remove that first.",
                    "warn",
                ),
                GAP,
                Button("Back", self.back),
            ]
        return [
            *about,
            self._own,
            Text("The profile's own, as you type it at the start.", "hint"),
            self._duress,
            self._again,
            *self._strength(),
            GAP,
            Button("Set it", self._set, "replaces an earlier one"),
            Button("Let there be none", self._remove, "needs the profile's own passphrase"),
            Button("Back", self.back),
        ]

    def back(self) -> None:
        """See `Panel.back`."""
        self._forget()
        self.leave()

    def _strength(self) -> list[Item]:
        if len(self._duress.text) < MIN_CHARACTERS:
            return []
        found = strength_of(self._duress.text)
        return [Text(f"The duress passphrase is {found.sentence}", found.role)]

    def _set(self) -> None:
        duress = self._duress.text
        if not self._own.text:
            self.refuse(self._own, "Type the profile's passphrase first.")
        elif len(duress) < MIN_CHARACTERS:
            self.refuse(self._duress, f"Use at least {MIN_CHARACTERS} characters.")
        elif duress != self._again.text:
            self._again.clear()
            self.refuse(self._again, "The two passphrases differ: type it again.")
        else:
            self.work(self._changed(duress, "The duress passphrase is set."), "Setting it")

    def _remove(self) -> None:
        if not self._own.text:
            self.refuse(self._own, "Type the profile's passphrase first.")
        else:
            self.work(self._changed(None, "There is no duress passphrase."), "Removing it")

    async def _changed(self, duress: str | None, said: str) -> None:
        own = self._own.text
        self._forget()
        try:
            await self._profiles.set_duress(self.loom.profile, own, duress)
        except WrongPassphrase as error:
            self.refuse(self._own, in_app(error))
            return
        self.say(said)

    def _forget(self) -> None:
        for field in (self._own, self._duress, self._again):
            field.clear()
