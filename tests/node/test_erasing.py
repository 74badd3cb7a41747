"""What was deleted for both is on neither disk: pages, log, index, events, outbox (PROTOCOL 8)."""

from functools import partial
from pathlib import Path

import pytest

from loom.api.conversation_commands import SetDraft
from loom.api.message_commands import DeleteMessages, EditMessage, Pin, React, Search, SendText
from loom.model import MessageId
from loom.storage import farewells, search
from loom.storage.farewells import Covered
from loom.wire.content import Delete, Edit, Text
from tests.new_database import KEY
from tests.node.harness import Person, World
from tests.node.test_farewells import send_raw
from tests.storage.pages import decrypted

BODY = "zanzibar marzipan " * 40
WORDINGS = ["quokka one", "quokka two " * 900, "numbat"]
EMOJI = "\N{FLAMINGO}"
NEEDLES = (b"zanzibar", b"marzipan", b"quokka", b"numbat", EMOJI.encode())
STAYS = b"wombat"


def found(path: Path) -> set[bytes]:
    held = decrypted(path, KEY).lower()
    return {one for one in (*NEEDLES, STAYS) if one in held}


async def talk(alice: Person, bob: Person, *, is_indexed: bool) -> str:
    """A message with all that can belong to one; its id."""
    await alice.say(bob, *(f"ordinary wombat {number}" for number in range(30)))
    [said] = await alice.say(bob, BODY)
    for body in WORDINGS:
        command = EditMessage(contact="Bob", message_id=said.message_id, body=body)
        await alice.do(command)
    begun = SetDraft(contact="Bob", body="", edits=said.message_id, wording="numbat once more")
    await alice.do(begun)
    await alice.world.delivered(alice, bob)
    await bob.do(React(contact="Alice", message_id=said.message_id, emoji=EMOJI))
    await alice.do(React(contact="Bob", message_id=said.message_id, emoji=EMOJI))
    await bob.do(Pin(contact="Alice", message_id=said.message_id))
    await bob.do(SendText(contact="Alice", body="wombat, too", reply_to=said.message_id))
    await alice.world.delivered(alice, bob)
    for one in (alice, bob):
        if is_indexed:
            assert len((await one.do(Search(text="numbat"))).messages) == 1
            assert not (await one.do(Search(text="zanzibar"))).messages
        assert await one.database.checkpoint()
    return said.message_id


@pytest.mark.parametrize("is_indexed", [True, False])
async def test_what_was_deleted_for_both_is_on_neither_disk(
    world: World, *, is_indexed: bool
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    message_id = await talk(alice, bob, is_indexed=is_indexed)
    assert found(alice.path) == found(bob.path) == {*NEEDLES, STAYS}
    await alice.do(DeleteMessages(contact="Bob", message_ids=[message_id], for_both=True))
    assert found(alice.path) == {STAYS}
    await world.delivered(alice, bob)
    await world.pass_time(12)
    assert found(bob.path) == {STAYS}
    for one in (alice, bob):
        for word in ("numbat", "zanzibar", "quokka"):
            assert not (await one.do(Search(text=word))).messages
        await one.database.write(search.index_new)
        await one.stop()
        assert found(one.path) == {STAYS}


async def test_what_waits_is_withdrawn_with_its_edits_when_it_is_deleted(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [sent] = await alice.say(bob, "wombat, sent")
    await world.delivered(alice, bob)
    await bob.stop()
    await world.until(lambda: not alice.is_online(bob))
    [waits] = await alice.say(bob, BODY)
    for message_id in (sent.message_id, waits.message_id):
        for body in WORDINGS:
            await alice.do(EditMessage(contact="Bob", message_id=message_id, body=body))
        await alice.do(React(contact="Bob", message_id=message_id, emoji=EMOJI))
    assert await alice.database.checkpoint()
    assert found(alice.path) == {*NEEDLES, STAYS}
    ids = [sent.message_id, waits.message_id]
    await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=True))
    assert alice.queued(bob) == 1  # the Delete of what was sent
    assert found(alice.path) == set()


async def test_what_was_early_for_a_text_that_is_never_shown_is_not_on_the_disk(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for target, wording in ((b"d" * 16, "zanzibar"), (b"c" * 16, "quokka")):
        edit = partial(Edit, sent_at_ms=2, target_id=target, number=1, body=wording)
        await send_raw(alice, bob, lambda mid, edit=edit: edit(message_id=mid))
    await world.delivered(alice, bob)
    assert found(bob.path) == {b"zanzibar", b"quokka"}
    now_ms, number = bob.clock.now_ms(), bob.peer(alice).conversation_id
    covered = Covered(now_ms, now_ms, 0, MessageId(b"f" * 16))
    await bob.database.write(lambda db: farewells.put(db, number, covered))
    await send_raw(alice, bob, lambda mid: Delete(mid, 2, (b"d" * 16,)))
    await alice.peer(bob).delivery.outbox.add(
        MessageId(b"c" * 16), Text(b"c" * 16, 1, "numbat"), lambda db, happened: None
    )
    await world.delivered(alice, bob)
    await world.pass_time(12)
    assert found(bob.path) == set()


async def test_deleting_here_withdraws_what_was_stated_about_it(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [sent] = await alice.say(bob, BODY)
    await world.delivered(alice, bob)
    await bob.stop()
    await world.until(lambda: not alice.is_online(bob))
    for body in WORDINGS:
        await alice.do(EditMessage(contact="Bob", message_id=sent.message_id, body=body))
    await alice.do(DeleteMessages(contact="Bob", message_ids=[sent.message_id]))
    assert alice.queued(bob) == 0
    assert found(alice.path) == set()


async def test_a_contact_that_deletes_again_and_again_empties_the_log_now_and_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    said = await alice.say(bob, *(f"numbat {number}" for number in range(40)))
    await world.delivered(alice, bob)
    times: list[float] = []
    checkpoint = bob.database.checkpoint

    async def counted() -> bool:
        times.append(world.loop.time())
        return await checkpoint()

    monkeypatch.setattr(bob.database, "checkpoint", counted)
    for one in said:
        await alice.do(DeleteMessages(contact="Bob", message_ids=[one.message_id], for_both=True))
        await world.pass_time(0.5)
    await world.pass_time(12)
    assert 2 <= len(times) <= 4
    assert found(bob.path) == set()
