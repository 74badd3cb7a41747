"""One's own profile in the app; what contacts tell of themselves, marks and identicons."""

from collections.abc import Awaitable, Callable
from datetime import date

import msgspec
import pytest
from textual.pilot import Pilot

from loom.api.contact_views import ReachView
from loom.api.events import PeerOffline, ProfileChanged
from loom.api.profile_commands import SetProfile
from loom.front.signs import Signs
from loom.tui import times
from loom.tui.app import LoomApp
from loom.tui.cells import width_of
from loom.tui.identicon import COLORS, identicon
from loom.tui.lines import Look
from loom.tui.screens.own_profile import OwnProfilePanel
from loom.tui.themes import ICON, Piece, load_theme
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "20x5": (20, 5)}
Act = Callable[[LoomApp, Pilot[None], TalkingNode], Awaitable[None]]


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


@pytest.fixture
def told() -> TalkingNode:
    """Ada is away in the mountains; Bob looks like somebody else; Eve is hostile."""
    node = TalkingNode()
    node.add("Eve", session="established", fingerprint="e0" * 32)
    node.add("B0b", session="established", fingerprint="0b" * 32, looks_like="Bob")
    node.add("Ada", verified=True, session="established", fingerprint="ad" * 32)
    for name in ("Eve", "B0b", "Ada"):
        node.say(name, f"hello from {name}")
    hostile = "\x1b[31m\u202ered\x07\n" * 12
    for name, facts in {
        "Ada": {"status": "in the mountains", "away": True},
        "Eve": {"status": hostile, "display_name": hostile, "looks_like": hostile},
    }.items():
        node.contacts[name] = msgspec.structs.replace(node.contacts[name], **facts)  # type: ignore[arg-type]
    return node


async def test_the_fields_hold_what_is_told_and_enter_tells_it(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/profile", "enter")
        await settle(pilot)
        assert isinstance(app.screen, OwnProfilePanel)
        await pilot.press(*"lanie", "enter")
        await settle(pilot)
        assert node.own.name == "Melanie"
        await pilot.press("tab", *"at sea", "enter")
        await settle(pilot)
        assert node.own.status == "at sea"
        await pilot.press("tab", "enter", "tab", "enter")
        await settle(pilot)
        assert (node.own.away, node.own.invisible) == (True, True)
        await pilot.press("escape")
        await settle(pilot)
        assert "invisible" in text_of(app)[-1]
        assert len([one for one in node.sent if isinstance(one, SetProfile)]) == 4


async def test_the_status_line_follows_what_another_front_end_changes(
    node: TalkingNode, opened: Opened
) -> None:
    """Once somebody believed to be invisible whom everybody saw."""
    async with opened(node) as (app, pilot):
        for invisible in (True, False):
            node.tell(ProfileChanged(name="Mel", status="", away=False, invisible=invisible))
            await settle(pilot)
            assert ("invisible" in text_of(app)[-1]) == invisible


async def test_what_contacts_say_of_themselves_is_shown_and_harmless(
    told: TalkingNode, opened: Opened
) -> None:
    async with opened(told, (120, 40)) as (app, pilot):
        assert "says: away" in text_of(app)[0]
        assert '"in the mountains"' in text_of(app)[0]
        told.contacts["Ada"] = msgspec.structs.replace(
            told.contacts["Ada"], online=False, reach=ReachView()
        )
        told.tell(PeerOffline(contact="Ada", contact_id=3, reason="closed"))
        await settle(pilot)
        assert text_of(app)[0].count("away") == 1
        await pilot.press("alt+down")
        await settle(pilot)
        assert "looks like Bob" in text_of(app)[0]
        await pilot.press("alt+down")
        await settle(pilot)
        await pilot.press("f2")
        await settle(pilot)
        assert "\x1b" not in screen(app)
        assert "\u202e" not in screen(app)
        assert "Looks like" in screen(app)


def test_an_identicon_is_two_cells_whatever_the_terminal() -> None:
    theme = load_theme("terminal")
    for look in (
        Look(theme, Signs(True)),
        Look(theme, Signs(False)),
        Look(theme, Signs(True), has_colors=False),
    ):
        for fingerprint in ("ad" * 32, "00" * 32, "", "no hexadecimal digits"):
            line = identicon(fingerprint, look)
            assert sum(width_of(piece.text) for piece in line) == 2
    colored = identicon("ad" * 32, Look(theme, Signs(True)))
    assert all(piece.role.startswith(ICON) for piece in colored)
    assert identicon("ad" * 32, Look(theme, Signs(False)))[0].text.isascii()
    found = {
        tuple(identicon(f"{n:016x}", Look(theme, Signs(True)))) for n in range(len(COLORS) ** 4)
    }
    assert len(found) == len(COLORS) ** 4


def test_the_colours_of_an_identicon_are_those_that_16_colour_terminals_have() -> None:
    theme = load_theme("light")
    [segment] = theme.strip([Piece("\u2580", f"{ICON}bright_red on cyan")], 1)
    assert segment.style is not None
    assert segment.style.color is not None
    assert segment.style.color.number == 9


async def nothing(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """As it opens."""


async def alike(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("alt+down")


async def hostile(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("alt+down", "alt+down", "f2")


async def own(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/invisible", "enter", *"/profile", "enter")


ACTS = (nothing, alike, hostile, own)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_it_looks_as_it_did(
    told: TalkingNode, opened: Opened, act: Act, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: date(2026, 11, 18))
    async with opened(told, SIZES[size]) as (app, pilot):
        await act(app, pilot, told)
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"own-profile-{act.__name__}-{size}", picture)
