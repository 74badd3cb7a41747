"""Invites at anchors: neither side need ever be online with the other (PROTOCOL 11.5, 11.6)."""

import pytest

from loom.api.anchor_commands import LeaveAnchor, ListAnchors, ReplaceAnchor
from loom.api.contact_commands import ImportToken
from loom.api.events import RequestsChanged, Warned
from loom.api.invite_commands import (
    AcceptRequest,
    ListRequests,
    MakeInvite,
    RejectRequest,
    RevokeInvite,
)
from loom.wire.invite import decode_invite
from tests.node.anchor_machine import PORT, AnchorMachine
from tests.node.harness import Person, World
from tests.node.test_invites import contacts, invites, paste
from tests.node.test_mail_cases import each_an_anchor


async def at_anchor(world: World, *names: str) -> tuple[AnchorMachine, list[Person]]:
    """Some people; the first one uses an anchor."""
    people = [await world.person(name) for name in names]
    anchor = AnchorMachine(world, "first")
    await anchor.start()
    await anchor.serve(people[0])
    return anchor, people


async def by_mail(owner: Person, *, is_address: bool = False) -> str:
    """An invite that names the anchor alone."""
    made = await owner.do(MakeInvite(direct=False, is_address=is_address))
    assert all(hint.is_anchor for hint in decode_invite(made.text).hints)
    return made.text


def apart(world: World, *people: Person) -> None:
    """Nobody reaches anybody, and all reach the anchors."""
    world.network.partition(*({one.host} for one in people))
    for one in people:
        world.network._group_of.pop(one.host, None)


async def test_two_who_are_never_online_together_have_each_other(world: World) -> None:
    _, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    text = await by_mail(ada)
    await world.pass_time(30.0)
    await ada.stop()
    await paste(bob, text, "Ada")
    await bob.say(ada, "hello")
    await world.pass_time(120.0)
    await bob.stop()
    await ada.start()
    await world.until(lambda: len(ada.node.roster) == 1, within_s=600.0)
    await world.until(lambda: ada.received(bob) == ["hello"], within_s=600.0)
    await ada.say(bob, "welcome")
    await world.pass_time(120.0)
    await ada.stop()
    await bob.start()
    await world.until(lambda: bob.received(ada) == ["welcome"], within_s=600.0)
    assert bob.sent(ada) == ["hello"]
    (of_ada,) = await contacts(bob)
    assert of_ada.joining is None
    assert of_ada.queued == 0


async def test_both_online_at_the_anchor_alone(world: World) -> None:
    _, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    await paste(bob, await by_mail(ada), "Ada")
    await world.until(lambda: len(ada.node.roster) == 1, within_s=120.0)
    await ada.say(bob, "welcome")
    await world.until(lambda: bob.received(ada) == ["welcome"], within_s=400.0)
    await bob.say(ada, "thanks")
    await world.until(lambda: ada.received(bob) == ["thanks"], within_s=400.0)
    assert (await contacts(bob))[0].joining is None
    assert ada.told(Warned) + bob.told(Warned) == []


@pytest.mark.parametrize("direct", [False, True])
async def test_the_first_texts_after_an_invite_do_not_wait(world: World, direct: bool) -> None:
    """Neither for a link that cannot come, nor for the mail of a queue that is not open yet."""
    _, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    made = await ada.do(MakeInvite(direct=direct))
    await world.pass_time(30.0)
    await paste(bob, made.text, "Ada")
    await bob.say(ada, "at once")
    await world.until(lambda: len(ada.node.roster) == 1, within_s=0.5)
    await ada.say(bob, "welcome")
    await world.until(lambda: ada.received(bob) == ["at once"], within_s=0.5)
    await world.until(lambda: bob.received(ada) == ["welcome"], within_s=0.1 if direct else 2.0)


async def test_an_open_invite_leads_to_the_anchors_in_use(world: World) -> None:
    """Not to one that was left, perhaps because a thief has it."""
    first, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    await by_mail(ada)
    address = await by_mail(ada, is_address=True)
    second = AnchorMachine(world, "second")
    await second.start()
    (old,) = (await ada.do(ListAnchors())).anchors
    await ada.do(ReplaceAnchor(anchor=str(old.anchor_id), text=await second.text()))
    kept = await invites(ada)
    assert [one.reached_at for one in kept] == [[f"{second.host}:{PORT}"]] * 2
    assert kept[1].text != address
    await world.until(lambda: second.queues == 2, within_s=60.0)
    await first.stop()
    await paste(bob, kept[0].text, "Ada")
    await world.until(lambda: len(ada.node.roster) == 1, within_s=120.0)


async def test_an_open_invite_follows_to_a_new_account_at_the_same_anchor(world: World) -> None:
    """The queue of an invite has one id there: the old account has to give it up first."""
    first, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    text = await by_mail(ada)
    address = await by_mail(ada, is_address=True)
    (old,) = (await ada.do(ListAnchors())).anchors
    await ada.do(ReplaceAnchor(anchor=str(old.anchor_id), text=await first.text()))
    assert [one.text for one in await invites(ada)] == [text, address]
    service = first.anchor._service
    await world.until(lambda: len(service.accounts) == 1 and first.queues == 2, within_s=60.0)
    apart(world, ada, bob)
    await paste(bob, text, "Ada")
    await world.until(lambda: len(ada.node.roster) == 1, within_s=120.0)


async def test_a_left_anchor_deletes_the_account_at_once_or_when_it_answers(world: World) -> None:
    first, (ada,) = await at_anchor(world, "Ada")
    second = AnchorMachine(world, "second")
    await second.start()
    await second.serve(ada)
    await by_mail(ada)
    await world.until(lambda: first.queues == second.queues == 1, within_s=60.0)
    left = await ada.do(LeaveAnchor(anchor=f"{first.host}:{PORT}"))
    assert (left.anchor, left.deleted) == (f"{first.host}:{PORT}", True)
    assert first.anchor._service.accounts == {}
    await second.stop()
    await world.pass_time(5.0)
    left = await ada.do(LeaveAnchor(anchor=f"{second.host}:{PORT}"))
    assert not left.deleted
    await ada.stop()
    await second.start()
    assert len(second.anchor._service.accounts) == 1
    await ada.start()
    await world.until(lambda: second.anchor._service.accounts == {}, within_s=60.0)
    await world.until(lambda: ada.node.network.anchors.accounts == {}, within_s=60.0)


async def test_a_left_anchor_that_never_answers_is_dialled_for_31_days(world: World) -> None:
    first, (ada,) = await at_anchor(world, "Ada")
    await first.stop()
    await ada.do(LeaveAnchor(anchor=f"{first.host}:{PORT}"))
    await world.pass_time(30 * 86_400.0)
    assert len(ada.node.network.anchors.accounts) == 1
    await world.pass_time(1.1 * 86_400.0)
    assert ada.node.network.anchors.accounts == {}
    await ada.restart()
    assert ada.node.network.anchors.accounts == {}


async def test_an_invite_that_would_lead_nowhere_is_revoked(world: World) -> None:
    first, (ada,) = await at_anchor(world, "Ada")
    await by_mail(ada)
    second = AnchorMachine(world, "second")
    await second.start()
    await second.serve(ada)
    assert [one.reached_at for one in await invites(ada)] == [
        [f"{first.host}:{PORT}", f"{second.host}:{PORT}"]
    ]
    for anchor in (first, second):
        assert [one.state for one in await invites(ada)] == ["open"]
        await ada.do(LeaveAnchor(anchor=f"{anchor.host}:{PORT}"))
    assert [one.state for one in await invites(ada)] == ["revoked"]


async def test_a_joiner_with_an_anchor_of_their_own(world: World) -> None:
    _, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    own = AnchorMachine(world, "second")
    await own.start()
    await own.serve(bob)
    await paste(bob, await by_mail(ada), "Ada")
    await world.until(lambda: len(ada.node.roster) == 1, within_s=120.0)
    await ada.say(bob, "welcome")
    await world.until(lambda: bob.received(ada) == ["welcome"], within_s=400.0)
    assert (await contacts(bob))[0].joining is None


async def test_a_second_use_at_the_anchor_is_told_once(world: World) -> None:
    _, (ada, bob, eve) = await at_anchor(world, "Ada", "Bob", "Eve")
    text = await by_mail(ada)
    await paste(bob, text, "Ada")
    await world.until(lambda: len(ada.node.roster) == 1, within_s=120.0)
    await paste(eve, text, "Ada")
    await world.pass_time(60.0)
    await eve.restart()
    await world.pass_time(60.0)
    assert [one.contact for one in await contacts(ada)] == ["Bob"]
    told = [one for one in ada.told(Warned) if one.code == "invite_reused"]
    assert [one.facts["name"] for one in told] == ["Bob"]
    assert (await invites(ada))[0].reuse


async def test_a_revoked_invite_is_gone_from_the_anchor(world: World) -> None:
    anchor, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    text = await by_mail(ada)
    await world.pass_time(30.0)
    await ada.do(RevokeInvite(invite_id=1))
    await world.pass_time(30.0)
    await paste(bob, text, "Ada")
    await world.pass_time(120.0)
    assert await contacts(ada) == []
    assert anchor.blobs == 0


async def test_what_was_put_in_time_is_taken_after_the_end(world: World) -> None:
    _, (ada, bob) = await at_anchor(world, "Ada", "Bob")
    text = await by_mail(ada)
    await world.pass_time(30.0)
    await ada.stop()
    await paste(bob, text, "Ada")
    await world.pass_time(2 * 86_400.0)
    await ada.start()
    await world.until(lambda: len(ada.node.roster) == 1, within_s=600.0)
    await world.until(lambda: (bob.node.network.joins.of(bob.peer(ada).device_id)) is None, 4_000.0)


# --- addresses ---


@pytest.fixture
def easy_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight bits: a stranger's work is a matter of the real clock."""
    monkeypatch.setattr("loom.node.routes.address.WORK_BITS_MIN", 4)
    monkeypatch.setattr("loom.anchor.service.work_bits", lambda waiting: 8)


async def test_an_address_is_for_many_and_each_waits_for_a_decision(
    world: World, easy_work: None
) -> None:
    _, (ada, bob, eve) = await at_anchor(world, "Ada", "Bob", "Eve")
    text = await by_mail(ada, is_address=True)
    for one in (bob, eve):
        await paste(one, text, "Ada")
        await one.say(ada, f"I am {one.name}")
    await world.until(lambda: len(ada.told(RequestsChanged)) == 2, within_s=400.0)
    assert await contacts(ada) == []
    asked = (await ada.do(ListRequests())).requests
    assert sorted(one.name for one in asked) == ["Bob", "Eve"]
    by_name = {one.name: one.request_id for one in asked}
    await ada.do(RejectRequest(request_id=by_name["Eve"], block=True))
    view = await ada.do(AcceptRequest(request_id=by_name["Bob"]))
    assert (view.contact, view.display_name, view.verified) == ("Bob", "Bob", False)
    await ada.say(bob, "welcome")
    await world.until(lambda: bob.received(ada) == ["welcome"], within_s=2_000.0)
    await world.until(lambda: ada.received(bob) == ["I am Bob"], within_s=2_000.0)
    assert (await contacts(bob))[0].joining is None
    assert ada.received(eve) == []
    assert (await ada.do(ListRequests())).requests == []
    assert {one.contact: one.blocked for one in await contacts(ada)} == {
        "Bob": False,
        "Eve": True,
    }
    assert [one.waiting for one in ada.told(RequestsChanged)] == [1, 2, 1, 0]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("is_hers", [False, True])
async def test_a_contact_who_uses_another_invite_is_still_written_to_by_mail(
    world: World, *, restarts: bool, is_hers: bool
) -> None:
    """Its Join named no mailbox: the owner forgot those they knew, and wrote where nobody read."""
    alice, bob, _, _ = await each_an_anchor(world)
    owner, joiner = (alice, bob) if is_hers else (bob, alice)
    text = (await owner.do(MakeInvite())).text
    await joiner.do(ImportToken(token=text, name=owner.name))
    if restarts:
        await joiner.restart()
    for n in range(2):
        await joiner.say(owner, f"to the owner {n}")
        await owner.say(joiner, f"to the joiner {n}")
        await world.delivered(alice, bob, within_s=600.0)
    assert owner.received(joiner) == ["to the owner 0", "to the owner 1"]
    assert joiner.received(owner) == ["to the joiner 0", "to the joiner 1"]
