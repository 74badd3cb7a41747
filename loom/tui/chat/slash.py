"""What each slash command does.

A panel is imported where it is opened: what is not shown must not delay the first paint.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from loom.addresses import parse_address
from loom.api.contact_commands import (
    AnswerFarewell,
    BlockContact,
    Connect,
    ImportToken,
    RemoveContact,
    RenameContact,
    ShowContact,
)
from loom.api.contact_views import ContactView
from loom.api.conversation_commands import MarkRead, SetPreferences, SetTimer
from loom.api.events import PairingDone
from loom.api.invite_commands import AcceptRequest, ListRequests
from loom.api.profile_commands import SetProfile
from loom.api.room_commands import MarkRoomRead, SetRoomPreferences
from loom.errors import InvalidInput, LocalOnly, LoomError
from loom.front.durations import parse_duration, parse_timer
from loom.front.emoji import EMOJI
from loom.front.slash import Run, SlashCommand
from loom.model import Level as NotifyLevel
from loom.printable import printable
from loom.tui.channels import Channel
from loom.tui.chat.choices import Choices
from loom.tui.chat.message_actions import MessageActions
from loom.tui.chat.navigation import Navigation
from loom.tui.chat.room_slash import RoomSlash
from loom.tui.chat.writing import Writing
from loom.tui.commands import EXPORTS
from loom.tui.keys import PROFILES
from loom.tui.model import Conversation, Listed
from loom.tui.notices import Level
from loom.tui.owner import Owner
from loom.tui.paths import PATHS_MAX, typed_paths
from loom.tui.room_door import room_door
from loom.tui.times import now_ms
from loom.wire.invite import RoomDoor

LAST_ROW: Final = (1 << 63) - 1
INVISIBLE: Final = "You are invisible: what you write goes through anchors only."

FORMATTING: Final = ("formatted", "plain")


class SlashCommands:
    """Carries out what was typed.

    Args:
        quit_: ends the app.
        filter_: narrows the list to the names that hold some words.
        show_archive: shows the archived conversations, or the others again.
    """

    def __init__(
        self,
        owner: Owner,
        choices: Choices,
        navigation: Navigation,
        acts: MessageActions,
        writing: Writing,
        *,
        quit_: Callable[[], None],
        filter_: Callable[[str], None],
        show_archive: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._choices = choices
        self._navigation = navigation
        self._acts = acts
        self._writing = writing
        self._write = writing.composer.set
        self._filter_list = filter_
        self.rooms = RoomSlash(owner, navigation.open_)
        opens: dict[str, Callable[[], None]] = {
            "help": choices.help,
            "contact": self.show_contact,
            "verify": self._verify,
            "pair": self.show_pairing,
            "invite": self.show_invites,
            "requests": self.show_requests,
            "peers": self._show_peers,
            "token": self._show_token,
            "files": self._show_files,
            "voice": self._record,
            "connectivity": self._show_connectivity,
            "log": self._show_log,
            "settings": self._show_settings,
            "archived": show_archive,
            "mentions": choices.mentions,
            "unread": navigation.mark_unread,
            "words": self._check_words,
            "safekeeping": self._show_safekeeping,
            "backup": self._show_backups,
            "unsent": self._show_unsent,
            "lock": owner.lock,
            "quit": quit_,
        }
        self.does: Mapping[str, Callable[[str], Awaitable[None]]] = {
            **{name: partial(_without_argument, open_) for name, open_ in opens.items()},
            **acts.commands,
            **self.rooms.does,
            "add": self._add,
            "accept": self._accept,
            "open": self._open_conversation,
            "search": self._search,
            "export": self._export,
            "attach": self._attach,
            "rename": self._rename,
            "block": self._block,
            "unblock": self._unblock,
            "mute": self._mute,
            "unmute": partial(self._decide, muted=False),
            "level": self._use_level,
            "archive": partial(self._decide, archived=True),
            "unarchive": partial(self._decide, archived=False),
            "favourite": partial(self._decide, favourite=True),
            "unfavourite": partial(self._decide, favourite=False),
            "read": self._mark_read,
            "filter": self._filter,
            "profile": self._profile,
            "status": self._status,
            "away": partial(self._tell, "Contacts are told that you are away.", away=True),
            "back": partial(self._tell, "Contacts are told that you are back.", away=False),
            "invisible": partial(self._tell, INVISIBLE, invisible=True),
            "visible": partial(self._tell, "Contacts can see that you are here.", invisible=False),
            "timer": self._timer,
            "expires": self._expires,
            "remove": self._remove,
            "farewell": self._farewell,
            "connect": self._connect,
            "anchors": self._anchors,
            "report": self._report,
            "notify": self._use_notices,
            "theme": self._use_theme,
            "keys": self._use_keys,
            "formatting": self._use_formatting,
        }
        """What each command of `loom/tui/commands.py` does with its argument."""

    def values(self, kind: str) -> list[str]:
        """What can stand for an argument of this kind."""
        model = self._owner.model
        match kind:
            case "contact":
                named = [model.listed(number) for number in model.recent]
                return [
                    one.contact.contact if isinstance(one, Conversation) else one.name
                    for one in named
                    if one is not None
                ]
            case "room" | "room_name" | "channel" | "member":
                return self.rooms.values(kind)
            case "theme":
                return self._owner.themes()
            case "formatting":
                return list(FORMATTING)
            case "notify":
                return list(Level)
            case "level":
                return list(NotifyLevel)
            case "keys":
                return list(PROFILES)
            case "emoji":
                return list(EMOJI)
            case "export":
                return list(EXPORTS)
        return []

    def is_possible(self, command: SlashCommand) -> bool:
        """Whether the command has something to act on."""
        current = self._owner.model.open_
        if command.name == "words" and self._owner.model.host:
            return False
        if not (command.needs_contact or command.needs_room):
            return not self._is_so(command.name)
        if self._owner.model.channel is not None:
            if not command.needs_room:
                return False
            is_about_posts = command.name in self._acts.commands
            about = self._acts if is_about_posts else self.rooms
            return about.is_possible(command.name)
        if current is None or not command.needs_contact:
            return False
        if command.name in self._acts.commands:
            return self._acts.is_possible(command.name)
        hidden = {
            "block": current.contact.blocked,
            "unblock": not current.contact.blocked,
            "mute": current.muted,
            "unmute": not current.muted,
            "archive": current.contact.archived,
            "unarchive": not current.contact.archived,
            "favourite": current.contact.favourite,
            "unfavourite": not current.contact.favourite,
        }
        return not hidden.get(command.name, False)

    def _is_so(self, name: str) -> bool:
        """Whether what this command makes of one's own profile holds already."""
        own = self._owner.model.own
        if own is None:
            return False
        holds = {
            "away": own.away,
            "back": not own.away,
            "invisible": own.invisible,
            "visible": not own.invisible,
        }
        return holds.get(name, False)

    def begin(self, command: SlashCommand) -> None:
        """Run a command that needs no argument, else write its beginning."""
        if not command.arguments or command.arguments.startswith("[") or command.completes:
            self._owner.work(self.run(Run(command, "")), "command")
        elif command.name == "search":
            self._choices.search(here=False)
        else:
            self._write(f"/{command.name} ")

    async def run(self, run: Run) -> None:
        """Raises LoomError when it cannot be done."""
        name, in_room = run.command.name, self._owner.model.channel is not None
        if in_room and not run.command.fits(in_room=True):
            raise InvalidInput(what=f"/{name} is about a contact: open one first")
        does = self.rooms.here if in_room and name in self.rooms.here else self.does
        await does[name](run.argument)

    # --- adding ---

    async def _add(self, argument: str) -> None:
        token, _, name = argument.partition(" ")
        door = room_door(token)
        if not token or not (name.strip() or door):
            self.show_add(token=token)
            return
        try:
            view = await self._owner.send(ImportToken(token=token, name=name.strip()))
        except LoomError as error:
            self.show_add(token=token, name=name.strip(), trouble=error)
        else:
            self.added(view, door)

    def show_add(
        self,
        *,
        token: str = "",
        name: str = "",
        trouble: LoomError | None = None,
        writes: bool = False,
    ) -> None:
        """Where a contact is added, with what was typed already.

        Args:
            writes: the token was pasted where messages are written, and may be meant for one.
        """
        from loom.tui.screens.adding import AddPanel, Ways

        ways = Ways(self.show_pairing, self.show_invites, self._write if writes else None)
        panel = AddPanel(self._owner, self.added, ways, token=token, name=name, trouble=trouble)
        self._owner.open_panel(panel)

    def show_pairing(self) -> None:
        """Where two people in one place add each other."""
        from loom.tui.screens.pairing import PairingPanel

        self._owner.open_panel(PairingPanel(self._owner, self._owner.send, self._met))

    def show_invites(self) -> None:
        """One's own invites, and where one is made."""
        from loom.tui.screens.invites import InvitesPanel

        self._owner.open_panel(InvitesPanel(self._owner))

    def show_requests(self) -> None:
        """Who came by an address."""
        from loom.tui.screens.requests import RequestsPanel

        self._owner.open_panel(RequestsPanel(self._owner))

    async def _accept(self, argument: str) -> None:
        found = (await self._owner.send(ListRequests())).requests
        wanted = [one for one in found if one.name.casefold() == argument.casefold()]
        if not argument or len(wanted) != 1:
            self.show_requests()
            return
        view = await self._owner.send(AcceptRequest(request_id=wanted[0].request_id))
        self._owner.model.put(view)
        self._navigation.open_(view.contact_id)
        self._owner.say(f"{printable(view.contact)} is a contact; /verify makes sure it is them.")

    def _met(self, done: PairingDone) -> None:
        self._owner.work(self._show_met(done), "met")

    async def _show_met(self, done: PairingDone) -> None:
        self._owner.model.put(await self._owner.send(ShowContact(contact=f"#{done.contact_id}")))
        self._owner.close_panels()
        self._navigation.open_(done.contact_id)
        self._owner.say(f"{printable(done.contact)} is a verified contact.")

    def added(self, view: ContactView, door: RoomDoor | None = None) -> None:
        """Go on with a new contact; `door`: with the room that their invite leads into."""
        self._owner.model.put(view)
        if door is not None:
            self.rooms.show(door.room_id.hex())
            return
        self._navigation.open_(view.contact_id)
        name = printable(view.contact)
        if view.joining is not None:
            self._owner.say(f"{name} is added, and is told of you. /verify makes sure it is them.")
            return
        self._owner.say(
            f"{name} is added. They need your /token too; /verify makes sure it is them."
        )

    # --- the open contact, or another ---

    def show_contact(self, focus: str = "") -> None:
        """What is known of the open contact; raises InvalidInput where none is open."""
        from loom.tui.screens.person import PersonPanel

        self._owner.open_panel(PersonPanel(self._owner, self._open.number, focus))

    def _verify(self) -> None:
        from loom.tui.screens.verifying import VerifyPanel

        self._owner.open_panel(VerifyPanel(self._owner, self._open.number))

    async def _open_conversation(self, argument: str) -> None:
        if not argument:
            self._choices.jump()
        elif (channel := self._owner.model.find_channel(argument)) is not None:
            self._navigation.open_(channel.number)
        else:
            self._navigation.open_(self._named(argument).number)

    async def _search(self, argument: str) -> None:
        self._choices.search(here=False, query=argument)

    async def _rename(self, argument: str) -> None:
        if not argument:
            from loom.tui.screens.person import RENAME

            self.show_contact(RENAME)
            return
        await self._owner.send(RenameContact(contact=self._contact, name=argument))

    async def _block(self, argument: str) -> None:
        await self._owner.send(BlockContact(contact=self._contact))

    async def _unblock(self, argument: str) -> None:
        name = printable(self._open.contact.contact)
        await self._owner.send(BlockContact(contact=self._contact, blocked=False))
        self._owner.say(f"What {name} sent during the block arrives when you are connected.")

    async def _mute(self, argument: str) -> None:
        if not argument:
            await self._decide("", muted=True)
        elif argument.casefold() == "off":
            await self._decide("", muted=False)
        else:
            await self._mute_for(parse_duration(argument))

    async def _mute_for(self, seconds: int | None) -> None:
        """None: until one says otherwise; 0: no longer."""
        until_ms = now_ms() + seconds * 1_000 if seconds else None
        await self._decide("", muted=seconds != 0, mute_until_ms=until_ms)

    async def _decide(self, argument: str, **habits: Any) -> None:
        channel = self._owner.model.channel
        if channel is not None and not {*habits} & {"archived", "favourite"}:
            await self._owner.send(SetRoomPreferences(room=channel.reference, **habits))
            return
        await self._owner.send(SetPreferences(contact=self._contact, **habits))

    def switch(self, what: str) -> None:
        """Whether the open conversation is archived, or a favourite: the other way round."""
        is_on = getattr(self._open.contact, what)
        self._owner.work(self._decide("", **{what: not is_on}), "decide")

    def choose_mute(self) -> None:
        """Ask for how long the open conversation is muted."""
        self._choices.mute(
            lambda seconds: self._owner.work(self._mute_for(seconds), "decide"),
            muted=self._here.muted,
        )

    async def _profile(self, argument: str) -> None:
        if argument:
            await self._tell("Contacts are told the name.", "", name=argument)
        else:
            self._show_profile("")

    async def _status(self, argument: str) -> None:
        if argument:
            await self._tell("Contacts are told the status.", "", status=argument)
        else:
            from loom.tui.screens.own_profile import STATUS

            self._show_profile(STATUS)

    def _show_profile(self, focus: str) -> None:
        from loom.tui.screens.own_profile import OwnProfilePanel

        self._owner.open_panel(OwnProfilePanel(self._owner, focus))

    async def _tell(self, said: str, argument: str, **told: Any) -> None:
        self._owner.use_profile(await self._owner.send(SetProfile(**told)))
        self._owner.say(said)

    async def _use_level(self, argument: str) -> None:
        here = self._here
        now = here.room.level if isinstance(here, Channel) else here.contact.level
        self._choose(
            argument,
            "Notify about",
            [*NotifyLevel],
            now,
            lambda one: self._owner.work(self._decide("", level=one.casefold()), "decide"),
        )

    async def _mark_read(self, argument: str) -> None:
        if (channel := self._owner.model.channel) is not None:
            where = channel.view.channel
            await self._owner.send(MarkRoomRead(room=channel.reference, channel=where))
            return
        await self._owner.send(MarkRead(contact=self._contact, row_id=LAST_ROW))

    async def _filter(self, argument: str) -> None:
        self._filter_list(argument)

    async def _timer(self, argument: str) -> None:
        if not argument:
            from loom.tui.screens.person import TIMER

            self.show_contact(TIMER)
            return
        expires_s = parse_timer(argument)
        await self._owner.send(SetTimer(contact=self._contact, expires_s=expires_s))

    async def _expires(self, argument: str) -> None:
        lasts, _, text = argument.partition(" ")
        if not lasts:
            self.choose_expiry()
        elif text.strip():
            await self._writing.send_text(text.strip(), expires_s=parse_timer(lasts))
        else:
            self._writing.last(parse_timer(lasts))

    def choose_expiry(self) -> None:
        """Ask after how long the next message disappears."""
        here = self._here
        holding_s = here.contact.timer.expires_s if isinstance(here, Conversation) else 0
        self._choices.expiry(self._writing.last, holding_s=holding_s)

    async def _remove(self, argument: str) -> None:
        if not argument:
            from loom.tui.screens.person import DELETE

            self.show_contact(DELETE)
            return
        found = self._named(argument)  # the typed name is the question's answer: no number is
        if found.contact.contact.casefold() != argument.casefold():
            raise InvalidInput(what=f"There is no contact {argument[:64]}")
        told = found.contact.may_hear_farewell
        await self._owner.send(RemoveContact(contact=f"#{found.number}", farewell=told))

    async def _farewell(self, argument: str) -> None:
        from loom.tui.screens.person import CLEAR, KEEP

        contact = self._open.contact
        if not argument:
            self.show_contact(KEEP if contact.farewell else CLEAR)
            return
        if argument not in ("delete", "keep"):
            raise InvalidInput(what="Write /farewell, /farewell delete or /farewell keep")
        if not contact.farewell:
            raise InvalidInput(what=f"{printable(contact.contact)} does not ask you to delete")
        accept = argument == "delete"
        await self._owner.send(AnswerFarewell(contact=self._contact, accept=accept))

    async def _connect(self, argument: str) -> None:
        if not argument:
            from loom.tui.screens.person import ADDRESS

            self.show_contact(ADDRESS)
            return
        at = parse_address(argument)
        self._owner.say(f"Connecting to {argument} ...")
        await self._owner.send(Connect(contact=self._contact, host=at.host, port=at.port))
        self._owner.say("Connected; the address is remembered.")

    # --- panels ---

    def _show_peers(self) -> None:
        from loom.tui.screens.peers import PeersPanel

        self._owner.open_panel(PeersPanel(self._owner))

    async def _export(self, argument: str) -> None:
        from loom.front.export.conversation import format_named
        from loom.tui.screens.export import ExportPanel

        if argument:
            format_named(argument)
        current = self._owner.model.here
        if current is not None:
            self._owner.open_panel(ExportPanel(self._owner, current, argument.lower()))

    def _show_token(self) -> None:
        from loom.tui.screens.token import TokenPanel

        self._owner.open_panel(TokenPanel(self._owner))

    def _show_files(self) -> None:
        from loom.tui.screens.files import FilesPanel

        self._owner.open_panel(FilesPanel(self._owner))

    def _record(self) -> None:
        from loom.tui.screens.voice import RecordPanel

        reply_to, expires_s = self._writing.of_next()
        panel = RecordPanel(self._owner, self._here, reply_to=reply_to, expires_s=expires_s)
        self._owner.open_panel(panel)

    async def _attach(self, argument: str) -> None:
        if not argument:
            self._write("/attach ")
            self._writing.composer.edited()
            return
        try:
            paths = typed_paths(argument)
        except ValueError as error:
            raise InvalidInput(what="A quote is not closed") from error
        if len(paths) > PATHS_MAX:
            raise InvalidInput(what=f"At most {PATHS_MAX} files go at once; a folder goes as one")
        if (gone := next((one for one in paths if not one.exists()), None)) is not None:
            raise InvalidInput(what=f"There is no file or folder {printable(gone.name)}")
        self.show_sending(paths)

    def show_sending(self, paths: Sequence[Path], write: Callable[[], None] | None = None) -> None:
        """Ask whether these are sent here; `write` writes what was pasted instead.

        Raises:
            InvalidInput: no conversation is open.
        """
        from loom.tui.screens.sending import SendPanel

        reply_to, expires_s = self._writing.of_next()
        panel = SendPanel(
            self._owner,
            self._here,
            paths,
            reply_to=reply_to,
            expires_s=expires_s,
            write=write,
            sent=self._writing.sent_otherwise,
        )
        self._owner.open_panel(panel)

    def _show_connectivity(self) -> None:
        from loom.tui.screens.connectivity import ConnectivityPanel

        self._owner.open_panel(ConnectivityPanel(self._owner))

    async def _anchors(self, argument: str) -> None:
        self.show_anchors("".join(argument.split()))

    def show_anchors(self, text: str = "", *, writes: bool = False) -> None:
        """The anchors in use, with a pairing text that was given elsewhere; `writes`: see above."""
        from loom.tui.screens.anchors import AnchorsPanel

        write = self._write if writes else None
        self._owner.open_panel(AnchorsPanel(self._owner, text, write))

    def _show_log(self) -> None:
        from loom.tui.screens.log import LogPanel

        self._owner.open_panel(LogPanel(self._owner))

    def _show_settings(self) -> None:
        from loom.tui.screens.settings import SettingsPanel

        self._owner.open_panel(SettingsPanel(self._owner))

    def _show_safekeeping(self) -> None:
        from loom.tui.screens.safekeeping import SafekeepingPanel

        self._owner.open_panel(SafekeepingPanel(self._owner))

    def _show_backups(self) -> None:
        if self._owner.model.host:
            raise LocalOnly(what="Making backups")
        if self._owner.profiles is None:
            self._owner.say("This profile ends with the demo.")
            return
        from loom.tui.screens.backups import BackupsPanel

        self._owner.open_panel(BackupsPanel(self._owner, self._owner.profiles))

    def _show_unsent(self) -> None:
        from loom.tui.screens.unsent import UnsentPanel

        self._owner.open_panel(UnsentPanel(self._owner))

    def _check_words(self) -> None:
        if self._owner.model.host:
            raise LocalOnly(what="Checking the 24 words")
        from loom.tui.screens.check_words import CheckWords

        self._owner.open_panel(CheckWords(self._owner))

    async def _report(self, argument: str) -> None:
        from loom.tui.screens.connectivity import ConnectivityPanel

        panel = ConnectivityPanel(self._owner)
        await self._owner.push_screen(panel)
        panel.copy_report()

    # --- settings ---

    async def _use_notices(self, argument: str) -> None:
        now = self._owner.notices.level
        self._choose(argument, "Notifications show", list(Level), now, self._owner.use_notices)

    async def _use_theme(self, argument: str) -> None:
        now = self._owner.look.theme.name
        self._choose(argument, "Theme", self._owner.themes(), now, self._owner.use_theme)

    async def _use_formatting(self, argument: str) -> None:
        if argument and argument not in FORMATTING:
            raise InvalidInput(what=f"Write /formatting {' or /formatting '.join(FORMATTING)}")
        now = FORMATTING[not self._owner.look.is_formatted]
        use = self._owner.use_formatting
        self._choose(argument, "Texts are", FORMATTING, now, lambda one: use(one == FORMATTING[0]))

    async def _use_keys(self, argument: str) -> None:
        now = self._owner.keys.profile
        self._choose(argument, "Keys", list(PROFILES), now, self._owner.use_keys)

    def _choose(
        self, argument: str, title: str, names: Sequence[str], now: str, use: Callable[[str], None]
    ) -> None:
        """Use what was typed, else ask."""
        if argument:
            use(argument)
        else:
            self._choices.names(title, names, use, now)

    # --- contacts ---

    @property
    def _open(self) -> Conversation:
        current = self._owner.model.open_
        if current is None and self._owner.model.channel is not None:
            raise InvalidInput(what="That is for contacts, and this is a room; /room shows it")
        if current is None:
            raise InvalidInput(what="No conversation is open")
        return current

    @property
    def _here(self) -> Listed:
        here = self._owner.model.here
        if here is None:
            raise InvalidInput(what="No conversation is open")
        return here

    @property
    def _contact(self) -> str:
        return f"#{self._open.number}"

    def _named(self, name: str) -> Conversation:
        found = self._owner.model.find(name)
        if found is None:
            raise InvalidInput(what=f"There is no contact {name[:64]}")
        return found


async def _without_argument(open_: Callable[[], None], argument: str) -> None:
    open_()
