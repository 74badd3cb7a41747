"""What keeps the profile safe: words, backup, identity, ways to unlock, another machine."""

from loom.api.backup_commands import ShowBackupSchedule
from loom.api.backup_views import ScheduleView
from loom.api.identity_commands import ShowIdentity
from loom.api.identity_views import IdentityView
from loom.api.profiles import Profiles
from loom.front.identity_words import number_words
from loom.tui.kit.items import GAP, Button, Fact, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.reminders import words_to_check
from loom.tui.screens.backups import BackupsPanel, daily_facts, last_fact
from loom.tui.screens.check_words import CheckWords
from loom.tui.screens.duress import DuressPanel
from loom.tui.screens.identity import IdentityPanel
from loom.tui.screens.unlocks import UnlocksPanel


class SafekeepingPanel(LivePanel):
    """What is so, and a way to each screen that changes it."""

    heading = "Safekeeping"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._identity: IdentityView | None = None
        self._backups: ScheduleView | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._identity = await self.loom.send(ShowIdentity())
        if not self.loom.model.host:
            self._backups = await self.loom.send(ShowBackupSchedule())

    def on_screen_resume(self) -> None:
        """Something may have changed."""
        super().on_screen_resume()
        self.work(self.load(), name="load")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        identity = self._identity
        if identity is None:
            return []
        which = f"{number_words(identity.number)} of your 24 words"
        needs_action = identity.revoked or identity.forked or identity.later is not None
        identity_fact = Fact("Identity", which, "bad" if needs_action else "text")
        identity_button = Button(
            "Identity",
            lambda: self.loom.open_panel(IdentityPanel(self.loom)),
            "which keys these are; new ones, or ending it",
        )
        if self.loom.model.host:
            here = f"The rest is done on {self.loom.model.host}."
            return [identity_fact, GAP, identity_button, Text(here, "hint")]
        return [
            self._words(),
            *self._backup(),
            identity_fact,
            GAP,
            Button(
                "Check the 24 words",
                lambda: self.loom.open_panel(CheckWords(self.loom)),
                "they restore your identity",
            ),
            identity_button,
            *self._of_profile(self.loom.profiles),
            GAP,
            Button("Back", self.back),
        ]

    def _words(self) -> Fact:
        if self.loom.profile in words_to_check(self.loom.config):
            return Fact("24 words", "your copy is not checked yet", "warn")
        return Fact("24 words", "written down by you, stored nowhere")

    def _backup(self) -> list[Item]:
        backups = self._backups
        return [] if backups is None else [last_fact(backups), *daily_facts(backups)]

    def _of_profile(self, profiles: Profiles | None) -> list[Item]:
        if profiles is None:
            return [Text("This profile ends with the demo.", "hint")]
        loom = self.loom
        panic = loom.keys.words("panic")
        return [
            Button(
                "Backups",
                lambda: loom.open_panel(BackupsPanel(loom, profiles)),
                "make one, one a day, verify one",
            ),
            Button(
                "Ways to unlock",
                lambda: loom.open_panel(UnlocksPanel(loom, profiles)),
                "the desktop's keyring, a security key",
            ),
            Button(
                "Duress passphrase",
                lambda: loom.open_panel(DuressPanel(loom, profiles)),
                "opens an empty profile, and destroys this one",
            ),
            Button(
                "Move to another machine",
                loom.lock_to_move,
                "Loom locks first, and asks for the passphrase",
            ),
            Button(
                "Destroy this profile",
                loom.ask_to_destroy,
                f"asks first; also {panic}" if panic else "asks first",
            ),
        ]
