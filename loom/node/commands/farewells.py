"""Commands that delete a conversation, or a contact, on both sides."""

from loom.api import contact_commands as api
from loom.api.view import Done
from loom.errors import InvalidInput
from loom.node.commands.contacts import ContactCommands
from loom.node.commands.handlers import Handlers
from loom.node.farewells import Farewells
from loom.node.roster import Roster


class FarewellCommands:
    """Say it, and answer one."""

    def __init__(self, roster: Roster, farewells: Farewells, contacts: ContactCommands) -> None:
        self._roster = roster
        self._farewells = farewells
        self._contacts = contacts
        self.handlers: Handlers = {
            api.SayFarewell: self._say,
            api.AnswerFarewell: self._answer,
        }

    async def _say(self, command: api.SayFarewell) -> Done:
        if command.whole_contact:
            await self._contacts.remove(command.contact, farewell=True)
        else:
            await self._farewells.say(self._roster.addressable(command.contact))
        return Done()

    async def _answer(self, command: api.AnswerFarewell) -> Done:
        device = self._roster.named(command.contact)
        if not await self._farewells.answer(device, accept=command.accept):
            raise InvalidInput(what=f"{device.person.name} asks for nothing to be deleted")
        return Done()
