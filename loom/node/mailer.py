"""Delivers to one device by mail while no link stands: puts what is due into a mailbox it reads."""

import contextlib
import logging
import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from loom.core import choice
from loom.core.delivery import mailing
from loom.core.delivery import receipts as receipt_rules
from loom.core.delivery.mailing import Mailing
from loom.core.delivery.plan import Wish
from loom.core.sessions import sealed_again
from loom.errors import AnchorClockApart, LoomError, PeerError, Unreachable
from loom.node.alarm import Alarm
from loom.node.context import NO_MAILBOXES, DeviceContext
from loom.node.delivery import Delivery
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.mailbox import Mailbox, PutEnd, Sealed
from loom.node.sessions import DeviceSessions
from loom.storage import outbox, preferences, receipts
from loom.storage.connection import Db
from loom.storage.outbox import OutboxRow, PutRule
from loom.storage.receipts import OwedReceipt

log = logging.getLogger(__name__)

RETRY_FIRST_S: Final = 15.0
RETRY_MAX_S: Final = 600.0
UNKNOWN_RETRY_S: Final = 60.0
NO_BUNDLE_RETRY_S: Final = 600.0
RECEIPT_ROWS: Final = 256


class _Due(NamedTuple):
    """What there is to put."""

    rows: bool
    receipts: bool
    start: bool
    greeting: bool
    chain: bool
    """The device knows only an identity of before."""
    next_s: int | None
    """When the next row is due again, Unix seconds."""

    @property
    def is_anything(self) -> bool:
        return self.rows or self.receipts or self.start or self.greeting or self.chain


class _Refused(Exception):
    """A mailbox takes nothing: the next one is tried."""


class Mailer:
    """One task a device. `mailboxes` are those that it reads, the one to prefer first."""

    def __init__(
        self, context: DeviceContext, sessions: DeviceSessions, delivery: Delivery, alarm: Alarm
    ) -> None:
        self.mailboxes: tuple[Mailbox, ...] = ()
        self.last_error: str | None = None
        """Why nothing could be put lately; None: it could."""
        self.silent_since_ms: int | None = None
        """Since when something waits that no anchor of the device takes, as none answers."""
        self._context = context
        self._sessions = sessions
        self._delivery = delivery
        self._alarm = alarm
        self._state = Mailing()
        self._retry_s = RETRY_FIRST_S
        self._no_bundle_s = UNKNOWN_RETRY_S
        self._checked: dict[bytes, AnchorLink] = {}
        """On which link each mailbox was last asked what lies there."""
        self._last = NO_MAILBOXES
        """Mailboxes that are tried after the others: a day's mail there brought no Receipt."""
        self._full_since_s: dict[bytes, float] = {}
        """Since when a mailbox has taken nothing."""
        self._greeted_s = 0
        self._receipts_held_until_s: float | None = None
        """Monotonic; None: no late receipt is held."""
        self._is_running = False
        self._must_look = False
        self._no_bundle_until_s = 0.0
        """Until then the session there is serves, though a start is due: no bundle was found."""
        self._has_moved = False
        """The device reads other mailboxes than before."""

    @property
    def anchors(self) -> list[str]:
        """What people call the anchors where the device reads, the one to prefer first."""
        return list(dict.fromkeys(one.anchor for one in self.mailboxes))

    # --- from the node ---

    def use(self, mailboxes: Sequence[Mailbox]) -> None:
        """From now on these are read by the device; or a session began."""
        ids = {one.keys.queue_id for one in mailboxes}
        if ids != {one.keys.queue_id for one in self.mailboxes}:
            self._has_moved, self.silent_since_ms = True, None
        self.mailboxes = tuple(mailboxes)
        for gone in self._checked.keys() - ids:
            del self._checked[gone]
        for gone in self._full_since_s.keys() - ids:
            del self._full_since_s[gone]
        self._last = self._last & ids if self._last else NO_MAILBOXES
        self._no_bundle_until_s = 0.0
        self._state = mailing.receipt_came(self._state)
        if self.mailboxes and not self._is_running:
            self._is_running = True
            self._context.spawn(self._run(), "mailer")
        self._alarm.ring()

    def link_up(self) -> None:
        """A link stands: it carries everything."""
        self._state = mailing.link_up(self._state)
        self.silent_since_ms = None

    def link_down(self) -> None:
        """No link stands any more, or yet: one may soon."""
        self._state = mailing.link_down(self._state, self._now_s())
        self._alarm.ring()

    def receipt_came(self) -> None:
        """The device has read: a full mailbox has room again."""
        self._state = mailing.receipt_came(self._state)
        self._alarm.ring()

    def wake(self) -> None:
        """Something may be due."""
        self._alarm.ring()

    def retry_now(self) -> None:
        """What kept it from the anchors may be over."""
        self._retry_s = RETRY_FIRST_S
        self._alarm.ring()

    def anchor_up(self) -> None:
        """An anchor was brought up to date: what was put there may be lost, or have room now."""
        self._must_look = True
        self._no_bundle_until_s = 0.0
        self._state = mailing.receipt_came(self._state)
        self._alarm.ring()

    # --- the task ---

    async def _run(self) -> None:
        while True:
            await self._alarm.heard()
            try:
                await self._deliver()
                self._retry_s, self.last_error = RETRY_FIRST_S, None
            except LoomError as error:
                log.info("contact %d: mail: %s", self._context.number, error.code)
                self.last_error = error.code
                if not isinstance(error, Unreachable):
                    self._context.warn(error)
                elif self.silent_since_ms is None:
                    self.silent_since_ms = self._context.parts.clock.now_ms()
                jitter = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
                self._alarm.ring_within(self._retry_s * jitter)
                self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)

    async def _deliver(self) -> None:
        while self.mailboxes:
            wait_s = mailing.must_wait_s(self._state, self._now_s())
            if wait_s is None:
                return
            wait_s = max(wait_s, self._context.reading_left_s())
            if wait_s > 0:
                self._alarm.ring_within(wait_s)
                return
            if self._has_moved:
                self._has_moved = False
                await self._follow()
            if self._must_look:
                self._must_look = False
                await self._look_at_standing()
            due = await self._due()
            if not due.is_anything:
                self.silent_since_ms = None
                held_s = (self._receipts_held_until_s or 0.0) - self._now_s()
                if held_s > 0:  # later they wait for room to seal
                    self._alarm.ring_within(held_s)
                if (wait_s := self._no_bundle_until_s - self._now_s()) > 0:
                    self._alarm.ring_within(wait_s)
                if due.next_s is not None:
                    rest_s = max(60.0, due.next_s - self._context.parts.now_s())
                    jitter = random.uniform(1.0, 1.1)  # noqa: S311 - no secret
                    self._alarm.ring_within(rest_s * jitter)
                return
            await self._write(due)

    async def _due(self) -> _Due:
        wish = await self._delivery.starts.wish()
        device_id, unix_s = self._context.device_id, self._context.parts.now_s()
        rule, best = self._rule(), self._sessions.best

        def look(db: Db) -> tuple[bool, bool, bool, int | None]:
            return (
                bool(outbox.to_put(db, device_id, rule, 1)),
                bool(receipts.of_device(db, device_id, 1)),
                preferences.of(db, None).late_receipts,
                outbox.next_put_s(db, device_id, rule),
            )

        # Through the writer: what is on its way to the disk is there.
        rows, owed, is_late, next_s = await self._context.parts.database.write(look)
        # Of somebody invisible only what they write goes, and takes along what is owed.
        is_quiet = self._context.parts.profile.value.invisible and not rows
        owed = self._is_receipt_due(owed=owed and not is_quiet, is_late=is_late)
        await self._sessions.ready()
        if wish.is_halted:
            return _Due(False, False, False, False, bool(self._context.chain), None)
        is_greeting_due = (
            best is not None
            and not is_quiet
            and choice.unconfirmed(best)
            and not rows
            and next_s is None
            and not 0 <= unix_s - self._greeted_s < mailing.GREETING_RETRY_S
        )
        is_waiting = best is not None and self._now_s() < self._no_bundle_until_s
        is_start_due = (
            not is_waiting and not is_quiet and self._is_start_due(wish, something=rows or owed)
        )
        # Without a session nothing can be sealed; flow control may hold back texts.
        may = is_start_due or best is not None
        return _Due(
            rows and may and (is_start_due or self._sessions.may_seal(text=True)),
            owed and may and (is_start_due or self._sessions.may_seal(text=False)),
            is_start_due,
            is_greeting_due,
            bool(self._context.chain),
            next_s,
        )

    def _is_receipt_due(self, *, owed: bool, is_late: bool) -> bool:
        """Late receipts are held from the first one owed on; rows that go take them along."""
        if not (owed and is_late):
            self._receipts_held_until_s = None
            return owed
        now_s = self._now_s()
        if self._receipts_held_until_s is None:
            # From the same source as keys: the anchor must not be able to guess it.
            share = int.from_bytes(self._context.parts.random(4)) / 2**32
            self._receipts_held_until_s = now_s + mailing.receipt_held_s(share)
        return now_s >= self._receipts_held_until_s

    def _is_start_due(self, wish: Wish, *, something: bool) -> bool:
        return choice.should_start(
            self._sessions.value.live,
            something_to_send=something,
            start_wanted=wish.start_wanted,
            wanted_starts_s=wish.wanted_starts_s,
            link_time_s=0.0,
            now_s=self._context.parts.now_s(),
            is_halted=wish.is_halted,
        )

    async def _write(self, due: _Due) -> None:
        """Put what is due into the first mailbox that takes it.

        Raises:
            Unreachable, AnchorClockApart: no anchor serves.
        """
        failure: LoomError | None = None
        is_refused = is_without_bundle = False
        await self._turn_from_silent()
        for mailbox in sorted(self.mailboxes, key=lambda one: one.keys.queue_id in self._last):
            try:
                link = await mailbox.line.reach()
                self.silent_since_ms = None
                await self._check(mailbox, link)
                if due.chain and not await self._put_chain(mailbox, link):
                    return
                if due.start and not await self._start(mailbox, link):
                    is_without_bundle = True
                    continue
                takes = True
                if due.receipts or due.rows:
                    takes = await self._put_receipts(mailbox, link)
                if takes and await self._put_rows(mailbox, link):
                    await self._greet(mailbox, link)
                return
            except _Refused:
                is_refused = True
            except (Unreachable, AnchorClockApart) as error:
                failure = error
        if is_without_bundle and self._sessions.best is not None:
            self._no_bundle_until_s = self._now_s() + NO_BUNDLE_RETRY_S
            return
        if failure is not None:
            raise failure
        # No queue is there: its holder opens it, or tells another one. Or none has a bundle.
        wait_s = UNKNOWN_RETRY_S
        if not is_refused:  # who was just met may still be about to lay one
            wait_s = self._no_bundle_s
            self._no_bundle_s = min(2 * self._no_bundle_s, NO_BUNDLE_RETRY_S)
        self._state = mailing.full(self._state, self._now_s(), wait_s)

    async def _turn_from_silent(self) -> None:
        """A mailbox whose mail brought no Receipt for a day, or that is full for a day, is the
        last from now on; all that lies there goes to the next one, in order."""
        device_id, database, rule = (
            self._context.device_id,
            self._context.parts.database,
            self._rule(),
        )
        ids = {one.keys.queue_id for one in self.mailboxes}
        if len(ids) < 2:
            return
        silent = await database.read(lambda db: outbox.overdue_at(db, device_id, rule))
        since_s, now_s = self._full_since_s, self._now_s()
        gone = {at for at, full_s in since_s.items() if now_s - full_s >= mailing.PUT_AGAIN_FIRST_S}
        gone |= {silent} if silent is not None else set()
        gone &= ids - self._last
        for queue_id in gone:
            log.info("contact %d: another mailbox is tried", self._context.number)
            since_s.pop(queue_id, None)
            await database.write(lambda db, at=queue_id: outbox.puts_were_lost(db, device_id, at))  # type: ignore[misc]
        self._last |= gone
        if self._last >= ids:
            self._last = frozenset(gone)

    async def _follow(self) -> None:
        """Nobody reads any more what lies where the device no longer reads."""
        device_id = self._context.device_id
        ids = [one.keys.queue_id for one in self.mailboxes]
        await self._context.parts.database.write(
            lambda db: outbox.puts_elsewhere_were_lost(db, device_id, ids)
        )

    async def _look_at_standing(self) -> None:
        for mailbox in self.mailboxes:
            if (link := mailbox.line.link) is not None:
                with contextlib.suppress(Unreachable):
                    await self._check(mailbox, link)

    async def _check(self, mailbox: Mailbox, link: AnchorLink) -> None:
        """On each new link see what an anchor lost that was wiped or put back to an old copy."""
        queue_id = mailbox.keys.queue_id
        if self._checked.get(queue_id) is link:
            return
        device_id, database = self._context.device_id, self._context.parts.database
        rows = await database.write(lambda db: outbox.puts_of(db, device_id, queue_id))
        sealed = [
            Sealed(sealed_again(row.recipe or b"", row.payload), row.sealed_at_s or 0)
            for row in rows
        ]
        missing = await mailbox.missing(link, sealed) if rows else []
        if missing:
            lost = [rows[at].row_id for at in missing]
            await database.write(lambda db: outbox.put_was_lost(db, lost))
        self._checked[queue_id] = link

    async def _start(self, mailbox: Mailbox, link: AnchorLink) -> bool:
        """Begin a session on a bundle that lies in the mailbox; False: there is none."""
        for _ in range(mailing.FETCH_TRIES):
            try:
                data = await mailbox.fetch(link)
                if data is None:
                    return False
                if not await self._delivery.starts.begin(data):
                    return False
                self._no_bundle_s = UNKNOWN_RETRY_S
                self._greeted_s = 0
                return True
            except PeerError as error:
                log.info("contact %d: bundle: %s", self._context.number, error)
        return False

    async def _put_chain(self, mailbox: Mailbox, link: AnchorLink) -> bool:
        """Say which identity the owner has now; False: the mailbox takes nothing more now."""
        chain, unix_s = self._context.chain, self._context.parts.now_s()
        sealed = [Sealed(one, unix_s) for one in chain]
        done, end = await self._put(mailbox, link, sealed)
        if done == len(sealed):
            self._context.chain = ()
            self._context.others.chain_put(self._context.number)
        if end is PutEnd.CUT:
            raise Unreachable(address=mailbox.anchor)
        return self._is_open(mailbox, end)

    async def _put_receipts(self, mailbox: Mailbox, link: AnchorLink) -> bool:
        """Put what is owed; False: the mailbox takes nothing more now."""
        device_id, database = self._context.device_id, self._context.parts.database
        while True:
            stored: list[OwedReceipt] = await database.write(
                lambda db: receipts.of_device(db, device_id, RECEIPT_ROWS)
            )
            await self._sessions.ready()
            page = receipt_rules.first_page(stored)
            envelope = self._delivery.receipts.seal(page.delivered, page.read) if stored else None
            if envelope is None:
                return True
            await self._sessions.commit()
            sealed = Sealed(envelope, self._context.parts.now_s())
            if not self._is_open(mailbox, (await self._put(mailbox, link, [sealed]))[1]):
                return False
            self._greeted_s = self._context.parts.now_s()
            self._delivery.receipts.mailed(page.rows)
            self._receipts_held_until_s = None

    async def _put_rows(self, mailbox: Mailbox, link: AnchorLink) -> bool:
        """Put the rows that are due, oldest first; False: the mailbox takes nothing more now."""
        database = self._context.parts.database
        while rows := await self._delivery.outbox.seal_for_mail(self._rule()):
            done, end = await self._put(mailbox, link, [one.sealed for one in rows])
            put: list[OutboxRow] = [one.row for one in rows[:done]]
            queue_id, unix_s = mailbox.keys.queue_id, self._context.parts.now_s()
            ids = [row.row_id for row in put]
            if ids:
                await database.write(lambda db: outbox.was_put(db, ids, queue_id, unix_s))  # noqa: B023 - awaited here
                self._greeted_s = unix_s
                self._delivery.outbox.was_put(put)
                self._context.on_mail_put()
            if end is PutEnd.CUT:
                raise Unreachable(address=mailbox.anchor)
            if not self._is_open(mailbox, end):
                return False
        return True

    async def _greet(self, mailbox: Mailbox, link: AnchorLink) -> None:
        """An own start that is not answered, and that nothing else carries, says something."""
        best, unix_s = self._sessions.best, self._context.parts.now_s()
        if best is None or not choice.unconfirmed(best):
            return
        if 0 <= unix_s - self._greeted_s < mailing.GREETING_RETRY_S:
            return
        envelope = self._delivery.receipts.seal([], [])
        if envelope is not None:
            await self._sessions.commit()
            _, end = await self._put(mailbox, link, [Sealed(envelope, unix_s)])
            if self._is_open(mailbox, end):
                self._greeted_s = unix_s

    async def _put(
        self, mailbox: Mailbox, link: AnchorLink, sealed: Sequence[Sealed]
    ) -> tuple[int, PutEnd]:
        done, end = await mailbox.put(link, sealed)
        if done:
            self._full_since_s.pop(mailbox.keys.queue_id, None)
        return done, end

    def _is_open(self, mailbox: Mailbox, end: PutEnd) -> bool:
        """Whether the mailbox takes more now; if not, mail waits.

        Raises:
            _Refused: it takes nothing at all.
        """
        match end:
            case PutEnd.REFUSED:
                raise _Refused
            case PutEnd.FULL:
                self._full_since_s.setdefault(mailbox.keys.queue_id, self._now_s())
                self._state = mailing.full(self._state, self._now_s())
            case PutEnd.LATER:
                self._full_since_s.setdefault(mailbox.keys.queue_id, self._now_s())
                self._state = mailing.full(self._state, self._now_s(), max(1.0, mailbox.later_s))
            case _:
                return True
        return False

    # --- facts ---

    def _rule(self) -> PutRule:
        return PutRule(
            self._context.parts.now_s(),
            self._sessions.best_id,
            mailing.PUT_AGAIN_FIRST_S,
            mailing.PUT_AGAIN_MAX_S,
        )

    def _now_s(self) -> float:
        return self._context.parts.clock.monotonic_s()
