"""The app: a client, what is known of it, how it looks, and the way to the terminal."""

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from textual import events
from textual.dom import NoScreen
from textual.screen import Screen

from loom.api.backup_commands import ListUnsent, ShowBackupSchedule
from loom.api.client import Client
from loom.api.command import Command
from loom.api.contact_commands import ListContacts, ShowContact
from loom.api.conversation_commands import ListArrivals, ListDrafts, NoteLeaving, SetTyping
from loom.api.conversation_views import Draft
from loom.api.events import AnyEvent, LaterIdentityFound, MachineFound, NodeStopped
from loom.api.message_commands import History
from loom.api.profile_commands import ShowProfile, Status
from loom.api.profile_views import Destroyed, OwnProfileView
from loom.api.profiles import Profiles
from loom.api.room_commands import ListMembers, ListRoomDrafts, ListRooms, ShowRoom
from loom.api.room_views import RoomDraftView
from loom.errors import (
    ContactNotFound,
    ControlError,
    InvalidInput,
    LoomError,
    NetworkError,
    RoomNotFound,
)
from loom.front.identity_words import later_words
from loom.front.sentences import in_app
from loom.front.signs import Signs, signs_of_terminal
from loom.tui import graphics, times
from loom.tui.begun import Begun
from loom.tui.channels import Channel
from loom.tui.chat.screen import ChatScreen
from loom.tui.graphics import Way
from loom.tui.idle import LOOK_S, Idle, last_read_s
from loom.tui.keys import EVERYWHERE, Keys
from loom.tui.lines import Look
from loom.tui.model import Listed, Model, arrivals_words, preview_of
from loom.tui.notices import Level, Notices
from loom.tui.owner import Owner
from loom.tui.reminders import words_to_check
from loom.tui.settings import THEMES, change_app_setting, read_or_default
from loom.tui.themes import load_theme, theme_names
from loom.tui.typing_signs import TypingSigns

if TYPE_CHECKING:
    from loom.tui.kit.panel import Panel

R = TypeVar("R")

GATHER_S: Final = 0.03
"""When many events come, those this close together are shown together."""
AT_ONCE: Final = 4
"""So many are shown as they come: what one sends is queued, sealed and delivered within that."""
DRAFTS_MAX: Final = 64 << 20
"""Characters of drafts that are kept here; those of the contacts after them are not."""
RETRY_S: Final = 1.0
RETRY_MAX_S: Final = 16.0
"""To another machine the pauses grow up to this."""


class LoomApp(Owner):
    """One open profile on the screen.

    Many methods, because it is all of `Owner`, and Textual calls its handlers by name.
    """

    def __init__(
        self,
        client: Client,
        *,
        profile: str,
        config: Path,
        profiles: Profiles | None = None,
        signs: Signs | None = None,
        greeting: str = "",
        host: str = "",
    ) -> None:
        """`host` is the machine with the node, if it is not this one."""
        super().__init__()
        self.client = client
        self.profile = profile
        self.config = config
        self.greeting = greeting
        self.profiles = profiles
        self._pending: list[AnyEvent] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._shown_s = deque([-AT_ONCE * GATHER_S] * AT_ONCE, maxlen=AT_ONCE)
        self._stale: set[int] = set()
        self._stale_rooms: set[str] = set()
        self._refreshing = False
        self._seq = 0
        settings, self.complaint = read_or_default(config)
        self.model = Model(host=host)
        self.look = Look(
            load_theme(settings.theme, config / THEMES),
            signs or signs_of_terminal(),
            is_formatted=settings.formatting,
            has_colors=not os.environ.get("NO_COLOR"),
        )
        self.look.pictures = settings.pictures
        self.picture_way = Way.BLOCKS
        self._answers: str | None = None
        """What the terminal answered so far; None: it was not asked."""
        self.keys = Keys(settings.keys, settings.bind)
        self._bind = settings.bind
        self._name_keys()
        self.idle = Idle(settings.lock_after_min * 60)
        self._read_s = 0.0
        """When the terminal was read last, while it was lent."""
        self._day = times.today()
        self._muted: set[int] = set()
        """As it was shown last: a mute ends by itself."""
        self._has_begun = False
        self.locked = False
        """Whether it ended because it was locked."""
        self.moves = False
        """Whether it was locked to be moved to another machine."""
        self.destroyed: Destroyed | None = None
        """What was destroyed, if it was."""
        self._is_destroying = False
        self._is_covered = False
        self.has_focus: bool | None = None
        """Whether the terminal has the focus; None: it has not said so yet."""
        self.chat = ChatScreen(self)
        self.notices = Notices(
            self.write_terminal,
            time.monotonic,
            os.environ,
            level=settings.notify,
            way=settings.notify_by,
            bell=settings.bell,
        )
        self.typing = TypingSigns(
            self.model,
            lambda seconds, act: asyncio.get_running_loop().call_later(seconds, act),
            time.monotonic,
            self._tell_typing,
            self.chat.show_bars,
        )

    def get_default_screen(self) -> Screen[Any]:
        """The conversations."""
        return self.chat

    def begin(self) -> None:
        """The screen is there: ask for everything once, then follow the events."""
        self.set_interval(LOOK_S, self.lock_when_idle)
        self.set_interval(LOOK_S, self.turn_the_day)
        self.work(self._follow(), "events")

    def leave(self) -> None:
        """Keep what was begun, then end."""
        self.chat.quit()

    # --- locking ---

    async def on_event(self, event: events.Event) -> None:
        """Whatever is on top: what a person does counts, and the lock's key locks."""
        if isinstance(event, events.InputEvent):
            self.idle.touch()
        await super().on_event(event)

    def take_key(self, key: events.Key) -> bool:
        """See `DrawnApp.take_key`."""
        action = self.keys.action(key.key, EVERYWHERE)
        if action == "lock" and not self._is_destroying:
            self.lock()
        elif action == "panic":
            self.ask_to_destroy()
        return action in ("lock", "panic")

    def lock(self) -> None:
        """Keep what was begun and end; the caller closes the profile (loom/tui/door.py).

        A profile that cannot be opened again is only hidden.
        """
        if self.profiles is not None:
            self.locked = True
            self.leave()
        elif not self._is_covered:
            from loom.tui.screens.hidden import DEMO, Hidden

            self._is_covered = True
            self.work(self.chat.outside.end(), "editor")
            self.push_screen(Hidden(self, self.profile, DEMO, lambda _: self._uncover()))

    def lock_to_move(self) -> None:
        """See `Owner.lock_to_move`."""
        self.moves = True
        self.lock()

    def ask_to_destroy(self) -> None:
        """See `Owner.ask_to_destroy`; of another machine, and of a demo, nothing is destroyed."""
        from loom.tui.screens.panic import PanicPanel

        if isinstance(self.screen, PanicPanel):
            self.screen.destroy()
        elif self.profiles is None:
            self.say("This profile ends with the demo.", bad=True)
        elif self.model.host:
            self.say(f"`loom panic` destroys it, on {self.model.host}.", bad=True)
        else:
            self.push_screen(PanicPanel(self))

    async def destroy(self) -> None:
        """See `Owner.destroy`."""
        assert self.profiles is not None  # noqa: S101 - see `ask_to_destroy`
        self._is_destroying = True
        self.destroyed = await self.profiles.panic(self.profile)
        self.exit()

    def _uncover(self) -> None:
        self._is_covered = False
        self.pop_screen()

    # --- panels ---

    foot = (("help", "help"),)

    def everywhere(self, action: str) -> None:
        """See `DrawnApp.everywhere`; over a hidden profile, only what shows nothing of it."""
        if self._is_covered:
            super().everywhere(action)
        else:
            self.chat.run(action)

    def open_panel(self, panel: "Panel") -> None:
        """Show a panel; one of the same kind on top gives way to it."""
        if type(self.screen) is type(panel):
            self.switch_screen(panel)
        else:
            self.push_screen(panel)

    def open_conversation(self, number: int) -> None:
        """Show the conversation with a contact."""
        self.chat.navigation.open_(number)

    def show_message(self, number: int, row_id: int) -> None:
        """See `Owner.show_message`."""
        self.chat.navigation.go_to(number, row_id)

    def show_post(self, room: str, row_id: int) -> None:
        """See `Owner.show_post`."""
        self.work(self.chat.navigation.show_post(room, row_id), "reading")

    def show_add(self, token: str = "") -> None:
        """Show where a contact is added."""
        self.chat.slash.show_add(token=token)

    def show_anchors(self, text: str) -> None:
        """Show the anchors, with a pairing text to take one into use."""
        self.chat.slash.show_anchors(text)

    def close_panels(self) -> None:
        """Back to the conversations."""
        while self.screen is not self.chat:
            self.pop_screen()

    def lock_when_idle(self) -> None:
        """Nobody did anything for long; what is typed in an editor outside counts, too."""
        if self.is_lent and (read_s := last_read_s()) != self._read_s:
            self._read_s = read_s
            self.idle.touch()
        if self.idle.is_over() and not self._is_destroying:
            self.lock()

    def turn_the_day(self) -> None:
        """At midnight the times of the day before become its date; a mute may have ended."""
        if (now := times.today()) != self._day:
            self._day = now
            self.chat.show_all()
        every: list[Listed] = [*self.model.conversations.values(), *self.model.rooms.listed]
        muted = {one.number for one in every if one.muted}
        if muted != self._muted:
            self._muted = muted
            self.chat.show_bars()

    # --- commands ---

    async def send(self, command: Command[R]) -> R:
        """Ask the node, whichever serves the profile now."""
        return await self.client.send(command)

    def work(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Do something beside the screen; an error becomes a sentence in the status line."""
        self.run_worker(self._said(work), name=name, group=name)

    def say(self, text: str, *shorter: str, bad: bool = False) -> None:
        """Tell something in the status line."""
        self.chat.say(text, *shorter, bad=bad)

    async def _said(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            try:
                await work
            except LoomError as error:
                self.say(in_app(error), bad=True)
        except NoScreen:
            if self.is_running:
                raise  # otherwise the app ends, and its screens are gone first

    # --- events ---

    async def _follow(self) -> None:
        """Load, then show what happens, for as long as a node can be reached."""
        try:
            await self._load()
        except NetworkError:
            if not self.model.host:
                raise
            await self._reattach()
        while True:
            with contextlib.suppress(NetworkError):
                async for event in self.client.events(self._seq):
                    if isinstance(event, NodeStopped):
                        break
                    self._seq = max(self._seq, event.seq)
                    self._pending.append(event)
                    if self._flushing is None:
                        loop = asyncio.get_running_loop()
                        due_s = self._shown_s[0] + AT_ONCE * GATHER_S
                        self._flushing = loop.call_at(due_s, self._show_pending)
            await self._reattach()

    async def _load(self) -> None:
        # Asked in one go: a front end beside a daemon waits once, not four times.
        status, contacts, own, drafts, rooms, begun_posts = await asyncio.gather(
            self.send(Status()),
            self.send(ListContacts()),
            self.send(ShowProfile()),
            self._load_drafts(),
            self.send(ListRooms()),
            self._load_room_drafts(),
        )
        self._seq = max(self._seq, status.last_seq)
        self.model.load(status, contacts.contacts, rooms.rooms)
        self.model.own, self.look.own_name = own, own.name
        for draft in drafts:
            begun = Begun(draft.body, draft.expires_s, draft.edits, draft.wording)
            self.model.change(draft.contact_id, begun=begun)
        for post in begun_posts:
            self.model.rooms.begin(
                (post.room_id, post.channel, post.thread),
                Begun(
                    *(post.body, post.expires_s or None, post.edits, post.wording, post.reply_to)
                ),
            )
        self.model.connected = True
        arrived = ""
        if not self._has_begun:
            came = await self.send(ListArrivals())
            arrived = arrivals_words(came.arrivals, came.rooms)
            number = came.last_open_id
            if came.last_room_id is not None:
                number = self.model.rooms.number_of(came.last_room_id, came.last_channel)
            if number is not None and self.model.listed(number) is not None:
                self.model.current = number
        await self.chat.begin()
        self._has_begun = True
        if status.machine != "alone":
            self._ask_which_machine(status.machine)
        if arrived:
            self.say(arrived)
        if self.complaint:
            self.say(self.complaint, bad=True)
        elif not self.model.host and self.profile in words_to_check(self.config):
            self.say("Your 24 words are not checked yet: /words checks your copy.")
        elif not arrived and (advice := await self._advice()):
            self.say(advice)

    def _ask_which_machine(self, state: str) -> None:
        """Another machine uses the identity, or this one was closed."""
        if state == "closed":
            self.say("This profile is closed: it can be read, and sends nothing.", bad=True)
        elif self.model.host:
            self.say("Another machine uses your identity: `loom machine` there.", bad=True)
        else:
            from loom.tui.screens.machine import MachinePanel

            self.open_panel(MachinePanel(self))

    async def _advice(self) -> str:
        """What the owner should see to some time."""
        unsent = sum(one.messages for one in (await self.send(ListUnsent())).contacts)
        if unsent:
            texts, wait = ("1 text", "waits") if unsent == 1 else (f"{unsent:,} texts", "wait")
            return f"{texts} of the backup {wait}: /unsent sends or drops them."
        is_own = self.profiles is not None and not self.model.host
        if not is_own or not self.model.conversations:
            return ""
        has_any = (await self.send(ShowBackupSchedule())).last_ms is not None
        return "" if has_any else "There is no backup yet: /backup makes one."

    async def _arrivals(self, *, but: int | None = None) -> str:
        """What came while nobody looked, but to the conversation or the room that is open."""
        found = await self.send(ListArrivals())
        room = self.model.rooms.room_of(but)
        room_id = None if room is None else room.view.room_id
        return arrivals_words(
            [one for one in found.arrivals if one.contact_id != but],
            [one for one in found.rooms if one.room_id != room_id],
        )

    async def note_leaving(self) -> None:
        """Nobody looks any more."""
        with contextlib.suppress(LoomError):  # then more is told of than came
            here = self.model.here
            if isinstance(here, Channel):
                room_id, channel = here.room.room_id, here.view.channel
                await self.send(NoteLeaving(room_id=room_id, channel=channel))
            else:
                await self.send(NoteLeaving(contact=None if here is None else here.reference))

    async def _come_back(self) -> None:
        """Say what came meanwhile before the open conversation counts as read."""
        try:
            if arrived := await self._arrivals(but=self.model.current):
                self.say(arrived)
        finally:
            self.chat.attention.look()

    async def _load_drafts(self) -> list[Draft]:
        """All drafts. A node that answers without end is asked no more: it may be a hostile one."""
        found: list[Draft] = []
        size, after = 0, 0
        while True:
            answer = await self.send(ListDrafts(after=after))
            new = [draft for draft in answer.drafts if draft.contact_id > after]
            found += new
            size += sum(len(draft.body) + len(draft.wording) for draft in new)
            if not (answer.more and new) or size > DRAFTS_MAX:
                return found
            after = max(draft.contact_id for draft in new)

    async def _load_room_drafts(self) -> list[RoomDraftView]:
        """The same for rooms."""
        found: list[RoomDraftView] = []
        size, after = 0, 0
        while True:
            answer = await self.send(ListRoomDrafts(after=after))
            new = [draft for draft in answer.drafts if draft.number > after]
            found += new
            size += sum(len(draft.body) + len(draft.wording) for draft in new)
            if not (answer.more and new) or size > DRAFTS_MAX:
                return found
            after = max(draft.number for draft in new)

    async def _reattach(self) -> None:
        """Wait until a node serves the profile again."""
        self.model.connected, self.model.trouble = False, ""
        self.chat.show_all()
        pause_s = RETRY_S
        while self.profiles is not None and not self._is_destroying:
            await asyncio.sleep(pause_s)
            if self.model.host:
                pause_s = min(2 * pause_s, RETRY_MAX_S)
            try:
                before, self.client = self.client, await self.profiles.attach(self.profile)
                with contextlib.suppress(LoomError):
                    await before.close()
                await self._load()
            except LoomError as error:
                self.model.trouble = in_app(error)
                self.chat.show_bars()
                continue
            back = f"Connected to {self.model.host} again." if self.model.host else ""
            self.say(back or "The node is back.")
            return
        raise ControlError(what="the node has stopped")

    def _show_pending(self) -> None:
        """Show everything that happened meanwhile at once."""
        self._flushing = None
        self._shown_s.append(asyncio.get_running_loop().time())
        happened, self._pending = self._pending, []
        changes = self.model.apply(happened)
        self.typing.heard(happened)
        self.chat.show_events(happened, changes)
        if any(isinstance(event, MachineFound) for event in happened):
            self._ask_which_machine("asks")
        for event in happened:
            if isinstance(event, LaterIdentityFound):
                said = later_words(event.number, forked=event.forked)
                self.say(f"Your identity is {said}: /safekeeping", bad=True)
        self.notices.tell(
            happened,
            self.model,
            focus=self.has_focus,
            shown=self.model.current if self.chat.is_active else None,
            hidden=self._is_covered,
        )
        if len(self.screen_stack) > 1:
            from loom.tui.kit.live import LivePanel

            for screen in self.screen_stack:
                if isinstance(screen, LivePanel):
                    screen.show_events(happened)
        self._stale |= changes.contacts
        self._stale_rooms |= changes.rooms
        if (self._stale or self._stale_rooms) and not self._refreshing:
            self._refreshing = True
            self.work(self._refresh(), "contacts")

    async def _refresh(self) -> None:
        """Ask for what events do not tell, once for those that come together."""
        await asyncio.sleep(GATHER_S)
        try:
            while self._stale:
                number = self._stale.pop()
                try:
                    self.model.put(await self.send(ShowContact(contact=f"#{number}")))
                except ContactNotFound:
                    continue
                self.chat.show_bars()
            while self._stale_rooms:
                await self._refresh_room(self._stale_rooms.pop())
                self.chat.show_rooms()
        finally:
            self._refreshing = False

    async def _refresh_room(self, room_id: str) -> None:
        try:
            self.model.put_room(await self.send(ShowRoom(room=room_id)))
        except RoomNotFound:
            self.model.forget_room(room_id)
            return
        channel = self.model.channel
        if channel is not None and channel.room.room_id == room_id:
            await self.load_members(room_id)

    async def load_members(self, room_id: str) -> None:
        """Ask who is in a room that is open."""
        found = (await self.send(ListMembers(room=room_id))).members
        self.model.rooms.change(room_id, members=found)
        self.chat.show_bars()

    async def look_up_previews(self, numbers: list[int]) -> None:
        """Ask for the last message of conversations that come on the screen."""
        for number in numbers:
            known = self.model.conversations.get(number)
            if known is not None and known.preview is None:
                self.model.change(number, preview="", preview_at_ms=0)
                page = (await self.send(History(contact=f"#{number}", limit=1))).messages
                if page:
                    [last] = page
                    self.model.change(
                        number, preview=preview_of(last), preview_at_ms=last.sent_at_ms
                    )
        self.chat.show_bars()

    def use_profile(self, own: OwnProfileView) -> None:
        """This is what contacts are told now."""
        self.model.own = own
        self.look.own_name = own.name
        self.chat.show_all()

    # --- looks ---

    def themes(self) -> list[str]:
        """The names of all themes."""
        return theme_names(self.config / THEMES)

    def use_theme(self, name: str) -> None:
        """Change the colours, now and next time."""
        self.look.theme = load_theme(name, self.config / THEMES)
        change_app_setting(self.config, "theme", name)
        self.chat.show_all()

    def use_keys(self, profile: str) -> None:
        """Change the keys, now and next time."""
        self.keys = Keys(profile, self._bind)
        self._name_keys()
        change_app_setting(self.config, "keys", profile)
        self.chat.show_all()

    def _name_keys(self) -> None:
        """What stands between the messages names these."""
        self.look.take_key = self.keys.words("take_file")
        self.look.go_on_key = self.keys.words("pause_file")

    def use_formatting(self, on: bool) -> None:
        """Whether the marks in texts change how they look, now and next time."""
        self.look.is_formatted = on
        change_app_setting(self.config, "formatting", on)
        self.chat.show_all()

    def use_pictures(self, how: str) -> None:
        """How pictures are shown, now and next time."""
        self.look.pictures, self.picture_way, self._answers = how, Way.BLOCKS, None
        change_app_setting(self.config, "pictures", how)
        self.chat.show_all()

    def ask_picture_way(self) -> None:
        """See `Owner.ask_picture_way`."""
        if self._answers is None and graphics.can_draw_pixels(self.look.pictures, os.environ):
            self._answers = ""
            self.write_terminal(graphics.QUERY)

    def on_answered(self, event: graphics.Answered) -> None:
        """The terminal said what it can."""
        if self._answers is None or len(self._answers) > graphics.ANSWERS_MAX:
            return
        self._answers += event.answer
        way = graphics.way_of(self._answers)
        if way is not None and way is not self.picture_way and self.picture_way is Way.BLOCKS:
            self.picture_way = way
            from loom.tui.kit.panel import Panel

            if isinstance(self.screen, Panel):
                self.screen.show()

    def cell_size(self) -> tuple[int, int]:
        """See `Owner.cell_size`."""
        return graphics.cell_size((sys.__stderr__ or sys.stderr).fileno())

    def use_notices(self, level: str) -> None:
        """What a notification shows, now and next time."""
        if level not in list(Level):
            raise InvalidInput(what=f"Write /notify {', /notify '.join(Level)}")
        self.notices.level = Level(level)
        change_app_setting(self.config, "notify", level)

    def use_bell(self, on: bool) -> None:
        """Whether the bell rings with a notification, now and next time."""
        self.notices.bell = on
        change_app_setting(self.config, "bell", on)

    def use_lock_time(self, minutes: int) -> None:
        """After how long without a key it locks, now and next time; 0: never."""
        self.idle.limit_s = minutes * 60
        change_app_setting(self.config, "lock_after_min", minutes)

    def _tell_typing(self, number: int, on: bool) -> None:
        self.work(self.send(SetTyping(contact=f"#{number}", on=on)), "typing")

    def on_unmount(self) -> None:
        """It ends: nothing is drawn any more."""
        self.typing.end()

    # --- the terminal ---

    def on_app_focus(self, event: events.AppFocus) -> None:
        """The terminal came to the front."""
        was_away, self.has_focus = self.has_focus is False, True
        if was_away and self.model.status is not None:
            self.work(self._come_back(), "arrivals")
        else:
            self.chat.attention.look()

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Another window did."""
        self.has_focus = False
        if self.model.status is not None:
            self.work(self.note_leaving(), "leaving")
