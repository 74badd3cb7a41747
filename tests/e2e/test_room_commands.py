"""The command line of rooms, of one member alone: threads, pins, unread, search, export."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import ALONE, Home
from tests.e2e.test_rooms import room, until_in


@pytest.mark.long
def test_what_one_member_can_ask_of_a_room(home: Home, tmp_path: Path) -> None:
    def asked(*arguments: str) -> list[dict[str, Any]]:
        return room(home, "alice", *arguments).objects

    def bodies(*arguments: str) -> list[str]:
        return [one["body"] for one in asked(*arguments) if one["kind"] == "text"]

    with home.daemon("alice", *ALONE):
        asked("new", "Garden")
        asked("channel", "Garden", "fruit")
        [root] = asked("send", "Garden", "apples?", "--channel", "fruit")
        [ripe] = asked("send", "Garden", "ripe", "--thread", "last", "--reply-to", "last")
        assert (ripe["channel"], ripe["thread"]) == ("fruit", root["post_id"])
        assert ripe["quote"]["body"] == "apples?"
        asked("send", "Garden", "elsewhere", "--expires", "1h")
        assert bodies("history", "Garden") == ["apples?", "ripe", "elsewhere"]
        assert bodies("history", "Garden", "--thread", root["post_id"][:8]) == ["apples?", "ripe"]
        assert bodies("history", "Garden", "--around", "last", "-n", "1") == ["elsewhere"]
        [thread] = asked("threads", "Garden")
        assert (thread["body"], thread["answers"]) == ("apples?", 1)
        asked("pin", "Garden", root["post_id"])
        assert bodies("pins", "Garden") == ["apples?"]
        assert bodies("pins", "Garden", "--channel", "general") == []
        assert asked("mentions", "Garden") == []

        [view] = asked("mute", "Garden", "--channel", "fruit")
        [fruit] = [one for one in view["channels"] if one["channel"] == "fruit"]
        assert (fruit["muted"], view["muted"]) == (True, False)
        [view] = asked("notify", "Garden", "mentions")
        assert view["level"] == "mentions"
        [view] = asked("mark", "Garden", "read")
        assert view["unread"] == 0
        [listed] = asked("list")
        assert listed["last"]["line"]["what"] == "pinned"

        found = home.run("-p", "alice", "--json", "search", "ripe").ok().objects
        assert [one["body"] for one in found] == ["ripe"]
        found = home.run("-p", "alice", "--json", "search", "in:garden from:me e*").ok().objects
        assert {one["room"] for one in found} <= {"Garden"}
        refused = home.run("-p", "alice", "--json", "search", "ripe", "--in", "Nowhere")
        assert (refused.code, refused.error["code"]) == (4, "contact_not_found")

        command = ("room", "history", "Garden", "--channel", "general", "--follow", "--json")
        with home.running("-p", "alice", *command) as follower:
            while follower.until("post")["body"] != "elsewhere":
                pass
            asked("send", "Garden", "in another channel", "--channel", "fruit")
            asked("send", "Garden", "while you look")
            assert follower.until("room.posted")["body"] == "while you look"
            follower.end()

        file = tmp_path / "garden.html"
        [written] = asked("export", "Garden", "--format", "html", "--out", str(file), "--yes")
        assert written["posts"] == len(asked("history", "Garden"))
        assert "<h1" in file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600

        shown = home.run("-p", "alice", "room", "history", "Garden", "--ids").ok().stdout
        assert "1 answer" in shown
        assert "answers you: apples?" in shown
        invited = home.run(
            "-p", "alice", "room", "invite", "Garden", "--out", str(tmp_path / "i")
        ).ok()
        assert "LOOM-" not in invited.stdout
        assert (tmp_path / "i").read_text().startswith("LOOM-")
        refused = home.run("-p", "alice", "--json", "room", "join", str(tmp_path / "none"))
        assert (refused.code, refused.error["code"]) == (4, "room_not_found")


@pytest.mark.long
def test_a_room_is_joined_by_its_own_command(home: Home) -> None:
    with home.daemon("alice", *ALONE), home.daemon("bob", *ALONE):
        room(home, "alice", "new", "Garden")
        text = home.run("-p", "alice", "room", "invite", "Garden").ok().stdout.strip()
        [view] = room(home, "bob", "join", text).objects
        assert (view["type"], view["room"]) == ("room", "Garden")
        assert view["standing"] in ("joining", "member")
        until_in(home, "bob", {"Alice", "Bob"})
        # To a contact it can be sent as a message.
        room(home, "alice", "new", "Shed")
        [sent] = room(home, "alice", "invite", "Shed", "--to", "Bob").objects
        assert sent["type"] == "invite"
        told = home.run("-p", "alice", "--json", "history", "Bob").ok().objects
        assert [one["body"] for one in told] == [sent["text"]]
