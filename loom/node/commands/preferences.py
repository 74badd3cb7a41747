"""Commands about drafts, and about what contacts are told."""

import msgspec

from loom.api import commands as api
from loom.api import views
from loom.api.events import ContactChanged
from loom.errors import InvalidText
from loom.node.commands.handlers import Handlers
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import drafts, preferences
from loom.storage.connection import Db
from loom.wire.limits import DRAFT_MAX_BYTES


class PreferenceCommands:
    """Drafts and preferences."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self.handlers: Handlers = {
            api.ListDrafts: self._list_drafts,
            api.SetDraft: self._set_draft,
            api.ListPreferences: self._list_preferences,
            api.SetPreferences: self._set_preferences,
        }

    async def _list_drafts(self, command: api.ListDrafts) -> views.Drafts:
        found = await self._parts.database.read(drafts.all_)
        return views.Drafts(
            drafts=[views.Draft(contact_id=number, body=body) for number, body in found.items()]
        )

    async def _set_draft(self, command: api.SetDraft) -> views.Done:
        device = self._roster.named(command.contact)
        if len(command.body.encode()) > DRAFT_MAX_BYTES:
            raise InvalidText(reason=f"a draft has at most {DRAFT_MAX_BYTES} bytes")
        await self._parts.database.write(lambda db: drafts.put(db, device.number, command.body))
        return views.Done()

    async def _list_preferences(self, command: api.ListPreferences) -> views.Preferences:
        everybody, found = await self._parts.database.read(
            lambda db: (preferences.of(db, None), preferences.all_(db))
        )
        return views.Preferences(everybody=everybody, contacts=found)

    async def _set_preferences(self, command: api.SetPreferences) -> views.Done:
        device = None if command.contact is None else self._roster.named(command.contact)
        number = None if device is None else device.number
        asked = {
            "read_receipts": command.read_receipts,
            "typing": command.typing,
            "muted": command.muted,
        }
        changes = {name: value for name, value in asked.items() if value is not None}

        def change(db: Db, happened: Happened) -> None:
            before = preferences.of(db, number)
            preferences.put(db, msgspec.structs.replace(before, **changes))
            if device is not None:
                event = ContactChanged(
                    contact=device.contact.name, contact_id=device.number, what="preferences"
                )
                happened.add(event, device.number)

        await self._parts.journal.write(change)
        return views.Done()
