"""A confirmed link to an anchor: numbered requests, their answers, pushes (PROTOCOL 10.3)."""

import asyncio
from typing import Final, Protocol

from loom.core.link_events import CloseReason, RecordReceived
from loom.errors import MalformedMessage, Unreachable
from loom.links.direct import DirectLink
from loom.wire.framing import RecordKind
from loom.wire.limits import PUSHES_UNACKNOWLEDGED_MAX
from loom.wire.requests import (
    Ack,
    Answer,
    Displaced,
    Push,
    Request,
    Shut,
    Subscribed,
    decode_answer,
    decode_push,
    encode_request,
)

ANSWER_TIMEOUT_S: Final = 60.0
"""An anchor may have to wait for its disk."""
WAITING_MAX: Final = 4_096
"""Requests without an answer; an anchor that answers none is left."""


class LinkUser(Protocol):
    """Whoever keeps this link."""

    def pushed(self, link: "AnchorLink", push: Push) -> None:
        """A blob of a queue that this side reads, or the end of one."""
        ...

    def link_ended(self, link: "AnchorLink", *, is_displaced: bool) -> None:
        """Called once; `is_displaced`: another link with the same key took its place."""
        ...


class AnchorLink:
    """The `Owner` of a link whose other end is an anchor."""

    def __init__(self, link: DirectLink, user: LinkUser) -> None:
        self._link = link
        self._user = user
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._is_displaced = False
        self._pushed: dict[bytes, int] = {}
        """By queue how many blobs came and are not acknowledged."""
        self._clock: tuple[int, float] | None = None
        """The anchor's Unix seconds when this side subscribed, and the loop's time then."""
        link.hand_over(self)

    def __repr__(self) -> str:
        return f"AnchorLink({self._link!r})"

    @property
    def is_up(self) -> bool:
        """Requests may be sent."""
        return self._link.is_up

    @property
    def address(self) -> str:
        """Where it leads."""
        return str(self._link.remote or "")

    def clock_s(self) -> int | None:
        """The anchor's Unix seconds now, as far as it said; None: it did not yet."""
        if self._clock is None:
            return None
        said_s, at_s = self._clock
        return said_s + int(asyncio.get_running_loop().time() - at_s)

    def request(self, request: Request) -> "asyncio.Future[Answer]":
        """Send a request at once; the answer comes as the future's result.

        Raises (from the future): Unreachable: the link ended first.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if not self._link.is_up:
            future.set_exception(Unreachable(address=self.address))
            return future
        if isinstance(request, Ack) and request.queue_id in self._pushed:
            self._pushed[request.queue_id] -= len(request.ids)
        elif isinstance(request, Shut):
            self._pushed.pop(request.queue_id, None)
        self._number = (self._number + 1) & 0xFFFF_FFFF
        self._waiting[self._number] = future
        self._link.send_record(RecordKind.REQUEST, encode_request(self._number, request))
        return future

    async def ask(self, request: Request) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            Unreachable: the link ended first, or nothing came for a minute.
        """
        future = self.request(request)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await future
        except TimeoutError as error:
            self.close()
            raise Unreachable(address=self.address) from error

    def close(self) -> None:
        """End it once what was queued is flushed."""
        self._link.close()

    # --- Owner ---

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Answers and pushes, in order; anything malformed ends the link."""
        try:
            for record in records:
                if record.kind is RecordKind.ANSWER:
                    self._answered(*decode_answer(record.body))
                elif record.kind is RecordKind.PUSH:
                    self._was_pushed(decode_push(record.body))
            if len(self._waiting) > WAITING_MAX:
                raise MalformedMessage(what="no answers")
        except MalformedMessage:
            link.abort()

    def writable_again(self, link: DirectLink) -> None:
        """Requests wait for answers, so nothing piles up."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """Nobody answers any more."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(Unreachable(address=self.address))
                future.exception()  # who asked may be gone
        self._user.link_ended(self, is_displaced=self._is_displaced)

    def _was_pushed(self, push: Push) -> None:
        if push.blob:
            self._pushed[push.queue_id] = self._pushed.get(push.queue_id, 0) + 1
            if sum(self._pushed.values()) > PUSHES_UNACKNOWLEDGED_MAX:
                raise MalformedMessage(what="more pushes than were acknowledged")
        self._user.pushed(self, push)

    def _answered(self, number: int, answer: Answer) -> None:
        if isinstance(answer, Displaced):
            self._is_displaced = True
            return
        if isinstance(answer, Subscribed):
            # Known before the pushes that follow it.
            self._clock = answer.clock_s, asyncio.get_running_loop().time()
        future = self._waiting.pop(number, None)
        if future is None:
            raise MalformedMessage(what="answer to nothing")
        if not future.done():
            future.set_result(answer)
