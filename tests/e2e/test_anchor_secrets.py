"""What an anchor holds while mail of two people lies there: nobody's name, text, token or key.

Two real daemons, one anchor; every decrypted page of its database and all that its process may
write to is searched for what only the two know.
"""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from loom.core.identity import Identity, IdentitySeeds
from loom.core.queues import derive_queue_keys
from loom.storage import settings, vault
from loom.storage.database import Database
from tests.e2e.conftest import Made
from tests.e2e.processes import ALONE, LIMIT_S, PASSPHRASE, Home, history
from tests.e2e.test_anchor import RunningAnchor, made_anchor, serving
from tests.memory import found_in_memory
from tests.storage.pages import decrypted

__all__ = ["made_anchor"]

QUEUE_ID = "queue id"
"""The anchor knows those: they show that the search finds what is there."""
TEXTS = ("quokka tangerine at the harbour", "a marmalade tapir is never late")


def secrets_of(home: Home, profile: str) -> dict[str, bytes]:
    """Identity, and the secrets of account and queues; the profile is closed meanwhile."""
    key = vault.unlock(home.profile(profile) / "vault.key", PASSPHRASE)
    database = Database.open(home.profile(profile) / "loom.db", key.database_key())
    try:
        seeds = database.read_now(lambda db: settings.get(db, "identity"))
        accounts = database.read_now(
            lambda db: db.execute("SELECT account FROM anchors").fetchall()
        )
        queues = database.read_now(lambda db: db.execute("SELECT secret FROM queues").fetchall())
    finally:
        database.close()
    identity = Identity(msgspec.msgpack.decode(seeds or b"", type=IdentitySeeds))
    found = {
        "fingerprint": identity.peer_id,
        "fingerprint in hex": identity.peer_id.hex().encode(),
        "x25519 key": identity.token.x25519_public,
        "card": identity.card[:64],
    }
    for number, (account,) in enumerate(accounts):
        found[f"account {number}"] = account
    for number, (secret,) in enumerate(queues):
        keys = derive_queue_keys(secret)
        found |= {
            f"queue secret {number}": secret,
            f"blob key {number}": keys._blob_key.raw,
            f"bundle key {number}": keys._bundle_key.raw,
            f"id key {number}": keys._id_key,
            f"{QUEUE_ID} {number}": keys.queue_id,
        }
    return {f"{profile}'s {name}": secret for name, secret in found.items()}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def blobs_at(home: Home) -> int:
    return int(home.run("anchor", "status", "--json").ok().objects[0]["blobs"])


@pytest.mark.long
def test_an_anchor_knows_nobody_and_can_read_nothing(
    home: Home, made: Made, made_anchor: Home, tmp_path: Path
) -> None:
    there = made_anchor.copy(tmp_path / "anchor")
    needles = {text: text.encode() for text in TEXTS}
    needles |= {f"{name}'s token": token.encode() for name, token in made.tokens.items()}
    # Three letters such as those of Bob are somewhere in any memory by chance.
    names = {"alice": "Alicia of the tests", "bob": "Bobadilla of the tests"}
    needles |= {f"the name {name}": name.encode() for name in names.values()}
    for profile, name in names.items():
        home.run("-p", profile, "profile", "--name", name).ok()
    with serving(there) as anchor, home.daemon("alice", *ALONE) as alice:
        home.run("-p", "alice", "anchor", "use", anchor.pair().strip()).ok()
        with home.daemon("bob", *ALONE) as bob:
            home.run("-p", "alice", "connect", "Bob", f"127.0.0.1:{bob.port}").ok()
            home.run("-p", "alice", "send", "Bob", TEXTS[0], "--wait", "60").ok()
            until(lambda: _has_mailbox(home))
        home.run("-p", "alice", "send", "Bob", TEXTS[1]).ok()
        until(lambda: blobs_at(there) > 0)
        alice.end()
        needles |= secrets_of(home, "alice") | secrets_of(home, "bob")
        assert any("blob key" in name for name in needles)
        _search(there, anchor, needles)
        with home.daemon("bob", *ALONE):
            until(lambda: TEXTS[1] in [one["body"] for one in history(home, "bob", "Alice")])
            _search(there, anchor, needles)
        assert anchor.process.end() == 0
    assert "Traceback" not in there.said()


def _has_mailbox(home: Home) -> bool:
    """Whether Bob was told of a queue at the anchor, and Alice knows that he was."""
    listed = home.run("-p", "alice", "anchors", "--json").ok().objects[0]
    return bool(listed["queues"])


def _search(home: Home, anchor: RunningAnchor, needles: dict[str, bytes]) -> None:
    folder = home.loom / "anchors" / "small-server"
    key = vault.unlock(folder / "vault.key", PASSPHRASE)
    pages = decrypted(folder / "loom.db", key.database_key())
    assert b"CREATE TABLE blobs" in pages
    known = {name for name in needles if QUEUE_ID in name}
    assert known
    assert {name for name, secret in needles.items() if secret in pages} == known
    pid = anchor.process.process.pid
    try:
        assert found_in_memory(pid, needles) == known
    except PermissionError:
        pytest.skip("only root may look into the memory of a process")
