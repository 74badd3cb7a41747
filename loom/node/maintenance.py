"""Deletes, every ten minutes, what has outlived its time (docs/PROTOCOL.md 8)."""

import asyncio
import logging
from typing import Final

from loom.errors import LoomError
from loom.node.identity.former import FormerDoors
from loom.node.invites.own import OwnInvites
from loom.node.network import Network
from loom.node.parts import Parts
from loom.node.resting_files import go_on
from loom.node.roster import Roster
from loom.storage import expiry, maintenance

log = logging.getLogger(__name__)

INTERVAL_S: Final = 600.0


async def maintain(
    parts: Parts, roster: Roster, network: Network, invites: OwnInvites, former: FormerDoors
) -> None:
    """Runs until it is cancelled; a failing disk is tried again next time."""
    while True:
        try:
            await parts.database.write(lambda db: maintenance.prune(db, parts.now_s()))
            network.link_listener.prune()
            roster.on_farewell()
            parts.deadlines.note(await parts.database.read(expiry.next_ms))
            await invites.load()
            await former.prune()
            for device in roster.everyone():
                await device.sessions.drop_superseded()
            await parts.removal.run()
            await go_on(parts, roster)
            # Deleted keys stay in the log's old pages until it is emptied.
            await parts.database.checkpoint()
        except LoomError as error:
            log.warning("maintenance: %s", error.code)
        await asyncio.sleep(INTERVAL_S)
