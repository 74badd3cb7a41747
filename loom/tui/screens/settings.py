"""Everything that can be set, for all contacts and for this app."""

from functools import partial
from typing import Final

from loom.api.conversation_commands import ListPreferences, SetPreferences
from loom.api.conversation_views import Preference
from loom.tui.keys import PROFILES
from loom.tui.kit.items import GAP, Button, Item, Option, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.notices import Level
from loom.tui.owner import Owner
from loom.tui.screens.files import FilesPanel
from loom.tui.screens.own_profile import OwnProfilePanel
from loom.tui.screens.safekeeping import SafekeepingPanel

NOTIFICATIONS: Final = {
    Level.FULL: "Name and message",
    Level.SENDER: "Name only",
    Level.NOTHING: "Off",
}
PICTURES: Final = {
    "auto": "Sharp where the terminal can; half blocks over SSH",
    "sharp": "Sharp where the terminal can, over SSH too",
    "blocks": "Half blocks",
    "off": "None between the messages",
}
LOCK_MIN: Final = (5, 15, 60, 0)


class SettingsPanel(LivePanel):
    """What is changed counts at once; the config file keeps it."""

    heading = "Settings"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._everybody: Preference | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._everybody = (await self.loom.send(ListPreferences())).everybody

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        now, loom = self._everybody, self.loom
        if now is None:
            return []
        minutes = int(loom.idle.limit_s // 60)
        return [
            Text("What contacts can see. You can hide more per contact.", "title"),
            Toggle("Read receipts", now.read_receipts, self._show_reading, "that you have read"),
            Toggle("Typing", now.typing, self._show_typing, "that you are typing"),
            GAP,
            Text("What an anchor can see.", "title"),
            Toggle(
                "Late receipts",
                now.late_receipts,
                self._hold_receipts,
                "by 30 to 300 s: harder to match by time",
            ),
            GAP,
            Button("Your profile", self._show_profile, "name, status, away, invisible"),
            GAP,
            Text("What contacts may delete here.", "title"),
            Toggle(
                "Ask me first",
                now.ask_farewells,
                self._ask_farewells,
                "when they delete a conversation for both",
            ),
            GAP,
            Text("When a contact renews their keys with their 24 words.", "title"),
            Toggle(
                "Wait until I verify",
                now.verify_first,
                self._verify_first,
                "nothing is sent to the new ones before",
            ),
            GAP,
            Button("Safekeeping", self._show_safekeeping, "backup, identity, unlocking, moving"),
            GAP,
            Text("Notifications show", "title"),
            *(
                Option("notify", words, loom.notices.level is one, partial(loom.use_notices, one))
                for one, words in NOTIFICATIONS.items()
            ),
            Toggle("Bell", loom.notices.bell, loom.use_bell),
            GAP,
            Text("Theme", "title"),
            *(
                Option("theme", one, loom.look.theme.name == one, partial(loom.use_theme, one))
                for one in loom.themes()
            ),
            GAP,
            Toggle(
                "Formatting", loom.look.is_formatted, loom.use_formatting, "of *texts* and `code`"
            ),
            GAP,
            Text("Pictures", "title"),
            *(
                Option(
                    "pictures", words, loom.look.pictures == one, partial(loom.use_pictures, one)
                )
                for one, words in PICTURES.items()
            ),
            GAP,
            Button("Files", self._show_files, "what is taken by itself, and what they take here"),
            GAP,
            Text("Keys", "title"),
            *(
                Option("keys", one, loom.keys.profile == one, partial(loom.use_keys, one))
                for one in PROFILES
            ),
            GAP,
            Text("Lock when idle for", "title"),
            *(
                Option("lock", _time(one), minutes == one, partial(loom.use_lock_time, one))
                for one in sorted({*LOCK_MIN, minutes}, key=lambda one: (not one, one))
            ),
        ]

    def _show_profile(self) -> None:
        self.loom.push_screen(OwnProfilePanel(self.loom))

    def _show_safekeeping(self) -> None:
        self.loom.push_screen(SafekeepingPanel(self.loom))

    def _show_files(self) -> None:
        self.loom.push_screen(FilesPanel(self.loom))

    def _show_reading(self, on: bool) -> None:
        self._change(SetPreferences(read_receipts=on))

    def _show_typing(self, on: bool) -> None:
        self._change(SetPreferences(typing=on))

    def _ask_farewells(self, on: bool) -> None:
        self._change(SetPreferences(ask_farewells=on))

    def _verify_first(self, on: bool) -> None:
        self._change(SetPreferences(verify_first=on))

    def _hold_receipts(self, on: bool) -> None:
        self._change(SetPreferences(late_receipts=on))

    def _change(self, command: SetPreferences) -> None:
        async def change() -> None:
            await self.loom.send(command)
            await self.load()

        self.work(change())


def _time(minutes: int) -> str:
    return f"{minutes} minutes" if minutes else "Never"
