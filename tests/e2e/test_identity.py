"""Real processes: somebody goes over to another identity, and the other goes on talking."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.conftest import Made
from tests.e2e.processes import LIMIT_S, Home, history, token_of


def words(made: Made, home: Home, profile: str) -> tuple[str, str]:
    file = home.folder / f"{profile}.words"
    file.write_text(made.phrases[profile])
    return ("--phrase-file", str(file))


def said(home: Home, profile: str, contact: str) -> list[tuple[str, str]]:
    """What stands in a conversation: whose, and what; lines by their kind."""
    return [
        (one["direction"], one["body"] or one["kind"]) for one in history(home, profile, contact)
    ]


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    """What the other side wrote."""
    return [one["body"] for one in messages if one["direction"] == "in" and one["body"]]


def until_said(home: Home, profile: str, contact: str, text: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while text not in [body for _, body in said(home, profile, contact)]:
        assert time.monotonic() < deadline, said(home, profile, contact)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_contact_follows_who_was_away_and_nothing_is_lost(made: Made, home: Home) -> None:
    before = token_of(home, "alice")
    with home.daemon("alice") as alice:
        with home.daemon("bob"):
            home.run("-p", "alice", "send", "Bob", "one", "--wait", "60").ok()
            home.run("-p", "bob", "send", "Alice", "two", "--wait", "60").ok()
        home.run("-p", "alice", "send", "Bob", "while you are away").ok()
        shown = home.run("-p", "alice", "identity", "--json").ok().objects[0]
        assert (shown["type"], shown["number"], shown["token"]) == ("identity", 0, before)
        refused = home.run("-p", "alice", "identity", "rotate", *words(made, home, "bob"), "--yes")
        assert refused.code == 2, refused
        rotate = ("identity", "rotate", *words(made, home, "alice"), "--yes")
        turned = home.run("-p", "alice", *rotate).ok()
        assert "identity number 2" in turned.stdout
        assert token_of(home, "alice") != before
        home.run("-p", "alice", "send", "Bob", "with new keys").ok()
        # A machine that dies just after it went over comes back as who it is now.
        assert alice.end(signal.SIGKILL) != 0
    with home.daemon("alice"), home.daemon("bob") as bob:
        until_said(home, "bob", "Alice", "with new keys")
        # Once more, while both write.
        with ThreadPoolExecutor() as pool:
            writing = [
                pool.submit(home.run, "-p", who, "send", to, f"{who} {n}")
                for n in range(3)
                for who, to in (("alice", "Bob"), ("bob", "Alice"))
            ]
            home.run("-p", "alice", *rotate).ok()
            assert [one.result().code for one in writing] == [0] * 6
        home.run("-p", "alice", "send", "Bob", "last", "--wait", "60").ok()
        home.run("-p", "bob", "send", "Alice", "the same to you", "--wait", "60").ok()
        his, hers = history(home, "bob", "Alice"), history(home, "alice", "Bob")
        contact = home.run("-p", "bob", "contacts", "show", "Alice", "--json").ok().objects[0]
        assert "Traceback" not in bob.stderr
    assert [one["kind"] for one in his].count("identity_moved") == 2
    expected = ["one", "while you are away", "with new keys", "last"]
    expected += [f"alice {n}" for n in range(3)]
    assert sorted(bodies(his)) == sorted(expected)
    expected = ["two", "the same to you", *(f"bob {n}" for n in range(3))]
    assert sorted(bodies(hers)) == sorted(expected)
    assert {one["state"] for one in (*hers, *his)} <= {"delivered", "read"}
    assert (contact["verified"], contact["identity_changed"]) == (False, False)


def test_who_is_revoked_is_sent_nothing(made: Made, home: Home) -> None:
    with home.daemon("alice"), home.daemon("bob"):
        home.run("-p", "alice", "send", "Bob", "one", "--wait", "60").ok()
        revoke = ("identity", "revoke", *words(made, home, "alice"), "--yes", "--json")
        assert home.run("-p", "alice", *revoke).ok().objects[0]["revoked"]
        until_said(home, "bob", "Alice", "identity_revoked")
        refused = home.run("-p", "bob", "send", "Alice", "are you there?", "--json")
        assert (refused.code, refused.error["code"]) == (7, "contact_revoked")
        own = home.run("-p", "alice", "send", "Bob", "yes", "--json")
        assert (own.code, own.error["code"]) == (1, "own_identity_revoked")
    assert said(home, "alice", "Bob") == [("out", "one")]
    assert json.dumps(said(home, "bob", "Alice")).count("one") == 1
