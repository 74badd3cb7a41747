"""The lines around the timeline: title, rule, status."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual import events
from textual.message import Message

from loom.api.room_views import MemberView
from loom.front.lasting import lasting_words
from loom.front.reach import reach_words
from loom.printable import printable
from loom.tui.cells import cut, width_of, wrap
from loom.tui.channels import Channel
from loom.tui.identicon import identicon
from loom.tui.lines import Lines, Look
from loom.tui.model import Conversation, Model
from loom.tui.themes import Line, Piece
from loom.wire.limits import TEXT_MAX_BYTES

PQ = "PQ"
ICON_FROM = 40
"""In a title that wide, what the fingerprint draws stands beside the name."""
SIZE_SHOWN_BYTES = TEXT_MAX_BYTES * 3 // 4


class TitleLine(Lines):
    """Who one talks to, how safe it is, and how the contact is reached."""

    class Clicked(Message):
        """Somebody wants to know more."""

    def __init__(
        self, look: Look, model: Model, number: Callable[[], int | None] | None = None
    ) -> None:
        """`number`: of another channel than the open one."""
        super().__init__(look)
        self._model = model
        self._number = number or (lambda: model.current)

    def on_click(self) -> None:
        """Say so."""
        self.post_message(self.Clicked())

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        channel = self._model.rooms.channels.get(self._number() or 0)
        if channel is not None:
            return self._channel_line(channel, width)
        conversation = self._model.open_
        if conversation is None:
            return [Piece(" Loom", "title")]
        dot = Piece(f" {self.look.signs['dot']} ", "status")
        line = [Piece(" ")]
        if width >= ICON_FROM:
            line += [*identicon(conversation.contact.fingerprint, self.look), Piece(" ")]
        inset = sum(width_of(piece.text) for piece in line)
        parts = facts_of(conversation)
        needed = width_of(conversation.name) + sum(width_of(one.text) + 3 for one in parts)
        if needed > width - inset:  # what is always so with a session gives way to what is not
            parts = [one for one in parts if one.text != PQ]
        room = width - inset - sum(width_of(part.text) + 3 for part in parts)
        name = cut(conversation.name, max(room, width // 2 - inset), self.look.signs["ellipsis"])
        line.append(Piece(name, "title"))
        for part in parts:
            line += [dot, part]
        return line

    def _channel_line(self, channel: Channel, width: int) -> Line:
        """The room, the channel, whether it is a thread, and as many facts as fit."""
        dots = self.look.signs["ellipsis"]
        room = self._model.rooms.room_of(channel.number)
        line = [Piece(" ")]
        if width >= ICON_FROM:
            line += [*identicon(channel.room.room_id, self.look), Piece(" ")]
        inset = sum(width_of(piece.text) for piece in line)
        name = channel.name if channel.root is None else f"{channel.name} thread"
        line.append(Piece(cut(name, max(width - inset - 1, 1), dots), "title"))
        dot = f" {self.look.signs['dot']} "
        for fact in channel_facts(channel, room.members if room is not None else ()):
            left = width - 1 - sum(width_of(piece.text) for piece in line) - width_of(dot)
            if left < min(width_of(fact), 12):
                break
            role = "bad" if fact.startswith("warning") else "status"
            line += [Piece(dot, "status"), Piece(cut(fact, left, dots), role)]
        return line


def channel_facts(channel: Channel, members: Sequence[MemberView]) -> list[str]:
    """What a room is, the more important first; who keeps it comes last."""
    room = channel.room
    facts = []
    if room.standing != "member":
        facts.append(room.standing)
    if room.troubles:
        facts.append("warning: F2")
    if channel.muted:
        facts.append("muted")
    if topic := " ".join(printable(channel.view.topic).split()):
        facts.append(topic)
    if room.retention_s:
        facts.append(f"posts last {lasting_words(room.retention_s)}")
    facts.append(f"{room.members} {'member' if room.members == 1 else 'members'}")
    keepers = sorted(members, key=lambda one: (not one.own, one.role != "archive"))
    if keepers and room.standing == "member":
        names = ", ".join("you" if one.own else printable(one.name) for one in keepers[:3])
        more = f" +{len(keepers) - 3}" if len(keepers) > 3 else ""
        facts.append(f"kept by {names}{more}")
    return facts


def facts_of(conversation: Conversation) -> Line:
    """Verified or not, post-quantum state, reach; what may be cut off, an address, comes last."""
    contact = conversation.contact
    facts: Line = []
    if contact.looks_like:
        facts.append(Piece(f"looks like {printable(contact.looks_like)}", "bad"))
    if contact.farewell:
        facts.append(Piece("asks you to delete: /farewell", "warn"))
    if contact.blocked:
        facts.append(Piece("blocked", "bad"))
    if contact.revoked:
        facts.append(Piece("identity revoked", "bad"))
    elif contact.is_held:
        facts.append(Piece("new identity: /verify", "warn"))
    elif contact.identity_changed:
        facts.append(Piece("identity changed", "bad"))
    elif contact.verified:
        facts.append(Piece("verified", "good"))
    else:
        facts.append(Piece("not verified", "warn"))
    match contact.session:
        case "established":
            facts.append(Piece(PQ, "good"))
        case "starting":
            facts.append(Piece("PQ starting", "status"))
        case _:
            facts.append(Piece("no session yet", "status"))
    if conversation.muted:
        facts.append(Piece("muted", "status"))
    role = "good" if contact.reach.is_online else "status"
    facts.append(Piece(reach_words(contact.reach, short=True), role))
    if contact.away and contact.reach.is_online:  # else their reach says so
        facts.append(Piece("says: away", "status"))
    if status := " ".join(printable(contact.status).split()):
        facts.append(Piece(f'"{status}"', "status"))
    return facts


class Hint(NamedTuple):
    """What can be done, or only words where `action` is empty."""

    words: str
    action: str = ""


class RuleLine(Lines):
    """Between timeline and composer: who types, what arrived below."""

    class Clicked(Message):
        """What can be done was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, look: Look, model: Model) -> None:
        super().__init__(look)
        self._model = model
        self.below = 0
        self.selecting: list[Hint] = []
        """What can be done with the selection; the last one is always shown."""

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        signs, conversation = self.look.signs, self._model.open_
        words: Line = []
        if can := self._hints(width):
            words.append(Piece(f" {self._dot.join(one.words for one in can)} ", "hint"))
        if self.below:
            words.append(Piece(f" {self.below} new below {signs['down']} ", "unread"))
        if conversation is not None and conversation.typing:
            words.append(Piece(f" {conversation.name} is typing{signs['queued']} ", "them"))
        used = sum(width_of(piece.text) for piece in words)
        return [
            Piece(signs["rule"] * 2, "rule"),
            *words,
            Piece(signs["rule"] * max(width - 2 - used, 0), "rule"),
        ]

    def on_click(self, event: events.Click) -> None:
        """Say what was clicked."""
        start = 3
        for one in self._hints(self.size.width):
            end = start + width_of(one.words)
            if start <= event.x < end and one.action:
                self.post_message(self.Clicked(one.action))
            start = end + width_of(self._dot)

    @property
    def _dot(self) -> str:
        return f" {self.look.signs['dot']} "

    def _hints(self, width: int) -> list[Hint]:
        """Those that have room."""
        can = self.selecting.copy()
        while len(can) > 1 and width_of(self._dot.join(one.words for one in can)) > width - 4:
            del can[-2]
        return can


class StatusLine(Lines):
    """The profile, who is there, what waits; or what was just done."""

    class HelpClicked(Message):
        """Somebody clicked the word."""

    def __init__(self, look: Look, model: Model) -> None:
        super().__init__(look)
        self._model = model
        self.notice = ""
        self.shorter: tuple[str, ...] = ()
        """Other wordings of the notice, for where it has no room."""
        self.is_bad = False
        self.where = ""
        """Where the selected message is."""
        self.size_bytes = 0
        self.help_key = ""
        self._said = ""
        """The wording of the notice that fits."""
        self._rows: list[str] = []
        """Of a notice that is too long for one line."""

    def fit(self) -> None:
        """One line, or as many as a notice needs; at most a quarter of the screen."""
        width = max(self.size.width - 2, 10)
        rows_max = max(self.screen.size.height // 4, 1)
        wordings = [self.notice, *self.shorter] if self.notice else []
        fitting = (one for one in wordings if len(wrap(one, width)) <= rows_max)
        self._said = next(fitting, wordings[-1] if wordings else "")
        words, _ = self._left()
        is_long = bool(self.notice or self.where) or not self._model.connected
        fits = not is_long or width_of(words) <= width - width_of(self._right()[0])
        rows = [] if fits else [words[a:b] for a, b in wrap(words, width)]
        self._rows = rows[:rows_max]
        height = max(len(self._rows), 1)
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        left, left_role = self._left()
        if self._rows:
            return [Piece(" "), Piece(self._rows[y] if y < len(self._rows) else "", left_role)]
        right, role = self._right()
        left = cut(left, max(width - width_of(right) - 2, 0), self.look.signs["ellipsis"])
        gap = " " * max(width - 1 - width_of(left) - width_of(right), 0)
        return [Piece(" "), Piece(left, left_role), Piece(gap), Piece(right, role)]

    def on_click(self, event: events.Click) -> None:
        """The key of the help can be clicked, too."""
        if not self._rows and event.x >= self.size.width - width_of(self._right()[0]):
            self.post_message(self.HelpClicked())

    def _right(self) -> tuple[str, str]:
        if self.size_bytes > SIZE_SHOWN_BYTES:
            size = f"{self.size_bytes / 1024:.1f} of {TEXT_MAX_BYTES // 1024} KiB "
            return size, "failed" if self.size_bytes > TEXT_MAX_BYTES else "warn"
        return f"{self.help_key} help " if self.help_key else "", "status"

    def _left(self) -> tuple[str, str]:
        model = self._model
        if not model.connected:
            if model.host:
                return f"Reconnecting to {model.host} ... {model.trouble}".rstrip(), "bad"
            return "The node has stopped; trying to reach it again", "bad"
        if self.notice:
            return self._said, "bad" if self.is_bad else "notice"
        if self.where:
            return self.where, "notice"
        if model.status is None:
            return f"Waiting for {model.host} ..." if model.host else "", "status"
        profile = printable(model.status.profile)
        words = [f"{profile} on {model.host}" if model.host else profile, f"{model.online} online"]
        if model.own is not None and model.own.invisible:
            words.append("invisible")
        if model.own is not None and model.own.away:
            words.append("away")
        if model.queued:
            words.append(f"{model.queued} queued")
        if model.in_mailboxes:
            words.append(f"{model.in_mailboxes} in mailboxes")
        here = model.here
        others = model.unread - (here.unread if here is not None and here.counts else 0)
        if others > 0:
            words.append(f"{others} unread")
        return f" {self.look.signs['dot']} ".join(words), "status"
