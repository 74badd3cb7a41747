"""Delivers to one device: does what `core.delivery.plan` says is next, until it says rest."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from loom.core.delivery import plan
from loom.core.delivery.plan import Action, Next
from loom.core.delivery.sending import RETRY_FIRST_S
from loom.errors import LoomError
from loom.node.alarm import Alarm
from loom.node.context import DeviceContext
from loom.node.notes import Notes
from loom.node.outbox import Outbox
from loom.node.receipts import Receipts
from loom.node.routes.route import Route
from loom.node.sessions import DeviceSessions
from loom.node.starts import Starts
from loom.wire.content import Typing, encode_payload

log = logging.getLogger(__name__)


class Delivery:
    """One task while the route is up; the outbox, the receipts and the starts are what it does."""

    def __init__(
        self,
        context: DeviceContext,
        sessions: DeviceSessions,
        route: Route,
        ask_for_bundle: Callable[[], None],
        mail: Alarm,
    ) -> None:
        self._context = context
        self._sessions = sessions
        self._route = route
        self._alarm = Alarm(also=mail)
        self._mail = mail
        self._notes = Notes(context, sessions)
        self._task: asyncio.Task[None] | None = None
        self.starts = Starts(context, sessions, self._alarm, ask_for_bundle)
        self.receipts = Receipts(context, sessions, route, self._notes, self.starts, self._alarm)
        self.outbox = Outbox(context, sessions, route, self._notes, self._alarm)

    # --- from the route ---

    def link_up(self, opened_at_s: float, *, dialled: bool) -> None:
        """A link was confirmed; `dialled`: by this side."""
        self.outbox.link_up()
        self.receipts.link_up()
        self.starts.link_up(opened_at_s, dialled=dialled)
        self._alarm.ring()
        if self._task is None:
            self._task = self._context.spawn(self._run(), "delivery")

    def link_down(self) -> None:
        """There is nothing to write to."""
        self.starts.link_down()
        self.outbox.link_down()
        self._notes.link_down()
        self._alarm.cancel()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def writable_again(self) -> None:
        """The route takes more."""
        self._alarm.ring()

    # --- from the node ---

    def mail_within(self, delay_s: float) -> None:
        """What is owed goes by mail then, unless it went before."""
        self._mail.ring_within(delay_s)

    def taken_in(self) -> None:
        """Envelopes were taken in: sessions, receipts or flow control may have changed."""
        self.outbox.unblock()
        best_id, state = self._sessions.best_id, self.outbox.state
        is_new = best_id is not None and best_id != state.session_id
        if is_new or not state.is_caught_up or self._sessions.value.start_wanted:
            self._alarm.ring()

    async def tell_typing(self, on: bool, is_allowed: Awaitable[bool]) -> None:
        """Send a live sign, if the device is connected; none that a message would overtake."""
        before = self.outbox.queued
        if not await is_allowed:
            return
        await self._sessions.ready()
        if not self._route.is_up or not self._sessions.may_seal(text=True):
            return
        if on and self.outbox.queued != before:
            return
        parts = self._context.parts
        typing = Typing(parts.new_id(), parts.clock.now_ms(), on)
        sealed = self._sessions.seal(encode_payload(typing))
        await self._sessions.commit(then=lambda _: self._route.send(sealed.envelope))

    # --- the task ---

    async def _run(self) -> None:
        while True:
            if await self._alarm.heard():
                self.outbox.retry()
            try:
                await self._deliver()
            except LoomError as error:
                log.warning("contact %d: delivery: %s", self._context.number, error.code)
                self._context.warn(error)
                self._alarm.ring_within(RETRY_FIRST_S)

    async def _deliver(self) -> None:
        while self._route.is_up:
            if (wait_s := self._context.reading_left_s()) > 0:
                self._alarm.ring_within(wait_s)
                return
            action, rest_s = await self._next()
            match action:
                case Action.ASK_FOR_BUNDLE:
                    self.starts.ask()
                case Action.TELL_RECEIPTS:
                    await self.receipts.tell()
                case Action.WRITE_ROWS:
                    await self.outbox.write_rows()
                case Action.WANT_START:
                    self.outbox.stalled()
                    self._sessions.want_start()
                case Action.GREET:
                    await self.receipts.greet()
                case Action.REST:
                    if rest_s is not None:
                        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
                        self._alarm.ring_within(rest_s * jitter)
                    return

    async def _next(self) -> Next:
        wish = await self.starts.wish()
        if (best_id := self._sessions.best_id) is not None:
            self.outbox.on_session(best_id)
        parts = self._context.parts
        return plan.next_action(
            plan.Delivery(self.outbox.state, self.receipts.state, self.starts.state),
            self._sessions.value.live,
            wish,
            may_seal_receipt=self._sessions.may_seal(text=False),
            is_writable=self._route.is_writable,
            in_flight=len(self._sessions.in_flight),
            now_s=parts.clock.monotonic_s(),
            unix_s=parts.now_s(),
        )
