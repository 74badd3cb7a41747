"""What each slash command does: one method a command.

A screen is imported where it is opened: what is not shown must not delay the first paint.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from loom.api.commands import (
    BlockContact,
    Connect,
    ImportToken,
    RemoveContact,
    RenameContact,
    SetPreferences,
)
from loom.api.views import ContactView
from loom.errors import InvalidInput, LoomError
from loom.front.slash import Run, SlashCommand
from loom.printable import printable
from loom.tui.addresses import read_address
from loom.tui.keys import PROFILES
from loom.tui.model import Conversation
from loom.tui.notices import Level

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen


class Slash:
    """Carries out what was typed."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room
        self.does: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "help": self.do_help,
            "add": self.do_add,
            "contact": self.do_contact,
            "verify": self.do_verify,
            "peers": self.do_peers,
            "open": self.do_open,
            "search": self.do_search,
            "rename": self.do_rename,
            "block": self.do_block,
            "unblock": self.do_unblock,
            "mute": self.do_mute,
            "unmute": self.do_unmute,
            "remove": self.do_remove,
            "connect": self.do_connect,
            "token": self.do_token,
            "connectivity": self.do_connectivity,
            "log": self.do_log,
            "report": self.do_report,
            "settings": self.do_settings,
            "notify": self.do_notify,
            "theme": self.do_theme,
            "keys": self.do_keys,
            "words": self.do_words,
            "lock": self.do_lock,
            "quit": self.do_quit,
        }
        """By the name of the command; each is given what was typed after it."""

    def values(self, kind: str) -> list[str]:
        """What can stand for an argument of this kind."""
        desk = self._room.desk
        match kind:
            case "contact":
                model = desk.model
                return [model.conversations[number].contact.contact for number in model.order]
            case "theme":
                return desk.themes()
            case "notify":
                return list(Level)
            case "keys":
                return list(PROFILES)
        return []

    def is_possible(self, command: SlashCommand) -> bool:
        """Whether the command has something to act on."""
        current = self._room.desk.model.open_
        if not command.needs_contact:
            return True
        if current is None:
            return False
        hidden = {
            "block": current.contact.blocked,
            "unblock": not current.contact.blocked,
            "mute": current.muted,
            "unmute": not current.muted,
        }
        return not hidden.get(command.name, False)

    def begin(self, command: SlashCommand) -> None:
        """Run a command that needs no argument, else write its beginning."""
        room = self._room
        if not command.arguments or command.arguments.startswith("[") or command.completes:
            room.desk.work(self.run(Run(command, "")), "command")
        elif command.name == "search":
            room.choosing.search(here=False)
        else:
            room.writing.editor.set(f"/{command.name} ")
            room.show_all()

    async def run(self, run: Run) -> None:
        """Raises LoomError when it cannot be done."""
        await self.does[run.command.name](run.argument)

    async def do_help(self, argument: str) -> None:
        self._room.choosing.help()

    async def do_add(self, argument: str) -> None:
        token, _, name = argument.partition(" ")
        if not token or not name.strip():
            self.show_add(token=token)
            return
        try:
            view = await self._room.desk.send(ImportToken(token=token, name=name.strip()))
        except LoomError as error:
            self.show_add(token=token, name=name.strip(), trouble=error)
        else:
            self.added(view)

    def show_add(
        self, *, token: str = "", name: str = "", trouble: LoomError | None = None
    ) -> None:
        """Where a contact is added, with what was typed already."""
        from loom.tui.screens.adding import AddPanel

        desk = self._room.desk
        desk.open_panel(AddPanel(desk, self.added, token=token, name=name, trouble=trouble))

    def added(self, view: ContactView) -> None:
        """Go on with a new contact."""
        self._room.desk.model.put(view)
        self._room.reading.open_(view.contact_id)
        name = printable(view.contact)
        self._room.say(f"{name} is added and needs your /token too; /verify makes sure it is them.")

    async def do_contact(self, argument: str) -> None:
        self.show_contact()

    def show_contact(self, focus: str = "") -> None:
        """What is known of the open contact; raises InvalidInput where none is open."""
        from loom.tui.screens.person import PersonPanel

        desk = self._room.desk
        desk.open_panel(PersonPanel(desk, self._open.number, focus))

    async def do_verify(self, argument: str) -> None:
        from loom.tui.screens.verifying import VerifyPanel

        desk = self._room.desk
        desk.open_panel(VerifyPanel(desk, self._open.number))

    async def do_peers(self, argument: str) -> None:
        from loom.tui.screens.peers import PeersPanel

        desk = self._room.desk
        desk.open_panel(PeersPanel(desk))

    async def do_open(self, argument: str) -> None:
        if not argument:
            self._room.choosing.jump()
            return
        found = self._room.desk.model.find(argument)
        if found is None:
            raise InvalidInput(what=f"There is no contact {argument[:64]}")
        self._room.reading.open_(found.number)

    async def do_search(self, argument: str) -> None:
        self._room.choosing.search(here=False, query=argument)

    async def do_rename(self, argument: str) -> None:
        if not argument:
            from loom.tui.screens.person import RENAME

            self.show_contact(RENAME)
            return
        await self._send(RenameContact(contact=self._contact, name=argument))

    async def do_block(self, argument: str) -> None:
        await self._send(BlockContact(contact=self._contact))

    async def do_unblock(self, argument: str) -> None:
        name = printable(self._open.contact.contact)
        await self._send(BlockContact(contact=self._contact, blocked=False))
        self._room.say(f"What {name} sent during the block arrives when you are connected.")

    async def do_mute(self, argument: str) -> None:
        await self._send(SetPreferences(contact=self._contact, muted=True))

    async def do_unmute(self, argument: str) -> None:
        await self._send(SetPreferences(contact=self._contact, muted=False))

    async def do_remove(self, argument: str) -> None:
        if not argument:
            from loom.tui.screens.person import DELETE

            self.show_contact(DELETE)
            return
        found = self._room.desk.model.find(argument)
        if found is None or argument.startswith("#"):
            raise InvalidInput(what=f"There is no contact {argument[:64]}")
        await self._send(RemoveContact(contact=f"#{found.number}"))

    async def do_connect(self, argument: str) -> None:
        if not argument:
            from loom.tui.screens.person import ADDRESS

            self.show_contact(ADDRESS)
            return
        host, port = read_address(argument)
        self._room.say(f"Connecting to {argument} ...")
        await self._send(Connect(contact=self._contact, host=host, port=port))
        self._room.say("Connected; the address is remembered.")

    async def do_token(self, argument: str) -> None:
        from loom.tui.screens.token import TokenPanel

        desk = self._room.desk
        desk.open_panel(TokenPanel(desk))

    async def do_connectivity(self, argument: str) -> None:
        self._room.do_connectivity()

    async def do_log(self, argument: str) -> None:
        from loom.tui.screens.log import LogPanel

        self._room.desk.open_panel(LogPanel(self._room.desk))

    async def do_report(self, argument: str) -> None:
        from loom.tui.screens.connectivity import ConnectivityPanel

        desk = self._room.desk
        panel = ConnectivityPanel(desk)
        await desk.push_screen(panel)
        panel.copy_report()

    async def do_settings(self, argument: str) -> None:
        from loom.tui.screens.settings import SettingsPanel

        self._room.desk.open_panel(SettingsPanel(self._room.desk))

    async def do_notify(self, argument: str) -> None:
        desk = self._room.desk
        now = desk.notices.level
        self._choose(argument, "Notifications show", list(Level), now, desk.use_notices)

    async def do_theme(self, argument: str) -> None:
        desk = self._room.desk
        self._choose(argument, "Theme", desk.themes(), desk.look.theme.name, desk.use_theme)

    async def do_keys(self, argument: str) -> None:
        desk = self._room.desk
        self._choose(argument, "Keys", list(PROFILES), desk.keys.profile, desk.use_keys)

    def _choose(
        self, argument: str, title: str, names: Sequence[str], now: str, use: Callable[[str], None]
    ) -> None:
        """Use what was typed, else ask."""
        if argument:
            use(argument)
        else:
            self._room.choosing.names(title, names, use, now)

    async def do_words(self, argument: str) -> None:
        from loom.tui.screens.check_words import CheckWords

        desk = self._room.desk
        desk.open_panel(CheckWords(desk))

    async def do_lock(self, argument: str) -> None:
        self._room.do_lock()

    async def do_quit(self, argument: str) -> None:
        self._room.do_quit()

    @property
    def _open(self) -> Conversation:
        current = self._room.desk.model.open_
        if current is None:
            raise InvalidInput(what="No conversation is open")
        return current

    @property
    def _contact(self) -> str:
        return f"#{self._open.number}"

    async def _send(
        self, command: "SetPreferences | BlockContact | RenameContact | Connect | RemoveContact"
    ) -> None:
        await self._room.desk.send(command)
