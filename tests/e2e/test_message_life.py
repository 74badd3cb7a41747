"""What becomes of messages between two command lines, and what the other side hears of it."""

import sys
from typing import Any

import pytest

from tests.e2e.processes import Home, history, introduce

THUMB, HEART = "\N{THUMBS UP SIGN}", "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
PLAIN = {
    "v": 1, "type": "message", "kind": "text", "edited": False, "deleted": False,
    "reply_to": None, "quote": None, "reactions": [], "pinned": False, "bookmarked": False,
    "expires_s": 0, "expires_at_ms": None, "mention": False,
}  # fmt: skip
FIELDS = {
    *PLAIN,
    *("message_id", "contact", "contact_id", "direction", "body", "state"),
    *("sent_at_ms", "stored_at_ms", "row_id", "file"),
}
REACTING = """
import json, subprocess, sys
event = json.load(sys.stdin)
contact, named = f"#{event['contact_id']}", event["message_id"]
react = [sys.executable, "-m", "loom", "react", contact, named, "\N{THUMBS UP SIGN}"]
sys.exit(subprocess.run(react).returncode)
"""


def alice(home: Home, *arguments: str, stdin: str = "") -> list[dict[str, Any]]:
    return home.run("-p", "alice", *arguments, "--json", stdin=stdin).ok().objects


def bob(home: Home, *arguments: str) -> list[dict[str, Any]]:
    return home.run("-p", "bob", *arguments, "--json").ok().objects


def test_the_other_side_hears_of_everything_and_sees_the_same(home: Home) -> None:
    listening = ("listen", "--after", "0", "--json")
    with (
        home.daemon("alice"),
        home.daemon("bob"),
        home.running("-p", "alice", *listening) as to_alice,
        home.running("-p", "bob", *listening) as to_bob,
    ):
        [asked] = alice(home, "send", "Bob", "lunch at noon?", "--wait", "60")
        assert set(asked) == FIELDS
        assert {name: asked[name] for name in PLAIN} == PLAIN
        assert to_bob.until("message.received")["message_id"] == asked["message_id"]

        [answer] = bob(home, "send", "Alice", "at one", "--reply-to", "theirs", "--wait", "60")
        [row] = [one["row_id"] for one in bob(home, "history", "Alice")[:1]]
        quote = {"direction": "in", "row_id": row, "body": "lunch at noon?", "gone": False}
        assert (answer["reply_to"], answer["quote"]) == (asked["message_id"], quote)
        event = to_alice.until("message.received")
        assert event["reply_to"] == asked["message_id"]
        assert event["quote"] == {**quote, "direction": "out", "row_id": asked["row_id"]}

        [edited] = alice(home, "edit", "Bob", "last", "-", stdin="lunch at one?\n")
        assert (edited["body"], edited["edited"]) == ("lunch at one?", True)
        assert edited["message_id"] == asked["message_id"]
        event = to_bob.until("message.edited")
        assert (event["direction"], event["body"], event["edited"]) == ("in", "lunch at one?", True)
        for who, other in ((alice, "Bob"), (bob, "Alice")):
            [found] = who(home, "edits", other, asked["message_id"])
            assert (found["type"], found["message_id"]) == ("wordings", asked["message_id"])
            assert [one["body"] for one in found["wordings"]] == ["lunch at noon?", "lunch at one?"]

        [reacted] = bob(home, "react", "Alice", "theirs", ":thumbs_up:")
        assert reacted["reactions"] == [{"contact": None, "emoji": THUMB}]
        event = to_alice.until("message.reacted")
        assert event["reactions"] == [{"contact": "Bob", "emoji": THUMB}]
        assert (event["by"], event["emoji"]) == ("Bob", THUMB)
        alice(home, "react", "Bob", "last", HEART)
        event = to_bob.until("message.reacted")
        while event["by"] is None:
            event = to_bob.until("message.reacted")
        assert event["reactions"] == [
            {"contact": None, "emoji": THUMB},
            {"contact": "Alice", "emoji": HEART},
        ]
        assert bob(home, "react", "Alice", "theirs", "--remove")[0]["reactions"] == [
            {"contact": "Alice", "emoji": HEART}
        ]
        while to_alice.until("message.reacted")["emoji"]:
            pass

        assert alice(home, "pin", "Bob", f"#{asked['row_id']}")[0]["pinned"]
        event = to_bob.until("message.pinned")
        assert (event["by"], event["on"], event["pinned"]) == ("Alice", True, True)
        assert [one["body"] for one in bob(home, "pins", "Alice")] == ["lunch at one?"]
        shown = home.run("-p", "bob", "history", "Alice", "--ids").ok().stdout.splitlines()
        known = f"Alice (edited; pinned; {HEART} Alice): lunch at one?"
        assert (shown[0].split()[0], shown[0].endswith(known)) == (f"#{event['row_id']}", True)
        assert "you → Alice (answers Alice: lunch at one?): at one" in shown[1]
        assert not alice(home, "unpin", "Bob", str(asked["row_id"]))[0]["pinned"]
        while to_bob.until("message.pinned")["on"]:
            pass
        assert bob(home, "pins", "Alice") == []

        done = home.run("-p", "alice", "delete", "Bob", "last", "--for-both").ok()
        assert done.stdout.startswith("Deleted here, and on their side")
        event = to_bob.until("message.deleted")
        assert (event["direction"], event["message_ids"]) == ("in", [asked["message_id"]])
        gone, left = history(home, "bob", "Alice")
        assert (gone["body"], gone["deleted"], gone["reactions"]) == ("", True, [])
        assert left["quote"] == {"direction": "in", "row_id": None, "body": "", "gone": True}
        assert to_alice.until("message.deleted")["direction"] == "out"
        assert "Alice (deleted): \n" in home.run("-p", "bob", "history", "Alice").ok().stdout


@pytest.mark.long
def test_what_cannot_be_done_is_one_error_and_changes_nothing(home: Home) -> None:
    with home.daemon("alice"), home.daemon("bob"):
        alice(home, "send", "Bob", "mine", "--wait", "60")
        bob(home, "send", "Alice", "not yours", "--wait", "60")
        before = history(home, "alice", "Bob")
        refused = [
            (("edit", "Bob", "theirs", "x"), 2, "invalid_input"),
            (("edit", "Bob", "last", ""), 2, "invalid_text"),
            (("edit", "Bob", "last", "x" * 16_385), 2, "invalid_text"),
            (("edit", "Bob", "12345", "x"), 4, "message_not_found"),
            (("edit", "Eve", "last", "x"), 4, "contact_not_found"),
            (("edits", "Bob", "no-such-id"), 4, "message_not_found"),
            (("send", "Bob", "x", "--reply-to", "0" * 32), 4, "message_not_found"),
            (("react", "Bob", "theirs", "two words"), 2, "invalid_input"),
            (("react", "Bob", "theirs", "\x1b"), 2, "invalid_input"),
            (("react", "Bob", "theirs", ":nonsense:"), 2, "invalid_input"),
            (("react", "Bob", "theirs"), 2, "invalid_input"),
            (("react", "Bob", "theirs", THUMB, "--remove"), 2, "invalid_input"),
            (("pin", "Bob", "\x1b[2J"), 4, "message_not_found"),
            (("bookmark", "Bob", "-1"), 2, "usage"),
            (("delete", "Bob", "last", "theirs", "--for-both"), 2, "invalid_input"),
            (("delete", "Bob", "--all", "--for-both"), 2, "terminal_needed"),
            (("delete", "Bob", "last", "99999"), 4, "message_not_found"),
            (("forward", "Bob", "last"), 2, "usage"),
            (("forward", "Bob", "last", "--to", "Eve"), 4, "not_found"),
            (("typing", "Eve"), 4, "contact_not_found"),
        ]
        for arguments, code, name in refused:
            done = home.run("-p", "alice", *arguments, "--json")
            assert (done.code, done.error["code"]) == (code, name), arguments
        words = home.run("-p", "alice", "pin", "Bob", "\x1b[2J")
        assert (words.code, words.stdout) == (4, "")
        assert words.stderr.startswith("loom: There is no message")
        assert "\x1b" not in words.stderr
        assert history(home, "alice", "Bob") == before
        alice(home, "contacts", "remove", "Bob", "--yes")
        gone = home.run("-p", "alice", "react", "Bob", before[0]["message_id"], THUMB, "--json")
        assert (gone.code, gone.error["code"]) == (4, "contact_not_found")


@pytest.mark.long
def test_bookmarks_and_forwarding_tell_the_author_nothing(home: Home) -> None:
    introduce(home, "alice", "eve")
    with home.daemon("alice"), home.daemon("bob"), home.daemon("eve"):
        bob(home, "send", "Alice", "keep this \x1b[2J", "--wait", "60")
        [kept] = alice(home, "bookmark", "Bob", "theirs")
        assert kept["bookmarked"]
        assert [one["message_id"] for one in alice(home, "bookmarks")] == [kept["message_id"]]
        assert alice(home, "bookmarks", "Eve") == []
        words = home.run("-p", "alice", "bookmarks", "Bob").ok().stdout
        assert words.startswith(f"#{kept['row_id']}  ")
        assert "\x1b" not in words
        with home.running("-p", "eve", "listen", "--after", "0", "--json") as to_eve:
            [sent] = alice(home, "forward", "Bob", "theirs", "--to", "Eve")
            assert (sent["contact"], sent["direction"], sent["reply_to"]) == ("Eve", "out", None)
            assert to_eve.until("message.received")["body"] == "keep this \x1b[2J"
        assert not alice(home, "bookmark", "Bob", "theirs", "--off")[0]["bookmarked"]
        assert alice(home, "bookmarks") == []
        told = bob(home, "history", "Alice")
        assert [(one["bookmarked"], one["reactions"]) for one in told] == [(False, [])]


def test_typing_is_told_while_a_node_runs(home: Home) -> None:
    idle = home.run("-p", "alice", "typing", "Bob", "--json")
    assert (idle.code, idle.error["code"]) == (4, "node_not_running")
    with home.daemon("alice"), home.daemon("bob"):
        alice(home, "send", "Bob", "hello", "--wait", "60")
        with home.running("-p", "bob", "listen", "--after", "0", "--json") as to_bob:
            to_bob.until("message.received")  # so it listens from now on
            for more, on in (((), True), (("--off",), False)):
                assert alice(home, "typing", "Bob", *more) == [{"v": 1, "type": "done"}]
                event = to_bob.until("contact.typing")
                assert (event["contact"], event["on"]) == ("Alice", on)


def test_what_is_done_without_a_node_waits_for_one(home: Home) -> None:
    alice(home, "send", "Bob", "early")
    done = home.run("-p", "alice", "edit", "Bob", "last", "late").ok()
    assert "you → Bob (edited): late" in done.stdout
    assert "sent when a node runs" in done.stderr
    with (
        home.daemon("alice"),
        home.daemon("bob"),
        home.running("-p", "bob", "listen", "--after", "0", "--json") as to_bob,
    ):
        assert to_bob.until("message.edited")["body"] == "late"
    assert [one["body"] for one in history(home, "bob", "Alice")] == ["late"]


def test_a_program_of_watch_answers_from_the_same_profile(home: Home) -> None:
    watching = ("watch", "--json", "--after", "0", "--type", "message.received")
    with (
        home.daemon("alice"),
        home.daemon("bob"),
        home.running("-p", "bob", *watching, "--exec", sys.executable, "-c", REACTING) as watch,
        home.running("-p", "alice", "listen", "--after", "0", "--json") as to_alice,
    ):
        for body in ("one", "two"):
            alice(home, "send", "Bob", body)
            event = to_alice.until("message.reacted")
            assert (event["by"], event["emoji"], event["body"]) == ("Bob", THUMB, body)
            ran = watch.object()
            assert (ran["type"], ran["event"]) == ("watch.ran", "message.received")
            assert (ran["outcome"], ran["exit_code"]) == ("done", 0)
        assert "Alice (\N{THUMBS UP SIGN} you): two" in watch.stderr  # what the program printed
