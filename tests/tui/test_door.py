"""From nothing to an open profile, and back behind the passphrase."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from textual import events
from textual.app import App
from textual.pilot import Pilot

from loom.api.backup_views import Unsent, UnsentView
from loom.api.client import Client
from loom.api.contact_commands import ExportToken, ImportToken
from loom.api.pairing_commands import AnswerWords
from loom.api.profile_commands import CheckPhrase, Status
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles
from loom.config import Settings
from loom.core.identity import entropy_of
from loom.errors import ControlError, InvalidPhrase, InvalidToken, NodeNotRunning
from loom.front.signs import Signs
from loom.passphrases import strength_of
from loom.tui import idle
from loom.tui.app import LoomApp
from loom.tui.door import DoorApp
from loom.tui.kit.items import Button, Field, Text
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opened
from loom.tui.reminders import remember_words, words_to_check
from loom.tui.screens.adding import NEARBY
from loom.tui.screens.hidden import Hidden
from loom.tui.screens.introduction import Introduction
from loom.tui.screens.new_profile import NewProfile
from loom.tui.screens.pairing import PairingPanel
from loom.tui.screens.unlock import Unlock
from loom.tui.screens.words import Words
from tests.fakes import FakeNode, FakeProfiles
from tests.tui.conftest import prose_of, until, until_shown
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_snapshots import SIZES

OPTIONS = NodeOptions(mdns=False)
TWICE = ("a passphrase", "enter", "a passphrase", "enter")
WORDS = [f"word{n}" for n in range(1, 25)]


class Profiles(FakeProfiles):
    """Profiles whose words differ, and which can be slow."""

    def __init__(self) -> None:
        super().__init__()
        self.gate: asyncio.Event | None = None

    def add(self, profile: str = "work", *, running: bool = False) -> FakeNode:
        self.nodes[profile] = node = TalkingNode(profile)
        if running:
            self.running.add(profile)
        return node

    async def create(
        self, profile: str, name: str, passphrase: str, *, argon2_memory_mib: int | None = None
    ) -> str:
        await super().create(profile, name, passphrase, argon2_memory_mib=argon2_memory_mib)
        return " ".join(WORDS)

    async def unlock(self, profile: str, passphrase: str, options: NodeOptions) -> Client:
        if self.gate is not None:
            await self.gate.wait()
        return await super().unlock(profile, passphrase, options)


@pytest.fixture
def profiles() -> Profiles:
    return Profiles()


@pytest.fixture(autouse=True)
def _known_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same three words are asked for every time."""
    monkeypatch.setattr("secrets.SystemRandom", lambda: random.Random(4))


@asynccontextmanager
async def standing(
    profiles: Any, folder: Path, size: tuple[int, int] = (80, 24), **facts: Any
) -> AsyncIterator[tuple[DoorApp, Pilot[Any]]]:
    signs = facts.pop("signs", Signs(True))
    door = DoorApp(profiles, OPTIONS, config=folder, signs=signs, **facts)
    async with door.run_test(size=size) as pilot:
        await settle(pilot)
        await until(pilot, lambda: any(rows(door)) or door.return_value is not None)
        yield door, pilot


async def settle(pilot: Pilot[Any]) -> None:
    """Until nothing is under way but following the events."""

    def is_idle() -> bool:
        return not [one for one in pilot.app.workers if one.is_running and one.name == "panel"]

    await pilot.pause(0.005)
    await until(pilot, is_idle)
    await pilot.pause()


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Keys, and texts: a long one is pasted."""
    for key in keys:
        if key == "enter":  # what it does comes before the next key
            await pilot.press(key)
            await settle(pilot)
        elif key in _KEYS or len(key) == 1:
            await pilot.press(key)
        else:
            pilot.app.screen.post_message(events.Paste(key))
            await pilot.pause()
    await settle(pilot)


_KEYS = {"enter", "tab", "shift+tab", "escape", "down", "up", "f9", "ctrl+q", "ctrl+u"}


def rows(app: App[Any]) -> list[str]:
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def seen(app: App[Any]) -> str:
    """The rows; then what they say without frames and line breaks."""
    return "\n".join(rows(app)) + "\n" + prose_of(app)


def at(app: App[Any], kind: type[Panel]) -> bool:
    return isinstance(app.screen, kind)


def form(door: DoorApp) -> Panel:
    assert isinstance(door.screen, Panel)
    return door.screen


def is_closed(node: FakeNode) -> bool:
    return node.closed


def result(door: DoorApp) -> Opened:
    assert door.return_value is not None
    return door.return_value


async def test_a_newcomer_gets_to_the_conversations(profiles: Profiles, tmp_path: Path) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        assert "Welcome to Loom" in seen(door)
        await press(pilot, "Ada Lovelace", "enter", "correct horse", "enter")
        assert "correct" not in seen(door)
        assert "weak" in seen(door)
        await press(pilot, "correct hose", "enter")
        assert "The two passphrases differ" in seen(door)
        assert profiles.created == []
        await press(pilot, "correct horse", "enter")
        assert profiles.created == [("ada-lovelace", "Ada Lovelace", "correct horse", None)]
        assert all(word in seen(door) for word in WORDS)
        await press(pilot, "enter")
        assert not any(f" {word} " in seen(door) for word in WORDS)
        for place in re.findall(r"Word (\d+)", seen(door))[:3]:
            await press(pilot, WORDS[int(place) - 1], "enter")
        assert at(door, Introduction)
        assert words_to_check(tmp_path) == []
        await press(pilot, "LOOM-" + "B" * 111, "enter", "Bob", "enter")
        assert "Bob is added" in seen(door)
        assert "Bob: online" in seen(door)
        await press(pilot, "escape")
    assert result(door).profile == "ada-lovelace"
    assert "Bob" in profiles.nodes["ada-lovelace"].contacts
    assert not profiles.nodes["ada-lovelace"].closed


async def test_everything_that_is_typed_counts_in_a_passphrase(
    profiles: Profiles, tmp_path: Path
) -> None:
    """Joiners and wide spaces too; a pasted line's end does not."""
    passphrase = "\u0645\u06cc\u200c\u062e\u0648\u0627\u3000\U0001f468\u200d\U0001f469"
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter")
        for one in passphrase:
            door.screen.post_message(events.Key("typed", one))
        await press(pilot, "enter", f"{passphrase}\r\n", "enter")
    assert profiles.created == [("ada", "Ada", passphrase, None)]


async def test_help_lists_the_keys_before_a_profile_is_open(
    profiles: Profiles, tmp_path: Path
) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        await pilot.press("f1")
        await press(pilot, "Back; what")
        assert "Back; what was typed is forgotten" in seen(door)
        await press(pilot, "ctrl+u", "jump")
        assert "Nothing found" in seen(door)
        await press(pilot, "escape")
        assert "Welcome to Loom" in seen(door)
        await pilot.press("ctrl+c")
        assert "Ctrl-Q quits." in seen(door)


async def test_a_short_passphrase_is_refused(profiles: Profiles, tmp_path: Path) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter", "seven c")
        assert "too short: at least 8 characters" in seen(door)
        await press(pilot, "enter", "seven c", "enter")
        assert "Use at least 8 characters." in seen(door)
        assert profiles.created == []
        await press(pilot, "h", "enter", "h", "enter")
    assert profiles.created == [("ada", "Ada", "seven ch", None)]


async def test_who_has_no_backup_is_reminded_and_what_was_held_back_is_said(
    profiles: Profiles, tmp_path: Path
) -> None:
    node = profiles.add("ada")
    node.add("Bob")
    node.schedule = structs.replace(node.schedule, last_ms=None)
    app = LoomApp(node, profile="ada", config=tmp_path, profiles=profiles, signs=Signs(True))
    async with app.run_test(size=(100, 24)) as talking:
        await until_shown(talking, "There is no backup yet")
    node.closed = False
    node.unsent = Unsent(contacts=[UnsentView(contact="Bob", contact_id=1, messages=2)])
    app = LoomApp(node, profile="ada", config=tmp_path, profiles=profiles, signs=Signs(True))
    async with app.run_test(size=(100, 24)) as talking:
        await until_shown(talking, "2 texts of the backup wait: /unsent sends or drops them.")


async def test_words_can_wait_and_are_asked_for_again(profiles: Profiles, tmp_path: Path) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter", *TWICE)
        assert at(door, Words)
        await press(pilot, "enter", "nonsense", "enter", "y", "enter", "z", "enter")
        assert "is wrong." in seen(door)
        await press(pilot, "escape")
        assert WORDS[0] in seen(door)
        await press(pilot, "down", "enter")
        assert at(door, Introduction)
    assert words_to_check(tmp_path) == ["ada"]
    node = profiles.nodes["ada"]
    app = LoomApp(node, profile="ada", config=tmp_path, profiles=profiles, signs=Signs(True))
    async with app.run_test(size=(100, 24)) as talking:
        await until_shown(talking, "Your 24 words are not checked yet")
        asked: list[str] = []
        answer = node._answer

        def check(command: Any) -> object:
            if isinstance(command, CheckPhrase):
                asked.append(command.phrase)
                if command.phrase.split() != WORDS:
                    raise InvalidPhrase(reason="they are another identity's")
                return None
            return answer(command)

        node._answer = check  # type: ignore[method-assign]
        await talking.press(*"/words", "enter")
        await settle(talking)
        await press(talking, "wrong", "enter")
        assert "another identity" in seen(app)
        await press(talking, "ctrl+u", " ".join(WORDS), "enter")
        assert "These words restore this identity" in seen(app)
    assert len(asked) == 2
    assert words_to_check(tmp_path) == []


async def test_restoring_from_words(profiles: Profiles, tmp_path: Path) -> None:
    profiles.add("ada")
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "tab", "tab", "enter")
        await press(pilot, "tab", "enter")
        assert at(door, NewProfile)
        await press(pilot, "down", "down", "down", "down", "enter")
        assert "Restore a profile" in seen(door)
        await press(pilot, "Ada", "enter", " ".join(WORDS), "enter", "0", "enter", *TWICE)
        assert "between 1 and 32" in seen(door)
        await press(pilot, "ctrl+u", "3", "enter", "enter", "enter", "enter")
        assert at(door, Introduction)
    assert profiles.created == [("ada-2", "Ada", " ".join(WORDS), None)]
    assert profiles.numbers == [2]


async def test_a_refused_phrase_is_what_one_types_at_next(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise InvalidPhrase(reason="its check does not hold")

    monkeypatch.setattr(profiles, "restore", refuse)
    async with standing(profiles, tmp_path) as (door, pilot):
        assert "Esc back" not in seen(door)
        await press(pilot, *["tab"] * 4, "enter")
        assert "Restore a profile" in seen(door)
        assert "Esc back" in seen(door)
        await press(pilot, "Ada", "enter", "wrong words", "enter", "enter", *TWICE)
        assert "its check does not hold" in seen(door)
        await press(pilot, " again")
        assert "wrong words again" in seen(door)
        await press(pilot, "escape")
        assert "Welcome to Loom" in seen(door)


async def test_a_wrong_word_is_offered_and_taken_with_a_key(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = profiles.restore

    async def check(*given: Any, **facts: Any) -> None:
        entropy_of(given[3])
        await restore(*given, **facts)

    monkeypatch.setattr(profiles, "restore", check)
    async with standing(profiles, tmp_path, size=(80, 30)) as (door, pilot):
        await press(pilot, *["tab"] * 4, "enter")
        wrong = " ".join(["abandon"] * 22 + ["abondon", "artt"])
        await press(pilot, "Ada", "enter", wrong, "enter", "enter", *TWICE)
        assert "word 23, 24 is not in the list" in seen(door)
        assert "Word 24: art instead of artt" in seen(door)
        await press(pilot, "down", "enter")
        assert "Word 23: abandon" not in seen(door)
        assert "Word 24: art instead of artt" in seen(door)
        await press(pilot, "down", "enter")
        assert "instead of" not in seen(door)
        await press(pilot, *["enter"] * 4)
        assert at(door, Introduction)


async def test_after_adding_the_next_paste_is_the_next_token(
    profiles: Profiles, tmp_path: Path
) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter", *TWICE, "down", "enter")
        assert at(door, Introduction)
        token = "LOOM-" + "B" * 111
        await press(pilot, token, "enter", "Bob", "enter", "a second token")
        assert "Bob is added" in seen(door)
        assert "a second token" in seen(door)
        node = profiles.nodes["ada"]
        answer = node._answer

        def refuse(command: Any) -> object:
            if isinstance(command, ImportToken):
                raise InvalidToken(reason="it does not start with LOOM-")
            return answer(command)

        node._answer = refuse  # type: ignore[method-assign]
        await press(pilot, "enter", "Carol", "enter")
        assert "This is not a valid Loom token" in seen(door)
        await press(pilot, " typed on")
        assert "a second token typed on" in seen(door)


async def test_the_first_start_offers_pairing(profiles: Profiles, tmp_path: Path) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter", *TWICE, "down", "enter")
        assert at(door, Introduction)
        panel = form(door)
        while panel.body.at != NEARBY:
            await press(pilot, "up")
        await press(pilot, "enter")
        assert at(door, PairingPanel)
        node = profiles.nodes["ada"]
        node.near("stone-cabin")
        await until_shown(pilot, "stone-cabin")
        node.show_words()
        await until_shown(pilot, "judge")
        await press(pilot, "tab", "enter")
        assert any(isinstance(one, AnswerWords) and one.same for one in node.sent)
        node.pair_with("Bob")
        await until_shown(pilot, "Bob is a verified contact.")
        assert at(door, Introduction)
        await until_shown(pilot, "Bob: online")


async def test_a_pasted_token_goes_where_tokens_belong(profiles: Profiles, tmp_path: Path) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter", *TWICE, "down", "enter")
        assert at(door, Introduction)
        token = "LOOM-" + "B" * 111
        await press(pilot, "tab", "tab", f"{token[:60]}\n  {token[60:]}\n", "something else")
        assert "Nothing was pasted: go to a field first." not in seen(door)
        panel = form(door)
        assert isinstance(panel, Introduction)
        assert (panel._token.text, panel._called.text) == (token, "something else")
        await press(pilot, "tab", "tab", "no token")
        assert "Nothing was pasted: go to a field first." in seen(door)


async def test_a_wrong_passphrase_is_said_and_asked_again(
    profiles: Profiles, tmp_path: Path
) -> None:
    profiles.add("work")
    async with standing(profiles, tmp_path) as (door, pilot):
        assert at(door, Unlock)
        await press(pilot, "enter")
        assert "Type the passphrase first" in seen(door)
        await press(pilot, "wrong", "enter")
        assert "The passphrase is wrong" in seen(door)
        await press(pilot, "correct horse", "enter")
    assert result(door).client is profiles.nodes["work"]
    assert profiles.unlocked == [OPTIONS]


async def test_the_keyring_or_a_security_key_unlocks_it_where_there_is_one(
    profiles: Profiles, tmp_path: Path
) -> None:
    profiles.add("work")
    async with standing(profiles, tmp_path) as (door, pilot):
        assert "By the" not in seen(door)
    profiles.ways[:] = ["keyring", "fido2"]
    async with standing(profiles, tmp_path) as (door, pilot):
        assert "[ By the desktop's keyring ]" in seen(door)
        await press(pilot, "1234", "tab", "tab", "tab", "enter")
        await until(pilot, lambda: door.return_value is not None)
    assert profiles.pins == ["1234"]


async def test_unlocking_shows_that_it_goes_on(profiles: Profiles, tmp_path: Path) -> None:
    profiles.add("work")
    profiles.gate = asyncio.Event()
    async with standing(profiles, tmp_path) as (door, pilot):
        assert "Esc back" in seen(door)
        await pilot.press(*"correct horse", "enter")
        await pilot.pause()
        assert "Unlocking work" in seen(door)
        assert "Esc back" not in seen(door)
        screen = form(door)
        for _ in range(8):
            screen._tick()
        await pilot.pause()
        assert "2 s" in seen(door)
        await pilot.press("x", "escape")
        profiles.gate.set()
        await settle(pilot)
    assert result(door).profile == "work"


async def test_one_can_quit_while_a_profile_is_unlocked(profiles: Profiles, tmp_path: Path) -> None:
    """The key was dropped until it was open."""
    profiles.add("work")
    profiles.gate = asyncio.Event()
    async with standing(profiles, tmp_path) as (door, pilot):
        await pilot.press(*"correct horse", "enter")
        await pilot.pause()
        assert "Ctrl-Q quit" in seen(door)
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert not door.is_running
    assert door.return_value is None


async def test_a_profile_that_is_made_shows_its_words_before_one_can_quit(
    profiles: Profiles, tmp_path: Path
) -> None:
    profiles.gate = asyncio.Event()
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter", *TWICE[:-1])
        await pilot.press("enter")
        await pilot.pause()
        assert "Creating your keys" in seen(door)
        assert "Ctrl-Q quit" not in seen(door)
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert "Your 24 words come next" in seen(door)
        profiles.gate.set()
        await settle(pilot)
        assert at(door, Words)


async def test_a_running_node_needs_no_passphrase(profiles: Profiles, tmp_path: Path) -> None:
    profiles.add("work", running=True)
    async with standing(profiles, tmp_path) as (door, _):
        pass
    assert result(door) == Opened("work", profiles.nodes["work"])
    assert profiles.unlocked == []


async def test_several_profiles_are_chosen_from(profiles: Profiles, tmp_path: Path) -> None:
    profiles.add("home")
    profiles.add("work", running=True)
    async with standing(profiles, tmp_path) as (door, pilot):
        assert "[ work ]  ● running" in seen(door)
        assert "[ home ]  ○ locked" in seen(door)
        await press(pilot, "enter")
        assert "home is locked" in seen(door)
        await press(pilot, "tab", "tab", "enter")
        assert "Which profile?" in seen(door)
        row = next(y for y, text in enumerate(rows(door)) if "[ work ]" in text)
        await pilot.click(offset=(10, row))
        await settle(pilot)
    assert result(door).profile == "work"


async def test_a_profile_that_was_named_is_not_asked_for(
    profiles: Profiles, tmp_path: Path
) -> None:
    profiles.add("home")
    profiles.add("work")
    async with standing(profiles, tmp_path, chosen="work") as (door, pilot):
        assert "work is locked" in seen(door)
        await press(pilot, "ctrl+q")
    assert door.return_value is None


async def test_going_away_leaves_what_is_open_to_be_closed(
    profiles: Profiles, tmp_path: Path
) -> None:
    async with standing(profiles, tmp_path) as (door, pilot):
        await press(pilot, "Ada", "enter", *TWICE, "ctrl+q")
    assert door.return_value is None
    assert door.held is profiles.nodes["ada"]


async def test_locking_keeps_what_was_begun_and_asks_again(
    profiles: Profiles, tmp_path: Path
) -> None:
    node = profiles.add("work")
    node.add("Bob")
    app = LoomApp(node, profile="work", config=tmp_path, profiles=profiles, signs=Signs(True))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(*"half a thought", "ctrl+p", "f9")
        await settle(pilot)
    assert app.locked
    assert isinstance(node, TalkingNode)
    assert node.drafts == {1: "half a thought"}
    assert not is_closed(node)
    await node.close()
    async with standing(profiles, tmp_path, locked="work") as (door, pilot_):
        assert "work is locked" in seen(door)
        assert "It is offline until you unlock it." in seen(door)
        assert "Bob" not in seen(door)
        await press(pilot_, "correct horse", "enter")
    assert result(door).profile == "work"


async def test_beside_a_daemon_it_is_hidden_and_says_so(profiles: Profiles, tmp_path: Path) -> None:
    node = profiles.add("work", running=True)
    async with standing(profiles, tmp_path, locked="work") as (door, pilot):
        assert at(door, Hidden)
        assert "hidden, not locked" in seen(door)
        assert "offline" not in seen(door)
        assert "without a passphrase" in " ".join(seen(door).split())
        await press(pilot, "enter")
    assert result(door).client is node


async def test_what_goes_wrong_at_the_door_can_be_tried_again(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.add("work")
    attach = profiles.attach

    async def deaf(profile: str) -> Client:
        raise ControlError(what="it says nothing")

    monkeypatch.setattr(profiles, "attach", deaf)
    async with standing(profiles, tmp_path, locked="work") as (door, pilot):
        assert "it says nothing" in seen(door)
        monkeypatch.setattr(profiles, "attach", attach)
        await press(pilot, "enter")
        assert "work is locked" in seen(door)


async def test_a_daemon_that_ended_meanwhile_means_the_passphrase(
    profiles: Profiles, tmp_path: Path
) -> None:
    profiles.add("work", running=True)
    async with standing(profiles, tmp_path, locked="work") as (door, pilot):
        profiles.running.clear()
        await press(pilot, "enter")
        assert at(door, Unlock)


async def test_nobody_for_long_locks(
    profiles: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(idle, "now_s", lambda: now)
    node = profiles.add("work")
    app = LoomApp(node, profile="work", config=tmp_path, profiles=profiles, signs=Signs(True))
    async with app.run_test() as pilot:
        now += 14 * 60
        app.lock_when_idle()
        await pilot.press("x")
        now += 14 * 60
        app.lock_when_idle()
        assert not app.locked
        now += 61
        app.lock_when_idle()
        await settle(pilot)
    assert app.locked


def test_zero_minutes_are_never(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("lock_after_min = 0\n")
    app = LoomApp(FakeNode(), profile="work", config=tmp_path, profiles=FakeProfiles())
    monkeypatch.setattr(idle, "now_s", lambda: 1e9)
    assert not app.idle.is_over()
    (tmp_path / "config.toml").write_text("lock_after_min = -1\n")
    app = LoomApp(FakeNode(), profile="work", config=tmp_path)
    assert "lock_after_min" in app.complaint


async def test_a_demo_is_only_hidden(tmp_path: Path) -> None:
    node = TalkingNode("demo")
    node.add("Ada")
    app = LoomApp(node, profile="demo", config=tmp_path, signs=Signs(True))
    async with app.run_test() as pilot:
        await pilot.press("f9", "f9")
        await pilot.pause()
        assert "hidden, not locked" in seen(app)
        assert "Ada" not in seen(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is app.chat
    assert not app.locked
    await node.close()


def test_strength_grows_with_what_cannot_be_guessed() -> None:
    ladder = ("password", "aaaaaaaaaaaa", "correct horse battery", "correct horse battery staple")
    bits = [strength_of(one).bits for one in ladder]
    assert bits == sorted(bits)
    assert strength_of("12345678901234567890").word == "weak"
    assert strength_of("Password1").word == "weak"
    assert strength_of("orbit velvet canyon thistle marble").word in ("good", "strong")
    assert strength_of("").bits == 0


def test_reminders_are_per_profile(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    remember_words(folder, "a", checked=False)
    remember_words(folder, "b", checked=False)
    remember_words(folder, "a", checked=False)
    assert words_to_check(folder) == ["a", "b"]
    remember_words(folder, "a", checked=True)
    assert words_to_check(folder) == ["b"]


class _Everything(Panel):
    heading = "Everything"

    def items(self) -> list[Any]:
        return [
            Text("long text " * 20),
            self.field,
            *(Button(f"do {n}", partial(self.pressed.append, n)) for n in range(6)),
        ]

    field = Field("A field")
    pressed: list[int] = []  # noqa: RUF012 - one form of its kind


@pytest.mark.parametrize("size", [(20, 5), (60, 20), (120, 40)])
async def test_whatever_one_goes_to_is_on_the_screen(
    profiles: Profiles, tmp_path: Path, size: tuple[int, int]
) -> None:
    profiles.add()
    async with standing(profiles, tmp_path, size) as (door, pilot):
        every = _Everything(door)
        door._go(every)
        await pilot.pause()
        _Everything.pressed.clear()
        await press(pilot, "x" * 50)
        assert every.caret() is not None
        for n in range(6):
            await press(pilot, "tab")
            assert f"do {n}" in seen(door)
        await press(pilot, "enter")
    assert _Everything.pressed == [5]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["welcome", "words", "three-words", "introduction", "unlock"])
async def test_it_looks_as_it_did(profiles: Profiles, tmp_path: Path, name: str, size: str) -> None:
    if name == "unlock":
        profiles.add("work")
    async with standing(profiles, tmp_path, SIZES[size]) as (door, pilot):
        if name == "unlock":
            await press(pilot, "wrong", "enter")
        else:
            await press(pilot, "Ada", "enter", "orbit velvet canyon thistle", "enter")
        if name not in ("welcome", "unlock"):
            await press(pilot, "orbit velvet canyon thistle", "enter")
        if name == "three-words":
            await press(pilot, "enter", "cat", "enter")
        if name == "introduction":
            await press(pilot, "down", "enter")
        picture = door.export_screenshot(title="Loom")
    compare(f"{name}-{size}", picture)


@pytest.mark.parametrize("name", ["profiles", "hidden", "introduction"])
async def test_it_looks_as_it_did_without_utf8(
    profiles: Profiles, tmp_path: Path, name: str
) -> None:
    profiles.add("work", running=True)
    locked = "work" if name == "hidden" else None
    profiles.add("home")
    if name == "introduction":
        profiles.nodes.clear()
    async with standing(profiles, tmp_path, locked=locked, signs=Signs(False)) as (door, pilot):
        if name == "introduction":
            await press(pilot, "Ada", "enter", *TWICE, "down", "enter")
        picture = door.export_screenshot(title="Loom")
    compare(f"{name}-ascii", picture)


async def test_real_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with the least memory there is; everything else as it is for people."""
    real = LocalProfiles(Settings(home=tmp_path))
    create = real.create

    async def cheap(profile: str, name: str, passphrase: str, **_: Any) -> str:
        return await create(profile, name, passphrase, argon2_memory_mib=64)

    monkeypatch.setattr(real, "create", cheap)
    async with standing(real, tmp_path / "config") as (door, pilot):
        await press(pilot, "Ada", "enter", "orbit velvet", "enter", "orbit velvet", "enter")
        assert at(door, Words)
        await until_shown(pilot, "24 ")
        # By their numbers: any other number before a word, such as that of seconds, shifted them.
        found = dict(re.findall(r"\b(\d+) ([a-z]+)", "\n".join(rows(door)[2:])))
        phrase = " ".join(found[str(place)] for place in range(1, 25))
        await press(pilot, "down", "enter")
    client = door.held
    assert client is not None
    token = (await client.send(ExportToken())).token
    await client.send(CheckPhrase(phrase=phrase))
    await client.close()
    async with standing(real, tmp_path / "config", locked="ada") as (door, pilot):
        assert at(door, Unlock)
        with pytest.raises(NodeNotRunning):
            await real.attach("ada")
        await press(pilot, "velvet", "enter")
        assert "The passphrase is wrong" in seen(door)
        await press(pilot, "orbit velvet", "enter")
    again = result(door).client
    assert (await again.send(ExportToken())).token == token
    assert (await again.send(Status())).name == "Ada"
    await again.close()
