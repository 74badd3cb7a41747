"""What becomes of mail with time, and of an anchor whose clock is wrong (PROTOCOL.md 10.3)."""

import asyncio

import pytest

from loom.anchor.ages import Ages
from loom.anchor.meter import Meter
from loom.wire.requests import Have, Ids, Ok, Subscribe, Subscribed
from tests.anchor_machine import (
    AnchorMachine,
    account_of,
    linked,
    opened,
    paired,
    put_of,
    queue_of,
)
from tests.node.harness import FakeClock

DAY_S = 86_400


async def lies_there(machine: AnchorMachine) -> bool:
    """Whether what was put is still there."""
    put = put_of(queue_of("in"), 1)
    writer = await linked(machine, queue_of("in").door)
    answer = await writer.ask(Have(put.queue_id, (put.blob_id,)))
    assert isinstance(answer, Ids)
    return bool(answer.ids)


async def with_mail(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    assert await writer.ask(put_of(queue, 1)) == Ok()


async def test_mail_is_kept_for_31_days(machine: AnchorMachine) -> None:
    await with_mail(machine)
    await asyncio.sleep(30.9 * DAY_S)
    assert await lies_there(machine)
    await asyncio.sleep(0.2 * DAY_S)
    assert not await lies_there(machine)
    assert machine.anchor._service.size_bytes == 0


@pytest.mark.parametrize("jump_s", [40.0 * DAY_S, -40.0 * DAY_S])
async def test_a_clock_that_jumps_deletes_nothing_for_a_day(
    machine: AnchorMachine, jump_s: float
) -> None:
    await with_mail(machine)
    await asyncio.sleep(700)
    assert isinstance(machine.clock, FakeClock)
    machine.clock.jumped_s += jump_s
    await asyncio.sleep(0.9 * DAY_S)
    machine.clock.jumped_s -= jump_s  # somebody sets it right
    await asyncio.sleep(1.1 * DAY_S)
    assert await lies_there(machine)


async def test_a_clock_that_is_wrong_at_start_deletes_nothing_for_a_day(
    machine: AnchorMachine,
) -> None:
    """A machine without a battery for its clock begins in another year."""
    await with_mail(machine)
    await machine.stop()
    assert isinstance(machine.clock, FakeClock)
    machine.clock.jumped_s += 400 * DAY_S
    await machine.start()
    await asyncio.sleep(0.9 * DAY_S)
    machine.clock.jumped_s -= 400 * DAY_S
    await asyncio.sleep(0.5 * DAY_S)
    assert await lies_there(machine)


async def test_the_reader_is_told_the_anchors_clock(machine: AnchorMachine) -> None:
    await with_mail(machine)
    assert isinstance(machine.clock, FakeClock)
    machine.clock.jumped_s += 5_000
    holder = await linked(machine, account_of("ada"))
    answer = await holder.ask(Subscribe())
    assert isinstance(answer, Subscribed)
    assert answer.clock_s == machine.clock.now_ms() // 1_000


async def test_the_gate_turns_to_the_next_day(machine: AnchorMachine) -> None:
    await with_mail(machine)
    await asyncio.sleep(5 * DAY_S)
    holder = await linked(machine, account_of("ada"))
    assert not holder.is_closed


def test_a_meter_allows_a_burst_and_then_a_rate() -> None:
    meter = Meter(10, 60.0)
    for _ in range(10):
        assert meter.wait_s(100.0) == 0
        meter.take(100.0)
    assert meter.wait_s(100.0) == pytest.approx(6.0)
    assert meter.wait_s(106.0) == pytest.approx(0.0)
    for _ in range(10):
        meter.take(1_000.0)
    assert meter.wait_s(1_000.0) > 0


def test_a_machine_that_was_off_for_a_day_waits_too() -> None:
    ages = Ages(1_000_000.0, 1_000_000.0 + 3 * DAY_S, 50.0)
    assert not ages.may_delete(1_000_000.0 + 3 * DAY_S + 600, 650.0)
    assert ages.may_delete(1_000_000.0 + 4 * DAY_S + 60, 50.0 + DAY_S + 60)
    assert Ages(0.0, 5.0, 50.0).may_delete(605.0, 650.0)
