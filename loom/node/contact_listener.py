"""Who may connect to a node: contacts, and who has one of its invites."""

from collections.abc import Sequence
from typing import Protocol

from loom.core.gate import Admits, Gate, TaggedEntry
from loom.links.listener import Admitted, LinkListener


class TaggedAdmitted(Admitted, Protocol):
    """One whose tag is computed for each connection."""

    @property
    def gate_entry(self) -> TaggedEntry:
        """What the gate tests."""
        ...


class ContactListener(LinkListener):
    """Lets exactly those in that it was told of last."""

    _gate_entries: tuple[TaggedEntry, ...] = ()

    def admit(self, admitted: Sequence[TaggedAdmitted]) -> None:
        """From now on exactly these may connect."""
        self.turn_away()
        self._gate_entries = tuple(one.gate_entry for one in admitted)
        self._admitted = dict(zip(self._gate_entries, admitted, strict=True))
        owners = {one.rand_owner for one in admitted}
        self._begun_s = {owner: at_s for owner, at_s in self._begun_s.items() if owner in owners}

    def _gate(self) -> Admits:
        return Gate(self._gate_entries, self._today(), self._is_used)
