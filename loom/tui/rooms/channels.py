"""One channel of a room: what it is for, who posts there, closing it."""

from typing import Final

from loom.api.room_commands import SetRoomChannel
from loom.api.room_views import ChannelView
from loom.tui.kit.items import GAP, Fact, Field, Item, Text, Toggle
from loom.tui.owner import Owner
from loom.tui.rooms.panel import RoomLivePanel

TOPIC: Final = "New topic"
CLOSE: Final = "Close"
_GENERAL: Final = "general"


class ChannelPanel(RoomLivePanel):
    """What one may not change here is only said."""

    def __init__(self, loom: Owner, room_id: str, channel: str) -> None:
        super().__init__(loom, room_id)
        self._channel = channel
        self._topic = Field(TOPIC, self._do_topic, form="what it is for")
        self._close = Field(CLOSE, self._do_close)

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return f"# {self._channel}" + ("" if self.room is None else f" in {self.room.room}")

    async def load(self) -> None:
        """See `LivePanel.load`."""
        await super().load()
        if self.room is not None and self._view is None:
            self.leave()

    @property
    def _view(self) -> ChannelView | None:
        channels = [] if self.room is None else self.room.channels
        return next((one for one in channels if one.channel == self._channel), None)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        if view is None:
            return []
        posts = "officers" if view.restricted else "every member"
        items: list[Item] = [
            Fact("Topic", view.topic or "none"),
            Fact("Who posts", posts if view.may_post else f"{posts}, not you"),
            Fact("Unread", str(view.unread or "nothing")),
            GAP,
            *self.habits(view, view.channel),
            GAP,
        ]
        if not self.can("channels"):
            return [*items, Text(f"You may not change channels; ask {self.who_may()}.", "hint")]
        items += [
            *self.proposing("channels"),
            self._topic,
            Toggle("Only officers post", view.restricted, self._restrict, "others read it"),
        ]
        if view.channel == _GENERAL:
            return items
        return [
            *items,
            GAP,
            Text(
                f"To let nobody post there any more, type {CLOSE.lower()} and press Enter. What "
                "was said there stays.",
                "warn",
            ),
            self._close,
        ]

    def _do_topic(self) -> None:
        view = self._view
        if view is not None:
            command = self._set(topic=self._topic.text.strip(), restricted=view.restricted)
            self.state_soon(command, "Everybody in the room sees it.", self._topic)

    def _restrict(self, on: bool) -> None:
        view = self._view
        if view is not None:
            self.state_soon(self._set(topic=view.topic, restricted=on))

    def _do_close(self) -> None:
        if self._close.text.strip().casefold() != CLOSE.lower():
            self.refuse(self._close, f"Nothing was done: type {CLOSE.lower()}.")
            return
        command = SetRoomChannel(room=self.room_id, channel=self._channel, on=False)
        self.state_soon(command, field=self._close)

    def _set(self, *, topic: str, restricted: bool) -> SetRoomChannel:
        return SetRoomChannel(
            room=self.room_id, channel=self._channel, topic=topic, restricted=restricted
        )
