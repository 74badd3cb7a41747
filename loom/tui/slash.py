"""What each slash command does: one method a command, found by its name."""

from typing import TYPE_CHECKING

from loom.api.commands import (
    BlockContact,
    Connect,
    ExportToken,
    ImportToken,
    RemoveContact,
    RenameContact,
    SetPreferences,
)
from loom.errors import InvalidInput
from loom.tui.commands import Run, SlashCommand
from loom.tui.keys import PROFILES
from loom.tui.model import Conversation

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen


class Slash:
    """Carries out what was typed."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room

    def values(self, kind: str) -> list[str]:
        """What can stand for an argument of this kind."""
        desk = self._room.desk
        match kind:
            case "contact":
                model = desk.model
                return [model.conversations[number].contact.contact for number in model.order]
            case "theme":
                return desk.themes()
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
        if not command.arguments or command.completes:
            room.desk.work(self.run(Run(command, "")), "command")
        elif command.name == "search":
            room.choosing.search(here=False)
        else:
            room.writing.editor.set(f"/{command.name} ")
            room.show_all()

    async def run(self, run: Run) -> None:
        """Raises LoomError when it cannot be done."""
        await getattr(self, f"do_{run.command.name}")(run.argument)

    async def do_help(self, argument: str) -> None:
        self._room.choosing.help()

    async def do_add(self, argument: str) -> None:
        token, _, name = argument.partition(" ")
        if not token or not name.strip():
            raise InvalidInput(what="Write /add TOKEN NAME")
        view = await self._room.desk.send(ImportToken(token=token, name=name.strip()))
        self._room.desk.model.put(view)
        self._room.reading.open_(view.contact_id)
        self._room.say(f"{view.contact} is added; they need your token too: /token copies it.")

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
            raise InvalidInput(what="Write /rename NAME")
        await self._send(RenameContact(contact=self._contact, name=argument))

    async def do_block(self, argument: str) -> None:
        await self._send(BlockContact(contact=self._contact))

    async def do_unblock(self, argument: str) -> None:
        await self._send(BlockContact(contact=self._contact, blocked=False))

    async def do_mute(self, argument: str) -> None:
        await self._send(SetPreferences(contact=self._contact, muted=True))

    async def do_unmute(self, argument: str) -> None:
        await self._send(SetPreferences(contact=self._contact, muted=False))

    async def do_remove(self, argument: str) -> None:
        name = self._open.contact.contact
        if argument.casefold() != name.casefold():
            raise InvalidInput(what=f"To delete all that was said, write /remove {name}")
        await self._send(RemoveContact(contact=self._contact))

    async def do_connect(self, argument: str) -> None:
        host, colon, port = argument.rpartition(":")
        if not colon or not port.isdecimal():
            raise InvalidInput(what="Write /connect HOST:PORT")
        self._room.say(f"Calling {argument} ...")
        await self._send(Connect(contact=self._contact, host=host.strip("[]"), port=int(port)))
        self._room.say("Connected.")

    async def do_token(self, argument: str) -> None:
        self._room.selecting.copy((await self._room.desk.send(ExportToken())).token)

    async def do_theme(self, argument: str) -> None:
        desk = self._room.desk
        if argument:
            desk.use_theme(argument)
        else:
            self._room.choosing.names("Which colours?", desk.themes(), desk.use_theme)

    async def do_keys(self, argument: str) -> None:
        desk = self._room.desk
        if argument:
            desk.use_keys(argument)
        else:
            self._room.choosing.names("Which keys?", list(PROFILES), desk.use_keys)

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
