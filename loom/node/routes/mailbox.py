"""A queue at an anchor as its writer uses it: blobs in order, bundles to begin on (PROTOCOL 10)."""

import asyncio
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from loom.core.queues import QueueKeys
from loom.errors import AuthenticationError
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.line import Line
from loom.wire.limits import MAIL_LIFETIME_S, REQUEST_IDS_MAX
from loom.wire.requests import Fetch, Full, Have, Ids, Laid, Later, Ok, Put

PUTS_AT_ONCE: Final = 32
"""How many puts wait for their answers at a time."""


LATER_MAX_S: Final = 600
"""No anchor makes a writer wait longer, whatever it asks for."""


class PutEnd(Enum):
    """How a number of puts ended."""

    DONE = auto()
    CUT = auto()
    """The link ended."""
    FULL = auto()
    """No room until the reader has read."""
    LATER = auto()
    """Too many in a short time."""
    REFUSED = auto()
    """There is no such queue there: it was shut, or the anchor lost it."""


class Sealed(NamedTuple):
    """An envelope to put. `sealed_at_s`: Unix seconds, which says how long it counts."""

    envelope: bytes
    sealed_at_s: int

    def __repr__(self) -> str:
        return f"Sealed({len(self.envelope)} bytes, sealed_at_s={self.sealed_at_s})"

    @property
    def until_s(self) -> int:
        """When it is deleted unread."""
        return self.sealed_at_s + MAIL_LIFETIME_S


class Mailbox:
    """What a device reads: at its own anchor, or at one of ours where it is a guest."""

    def __init__(self, keys: QueueKeys, line: Line, anchor: str) -> None:
        self.keys = keys
        self.line = line
        self.anchor = anchor
        """What people call the anchor: its first address."""
        self.later_s = 0.0
        """How many seconds the anchor asked to wait for when it was written to last."""

    def __repr__(self) -> str:
        return f"Mailbox({self.anchor}, redacted)"

    async def put(self, link: AnchorLink, envelopes: Sequence[Sealed]) -> tuple[int, PutEnd]:
        """Store envelopes in order; how many lie there now, from the first on.

        Raises:
            Unreachable: the link ended before anything of these was answered.
        """
        done = 0
        self.later_s = 0.0
        for start in range(0, len(envelopes), PUTS_AT_ONCE):
            part = envelopes[start : start + PUTS_AT_ONCE]
            answers = await asyncio.gather(
                *(
                    link.ask(
                        Put(self.keys.queue_id, self.keys.seal_blob(one.until_s, one.envelope))
                    )
                    for one in part
                ),
                return_exceptions=True,
            )
            for answer in answers:
                match answer:
                    case Ok():
                        done += 1
                    case Full():
                        return done, PutEnd.FULL
                    case Later(seconds=seconds):
                        self.later_s = float(min(seconds, LATER_MAX_S))
                        return done, PutEnd.LATER
                    case BaseException():
                        if done:
                            return done, PutEnd.CUT
                        raise answer
                    case _:
                        return done, PutEnd.REFUSED
        return done, PutEnd.DONE

    async def missing(self, link: AnchorLink, envelopes: Sequence[Sealed]) -> list[int]:
        """Which of these no longer lie there, by their place in the list.

        Raises:
            Unreachable: the link ended.
        """
        gone: list[int] = []
        for start in range(0, len(envelopes), REQUEST_IDS_MAX):
            part = envelopes[start : start + REQUEST_IDS_MAX]
            ids = [self.keys.blob_id(one.until_s, one.envelope) for one in part]
            answer = await link.ask(Have(self.keys.queue_id, tuple(ids)))
            there = frozenset(answer.ids) if isinstance(answer, Ids) else frozenset()
            gone += [start + at for at, one in enumerate(ids) if one not in there]
        return gone

    async def fetch(self, link: AnchorLink) -> bytes | None:
        """The next bundle, not checked yet; None: there is none now.

        Raises:
            Unreachable: the link ended.
            AuthenticationError: what lies there was not sealed for this queue.
        """
        answer = await link.ask(Fetch(self.keys.queue_id))
        if not isinstance(answer, Laid) or not answer.sealed:
            return None
        try:
            return self.keys.open_bundle(answer.sealed)
        except AuthenticationError:
            raise AuthenticationError(what="bundle in a mailbox") from None
