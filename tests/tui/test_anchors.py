"""Anchors in the app: the screen, how contacts are reached, where a message is."""

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from loom.api.anchor_commands import LeaveAnchor, ReplaceAnchor, UseAnchor
from loom.api.anchor_views import Anchors, SilentAnchors, WaitingMail
from loom.api.contact_views import ReachView
from loom.api.conversation_commands import SetPreferences
from loom.api.events import MessageSent, ReachChanged
from loom.api.message_views import DeliveryView
from loom.model import Address
from loom.tui.app import LoomApp
from loom.tui.screens.adding import AddPanel
from loom.tui.screens.anchors import AnchorPanel, AnchorsPanel
from loom.wire.hints import Hint
from loom.wire.pairing import PairingText, encode_pairing_text
from tests.fakes import NOW_MS
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode, anchor
from tests.tui.test_snapshots import SIZES

BOX = "203.0.113.7:4071"
DAY_MS = 86_400_000
MINUTE_MS = 60_000


def pairing_text() -> str:
    hint = Hint(Address("203.0.113.7", 4071), bytes(16))
    return encode_pairing_text(PairingText(bytes(16), 500_000, (hint,)))


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


async def paste(app: LoomApp, pilot: Pilot[None], text: str) -> None:
    app.screen.post_message(events.Paste(text))
    await settle(pilot)


@pytest.fixture
def box(node: TalkingNode, monkeypatch: pytest.MonkeyPatch) -> TalkingNode:
    """Two anchors, one of them down, and mail that waits for Bob."""
    for module in ("anchors", "connectivity", "person"):
        monkeypatch.setattr(f"loom.tui.screens.{module}.now_ms", lambda: NOW_MS)
    node.anchors = Anchors(
        anchors=[
            anchor(1, BOX, blobs=3, size_bytes=12_500, oldest_at_ms=NOW_MS - 5 * MINUTE_MS),
            anchor(
                2,
                "attic.example:4071",
                up=False,
                up_since_ms=None,
                latency_ms=None,
                last_error="unreachable",
            ),
        ],
        waiting=[
            WaitingMail(
                contact="Bob",
                contact_id=1,
                anchors=[BOX],
                messages=3,
                since_ms=NOW_MS - 2 * DAY_MS,
            )
        ],
    )
    return node


async def test_the_screen_says_what_lies_where_and_what_waits(
    box: TalkingNode, opened: Opened
) -> None:
    async with opened(box) as (app, pilot):
        await pilot.press(*"/anchors", "enter")
        await settle(pilot)
        shown = screen(app)
        for words in (
            "It learns network addresses, times and sizes",
            f"● {BOX}  connected, 23 ms",
            "3 items lie there, 13 KiB, the oldest for 5 minutes",
            "○ attic.example:4071  no answer",
            f"Bob: 3 in the mailbox at {BOX} since 2 days, no sign of Bob",
        ):
            assert words in shown


async def test_a_pairing_text_pasted_into_an_empty_message_offers_the_anchor(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await paste(app, pilot, pairing_text() + "\n")
        assert isinstance(app.screen, AnchorsPanel)
        assert not any(isinstance(one, UseAnchor) for one in node.sent)
        await pilot.press("enter")
        await settle(pilot)
        assert f"In use: {BOX}. Your contacts are told automatically." in screen(app)
        assert UseAnchor(text=pairing_text()) in node.sent
        assert app.chat.composer.editor.text == ""


async def test_a_pairing_text_may_also_be_meant_for_the_contact(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await paste(app, pilot, pairing_text())
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert app.chat.is_active
        assert app.chat.composer.editor.text == pairing_text()
        await paste(app, pilot, pairing_text())
        assert app.chat.is_active, "behind other text it is only text"


async def test_a_pairing_text_among_the_people_leads_to_the_anchors(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/add", "enter")
        await settle(pilot)
        assert isinstance(app.screen, AddPanel)
        await paste(app, pilot, pairing_text())
        assert isinstance(app.screen, AnchorsPanel)
        await pilot.press("enter")
        await settle(pilot)
        assert UseAnchor(text=pairing_text()) in node.sent


async def test_what_is_no_pairing_text_says_so_at_the_field(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/anchors LOOM-ABC", "enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "its end is missing" in screen(app)


async def test_an_anchor_is_left_only_after_a_typed_word(box: TalkingNode, opened: Opened) -> None:
    async with opened(box, (80, 30)) as (app, pilot):
        await pilot.press(*"/anchors", "enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, AnchorPanel)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert "Nothing was done: type leave." in screen(app)
        await pilot.press(*"leave", "enter")
        await settle(pilot)
        assert LeaveAnchor(anchor="#1") in box.sent
        assert isinstance(app.screen, AnchorsPanel)
        assert BOX not in screen(app).replace(f"mailbox at {BOX}", "")
        assert "your account there is deleted when it does" in " ".join(screen(app).split())


async def test_an_anchor_is_replaced_by_a_new_text(box: TalkingNode, opened: Opened) -> None:
    async with opened(box, (80, 30)) as (app, pilot):
        await pilot.press(*"/anchors", "enter")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        await paste(app, pilot, pairing_text())
        await pilot.press("enter")
        await settle(pilot)
        assert ReplaceAnchor(anchor="#2", text=pairing_text()) in box.sent


async def test_another_machine_s_anchors_are_only_shown(box: TalkingNode, opened: Opened) -> None:
    async with opened(box) as (app, pilot):
        app.model.host = "elsewhere"
        await pilot.press(*"/anchors", "enter")
        await settle(pilot)
        assert BOX in screen(app)
        assert "Pairing text" not in screen(app)


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (ReachView(how="lan"), "online, direct on this network"),
        (ReachView(how="direct"), "online, direct"),
        (ReachView(how="anchor", anchor=BOX), f"online through {BOX}"),
        (ReachView(how="mail", anchor=BOX, waiting=1, since_ms=1), f"away, mail waits at {BOX}"),
        (ReachView(), "away"),
        (ReachView(how="teleport"), "away"),
    ],
)
async def test_the_title_says_how_a_contact_is_reached(
    node: TalkingNode, opened: Opened, reach: ReachView, words: str
) -> None:
    node.contacts["Ada"] = msgspec.structs.replace(node.contacts["Ada"], reach=reach)
    async with opened(node) as (app, pilot):
        in_title = words.removesuffix(":4071")
        assert text_of(app)[0].rstrip().endswith(f" · {in_title}")
        await pilot.press("f2")
        await settle(pilot)
        assert f"Reached         {words}" in screen(app)


async def test_hearing_somebody_through_an_anchor_changes_the_title(
    node: TalkingNode, opened: Opened
) -> None:
    away = msgspec.structs.replace(node.contacts["Ada"], online=False, reach=ReachView())
    node.contacts["Ada"] = away
    async with opened(node) as (app, pilot):
        assert "0 online" in text_of(app)[-1]
        reach = ReachView(how="anchor", anchor=BOX)
        node.contacts["Ada"] = msgspec.structs.replace(away, reach=reach)
        node.tell(ReachChanged(contact="Ada", contact_id=2))
        await settle(pilot)
        assert text_of(app)[0].rstrip().endswith("online through 203.0.113.7")
        assert "1 online" in text_of(app)[-1]


async def test_what_lies_in_mailboxes_is_not_queued_here(node: TalkingNode, opened: Opened) -> None:
    reach = ReachView(how="mail", anchor=BOX, waiting=2, since_ms=NOW_MS)
    ada = msgspec.structs.replace(node.contacts["Ada"], online=False, reach=reach, queued=3)
    node.contacts["Ada"] = ada
    async with opened(node) as (app, _):
        assert "1 queued · 2 in mailboxes" in text_of(app)[-1]


async def test_silent_anchors_are_told_with_what_ends_it(
    box: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = 10 * DAY_MS
    monkeypatch.setattr("loom.tui.screens.anchors.now_ms", lambda: now_ms)
    since_ms = now_ms - 2 * DAY_MS
    [mine, *_] = box.anchors.anchors
    gone = msgspec.structs.replace(mine, up=False, down_since_ms=since_ms)
    silent = SilentAnchors(contact="Ada", contact_id=2, anchors=[BOX], since_ms=since_ms)
    box.anchors = Anchors(anchors=[gone], waiting=[], silent=[silent])
    async with opened(box) as (app, pilot):
        await pilot.press(*"/anchors", "enter")
        await settle(pilot)
        words = " ".join(screen(app).replace("│", " ").split())
        assert "no answer for 2 days: if it is gone for good, replace or leave it" in words
        assert (
            f"no answer from {BOX} for 2 days: what you send waits here until it answers" in words
        )


async def test_a_selected_message_says_where_it_is(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom.tui.times.today", _day_of_now)
    node.say("Ada", "first", direction="out", state="sent")
    node.say("Ada", "second", direction="out", state="queued")
    first = node.messages[-2]
    async with opened(node) as (app, pilot):
        await pilot.press("escape")
        await settle(pilot)
        assert "not handed on yet" in screen(app)
        await pilot.press("k")
        await settle(pilot)
        assert "on the way" in screen(app)
        node.delivery[first.message_id] = DeliveryView(
            message_id=first.message_id,
            contact="Ada",
            contact_id=2,
            state="sent",
            where="mailbox",
            anchor=BOX,
            since_ms=NOW_MS,
        )
        node.tell(
            MessageSent(message_id=first.message_id, contact="Ada", contact_id=2, via="mailbox")
        )
        await settle(pilot)
        assert f"in the mailbox at {BOX} since 11:06" in screen(app)
        await pilot.press("escape")
        assert "in the mailbox" not in screen(app)


def _day_of_now() -> object:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(NOW_MS / 1000, UTC).date()


async def test_late_receipts_are_a_setting(node: TalkingNode, opened: Opened) -> None:
    async with opened(node, (80, 40)) as (_, pilot):
        await pilot.press(*"/settings", "enter")
        await settle(pilot)
        await pilot.press("tab", "tab", "enter")
        await settle(pilot)
        assert SetPreferences(late_receipts=True) in node.sent
        assert node.everybody.late_receipts


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shown", ["anchors", "anchor", "anchors-none"])
async def test_it_looks_as_it_did(box: TalkingNode, opened: Opened, size: str, shown: str) -> None:
    if shown == "anchors-none":
        box.anchors = Anchors(anchors=[], waiting=[])
    async with opened(box, SIZES[size]) as (app, pilot):
        await pilot.press(*"/anchors", "enter")
        await settle(pilot)
        if shown == "anchor":
            await pilot.press("enter")
            await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"{shown}-{size}", picture)


@pytest.mark.parametrize(
    ("width", "words"), [(80, "not verified · "), (120, "not verified · PQ · ")]
)
async def test_in_a_narrow_title_pq_gives_way_to_how_one_is_reached(
    node: TalkingNode, opened: Opened, width: int, words: str
) -> None:
    ada = node.contacts["Ada"]
    node.contacts["Ada"] = msgspec.structs.replace(ada, verified=False, reach=ReachView(how="lan"))
    async with opened(node, (width, 24)) as (app, _):
        title = text_of(app)[0].rstrip()
        assert title.endswith(f"Ada · {words}online, direct on this network")
