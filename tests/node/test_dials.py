"""Which links of an identity this node did not dial (docs/PROTOCOL.md 3.7)."""

from typing import Any

from loom.node.routes.dials import REMEMBERED, Dials
from loom.wire.limits import LINK_RAND_BYTES, UNKNOWN_DIALS_S
from tests.node.test_arbiter import FakeLink


class Clock:
    """Set by hand."""

    now_s = 1_000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def now_ms(self) -> int:
        return 0


def _rand(number: int) -> bytes:
    return number.to_bytes(LINK_RAND_BYTES, "big")


def test_what_was_dialled_here_and_what_was_not() -> None:
    clock = Clock()
    dials, own = Dials(clock), FakeLink(dialled=True)
    link: Any = own
    for number in range(REMEMBERED):
        dials.begun(_rand(number))
    clock.now_s += UNKNOWN_DIALS_S
    assert not any(dials.is_of_another(link, _rand(number)) for number in range(REMEMBERED))
    assert dials.is_of_another(link, _rand(REMEMBERED))


def test_a_link_of_before_the_start_shows_nothing() -> None:
    """The contact may confirm late what this node dialled before it was killed."""
    clock = Clock()
    dials, link = Dials(clock), FakeLink(dialled=True)
    clock.now_s += UNKNOWN_DIALS_S - 1
    assert not dials.is_of_another(link, _rand(1))  # type: ignore[arg-type]


def test_nonsense_shows_nothing() -> None:
    clock = Clock()
    dials, theirs, own = Dials(clock), FakeLink(dialled=False), FakeLink(dialled=True)
    clock.now_s += UNKNOWN_DIALS_S
    assert not dials.is_of_another(theirs, _rand(1))  # type: ignore[arg-type]
    for rand in (b"", _rand(1)[1:], _rand(1) + b"\0"):
        assert not dials.is_of_another(own, rand)  # type: ignore[arg-type]
