"""A fake node that knows people as the real one does: what changes is told, names are unique."""

from typing import Any

import msgspec

from loom.api.command import Command
from loom.api.contact_commands import BlockContact, ImportToken, RenameContact, VerifyContact
from loom.api.contact_views import ContactView
from loom.api.events import ContactChanged
from loom.errors import CodeDiffers, InvalidName, NameTaken
from tests.fakes import NOW_MS
from tests.tui.talking import TalkingNode


class PeopleNode(TalkingNode):
    """Answers commands about people, and tells what they changed."""

    def _answer(self, command: Command[Any]) -> object:
        match command:
            case ImportToken(replace=True):
                super()._answer(msgspec.structs.replace(command, name="\x00"))
                del self.contacts["\x00"]
                return self._set(command.name, "identity", identity_changed=True, verified=False)
            case ImportToken() if command.name.casefold() in map(str.casefold, self.contacts):
                raise NameTaken(name=command.name)
            case ImportToken() if not command.name:
                raise InvalidName(reason="it is empty")
            case RenameContact() if not command.name:
                raise InvalidName(reason="it is empty")
            case VerifyContact(code=str()):
                number = "".join(f"{n:05}" for n in range(12))
                if command.code != number:
                    raise CodeDiffers(name=self._contact(command.contact).contact)
                self._verified(command.contact, "qr")
            case VerifyContact() if command.confirm:
                self._verified(command.contact, command.by)
            case VerifyContact() if command.withdraw:
                self._set(command.contact, "unverified", verified=False, verified_by="")
            case BlockContact():
                return self._set(command.contact, "blocked", blocked=command.blocked)
        answer = super()._answer(command)
        if isinstance(command, RenameContact) and isinstance(answer, ContactView):
            self._changed_(answer, "renamed")
        return answer

    def _verified(self, name: str, by: str) -> None:
        facts = {"verified_by": by, "verified_at_ms": NOW_MS, "identity_changed": False}
        self._set(name, "verified", verified=True, **facts)

    def _set(self, name: str, what: str, **facts: Any) -> ContactView:
        before = self._contact(name)
        view = msgspec.structs.replace(before, **facts)
        self.contacts[view.contact] = view
        self._changed_(view, what)
        return view

    def _changed_(self, view: ContactView, what: str) -> None:
        self._event(ContactChanged(contact=view.contact, contact_id=view.contact_id, what=what))
