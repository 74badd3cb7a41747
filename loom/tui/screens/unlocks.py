"""By what else than its passphrase the profile is unlocked: added, and taken away."""

from functools import partial
from typing import Final

from loom.api.profiles import Profiles
from loom.config import WAYS
from loom.errors import CannotUnlock, WrongPassphrase
from loom.front.sentences import in_app
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.unlock_ways import NAMES, TypedPin

ABOUT: Final = (
    "These unlock the profile, and its passphrase still does. Anyone who has one of them needs no "
    "passphrase. With a duress passphrase they are not possible."
)


class UnlocksPanel(LivePanel):
    """A line for each way, the passphrase to add one, and a button for each."""

    heading = "Ways to unlock"

    def __init__(self, loom: Owner, profiles: Profiles) -> None:
        super().__init__(loom)
        self.loom = loom
        self._profiles = profiles
        self._there: list[str] = []
        self._passphrase = Field("Passphrase", lambda: self.body.go(1), secret=True)
        self._pin = Field("PIN of the key", lambda: self.body.go(1), secret=True)

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._there = list(self._profiles.unlocks(self.loom.profile))

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        missing = [way for way in WAYS if way not in self._there]
        items: list[Item] = [Text(ABOUT), GAP, Fact("Passphrase", "unlocks it", "good")]
        for way in WAYS:
            is_there = way in self._there
            words = "unlocks it" if is_there else "does not unlock it"
            items.append(Fact(way, f"{NAMES[way]} {words}", "good" if is_there else "text"))
        items.append(GAP)
        if missing:
            items.append(self._passphrase)
        if "fido2" in missing:
            items += [self._pin, Text("The PIN only if the security key has one.", "hint")]
        for way in WAYS:
            if way in missing:
                items.append(Button(f"Add {NAMES[way]}", partial(self._add, way)))
            else:
                items.append(Button(f"Remove {NAMES[way]}", partial(self._remove, way)))
        return [*items, Button("Back", self.back)]

    def back(self) -> None:
        """See `Panel.back`."""
        self._forget()
        self.leave()

    def _add(self, way: str) -> None:
        if not self._passphrase.text:
            self.refuse(self._passphrase, "Type the profile's passphrase first.")
            return
        words = "Touch the security key" if way == "fido2" else "Adding it"
        self.work(self._added(way), words)

    def _remove(self, way: str) -> None:
        self.work(self._removed(way), "Removing it")

    async def _added(self, way: str) -> None:
        passphrase, pin = self._passphrase.text, self._pin.text
        self._forget()
        try:
            await self._profiles.add_unlock(self.loom.profile, passphrase, way, TypedPin(pin))
        except WrongPassphrase as error:
            self.refuse(self._passphrase, in_app(error))
            return
        await self.load()
        self.say(f"From now on {NAMES[way]} unlocks it, and the passphrase still does.")

    async def _removed(self, way: str) -> None:
        try:
            await self._profiles.remove_unlock(self.loom.profile, way)
        except CannotUnlock:  # removed elsewhere meanwhile
            await self.load()
            raise
        await self.load()
        self.say(f"From now on {NAMES[way]} does not unlock it.")

    def _forget(self) -> None:
        self._passphrase.clear()
        self._pin.clear()
