"""Paths, log, report, notifications and typing, as they meet the person and the terminal."""

import base64
from collections.abc import Callable

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from loom.api.contact_views import Connectivity, PathChange, PathView, ReachView
from loom.api.conversation_commands import SetPreferences, SetTyping
from loom.api.events import ContactTyping
from loom.api.profile_views import StatusView
from loom.errors import InvalidInput
from loom.tui.app import LoomApp
from loom.tui.kit.chooser import Chooser
from loom.tui.kit.panel import Panel
from loom.tui.notices import Level
from loom.tui.report import Screen, address_kind, report
from loom.tui.screens.connectivity import ConnectivityPanel
from loom.tui.screens.log import LogPanel
from loom.tui.screens.settings import SettingsPanel
from loom.tui.settings import TEMPLATE, read_app_settings
from loom.tui.times import now_ms
from tests.fakes import NOW_MS
from tests.tui.conftest import Opened, settle, text_of, until
from tests.tui.talking import TalkingNode

DAY_MS = 86_400_000
SECRETS = ("Ada", "Bob", "192.0.2.7", "10.1.2.3", "fd00::7", "home.example", "4070", "ab" * 8)


def paths() -> list[PathView]:
    """Ada is connected and moved; Bob is looked for."""
    common = {"last_error": None, "failed_attempts": 0, "next_dial_at_ms": None}
    ada = PathView(
        contact="Ada",
        contact_id=2,
        online=True,
        address="10.1.2.3:4070",
        direction="out",
        connected_at_ms=NOW_MS,
        known_addresses=2,
        queued=0,
        arriving=0,
        dropped=0,
        changes=[
            PathChange(at_ms=NOW_MS, what="dialled", address="192.0.2.7:4070"),
            PathChange(at_ms=NOW_MS + 61_000, what="moved", address="10.1.2.3:4070"),
        ],
        reach=ReachView(how="lan"),
        **common,  # type: ignore[arg-type]
    )
    bob = PathView(
        contact="Bob [b]\x1b[31m",
        contact_id=1,
        online=False,
        address=None,
        direction=None,
        connected_at_ms=None,
        known_addresses=1,
        last_error="unreachable",
        failed_attempts=4,
        next_dial_at_ms=NOW_MS + 90_000,
        queued=2,
        arriving=1,
        dropped=5,
        changes=[PathChange(at_ms=NOW_MS, what="found", address="[fd00::7]:4070")],
        reach=ReachView(
            how="mail", anchor="box.example:4071", waiting=3, since_ms=now_ms() - 10 * DAY_MS
        ),
    )
    return [bob, ada]


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


@pytest.mark.parametrize("way", ["key", "command", "palette"])
async def test_the_ways_to_everybody_are_shown(node: TalkingNode, opened: Opened, way: str) -> None:
    node.paths = paths()
    async with opened(node, (80, 30)) as (app, pilot):
        if way == "key":
            await pilot.press("ctrl+t")
        elif way == "command":
            await pilot.press(*"/connectivity", "enter")
        else:
            await pilot.press("ctrl+p", *"paths", "enter")
        await settle(pilot)
        assert isinstance(app.screen, ConnectivityPanel)
        shown = screen(app)
        for words in (
            "Refused         3 unknown callers",
            "online, direct on this network at 10.1.2.3:4070",
            "11-18 11:07:41  moved to 10.1.2.3:4070",
            "11-18 11:06:40  connected to 192.0.2.7:4070",
            "Bob [b]",
            "4 attempts failed: no answer. ",
            "2 waiting for confirmation, 1 arriving, 5 refused",
            "found at [fd00::7]:4070",
            "away, mail waits at box.example:4071",
        ):
            assert words in shown
        assert shown.index("moved to") < shown.index("connected to")
        await pilot.press("escape")
        await settle(pilot)
        assert app.chat.is_active


@pytest.mark.parametrize("state", ["on", "failed"])
async def test_a_proxy_is_shown_with_whom_it_leads_to(
    node: TalkingNode, opened: Opened, state: str
) -> None:
    bob, ada = paths()
    node.paths = [
        msgspec.structs.replace(bob, last_error="proxy_unavailable"),
        msgspec.structs.replace(
            ada, proxied=True, address="203.0.113.7:4070", reach=ReachView(how="direct")
        ),
    ]
    node.proxy, node.proxy_state = "socks5://127.0.0.1:9050", state
    async with opened(node, (80, 30)) as (app, pilot):
        await pilot.press("ctrl+t")
        await settle(pilot)
        shown = screen(app)
        assert f"Proxy           socks5://127.0.0.1:9050, {state}" in shown
        assert "online, direct at 203.0.113.7:4070, through the proxy" in shown
        assert "4 attempts failed: the proxy does not answer. " in shown


def noting(written: list[str]) -> Callable[[LoomApp, str], None]:
    """Notes what would reach the terminal, but for its title."""

    def write(_: LoomApp, text: str) -> None:
        if not text.startswith("\x1b]2;"):
            written.append(text)

    return write


async def test_a_report_goes_to_the_clipboard_without_names(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    node.paths = paths()
    written: list[str] = []
    monkeypatch.setattr(LoomApp, "write_terminal", noting(written))
    async with opened(node) as (app, pilot):
        await pilot.press(*"/report", "enter")
        await settle(pilot)
        assert "Copied" in screen(app)
    [sequence] = written
    text = base64.b64decode(sequence.removeprefix("\x1b]52;c;").removesuffix("\a")).decode()
    assert "Contacts: 2, 1 online; queued 2" in text
    for secret in SECRETS:
        assert secret not in text


def test_the_report_tells_kinds_and_states_only() -> None:
    status = StatusView(
        profile="Ada",
        name="Ada",
        fingerprint="ab" * 32,
        port=4070,
        addresses=["192.0.2.7:4070"],
        pid=4070,
        started_at_ms=NOW_MS - 7_200_000,
        contacts=2,
        online=1,
        queued=2,
        mdns="on",
        version="0.1.0",
        started_seq=0,
        last_seq=0,
    )
    found = Connectivity(
        mdns="on", addresses=["0.0.0.0:4070", "[::]:4070"], refused=3, paths=paths()
    )
    environment = {
        "TERM": "Bobs-terminal",
        "TMUX": "/private/Ada/4070",
        "SSH_CONNECTION": "10.1.2.3",
    }
    text = report(status, found, Screen(80, 24, True, None), environment, NOW_MS + 120_000)
    for secret in SECRETS:
        assert secret not in text
    for words in (
        "Terminal: other, 80x24, UTF-8, focus not reported, tmux, ssh",
        "up 2 h, mDNS on, proxy off, listening on any IPv4, any IPv6",
        "not connected, last error unreachable, failed attempts 4, next in 0 s, addresses 1, in",
        "addresses 1, in mailboxes 3, queued 2, arriving 1",
        "online, out, private IPv4, for 2 min",
        "  59 s ago moved private IPv4\n  2 min ago dialled",
        "  2 min ago found private IPv6",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1:1", "loopback IPv4"),
        ("[fe80::1%eth0]:1", "link-local IPv6"),
        ("8.8.8.8:53", "public IPv4"),
        ("home.example:1", "host name"),
        ("abc.onion:1", "onion service"),
        ("", ""),
    ],
)
def test_an_address_is_only_its_kind(address: str, kind: str) -> None:
    assert address_kind(address) == kind


async def test_the_log_is_shown_newest_first(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/log", "enter")
        await settle(pilot)
        assert isinstance(app.screen, LogPanel)
        assert "The log is empty." in screen(app)
        node.log = [f"2026-11-20 12:00:{n:02} WARNING loom: [b]thing[/b] {n}" for n in range(60)]
        await pilot.press("enter")
        await settle(pilot)
        rows = [row for row in text_of(app) if "thing" in row]
        assert "[b]thing[/b] 59" in rows[0]
        assert len(rows) > 15
        await pilot.press("pagedown")
        await settle(pilot)
        assert "[b]thing[/b] 59" not in screen(app)


async def go(app: LoomApp, pilot: Pilot[None], name: str) -> None:
    """Press what has this name in the panel."""
    panel = app.screen
    assert isinstance(panel, Panel)
    for _ in range(40):
        if panel.body.at == name:
            await pilot.press("enter")
            await settle(pilot)
            return
        await pilot.press("tab")
    raise AssertionError(f"there is no {name}")


async def test_everything_is_set_on_one_screen(node: TalkingNode, opened: Opened) -> None:
    async with opened(node, (80, 50)) as (app, pilot):
        await pilot.press(*"/settings", "enter")
        await settle(pilot)
        assert isinstance(app.screen, SettingsPanel)
        for words in ("[x] Read receipts", "(•) Name only", "(•) terminal", "(•) default"):
            assert words in screen(app)
        await go(app, pilot, "Read receipts")
        await go(app, pilot, "Typing")
        assert (node.everybody.read_receipts, node.everybody.typing) == (False, False)
        assert "[ ] Read receipts" in screen(app)
        await go(app, pilot, "Typing")
        assert node.everybody.typing
        assert [one.contact for one in node.sent if isinstance(one, SetPreferences)] == [None] * 3
        await go(app, pilot, "notify: Off")
        await go(app, pilot, "Bell")
        await go(app, pilot, "theme: dark")
        await go(app, pilot, "keys: vi")
        await go(app, pilot, "lock: 60 minutes")
        for words in ("(•) Off", "[ ] Bell", "(•) dark", "(•) vi", "(•) 60 minutes"):
            assert words in screen(app)
        assert (app.notices.level, app.idle.limit_s) == (Level.NOTHING, 3600)
        config = app.config
    found = read_app_settings(config)
    assert (found.theme, found.keys, found.bell) == ("dark", "vi", False)
    assert (found.notify, found.lock_after_min) == (Level.NOTHING, 60)


async def test_a_setting_that_cannot_be_kept_is_said(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        (app.config / "config.toml").mkdir()
        await pilot.press(*"/settings", "enter")
        await settle(pilot)
        await go(app, pilot, "theme: light")
        assert "cannot be used" in screen(app)
        assert isinstance(app.screen, SettingsPanel)


@pytest.mark.parametrize("words", ["settings", "preferences", "colors", "theme", "keys"])
async def test_the_palette_finds_settings_by_what_people_call_them(
    node: TalkingNode, opened: Opened, words: str
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+p", *words)
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        assert "Settings" in [one.label for one in app.screen.box.choices]


async def test_the_palette_finds_how_to_delete_a_message(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+p", *"delete message", "enter")
        await settle(pilot)
        assert app.chat.selection.is_active


async def test_the_present_choice_is_marked(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        app.use_theme("light")
        await pilot.press(*"/theme", "enter")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        chosen = app.screen.box.choices[app.screen.box.at]
        assert (chosen.label, chosen.hint) == ("light", "in use")


async def test_the_level_of_notifications_is_remembered(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/notify full", "enter")
        await settle(pilot)
        assert app.notices.level is Level.FULL
        await pilot.press(*"/notify loud", "enter")
        await settle(pilot)
        assert "Write /notify full, /notify sender, /notify nothing" in screen(app)
        config = app.config
    settings = read_app_settings(config)
    assert (settings.notify, settings.bell) == (Level.FULL, True)
    (config / "config.toml").write_text(TEMPLATE, encoding="utf-8")
    assert read_app_settings(config).notify is Level.SENDER
    (config / "config.toml").write_text('notify = "loud"', encoding="utf-8")
    with pytest.raises(InvalidInput):
        read_app_settings(config)


async def test_the_terminal_is_told_only_while_one_looks_elsewhere(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("VTE_VERSION", raising=False)
    written: list[str] = []
    monkeypatch.setattr(LoomApp, "write_terminal", noting(written))
    async with opened(node) as (app, pilot):
        app.post_message(events.AppFocus())
        await settle(pilot)
        node.receive("Bob", "while one looks")
        await settle(pilot)
        assert written == []
        app.post_message(events.AppBlur())
        await settle(pilot)
        node.receive("Ada", "the text is nobody's business")
        await settle(pilot)
        assert written == ["\a", "\x1b]9;Loom: Ada\a"]
        await pilot.press(*"/mute", "enter")
        await settle(pilot)
        app.notices._told_s.clear()
        node.receive("Ada", "muted")
        await settle(pilot)
        assert len(written) == 2


async def test_typing_is_told_both_ways(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom.tui.typing_signs.TYPING_S", 0.5)
    async with opened(node) as (app, pilot):
        await pilot.press(*"/net")
        await settle(pilot)
        told = [one for one in node.sent if isinstance(one, SetTyping)]
        assert told == []
        await pilot.press("ctrl+u", *"hello")
        await settle(pilot)
        told = [one for one in node.sent if isinstance(one, SetTyping)]
        assert told == [SetTyping(contact="#2", on=True)]
        await pilot.press("enter", *"x", "backspace")
        await settle(pilot)
        told = [one for one in node.sent if isinstance(one, SetTyping)]
        assert [one.on for one in told] == [True, True, False]
        node.tell(ContactTyping(contact="Ada", contact_id=2, on=True))
        node.tell(ContactTyping(contact="Bob", contact_id=1, on=True))
        await until(pilot, lambda: app.model.conversations[1].typing)
        await until(pilot, lambda: not app.model.conversations[1].typing)
        await until(pilot, lambda: "typing" not in screen(app))


async def test_a_draft_that_is_only_opened_is_not_typed(node: TalkingNode, opened: Opened) -> None:
    node.drafts = {2: "begun", 1: "begun too"}
    async with opened(node) as (_, pilot):
        await pilot.press("alt+down")
        await settle(pilot)
        await pilot.press("alt+up")
        await settle(pilot)
        assert not any(isinstance(one, SetTyping) for one in node.sent)


async def test_choosing_a_contact_opens_the_conversation(node: TalkingNode, opened: Opened) -> None:
    node.paths = paths()
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+t")
        await settle(pilot)
        await pilot.press("tab", "tab", "enter")
        await settle(pilot)
        assert app.screen is app.chat
        assert app.model.current == paths()[1].contact_id
