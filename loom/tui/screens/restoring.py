"""A profile made of a backup: its file, what opens it, a name and a passphrase for this machine."""

from functools import partial
from pathlib import Path
from typing import Final

from loom.api.backup_views import BackupRestored
from loom.errors import LoomError
from loom.front.backup_words import USE, clock_words, contents_words, count_words
from loom.front.file_words import size_words
from loom.passphrases import MIN_CHARACTERS, strength_of
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opener
from loom.tui.screens.backup_file import BackupFields, damage_items
from loom.tui.times import now_ms

ABOUT: Final = "A profile comes back from a file: contacts, rooms, and what was said."
OPEN: Final = "Open it"


class RestoreBackup(Panel):
    """Asks, restores, and says what became of it."""

    heading = "Restore a backup"
    can_go_back = True

    def __init__(self, door: Opener) -> None:
        super().__init__(door)
        self._door = door
        self._fields = BackupFields(self, door.profiles, self._restore)
        self._called = Field("Its name here")
        self._passphrase = Field("Passphrase", secret=True)
        self._again = Field("Repeat it", secret=True)
        self._restored: BackupRestored | None = None

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._restored is not None:
            return self._done_items(self._restored)
        return [
            Text(ABOUT),
            GAP,
            *self._fields.items(),
            self._called,
            Text("A passphrase for this machine:", "hint"),
            self._passphrase,
            self._again,
            *self._strength(),
            GAP,
            Button("Restore", self._restore),
            Button("Back", self.back),
        ]

    def back(self) -> None:
        """See `Panel.back`."""
        self._forget()
        self.work(self._door.choose(again=True), "One moment ...")

    def _strength(self) -> list[Item]:
        if len(self._passphrase.text) < MIN_CHARACTERS:
            return []
        found = strength_of(self._passphrase.text)
        return [Text(f"The passphrase is {found.sentence}", found.role)]

    def _done_items(self, view: BackupRestored) -> list[Item]:
        warnings = [clock_words(view.backup.made_at_ms, now_ms())]
        if view.unsent:
            waited = count_words(view.unsent, "text")
            warnings.append(f"{waited} waited to be sent when it was made: /unsent shows to whom.")
        return [
            Text(f"{view.profile} is restored: {contents_words(view.backup)}.", "good"),
            *damage_items(view),
            *(Text(one, "warn") for one in warnings if one),
            Text(USE),
            GAP,
            Button(OPEN, partial(self._open, view.profile)),
            Button("Quit", self._door.leave),
        ]

    def _open(self, profile: str) -> None:
        self.work(self._door.open_(profile), "One moment ...")

    def _restore(self) -> None:
        path = self._fields.path()
        passphrase = self._passphrase.text
        if path is None:
            return
        if not self._called.text.strip():
            self.refuse(self._called, "Type what the profile is called here first.")
        elif len(passphrase) < MIN_CHARACTERS:
            self.refuse(self._passphrase, f"Use at least {MIN_CHARACTERS} characters.")
        elif passphrase != self._again.text:
            self._again.clear()
            self.refuse(self._again, "The two passphrases differ: type it again.")
        else:
            self.work(self._made(path, passphrase), "Restoring")

    async def _made(self, path: Path, passphrase: str) -> None:
        door = self._door
        profile = await door.name_for(self._called.text.strip())
        try:
            self._restored = await door.profiles.restore_backup(
                profile, path, self._fields.secret, passphrase, self._moved
            )
        except LoomError as error:
            if not self._fields.refuse(error):
                raise
            return
        self._forget()
        self.body.at = OPEN

    def _moved(self, done_bytes: int, size_bytes: int) -> None:
        """So much was read; called from a thread."""
        self._working = f"Restoring: {size_words(done_bytes)} of {size_words(size_bytes)}"

    def _forget(self) -> None:
        self._fields.forget()
        self._passphrase.clear()
        self._again.clear()
