"""Which of two links to one contact stays, without any network (docs/PROTOCOL.md 3.7)."""

import asyncio
from typing import Any

import pytest

from loom.core.link_events import CloseReason, RecordReceived
from loom.node.routes.arbiter import Arbiter
from loom.node.routes.route import Route
from loom.wire.framing import RecordKind
from loom.wire.limits import LINKS_OVERLAP_S


class FakeLink:
    """One that was confirmed."""

    def __init__(self, *, dialled: bool, rand: bytes = b"") -> None:
        self.dialled = dialled
        self.rand = rand
        self.records: list[tuple[RecordKind, bytes]] = []
        self.is_up = self.is_writable = True
        self.sent: list[bytes] = []
        self.owner: Arbiter | None = None

    def hand_over(self, owner: Arbiter) -> None:
        self.owner = owner

    def send(self, envelope: bytes) -> bool:
        self.sent.append(envelope)
        return True

    def send_record(self, kind: RecordKind, body: bytes) -> None:
        assert self.is_up
        self.records.append((kind, body))

    def close(self) -> None:
        self.is_up = False

    abort = close


class User:
    """The contact."""

    def __init__(self) -> None:
        self.changes: list[tuple[Any, Any, CloseReason | None]] = []
        self.records = 0
        self.woken = 0

    def link_changed(self, before: Any, after: Any, reason: CloseReason | None) -> None:
        self.changes.append((before, after, reason))

    def records_received(self, link: Any, records: list[RecordReceived]) -> None:
        self.records += len(records)

    def writable_again(self) -> None:
        self.woken += 1


def _take(arbiter: Any, link: FakeLink) -> bool:
    taken: bool = arbiter.take(link)
    return taken


@pytest.mark.parametrize("dialled", [True, False])
@pytest.mark.parametrize("keeps_own", [True, False])
def test_of_two_links_dialled_by_one_side_the_newer_stays(dialled: bool, keeps_own: bool) -> None:
    user = User()
    arbiter = Arbiter(user, keeps_own=keeps_own)
    old, new = FakeLink(dialled=dialled, rand=b"old"), FakeLink(dialled=dialled, rand=b"new")
    assert _take(arbiter, old)
    assert _take(arbiter, new)
    assert user.changes == [(None, old, None), (old, new, None)]
    assert (old.is_up, new.is_up) == (False, True)
    assert old.records == ([] if dialled else [(RecordKind.REPLACED, b"new")])
    assert new.records == []


@pytest.mark.parametrize("own_is_first", [True, False])
async def test_the_side_that_keeps_its_own_link_reads_the_other_until_it_closes(
    own_is_first: bool,
) -> None:
    user = User()
    arbiter = Arbiter(user, keeps_own=True)
    own, other = FakeLink(dialled=True), FakeLink(dialled=False)
    for link in (own, other) if own_is_first else (other, own):
        assert _take(arbiter, link)
    route: Route = arbiter
    route.send(b"envelope")
    assert (own.sent, other.sent) == ([b"envelope"], [])
    assert own.is_up
    assert other.is_up
    arbiter.writable_again(other)  # type: ignore[arg-type]
    assert user.woken == 0
    arbiter.link_closed(own, None)  # type: ignore[arg-type]
    assert user.changes[-1] == (own, other, None)
    route.send(b"next")
    assert other.sent == [b"next"]


async def test_where_neither_is_closed_the_newer_stays() -> None:
    """Each leads to another machine of the contact."""
    user = User()
    arbiter = Arbiter(user, keeps_own=True)
    own, other = FakeLink(dialled=True), FakeLink(dialled=False)
    for link in (own, other):
        assert _take(arbiter, link)
    await asyncio.sleep(LINKS_OVERLAP_S - 1)
    assert own.is_up
    await asyncio.sleep(2)
    assert (own.is_up, other.is_up) == (False, True)
    assert user.changes[-1] == (own, other, None)
    assert (own.records, other.records) == ([], [])


@pytest.mark.parametrize("own_is_first", [True, False])
def test_the_other_side_closes_its_own(own_is_first: bool) -> None:
    user = User()
    arbiter = Arbiter(user, keeps_own=False)
    own, other = FakeLink(dialled=True), FakeLink(dialled=False)
    for link in (own, other) if own_is_first else (other, own):
        assert _take(arbiter, link)
    assert (own.is_up, other.is_up) == (False, True)
    assert user.changes[-1][1] is other


def test_without_a_link_the_route_is_down_and_after_the_end_none_is_taken() -> None:
    user = User()
    arbiter = Arbiter(user, keeps_own=True)
    assert (arbiter.is_up, arbiter.is_writable) == (False, False)
    assert not arbiter.send(b"into the void")
    link = FakeLink(dialled=False)
    assert _take(arbiter, link)
    assert (arbiter.is_up, arbiter.is_writable) == (True, True)
    arbiter.close()
    assert user.changes[-1] == (link, None, None)
    assert not link.is_up
    arbiter.end()
    assert not arbiter.takes_links
    assert not _take(arbiter, FakeLink(dialled=False))
