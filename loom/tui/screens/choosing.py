"""What the chooser is used for: palette, jump, search, help."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from loom.api.commands import Search
from loom.api.views import MessageView
from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.front.slash import SlashCommand
from loom.printable import printable
from loom.tui.commands import COMMANDS
from loom.tui.keys import EVERYWHERE, READING, key_words
from loom.tui.kit.chooser import Choice, Chooser, Source, narrowed
from loom.tui.layout import clock_of, day_of

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen

PAGE = 100
SNIPPET_BEFORE = 20


class Choosing:
    """Opens choosers over the conversation and does what was chosen."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room

    def palette(self) -> None:
        """Everything that can be done, by name; how one scrolls comes last."""
        desk = self._room.desk
        commands = [one for one in COMMANDS if self._room.slash.is_possible(one)]
        twins = {name: one for one in commands for name in (one.name, *one.aliases)}
        by_key: dict[str, list[Choice]] = {EVERYWHERE: [], READING: []}
        for action, keys in desk.keys.bindings():
            where = READING if action.name == "select" else action.where
            if where in by_key and action.name not in ("palette", "how_to_quit"):
                hints = [key_words(key) for key in keys[:2]]
                also = action.also
                if (twin := twins.get(action.name)) is not None:
                    commands.remove(twin)
                    hints.append(f"/{twin.name}")
                    also = f"{also} {twin.also}"
                choice = Choice(action.does, " ".join(hints), action.name, also=also)
                by_key[where].append(choice)
        typed = [
            Choice(one.does, f"/{one.name} {one.arguments}".strip(), one, also=one.also)
            for one in commands
        ]
        self._pick("Commands", narrowed([*by_key[EVERYWHERE], *typed, *by_key[READING]]), self._do)

    def jump(self) -> None:
        """The conversations, newest first."""
        model = self._room.desk.model
        choices = []
        for number in model.order:
            one = model.conversations[number]
            hint = f"{one.contact.unread} unread" if one.contact.unread else ""
            choices.append(Choice(one.name, hint, number))
        self._pick("Go to conversation", narrowed(choices), self._room.reading.open_)

    def search(self, *, here: bool, query: str = "") -> None:
        """Messages that hold the words; choosing one goes to its place."""
        desk = self._room.desk
        current = desk.model.open_ if here else None
        hits: list[MessageView] = []
        looked_for: list[str] = []

        async def source(words: str, after: Choice | None) -> list[Choice]:
            if not words.strip():
                return []
            contact = None if current is None else f"#{current.number}"
            last = None if after is None else cast(MessageView, after.value)
            command = Search(
                text=words,
                contact=contact,
                limit=PAGE,
                before_row=None if last is None else last.row_id,
            )
            found = (await desk.send(command)).messages
            hits[:] = [*hits, *found] if after is not None else found
            looked_for[:] = words.split()
            dots = desk.look.signs["ellipsis"]
            return [self._hit(one, words, dots, here=here) for one in found]

        title = (
            "Search everywhere" if current is None else f"Search what {current.name} and you said"
        )
        self._pick(
            title, source, lambda one: self._room.selecting.found(one, hits, looked_for), query
        )

    def help(self) -> None:
        """Keys and commands as they are now; over the conversation, Enter does them."""
        can_do = self._room.is_active
        rows: list[Choice] = []
        where = ""
        for action, keys in self._room.desk.keys.bindings():
            if action.where != where:
                where = action.where
                rows.append(Choice(where, role="title"))
            value = action.name if can_do and where in (EVERYWHERE, READING) else None
            rows.append(Choice(f"  {action.does}", "  ".join(map(key_words, keys)), value))
        rows.append(Choice("Selecting: a digit opens the conversation at that place", "1-9"))
        rows.append(Choice("Commands, typed as a message", role="title"))
        for command in COMMANDS:
            names = " ".join(f"/{name}" for name in (command.name, *command.aliases))
            hint = f"{names} {command.arguments}".strip()
            rows.append(Choice(f"  {command.does}", hint, command if can_do else None))
        then = "Enter does it" if can_do else "Esc closes"
        self._pick(f"Keys and commands: type to narrow, {then}", narrowed(rows), self._do)

    def names(
        self, title: str, names: Sequence[str], use: Callable[[str], None], now: str = ""
    ) -> None:
        """One of a few names; the one in use, `now`, is marked and chosen at first."""
        choices = [Choice(name, "in use" if name == now else "", name) for name in names]
        self._pick(title, narrowed(choices), use, now=now)

    def _pick(
        self,
        title: str,
        source: Source,
        use: Callable[[Any], None],
        query: str = "",
        now: object = None,
    ) -> None:
        desk = self._room.desk

        def chosen(value: object) -> None:
            if value is None:
                return
            desk.close_panels()
            try:
                use(value)
            except LoomError as error:
                desk.say(in_app(error), bad=True)

        desk.push_screen(Chooser(desk, title, source, query, now), chosen)

    def _do(self, chosen: "str | SlashCommand") -> None:
        if isinstance(chosen, SlashCommand):
            self._room.slash.begin(chosen)
        else:
            self._room.run(chosen)

    @staticmethod
    def _hit(message: MessageView, words: str, dots: str, *, here: bool) -> Choice:
        body = printable(message.body)
        folded = body.casefold()
        at = min((n for one in words.casefold().split() if (n := folded.find(one)) >= 0), default=0)
        start = max(at - SNIPPET_BEFORE, 0)
        if start:
            # From a word's beginning where one is near.
            start = max(body.find(" ", start, at) + 1, start)
        who = "you" if message.direction == "out" else printable(message.contact)
        where = who if here or message.direction == "in" else f"you to {printable(message.contact)}"
        when = f"{day_of(message)} {clock_of(message.sent_at_ms)}"
        snippet = f"{dots if start else ''}{body[start : start + 200]}"
        return Choice(f"{where}: {snippet}", when, message)
