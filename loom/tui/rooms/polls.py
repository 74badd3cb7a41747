"""A poll in a room: asking one, choosing in it."""

from functools import partial
from typing import Final

from loom.api.room_commands import ChooseInPoll, PostPoll
from loom.api.room_views import PollOption, PostView
from loom.errors import InvalidInput
from loom.front.durations import OFF, parse_timer
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Option, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.rooms.panel import PostLivePanel
from loom.tui.times import clock_of, day_words

OPTIONS_MAX: Final = 12
OPTIONS_SHOWN: Final = 3
"""So many can be filled in at once; one more when these are."""


class NewPollPanel(LivePanel):
    """Posted in a channel, for everybody in the room."""

    def __init__(self, loom: Owner, room_id: str, channel: str, question: str = "") -> None:
        super().__init__(loom, "Option 1" if question else "")
        self.loom = loom
        self._room_id = room_id
        self._channel = channel
        self._question = Field("Question")
        self._question.editor.set(question)
        self._options = [Field(f"Option {number}") for number in range(1, OPTIONS_MAX + 1)]
        self._closes = Field("Closes after", form="1h, 7d; else never")
        self._is_many = False

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return f"A poll in # {self._channel}"

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        filled = sum(bool(one.text.strip()) for one in self._options)
        shown = max(filled + 1, OPTIONS_SHOWN)
        return [
            Text("Everybody in the room sees who chose what.", "hint"),
            GAP,
            self._question,
            *self._options[:shown],
            self._closes,
            Toggle("Several may be chosen", self._is_many, self._choose_many),
            GAP,
            Button("Ask", self._do_ask),
        ]

    def _choose_many(self, on: bool) -> None:
        self._is_many = on
        self.show()

    def _do_ask(self) -> None:
        self.work(self._ask(), name="ask")

    async def _ask(self) -> None:
        try:
            closes_in_s = parse_timer(self._closes.text or OFF)
        except InvalidInput:
            self.refuse(self._closes, "Write a time such as 1h or 7d, or nothing.")
            return
        options = [one.text.strip() for one in self._options if one.text.strip()]
        if not self._question.text.strip():
            self.refuse(self._question, "Write what you ask.")
            return
        if len(options) < 2:
            self.refuse(self._options[len(options)], "A poll has two options or more.")
            return
        await self.loom.send(
            PostPoll(
                room=self._room_id,
                question=self._question.text.strip(),
                options=options,
                many=self._is_many,
                closes_in_s=closes_in_s,
                channel=self._channel,
            )
        )
        self.leave()


class PollPanel(PostLivePanel):
    """The options, who chose them, and one's own choice."""

    heading = "A poll"

    def holds(self, post: PostView) -> bool:
        """See `PostLivePanel.holds`."""
        return post.poll is not None and not post.deleted

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        post = self.post
        if post is None or post.poll is None:
            return []
        poll = post.poll
        who = "you" if post.own else printable(post.author)
        items: list[Item] = [
            Text(post.body, "title"),
            Text(f"Asked by {who}. {_voters(poll.voters)}", "hint"),
            GAP,
        ]
        for option in poll.options:
            items += self._option(option, is_many=poll.many, is_closed=poll.closed)
        if poll.closed:
            return [*items, GAP, Text("It is closed: choices do not count any more.", "warn")]
        if poll.closes_at_ms:
            at_ms = poll.closes_at_ms
            items += [GAP, Fact("Closes", f"{day_words(at_ms)}, {clock_of(at_ms)}")]
        if any(one.own for one in poll.options):
            items += [GAP, Button("Take your choice back", partial(self._choose, []))]
        return items

    def _option(self, option: PollOption, *, is_many: bool, is_closed: bool) -> list[Item]:
        names = ", ".join(map(printable, option.chosen_by))
        chosen = f"{option.count}: {names}" if names else str(option.count)
        if is_closed:
            return [Fact(option.text, chosen, "good" if option.own else "text")]
        if is_many:
            return [Toggle(option.text, option.own, partial(self._switch, option.text), chosen)]
        choose = partial(self._choose, [option.text])
        return [Option("option", option.text, option.own, choose, chosen)]

    def _switch(self, text: str, on: bool) -> None:
        poll = None if self.post is None else self.post.poll
        if poll is not None:
            chosen = [one.text for one in poll.options if (on if one.text == text else one.own)]
            self._choose(chosen)

    def _choose(self, options: list[str]) -> None:
        async def choose() -> None:
            command = ChooseInPoll(room=self.room_id, post_id=self.post_id, options=options)
            self.post = await self.loom.send(command)

        self.work(choose(), name="choose")


def _voters(voters: int) -> str:
    if not voters:
        return "Nobody chose yet."
    return f"{voters} chose." if voters > 1 else "One chose."
