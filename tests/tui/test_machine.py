"""Another machine uses the identity: the app asks, and takes the answer to the node."""

from loom.api.events import IdentityRotated, MachineFound
from loom.api.machine_commands import DecideMachine
from loom.api.machine_views import MachineView
from loom.tui.app import LoomApp
from loom.tui.screens.machine import MachinePanel
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.talking import TalkingNode

ASKS = MachineView(state="asks", contacts=["Bob\u202e"])


def asks(app: LoomApp) -> bool:
    return isinstance(app.screen, MachinePanel)


async def test_the_question_comes_with_the_event_and_goes_with_the_answer(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        node.machine = ASKS
        node._event(MachineFound(contact="Bob", contact_id=1))
        await settle(pilot)
        assert asks(app)
        shown = "\n".join(text_of(app))
        assert "sessions with Bob" in shown
        assert "\u202e" not in shown
        await pilot.press("enter")
        await settle(pilot)
        assert not asks(app)
    assert [one.stays for one in node.sent if isinstance(one, DecideMachine)] == [True]


async def test_it_is_asked_again_at_the_next_start_and_can_wait(
    node: TalkingNode, opened: Opened
) -> None:
    node.machine = ASKS
    async with opened(node) as (app, pilot):
        await settle(pilot)
        assert asks(app)
        await pilot.press("escape")
        await settle(pilot)
        assert not asks(app)
    assert not [one for one in node.sent if isinstance(one, DecideMachine)]


async def test_new_keys_are_made_from_the_question(node: TalkingNode, opened: Opened) -> None:
    node.machine = ASKS
    async with opened(node) as (app, pilot):
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        await pilot.press(*" ".join(["word"] * 24), "enter")
        await settle(pilot)
        assert "identity number 2" in "\n".join(text_of(app))
        node._event(IdentityRotated(number=1, fingerprint=""))
        await pilot.press("enter")
        await settle(pilot)
        assert not asks(app)
    assert not [one for one in node.sent if isinstance(one, DecideMachine)]


async def test_a_closed_profile_says_so(node: TalkingNode, opened: Opened) -> None:
    node.machine = MachineView(state="closed", contacts=[])
    async with opened(node) as (app, pilot):
        await settle(pilot)
        assert "This profile is closed" in "\n".join(text_of(app))
