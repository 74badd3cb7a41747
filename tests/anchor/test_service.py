"""What an anchor does when it is asked (PROTOCOL.md 10.3)."""

import asyncio

import msgspec
import pytest

from loom.core.queues import derive_pairing_keys, find_work
from loom.crypto.kdf import hash_
from loom.wire.limits import ENVELOPE_BUCKETS, SEALED_BUNDLE_BYTES
from loom.wire.pairing import decode_pairing_text
from loom.wire.requests import (
    Ack,
    Ended,
    Fetch,
    Full,
    Have,
    Ids,
    Laid,
    Later,
    Lay,
    More,
    Ok,
    Pair,
    Push,
    QueueUse,
    Request,
    Shut,
    Status,
    Stored,
    Subscribe,
    Subscribed,
    Taken,
    Unknown,
    Unpair,
    Work,
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

LONG, SHORT = ENVELOPE_BUCKETS[2], ENVELOPE_BUCKETS[0]


def with_limits(machine: AnchorMachine, **changed: int) -> None:
    limits = msgspec.structs.replace(machine.limits, **changed)
    machine.limits = machine.anchor._service.limits = limits


async def test_both_ways_through_one_anchor(machine: AnchorMachine) -> None:
    """The guest has no account, and yet both write and both read."""
    holder = await paired(machine)
    inbound, writer = await opened(machine, holder, "in")
    outbound, reader = await opened(machine, holder, "out", QueueUse.OUTBOUND)
    forth, back = put_of(inbound, "hello"), put_of(outbound, "hi")
    assert await writer.ask(forth) == Ok()
    assert await holder.ask(back) == Ok()
    assert isinstance(await holder.ask(Subscribe()), Subscribed)
    assert isinstance(await reader.ask(Subscribe()), Subscribed)
    await settled()
    assert holder.pushes == [Push(inbound.queue_id, 0, forth.blob)]
    assert reader.pushes == [Push(outbound.queue_id, 0, back.blob)]
    assert await holder.ask(Ack(inbound.queue_id, (forth.blob_id,))) == Ok()
    assert await writer.ask(Have(inbound.queue_id, (forth.blob_id,))) == Ids(())


async def test_pushes_come_oldest_first_and_say_how_many_are_behind(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    empty, _ = await opened(machine, holder, "empty")
    puts = [put_of(queue, number) for number in range(5)]
    assert [await one for one in map(writer.send, puts)] == [Ok()] * 5
    await holder.ask(Subscribe())
    await settled()
    assert [one for one in holder.pushes if one.queue_id == empty.queue_id] == [
        Push(empty.queue_id, 0)
    ]
    found = [one for one in holder.pushes if one.queue_id == queue.queue_id]
    assert found == [Push(queue.queue_id, 4 - n, put.blob) for n, put in enumerate(puts)]


async def test_a_reader_has_at_most_32_pushes_unacknowledged(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    puts = [put_of(queue, number) for number in range(100)]
    assert [await one for one in map(writer.send, puts)] == [Ok()] * 100
    await holder.ask(Subscribe())
    await settled()
    assert [one.blob for one in holder.pushes] == [put.blob for put in puts[:32]]
    await holder.ask(Ack(queue.queue_id, tuple(put.blob_id for put in puts[:10])))
    await settled()
    assert [one.blob for one in holder.pushes] == [put.blob for put in puts[:42]]
    late = put_of(queue, "late")
    assert await writer.ask(late) == Ok()
    while len(holder.pushes) < 101:
        await holder.ask(Ack(queue.queue_id, tuple(one.blob_id for one in holder.pushes)))
        await settled()
    assert [one.blob for one in holder.pushes] == [put.blob for put in [*puts, late]]
    assert holder.pushes[-1].behind == 0


async def test_what_was_not_acknowledged_comes_again_on_the_next_link(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    first, second = put_of(queue, 1), put_of(queue, 2)
    await asyncio.gather(writer.send(first), writer.send(second))
    await holder.ask(Subscribe())
    await settled()
    await holder.ask(Ack(queue.queue_id, (first.blob_id,)))
    holder.close()
    again = await linked(machine, account_of("ada"))
    await again.ask(Subscribe())
    await settled()
    assert again.pushes == [Push(queue.queue_id, 0, second.blob)]


async def test_what_is_put_while_nobody_reads_survives_a_power_cut(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    puts = [put_of(queue, number) for number in range(7)]
    assert [await one for one in map(writer.send, puts)] == [Ok()] * 7
    await machine.restart()
    holder = await linked(machine, account_of("ada"))
    await holder.ask(Subscribe())
    await settled()
    assert [one.blob for one in holder.pushes] == [put.blob for put in puts]
    writer = await linked(machine, queue.door)
    ids = tuple(put.blob_id for put in puts)
    assert await writer.ask(Have(queue.queue_id, (*ids, bytes(12)))) == Ids(ids)


async def test_a_retry_is_known_as_long_as_it_lies_there(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    put = put_of(queue, 1)
    assert [await one for one in (writer.send(put), writer.send(put))] == [Ok(), Ok()]
    status = await holder.ask(Status())
    assert isinstance(status, Stored)
    assert (status.queues[0].blobs, status.queues[0].size_bytes) == (1, len(put.blob))
    await holder.ask(Ack(queue.queue_id, (put.blob_id,)))
    assert await writer.ask(put) == Ok()
    await holder.ask(Subscribe())
    await settled()
    assert len(holder.pushes) == 1


# --- who may what ---


async def test_nobody_uses_a_queue_in_the_other_direction_or_that_of_others(
    machine: AnchorMachine,
) -> None:
    ada, bob = await paired(machine), await paired(machine, "bob")
    queue, guest = await opened(machine, ada, "in")
    put = put_of(queue, 1)
    sealed = bytes(SEALED_BUNDLE_BYTES)
    cases: list[tuple[AnchorPeer, list[Request]]] = [
        (ada, [put, Have(queue.queue_id, ()), Fetch(queue.queue_id)]),
        (guest, [Ack(queue.queue_id, ()), Lay(queue.queue_id, 0, sealed), Subscribe()]),
        (guest, [open_of(queue), Shut(queue.queue_id), Status(), Pair(bytes(32), bytes(32))]),
        (bob, [put, Ack(queue.queue_id, ()), Have(queue.queue_id, ()), Fetch(queue.queue_id)]),
        (bob, [Lay(queue.queue_id, 0, sealed), put_of(queue_of("none"), 1)]),
    ]
    for peer, requests in cases:
        assert [await peer.ask(one) for one in requests] == [Unknown()] * len(requests)
    assert await bob.ask(Shut(queue.queue_id)) == Ok()
    assert await guest.ask(put) == Ok()


async def test_the_same_open_is_the_same_queue_and_another_accounts_is_taken(
    machine: AnchorMachine,
) -> None:
    ada, bob = await paired(machine), await paired(machine, "bob")
    queue, guest = await opened(machine, ada, "in")
    await guest.ask(put_of(queue, 1))
    assert await ada.ask(open_of(queue)) == Ok()
    assert await ada.ask(open_of(queue, QueueUse.OUTBOUND)) == Taken()
    assert await bob.ask(open_of(queue)) == Taken()
    other = queue_of("other")
    stolen = msgspec.structs.replace(open_of(other), tag=queue.door.tag)
    assert await bob.ask(stolen) == Taken()
    account = msgspec.structs.replace(open_of(other), tag=account_of("ada").tag)
    assert await bob.ask(account) == Taken()
    status = await ada.ask(Status())
    assert isinstance(status, Stored)
    assert [one.blobs for one in status.queues] == [1]


async def test_a_shut_queue_is_gone_with_its_guests(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, guest = await opened(machine, holder, "in")
    await guest.ask(put_of(queue, 1))
    assert [await holder.ask(Shut(queue.queue_id)) for _ in range(2)] == [Ok(), Ok()]
    await settled()
    assert guest.is_closed
    assert not await AnchorPeer(machine, queue.door).dial()
    status = await holder.ask(Status())
    assert isinstance(status, Stored)
    assert status.queues == ()
    assert machine.anchor._service.size_bytes == 0


async def test_a_queue_shut_twice_at_once_counts_once(machine: AnchorMachine) -> None:
    """Or an account would get room beyond its limit."""
    holder = await paired(machine)
    queue, guest = await opened(machine, holder, "in")
    kept, other = await opened(machine, holder, "kept")
    await guest.ask(put_of(queue, 1))
    await other.ask(put_of(kept, 2))
    shuts = [holder.send(Shut(queue.queue_id)) for _ in range(3)]
    assert [await one for one in shuts] == [Ok()] * 3
    service = machine.anchor._service
    [account] = service.accounts.values()
    assert service.size_bytes == account.size_bytes == len(put_of(kept, 2).blob)


async def test_an_account_that_unpairs_is_gone_with_its_queues(machine: AnchorMachine) -> None:
    ada, bob = await paired(machine), await paired(machine, "bob")
    queue, guest = await opened(machine, ada, "in")
    empty, _ = await opened(machine, ada, "empty", QueueUse.OUTBOUND)
    kept, writer = await opened(machine, bob, "kept")
    await guest.ask(put_of(queue, 1))
    await writer.ask(put_of(kept, 2))
    assert await guest.ask(Unpair()) == Unknown()
    answers = [ada.send(Unpair()) for _ in range(2)]
    assert await answers[0] == Ok()
    await settled()
    assert ada.is_closed
    assert guest.is_closed
    for keys in (account_of("ada"), queue.door, empty.door):
        assert not await AnchorPeer(machine, keys).dial()
    service = machine.anchor._service
    assert (list(service.queues), service.size_bytes) == (
        [kept.queue_id],
        len(put_of(kept, 2).blob),
    )
    await machine.restart()
    assert list(machine.anchor._service.queues) == [kept.queue_id]
    again = await linked(machine, account_of("bob"))
    assert await again.ask(open_of(queue)) == Ok()


# --- full, later, ended ---


async def test_after_full_nothing_later_enters_before_what_was_refused(
    machine: AnchorMachine,
) -> None:
    """A long text that has no room must not be overtaken by a short one behind it."""
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    with_limits(machine, queue_bytes=LONG + 2 * SHORT)
    first, long, short = put_of(queue, 1), put_of(queue, 2, LONG), put_of(queue, 3)
    second = put_of(queue, 4, ENVELOPE_BUCKETS[1])
    answers = [await one for one in map(writer.send, (first, second, long, short))]
    assert answers == [Ok(), Ok(), Full(), Full()]
    await holder.ask(Ack(queue.queue_id, (first.blob_id, second.blob_id)))
    assert await writer.ask(short) == Full()
    assert [await one for one in map(writer.send, (long, short))] == [Ok(), Ok()]


async def test_a_refusal_does_not_hold_up_others_for_long(machine: AnchorMachine) -> None:
    """The writer may have got its refused blob across by another way."""
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    with_limits(machine, queue_blobs=1)
    assert await writer.ask(put_of(queue, 1)) == Ok()
    assert await writer.ask(put_of(queue, 2)) == Full()
    await holder.ask(Ack(queue.queue_id, (put_of(queue, 1).blob_id,)))
    await asyncio.sleep(10.0)
    assert await writer.ask(put_of(queue, 3)) == Ok()


async def test_a_blob_that_lies_there_is_known_when_the_queue_is_full(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    with_limits(machine, queue_blobs=1)
    put = put_of(queue, 1)
    assert [await writer.ask(put), await writer.ask(put)] == [Ok(), Ok()]
    assert await writer.ask(put_of(queue, 2)) == Full()


@pytest.mark.parametrize("limit", ["queue_blobs", "queue_bytes", "account_bytes"])
async def test_each_limit_is_full_and_counts_down_again(machine: AnchorMachine, limit: str) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    with_limits(machine, **{limit: 1 if limit == "queue_blobs" else 5_000})
    for number in range(3):
        put = put_of(queue, number)
        assert await writer.ask(put) == Ok()
        assert await writer.ask(put_of(queue, "more")) == Full()
        await holder.ask(Ack(queue.queue_id, (put.blob_id,)))
        await asyncio.sleep(10.0)


async def test_a_flood_by_one_writer_is_told_to_come_later_and_hurts_no_other(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    other, friend = await opened(machine, holder, "other")
    with_limits(machine, queue_blobs=10_000)
    answers = [await one for one in [writer.send(put_of(queue, n)) for n in range(250)]]
    assert answers[:200] == [Ok()] * 200
    assert all(isinstance(one, Later) and one.seconds == 1 for one in answers[200:])
    assert await friend.ask(put_of(other, 1)) == Ok()
    await asyncio.sleep(60.0)
    assert await writer.ask(put_of(queue, 200)) == Ok()


async def test_a_full_disk_is_a_full_queue(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    machine.disk.is_full = True
    assert await writer.ask(put_of(queue, 1)) == Full()
    assert machine.anchor._service.size_bytes == 0
    machine.disk.heal()
    assert await writer.ask(put_of(queue, 1)) == Ok()


async def test_blobs_take_no_more_than_their_share_of_the_disk(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    machine.anchor._service.room_bytes = 5_000
    assert await writer.ask(put_of(queue, 1)) == Ok()
    assert await writer.ask(put_of(queue, 2)) == Full()


async def test_a_queue_that_ended_takes_nothing_more_and_is_read(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue = queue_of("invite")
    until_s = machine.clock.now_ms() // 1_000 + 100
    assert await holder.ask(open_of(queue, QueueUse.INVITE, until_s)) == Ok()
    joiner = await linked(machine, queue.door)
    put = put_of(queue, 1)
    assert await joiner.ask(put) == Ok()
    await asyncio.sleep(50)
    await joiner.ask(Have(queue.queue_id, ()))
    await asyncio.sleep(51)
    assert await joiner.ask(put_of(queue, 2)) == Ended()
    holder = await linked(machine, account_of("ada"))
    await holder.ask(Subscribe())
    await settled()
    assert [one.blob for one in holder.pushes] == [put.blob]


async def test_a_queue_of_an_invite_holds_32_blobs(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, joiner = await opened(machine, holder, "invite", QueueUse.INVITE)
    answers = [await one for one in [joiner.send(put_of(queue, n)) for n in range(33)]]
    assert answers == [Ok()] * 32 + [Full()]


# --- bundles ---


def sealed(number: int) -> bytes:
    return bytes([number]) * SEALED_BUNDLE_BYTES


async def test_bundles_that_serve_once_go_first_and_the_last_one_stays(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    assert await writer.ask(Fetch(queue.queue_id)) == Laid(b"", 0)
    for place in (3, 1, 0):
        assert await holder.ask(Lay(queue.queue_id, place, sealed(place))) == Ok()
    subscribed = await holder.ask(Subscribe())
    assert isinstance(subscribed, Subscribed)
    marks = [hash_(sealed(place))[:8] for place in range(4)]
    marks[2] = bytes(8)
    assert subscribed.queues[0].marks == b"".join(marks)
    fetched = [await writer.ask(Fetch(queue.queue_id)) for _ in range(4)]
    assert fetched == [
        Laid(sealed(0), 1),
        Laid(sealed(1), 0),
        Laid(sealed(3), 0),
        Laid(sealed(3), 0),
    ]
    status = await holder.ask(Status())
    assert isinstance(status, Stored)
    assert status.queues[0].bundles == 0


async def test_fetches_are_ten_an_hour(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    await holder.ask(Lay(queue.queue_id, 3, sealed(3)))
    answers = [await writer.ask(Fetch(queue.queue_id)) for _ in range(11)]
    assert answers[:10] == [Laid(sealed(3), 0)] * 10
    assert answers[10] == Later(360)


async def test_a_guest_that_reads_lays_bundles_for_the_holder(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, reader = await opened(machine, holder, "out", QueueUse.OUTBOUND)
    assert await reader.ask(Lay(queue.queue_id, 0, sealed(1))) == Ok()
    assert await holder.ask(Fetch(queue.queue_id)) == Laid(sealed(1), 0)


# --- addresses ---


async def test_a_put_to_an_address_needs_work_on_its_day(machine: AnchorMachine) -> None:
    holder = await paired(machine)
    queue, stranger = await opened(machine, holder, "address", QueueUse.ADDRESS)
    put, day = put_of(queue, 1), machine.clock.now_ms() // 86_400_000
    assert await stranger.ask(put) == More(20)
    bits = 12
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loom.anchor.service.work_bits", lambda waiting: bits)
        nonce = find_work(queue.queue_id, day, put.blob_id, bits, 0, 1 << 20)
        assert nonce is not None
        lazy = Work(queue.queue_id, put.blob_id, day, nonce + 1)
        old = find_work(queue.queue_id, day - 2, put.blob_id, bits, 0, 1 << 20)
        assert old is not None
        for wrong in (lazy, Work(queue.queue_id, put.blob_id, day - 2, old)):
            assert await stranger.ask(wrong) == More(bits)
            assert await stranger.ask(put) == More(bits)
        assert await stranger.ask(Work(queue.queue_id, put.blob_id, day, nonce)) == Ok()
        assert await stranger.ask(put) == Ok()
        assert await stranger.ask(put_of(queue, 2)) == More(bits)


# --- pairing ---


async def test_a_pairing_text_makes_one_account_and_a_lost_answer_is_asked_for_again(
    machine: AnchorMachine,
) -> None:
    keys = derive_pairing_keys(decode_pairing_text(await machine.pairing_text()).secret)
    ada, eve = account_of("ada"), account_of("eve")
    first = await linked(machine, keys)
    answers = [await first.ask(Pair(ada.tag, ada.link)) for _ in range(2)]
    assert answers == [machine.limits.told()] * 2
    again = await linked(machine, keys)
    assert await again.ask(Pair(ada.tag, ada.link)) == machine.limits.told()
    assert await again.ask(Pair(eve.tag, eve.link)) == Unknown()
    assert not await AnchorPeer(machine, eve).dial()
    assert len(machine.anchor._service.accounts) == 1


async def test_an_account_makes_the_one_that_replaces_it_once(machine: AnchorMachine) -> None:
    ada, after, thief = await paired(machine), account_of("after"), account_of("thief")
    for _ in range(2):  # the answer was lost
        assert await ada.ask(Pair(after.tag, after.link)) == machine.limits.told()
    assert await ada.ask(Pair(thief.tag, thief.link)) == Unknown()
    assert await ada.ask(Pair(after.tag, thief.link)) == Unknown()
    await machine.restart()
    ada = await linked(machine, account_of("ada"))
    assert await ada.ask(Pair(after.tag, after.link)) == machine.limits.told()
    successor = await linked(machine, after)
    queue = queue_of("its own")
    assert await successor.ask(open_of(queue)) == Ok()
    assert await ada.ask(Unpair()) == Ok()
    assert isinstance(await (await linked(machine, after)).ask(Status()), Stored)
    assert len(machine.anchor._service.accounts) == 1


async def test_accounts_that_replace_one_another_are_few(machine: AnchorMachine) -> None:
    """Or one text would be worth any number of accounts."""
    last = await paired(machine)
    for n in range(3):
        keys = account_of(f"{n}")
        assert await last.ask(Pair(keys.tag, keys.link)) == machine.limits.told()
        last = await linked(machine, keys)
    more = account_of("more")
    assert await last.ask(Pair(more.tag, more.link)) == Full()
    first = await linked(machine, account_of("ada"))
    assert await first.ask(Unpair()) == Ok()
    assert await last.ask(Pair(more.tag, more.link)) == machine.limits.told()


async def test_a_pairing_text_ends_with_its_time(machine: AnchorMachine) -> None:
    text = decode_pairing_text(await machine.pairing_text(60))
    keys = derive_pairing_keys(text.secret)
    assert text.expires_h * 3_600 - machine.clock.now_ms() // 1_000 <= 3_660
    await asyncio.sleep(3_661)
    assert not await AnchorPeer(machine, keys).dial()
    await machine.restart()
    assert not await AnchorPeer(machine, keys).dial()


async def test_thousands_of_queues(machine: AnchorMachine) -> None:
    """As many as an account may have; the next one is full."""
    holder = await paired(machine)
    names = [queue_of(str(number)) for number in range(1_001)]
    answers = [await one for one in [holder.send(open_of(name)) for name in names]]
    assert answers == [Ok()] * 1_000 + [Full()]
    subscribed = await holder.ask(Subscribe())
    assert isinstance(subscribed, Subscribed)
    assert len(subscribed.queues) == 1_000
    await settled()
    assert {one.queue_id for one in holder.pushes} == {one.queue_id for one in names[:1_000]}
    writer = await linked(machine, names[999].door)
    put = put_of(names[999], 1)
    assert await writer.ask(put) == Ok()
    await settled()
    assert holder.pushes[1_000:] == [Push(put.queue_id, 0, put.blob)]
    status = await holder.ask(Status())
    assert isinstance(status, Stored)
    assert len(status.queues) == 1_000
