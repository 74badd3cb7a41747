"""Commands about the profile and its node."""

import asyncio
import os
from collections.abc import Callable

import msgspec

import loom
from loom.api import profile_commands as api
from loom.api import profile_views as views
from loom.api.events import ProfileChanged
from loom.api.view import Done
from loom.config import Paths
from loom.core.identity import Identity, seeds_from_phrase
from loom.errors import InvalidInput, InvalidPhrase
from loom.node.commands.handlers import Handlers
from loom.node.diagnosis import diagnose
from loom.node.introduction import tell_profile
from loom.node.log_tail import LINES_MAX, tail
from loom.node.names import check_name, check_status
from loom.node.network import Network
from loom.node.parts import Parts
from loom.node.reach import reach_of
from loom.node.roster import Roster
from loom.storage import outbox, own_profile, requests


class ProfileCommands:
    """Own profile, status, doctor, log, recovery phrase, stop."""

    def __init__(
        self,
        parts: Parts,
        roster: Roster,
        network: Network,
        *,
        paths: Paths,
        stop: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._roster = roster
        self._network = network
        self._paths = paths
        self._stop_node = stop
        self._changing = asyncio.Lock()
        self._started_at_ms = parts.clock.now_ms()
        self._started_seq = parts.journal.last_seq
        self.handlers: Handlers = {
            api.ShowProfile: self._show_profile,
            api.SetProfile: self._set_profile,
            api.ReadLog: self._read_log,
            api.Status: self._status,
            api.Diagnose: self._diagnose,
            api.CheckPhrase: self._check_phrase,
            api.Stop: self._stop,
        }

    async def _show_profile(self, command: api.ShowProfile) -> views.OwnProfileView:
        own = self._parts.profile.value
        return views.OwnProfileView(
            name=own.name,
            status=own.status,
            away=own.away,
            invisible=own.invisible,
            fingerprint=self._parts.identity.peer_id.hex(),
        )

    async def _set_profile(self, command: api.SetProfile) -> views.OwnProfileView:
        parts = self._parts
        asked = {
            "name": None if command.name is None else check_name(command.name),
            "status": None if command.status is None else check_status(command.status),
            "away": command.away,
            "invisible": command.invisible,
        }
        changes = {name: value for name, value in asked.items() if value is not None}
        async with self._changing:
            before = parts.profile.value
            own = msgspec.structs.replace(before, **changes)
            if msgspec.structs.replace(own, invisible=before.invisible) != before:
                number = max(parts.clock.now_ms(), before.number + 1)
                own = msgspec.structs.replace(own, number=number)
            if own != before:
                await parts.database.write(lambda db: own_profile.put(db, own))
                parts.profile.value = own
                parts.journal.tell(
                    ProfileChanged(
                        name=own.name, status=own.status, away=own.away, invisible=own.invisible
                    )
                )
                if own.invisible != before.invisible:
                    await self._network.visibility_changed()
                await tell_profile(parts, self._roster)
        return await self._show_profile(api.ShowProfile())

    async def _read_log(self, command: api.ReadLog) -> views.LogLines:
        if command.lines < 1:
            raise InvalidInput(what="The number of lines must be at least 1")
        lines = min(command.lines, LINES_MAX)
        return views.LogLines(lines=await asyncio.to_thread(tail, self._paths.log, lines))

    async def _status(self, command: api.Status) -> views.StatusView:
        queued, put, asking = await self._parts.database.read(
            lambda db: (outbox.counts(db), outbox.in_mailboxes(db), requests.count(db))
        )
        return views.StatusView(
            profile=self._paths.profile,
            name=self._parts.profile.name,
            fingerprint=self._parts.identity.peer_id.hex(),
            port=self._network.port,
            addresses=self._network.addresses,
            pid=os.getpid(),
            started_at_ms=self._started_at_ms,
            contacts=len(self._roster),
            online=sum(reach_of(one, None).is_online for one in self._roster.values()),
            queued=sum(queued.values()),
            in_mailboxes=sum(one.messages for one in put.values()),
            mdns=self._network.mdns,
            proxy=self._network.proxy,
            requests=asking,
            machine=self._parts.machine.state(one.device_id for one in self._roster.everyone()),
            proxy_state=self._network.proxy_state,
            version=loom.__version__,
            started_seq=self._started_seq,
            last_seq=self._parts.journal.last_seq,
        )

    async def _diagnose(self, command: api.Diagnose) -> views.Diagnosis:
        return await diagnose(self._parts.database, self._network, self._paths.folder)

    async def _check_phrase(self, command: api.CheckPhrase) -> Done:
        own = self._parts.identity
        found = Identity(seeds_from_phrase(command.phrase, own.number))
        if found.peer_id != own.peer_id:
            raise InvalidPhrase(reason="they belong to another identity")
        return Done()

    async def _stop(self, command: api.Stop) -> Done:
        self._stop_node()
        return Done()
