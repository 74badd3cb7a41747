"""What waited in a backup is sent or not from the app, over a real profile that was restored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loom.api.backup_commands import ListUnsent, MakeBackup
from loom.api.backup_views import Unsent, UnsentView
from loom.api.contact_commands import ImportToken
from loom.api.message_commands import History, SendText
from loom.app import LocalProfiles
from loom.config import Settings
from loom.front.signs import Signs
from loom.tui import times
from loom.tui.app import LoomApp
from loom.wire.token import encode_token
from tests.people import EVE
from tests.tui.conftest import prose_of, settle, until_shown
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_safekeeping import OFFLINE, PHRASE, go, opened, profiles
from tests.tui.test_snapshots import DAY, SIZES

__all__ = ["profiles"]  # a fixture

NEW = "another passphrase there"


@asynccontextmanager
async def restored(profiles: LocalProfiles, folder: Path) -> AsyncIterator[tuple[LoomApp, Any]]:
    """The app over a profile from a backup in which two texts to Bob waited, and one to Cyd."""
    backup = folder / "ada.loom"
    async with opened(profiles, folder) as (app, _):
        await app.send(ImportToken(token=encode_token(EVE.token), name="Cyd"))
        for contact, body in (("Bob", "first"), ("Bob", "second"), ("Cyd", "to Cyd")):
            await app.send(SendText(contact=contact, body=body))
        await app.send(MakeBackup(path=str(backup)))
    new = LocalProfiles(Settings(home=folder / "new"))
    await new.restore_backup("ada", backup, PHRASE, NEW, argon2_memory_mib=64)
    client = await new.unlock("ada", NEW, OFFLINE)
    app = LoomApp(client, profile="ada", config=folder / "config", profiles=new, signs=Signs(True))
    async with app.run_test() as pilot:
        await settle(pilot)
        yield app, pilot
    await client.close()


async def state_of(app: LoomApp, contact: str) -> list[str]:
    """Of what was written to somebody."""
    return [one.state for one in (await app.send(History(contact=contact))).messages]


async def test_it_is_said_at_the_start_and_each_contact_decided_for(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    async with restored(profiles, tmp_path) as (app, pilot):
        assert "3 texts of the backup wait: /unsent sends or drops them." in prose_of(app)
        await pilot.press(*"/unsent", "enter")
        await settle(pilot)
        assert "To Bob 2 texts" in prose_of(app)
        await go(pilot, "contact: To Bob")
        await go(pilot, "Do not send them")
        await until_shown(pilot, "They are not sent.")
        assert "To Bob" not in prose_of(app)
        assert await state_of(app, "Bob") == ["failed", "failed"]
        assert await state_of(app, "Cyd") == ["queued"]
        await go(pilot, "Send them")
        await until_shown(pilot, "No text waits for your word.")
        assert (await app.send(ListUnsent())).contacts == []
        assert await state_of(app, "Cyd") == ["queued"]


@pytest.mark.parametrize("size", SIZES)
async def test_it_looks_as_it_did(
    tmp_path: Path, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    node = TalkingNode()
    node.unsent = Unsent(
        contacts=[
            UnsentView(contact="Ada", contact_id=1, messages=12),
            UnsentView(contact="Bob", contact_id=2, messages=1),
        ]
    )
    app = LoomApp(node, profile="work", config=tmp_path, signs=Signs(True))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settle(pilot)
        await pilot.press(*"/unsent", "enter")
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"unsent-{size}", picture)
