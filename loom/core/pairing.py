"""Pairing nearby: which of several links is the meeting, and how it ends (PROTOCOL 12.3).

Two people may pick each other at the same time, and anybody on the network may dial. A driver
opens streams, passes on what arrives, and after each call writes what every link has to send;
it ends the stream of a link that `is_over`. All times are seconds of one monotonic clock.
"""

from collections import deque
from typing import Generic, Protocol, TypeVar

import msgspec

from loom.core.pairing_link import MeetingLink
from loom.core.pairing_states import PairingState
from loom.errors import LoomError, TooManyTries, UsageError
from loom.wire.limits import (
    PAIR_INCOMING_MAX,
    PAIR_INCOMING_PER_SOURCE_MAX,
    PAIR_TRIES_MAX,
    PAIR_WINDOW_S,
)

_S = PairingState
R = TypeVar("R")


class WordsReady(msgspec.Struct, frozen=True):
    """Both people compare these words now."""

    words: tuple[str, ...]


class Paired(msgspec.Struct, Generic[R], frozen=True):
    """Both said "same", and the other side proved its key: keep it, verified."""

    remote: R


class PairingEnded(msgspec.Struct, frozen=True):
    """A meeting, or the way to one, ended; nothing of the other side is kept."""

    error: LoomError


PairingEvent = WordsReady | Paired[R] | PairingEnded


class Tries:
    """How often words could be shown lately; outlives a pairing, so that none begins too soon."""

    def __init__(self) -> None:
        self._at_s: deque[float] = deque(maxlen=PAIR_TRIES_MAX)

    def wait_s(self, now_s: float) -> float:
        """How long until another one is allowed; 0: now."""
        if len(self._at_s) < PAIR_TRIES_MAX:
            return 0.0
        return max(0.0, self._at_s[0] + PAIR_WINDOW_S - now_s)

    def check(self, now_s: float) -> None:
        """Raises TooManyTries unless another one is allowed."""
        if (wait_s := self.wait_s(now_s)) > 0.0:
            raise TooManyTries(wait_s=int(wait_s) + 1)

    def count(self, now_s: float) -> None:
        """One more."""
        self._at_s.append(now_s)

    def discount(self) -> None:
        """The last one led to a contact: two people agreed, so it was nobody's guess."""
        self._at_s.pop()


class MakeLink(Protocol[R]):
    """Makes a link of one pairing."""

    def __call__(self, *, dialled: bool, random: bytes, now_s: float) -> MeetingLink[R]:
        """See `MeetingLink`."""
        ...


class Pairing(Generic[R]):
    """All links of one node while it pairs; at most one of them is a meeting."""

    def __init__(self, number: bytes, make: MakeLink[R], tries: Tries) -> None:
        self._number = number
        self._make = make
        self._tries = tries
        self._dialled: MeetingLink[R] | None = None
        self._incoming: dict[MeetingLink[R], str] = {}
        """Oldest first, with their source."""
        self._meeting: MeetingLink[R] | None = None
        """The link whose words can be computed by the other side: nothing replaces it."""
        self._failure: LoomError | None = None
        """Of the link that this side dialled, while one that came in may be the same person's."""

    @property
    def is_meeting(self) -> bool:
        """Whether somebody is being met: no other link is taken or dialled."""
        return self._meeting is not None

    @property
    def links(self) -> list[MeetingLink[R]]:
        """All that go on."""
        dialled = [] if self._dialled is None else [self._dialled]
        return [*dialled, *self._incoming]

    def dial(self, random: bytes, now_s: float) -> MeetingLink[R]:
        """A link that this side dials.

        Raises:
            UsageError: somebody is being met or dialled already.
            TooManyTries.
        """
        if self._meeting is not None or self._dialled is not None:
            raise UsageError
        self._tries.check(now_s)
        self._dialled = self._make(dialled=True, random=random, now_s=now_s)
        return self._dialled

    def accept(self, source: str, random: bytes, now_s: float) -> MeetingLink[R] | None:
        """A link that was dialled from `source`; None: end the stream, none is taken now.

        The oldest of a full source, else the oldest of all, makes room for it.
        """
        if self._meeting is not None or self._tries.wait_s(now_s) > 0.0:
            return None
        same = [link for link, at in self._incoming.items() if at == source]
        if len(same) >= PAIR_INCOMING_PER_SOURCE_MAX:
            self._drop(same[0])
        elif len(self._incoming) >= PAIR_INCOMING_MAX:
            self._drop(next(iter(self._incoming)))
        link = self._make(dialled=False, random=random, now_s=now_s)
        self._incoming[link] = source
        return link

    def receive_data(
        self, link: MeetingLink[R], data: bytes, now_s: float
    ) -> list[PairingEvent[R]]:
        """Bytes of one link, cut anywhere."""
        had_words = bool(link.words)
        link.receive_data(data, now_s)
        events: list[PairingEvent[R]] = []
        if link.words and not had_words:
            if link.dialled:
                self._meet(link, now_s)
            events.append(WordsReady(link.words))
        return events + self._settle(now_s)

    def lost(self, link: MeetingLink[R], now_s: float) -> list[PairingEvent[R]]:
        """The stream of a link is gone."""
        link.lost()
        return self._settle(now_s)

    def not_reached(
        self, link: MeetingLink[R], error: LoomError, now_s: float
    ) -> list[PairingEvent[R]]:
        """The stream of a dialled link could not be opened."""
        link.close(error)
        return self._settle(now_s)

    def answer(self, *, same: bool, now_s: float) -> list[PairingEvent[R]]:
        """What this side's person said of the words.

        Raises:
            UsageError: there are none, or they were answered.
        """
        if self._meeting is None:
            raise UsageError
        self._meeting.answer(same=same)
        return self._settle(now_s)

    def stop(self) -> None:
        """End every link."""
        for link in self.links:
            self._drop(link)
        self._meeting = None

    def next_timeout_s(self) -> float | None:
        """When `handle_timeout` is due; None: nothing goes on."""
        deadlines = [link.deadline_s() for link in self.links]
        return min((at_s for at_s in deadlines if at_s is not None), default=None)

    def handle_timeout(self, now_s: float) -> list[PairingEvent[R]]:
        """End what is late."""
        for link in self.links:
            link.handle_timeout(now_s)
        return self._settle(now_s)

    # --- inside ---

    def _settle(self, now_s: float) -> list[PairingEvent[R]]:
        """Forget what is over, tell how it ended, and let the right link go on."""
        events: list[PairingEvent[R]] = []
        for link in self.links:
            if link.is_over:
                events += self._ended(link)
        self._choose(now_s)
        if self._meeting is not None:
            self._failure = None
        if self._failure is not None and not any(one.remote_number for one in self._incoming):
            events.append(PairingEnded(self._failure))
            self._failure = None
        return events

    def _ended(self, link: MeetingLink[R]) -> list[PairingEvent[R]]:
        was_meeting, was_dialled = link is self._meeting, link is self._dialled
        self._forget(link)
        if link.state is _S.PAIRED and link.remote is not None:
            self._tries.discount()
            return [Paired(link.remote)]
        if link.error is None:
            return []
        if was_dialled and not was_meeting:
            self._failure = link.error
            return []
        # Who dialled this node and came to no words was nobody.
        return [PairingEnded(link.error)] if was_meeting and link.words else []

    def _choose(self, now_s: float) -> None:
        if self._meeting is not None:
            return
        if (dialled := self._dialled) is not None:
            if not dialled.remote_number:
                return  # it may lead to one of those that came in
            twins = [one for one in self._incoming if one.remote_number == dialled.remote_number]
            # Each side dialled the other: the link that the smaller number dialled stays.
            if not twins or self._number < dialled.remote_number:
                for twin in twins:
                    self._drop(twin)
                if dialled.state is _S.GREETED:
                    dialled.choose()
                return
            self._drop(dialled)
        for link in self._incoming:
            if link.state is _S.COMMITTED and self._tries.wait_s(now_s) == 0.0:
                link.choose()
                self._meet(link, now_s)
                return

    def _meet(self, link: MeetingLink[R], now_s: float) -> None:
        self._tries.count(now_s)
        self._meeting = link
        for other in self.links:
            if other is not link:
                self._drop(other)

    def _drop(self, link: MeetingLink[R]) -> None:
        link.close()
        self._forget(link)

    def _forget(self, link: MeetingLink[R]) -> None:
        self._incoming.pop(link, None)
        if link is self._dialled:
            self._dialled = None
        if link is self._meeting:
            self._meeting = None
