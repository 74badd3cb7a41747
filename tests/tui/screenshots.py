"""The pictures in the README: the real app over made-up people. `make screenshots` paints them."""

import asyncio
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import msgspec

from loom.api.command import Command
from loom.api.contact_commands import ListPeers, ShowConnectivity, VerifyContact
from loom.api.contact_views import (
    Connectivity,
    PathChange,
    PathView,
    Peers,
    PeerView,
    ReachView,
    SafetyNumberView,
)
from loom.api.events import ContactTyping
from loom.config import CONFIG_FILE
from loom.core.safety_number import safety_number, safety_words
from loom.front.reach import reach_at
from loom.front.signs import Signs
from loom.model import PeerId
from loom.tui import times
from loom.tui.app import LoomApp
from tests.tui.conftest import in_utc, settle
from tests.tui.people import PeopleNode
from tests.tui.pictures import bare

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZE: Final = (100, 26)
PRESSED: Final[dict[str, tuple[str, ...]]] = {
    "conversation": (*"of course, see you at eight",),
    "verification": (*"/open Nia", "enter", *"/verify", "enter"),
    "search": (*"/search chart", "enter", "down"),
    "palette": ("ctrl+p", *"con"),
    "connectivity": ("ctrl+t",),
}
"""What is done for each picture."""


def at(day: int, clock: str) -> int:
    """Unix milliseconds of a time in November 2026."""
    hour, minute = map(int, clock.split(":"))
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()) * 1000


class Trip(PeopleNode):
    """Five people and a boat."""

    def __init__(self) -> None:
        super().__init__("mira")
        self.add("Tomás", online=False, verified=True, session="established")
        self.add("Harbour office", verified=True, session="established")
        near = {"session": "established", "reach": ReachView(how="lan")}
        self.add("Nia", **near)
        self.add("Uncle Per", online=False, verified=True, session="established", queued=1)
        self.add("Ada", verified=True, **near)
        self.write(
            "Tomás", 17, "16:20", "I marked the rocks that the old chart has in the wrong place"
        )
        self.write("Uncle Per", 18, "21:07", "I keep my fingers crossed", own=True, state="queued")
        self.write(
            "Harbour office",
            19,
            "17:30",
            "Berth 4 is yours until Sunday; new charts are at the desk",
        )
        self.write("Ada", 19, "18:42", "the boat leaves on Saturday, right?", own=True)
        self.write("Ada", 19, "18:44", "yes, at eight from pier 4. Bring the maps!")
        self.write("Ada", 19, "18:45", "will do. Or is the plotter alive again?", own=True)
        self.write(
            "Ada",
            19,
            "18:47",
            "no. It is as dead as last year, and the coast is not getting any softer",
        )
        self.write("Ada", 20, "08:12", "the chart: https://example.org/charts/north-sound")
        self.write(
            "Ada", 20, "08:15", "got it. Packed so far:\n- maps\n- rope, 30 m\n- coffee", own=True
        )
        self.write("Ada", 20, "08:16", "coffee twice, please: Nia comes too, she has your token")
        self.write("Ada", 20, "08:21", "then we compare numbers on the pier", own=True)
        self.write("Nia", 20, "11:58", "hello, this is Nia", state="delivered")
        self.write("Nia", 20, "11:59", "what shall I bring?", state="delivered")
        self.write("Ada", 20, "12:03", "they say north-west, four to five", own=True)
        self.messages[-1] = msgspec.structs.replace(self.messages[-1], state="delivered")
        self.write("Ada", 20, "12:04", "so it blows from behind. Still coming?", state="delivered")
        self.drafts[1] = "you would have loved"
        self.paths = _paths()

    def write(
        self, name: str, day: int, clock: str, body: str, *, own: bool = False, state: str = "read"
    ) -> None:
        """A message of that time."""
        self.say(name, body, direction="out" if own else "in", state=state)
        sent = at(day, clock)
        self.messages[-1] = msgspec.structs.replace(
            self.messages[-1], sent_at_ms=sent, stored_at_ms=sent
        )
        view = self.contacts[name]
        self.contacts[name] = msgspec.structs.replace(view, last_message_at_ms=sent)

    def _answer(self, command: Command[Any]) -> object:
        match command:
            case VerifyContact():
                view = self._contact(command.contact)
                groups = safety_number(PeerId(b"m" * 32), PeerId(b"n" * 32))
                return SafetyNumberView(
                    contact=view.contact,
                    contact_id=view.contact_id,
                    groups=list(groups),
                    words=list(safety_words(groups)),
                    verified=view.verified,
                )
            case ListPeers():
                return Peers(
                    peers=[
                        PeerView(
                            contact=path.contact,
                            contact_id=path.contact_id,
                            online=path.online,
                            address=path.address,
                            direction=path.direction,
                            connected_at_ms=path.connected_at_ms,
                            known_addresses=[path.address] if path.address else [],
                            last_error=path.last_error,
                            reach=path.reach,
                        )
                        for path in self.paths
                    ]
                )
            case ShowConnectivity():
                addresses = ["192.168.20.14:4070", "[fd00:20::14]:4070"]
                return Connectivity(mdns="on", addresses=addresses, refused=3, paths=self.paths)
        return super()._answer(command)


def _paths() -> list[PathView]:
    def changed(day: int, clock: str, what: str, address: str = "") -> PathChange:
        return PathChange(at_ms=at(day, clock), what=what, address=address)

    def path(contact: str, number: int, address: str = "", **facts: Any) -> PathView:
        fields: dict[str, Any] = {
            "online": bool(address),
            "address": address or None,
            "direction": "out" if address else None,
            "connected_at_ms": at(20, "07:58") if address else None,
            "known_addresses": 1,
            "last_error": None,
            "failed_attempts": 0,
            "next_dial_at_ms": None,
            "queued": 0,
            "arriving": 0,
            "dropped": 0,
            "changes": [],
            "reach": reach_at(address) if address else ReachView(),
        }
        return PathView(contact=contact, contact_id=number, **(fields | facts))

    ada, nia, office = "192.168.20.31:4070", "192.168.20.77:4070", "203.0.113.9:4070"
    return [
        path(
            "Ada",
            5,
            ada,
            known_addresses=2,
            changes=[
                changed(20, "07:58", "dialled", "198.51.100.23:4070"),
                changed(20, "11:40", "found", ada),
                changed(20, "11:40", "moved", ada),
            ],
        ),
        path("Nia", 3, nia, changes=[changed(20, "11:57", "accepted", nia)]),
        path("Harbour office", 2, office, changes=[changed(20, "08:02", "dialled", office)]),
        path(
            "Uncle Per",
            4,
            failed_attempts=4,
            last_error="unreachable",
            next_dial_at_ms=at(20, "12:09"),
            queued=1,
            changes=[changed(18, "22:15", "closed")],
        ),
        path("Tomás", 1, changes=[changed(17, "23:51", "closed")]),
    ]


async def paint(name: str) -> str:
    """One picture as SVG."""
    node = Trip()
    with tempfile.TemporaryDirectory() as folder, in_utc():
        (Path(folder) / CONFIG_FILE).write_text('theme = "dark"\n')
        app = LoomApp(node, profile="mira", config=Path(folder), signs=Signs(unicode=True))
        with patch.object(times, "today", lambda: date(2026, 11, 20)):
            async with app.run_test(size=SIZE) as pilot:
                await settle(pilot)
                node.tell(ContactTyping(contact="Nia", contact_id=3, on=True))
                await pilot.pause(0.1)
                for key in PRESSED[name]:
                    await pilot.press(key)
                    if len(key) > 1:  # what it asks for comes before the next key
                        await settle(pilot)
                await settle(pilot)
                picture = app.export_screenshot(title="loom")
        await node.close()
    return bare(picture)


async def main() -> None:
    """Paint all of them anew."""
    FOLDER.mkdir(exist_ok=True)
    for name in PRESSED:
        (FOLDER / f"{name}.svg").write_text(await paint(name), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
