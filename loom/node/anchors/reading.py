"""Takes the mail of one line: opens blobs, feeds the inbox, acknowledges what was judged."""

import asyncio
import logging
from functools import partial
from typing import NamedTuple

from loom.core.delivery.mailing import CLOCK_APART_S, READING_MAX_S
from loom.core.queues import QueueKeys
from loom.errors import AnchorClockApart, PeerError
from loom.node.device import Device
from loom.node.mail import Incoming, Judgement, Mail
from loom.node.parts import Parts
from loom.node.routes.anchor_link import AnchorLink
from loom.wire.limits import MAIL_LIFETIME_S
from loom.wire.requests import Ack, Answer, Push

log = logging.getLogger(__name__)


def clock_apart(parts: Parts, link: AnchorLink, anchor: str) -> AnchorClockApart | None:
    """What is wrong with the clock of an anchor or one's own: then nothing is read there."""
    clock_s = link.clock_s()
    apart_s = 0 if clock_s is None else clock_s - parts.now_s()
    if abs(apart_s) < CLOCK_APART_S:
        return None
    return AnchorClockApart(anchor=anchor, hours=round(apart_s / 3600))


class ReadQueue(NamedTuple):
    """A queue that this side reads, and whose it is."""

    keys: QueueKeys
    device: Device
    anchor: str
    """What people call the anchor where it is."""


class Reading:
    """What is pushed on one line."""

    def __init__(self) -> None:
        self.queues: dict[bytes, ReadQueue] = {}
        """By the queue's id."""
        self.broken = 0
        """Blobs that were no envelopes."""
        self._judged: dict[AnchorLink, dict[bytes, list[bytes]]] = {}
        self._is_due = False

    def add(self, queue: ReadQueue) -> None:
        """Read a queue from now on."""
        self.queues[queue.keys.queue_id] = queue

    def remove(self, queue_id: bytes) -> None:
        """Read it no more."""
        if (queue := self.queues.pop(queue_id, None)) is not None:
            queue.device.mailbox_was_read(queue_id)

    def expects_mail(self) -> None:
        """Nothing is begun until the mail here was read, or the anchor cannot be reached."""
        for queue in self.queues.values():
            queue.device.context.reading(queue.keys.queue_id, READING_MAX_S)

    def link_down(self) -> None:
        """What cannot be reached is not waited for."""
        for queue in self.queues.values():
            queue.device.mailbox_was_read(queue.keys.queue_id)

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """Give a blob to the inbox of its device; in an order that no blob overtakes another."""
        queue = self.queues.get(push.queue_id)
        if queue is None:
            return
        if push.blob:
            self._take(link, push, queue)
        elif not push.behind:
            self._ended(queue)

    def _take(self, link: AnchorLink, push: Push, queue: ReadQueue) -> None:
        is_last = push.behind == 0
        try:
            opened = queue.keys.open_blob(push.blob)
        except PeerError:
            # No envelope, so nothing of the session is wrong: it is only counted.
            self.broken += 1
            log.info("contact %d: a blob that is no envelope", queue.device.number)
            self._is_judged(link, push, queue, Judgement.UNOPENED, is_last=is_last)
            return
        queue.device.hearing.heard(queue.anchor, opened.until_s - MAIL_LIFETIME_S)
        judged = partial(self._is_judged, link, push, queue, is_last=is_last)
        queue.device.inbox.put([Incoming(opened.envelope, Mail(opened.until_s, judged))])

    def _is_judged(
        self,
        link: AnchorLink,
        push: Push,
        queue: ReadQueue,
        judgement: Judgement,
        *,
        is_last: bool,
    ) -> None:
        """Acknowledge a blob, whatever became of it."""
        if is_last:
            self._ended(queue)
        if not link.is_up:
            return  # it comes again, and is known
        self._judged.setdefault(link, {}).setdefault(push.queue_id, []).append(push.blob_id)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._acknowledge)

    def _ended(self, queue: ReadQueue) -> None:
        queue.device.inbox.mail_was_read()
        queue.device.mailbox_was_read(queue.keys.queue_id)

    def _acknowledge(self) -> None:
        self._is_due = False
        judged, self._judged = self._judged, {}
        for link, queues in judged.items():
            for queue_id, ids in queues.items():
                link.request(Ack(queue_id, tuple(ids))).add_done_callback(_forget)


def _forget(answer: "asyncio.Future[Answer]") -> None:
    if not answer.cancelled():
        answer.exception()  # the link ended: the blobs come again
