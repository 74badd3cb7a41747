"""What contacts are told of oneself."""

from loom.api.profile_commands import SetProfile, ShowProfile
from loom.api.profile_views import OwnProfileView
from loom.tui.kit.items import GAP, Fact, Field, Item, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner

NAME, STATUS = "Name", "Status"
"""The fields, by which a command puts the cursor there."""


class OwnProfilePanel(LivePanel):
    """Enter in a field tells it; an empty status is none."""

    heading = "Your profile"

    def __init__(self, loom: Owner, focus: str = "") -> None:
        super().__init__(loom, focus)
        self.loom = loom
        self._own: OwnProfileView | None = None
        self._own_name = Field(NAME, self._tell_name)
        self._own_status = Field(STATUS, self._tell_status, form="none")

    async def load(self) -> None:
        """See `LivePanel.load`."""
        if self._own is None:
            self._take(await self.loom.send(ShowProfile()))

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        own = self._own
        if own is None:
            return []
        half = len(own.fingerprint) // 2
        return [
            Text("What contacts are told. Enter saves it.", "title"),
            self._own_name,
            self._own_status,
            Toggle("Away", own.away, self._set_away, "shown to contacts; nothing else changes"),
            GAP,
            Text("What contacts can see.", "title"),
            Toggle("Invisible", own.invisible, self._set_invisible, "no adverts, links, receipts"),
            Text(
                "What you write goes through anchors then, and shows that you wrote it. Without an "
                "anchor nothing is sent or received.",
                "hint",
            ),
            GAP,
            Fact("Fingerprint", own.fingerprint[:half]),
            Fact("", own.fingerprint[half:]),
        ]

    def _take(self, own: OwnProfileView) -> None:
        self._own = own
        self.loom.use_profile(own)
        self._own_name.editor.set(own.name)
        self._own_status.editor.set(own.status)

    def _tell_name(self) -> None:
        self._change(
            SetProfile(name=self._own_name.text), "Contacts are told the name.", self._own_name
        )

    def _tell_status(self) -> None:
        command = SetProfile(status=self._own_status.text)
        self._change(command, "Contacts are told the status.", self._own_status)

    def _set_away(self, on: bool) -> None:
        self._change(SetProfile(away=on), "")

    def _set_invisible(self, on: bool) -> None:
        self._change(SetProfile(invisible=on), "")

    def _change(self, command: SetProfile, said: str, field: Field | None = None) -> None:
        async def change() -> None:
            self._take(await self.loom.send(command))
            self.say(said)

        self.work(change(), field=field)
