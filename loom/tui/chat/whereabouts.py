"""Where the selected message is while the contact does not have it."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from loom.api.message_commands import ShowDelivery
from loom.api.message_views import DeliveryView, MessageView
from loom.printable import printable
from loom.tui.owner import Owner
from loom.tui.times import since_words

ON_ITS_WAY: Final = ("queued", "sent")


class Whereabouts:
    """Asks the node when another message is selected, or the selected one was handed on.

    Args:
        chosen: the selected messages.
        changed: it is known now.
    """

    def __init__(
        self,
        owner: Owner,
        chosen: Callable[[], Sequence[MessageView]],
        changed: Callable[[], None],
    ) -> None:
        self.words = ""
        """Of the selected message; empty: there is nothing to say."""
        self._owner = owner
        self._chosen = chosen
        self._changed = changed
        self._asked: tuple[str, str] | None = None
        """The message that was asked about, and its state then."""

    def look(self) -> None:
        """Another message may be selected, or its state may have changed."""
        chosen = self._chosen()
        one = chosen[0] if len(chosen) == 1 else None
        if one is None or one.direction != "out" or one.state not in ON_ITS_WAY:
            self._asked, self.words = None, ""
        elif self._asked != (one.message_id, one.state):
            self._asked, self.words = (one.message_id, one.state), ""
            self._owner.work(self._ask(one), "where")

    def sent_on(self, message_ids: Collection[str]) -> None:
        """These were handed on, perhaps not for the first time."""
        if self._asked is not None and self._asked[0] in message_ids:
            self._asked = None
            self.look()

    async def _ask(self, one: MessageView) -> None:
        command = ShowDelivery(contact=f"#{one.contact_id}", message_id=one.message_id)
        view = await self._owner.send(command)
        if self._asked == (one.message_id, one.state):
            self.words = where_words(view)
            self._changed()


def where_words(view: DeliveryView) -> str:
    """As short as it goes."""
    match view.where:
        case "mailbox":
            since = "" if view.since_ms is None else f" since {since_words(view.since_ms)}"
            return f"in the mailbox at {printable(view.anchor)}{since}"
        case "link" | "there":
            return "on the way"
    return "not handed on yet"
