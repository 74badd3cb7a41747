"""Commands about pairing nearby."""

from loom.api import commands as api
from loom.api import views
from loom.errors import InvalidAddress
from loom.model import Address
from loom.node.commands.contacts import ContactCommands
from loom.node.commands.handlers import Handlers
from loom.node.pairing import PairingRoom


class PairingCommands:
    """Start, stop, pick, answer; who was met becomes a contact."""

    def __init__(self, room: PairingRoom, contacts: ContactCommands) -> None:
        self._room = room
        room.check = contacts.check_met
        room.keep = contacts.keep_met
        self.handlers: Handlers = {
            api.StartPairing: self._start,
            api.StopPairing: self._stop,
            api.ShowPairing: self._show,
            api.PickPeer: self._pick,
            api.DialPeer: self._dial,
            api.AnswerWords: self._answer,
        }

    async def _start(self, command: api.StartPairing) -> views.PairingView:
        listen = None
        if command.host:
            if not 0 <= command.port < 65_536:
                raise InvalidAddress(address=f"{command.host}:{command.port}")
            listen = Address(command.host, command.port)
        return await self._room.start(listen, announce=command.announce)

    async def _stop(self, command: api.StopPairing) -> views.Done:
        await self._room.stop()
        return views.Done()

    async def _show(self, command: api.ShowPairing) -> views.PairingView:
        return self._room.view()

    async def _pick(self, command: api.PickPeer) -> views.Done:
        self._room.pick(command.alias)
        return views.Done()

    async def _dial(self, command: api.DialPeer) -> views.Done:
        if not command.host or not 0 < command.port < 65_536:
            raise InvalidAddress(address=f"{command.host}:{command.port}")
        self._room.dial(Address(command.host, command.port))
        return views.Done()

    async def _answer(self, command: api.AnswerWords) -> views.Done:
        self._room.answer(command.meeting, same=command.same)
        return views.Done()
