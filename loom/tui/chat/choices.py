"""Lists to choose from: palette, jump, search, help."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Protocol

from loom.api.conversation_commands import ListMentions
from loom.api.events import AnyEvent
from loom.api.message_views import MessageView
from loom.api.room_commands import ListRoomMentions
from loom.api.room_views import PostView
from loom.errors import InvalidInput, LoomError
from loom.front.durations import parse_duration
from loom.front.lasting import lasting_words
from loom.front.search_query import SearchQuery, notes, read_query
from loom.front.sentences import in_app
from loom.front.slash import SlashCommand
from loom.printable import printable
from loom.search_words import hits as hits_of
from loom.tui.channels import Channel
from loom.tui.chat.endings import ends, is_left
from loom.tui.commands import COMMANDS
from loom.tui.content.file import said
from loom.tui.content.reactions import named, offered, shown_sign, written
from loom.tui.keys import DELETES, DELETES_FOR_BOTH, EVERYWHERE, READING, key_words
from loom.tui.kit.chooser import Choice, Chooser, Source, narrowed
from loom.tui.model import Conversation, Listed
from loom.tui.owner import Owner
from loom.tui.posts import Post, post_of
from loom.tui.times import clock_of, day_of

PAGE = 100
SLOW_S = 1.0
"""After so long, a search says why it takes so long."""
MUTE_TIMES = {"an hour": 3_600, "8 hours": 8 * 3_600, "a day": 86_400, "a week": 7 * 86_400}
EXPIRY_TIMES = (30, 300, 3_600, 8 * 3_600, 86_400, 7 * 86_400, 28 * 86_400)
FOR_EVER, NO_LONGER = "for ever", "no longer"
"""Values of choices; a number is a time in seconds."""
SNIPPET_BEFORE = 20
FOR_THE_PALETTE = ("select", "expires", "search_sent", "edit_outside", "undo", "redo")
"""What keys do while one writes that somebody may look for by name."""
AS_HERE = object()
"""Chosen where one message is to last as long as the others."""
SEND = object()
"""Chosen where one has picked enough."""
SIGNS = (
    ("queued", "Waiting to be sent"),
    ("sent", "Handed on: to their Loom, or to a mailbox at an anchor"),
    ("delivered", "Delivered: their Loom has it"),
    ("read", "Read"),
    ("failed", "Failed; or a contact that is blocked or has a changed identity"),
    ("online", "Online"),
    ("offline", "Away"),
    ("verified", "Verified"),
    ("muted", "Muted"),
    ("timer", "Disappears: its timer, then the time that is left"),
    ("favourite", "Kept at the top of the list"),
    ("alike", "The name looks like another contact's"),
)
FILTERS = (
    ("from:NAME  from:me", "who wrote it"),
    ("in:NAME", "with whom"),
    ("after:T  before:T", "when: 2026-11-20, 2026-11-20T12:00, 3d"),
    ("has:link  is:pinned", "what it has"),
    ('"some words"', "exactly these"),
)


class Found(Protocol):
    """Shows a hit of a search, and knows the others and the words."""

    def __call__(self, hit: MessageView, hits: Sequence[MessageView], words: Sequence[str]) -> None:
        """See `Selection.found`."""
        ...


class Choices:
    """Opens choosers over the conversation and does what was chosen.

    Args:
        run: does an action.
        begin: runs a slash command, or writes its beginning.
        is_possible: whether a slash command has something to act on.
        go_to: opens a conversation.
        found: shows a hit of a search.
        go_to_post: shows a post of a room.
    """

    def __init__(
        self,
        owner: Owner,
        *,
        run: Callable[[str], None],
        begin: Callable[[SlashCommand], None],
        is_possible: Callable[[SlashCommand], bool],
        go_to: Callable[[int], None],
        found: Found,
        go_to_post: Callable[[str, int], None],
    ) -> None:
        self._owner = owner
        self._go_to_post = go_to_post
        self._run = run
        self._begin = begin
        self._is_possible = is_possible
        self._go_to = go_to
        self._found = found
        self._follow: Callable[[Sequence[AnyEvent]], None] | None = None
        """What events mean for the list that is open."""

    def follow(self, happened: Sequence[AnyEvent]) -> None:
        """What is gone leaves the list that is open, or closes it where it was all about that."""
        if self._follow is not None and any(map(ends, happened)):
            self._follow(happened)

    def palette(self) -> None:
        """Everything that can be done, by name; how one scrolls comes last."""
        commands = [one for one in COMMANDS if self._is_possible(one)]
        twins = {name: one for one in commands for name in (one.name, *one.aliases)}
        by_key: dict[str, list[Choice]] = {EVERYWHERE: [], READING: []}
        for action, keys in self._owner.keys.bindings():
            where = READING if action.name in FOR_THE_PALETTE else action.where
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
        """The conversations and channels, newest first."""
        model = self._owner.model
        choices = []
        for number in model.recent:
            one = model.listed(number)
            if one is None:
                continue
            hint = f"{one.unread} unread" if one.unread else ""
            if isinstance(one, Conversation) and one.contact.archived:
                hint = "archived"
            choices.append(Choice(one.name, hint, number))
        self._pick("Go to conversation", narrowed(choices), self._go_to)

    def search(self, *, here: bool, query: str = "") -> None:
        """Messages that hold the words; choosing one goes to its place."""
        current = self._owner.model.here if here else None
        hits: list[MessageView] = []
        looked_for: list[str] = []

        async def patiently(asking: Coroutine[Any, Any, list[MessageView]]) -> list[MessageView]:
            """An index that is made again after an upgrade takes half a minute at most."""
            asked = asyncio.ensure_future(asking)
            try:
                if not (await asyncio.wait({asked}, timeout=SLOW_S))[0]:
                    chooser.box.title = f"{title}: preparing the index"
                    chooser.box.refresh()
                return await asked
            finally:
                asked.cancel()

        async def page(query: SearchQuery, before: Sequence[MessageView]) -> list[MessageView]:
            """The next messages and posts, newest first."""
            found: list[MessageView] = []
            if query.is_of_conversations and (last := _goes_on(before, posts=False)) != 0:
                command = query.command(limit=PAGE, before_row=last)
                found += (await self._owner.send(command)).messages
            if query.is_of_rooms and (last := _goes_on(before, posts=True)) != 0:
                posts = await self._owner.send(query.posts(limit=PAGE, before_row=last))
                found += self._posts_of(posts.posts)
            return sorted(found, key=lambda one: -one.sent_at_ms)

        async def source(words: str, after: Choice | None) -> list[Choice]:
            chooser.box.title = title
            query = await read_query(words).known(self._owner.send, rooms=True)
            chooser.box.note = ". ".join(notes(query.words))
            if not words.strip():
                return []
            if current is not None and query.contact is None and query.room is None:
                if isinstance(current, Channel):
                    query = query._replace(room=current.reference)
                else:
                    query = query._replace(contact=current.reference)
            found = await patiently(page(query, hits if after is not None else ()))
            hits[:] = [*hits, *found] if after is not None else found
            looked_for[:] = query.words
            # A full page may have more behind it.
            more = "+" if len(found) >= PAGE else ""
            chooser.box.title = f"{title}: {len(hits)}{more} found"
            dots = self._owner.look.signs["ellipsis"]
            return [self._hit(one, query.words, dots, here=here) for one in found]

        title = "Search everywhere"
        if isinstance(current, Channel):
            title = f"Search in {printable(current.room.room)}"
        elif current is not None:
            title = f"Search with {current.name}"
        chooser = self._pick(title, source, lambda one: self._found(one, hits, looked_for), query)
        self._drop_from(chooser, hits)

    def messages(
        self,
        title: str,
        found: Sequence[MessageView],
        use: Callable[[MessageView, Sequence[MessageView]], None],
        *,
        here: bool,
    ) -> None:
        """Messages, with their contact unless they are of one; choosing one goes to its place."""
        dots = self._owner.look.signs["ellipsis"]
        choices = [self._hit(one, "", dots, here=here) for one in found]
        left = [*found]
        chooser = self._pick(
            f"{title}: {len(found)}", narrowed(choices), lambda one: use(one, left)
        )
        self._drop_from(chooser, left, choices, title)

    def posts(self, title: str, found: Sequence[PostView]) -> None:
        """Posts of rooms; choosing one goes to its place."""
        choices = [
            Choice(
                f"{printable(one.author)}: {printable(' '.join(one.body.split()))}",
                f"{day_of(one.sent_at_ms)} {clock_of(one.sent_at_ms)}",
                one,
            )
            for one in found
        ]
        self._pick(
            f"{title}: {len(found)}",
            narrowed(choices),
            lambda one: self._go_to_post(one.room_id, one.row_id),
        )

    def reactions(
        self, message: MessageView, used: Sequence[str], use: Callable[[str], None]
    ) -> None:
        """Signs to react with, those used lately first; `use` is given "" to take one back."""
        mine = next((one.emoji for one in message.reactions if one.contact is None), "")
        signs, title = self._owner.look.signs, "React: a name, or the sign itself"

        async def source(query: str, after: Choice | None) -> list[Choice]:
            await asyncio.sleep(0)
            if after is not None:
                return []
            found = [
                Choice(written(one, signs), named(one) if signs.unicode else "", one)
                for one in offered(query, used)
            ]
            back = Choice(f"Take back {written(shown_sign(mine), signs)}", value="")
            return [back, *found] if mine and not query.strip() else found

        self._close_with(self._pick(title, source, use), [message])

    def receivers(
        self,
        messages: Sequence[MessageView],
        to: Sequence[Listed],
        use: Callable[[Listed | None], None],
    ) -> None:
        """Contacts and channels that get these; `use` is given None once these are all."""
        model, many = self._owner.model, len(messages)
        what = "this message" if many == 1 else f"{many} messages"
        picked = {one.number for one in to}
        known = [one for one in map(model.listed, model.recent) if one is not None]
        choices = [
            Choice(one.name, "chosen" if one.number in picked else "", one)
            for one in known
            if not isinstance(one, Channel) or (one.root is None and one.view.may_post)
        ]
        title = f"Forward {what} to"
        if to:
            names = ", ".join(one.name for one in to)
            choices.insert(0, Choice(f"Send it to {names}", value=SEND))
            title = f"{title} others, too"
        chooser = self._pick(
            title, narrowed(choices), lambda one: use(None if one is SEND else one)
        )
        self._close_with(chooser, messages)

    def sent(self, texts: Callable[[], list[str]], use: Callable[[str], None]) -> None:
        """What was sent before, the newest first; choosing one writes it again."""
        choices = [Choice(" ".join(one.split()), value=one) for one in texts()]
        chooser = self._pick("Sent before", narrowed(choices), use)

        def follow(happened: Sequence[AnyEvent]) -> None:
            left = texts()
            choices[:] = [one for one in choices if one.value in left]
            chooser.drop(lambda one: one.value not in left)

        self._follow = follow

    def mentions(self) -> None:
        """Messages and posts that mention the owner; choosing one goes to its place."""
        hits: list[MessageView] = []
        waiting: list[MessageView | PostView] = []
        at: list[int | None] = [None, None]
        """From which rows on there are more, of contacts and of rooms; 0: none."""

        async def more() -> None:
            """Fetch a page of each of which none waits, so that the newest of all come first."""
            if at[0] != 0 and not any(isinstance(one, MessageView) for one in waiting):
                said = (await self._owner.send(ListMentions(limit=PAGE, before_row=at[0]))).messages
                at[0] = said[-1].row_id if len(said) == PAGE else 0
                waiting.extend(said)
            if at[1] != 0 and not any(isinstance(one, PostView) for one in waiting):
                command = ListRoomMentions(limit=PAGE, before_row=at[1])
                posts = (await self._owner.send(command)).posts
                at[1] = posts[-1].row_id if len(posts) == PAGE else 0
                waiting.extend(posts)
            waiting.sort(key=lambda one: one.sent_at_ms, reverse=True)

        async def source(words: str, after: Choice | None) -> list[Choice]:
            if after is None:
                waiting[:], at[:], hits[:] = [], [None, None], []
            page: list[MessageView | PostView] = []
            while len(page) < PAGE:
                await more()
                if not waiting:
                    break
                page.append(waiting.pop(0))
            dots = self._owner.look.signs["ellipsis"]
            hits.extend(one for one in page if isinstance(one, MessageView))
            rows = [
                self._post(one, words.split(), dots)
                if isinstance(one, PostView)
                else self._hit(one, words.split(), dots, here=False)
                for one in page
            ]
            wanted = words.casefold().split()
            return [one for one in rows if all(word in one.label.casefold() for word in wanted)]

        def use(one: MessageView | PostView) -> None:
            if isinstance(one, PostView):
                self._go_to_post(one.room_id, one.row_id)
            else:
                self._found(one, hits, ())

        chooser = self._pick("Messages that mention you", source, use)
        self._drop_from(chooser, hits)

    def _posts_of(self, views: Sequence[PostView]) -> list[Post]:
        numbers = self._owner.model.rooms.number_of
        return [post_of(one, numbers(one.room_id, one.channel)) for one in views]

    def mute(self, use: Callable[[int | None], None], *, muted: bool) -> None:
        """For how many seconds; None: until one says otherwise, 0: no longer."""
        choices = [Choice(f"For {words}", "", seconds) for words, seconds in MUTE_TIMES.items()]
        choices.append(Choice("Until you say otherwise", "", FOR_EVER))
        if muted:
            choices.insert(0, Choice("No longer", "", NO_LONGER))
        times = {FOR_EVER: None, NO_LONGER: 0}
        self._pick("Mute", narrowed(choices), lambda one: use(times.get(one, one)))

    def expiry(self, use: Callable[[int | None], None], *, holding_s: int) -> None:
        """After how many seconds one message disappears; 0: never, None: as all of them here.

        Any time can be typed.
        """

        async def source(query: str, after: Choice | None) -> list[Choice]:
            await asyncio.sleep(0)
            if after is not None:
                return []
            found = [
                Choice(f"After {lasting_words(seconds)}", value=seconds) for seconds in EXPIRY_TIMES
            ]
            found.append(Choice("Does not disappear", value=0))
            if holding_s:
                label = f"As all messages here: after {lasting_words(holding_s)}"
                found.append(Choice(label, value=AS_HERE))
            typed: list[Choice] = []
            with suppress(InvalidInput):
                seconds = parse_duration(query)
                typed = [Choice(f"After {lasting_words(seconds)}", value=seconds)]
            words = query.casefold().split()
            return typed or [
                one for one in found if all(word in one.label.casefold() for word in words)
            ]

        title = "This message disappears: choose, or type 90m, 3h, 2d"
        self._pick(title, source, lambda one: use(None if one is AS_HERE else one))

    def help(self) -> None:
        """Keys and commands as they are now; over the conversation, Enter does them."""
        can_do = len(self._owner.screen_stack) == 1
        rows: list[Choice] = []
        where = ""
        for action, keys in self._owner.keys.bindings():
            if action.where != where:
                where = action.where
                rows.append(Choice(where, role="title"))
            value = action.name if can_do and where in (EVERYWHERE, READING) else None
            rows.append(Choice(f"  {action.does}", "  ".join(map(key_words, keys)), value))
        rows.append(Choice("Right after Esc: the conversation at that place of the list", "1-9"))
        rows.append(Choice("Asked whether to delete: delete here", DELETES))
        rows.append(Choice("Asked whether to delete for both: delete for both", DELETES_FOR_BOTH))
        signs = self._owner.look.signs
        rows.append(Choice("Signs", role="title"))
        rows += [Choice(f"  {does}", signs[name]) for name, does in SIGNS]
        rows.append(Choice("Filters of a search", role="title"))
        rows += [Choice(f"  {one}", does) for one, does in FILTERS]
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

    def _drop_from(
        self,
        chooser: Chooser,
        listed: list[MessageView],
        choices: list[Choice] | None = None,
        title: str = "",
    ) -> None:
        """Leave messages out that are gone; `title` counts them, if given."""

        def follow(happened: Sequence[AnyEvent]) -> None:
            def is_gone(one: Choice) -> bool:
                message = one.value
                return isinstance(message, MessageView) and not is_left(message, happened)

            listed[:] = [one for one in listed if is_left(one, happened)]
            if choices is not None:
                choices[:] = [one for one in choices if not is_gone(one)]
            if title:
                chooser.box.title = f"{title}: {len(listed)}"
            chooser.drop(is_gone)

        self._follow = follow

    def _close_with(self, chooser: Chooser, messages: Sequence[MessageView]) -> None:
        """Nothing can be chosen any more for messages that are gone."""

        def follow(happened: Sequence[AnyEvent]) -> None:
            if chooser.is_active and not all(is_left(one, happened) for one in messages):
                chooser.dismiss(None)
                self._owner.say("The message is deleted meanwhile; nothing was done.", bad=True)

        self._follow = follow

    def _pick(
        self,
        title: str,
        source: Source,
        use: Callable[[Any], None],
        query: str = "",
        now: object = None,
    ) -> Chooser:
        self._follow = None

        def chosen(value: object) -> None:
            self._follow = None
            if value is None:
                return
            self._owner.close_panels()
            try:
                use(value)
            except LoomError as error:
                self._owner.say(in_app(error), bad=True)

        chooser = Chooser(self._owner, title, source, query, now)
        self._owner.push_screen(chooser, chosen)
        return chooser

    def _do(self, chosen: "str | SlashCommand") -> None:
        if isinstance(chosen, SlashCommand):
            self._begin(chosen)
        else:
            self._run(chosen)

    @staticmethod
    def _post(post: PostView, words: Sequence[str], dots: str) -> Choice:
        who = "you" if post.own else printable(post.author)
        body = " ".join(printable(post.body).split())
        snippet = f"{body[:200]}{dots if len(body) > 200 else ''}"
        label = f"{who} in {printable(post.room)} #{printable(post.channel)}: {snippet}"
        when = f"{day_of(post.sent_at_ms)} {clock_of(post.sent_at_ms)}"
        return Choice(label, when, post, words=tuple(words))

    @staticmethod
    def _hit(message: MessageView, words: Sequence[str], dots: str, *, here: bool) -> Choice:
        body = printable(said(message))
        at = min((start for start, _ in hits_of(body, words)), default=0)
        start = max(at - SNIPPET_BEFORE, 0)
        if start:
            # From a word's beginning where one is near.
            start = max(body.find(" ", start, at) + 1, start)
        who = "you" if message.direction == "out" else printable(message.contact)
        where = who if here or message.direction == "in" else f"you to {printable(message.contact)}"
        if isinstance(message, Post):
            where = f"{who} in {printable(message.room)} #{printable(message.channel)}"
        when = f"{day_of(message.sent_at_ms)} {clock_of(message.sent_at_ms)}"
        snippet = f"{dots if start else ''}{body[start : start + 200]}"
        return Choice(f"{where}: {snippet}", when, message, words=tuple(words))


def _goes_on(before: Sequence[MessageView], *, posts: bool) -> int | None:
    """Before which row the next page of these is; None: it is the first, 0: there is no other."""
    rows = [one.row_id for one in before if isinstance(one, Post) is posts]
    if not before:
        return None
    return rows[-1] if rows and len(rows) % PAGE == 0 else 0
