"""Commands about another machine that uses the identity."""

from collections.abc import Callable

from loom.api import machine_commands as api
from loom.api.events import MachineDecided
from loom.api.machine_views import MachineView
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import machine
from loom.storage.connection import Db


class MachineCommands:
    """Say what was found, and take the owner's answer."""

    def __init__(self, parts: Parts, roster: Roster, *, stop: Callable[[], None]) -> None:
        self._parts = parts
        self._roster = roster
        self._stop = stop
        self.handlers: Handlers = {api.ShowMachine: self._show, api.DecideMachine: self._decide}

    async def _show(self, command: api.ShowMachine) -> MachineView:
        state = self._parts.machine.state(one.device_id for one in self._roster.everyone())
        return MachineView(state=state, contacts=[one.person.name for one in self._found()])

    async def _decide(self, command: api.DecideMachine) -> MachineView:
        parts = self._parts

        def decide(db: Db, happened: Happened) -> None:
            if command.stays:
                machine.stay(db)
            else:
                machine.close(db)
            happened.add(MachineDecided(stays=command.stays))

        found = self._found()
        await parts.journal.write(decide)
        await parts.database.read(parts.machine.load)
        if not command.stays:
            self._stop()
            return await self._show(api.ShowMachine())
        for device in found:
            await device.sessions.ready()
            if device.sessions.stay():
                await device.sessions.commit()
            device.delivery.writable_again()
            device.mailer.wake()
            if device.dialer is not None:
                device.dialer.heard()
        return await self._show(api.ShowMachine())

    def _found(self) -> list[Device]:
        found = self._parts.machine.found
        return [one for one in self._roster.everyone() if one.device_id in found]
