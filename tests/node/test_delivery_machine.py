"""Whatever breaks in between, every accepted message shows exactly once, in order (PROTOCOL 16.3).

Nodes with real databases in virtual time; power fails at any commit and at any turn of the loop.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from loom.api.conversation_commands import MarkRead
from loom.api.events import MessageReceived
from loom.api.message_commands import SendText
from loom.errors import StoreError
from loom.model import Direction, MessageState
from tests.node.harness import Person, World
from tests.node.virtual_loop import VirtualLoop

T = TypeVar("T")

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
HOUR_S = 3_600.0
WHO = st.integers(0, 1)
PAUSES_S = st.sampled_from([0.0005, 0.0015, 0.003, 0.007, 0.02, 0.1, 1.5, 35.0, 700.0])
JUMPS_S = st.sampled_from([-72 * HOUR_S, -5 * HOUR_S, -60.0, 60.0, 5 * HOUR_S, 72 * HOUR_S])


class DeliveryMachine(RuleBasedStateMachine):
    """Two people who write to each other while everything fails."""

    count = 2

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.accepted: dict[tuple[int, int], list[str]] = {}
        self.counter = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(
        seed=st.integers(0, 1_000),
        connected=st.booleans(),
        both_dial=st.booleans(),
        days_apart=st.booleans(),
    )
    def begin(self, seed: int, connected: bool, both_dial: bool, days_apart: bool) -> None:
        self.days_apart = days_apart
        self.run(self._begin(seed, connected, both_dial))

    async def _begin(self, seed: int, connected: bool, both_dial: bool) -> None:
        self.world = World(Path(self.folder.name), seed)
        names = ["Alice", "Bob", "Carol"][: self.count]
        self.people = await self.world.friends(*names)
        if both_dial:
            for n, one in enumerate(self.people):
                for other in self.people[:n]:
                    await one.note_address(other)
        if connected:
            await self.world.delivered(*self.people)

    def pair(self, who: int, step: int = 1) -> tuple[Person, Person]:
        return self.people[who % self.count], self.people[(who + step) % self.count]

    # --- what people do ---

    @rule(who=WHO, count=st.integers(1, 6), step=st.integers(1, 2), waits=st.booleans())
    def send(self, who: int, count: int, step: int, waits: bool) -> None:
        self.run(self._send(who, 1 + (step - 1) % (self.count - 1), count, waits))

    async def _send(self, who: int, step: int, count: int, waits: bool) -> None:
        one, other = self.pair(who, step)
        if not one.is_running:
            return
        sends = []
        for _ in range(count):
            self.counter += 1
            text = f"{one} {self.counter}"
            sends.append(asyncio.create_task(self._send_one(one, other, text)))
            if waits:
                await asyncio.wait([sends[-1]], timeout=1.0)
        await asyncio.wait(sends, timeout=1.0)
        for send in sends:
            send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)

    async def _send_one(self, one: Person, other: Person, text: str) -> None:
        with contextlib.suppress(StoreError):
            await one.do(SendText(contact=other.name, body=text))
            self.accepted.setdefault((id(one), id(other)), []).append(text)

    @rule(who=WHO)
    def read(self, who: int) -> None:
        one, other = self.pair(who)
        if one.is_running:
            self.run(self._read(one, other))

    async def _read(self, one: Person, other: Person) -> None:
        command = MarkRead(contact=other.name, row_id=10**6)
        with contextlib.suppress(StoreError, TimeoutError):
            await asyncio.wait_for(one.do(command), 1.0)

    @rule(pause_s=PAUSES_S)
    def wait(self, pause_s: float) -> None:
        self.run(self.world.pass_time(pause_s))

    # --- what fails ---

    @rule()
    def cut(self) -> None:
        self.run(self._now(self.world.network.cut))

    @rule(parted=st.booleans())
    def part(self, parted: bool) -> None:
        groups = [{one.host} for one in self.people]
        self.run(self._now(lambda: self.world.network.partition(*groups if parted else [])))
        if not parted:
            self.run(self._now(self.world.network.heal))

    async def _now(self, work: Any) -> None:
        work()

    @rule(who=WHO)
    def crash(self, who: int) -> None:
        self.run(self.pair(who)[0].crash())

    @rule(who=WHO, ahead=st.integers(1, 8), after=st.booleans())
    def crash_at_commit(self, who: int, ahead: int, after: bool) -> None:
        disk = self.pair(who)[0].disk
        if after:
            disk.power_lost_after = disk.commits + ahead
        else:
            disk.power_lost_before = disk.commits + ahead

    @rule(who=WHO, turns=st.integers(1, 120))
    def crash_at_turn(self, who: int, turns: int) -> None:
        self.run(self._now(lambda: self.pair(who)[0].lose_power_in(turns)))

    @rule(who=WHO)
    def restart(self, who: int) -> None:
        self.run(self._restart(self.pair(who)[0]))

    async def _restart(self, one: Person) -> None:
        await one.crash()
        try:
            await one.start()
        except StoreError:
            one.lose_power()

    @rule(who=WHO, ahead=st.integers(1, 6))
    def disk_full_once(self, who: int, ahead: int) -> None:
        disk = self.pair(who)[0].disk
        disk.full_at.add(disk.commits + ahead)

    @rule(who=WHO, full=st.booleans())
    def disk_full(self, who: int, full: bool) -> None:
        self.pair(who)[0].disk.is_full = full

    @rule(who=st.integers(0, 2), jump_s=JUMPS_S)
    def clock_jumps(self, who: int, jump_s: float) -> None:
        together = abs(jump_s) > 24 * HOUR_S and not self.days_apart
        for n, one in enumerate(self.people):
            if together or who in (n, self.count):
                one.clock.jumped_s += jump_s

    # --- in the end ---

    def teardown(self) -> None:
        try:
            if hasattr(self, "people"):
                self.run(self._finish())
        finally:
            self.runner.close()
            self.folder.cleanup()

    async def _finish(self) -> None:
        self.world.network.heal()
        for one in self.people:
            one.heal()
            if not one.is_running:
                await one.start()
        await self.world.delivered(*self.people, within_s=4 * HOUR_S)
        pairs = [(a, b) for a in self.people for b in self.people if a is not b]
        for one, other in pairs:
            self._check(one, other)
        for one, other in pairs * 2:
            await one.say(other, "and now?")
            await self.world.delivered(one, other, within_s=HOUR_S)
        for one, other in pairs:
            assert one.best_session(other) == other.best_session(one)
        await self.world.close()

    def _check(self, one: Person, other: Person) -> None:
        said = one.sent(other)
        states = {state for _, state in one.texts(other, Direction.OUT)}
        assert states <= {MessageState.DELIVERED, MessageState.READ}
        missing = set(self.accepted.get((id(one), id(other)), [])) - set(said)
        assert not missing, f"accepted and lost by {one}"
        received = other.received(one)
        # A start that a clock days behind refuses comes again later than what follows it.
        assert (sorted(received) == sorted(said)) if self.days_apart else (received == said)
        shown = [e.message_id for e in other.told(MessageReceived) if e.contact == one.name]
        assert len(shown) == len(set(shown)), "announced twice"


class GroupMachine(DeliveryMachine):
    """Three people: what goes wrong between two never harms the third."""

    count = 3


_SETTINGS = settings(
    max_examples=1_000 if LONG else 120,
    stateful_step_count=50 if LONG else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
    print_blob=True,
    phases=[Phase.generate],
)
TestDelivery = pytest.mark.long(DeliveryMachine.TestCase)
TestDelivery.settings = _SETTINGS
TestGroup = pytest.mark.long(GroupMachine.TestCase)
TestGroup.settings = settings(_SETTINGS, max_examples=300 if LONG else 30)
