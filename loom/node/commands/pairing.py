"""Commands about pairing nearby."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from loom.api import pairing_commands as api
from loom.api import pairing_views as views
from loom.api.view import Done
from loom.errors import InvalidAddress
from loom.model import Address
from loom.node.commands.contacts import ContactCommands
from loom.node.commands.handlers import Handlers

if TYPE_CHECKING:
    from loom.node.pairing import PairingRoom


class PairingCommands:
    """Start, stop, pick, answer; who was met becomes a contact.

    Args:
        make: the room, when somebody pairs for the first time.
    """

    def __init__(self, make: "Callable[[], PairingRoom]", contacts: ContactCommands) -> None:
        self._make = make
        self._made: PairingRoom | None = None
        self._contacts = contacts
        self.handlers: Handlers = {
            api.StartPairing: self._start,
            api.StopPairing: self._stop,
            api.ShowPairing: self._show,
            api.PickPeer: self._pick,
            api.DialPeer: self._dial,
            api.AnswerWords: self._answer,
        }

    async def close(self) -> None:
        """The node ends."""
        if self._made is not None:
            await self._made.close()

    @property
    def room(self) -> "PairingRoom":
        """Made when it is asked for first."""
        if self._made is None:
            self._made = self._make()
            self._made.check = self._contacts.check_met
            self._made.keep = self._contacts.keep_met
        return self._made

    async def _start(self, command: api.StartPairing) -> views.PairingView:
        listen = None
        if command.host:
            if not 0 <= command.port < 65_536:
                raise InvalidAddress(address=f"{command.host}:{command.port}")
            listen = Address(command.host, command.port)
        return await self.room.start(listen, announce=command.announce)

    async def _stop(self, command: api.StopPairing) -> Done:
        if self._made is not None:
            await self._made.stop()
        return Done()

    async def _show(self, command: api.ShowPairing) -> views.PairingView:
        return views.PairingView() if self._made is None else self._made.view()

    async def _pick(self, command: api.PickPeer) -> Done:
        self.room.pick(command.alias)
        return Done()

    async def _dial(self, command: api.DialPeer) -> Done:
        if not command.host or not 0 < command.port < 65_536:
            raise InvalidAddress(address=f"{command.host}:{command.port}")
        self.room.dial(Address(command.host, command.port))
        return Done()

    async def _answer(self, command: api.AnswerWords) -> Done:
        self.room.answer(command.meeting, same=command.same)
        return Done()
