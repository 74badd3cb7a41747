"""What each command answers, and how it refuses."""

import asyncio
from typing import Any

import msgspec
import pytest

from loom.api.command import Command
from loom.api.contact_commands import (
    BlockContact,
    Connect,
    ExportToken,
    ImportToken,
    ListContacts,
    ListPeers,
    RemoveContact,
    RenameContact,
    ShowContact,
    VerifyContact,
)
from loom.api.conversation_commands import MarkRead, SetTyping
from loom.api.events import ContactChanged, MessageFailed, MessagesDeleted
from loom.api.message_commands import DeleteMessages, EditMessage, History, Pin, Search, SendText
from loom.api.profile_commands import Diagnose, Status, Stop
from loom.api.profiles import NodeOptions
from loom.errors import (
    CodeDiffers,
    ContactBlocked,
    ContactNotFound,
    DuplicateContact,
    IdentityChanged,
    InvalidAddress,
    InvalidInput,
    InvalidName,
    InvalidText,
    InvalidToken,
    LoomError,
    MessageNotFound,
    NameTaken,
    OwnToken,
    StoreUnavailable,
    Unreachable,
)
from loom.model import ContactToken
from loom.storage.database import Database
from loom.wire.limits import NAME_MAX_CHARACTERS, TEXT_MAX_BYTES
from loom.wire.token import encode_token
from tests.node.harness import World, identity_of

UNKNOWN_ID = "01900000-0000-7000-8000-000000000000"


def token_of(name: str) -> str:
    return encode_token(identity_of(name).token)


# --- contacts ---


async def test_export_and_import(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    exported = await alice.do(ExportToken())
    assert exported.token == token_of("Alice")
    assert exported.fingerprint == alice.identity.peer_id.hex()
    view = await bob.do(ImportToken(token=f" {exported.token.lower()}\n", name="  Ally "))
    assert (view.contact, view.fingerprint) == ("Ally", exported.fingerprint)
    assert not any((view.verified, view.blocked, view.identity_changed, view.online))
    assert (view.unread, view.queued, view.last_message_at_ms) == (0, 0, None)


@pytest.mark.parametrize(
    ("token", "name", "error"),
    [
        ("LOOM-AAAA", "X", InvalidToken),
        ("not a token", "X", InvalidToken),
        (token_of("Alice"), "Me", OwnToken),
        (token_of("Bob"), "Robert", DuplicateContact),
        (token_of("Carol"), "bOB", NameTaken),
        (token_of("Carol"), "", InvalidName),
        (token_of("Carol"), "#3", InvalidName),
        (token_of("Carol"), "a\x1b[2Jb", InvalidName),
        (token_of("Carol"), "x" * (NAME_MAX_CHARACTERS + 1), InvalidName),
    ],
)
async def test_an_import_that_is_refused_changes_nothing(
    world: World, token: str, name: str, error: type[LoomError]
) -> None:
    alice = await world.person("Alice")
    await alice.do(ImportToken(token=token_of("Bob"), name="Bob"))
    before = await alice.do(ListContacts())
    with pytest.raises(error):
        await alice.do(ImportToken(token=token, name=name))
    assert await alice.do(ListContacts()) == before


async def test_contacts_are_listed_by_name(world: World) -> None:
    alice = await world.person("Alice")
    assert (await alice.do(ListContacts())).contacts == []
    for name in ("bob", "Ägidius", "Anna"):
        await alice.do(ImportToken(token=token_of(name), name=name))
    names = [one.contact for one in (await alice.do(ListContacts())).contacts]
    assert names == sorted(names, key=str.casefold)
    assert (await alice.do(ShowContact(contact="#2"))).contact == "Ägidius"
    assert (await alice.do(ShowContact(contact="BOB"))).contact_id == 1


@pytest.mark.parametrize(
    "command",
    [
        SendText(contact="Nobody", body="x"),
        ShowContact(contact="#99"),
        RenameContact(contact="Nobody", name="x"),
        RemoveContact(contact="Nobody"),
        BlockContact(contact="Nobody"),
        VerifyContact(contact="Nobody"),
        History(contact="Nobody"),
        DeleteMessages(contact="Nobody", message_ids=None),
        Search(text="x", contact="Nobody"),
        MarkRead(contact="Nobody", row_id=1),
        SetTyping(contact="Nobody", on=True),
        Connect(contact="Nobody", host="10.0.0.9", port=1),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_an_unknown_contact_is_not_found(world: World, command: Command[object]) -> None:
    alice = await world.person("Alice")
    with pytest.raises(ContactNotFound):
        await alice.do(command)


async def test_an_unknown_name_is_harmless_to_show(world: World) -> None:
    alice = await world.person("Alice")
    with pytest.raises(ContactNotFound) as refused:
        await alice.do(ShowContact(contact="\x1b[31m" + "x" * 1_000))
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 200


async def test_rename(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    view = await alice.do(RenameContact(contact="bob", name="Robert"))
    assert (view.contact, view.display_name) == ("Robert", "Bob")
    await alice.add(await world.person("Carol"))
    with pytest.raises(LoomError) as refused:
        await alice.do(RenameContact(contact="Carol", name="ROBERT"))
    assert refused.value.exit_code == 2
    assert (await alice.do(RenameContact(contact="Robert", name="ROBERT"))).contact == "ROBERT"
    with pytest.raises(ContactNotFound):
        await alice.do(ShowContact(contact="Bob"))


async def test_verify_shows_the_same_number_on_both_sides(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    ours = await alice.do(VerifyContact(contact="Bob"))
    theirs = await bob.do(VerifyContact(contact="Alice"))
    assert ours.groups == theirs.groups
    assert [len(group) for group in ours.groups] == [5] * 12
    assert not ours.verified
    assert (await alice.do(VerifyContact(contact="Bob", confirm=True))).verified
    await alice.restart()
    assert (await alice.do(ShowContact(contact="Bob"))).verified
    assert not (await bob.do(ShowContact(contact="Alice"))).verified
    with pytest.raises(InvalidInput):
        await alice.do(VerifyContact(contact="Bob", confirm=True, withdraw=True))
    assert not (await alice.do(VerifyContact(contact="Bob", withdraw=True))).verified
    await alice.restart()
    assert not (await alice.do(ShowContact(contact="Bob"))).verified


async def test_when_and_how_somebody_was_verified_is_kept(world: World) -> None:
    alice, _ = await world.friends("Alice", "Bob")
    view = await alice.do(ShowContact(contact="Bob"))
    assert (view.verified_by, view.verified_at_ms, view.identity_changed_at_ms) == ("", None, None)
    first_ms = alice.clock.now_ms()
    await alice.do(VerifyContact(contact="Bob", confirm=True, by="words"))
    await alice.restart()
    view = await alice.do(ShowContact(contact="Bob"))
    assert view.verified_by == "words"
    assert first_ms <= (view.verified_at_ms or 0) <= first_ms + 1_000
    await world.pass_time(3_600.0)
    changed_ms = alice.clock.now_ms()
    await alice.do(ImportToken(token=token_of("New Bob"), name="Bob", replace=True))
    await world.pass_time(3_600.0)
    shown = await alice.do(VerifyContact(contact="Bob", confirm=True))
    assert shown.verified_by == "number"
    assert (shown.verified_at_ms or 0) > changed_ms + 3_000_000
    await alice.do(VerifyContact(contact="Bob", withdraw=True))
    await alice.restart()
    view = await alice.do(ShowContact(contact="Bob"))
    assert (view.verified_by, view.verified_at_ms) == ("", None)
    assert changed_ms <= (view.identity_changed_at_ms or 0) <= changed_ms + 1_000
    for by in ("qr", "nearby", ""):
        with pytest.raises(InvalidInput):
            await alice.do(VerifyContact(contact="Bob", confirm=True, by=by))


async def test_a_code_from_the_contacts_screen_verifies_or_changes_nothing(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    carol = await world.person("Carol")
    await alice.add(carol)
    ours = await alice.do(VerifyContact(contact="Bob"))
    number = "".join((await bob.do(VerifyContact(contact="Alice"))).groups)
    fits = {
        number: "qr",
        f" {' '.join(ours.groups)}\n": "qr",
        " ".join(ours.words).upper(): "words",
        token_of("Bob").lower(): "qr",
    }
    for code, by in fits.items():
        view = await alice.do(VerifyContact(contact="Bob", code=code))
        assert (view.verified, view.verified_by) == (True, by)
        await alice.do(VerifyContact(contact="Bob", withdraw=True))
    of_carol = "".join((await alice.do(VerifyContact(contact="Carol"))).groups)
    stranger = "".join(str((int(one) + 1) % 10) for one in number)
    bob_with_another_key = encode_token(
        ContactToken(identity_of("Bob").peer_id, identity_of("Carol").token.x25519_public)
    )
    misfits: list[tuple[str, type[LoomError], str]] = [
        (stranger, CodeDiffers, "Bob"),
        (" ".join(reversed(ours.words)), CodeDiffers, "Bob"),
        (token_of("New Bob"), CodeDiffers, "Bob"),
        (bob_with_another_key, CodeDiffers, "Bob"),
        (of_carol, InvalidInput, "the code of Carol"),
        (token_of("Carol"), InvalidInput, "the code of Carol"),
        (token_of("Alice"), OwnToken, ""),
        (token_of("Bob")[:-1], InvalidToken, ""),
        (number[:-1], InvalidInput, "no safety number"),
        ("", InvalidInput, "no safety number"),
        ("LOOM-" * 10_000, InvalidInput, "no safety number"),
    ]
    for code, error, words in misfits:
        with pytest.raises(error) as refused:
            await alice.do(VerifyContact(contact="Bob", code=code))
        assert type(refused.value) is error
        assert words in str(refused.value)
    assert not (await alice.do(ShowContact(contact="Bob"))).verified
    with pytest.raises(InvalidInput):
        await alice.do(VerifyContact(contact="Bob", code=number, confirm=True))
    with pytest.raises(InvalidInput):
        await alice.do(VerifyContact(contact="Bob", code=number, withdraw=True))


async def test_block_and_unblock_are_kept(world: World) -> None:
    alice, _ = await world.friends("Alice", "Bob")
    assert (await alice.do(BlockContact(contact="Bob"))).blocked
    assert (await alice.do(BlockContact(contact="Bob"))).blocked
    await alice.restart()
    with pytest.raises(ContactBlocked):
        await alice.do(SendText(contact="Bob", body="x"))
    with pytest.raises(ContactBlocked):
        await alice.do(Connect(contact="Bob", host="10.0.0.2", port=4_070))
    assert not (await alice.do(BlockContact(contact="Bob", blocked=False))).blocked
    assert [one.what for one in alice.told(ContactChanged) if "blocked" in one.what] == [
        "blocked",
        "unblocked",
    ]


async def test_remove_forgets_the_history(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hi")
    await world.delivered(alice, bob)
    await alice.do(RemoveContact(contact="Bob"))
    assert (await alice.do(ListContacts())).contacts == []
    assert (await alice.do(Search(text="hi"))).messages == []
    await alice.add(bob)
    assert await alice.history(bob) == []


# --- messages ---


@pytest.mark.parametrize("body", ["", " \n", "x" * (TEXT_MAX_BYTES + 1), "é" * 8_193, "\ud800"])
async def test_a_text_that_cannot_be_sent(world: World, body: str) -> None:
    alice = await world.person("Alice")
    await alice.do(ImportToken(token=token_of("Bob"), name="Bob"))
    with pytest.raises(InvalidText):
        await alice.do(SendText(contact="Bob", body=body))
    assert (await alice.do(History(contact="Bob"))).messages == []


@pytest.mark.parametrize(
    "body", ["x" * TEXT_MAX_BYTES, "é" * 8_192, "a\x00b\x1b[2J\r\n", "-- \U0001f980"]
)
async def test_any_text_arrives_as_it_was_written(world: World, body: str) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [sent] = await alice.say(bob, body)
    assert (sent.body, sent.direction, sent.state) == (body, "out", "queued")
    await world.delivered(alice, bob)
    assert bob.received(alice) == [body]


async def test_history_pages(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    said = await alice.say(bob, *(str(n) for n in range(10)))

    async def page(**options: int) -> list[str]:
        found = await alice.do(History(contact="Bob", **options))  # type: ignore[arg-type]
        return [one.body for one in found.messages]

    assert await page(limit=3) == ["7", "8", "9"]
    assert await page(limit=3, before_row=said[7].row_id) == ["4", "5", "6"]
    assert await page(after_row=said[7].row_id) == ["8", "9"]
    assert await page(since_ms=said[8].sent_at_ms) == ["8", "9"]
    assert await page(before_ms=said[2].sent_at_ms) == ["0", "1"]
    with pytest.raises(InvalidInput):
        await page(limit=0)


async def test_search(world: World) -> None:
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    await alice.say(bob, "red apples", "green pears")
    await alice.say(carol, "Apples, again")

    async def found(text: str, contact: str | None = None) -> list[str]:
        answer = await alice.do(Search(text=text, contact=contact))
        return [one.body for one in answer.messages]

    assert await found("apples") == ["Apples, again", "red apples"]
    assert await found("apples", "Bob") == ["red apples"]
    assert await found("bananas") == []
    [newest] = (await alice.do(Search(text="apples", limit=1))).messages
    for older in (
        Search(text="apples", limit=1, before_row=newest.row_id),
        Search(text="apples", limit=1, before_ms=newest.sent_at_ms),
    ):
        assert [one.body for one in (await alice.do(older)).messages] == ["red apples"]
    with pytest.raises(InvalidInput):
        await alice.do(Search(text="apples", limit=0))
    for awkward in ('"', "a AND", "*", "(", "NEAR(", "-", "col:x"):
        await found(awkward)


async def test_search_by_who_where_when_and_what(world: World) -> None:
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    [apples, pears] = await alice.say(bob, "red apples 東京", "see https://pears.example")
    [again] = await alice.say(carol, "Apples, again")
    await world.delivered(alice, bob)
    await bob.say(alice, "no apples: HTTPS://plums.example")
    await world.delivered(bob, alice)
    await alice.do(Pin(contact="Bob", message_id=apples.message_id, on=True))
    plums = "no apples: HTTPS://plums.example"

    async def found(text: str = "", **options: Any) -> list[str]:
        answer = await alice.do(Search(text=text, **options))
        return [one.body for one in answer.messages]

    assert await found("apples", author="me") == [again.body, apples.body]
    assert await found(author="ME", contact="Bob") == [pears.body, apples.body]
    assert await found("apples", author="bob") == await found(author="Bob") == [plums]
    assert await found(author="Bob", contact="Carol") == []
    assert await found(has_link=True) == [plums, pears.body]
    assert await found(has_link=True, author="me") == [pears.body]
    assert await found(is_pinned=True) == await found("京", is_pinned=True) == [apples.body]
    assert await found("pears", is_pinned=True) == []
    assert await found("apples", since_ms=again.sent_at_ms) == [plums, again.body]
    assert await found(before_ms=pears.sent_at_ms) == [apples.body]
    assert await found(contact="Carol") == [again.body]
    assert await found() == await found(" ") == await found("!") == []
    for unknown in ({"author": "Nobody"}, {"contact": "Nobody"}):
        with pytest.raises(ContactNotFound):
            await found("apples", **unknown)

    await alice.do(EditMessage(contact="Bob", message_id=apples.message_id, body="green 大阪"))
    assert await found("東京") == await found("red") == []
    assert await found("大阪", is_pinned=True) == ["green 大阪"]
    await alice.do(DeleteMessages(contact="Bob", message_ids=[apples.message_id], for_both=True))
    assert await found("大阪") == await found(is_pinned=True) == []
    assert await found(contact="Bob") == [plums, pears.body]


async def test_delete_refuses_what_is_not_there_as_a_whole(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [message] = await alice.say(bob, "here")
    for missing in (UNKNOWN_ID, "nonsense"):
        ids = [message.message_id, missing]
        with pytest.raises(MessageNotFound):
            await alice.do(DeleteMessages(contact="Bob", message_ids=ids))
    assert [one.body for one in await alice.history(bob)] == ["here"]


async def test_an_undelivered_message_is_withdrawn(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    [first, _] = await alice.say(bob, "no", "yes")
    await alice.do(DeleteMessages(contact="Bob", message_ids=[first.message_id]))
    await bob.start()
    await world.delivered(alice, bob, within_s=900)
    assert bob.received(alice) == ["yes"]
    await bob.crash()
    await alice.say(bob, "nor this")
    await alice.do(DeleteMessages(contact="Bob", message_ids=None))
    assert await alice.history(bob) == []
    await bob.start()
    await world.until(lambda: alice.is_online(bob), within_s=900)
    await world.pass_time(60)
    assert bob.received(alice) == ["yes"]


async def test_unread_messages_are_counted(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "one", "two", "three")
    await world.delivered(alice, bob)
    rows = [one.row_id for one in await bob.history(alice)]
    assert (await bob.do(ShowContact(contact="Alice"))).unread == 3
    await bob.do(MarkRead(contact="Alice", row_id=rows[1]))
    assert (await bob.do(ShowContact(contact="Alice"))).unread == 1
    await bob.do(MarkRead(contact="Alice", row_id=rows[0]))
    assert (await bob.do(ListContacts())).contacts[0].unread == 1


# --- identity changes ---


async def test_a_replaced_identity_keeps_the_history(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "old times")
    await world.delivered(alice, bob)
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    view = await alice.do(ImportToken(token=token_of("New Bob"), name="Bob", replace=True))
    assert (view.contact_id, view.verified, view.identity_changed) == (1, False, True)
    assert view.fingerprint == identity_of("New Bob").peer_id.hex()
    history = await alice.do(History(contact="Bob"))
    assert [one.body for one in history.messages] == ["old times"]
    await alice.restart()
    with pytest.raises(IdentityChanged):
        await alice.do(SendText(contact="Bob", body="x"))
    await alice.do(SetTyping(contact="Bob", on=True))
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    assert (await alice.do(SendText(contact="Bob", body="x"))).state == "queued"
    assert alice.told(MessageFailed) == []


# --- the network and the node ---


async def test_connect(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    for host, port in (("", 1), ("10.0.0.2", 0), ("10.0.0.2", 65_536), ("10.0.0.2", -1)):
        with pytest.raises(InvalidAddress):
            await alice.do(Connect(contact="Bob", host=host, port=port))
    with pytest.raises(Unreachable):
        await alice.do(Connect(contact="Bob", host="10.0.0.77", port=4_070))
    with pytest.raises(Unreachable):  # Bob has not imported Alice's token yet
        await alice.call(bob)
    await bob.add(alice)
    await alice.call(bob)
    await alice.call(bob)  # connected already
    [peer] = (await alice.do(ListPeers())).peers
    assert (peer.online, peer.direction, peer.last_error) == (True, "out", None)
    assert peer.address == str(bob.address)
    assert peer.known_addresses[0] == str(bob.address)
    await world.until(lambda: bob.is_online(alice))
    [peer] = (await bob.do(ListPeers())).peers
    assert (peer.online, peer.direction, peer.known_addresses) == (True, "in", [])
    await bob.crash()
    await world.until(lambda: not alice.is_online(bob))
    [peer] = (await alice.do(ListPeers())).peers
    assert (peer.online, peer.address, peer.connected_at_ms) == (False, None, None)


async def test_a_session_shows_its_state(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    assert (await alice.do(ShowContact(contact="Bob"))).session == "none"
    await bob.add(alice)
    await alice.call(bob)
    await world.delivered(alice, bob)
    assert (await alice.do(ShowContact(contact="Bob"))).session == "established"


async def test_status(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    await world.until(lambda: not alice.is_online(bob))
    await alice.say(bob, "later")
    status = await alice.do(Status())
    assert (status.name, status.profile) == ("Alice", "alice")
    assert (status.contacts, status.online, status.queued, status.mdns) == (1, 0, 1, "off")
    assert status.port == alice.address.port
    assert status.last_seq == alice.node.parts.journal.last_seq
    assert status.started_at_ms <= alice.clock.now_ms()


async def test_an_offline_node_stores_and_does_not_meet_anybody(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await alice.stop()
    alice.options = NodeOptions(online=False)
    await alice.start()
    await alice.say(bob, "when you can")
    await alice.do(Connect(contact="Bob", host=bob.host, port=bob.address.port))
    status = await alice.do(Status())
    assert (status.port, status.addresses, status.queued) == (0, [], 1)
    await world.pass_time(600)
    assert bob.received(alice) == []
    await alice.stop()
    alice.options = NodeOptions(mdns=False)
    await alice.start()
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["when you can"]


async def test_the_port_is_kept_and_a_taken_one_is_said(world: World) -> None:
    alice = await world.person("Alice")
    port = alice.address.port
    await alice.restart()
    assert alice.address.port == port
    checks = {one.name: one for one in (await alice.do(Diagnose())).checks}
    assert {"database", "disk", "port", "discovery", "clock"} <= set(checks)
    assert checks["database"].ok
    assert checks["port"].ok


@pytest.mark.parametrize("online", [True, False])
async def test_a_running_node_never_advises_a_backup(
    world: World, monkeypatch: pytest.MonkeyPatch, online: bool
) -> None:
    """A backup takes back what was sent since; only a process of its own may advise that."""

    async def integrity(_: Database) -> list[str]:
        return ["a fault"]

    monkeypatch.setattr(Database, "integrity", integrity)
    alice = await world.person("Alice")
    if not online:
        await alice.stop()
        alice.options = NodeOptions(online=False, mdns=False)
        await alice.start()
    checks = {one.name: one for one in (await alice.do(Diagnose())).checks}
    assert not checks["database"].ok
    assert ("backup" in checks["database"].advice) is not online
    assert ("loom stop" in checks["database"].advice) is online


async def test_stop_asks_for_the_end_and_nothing_works_afterwards(world: World) -> None:
    alice = await world.person("Alice")
    await alice.do(Stop())
    assert alice.node.wants_stop.is_set()
    node = alice.node
    await alice.stop()
    with pytest.raises(StoreUnavailable):
        await node.send(Status())


async def test_every_view_is_plain_json(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hi")
    commands: list[Command[object]] = [
        ExportToken(),
        ListContacts(),
        ShowContact(contact="Bob"),
        VerifyContact(contact="Bob"),
        History(contact="Bob"),
        Search(text="hi"),
        ListPeers(),
        Status(),
        Diagnose(),
    ]
    for command in commands:
        view = await alice.do(command)
        assert msgspec.json.decode(msgspec.json.encode(view))["v"] == 1


async def test_what_was_begun_is_carried_out_when_the_caller_goes_away(world: World) -> None:
    """A front end that is closed in the middle must not leave half of a command behind."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    await world.until(lambda: not alice.is_online(bob))
    [said] = await alice.say(bob, "taken back")
    deleting = asyncio.create_task(
        alice.do(DeleteMessages(contact="Bob", message_ids=[said.message_id]))
    )
    failing = asyncio.create_task(alice.do(DeleteMessages(contact="Bob", message_ids=[UNKNOWN_ID])))
    await asyncio.sleep(0)
    for one in (deleting, failing):
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
    await world.until(lambda: bool(alice.told(MessagesDeleted)))
    assert "taken back" not in [one.body for one in await alice.history(bob)]
    assert len(alice.peer(bob).sessions.in_flight) == 0
