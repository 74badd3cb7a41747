"""The screens that keep a profile safe, over a real profile: what they say comes about."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from loom.api.contact_commands import ImportToken, ListContacts
from loom.api.identity_commands import ShowIdentity
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles
from loom.app.assembly import create_profile
from loom.config import Settings, home_of, paths_of
from loom.core.identity import phrase_from_entropy
from loom.errors import WrongPassphrase
from loom.front.signs import Signs
from loom.tui.app import LoomApp
from loom.tui.door import DoorApp
from loom.tui.kit.items import Field, is_stop
from loom.tui.kit.panel import Panel
from loom.tui.screens.unlock import Unlock
from loom.wire.token import encode_token
from tests.people import BOB
from tests.tui.conftest import prose_of, settle, until, until_shown

OFFLINE = NodeOptions(online=False, serve=False)
PASSPHRASE = "orbit velvet canyon"
DURESS = "harmless and empty"
PHRASE = phrase_from_entropy(bytes(32))


@pytest.fixture
def profiles(tmp_path: Path) -> LocalProfiles:
    """Ada's, with the least memory for Argon2id there is."""
    settings = Settings(home=tmp_path / "home")
    create_profile(paths_of(home_of(settings), "ada"), "Ada", PASSPHRASE, PHRASE, 64)
    return LocalProfiles(settings)


@asynccontextmanager
async def opened(
    profiles: LocalProfiles,
    folder: Path,
    size: tuple[int, int] = (80, 24),
    options: NodeOptions = OFFLINE,
) -> AsyncIterator[tuple[LoomApp, Pilot[None]]]:
    """The app with the node inside; Ada knows Bob."""
    client = await profiles.unlock("ada", PASSPHRASE, options)
    if not (await client.send(ListContacts())).contacts:
        await client.send(ImportToken(token=encode_token(BOB.token), name="Bob"))
    app = LoomApp(client, profile="ada", config=folder, profiles=profiles, signs=Signs(True))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, pilot
    await client.close()


async def go(pilot: Pilot[Any], name: str, *typed: str) -> None:
    """To a stop of the panel by the keys, and write there, or press it."""
    panel = pilot.app.screen
    assert isinstance(panel, Panel)
    for _ in panel.body.stops:
        if panel.body.at == name:
            break
        await pilot.press("tab")
    assert panel.body.at == name, [one.name for one in panel.body.items if is_stop(one)]
    if isinstance(panel.body.here, Field):
        panel.post_message(events.Paste(*typed))
        await pilot.pause()
    else:
        await pilot.press("enter")
        await settle(pilot)


async def open_(pilot: Pilot[None], *names: str) -> None:
    """A screen of safekeeping."""
    await pilot.press(*"/safekeeping", "enter")
    await settle(pilot)
    for name in names:
        await go(pilot, name)


async def test_new_keys_need_the_words_and_say_what_is_left_to_do(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    async with opened(profiles, tmp_path) as (app, pilot):
        await open_(pilot, "Identity", "New keys")
        assert "Your contacts get them by themselves" in prose_of(app)
        await go(pilot, "24 words", PHRASE.replace("art", "abandon"))
        await go(pilot, "Make new keys")
        assert "These words cannot be used" in prose_of(app)
        assert (await app.send(ShowIdentity())).number == 0
        await pilot.press("ctrl+u")
        await go(pilot, "24 words", PHRASE)
        await go(pilot, "Make new keys")
        assert "Write identity number 2 beside your 24 words" in prose_of(app)
        assert "Contacts to tell: 1" in prose_of(app)
        assert (await app.send(ShowIdentity())).number == 1
        await go(pilot, "Back")
        assert "identity number 2 of your 24 words" in prose_of(app)


async def test_an_identity_is_ended_only_when_that_is_typed(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    async with opened(profiles, tmp_path) as (app, pilot):
        await open_(pilot, "Identity", "End this identity")
        assert "It cannot be undone" in prose_of(app)
        await go(pilot, "24 words", PHRASE)
        await go(pilot, "End it for good")
        assert "Nothing was changed: type end it" in prose_of(app)
        assert not (await app.send(ShowIdentity())).revoked
        await go(pilot, "Type end it", "end it")
        await go(pilot, "End it for good")
        assert "Your identity is ended" in prose_of(app)
        assert (await app.send(ShowIdentity())).revoked
        await go(pilot, "Back")
        assert "ended: nothing is sent from it" in prose_of(app)
        assert "New keys" not in prose_of(app)


async def test_words_that_were_typed_are_forgotten_with_the_screen(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    async with opened(profiles, tmp_path) as (app, pilot):
        await open_(pilot, "Identity", "New keys")
        await go(pilot, "24 words", PHRASE)
        panel = app.screen
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(panel, Panel)
        assert [one.text for one in panel.body.items if isinstance(one, Field)] == [""]
        assert (await app.send(ShowIdentity())).number == 0


async def test_the_duress_passphrase_opens_an_empty_profile(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    async with opened(profiles, tmp_path) as (app, pilot):
        await open_(pilot, "Duress passphrase")
        for name, typed in (
            ("Passphrase", "not the one"),
            ("For duress", DURESS),
            ("Repeat it", DURESS),
        ):
            await go(pilot, name, typed)
        await go(pilot, "Set it")
        await until_shown(pilot, "The passphrase is wrong")
        for name, typed in (
            ("Passphrase", PASSPHRASE),
            ("For duress", DURESS),
            ("Repeat it", f"{DURESS}!"),
        ):
            await go(pilot, name, typed)
        await go(pilot, "Set it")
        assert "The two passphrases differ" in prose_of(app)
        await go(pilot, "Repeat it", DURESS)
        await go(pilot, "Set it")
        await until_shown(pilot, "The duress passphrase is set")
        assert DURESS not in prose_of(app)
    client = await profiles.unlock("ada", DURESS, OFFLINE)
    assert (await client.send(ListContacts())).contacts == []
    await client.close()
    with pytest.raises(WrongPassphrase):
        await profiles.unlock("ada", PASSPHRASE, OFFLINE)


async def test_the_duress_passphrase_is_taken_away_again(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    await profiles.set_duress("ada", PASSPHRASE, DURESS)
    async with opened(profiles, tmp_path) as (_, pilot):
        await open_(pilot, "Duress passphrase")
        await go(pilot, "Passphrase", PASSPHRASE)
        await go(pilot, "Let there be none")
        await until_shown(pilot, "There is no duress passphrase")
    with pytest.raises(WrongPassphrase):
        await profiles.unlock("ada", DURESS, OFFLINE)


async def test_the_keyring_is_added_and_removed_and_excludes_duress(
    profiles: LocalProfiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class Held(KeyringBackend):  # type: ignore[misc]
        priority = 1
        held: dict[tuple[str, str], str] = {}  # noqa: RUF012 - of this test

        def set_password(self, service: str, username: str, password: str) -> None:
            self.held[service, username] = password

        def get_password(self, service: str, username: str) -> str | None:
            return self.held.get((service, username))

        def delete_password(self, service: str, username: str) -> None:
            self.held.pop((service, username), None)

    before = keyring.get_keyring()
    keyring.set_keyring(Held())
    try:
        async with opened(profiles, tmp_path) as (app, pilot):
            await open_(pilot, "Ways to unlock")
            await go(pilot, "Add the desktop's keyring")
            assert "Type the profile's passphrase first" in prose_of(app)
            await go(pilot, "Passphrase", PASSPHRASE)
            await go(pilot, "Add the desktop's keyring")
            await until_shown(pilot, "From now on the desktop's keyring unlocks it")
            assert profiles.unlocks("ada") == ["keyring"]
            await pilot.press("escape")
            await settle(pilot)
            await go(pilot, "Duress passphrase")
            assert "not possible while the desktop's keyring unlocks" in prose_of(app)
            await pilot.press("escape")
            await settle(pilot)
            await go(pilot, "Ways to unlock")
            await go(pilot, "Remove the desktop's keyring")
            await until_shown(pilot, "does not unlock it")
            assert profiles.unlocks("ada") == []
    finally:
        keyring.set_keyring(before)


async def test_a_security_key_is_added_opens_the_profile_and_is_removed(
    profiles: LocalProfiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fido2")
    from loom.app import security_key
    from tests.app.test_unlocks import soft_key

    plugged: list[Any] = []
    monkeypatch.setattr(security_key, "_plugged_in", lambda library: plugged)
    async with opened(profiles, tmp_path) as (_, pilot):
        await open_(pilot, "Ways to unlock")
        await go(pilot, "Passphrase", PASSPHRASE)
        await go(pilot, "Add the security key")
        await until_shown(pilot, "No security key")
        assert profiles.unlocks("ada") == []
        plugged.append(soft_key())
        await go(pilot, "Passphrase", "not the one")
        await go(pilot, "Add the security key")
        await until_shown(pilot, "The passphrase is wrong")
        await go(pilot, "Passphrase", PASSPHRASE)
        await go(pilot, "Add the security key")
        await until_shown(pilot, "From now on the security key unlocks it")
        assert profiles.unlocks("ada") == ["fido2"]
    door = DoorApp(profiles, OFFLINE, config=tmp_path, chosen="ada", signs=Signs(True))
    async with door.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(door.screen, Unlock))
        assert isinstance(door.screen, Unlock)
        while door.screen.body.at != "By the security key":
            await pilot.press("tab")
        await pilot.press("enter")
        await until(pilot, lambda: door.return_value is not None)
    assert door.return_value is not None
    client = door.return_value.client
    assert [one.contact for one in (await client.send(ListContacts())).contacts] == ["Bob"]
    await client.close()
    async with opened(profiles, tmp_path) as (_, pilot):
        await open_(pilot, "Ways to unlock")
        await go(pilot, "Remove the security key")
        await until_shown(pilot, "From now on the security key does not unlock it")
        assert profiles.unlocks("ada") == []


async def test_the_mouse_opens_a_screen_and_a_press_leads_back(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    async with opened(profiles, tmp_path, (120, 40)) as (app, pilot):
        await open_(pilot)
        for words in ("[ Ways to unlock ]", "[ Back ]", "[ Identity ]"):
            shown = [
                "".join(segment.text for segment in strip)
                for strip in app.screen._compositor.render_strips()
            ]
            [row] = [at for at, line in enumerate(shown) if words in line]
            await pilot.click(offset=(shown[row].index(words) + 2, row))
            await settle(pilot)
            await asyncio.sleep(0)
        assert "Your identity" in prose_of(app)
