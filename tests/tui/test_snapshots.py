"""Each screen as it looked when somebody looked at it. After an intended change:

LOOM_SNAPSHOTS=write python -m pytest tests/tui/test_snapshots.py, then look at the files.
"""

from collections.abc import Awaitable, Callable
from datetime import date

import msgspec
import pytest
from textual.pilot import Pilot

from loom.api.events import ContactTyping
from loom.tui import private_text, times
from loom.tui.app import LoomApp
from tests.tui.conftest import Opened, settle
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode

DAY = date(2026, 11, 18)
SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
SMALL = {"20x5": (20, 5)}
Act = Callable[[LoomApp, Pilot[None], TalkingNode], Awaitable[None]]


async def nothing(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """As it opens."""


async def states(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """Every state of a message, a date line, a new-message line, a link, a long text."""
    node.messages = []
    for state in ("queued", "sent", "delivered", "read", "failed"):
        node.say("Ada", f"this one is {state}", direction="out", state=state)
    node.say("Ada", "look at https://example.org/maps?of=here [b]now[/b] \x1b[31m", "日本語 👍🏽")
    node.say("Ada", "a long text " * 20, "and unread", state="delivered")
    node.messages = [
        msgspec.structs.replace(one, sent_at_ms=one.sent_at_ms - 86_400_000)
        if one.row_id < 4
        else one
        for one in node.messages
    ]
    await pilot.press("alt+down", "alt+up")
    await settle(pilot)
    node.tell(ContactTyping(contact="Ada", contact_id=2, on=True))
    await settle(pilot)


async def selection(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("escape", "k")


async def writing(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"three", "ctrl+j", *"rows", "ctrl+j", *"here")


async def completing(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/", "tab", "tab")


async def palette(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("ctrl+p")


async def searching(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/search o", "enter")


async def help_(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("f1")


async def refused(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/qiut", "enter")


async def dark(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/theme dark", "enter")


async def light(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/theme light", "enter")


async def formatted(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """Emphasis, code with and without a language, a Markdown link, marks that are none."""
    node.messages = []
    node.say(
        "Ada",
        "this is *emphasis*, **strong**, ***both*** and `code`; 2 * 3 * 4 and a_name_here are not",
        "look:\n```python\n@cache\ndef answer(what: str) -> int:\n"
        "    # of everything\n    return 42 if what else len('none')\n```\nthat is all",
        "[your bank](https://evil.example/of_(the)_*world*) says so",
    )
    await pilot.press("alt+down", "alt+up")


async def lasting(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """A timer of each side, one that did not arrive in time, and what a farewell asks."""
    node.set_timer("Ada", 3_600, "out")
    node.set_timer("Ada", 300)
    node.say("Ada", "too late", direction="out", state="queued")
    await pilot.press("alt+down", "alt+up")
    await settle(pilot)
    node.expire(node.messages[-1], arrived=False)
    node.ask_farewell("Ada", "contact")


async def plain(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await formatted(app, pilot, node)
    await settle(pilot)
    await pilot.press(*"/formatting plain", "enter")


async def folded(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    node.say("Ada", "\n".join(f"line {n} of many" for n in range(1, 230)))
    await pilot.press("alt+down", "alt+up")
    await settle(pilot)
    await pilot.press("escape")


async def unfolded(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await folded(app, pilot, node)
    await settle(pilot)
    await pilot.press("z")


async def too_long(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    app.chat.composer.insert("a line of a long text\n" * 3_000)
    await pilot.press("enter")


async def sent_before(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    node.say("Ada", "the first one", "the *second* one\nof two lines", direction="out")
    await pilot.press("alt+down", "alt+up")
    await settle(pilot)
    await pilot.press("ctrl+r", *"one")


async def on_the_disk(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """Where no folder lies in memory, an editor of one's own is asked about."""
    await pilot.press(*"begun", "ctrl+x", "ctrl+e")


async def choosing_formatting(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/formatting", "enter")


WRITING = (
    formatted,
    plain,
    folded,
    unfolded,
    too_long,
    sent_before,
    on_the_disk,
    choosing_formatting,
)

ACTS = (
    nothing,
    states,
    selection,
    writing,
    completing,
    palette,
    searching,
    help_,
    refused,
    dark,
    light,
    lasting,
)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__.strip("_"))
async def test_it_looks_as_it_did(
    node: TalkingNode, opened: Opened, act: Act, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    async with opened(node, SIZES[size]) as (app, pilot):
        await act(app, pilot, node)
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    name = getattr(act, "__name__", "").strip("_")
    compare(f"{name}-{size}", picture)


@pytest.mark.parametrize("size", SIZES | SMALL)
@pytest.mark.parametrize("act", WRITING, ids=lambda act: act.__name__)
async def test_writing_and_long_texts_look_as_they_did(
    node: TalkingNode, opened: Opened, act: Act, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    monkeypatch.setattr(private_text, "memory_folder", lambda _: None)
    monkeypatch.setattr(LoomApp, "can_lend_terminal", True)
    async with opened(node, (SIZES | SMALL)[size]) as (app, pilot):
        await act(app, pilot, node)
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"writing-{getattr(act, '__name__', '').replace('_', '-')}-{size}", picture)


@pytest.mark.parametrize("unicode", [True, False])
async def test_nobody_and_ascii(
    opened: Opened, unicode: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(TalkingNode(), SIZES["80x24"], unicode=unicode) as (app, _):
        picture = app.export_screenshot(title="Loom")
    compare(f"nobody-{'utf8' if unicode else 'ascii'}", picture)
