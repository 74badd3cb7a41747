"""Contacts whose names look like another's."""

from loom.model import Person, PersonId
from loom.node.roster import Roster
from loom.skeleton import skeletons


class LookAlikes:
    """Follows the names of the roster whenever it is asked."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._names: dict[PersonId, str] = {}
        self._by_skeleton: dict[str, tuple[PersonId, ...]] = {}
        """Mostly of one: a set takes 216 bytes, of each contact."""

    def of(self, person: Person) -> str:
        """The contact that this one's name, here or as they told it, looks like; empty: none."""
        self._follow()
        known = skeletons(person.name) | skeletons(person.display_name)
        found = {number for one in known for number in self._by_skeleton.get(one, ())}
        found.discard(person.person_id)
        return self._names[min(found)] if found else ""

    def _follow(self) -> None:
        for number in self._names.keys() - self._roster.keys():
            self._forget(number)
        for number, device in self._roster.items():
            if (name := device.person.name) != self._names.get(number):
                self._forget(number)
                self._names[number] = name
                for one in skeletons(name):
                    self._by_skeleton[one] = (*self._by_skeleton.get(one, ()), number)

    def _forget(self, number: PersonId) -> None:
        for one in skeletons(self._names.pop(number, "")):
            others = tuple(n for n in self._by_skeleton.pop(one, ()) if n != number)
            if others:
                self._by_skeleton[one] = others
