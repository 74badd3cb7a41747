"""All rooms, also those that one left; making one."""

from collections.abc import Callable
from functools import partial

from loom.api.events import AnyEvent, RoomJoined, RoomLeft, RoomStateChanged
from loom.api.room_commands import ListRooms
from loom.api.room_views import RoomView
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Item, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.rooms.details import RoomPanel
from loom.tui.rooms.making import NewRoomPanel
from loom.tui.themes import Piece

MAKE = "Make a room"


class RoomsPanel(LivePanel):
    """The oldest first. `made` goes on with a new one."""

    heading = "Rooms"

    def __init__(self, loom: Owner, made: Callable[[RoomView], None]) -> None:
        super().__init__(loom)
        self.loom = loom
        self._made = made
        self._rooms: list[RoomView] | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._rooms = (await self.loom.send(ListRooms())).rooms

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, RoomStateChanged | RoomJoined | RoomLeft)

    def on_screen_resume(self) -> None:
        """One of them may have been left."""
        super().on_screen_resume()
        if self._rooms is not None:
            self.work(self.load(), name="load")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._rooms is None:
            return []
        if not self._rooms:
            none = "No room yet. Make one, or paste an invite into one with /add."
            return [Text(none), GAP, Button(MAKE, self._do_make)]
        return [*map(self._row, self._rooms), GAP, Button(MAKE, self._do_make)]

    def _row(self, view: RoomView) -> Row:
        unread = f"  {view.unread} unread" if view.unread else ""
        words, role = standing_words(view)
        line = [
            Piece(printable(view.room), "name"),
            Piece(f"  {words}", role),
            Piece(unread, "unread"),
        ]
        return Row(f"room {view.room_id}", line, partial(self._open, view.room_id))

    def _open(self, room_id: str) -> None:
        self.loom.push_screen(RoomPanel(self.loom, room_id))

    def _do_make(self) -> None:
        self.loom.push_screen(NewRoomPanel(self.loom, self._made))


def standing_words(view: RoomView) -> tuple[str, str]:
    """What one is in a room, and in which colour that stands."""
    if view.standing == "joining" and view.heard:
        return "asked; not let in", "warn"
    if view.standing == "joining":
        return "joining; not answered yet", "warn"
    if view.standing == "member":
        members = "1 member" if view.members == 1 else f"{view.members} members"
        return f"{view.role}, {members}", "status"
    if view.standing == "offered":
        return "offered to you", "warn"
    return ("you left" if view.standing == "left" else "you were removed"), "status"
