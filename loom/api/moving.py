"""What a move of a profile to another machine needs of who begins it."""

from typing import Protocol

import msgspec

from loom.api.view import View
from loom.model import Address


class Where(msgspec.Struct, frozen=True):
    """Where the other machine is dialled; without: where this one listens."""

    dial: Address | None = None
    listen: Address | None = None


class Front(Protocol):
    """The person at this machine."""

    def tell(self, view: View) -> None:
        """What there is to see."""
        ...

    async def is_same(self) -> bool:
        """Whether the words are those of the other screen."""
        ...
