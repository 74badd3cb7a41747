"""What can be done with a message that is shown: answer, edit, react, forward, pin, bookmark."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from loom.api.message_commands import Forward, ListBookmarks, ListPins
from loom.api.message_views import MessageView
from loom.api.room_commands import (
    DeletePost,
    ListRoomBookmarks,
    ListRoomPins,
    PinPost,
    RoomChange,
)
from loom.errors import InvalidInput
from loom.front.room_decisions import PROPOSED, can, decide, proposes
from loom.printable import printable
from loom.tui.channels import Channel
from loom.tui.chat import asking
from loom.tui.chat.deletion import Deletion
from loom.tui.chat.navigation import Navigation
from loom.tui.chat.reader import Reader
from loom.tui.chat.writing import Writing
from loom.tui.content.reactions import offered
from loom.tui.model import Conversation, Listed
from loom.tui.owner import Owner
from loom.tui.posts import Post, post_of

if TYPE_CHECKING:
    from loom.tui.chat.choices import Choices

Messages = Sequence[MessageView]
PAGE: Final = 100
LISTS: Final = ("pins", "bookmarks")
BOOKMARKS_MAX: Final = 1_000
"""So many of them are listed, the newest."""


class MessageActions:
    """Each takes the messages it is about, which `can` has looked at.

    Many methods, because each is one thing that a person can do.

    Args:
        selected: the messages that are selected, or were when a slash command was begun.
        point_at: selects a message.
        choices: opens lists to choose from.
        found: shows one of several messages, and goes from it to the others.
    """

    def __init__(
        self,
        owner: Owner,
        reader: Reader,
        writing: Writing,
        navigation: Navigation,
        deletion: Deletion,
        *,
        selected: Callable[[], Messages],
        point_at: Callable[[int], None],
        choices: "Callable[[], Choices]",
        found: Callable[[MessageView, Messages], None],
    ) -> None:
        self._owner = owner
        self._reader = reader
        self._writing = writing
        self._navigation = navigation
        self._deletion = deletion
        self._selected = selected
        self._point_at = point_at
        self._choices = choices
        self._found = found
        self._recent: list[str] = []
        """Reactions that were given since the start, the newest first."""
        self._last_then: MessageView | None = None
        """One's own last message when a command was begun."""
        self.commands: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "reply": self._reply,
            "edit": self._edit,
            "react": self._react,
            "message": self._show,
            "forward": self._forward,
            "pin": partial(self._pin, True),
            "unpin": partial(self._pin, False),
            "pins": self._show_pins,
            "bookmark": partial(self._bookmark, True),
            "unbookmark": partial(self._bookmark, False),
            "bookmarks": self._show_bookmarks,
            "delete": self._delete,
            "unsend": self._unsend,
        }
        """What slash commands of `loom/tui/commands.py` do with their argument."""

    def can(self, action: str, messages: Messages) -> bool:
        """Whether these are what an action can be done with; True for any other action."""
        one = messages[0] if len(messages) == 1 else None
        match action:
            case "pin" if isinstance(one, Post):
                return is_sent(one) and self._can(one, "pin")
            case "reply" | "react" | "pin":
                return one is not None and is_sent(one)
            case "bookmark":
                return one is not None and is_kept(one)
            case "thread":
                return isinstance(one, Post) and one.kind != "line" and self._is_in_channel
            case "unpin" | "unbookmark":
                return one is not None and (one.pinned if action == "unpin" else one.bookmarked)
            case "edit":
                return one is not None and is_editable(one)
            case "unsend":
                return bool(messages) and all(map(self._can_unsend, messages))
            case "forward":
                return bool(messages) and all(map(is_forwardable, messages))
            case "message":
                return one is not None
            case "delete":
                return bool(messages) and not isinstance(messages[0], Post)
            case "copy":
                return not all(one.deleted for one in messages)
        return True

    @property
    def _is_in_channel(self) -> bool:
        """Whether a channel is open, and no thread."""
        channel = self._owner.model.channel
        return channel is not None and channel.root is None

    def _may(self, post: Post, what: str) -> bool:
        """Whether one may do this in the room."""
        room = self._owner.model.rooms.rooms.get(post.room_id)
        return room is not None and what in room.view.may

    def _can(self, post: Post, what: str) -> bool:
        """Whether one may do it, or propose it."""
        room = self._owner.model.rooms.rooms.get(post.room_id)
        return room is not None and can(room.view, what)

    def _proposes(self, message: MessageView, what: str) -> bool:
        """Whether one may only propose it."""
        room = self._owner.model.rooms.rooms.get(getattr(message, "room_id", ""))
        return room is not None and proposes(room.view, what)

    async def _propose(self, *changes: RoomChange) -> None:
        """To the council of the room."""
        for change in changes:
            room = self._owner.model.rooms.rooms[change.room].view
            await self._owner.send(decide(room, change))
        self._owner.say(PROPOSED)

    def _can_unsend(self, message: MessageView) -> bool:
        """Whether one may delete it for everybody: one's own, or as a moderator."""
        if isinstance(message, Post) and is_text(message) and self._can(message, "delete"):
            return True
        return is_own(message)

    def thread(self, messages: Messages) -> None:
        """Show the thread that a post began, or begins now."""
        [one] = messages
        if isinstance(one, Post):
            self._owner.work(self._navigation.show_thread(one), "reading")

    def why_not(self, action: str, messages: Messages) -> str:
        """Why these cannot be edited, or deleted for both; empty for any other action."""
        if action not in ("edit", "unsend") or not messages or self.can(action, messages):
            return ""
        if action == "unsend" and isinstance(messages[0], Post):
            return "You can only delete your own posts here; moderators delete those of others."
        if any(one.kind not in ("text", "file") for one in messages):
            return "That is no message: it cannot be edited or deleted for both."
        if any(one.direction != "out" for one in messages):
            delete = self._owner.keys.words("delete_message")
            here = f" {delete} deletes here." if delete else ""
            if action == "unsend":
                return f"Only your own messages can be deleted for both.{here}"
            return "Only your own messages can be edited."
        if any(one.deleted for one in messages):
            return "It is deleted already."
        if action == "edit" and messages[0].file is not None:
            return "A file cannot be edited: send it again, or answer it."
        if len(messages) > 1:
            return "Only one message at a time can be edited."
        return "It was not sent, so there is nothing to edit."

    # --- writing about it ---

    def reply(self, messages: Messages) -> None:
        """Write an answer."""
        self._writing.answer(messages[0])

    def edit(self, messages: Messages) -> None:
        """Write another wording."""
        self._writing.edit(messages[0])

    def edit_last(self) -> None:
        """Write another wording of one's own last message."""
        if last := self._newest("edit"):
            self._writing.edit(last[0])
        else:
            self._owner.say("There is no message of yours here that can be edited.")

    def follow(self, messages: Messages) -> None:
        """Show the message that it answers."""
        one = messages[0]
        if one.quote is None or one.quote.gone or one.quote.row_id is None:
            self._owner.say("The message that it answers is not here any more.")
        elif isinstance(one, Post):
            self._owner.work(self._navigation.show_post(one.room_id, one.quote.row_id), "reading")
        else:
            self._navigation.go_to(one.contact_id, one.quote.row_id)

    # --- to both ---

    def react(self, messages: Messages) -> None:
        """Let a reaction be picked."""
        one = messages[0]

        def use(emoji: str) -> None:
            self._owner.work(self.send_reaction(one, emoji), "react")

        self._choices().reactions(one, self._used_lately(), use)

    async def send_reaction(self, message: MessageView, emoji: str) -> None:
        """React with a sign; empty: take back the one that was given."""
        await self._owner.send(asking.react(message, emoji))
        if emoji:
            self._recent = [emoji, *(one for one in self._recent if one != emoji)]

    def _used_lately(self) -> list[str]:
        window = self._reader.window
        shown = reversed(window.messages) if window is not None else ()
        mine = (one.emoji for message in shown for one in message.reactions if one.contact is None)
        return list(dict.fromkeys([*self._recent, *mine]))

    def pin(self, messages: Messages) -> None:
        """Pin it, or no longer."""
        self._owner.work(self.send_pin(messages[0], on=not messages[0].pinned), "pin")

    async def send_pin(self, message: MessageView, *, on: bool) -> None:
        """Keep it in sight on both sides, or no longer."""
        if isinstance(message, Post) and self._proposes(message, "pin"):
            await self._propose(PinPost(room=message.room_id, post_id=message.message_id, on=on))
            return
        now = await self._owner.send(asking.pin(message, on=on))
        if on:
            whom = "everybody" if isinstance(message, Post) else "both"
            self._owner.say(f"Pinned for {whom}; /pins lists what is pinned.")
        elif now.pinned:
            name = printable(message.contact)
            self._owner.say(f"{name} pinned it, too: only {name} can take that back.")
        else:
            self._owner.say("The pin is removed.")

    def unsend(self, messages: Messages) -> None:
        """Ask whether it is deleted for both, or that is proposed."""
        others = [one for one in messages if isinstance(one, Post) and not is_own(one)]
        if any(self._proposes(one, "delete") for one in others):
            self._ask_to_propose(others)
            return
        self._deletion.ask(messages, for_both=True)

    def _ask_to_propose(self, posts: Sequence[Post]) -> None:
        propose = "Propose it to the council, with your yes"
        changes = [DeletePost(room=one.room_id, post_id=one.message_id) for one in posts]

        def use(chosen: str) -> None:
            if chosen == propose:
                self._owner.work(self._propose(*changes), "propose")

        which = "this post" if len(posts) == 1 else f"these {len(posts)} posts"
        self._choices().names(f"Delete {which} for everybody?", ["Keep it", propose], use)

    def forward(self, messages: Messages, to: Sequence[Listed] = ()) -> None:
        """Let those be picked that get it, one after the other."""

        def use(picked: Listed | None) -> None:
            if picked is None:
                self._owner.work(self.send_on(messages, to), "forward")
            else:
                numbers = [one.number for one in to]
                others = [one for one in to if one.number != picked.number]
                self.forward(messages, others if picked.number in numbers else [*to, picked])

        self._choices().receivers(messages, to, use)

    async def send_on(self, messages: Messages, to: Sequence[Listed]) -> None:
        """Forward to these as one's own; a file is offered under other keys."""
        contacts = [one for one in to if isinstance(one, Conversation)]
        if contacts and not any(isinstance(one, Post) for one in messages):
            await self._owner.send(
                Forward(
                    contact=_contact_of(messages[0]),
                    message_ids=[one.message_id for one in messages],
                    to=[one.reference for one in contacts],
                )
            )
        else:
            await self._send_each(messages, contacts)
        await self._send_each(messages, [one for one in to if isinstance(one, Channel)])
        self._owner.say(f"Forwarded to {', '.join(one.name for one in to)}.")

    async def _send_each(self, messages: Messages, to: Sequence[Listed]) -> None:
        for receiver in to:
            for one in messages:
                await self._owner.send(asking.say_again(one, receiver))

    # --- here ---

    def bookmark(self, messages: Messages) -> None:
        """Bookmark it, or no longer."""
        on = not messages[0].bookmarked
        self._owner.work(self.keep(messages[0], on=on), "bookmark")

    async def keep(self, message: MessageView, *, on: bool) -> None:
        """Bookmark it here, or no longer."""
        await self._owner.send(asking.bookmark(message, on=on))
        kept = "Bookmarked, only here; /bookmarks lists them."
        self._owner.say(kept if on else "The bookmark is removed.")

    def show_message(self, messages: Messages) -> None:
        """Show who reacted to it, and what it said before."""
        one = messages[0]
        if isinstance(one, Post) and one.poll is not None:
            from loom.tui.rooms.polls import PollPanel

            self._owner.open_panel(PollPanel(self._owner, one.room_id, one.message_id))
            return
        if isinstance(one, Post) and one.proposal is not None:
            from loom.tui.rooms.proposals import ProposalPanel

            self._owner.open_panel(ProposalPanel(self._owner, one.room_id, one.message_id))
            return
        from loom.tui.screens.message import MessagePanel

        self._owner.open_panel(MessagePanel(self._owner, one))

    # --- slash commands ---

    def is_possible(self, command: str) -> bool:
        """Whether a slash command about a message has one to act on."""
        return command in LISTS or bool(self._found_for(command))

    def _about(self, command: str) -> Messages:
        """What a command acts on: the selected messages, else the newest that fits."""
        if not (found := self._found_for(command)):
            is_selected = bool(self._selected())
            which = "the selected message" if is_selected else "any message here"
            raise InvalidInput(what=f"/{command} cannot be done with {which}")
        return found

    def _found_for(self, command: str) -> Messages:
        if selected := self._selected():
            return selected if self.can(command, selected) else ()
        return self._newest(command)

    def _newest(self, command: str) -> Messages:
        """The newest message that fits; what is answered or reacted to is the contact's."""
        window = self._reader.window
        theirs = command in ("reply", "react")
        for one in reversed(window.messages) if window is not None else ():
            if self.can(command, [one]) and not (theirs and one.direction == "out"):
                return [one]
        return ()

    async def _reply(self, argument: str) -> None:
        [one] = self._about("reply")
        if not argument:
            self._writing.answer(one)
            return
        await self._writing.send_text(argument, reply_to=one.message_id)

    async def _edit(self, argument: str) -> None:
        if not argument:
            [one] = self._about("edit")
            self._writing.edit(one)
            return
        one = self._meant_by_edit()
        await self._owner.send(asking.reword(one, argument))

    def begin_command(self) -> None:
        """A slash was typed: `/edit` means the message that is the last one now."""
        self._last_then = next(iter(self._newest("edit")), None)

    def _meant_by_edit(self) -> MessageView:
        """What `/edit` was about when it was begun: no other text takes the new wording."""
        window, then = self._reader.window, self._last_then
        if selected := self._selected():
            [one] = self._about("edit")
            then = one if one in selected else None
        if then is None or window is None or then.contact_id != self._owner.model.current:
            [one] = self._about("edit")
            return one
        now = window.message(then.row_id)
        if now is None or not is_editable(now):
            raise InvalidInput(
                what="The message that you were editing is deleted; no other one was changed"
            )
        return now

    async def _react(self, argument: str) -> None:
        messages = self._about("react")
        if not argument:
            self.react(messages)
            return
        if argument.casefold() == "off":
            await self.send_reaction(messages[0], "")
            return
        found = offered(argument, ())
        if not found:
            raise InvalidInput(what=f"There is no sign named {argument[:64]}")
        await self.send_reaction(messages[0], found[0])

    async def _show(self, argument: str) -> None:
        self.show_message(self._about("message"))

    async def _forward(self, argument: str) -> None:
        messages = self._about("forward")
        if not argument:
            self.forward(messages)
            return
        model = self._owner.model
        to = model.find(argument) or model.find_channel(argument)
        if to is None:
            raise InvalidInput(what=f"There is no contact or room {argument[:64]}")
        await self.send_on(messages, [to])

    async def _pin(self, on: bool, argument: str) -> None:
        [one] = self._about("pin" if on else "unpin")
        await self.send_pin(one, on=on)

    async def _bookmark(self, on: bool, argument: str) -> None:
        [one] = self._about("bookmark" if on else "unbookmark")
        await self.keep(one, on=on)

    async def _delete(self, argument: str) -> None:
        self._deletion.ask(self._pointed_at("delete"))

    async def _unsend(self, argument: str) -> None:
        self.unsend(self._pointed_at("unsend"))

    def _pointed_at(self, command: str) -> Messages:
        messages = self._about(command)
        self._point_at(messages[-1].row_id)
        return messages

    async def _show_pins(self, argument: str) -> None:
        if (channel := self._owner.model.channel) is not None:
            await self._show_room_pins(channel)
            return
        current = self._owner.model.open_
        if current is None:
            raise InvalidInput(what="No conversation is open")
        page = (await self._owner.send(ListPins(contact=f"#{current.number}"))).messages
        if page:
            self._choices().messages(f"Pinned with {current.name}", page, self._found, here=True)
        else:
            self._owner.say("Nothing is pinned here. /pin pins the selected message.")

    async def _show_room_pins(self, channel: Channel) -> None:
        found = (await self._owner.send(ListRoomPins(room=channel.reference))).posts
        if found:
            self._choices().posts(f"Pinned in {channel.name}", found)
        else:
            self._owner.say("Nothing is pinned in this room.")

    async def _show_bookmarks(self, argument: str) -> None:
        found: list[MessageView] = []
        row: int | None = None
        while len(found) < BOOKMARKS_MAX:
            command = ListBookmarks(limit=PAGE, before_row=row)
            page = (await self._owner.send(command)).messages
            found += page
            if len(page) < PAGE:
                break
            row = page[-1].row_id
        found += await self._bookmarked_posts()
        found.sort(key=lambda one: -one.sent_at_ms)
        if found:
            self._choices().messages("Bookmarks", found, self._found, here=False)
        else:
            self._owner.say("Nothing is bookmarked. /bookmark keeps the selected message.")

    async def _bookmarked_posts(self) -> list[Post]:
        number_of = self._owner.model.rooms.number_of
        found: list[Post] = []
        row: int | None = None
        is_more = True
        while is_more and len(found) < BOOKMARKS_MAX:
            page = await self._owner.send(ListRoomBookmarks(limit=PAGE, before_row=row))
            found += [post_of(one, number_of(one.room_id, one.channel)) for one in page.posts]
            is_more = page.older and bool(page.posts)
            row = page.posts[-1].row_id if page.posts else None
        return found


def is_own(message: MessageView) -> bool:
    """Whether one wrote or sent it, and it is still there."""
    return message.direction == "out" and is_said(message)


def is_editable(message: MessageView) -> bool:
    """Whether one may give it another wording."""
    return is_own(message) and is_sent(message) and is_text(message)


def is_sent(message: MessageView) -> bool:
    """Whether it is there for both, or on its way."""
    return is_said(message) and message.state not in ("failed", "withdrawn")


def is_said(message: MessageView) -> bool:
    """Whether it is a text or a file of somebody, and still there."""
    return message.kind in ("text", "file") and not message.deleted


def is_kept(message: MessageView) -> bool:
    """Whether it can be bookmarked: what somebody said, also a poll or a proposal in a room."""
    if isinstance(message, Post):
        return message.kind != "line" and not message.deleted
    return is_said(message)


def is_text(message: MessageView) -> bool:
    """Whether it is what somebody wrote, and still there."""
    return message.kind == "text" and not message.deleted


def is_forwardable(message: MessageView) -> bool:
    """Whether it is a text, or a file whose content is here."""
    file = message.file
    return is_text(message) or (not message.deleted and file is not None and file.is_here)


def _contact_of(message: MessageView) -> str:
    return f"#{message.contact_id}"
