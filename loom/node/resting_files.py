"""Files that rest because the disk was full go on once there is room."""

from loom.errors import DiskFull
from loom.model import ConversationId
from loom.node.device import Device
from loom.node.files import standing
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.rooms import offering
from loom.node.roster import Roster
from loom.storage import files
from loom.storage.connection import Db


async def go_on(parts: Parts, roster: Roster) -> None:
    """Those for the rest of which there is room by now, oldest first."""
    resting = await parts.database.read(lambda db: files.resting(db, DiskFull.code))
    devices: dict[ConversationId | None, Device] = {
        one.conversation_id: one for one in roster.everyone()
    }
    missing, fitting = 0, []
    for file in resting:
        if not parts.files.has_room(missing + file.size - file.moved):
            break
        missing += file.size - file.moved
        fitting.append(file.file_id)
    if not fitting:
        return

    def store(db: Db, happened: Happened) -> None:
        for file_id in fitting:
            file = files.by_id(db, file_id)
            if file is None or not file.is_paused or file.why != DiskFull.code:
                continue
            files.set_paused(db, file.row_id, on=False)
            now = files.by_id(db, file_id) or file
            if now.room is not None:
                offering.tell(parts, db, happened, now)
            elif (device := devices.get(now.conversation_id)) is not None:
                standing.tell_changed(db, happened, device.person, now)

    await parts.journal.write(store)
    for device in roster.everyone():
        device.files.changed()
    parts.room_fetch.ring()
