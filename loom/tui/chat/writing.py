"""What becomes of the text in the composer: a command, a message, a new wording, a draft."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final

from textual.timer import Timer

from loom.api.events import (
    AnyEvent,
    ContactRemoved,
    FarewellDone,
    MessageDeleted,
    MessageEdited,
    MessageExpired,
    MessagesDeleted,
    RoomPostChanged,
)
from loom.api.message_commands import FindMessage
from loom.api.message_views import MessageView
from loom.api.room_commands import FindPost
from loom.errors import InvalidInput, LoomError, MessageNotFound, PostNotFound
from loom.front.sentences import in_app
from loom.front.slash import Refused, Run, Say, read_line
from loom.tui.begun import Begun
from loom.tui.channels import Channel
from loom.tui.chat.about import About
from loom.tui.chat.asking import keep, say
from loom.tui.chat.bars import StatusLine
from loom.tui.chat.composer import Completions, Composer
from loom.tui.chat.obstacle import Obstacle
from loom.tui.commands import COMMANDS, Completion, complete_command
from loom.tui.emoji import complete_emoji
from loom.tui.mentioning import complete_mention
from loom.tui.model import Conversation, Listed
from loom.tui.owner import Owner
from loom.tui.paths import complete_path
from loom.tui.posts import Post, post_of
from loom.tui.splitting import Part, split
from loom.wire.limits import (
    DRAFT_MAX_BYTES,
    TEXT_MAX_BYTES,
    TIMER_MAX_S,
    TIMER_MIN_S,
    WORDING_MAX_BYTES,
)

DRAFT_S: Final = 1.0
"""A draft is kept when nothing was typed for so long."""
GONE: Final = "The message that you were editing is deleted, and its new wording with it."


class Writing:
    """Has the composer, and hands over what was written in it.

    Args:
        values: what can stand for an argument of a slash command.
        run: carries out a slash command; raises LoomError when it cannot be done.
        to_newest: shows the end of the conversation.
        edit_last: what Up does where nothing is written.
        pick: lets one of several ways be picked, under a title.
    """

    def __init__(
        self,
        owner: Owner,
        obstacle: Obstacle,
        status: StatusLine,
        *,
        values: Callable[[str], Iterable[str]],
        run: Callable[[Run], Awaitable[None]],
        to_newest: Callable[[], Awaitable[None]],
        pick: Callable[[str, list[str], Callable[[str], None]], None],
        edit_last: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._obstacle = obstacle
        self._status = status
        self._values = values
        self._run = run
        self._to_newest = to_newest
        self._pick = pick
        self._draft_timer: Timer | None = None
        self.about = About(owner.look, owner.model)
        self.completions = Completions(owner.look)
        self.composer = Composer(
            owner.look,
            self.completions,
            ways_on=self._ways_on,
            submit=self._submit,
            edit_last=edit_last,
            changed=self._edited,
            refuse=lambda why: owner.say(why, bad=True),
            limit=lambda: DRAFT_MAX_BYTES if self.about.edited is None else WORDING_MAX_BYTES,
        )

    def _ways_on(self, text: str, cursor: int) -> list[Completion]:
        in_room = self._owner.model.channel is not None
        found = [] if in_room else complete_path(text, cursor)
        found = found or complete_command(text, cursor, self._values, in_room=in_room)
        found = found or complete_mention(text, cursor, self._readers)
        return found or (complete_emoji(text, cursor) if self._owner.look.signs.unicode else [])

    @property
    def _readers(self) -> list[tuple[str, str]]:
        """Whom a message here can mention: by their own name, and by the one they have here."""
        current = self._owner.model.open_
        if current is not None:
            return [(current.contact.display_name, current.contact.contact)]
        room = self._owner.model.rooms.room_of(self._owner.model.current)
        return [(one.name, one.name) for one in (room.members if room else ()) if not one.own]

    def _edited(self) -> None:
        """The text may be another one: count it, keep it soon."""
        size = self.composer.editor.size_bytes
        if size != self._status.size_bytes:
            before, self._status.size_bytes = self._status.size_bytes, size
            if max(size, before) * 2 > TEXT_MAX_BYTES:
                self._status.refresh()
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.composer.set_timer(DRAFT_S, self._keep_draft)

    # --- about a message ---

    def answer(self, message: MessageView) -> None:
        """Write an answer to a message; what was written already is its beginning."""
        self.stop_editing()
        self.about.answer(message)
        self._edited()

    def edit(self, message: MessageView) -> None:
        """Give a message another wording; what was written waits meanwhile."""
        self.stop_editing()
        self.about.edit(message, self.composer.editor.text)
        self.composer.set(_as_typed(message.body))

    def last(self, expires_s: int | None) -> None:
        """The next message disappears after so long, 0: never; None: as the conversation says.

        Raises InvalidInput for a time that no timer has.
        """
        current = self._owner.model.here
        if current is None:
            raise InvalidInput(what="No conversation is open")
        if expires_s and not TIMER_MIN_S <= expires_s <= TIMER_MAX_S:
            raise InvalidInput(what="A timer is off, or from 5 seconds to a year")
        holding_s = current.contact.timer.expires_s if isinstance(current, Conversation) else 0
        if not expires_s and not holding_s:
            expires_s = None  # nothing would disappear anyway
        self.about.last(current.number, expires_s)
        self.composer.edited(offer=False)

    async def send_text(
        self, body: str, *, reply_to: str | None = None, expires_s: int | None = None
    ) -> None:
        """Send what was typed behind a command; raises LoomError."""
        here = self._owner.model.here
        if here is None:
            raise InvalidInput(what="No conversation is open")
        once_s = self.about.take_once_s()
        lasts_s = once_s if expires_s is None else expires_s
        try:
            await self._owner.send(say(here, body, reply_to=reply_to, expires_s=lasts_s))
        except LoomError:
            self.about.last(here.number, once_s)
            raise

    def of_next(self) -> tuple[str | None, int | None]:
        """What the next message answers, and the timer it has of its own."""
        message, edited = self.about.message, self.about.edited
        reply_to = message.message_id if message is not None and edited is None else None
        return reply_to, self.about.once_s

    def sent_otherwise(self) -> None:
        """The next message was a file: what was chosen for it does not hold for another one."""
        if self.about.edited is None:
            self.about.end()
        self.about.take_once_s()
        self._owner.work(self._show_sent(), "reading")

    async def _show_sent(self) -> None:
        await self._to_newest()

    def leave_message(self) -> bool:
        """Write about no message any more; False: one did not."""
        if self.about.message is None:
            return False
        if self.about.edited is None:
            self.about.end()
            self._edited()
        self.stop_editing()
        return True

    def stop_editing(self) -> None:
        """Go back to what was written before; the wording is found where what was sent is."""
        message = self.about.edited
        if message is None:
            return
        text = self.composer.editor.text
        if text != _as_typed(message.body):
            self.composer.editor.remember(text)
        self.composer.set(self.about.end())

    # --- handing it over ---

    def _submit(self, text: str) -> str | None:
        """Run or send what was written, and give what the composer holds then; None: the same.

        Line ends behind it, as a paste of whole lines has one, are not part of it.
        """
        match read_line(text.rstrip("\n"), COMMANDS):
            case Refused(why):
                self._owner.say(why, bad=True)
                return None
            case Run() as run:
                self._owner.work(self._carry_out(run, text), "command")
                return self.about.end() if self.about.edited is not None else ""
            case Say(words):
                return self._send(words, text)

    async def _carry_out(self, run: Run, typed: str) -> None:
        try:
            await self._run(run)
        except LoomError:
            self._give_back(typed)
            raise

    def _send(self, text: str, typed: str) -> str | None:
        here, over = self._owner.model.here, len(text.encode()) - TEXT_MAX_BYTES
        if here is None:
            self._owner.say("Open a conversation first.", bad=True)
            return None
        if self._obstacle.words:
            self._owner.say("Nothing was sent; your text stays here.", bad=True)
            return None
        if over > 0 and self.about.edited is not None:
            self._owner.say(f"Too long by {over} bytes; it is as it was.", bad=True)
            return None
        if over > 0:
            self._offer_parts(here, text, typed)
            return None
        if self.about.edited is None:
            self._owner.typing.sent()
        else:
            self._owner.typing.stop()
        about, edited, command = (
            self.about.message,
            self.about.edited,
            self.about.command(here, text),
        )
        then, once_s = self.about.end(), None
        if edited is None:
            once_s = self.about.take_once_s()

        async def send() -> None:
            try:
                await self._owner.send(command)
            except LoomError as error:
                if self._owner.model.current == here.number:
                    self._give_back(typed, then, about, once_s, is_edit=edited is not None)
                self._owner.say(in_app(error), bad=True)
            else:
                if edited is None:
                    await self._to_newest()

        if edited is None or text != edited.body.rstrip("\n"):
            self._owner.work(send(), "send")
        return then

    def _offer_parts(self, here: Listed, text: str, typed: str) -> None:
        """Ask whether a text that is too long goes as several messages; until then it stays."""
        parts = split(text, TEXT_MAX_BYTES)
        title = f"Too long for one message, which holds {TEXT_MAX_BYTES // 1024} KiB"
        ways: dict[str, Callable[[], None]] = {
            "Keep writing": lambda: None,
            f"Send {len(parts)} messages, in order": partial(
                self._send_parts, here, text, typed, parts
            ),
        }
        self._pick(title, list(ways), lambda chosen: ways[chosen]())

    def _send_parts(self, here: Listed, text: str, typed: str, parts: list[Part]) -> None:
        if self._owner.model.current != here.number or self.composer.editor.text != typed:
            return  # the contact is gone, or the text is another one
        first = self.about.command(here, parts[0].of(text))
        self.about.end()
        once_s = self.about.take_once_s()
        self.composer.editor.take()
        self.composer.edited()
        self._owner.typing.sent()

        async def send() -> None:
            for number, part in enumerate(parts):
                command = say(here, part.of(text), expires_s=once_s)
                try:
                    await self._owner.send(command if number else first)
                except LoomError as error:
                    rest = part.before + text[part.start :]
                    self.composer.editor.remember(rest)
                    if self._owner.model.current == here.number:
                        self._give_back(rest, once_s=once_s)
                    done = f"{number} of {len(parts)} messages were sent"
                    self._owner.say(f"{done}; the rest stays here. {in_app(error)}", bad=True)
                    return
            await self._to_newest()

        self._owner.work(send(), "send")

    def _give_back(
        self,
        typed: str,
        then: str = "",
        about: MessageView | None = None,
        once_s: int | None = None,
        *,
        is_edit: bool = False,
    ) -> None:
        """What could not be done can be mended, unless something else was begun since."""
        if self.composer.editor.text != then or self.about.message is not None:
            return
        if once_s is not None:
            self.about.last(self._owner.model.current or 0, once_s)
        if about is not None and is_edit:
            self.edit(about)
        elif about is not None:
            self.answer(about)
        self.composer.set(typed)

    def forget_deleted(
        self, happened: Iterable[AnyEvent], bodies: Callable[[Sequence[str]], list[str] | None]
    ) -> None:
        """What was deleted, or has expired, is neither found among what was sent before nor quoted.

        Args:
            bodies: what messages say; None: not known here, so everything is forgotten.
        """
        for event in happened:
            self._follow(event)
            match event:
                case MessageDeleted(direction="in") | MessageExpired(direction="in"):
                    continue
                case MessagesDeleted(message_ids=list(ids)):
                    gone = bodies(ids)
                case MessageDeleted() | MessageExpired():
                    gone = bodies(event.message_ids)
                case RoomPostChanged(deleted=True, own=True):
                    gone = bodies([event.post_id])
                case MessagesDeleted() | ContactRemoved() | FarewellDone():
                    gone = None
                case _:
                    continue
            self.composer.editor.forget(partial(_is_gone, gone))

    def _follow(self, event: AnyEvent) -> None:
        """The message that one writes about is another now, or is gone."""
        gone: Sequence[str] | None = None
        direction: str | None = None
        number = getattr(event, "contact_id", 0)
        match event:
            case MessageEdited():
                self.about.reword(event.message_id, event.body)
                return
            case RoomPostChanged(deleted=False):
                self.about.reword(event.post_id, event.body)
                return
            case RoomPostChanged():
                rooms = self._owner.model.rooms
                number = rooms.number_of(event.room_id, event.channel, event.thread)
                gone = [event.post_id]
            case MessageDeleted() | MessageExpired():
                gone, direction = event.message_ids, event.direction
            case MessagesDeleted():
                gone = event.message_ids
            case ContactRemoved() | FarewellDone():
                pass
            case _:
                return
        draft = self.about.forget(number, gone, direction)
        if draft is not None:
            self.composer.set(draft)
            self._owner.say(GONE, bad=True)
        known = self._owner.model.listed(number)
        edits = None if known is None else known.begun.edits
        is_mine = direction in (None, "out")
        if known is not None and edits and is_mine and (gone is None or edits in gone):
            self._owner.model.change(known.number, begun=known.begun._replace(wording=""))

    # --- drafts ---

    @property
    def _begun(self) -> Begun:
        """What the composer has; a wording only where it is another one."""
        about, text = self.about, self.composer.editor.text
        edited, answered = about.edited, about.answered
        reply_to = answered.message_id if isinstance(answered, Post) else None
        if edited is None:
            return Begun(text, about.once_s, reply_to=reply_to)
        if not text.strip() or text == _as_typed(edited.body):
            return Begun(about.draft, about.once_s, reply_to=reply_to)
        return Begun(about.draft, about.once_s, edited.message_id, text, reply_to)

    def _keep_draft(self) -> None:
        self._owner.work(self.store_draft(), "draft")

    async def store_draft(self) -> None:
        """Keep what was begun in the open conversation."""
        current = self._owner.model.here
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None
        begun = self._begun
        if current is None or current.begun == begun:
            return
        self._owner.model.change(current.number, begun=begun)
        try:
            await self._owner.send(keep(current, begun))
        except LoomError:
            self._owner.model.change(current.number, begun=current.begun)  # it is not kept
            raise

    async def change_conversation(self, number: int) -> None:
        """Another conversation is about to be shown: keep this draft, take up that one."""
        edited, answered = await self._edited_in(number), await self._answered_in(number)
        while (open_ := self._owner.model.here) and open_.begun != self._begun:
            await self.store_draft()  # again, if something was typed meanwhile
        self._take_up(number, edited, answered)

    async def take_up(self, number: int) -> None:
        """Go on with what was begun in a conversation, which is shown now."""
        if not self.composer.editor.text and self.about.message is None:
            edited, answered = await self._edited_in(number), await self._answered_in(number)
            self._take_up(number, edited, answered)
            self.composer.edited(offer=False)

    async def _edited_in(self, number: int) -> MessageView | None:
        """The message of which another wording was begun, if it is still there."""
        here = self._owner.model.listed(number)
        if here is None or here.begun.edits is None or not here.begun.wording:
            return None
        return await self._find(here, here.begun.edits)

    async def _answered_in(self, number: int) -> MessageView | None:
        """The post that was to be answered when the app ended, if it is still there."""
        here = self._owner.model.listed(number)
        if here is None or here.begun.reply_to is None or self.about.answers(number):
            return None
        return await self._find(here, here.begun.reply_to)

    async def _find(self, here: Listed, name: str) -> MessageView | None:
        found: MessageView
        try:
            if isinstance(here, Channel):
                post = await self._owner.send(FindPost(room=here.reference, name=name))
                found = post_of(post, here.number, here.thread)
            else:
                found = await self._owner.send(FindMessage(contact=here.reference, name=name))
        except (MessageNotFound, PostNotFound):
            return None
        return None if found.deleted else found

    def _take_up(
        self, number: int, edited: MessageView | None, answered: MessageView | None
    ) -> None:
        here = self._owner.model.listed(number)
        begun = Begun() if here is None else here.begun
        self.about.edited, self.about.draft = None, ""
        self.about.last(number, begun.expires_s)
        if answered is not None:
            self.about.answer(answered)
        if edited is not None and begun.wording:
            self.about.edit(edited, begun.body)
            self.composer.editor.set(begun.wording)
            return
        self.composer.editor.set(begun.body)
        if begun.edits is not None:
            self._owner.say(GONE, bad=True)


def _as_typed(body: str) -> str:
    """A text as `read_line` takes it."""
    return f"/{body}" if body.startswith("/") else body


def _is_gone(bodies: list[str] | None, text: str) -> bool:
    """Whether a text said one of these; as several messages, whether it held one."""
    if bodies is None:
        return True
    said = (text[1:] if text.startswith("//") else text).rstrip("\n")
    return said in (one.rstrip("\n") for one in bodies) or (
        len(text.encode()) > TEXT_MAX_BYTES and any(map(text.count, bodies))
    )
