"""What an envelope that opened, or did not, asks for (docs/PROTOCOL.md 4.6, 9.2, 9.4)."""

from typing import Final

import msgspec
from msgspec.structs import replace

FAILURES_MAX: Final = 64
"""After so many envelopes in a row that nothing opens, the links are closed."""


class Receiving(msgspec.Struct, frozen=True):
    """What came on the link there is."""

    failures: int = 0
    """How many envelopes in a row did not open and did not come before."""
    refused: frozenset[bytes] = frozenset()
    """Handshakes refused on this link: what rides on one would show before its beginning."""


def link_up(receiving: Receiving) -> Receiving:
    """On a new link everything comes again, in order."""
    return replace(receiving, refused=frozenset())


def opened(receiving: Receiving) -> Receiving:
    """An envelope opened."""
    return replace(receiving, failures=0) if receiving.failures else receiving


def refused(receiving: Receiving, handshake_id: bytes) -> Receiving:
    """A handshake was refused."""
    return replace(receiving, refused=receiving.refused | {handshake_id})


def closed(receiving: Receiving) -> Receiving:
    """The links are closed: what comes on the next one counts from nothing."""
    return Receiving()


def not_opened(receiving: Receiving) -> Receiving:
    """An envelope opened nowhere and was never seen: a desync."""
    return replace(receiving, failures=receiving.failures + 1)


def must_close(receiving: Receiving) -> bool:
    """Whether nothing opens on this link any more, or too many handshakes were refused on it."""
    return receiving.failures >= FAILURES_MAX or len(receiving.refused) >= FAILURES_MAX


def wants_answer(*, began_session: bool) -> bool:
    """An envelope that began a session is answered even if it owes no receipt."""
    return began_session
