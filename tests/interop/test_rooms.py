"""A member of a room that was written from the specification alone, beside a real daemon."""

import random
import time
from typing import Any

import pytest

from tests.interop.conftest import ADA, Talk
from tests.interop.programs import LIMIT_S, Values

ROOM = "Garden"
NONE = {"bin": ""}
EDIT, UNSAY, REACT = 2, 3, 4
SET_NAME, SET_CHANNEL, SET_PIN, DELETE_POSTS, LEAVE = 6, 8, 9, 10, 11
SIGNS = ["\N{SNOWMAN}", "\N{THUMBS UP SIGN}", ""]


class Garden:
    """The room as both have it: Bob's daemon made it, Ada's program joined by his invite."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.id = ""

    def made(self, **options: Any) -> None:
        self.id = self.bob("make_room", name=ROOM, **options)["room_id"]

    def joined(self) -> None:
        text = self.bob("invite_to_room", room=ROOM, lifetime_s=3_600)["text"]
        self.talk.ada.do("room_join", contact="Bob", text=text)
        self.talk.ada.until_event("room joined", room=self.id)

    def bob(self, command: str, **fields: Any) -> Values:
        return self.talk.control.do(command, **fields)

    def bob_says(self, body: str, **fields: Any) -> str:
        post_id: str = self.bob("send_post", room=ROOM, body=body, **fields)["post_id"]
        return post_id

    def ada_says(self, body: str, channel: str = "general", reply: str = "") -> str:
        return self.ada_posts(1, [channel, body, {"bin": reply}, NONE, [], 0])

    def ada_posts(self, kind: int, fields: list[Any]) -> str:
        post_id: str = self.talk.ada.do("room_post", room=self.id, kind=kind, fields=fields)
        return post_id

    def ada_states(self, kind: int, fields: list[Any]) -> str:
        """A statement, whether it counts or not."""
        statement_id: str = self.talk.ada.do("room_say", room=self.id, kind=kind, fields=fields)
        return statement_id

    @property
    def adas(self) -> list[Values]:
        """What Ada's program shows."""
        found: list[Values] = self.talk.ada.do("room_history", room=self.id)
        return found

    @property
    def bobs(self) -> list[Values]:
        """What Bob's daemon shows, in the same words."""
        found = self.bob("room_history", room=ROOM, limit=1_000)["posts"]
        return [
            {
                "id": one["post_id"],
                "author": one["author_id"],
                "channel": one["channel"],
                "body": one["body"],
                "order": one["order"],
                "is_deleted": one["deleted"],
                "reply_to": one["reply_to"],
                "reactions": {each["author_id"]: each["emoji"] for each in one["reactions"]},
            }
            for one in found
            if one["kind"] == "text"
        ]

    @property
    def members(self) -> tuple[list[Any], list[Any]]:
        """Who is in it, and as what, by both."""
        state = self.talk.ada.do("room_state", room=self.id)
        ours = [
            [
                one["author"],
                one["name"],
                ".".join(map(str, one["rank"])) if one["rank"] is not None else "-",
            ]
            for one in state["members"]
        ]
        found = self.bob("list_members", room=ROOM)["members"]
        return ours, [[one["author_id"], one["name"], one["rank"]] for one in found]

    def until_same(self) -> list[Values]:
        """Wait until both show the same, and as many posts as both wrote; what they show."""
        deadline_s = time.monotonic() + LIMIT_S
        while (ours := self.adas) != (theirs := self.bobs) or self.talk.inspect()["rows"]:
            assert time.monotonic() < deadline_s, (ours, theirs)
            time.sleep(0.1)
        one, other = self.members
        assert one == other
        return ours


@pytest.fixture
def garden(talk: Talk) -> Garden:
    """A room of Bob's; both have a link."""
    one = Garden(talk)
    talk.ada_dials()
    one.made()
    return one


def test_a_joiner_posts_reads_what_was_written_before_and_is_removed(garden: Garden) -> None:
    first = garden.bob_says("before anybody came")
    garden.joined()
    answer = garden.ada_says("here I am", reply=first)
    garden.talk.events.until("room.posted", body="here I am")
    garden.bob_says("welcome")
    garden.talk.ada.until_event("post", body="welcome")
    shown = garden.until_same()
    assert [one["body"] for one in shown] == ["before anybody came", "here I am", "welcome"]
    assert (shown[1]["id"], shown[1]["reply_to"]) == (answer, first)
    assert [one[1] for one in garden.members[0]] == ["Bob", "Ada"]

    garden.bob("remove_member", room=ROOM, member="Ada")
    garden.talk.ada.until_event("room left", room=garden.id)
    garden.ada_says("unheard")
    garden.bob_says("without Ada")
    garden.talk.bob_sends(["the session goes on"])
    garden.talk.ada.until_texts(["the session goes on"])
    garden.talk.ada_sends(["it does"])
    garden.talk.bob_has(["it does"])
    assert [one["body"] for one in garden.bobs] == [*(one["body"] for one in shown), "without Ada"]
    assert "without Ada" not in [one["body"] for one in garden.adas]


def test_a_member_goes_on_in_the_room_that_the_maker_offers(garden: Garden) -> None:
    garden.joined()
    garden.ada_says("in the old one")
    garden.until_same()
    new = garden.bob("continue_room", room=ROOM, name="Loft")["room_id"]
    garden.talk.ada.until_event("room offered", room=garden.id, offered=new)
    assert garden.talk.ada.do("room_accept", room=garden.id, contact="Bob") == new
    garden.talk.ada.until_event("room joined", room=new)
    found = garden.bob("list_members", room="Loft")["members"]
    assert [one["name"] for one in found] == ["Bob", "Ada"]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_both_show_the_same_after_random_posts_by_both(garden: Garden, seed: int) -> None:
    chance = random.Random(seed)
    garden.joined()
    garden.bob("appoint_member", room=ROOM, member=ADA, role="owner")
    garden.talk.ada.until_event("room state")
    written: dict[str, list[str]] = {
        ADA: [garden.ada_says("hers")],
        "Bob": [garden.bob_says("his")],
    }
    garden.talk.events.until("room.posted", body="hers")
    garden.talk.ada.until_event("post", body="his")
    for n in range(30):
        step, everything = chance.random(), [*written[ADA], *written["Bob"]]
        target = chance.choice(everything)
        if step < 0.25:
            written[ADA].append(garden.ada_says(f"hers {n}"))
        elif step < 0.4:
            written["Bob"].append(garden.bob_says(f"his {n}"))
        elif step < 0.5:
            garden.ada_posts(EDIT, [{"bin": chance.choice(written[ADA])}, f"hers, {n}"])
        elif step < 0.6:
            garden.ada_posts(REACT, [{"bin": target}, chance.choice(SIGNS)])
        elif step < 0.65:
            # Somebody else's words are nobody's to change: both leave them alone.
            garden.ada_posts(EDIT, [{"bin": chance.choice(written["Bob"])}, "not yours"])
            garden.ada_posts(UNSAY, [[{"bin": chance.choice(written["Bob"])}]])
        elif step < 0.7 and len(written[ADA]) > 1:
            garden.ada_posts(UNSAY, [[{"bin": written[ADA].pop()}]])
        elif step < 0.8:
            garden.bob("react_to_post", room=ROOM, post_id=written["Bob"][0], emoji=SIGNS[n % 2])
        elif step < 0.85:
            garden.ada_states(DELETE_POSTS, [[{"bin": target}], chance.random() < 0.7])
        elif step < 0.9:
            garden.ada_states(SET_PIN, [{"bin": target}, chance.random() < 0.7])
        elif step < 0.95:
            garden.ada_states(SET_NAME, [ROOM])
        else:
            garden.talk.ada.do("hang_up", contact="Bob")
            garden.ada_says(f"in between {n}")
            garden.bob_says(f"in between, too {n}")
            garden.talk.ada_dials()
    garden.until_same()


def test_what_was_missed_without_a_link_comes_by_comparing(garden: Garden) -> None:
    garden.joined()
    garden.ada_says("one")
    garden.until_same()
    garden.talk.ada.do("hang_up", contact="Bob")
    garden.talk.events.until("peer.offline")
    # Neither is reached: nothing is queued, and only the comparison of the next link tells.
    for n in range(20):
        garden.bob_says(f"his {n}")
    garden.talk.ada_dials()
    garden.talk.ada.until_event("post", body="his 19")
    assert len(garden.until_same()) == 21


def test_who_is_no_officer_changes_nothing_and_leaves_for_good(garden: Garden) -> None:
    garden.joined()
    for kind, fields in (
        (SET_NAME, ["Ada's"]),
        (SET_CHANNEL, ["mine", "", False, True]),
        (DELETE_POSTS, [[{"bin": garden.bob_says("stays")}], True]),
    ):
        garden.ada_states(kind, fields)
    garden.ada_says("that was all")
    garden.talk.events.until("room.posted", body="that was all")
    shown = garden.bob("show_room", room=ROOM)
    assert (shown["room"], [one["channel"] for one in shown["channels"]]) == (ROOM, ["general"])
    garden.until_same()
    garden.ada_states(LEAVE, [2])
    garden.ada_says("after leaving")
    garden.talk.events.until("room.state")
    while [one[1] for one in garden.members[1]] != ["Bob"]:
        garden.talk.events.until("room.state")
    assert [one["body"] for one in garden.bobs] == ["stays", "that was all"]
