"""Queues for parcels of files: limits of their own, and mail first (PROTOCOL.md 10.3)."""

import asyncio
from pathlib import Path
from random import Random

import msgspec
import pytest

from loom.anchor import moving
from loom.anchor.limits import AnchorLimits, read_limits
from loom.api.anchor_commands import AnchorStatus, DrainAnchor, ListAccounts
from loom.core.queues import QueueKeys
from loom.errors import InvalidInput
from loom.wire.limits import (
    BULK_BLOB_BYTES,
    BULK_PUSHES_MAX,
    ENVELOPE_BUCKETS,
    PARCEL_BYTES,
    PUSHES_UNACKNOWLEDGED_MAX,
    SEALED_BUNDLE_BYTES,
)
from loom.wire.requests import (
    Ack,
    Ended,
    Fetch,
    Full,
    Have,
    Ids,
    Later,
    Lay,
    Ok,
    Put,
    QueueUse,
    Shut,
    Status,
    Stored,
    Subscribe,
    Taken,
    Unknown,
)
from tests.anchor_machine import (
    AnchorMachine,
    AnchorPeer,
    account_of,
    linked,
    open_of,
    opened,
    paired,
    put_of,
    queue_of,
    settled,
)

DAY_S = 86_400
BULK = QueueUse.BULK


def with_limits(machine: AnchorMachine, **changed: int) -> None:
    limits = msgspec.structs.replace(machine.limits, **changed)
    machine.limits = machine.anchor._service.limits = limits


def parcel_of(queue: QueueKeys, label: object) -> Put:
    """A put of a parcel of a file."""
    return Put(queue.queue_id, queue.seal_parcel(Random(f"parcel {label}").randbytes(PARCEL_BYTES)))


def pushed(peer: AnchorPeer, queue: QueueKeys) -> list[bytes]:
    """The blobs of one queue that a reader was pushed."""
    return [one.blob for one in peer.pushes if one.blob and one.queue_id == queue.queue_id]


async def test_parcels_lie_there_in_order_until_they_are_acknowledged(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    puts = [parcel_of(queue, n) for n in range(3)]
    assert [await one for one in map(writer.send, puts)] == [Ok()] * 3
    await machine.restart()
    holder = await linked(machine, account_of("ada"))
    await holder.ask(Subscribe())
    await settled()
    assert pushed(holder, queue) == [one.blob for one in puts]
    assert [queue.open_parcel(one) for one in pushed(holder, queue)]
    ids = tuple(one.blob_id for one in puts)
    assert await holder.ask(Ack(queue.queue_id, ids[:2])) == Ok()
    writer = await linked(machine, queue.door)
    assert await writer.ask(Have(queue.queue_id, ids)) == Ids(ids[2:])


async def test_only_parcels_go_into_a_queue_for_files_and_no_bundles(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    for size in ENVELOPE_BUCKETS[:2]:
        assert await writer.ask(put_of(queue, 1, size)) == Unknown()
    assert await holder.ask(Lay(queue.queue_id, 0, bytes(SEALED_BUNDLE_BYTES))) == Unknown()
    assert await writer.ask(Fetch(queue.queue_id)) == Unknown()
    assert await holder.ask(open_of(queue)) == Taken()
    assert await holder.ask(open_of(queue, BULK)) == Ok()


async def test_files_take_none_of_the_room_of_mail_and_mail_none_of_theirs(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    inbox, friend = await opened(machine, holder, "in")
    with_limits(machine, account_bytes=10_000, bulk_account_bytes=2 * BULK_BLOB_BYTES)
    assert [await writer.ask(parcel_of(queue, n)) for n in range(3)] == [Ok(), Ok(), Full()]
    assert [await friend.ask(put_of(inbox, n)) for n in range(3)] == [Ok(), Ok(), Full()]
    [account] = machine.anchor._service.accounts.values()
    assert (account.size_bytes, account.bulk_bytes) == (2 * 4_132, 2 * BULK_BLOB_BYTES)
    assert await holder.ask(Shut(queue.queue_id)) == Ok()
    assert (account.size_bytes, account.bulk_bytes) == (2 * 4_132, 0)


@pytest.mark.parametrize("limit", ["bulk_queue_bytes", "bulk_account_bytes"])
async def test_a_full_window_has_room_again_once_parcels_were_read(
    machine: AnchorMachine, limit: str
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    with_limits(machine, **{limit: 2 * BULK_BLOB_BYTES})
    puts = [parcel_of(queue, n) for n in range(3)]
    assert [await one for one in map(writer.send, puts)] == [Ok(), Ok(), Full()]
    assert await writer.ask(puts[1]) == Ok()  # it lies there
    await holder.ask(Ack(queue.queue_id, (puts[0].blob_id,)))
    assert await writer.ask(puts[2]) == Ok()


async def test_files_leave_half_of_the_disk_to_mail(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    inbox, friend = await opened(machine, holder, "in")
    machine.anchor._service.room_bytes = 3 * BULK_BLOB_BYTES
    assert await writer.ask(parcel_of(queue, 1)) == Ok()
    assert await writer.ask(parcel_of(queue, 2)) == Full()
    long = ENVELOPE_BUCKETS[2]
    answers = [await friend.ask(put_of(inbox, n, long)) for n in range(3)]
    assert answers == [Ok(), Ok(), Full()]


async def test_a_flood_of_parcels_is_told_to_come_later_and_hurts_no_mail(
    machine: AnchorMachine,
) -> None:
    machine.limits = msgspec.structs.replace(machine.limits, bulk_puts_per_minute=20)
    await machine.restart()
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    other, second = await opened(machine, holder, "more files", BULK)
    inbox, friend = await opened(machine, holder, "in")
    answers = [await one for one in [writer.send(parcel_of(queue, n)) for n in range(25)]]
    assert answers == [Ok()] * 20 + [Later(3)] * 5
    assert await second.ask(parcel_of(other, 1)) == Later(3)
    assert await friend.ask(put_of(inbox, 1)) == Ok()
    await asyncio.sleep(3.0)
    assert await writer.ask(parcel_of(queue, 20)) == Ok()


async def test_a_full_disk_is_a_full_window(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    machine.disk.is_full = True
    assert await writer.ask(parcel_of(queue, 1)) == Full()
    assert machine.anchor._service.bulk_bytes == 0
    machine.disk.heal()
    assert await writer.ask(parcel_of(queue, 1)) == Ok()


async def test_mail_comes_before_parcels_and_past_those_nobody_acknowledges(
    machine: AnchorMachine,
) -> None:
    """However large a file is, a text behind it is pushed at once."""
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    inbox, friend = await opened(machine, holder, "in")
    parcels = [parcel_of(queue, n) for n in range(40)]
    assert [await one for one in map(writer.send, parcels)] == [Ok()] * 40
    await holder.ask(Subscribe())
    await settled()
    assert pushed(holder, queue) == [one.blob for one in parcels[:BULK_PUSHES_MAX]]
    mail = [put_of(inbox, n) for n in range(40)]
    assert [await one for one in map(friend.send, mail)] == [Ok()] * 40
    await settled()
    room = PUSHES_UNACKNOWLEDGED_MAX - BULK_PUSHES_MAX
    assert pushed(holder, inbox) == [one.blob for one in mail[:room]]
    await holder.ask(Ack(inbox.queue_id, tuple(one.blob_id for one in mail[:room])))
    await settled()
    assert pushed(holder, inbox) == [one.blob for one in mail[: 2 * room]]
    assert len(pushed(holder, queue)) == BULK_PUSHES_MAX
    while len(pushed(holder, queue)) < 40 or len(pushed(holder, inbox)) < 40:
        for keys in (queue, inbox):
            ids = tuple(one[:12] for one in pushed(holder, keys))
            await holder.ask(Ack(keys.queue_id, ids))
        await settled()
    assert pushed(holder, queue) == [one.blob for one in parcels]


async def test_a_shut_window_holds_back_no_other(machine: AnchorMachine) -> None:
    """What was pushed of it and never acknowledged counts no more."""
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    for number in range(20):
        assert await writer.ask(parcel_of(queue, number)) == Ok()
    await holder.ask(Subscribe())
    await settled()
    await holder.ask(Shut(queue.queue_id))
    other, writer = await opened(machine, holder, "other", BULK)
    puts = [parcel_of(other, number) for number in range(BULK_PUSHES_MAX)]
    assert [await one for one in map(writer.send, puts)] == [Ok()] * BULK_PUSHES_MAX
    await settled()
    assert pushed(holder, other) == [one.blob for one in puts]


async def test_parcels_are_kept_for_7_days_and_mail_beside_them_for_31(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    inbox, friend = await opened(machine, holder, "in")
    parcel, mail = parcel_of(queue, 1), put_of(inbox, 1)
    assert [await writer.ask(parcel), await friend.ask(mail)] == [Ok(), Ok()]
    await asyncio.sleep(6.9 * DAY_S)
    writer = await linked(machine, queue.door)
    assert await writer.ask(Have(queue.queue_id, (parcel.blob_id,))) == Ids((parcel.blob_id,))
    late = parcel_of(queue, 2)
    assert await writer.ask(late) == Ok()
    await asyncio.sleep(0.2 * DAY_S)
    writer, friend = await linked(machine, queue.door), await linked(machine, inbox.door)
    ids = (parcel.blob_id, late.blob_id)
    assert await writer.ask(Have(queue.queue_id, ids)) == Ids((late.blob_id,))
    assert await friend.ask(Have(inbox.queue_id, (mail.blob_id,))) == Ids((mail.blob_id,))
    assert machine.anchor._service.bulk_bytes == BULK_BLOB_BYTES


async def test_a_queue_for_files_that_ended_takes_nothing_more(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue = queue_of("files")
    now_s = machine.clock.now_ms() // 1_000
    assert await holder.ask(open_of(queue, BULK, now_s + 50)) == Ok()
    await asyncio.sleep(51.0)
    writer = await linked(machine, queue.door)
    assert await writer.ask(parcel_of(queue, 1)) == Ended()


async def test_an_anchor_can_be_set_to_take_no_files(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    kept, writer = await opened(machine, holder, "before", BULK)
    with_limits(machine, bulk_account_bytes=0)
    assert await holder.ask(open_of(queue_of("files"), BULK)) == Full()
    assert await holder.ask(open_of(kept, BULK)) == Ok()
    assert await writer.ask(parcel_of(kept, 1)) == Full()
    assert await holder.ask(open_of(queue_of("in"))) == Ok()


async def test_an_anchor_that_drains_hands_out_parcels_and_ends(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    parcel = parcel_of(queue, 1)
    assert await writer.ask(parcel) == Ok()
    assert (await machine.send(DrainAnchor(on=True))).draining
    assert await writer.ask(parcel_of(queue, 2)) == Full()
    assert await holder.ask(open_of(queue_of("more files"), BULK)) == Full()
    assert not machine.anchor.wants_stop.is_set()
    await holder.ask(Ack(queue.queue_id, (parcel.blob_id,)))
    assert machine.anchor.wants_stop.is_set()


async def test_a_queue_for_files_moves_to_another_machine(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    assert await writer.ask(parcel_of(queue, 1)) == Ok()
    moved = machine.database.look(moving.read)
    await machine.wipe()
    await machine.database.write(lambda db: moving.write(db, moved, "moved"))
    await machine.restart()
    [found] = machine.anchor._service.queues.values()
    assert (found.queue_id, found.use, found.blobs) == (queue.queue_id, BULK, 0)
    writer = await linked(machine, queue.door)
    assert await writer.ask(parcel_of(queue, 1)) == Ok()


async def test_the_owner_and_the_account_see_what_files_take(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "files", BULK)
    inbox, friend = await opened(machine, holder, "in")
    await writer.ask(parcel_of(queue, 1))
    await friend.ask(put_of(inbox, 1))
    status = await machine.send(AnchorStatus())
    assert (status.size_bytes, status.bulk_bytes) == (BULK_BLOB_BYTES + 4_132, BULK_BLOB_BYTES)
    [account] = (await machine.send(ListAccounts())).accounts
    assert (account.size_bytes, account.bulk_bytes) == (status.size_bytes, BULK_BLOB_BYTES)
    stored = await holder.ask(Status())
    assert isinstance(stored, Stored)
    assert stored.limits.bulk_account_bytes == 256 << 20
    assert {one.size_bytes for one in stored.queues} == {4_132, BULK_BLOB_BYTES}


def test_the_limits_of_files_are_read_from_the_owners_file(tmp_path: Path) -> None:
    path = tmp_path / "anchor.toml"
    path.write_text("[limits]\nbulk_account_bytes = 0\nbulk_queue_bytes = 1000000\n")
    limits = read_limits(path)
    assert (limits.bulk_account_bytes, limits.bulk_queue_bytes) == (0, 1_000_000)
    assert limits.bulk_puts_per_minute == AnchorLimits().bulk_puts_per_minute
    path.write_text("[limits]\nbulk_queue_bytes = 0\n")
    with pytest.raises(InvalidInput):
        read_limits(path)
