"""Pairing nearby in the app, at 80x24: alias, pick, three words, same or different."""

from typing import TypeVar

import pytest
from textual.pilot import Pilot

from loom.api.events import InviteUsed
from loom.api.pairing_commands import AnswerWords, DialPeer, PickPeer, StartPairing, StopPairing
from loom.errors import NobodyPairing, PairingLeft
from loom.tui.app import LoomApp
from loom.tui.screens.adding import NEARBY, AddPanel
from loom.tui.screens.pairing import DIFFERENT, SAME, PairingPanel
from tests.tui.conftest import Opened, prose_of, settle, until, until_shown
from tests.tui.people import PeopleNode
from tests.tui.test_people import choose, is_back, run, screen, sent

T = TypeVar("T")


@pytest.fixture
def alone() -> PeopleNode:
    """Somebody without contacts."""
    return PeopleNode()


async def begin(app: LoomApp, pilot: Pilot[None]) -> PairingPanel:
    """The screen of pairing."""
    await run(pilot, "/pair", "enter")
    panel = app.screen
    assert isinstance(panel, PairingPanel)
    return panel


async def test_the_list_is_said_to_be_empty_only_while_it_is(
    alone: PeopleNode, opened: Opened
) -> None:
    """Regression: the words stayed beside the contact whom an invite had brought."""
    async with opened(alone) as (app, pilot):
        assert "No contacts yet" in screen(app)
        ada = alone.add("Ada")
        alone.tell(InviteUsed(invite_id=1, contact="Ada", contact_id=ada.contact_id, is_new=True))
        await until(pilot, lambda: "No contacts yet" not in screen(app))
        assert "Ada" in screen(app)


async def test_from_the_empty_list_to_a_verified_contact(alone: PeopleNode, opened: Opened) -> None:
    async with opened(alone) as (app, pilot):
        assert "/pair for somebody here" in screen(app)
        await run(pilot, "/add", "enter")
        assert isinstance(app.screen, AddPanel)
        await choose(app, pilot, NEARBY)
        await run(pilot, "enter")
        assert isinstance(app.screen, PairingPanel)
        assert "maple-river" in screen(app)
        assert "Looking for the other person" in screen(app)
        alone.near("stone-cabin", "alpha-beta")
        await until_shown(pilot, "stone-cabin")
        await choose(app, pilot, "peer stone-cabin")
        await run(pilot, "enter")
        assert [one.alias for one in sent(alone, PickPeer)] == ["stone-cabin"]
        assert "connecting" in screen(app)
        alone.show_words()
        await until_shown(pilot, "judge")
        assert "pulse" in screen(app)
        assert "maple-river" not in screen(app)
        await choose(app, pilot, SAME)
        await run(pilot, "enter")
        assert [(one.meeting, one.same) for one in sent(alone, AnswerWords)] == [(1, True)]
        assert "Waiting for the other person" in prose_of(app)
        alone.pair_with("Bob")
        await until_shown(pilot, "Bob is a verified contact.")
        assert is_back(app)
        await settle(pilot)
        assert sent(alone, StopPairing) == []


async def test_enter_pressed_too_soon_confirms_nothing(alone: PeopleNode, opened: Opened) -> None:
    async with opened(alone) as (app, pilot):
        panel = await begin(app, pilot)
        alone.near("stone-cabin")
        alone.show_words()
        await until(pilot, lambda: panel.body.at == DIFFERENT)
        await run(pilot, "enter")
        assert [one.same for one in sent(alone, AnswerWords)] == [False]
        await until_shown(pilot, "The words are not the same")
        assert "maple-river" in screen(app)  # one may try again
        assert not alone.contacts


async def test_words_that_come_by_themselves_are_shown(alone: PeopleNode, opened: Opened) -> None:
    """The other person picked this one."""
    async with opened(alone) as (app, pilot):
        await begin(app, pilot)
        alone.show_words()
        await until_shown(pilot, "judge  pulse  among")


async def test_a_typed_address_is_dialled_or_refused(alone: PeopleNode, opened: Opened) -> None:
    async with opened(alone) as (app, pilot):
        await begin(app, pilot)
        assert "192.0.2.7:4072" in screen(app)
        await choose(app, pilot, "Or their address")
        await run(pilot, "nowhere", "enter")
        assert "nowhere is not an address." in screen(app)
        await run(pilot, "ctrl+u", "192.0.2.9:4070", "enter")
        assert [(one.host, one.port) for one in sent(alone, DialPeer)] == [("192.0.2.9", 4070)]
        alone.end_meeting(NobodyPairing(address="192.0.2.9:4070"))
        await until_shown(pilot, "Nobody is pairing at")


async def test_a_lost_meeting_says_so_and_goes_on(alone: PeopleNode, opened: Opened) -> None:
    async with opened(alone) as (app, pilot):
        await begin(app, pilot)
        alone.show_words()
        await until_shown(pilot, "judge")
        alone.end_meeting(PairingLeft())
        await until_shown(pilot, "The other person is gone")
        assert "judge" not in screen(app)


@pytest.mark.parametrize("way", ["escape", "another", "quit"])
async def test_whichever_way_it_is_left_nothing_pairs_any_more(
    way: str, alone: PeopleNode, opened: Opened
) -> None:
    async with opened(alone) as (app, pilot):
        await begin(app, pilot)
        assert alone.pairing.on
        if way == "escape":
            await run(pilot, "escape")
            assert is_back(app)
        elif way == "another":
            app.close_panels()
        else:
            await pilot.press("ctrl+q")
    assert sent(alone, StopPairing)
    assert not alone.pairing.on


async def test_after_five_minutes_one_can_start_again(alone: PeopleNode, opened: Opened) -> None:
    async with opened(alone) as (app, pilot):
        await begin(app, pilot)
        alone.end_pairing("time")
        await until_shown(pilot, "Pairing is over")
        await choose(app, pilot, "Start again")
        await run(pilot, "enter")
        assert len(sent(alone, StartPairing)) == 2
        assert "maple-river" in screen(app)


async def test_an_alias_cannot_harm_the_screen(alone: PeopleNode, opened: Opened) -> None:
    """The node lets only two words in; the screen does not rely on it."""
    async with opened(alone) as (app, pilot):
        await begin(app, pilot)
        alone.near("\x1b[2J\u202eliar\r\n\x07")
        await until_shown(pilot, "127.0.0.1:4071")
        for row in screen(app).split("\n"):
            assert row.isprintable()


@pytest.mark.parametrize("size", [(80, 24), (60, 18)])
async def test_all_of_it_fits(size: tuple[int, int], alone: PeopleNode, opened: Opened) -> None:
    async with opened(alone, size) as (app, pilot):
        await begin(app, pilot)
        alone.near("stone-cabin")
        await until_shown(pilot, "stone-cabin")
        assert "Yours" in screen(app)
        alone.show_words()
        await until_shown(pilot, SAME)
        assert "judge" in screen(app)
