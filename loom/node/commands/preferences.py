"""Commands about drafts, and about what contacts are told."""

from typing import Any, Final

import msgspec

from loom.api import conversation_commands as api
from loom.api import conversation_views as views
from loom.api.events import ContactChanged
from loom.api.view import Done
from loom.errors import InvalidInput, InvalidText
from loom.model import Level, MessageId, PersonId
from loom.node.commands.finding import message_id
from loom.node.commands.handlers import Handlers
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.names import check_timer
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import drafts, preferences
from loom.storage.connection import Db
from loom.storage.preferences import Preference
from loom.wire.limits import DRAFT_MAX_BYTES, WORDING_MAX_BYTES

DRAFTS_AT_ONCE_BYTES: Final = 2 * DRAFT_MAX_BYTES
"""Of one answer; all of them may be more than a line of the socket holds."""

_OF_ONE: Final = frozenset({"mute_until_ms", "level", "archived", "favourite"})


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
        wanted = {
            device.conversation_id: number
            for number, device in sorted(self._roster.items())
            if number > command.after
        }
        found, more = await self._parts.database.read(
            lambda db: drafts.page(db, wanted, DRAFTS_AT_ONCE_BYTES)
        )
        return views.Drafts(
            drafts=[_draft(wanted[one], draft) for one, draft in found.items()],
            more=more,
        )

    async def _set_draft(self, command: api.SetDraft) -> Done:
        device = self._roster.named(command.contact)
        if len(command.body.encode()) > DRAFT_MAX_BYTES:
            raise InvalidText(reason=f"a draft has at most {DRAFT_MAX_BYTES} bytes")
        if len(command.wording.encode()) > WORDING_MAX_BYTES:
            raise InvalidText(reason=f"a wording has at most {WORDING_MAX_BYTES} bytes")
        if command.expires_s is not None:
            check_timer(command.expires_s)
        edits = None if command.edits is None else message_id(command.edits)
        draft = drafts.Draft(command.body, command.expires_s, edits, command.wording)

        def put(db: Db) -> None:
            drafts.put(db, device.conversation_id, draft)
            drafts.forget_wording(db, device.conversation_id)  # it may have ended meanwhile

        await self._parts.database.write(put)
        return Done()

    async def _list_preferences(self, command: api.ListPreferences) -> views.Preferences:
        everybody, found = await self._parts.database.read(
            lambda db: (preferences.of(db, None), preferences.all_(db))
        )
        return views.Preferences(
            everybody=_view(None, everybody),
            contacts=[
                _view(number, found[device.conversation_id])
                for number, device in sorted(self._roster.items())
                if device.conversation_id in found
            ],
        )

    async def _set_preferences(self, command: api.SetPreferences) -> Done:
        device = None if command.contact is None else self._roster.named(command.contact)
        conversation_id = None if device is None else device.conversation_id
        changes = _changes(command)
        of_one = changes.keys() & _OF_ONE
        if device is None and of_one:
            raise InvalidInput(what=f"Name a contact: {min(of_one)} is not for all of them")
        if device is not None and command.late_receipts is not None:
            raise InvalidInput(what="Late receipts are for all contacts or for none")
        if device is not None and command.ask_farewells is not None:
            raise InvalidInput(what="To be asked is for all contacts or for none")

        def change(db: Db, happened: Happened) -> None:
            before = preferences.of(db, conversation_id)
            preferences.put(db, conversation_id, msgspec.structs.replace(before, **changes))
            if device is not None:
                event = ContactChanged(
                    contact=device.person.name, contact_id=device.number, what="preferences"
                )
                happened.add(event, device.conversation_id)

        await self._parts.journal.write(change)
        return Done()


def _changes(command: api.SetPreferences) -> dict[str, Any]:
    """What is asked for, as fields of `Preference`."""
    asked = {
        "read_receipts": command.read_receipts,
        "typing": command.typing,
        "late_receipts": command.late_receipts,
        "ask_farewells": command.ask_farewells,
        "verify_first": command.verify_first,
        "mute_until_ms": _mute_until_ms(command),
        "level": None if command.level is None else level_named(command.level),
        "archived": command.archived,
        "favourite": command.favourite,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _mute_until_ms(command: api.SetPreferences) -> int | None:
    until_ms = command.mute_until_ms
    if until_ms is None:
        until_ms = preferences.FOR_EVER_MS if command.muted else 0
        return None if command.muted is None else until_ms
    if command.muted is False or not 0 <= until_ms < preferences.FOR_EVER_MS:
        raise InvalidInput(what="Give the moment until which the conversation is muted")
    return until_ms


def level_named(text: str) -> Level:
    try:
        return Level(text)
    except ValueError as error:
        raise InvalidInput(what=f"The level is {', '.join(Level)}") from error


def _draft(contact_id: PersonId, draft: drafts.Draft) -> views.Draft:
    return views.Draft(
        contact_id=contact_id,
        body=draft.body,
        expires_s=draft.expires_s,
        edits=None if draft.edits is None else shown_id(MessageId(draft.edits)),
        wording=draft.wording,
    )


def _view(contact_id: PersonId | None, preference: Preference) -> views.Preference:
    return views.Preference(
        contact_id=contact_id,
        read_receipts=preference.read_receipts,
        typing=preference.typing,
        late_receipts=preference.late_receipts,
        ask_farewells=preference.ask_farewells,
        verify_first=preference.verify_first,
    )
