"""Whether a contact lately sent something through an anchor."""

import asyncio
from typing import Final

from loom.api.events import ReachChanged
from loom.node.context import DeviceContext

HEARD_S: Final = 120
"""Who sealed something so lately counts as online."""


class Hearing:
    """`anchor` is the one through which the contact is heard now; empty: it is not heard.

    What counts is when the contact sealed it, which no anchor can change: mail that lay there for
    days, or is repeated, shows nobody online.
    """

    __slots__ = ("_context", "_until_s", "anchor")

    def __init__(self, context: DeviceContext) -> None:
        self.anchor = ""
        self._context = context
        self._until_s = 0.0

    def heard(self, anchor: str, sealed_at_s: int) -> None:
        """Something of the contact, sealed at that time (Unix seconds), came from an anchor."""
        parts = self._context.parts
        left_s = HEARD_S - max(0, parts.now_s() - sealed_at_s)
        if left_s <= 0:
            return
        self._until_s = max(self._until_s, parts.clock.monotonic_s() + left_s)
        was, self.anchor = self.anchor, anchor
        if not was:
            self._context.spawn(self._forget_in_time(), "hearing")
        if was != anchor:
            self._tell()

    async def _forget_in_time(self) -> None:
        clock = self._context.parts.clock
        while (left_s := self._until_s - clock.monotonic_s()) > 0:  # noqa: ASYNC110 - a time
            await asyncio.sleep(left_s)
        self.anchor = ""
        self._tell()

    def _tell(self) -> None:
        person = self._context.person
        if not person.is_contact:
            return
        self._context.parts.journal.tell(
            ReachChanged(contact=person.name, contact_id=person.person_id)
        )
