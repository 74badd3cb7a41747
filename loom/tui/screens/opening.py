"""Whether a link is opened: where it leads, in full, and what may deceive about it."""

import os
import sys
from asyncio import to_thread
from typing import Final

from loom.tui.kit.items import GAP, Button, Fact, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.links import host_of
from loom.tui.owner import Owner

BACK: Final = "Back"
ROWS_MIN: Final = 14
"""On a lower screen the address may be out of sight: Enter goes back there."""


class LinkPanel(LivePanel):
    """Nothing is fetched before somebody says so."""

    heading = "Open a link"

    def __init__(self, loom: Owner, address: str) -> None:
        host = host_of(address)
        is_unseen = loom.size.height < ROWS_MIN
        super().__init__(loom, focus=BACK if host.scripts or host.user or is_unseen else "")
        self.loom = loom
        self._address = address

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        host = host_of(self._address)
        items: list[Item] = [Text(self._address, "title"), GAP, Fact("Host", host.name)]
        if host.reads:
            items.append(Fact("Reads", host.reads))
        if host.scripts:
            mixed = " and ".join(host.scripts)
            items.append(Text(f"The host mixes {mixed} letters: it may imitate another.", "bad"))
        if host.user:
            items.append(Text(f"What stands before the @ is no host; {host.name} is.", "bad"))
        items += [GAP, Text("The host learns your network address.", "hint"), GAP]
        if has_desktop():
            items.append(Button("Open it in the browser", self._open))
        items += [Button("Copy the address", self._copy), Button(BACK, self.leave)]
        return items

    def _open(self) -> None:
        self.loom.work(_open(self.loom, self._address), "open link")
        self.leave()

    def _copy(self) -> None:
        self.copy(self._address)


async def _open(loom: Owner, address: str) -> None:
    import webbrowser  # the first paint waits for imports

    opened = await to_thread(webbrowser.open, address)
    loom.say(f"Opening {address}" if opened else "No browser could be started; c copies the link.")


def has_desktop() -> bool:
    """Whether a browser has a window to open; one for terminals would take this one."""
    return sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
