"""What a terminal and a process still hold after a lock and after the end: nothing of a person's.

With a real profile, in a real terminal whose whole history is read back.
"""

import os
import sys
from pathlib import Path

import pytest

from loom.api.contact_commands import ImportToken
from loom.api.message_commands import SendText
from loom.api.profiles import NodeOptions
from loom.app import open_profiles
from loom.app.assembly import create_profile
from loom.config import Settings, home_of, paths_of
from loom.core.identity import IdentitySeeds, phrase_from_entropy, seeds_from_phrase
from loom.storage import vault
from loom.wire.token import encode_token
from tests.memory import found_in_memory
from tests.people import BOB
from tests.tui.test_tmux import Tmux, pytestmark, tmux

__all__ = ["pytestmark", "tmux"]
PASSPHRASE = "orbit velvet canyon"
TEXT = "quokka"
NAME = "Zanzibaria"
MESSAGES = 60


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """Ada has a conversation longer than her screen, and no node."""
    home = tmp_path / "home"
    settings = Settings(home=home)
    phrase = phrase_from_entropy(bytes(32))
    create_profile(paths_of(home_of(settings), "ada"), "Ada", PASSPHRASE, phrase, 64)
    profiles = open_profiles(settings)
    client = await profiles.unlock("ada", PASSPHRASE, NodeOptions(online=False, serve=False))
    await client.send(ImportToken(token=encode_token(BOB.token), name=NAME))
    for number in range(MESSAGES):
        await client.send(SendText(contact=NAME, body=f"{TEXT} number {number}"))
    await client.close()
    return home


def secrets_of(home: Path) -> dict[str, bytes]:
    """What opens the profile and what is in it."""
    key = vault.unlock(home / "profiles" / "ada" / "vault.key", PASSPHRASE)
    seeds = seeds_from_phrase(phrase_from_entropy(bytes(32)))
    kept = {name: getattr(seeds, name) for name in IdentitySeeds.__struct_fields__[:3]}
    return kept | {
        "vault key": key._secret.reveal(),
        "database key": key.database_key(),
        "database key in hex": key.database_key().hex().encode(),
        "passphrase": PASSPHRASE.encode(),
        "passphrase on the screen": "".join(f"{one}\0\0\0" for one in PASSPHRASE).encode(),
        "text": TEXT.encode(),
        "name": NAME.encode(),
    }


async def test_nothing_is_left_after_a_lock_and_after_the_end(tmux: Tmux, home: Path) -> None:
    command = f"env LOOM_MDNS_INTERFACE=127.0.0.1 {sys.executable} -m loom --home {home}"
    tmux.start(f"sh -c '{command}; echo it ended with $?; exec cat'")
    secrets = secrets_of(home)
    tmux.until("ada is locked")
    tmux.type(PASSPHRASE, "Enter")
    tmux.until(f"{TEXT} number {MESSAGES - 1}")
    tmux.type("half a quokka", "PageUp", "PageUp", "C-Up", "C-Up", "PageDown", "C-Down")
    tmux.until(f"{TEXT} number 30")
    process = int((home / "profiles" / "ada" / "lock").read_text())
    before = found_in_memory(process, secrets) if os.geteuid() == 0 else set()

    tmux.type("F9")
    tmux.until("ada is locked")
    locked = tmux.history()
    after = found_in_memory(process, secrets) if os.geteuid() == 0 else set()

    tmux.type(PASSPHRASE, "Enter")
    tmux.until(f"{TEXT} number {MESSAGES - 1}")
    tmux.type("C-q")
    ended = tmux.until("it ended with 0") and tmux.history()
    for shown in (locked, ended):
        assert TEXT not in shown
        assert NAME not in shown
        assert PASSPHRASE not in shown
    if os.geteuid() != 0:
        pytest.skip("only root reads another process's memory: what a lock leaves there is not")
    assert {"database key", "x25519_seed", "text", "name"} <= before
    assert after == set()
