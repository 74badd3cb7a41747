"""Why nothing can be written to the open contact or channel, and what to do about it."""

from loom.front.identity_words import changed_words, identity_line
from loom.printable import printable
from loom.tui.cells import wrap
from loom.tui.channels import Channel
from loom.tui.lines import Lines, Look
from loom.tui.model import Model
from loom.tui.themes import Line, Piece


class Obstacle(Lines):
    """Rows above the composer; none where all is well."""

    def __init__(self, look: Look, model: Model) -> None:
        super().__init__(look)
        self._model = model
        self._rows: list[str] = []

    @property
    def words(self) -> str:
        """Why nothing can be sent; empty: everything can."""
        if (channel := self._model.channel) is not None:
            return why_not_post(channel)
        current = self._model.open_
        if current is None:
            return ""
        if current.contact.revoked:
            return identity_line("identity_revoked", current.name)
        if current.contact.forked and current.contact.identity_changed:
            return f"{identity_line('identity_forked', current.name)} /verify shows them."
        if current.contact.identity_changed:
            words = changed_words(current.name, proven=current.contact.identity_proven)
            return f"{words} /verify shows them."
        if current.contact.blocked:
            return f"{current.name} is blocked: nothing comes or goes. /unblock undoes that."
        return ""

    def fit(self) -> None:
        """As many rows as the words need, as far as there is room."""
        words, width = self.words, self.screen.size.width
        if self.size.width:
            width = self.size.width
        rows = [words[a:b] for a, b in wrap(words, max(width - 2, 10))] if words else []
        self._rows = rows[: max(self.screen.size.height // 3, 1)]
        if self.styles.height is None or self.styles.height.value != len(self._rows):
            self.styles.height = len(self._rows)
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        return [Piece(" "), Piece(self._rows[y], "bad")] if y < len(self._rows) else []


def why_not_post(channel: Channel) -> str:
    """Why one may not post in a channel, and what to do about it; empty: one may."""
    room = channel.room
    name = printable(room.room)
    match room.standing:
        case "joining":
            who = printable(room.through or "who invited you")
            return f"You are not in the room {name} yet: {who} lets you in once both are online."
        case "offered":
            who = printable(room.through or "A member")
            return f"{who} offers to go on in the room {name}. F2 shows it, and joins it."
        case "left":
            return f"You left the room {name}. Ask a member for an invite to come back."
        case "removed":
            return f"You were removed from the room {name}. What was said until then stays here."
    if channel.view.may_post:
        return ""
    if channel.view.restricted:
        return f"Only officers post in {channel.tag}."
    return f"As {room.role or 'what you are'} you can read here, but not post."
