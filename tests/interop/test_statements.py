"""Both implementations show the same of messages and what is stated of them (PROTOCOL 6.1-6.3)."""

import random
from typing import Any

import pytest

from tests.e2e.processes import history
from tests.interop.conftest import ADA, BOB, Talk

SNOWMAN, THUMB = "\N{SNOWMAN}", "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}"


def adas(talk: Talk) -> dict[str, Any]:
    """What Ada's program shows, by id."""
    return {
        one["id"]: (
            one["is_own"],
            one["wordings"],
            one["expires_s"],
            one["reply_to"] and (one["reply_to"], one["reply_to_own"]),
            one["reactions"],
            one["is_pinned"],
        )
        for one in talk.ada.do("shown", contact=BOB)
    }


def bobs(talk: Talk) -> dict[str, Any]:
    """What Bob's daemon shows, said from Ada's side."""
    shown = {}
    for one in history(talk.home, "bob", ADA, "-n", "1000"):
        if one["deleted"] or one["kind"] == "timer":
            continue
        edits = talk.control.do("show_edits", contact=ADA, message_id=one["message_id"])
        quote = one["quote"]
        shown[one["message_id"].replace("-", "")] = (
            one["direction"] == "in",
            [wording["body"] for wording in edits["wordings"]],
            one["expires_s"],
            quote and (one["reply_to"].replace("-", ""), quote["direction"] == "in"),
            {"me" if each["contact"] else "them": each["emoji"] for each in one["reactions"]},
            one["pinned"],
        )
    return shown


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_what_both_show_is_the_same_in_whatever_order_it_came(talk: Talk, seed: int) -> None:
    chance = random.Random(seed)
    talk.ada_dials()
    ids = talk.ada_sends(["one", "two", "three", "four"])
    talk.bob_has(["one", "two", "three", "four"])
    talk.bob_sends(["five", "six"])
    talk.ada.until_texts(["five", "six"])
    theirs = [id_ for id_, (is_own, *_) in adas(talk).items() if not is_own]

    talk.ada.do("hold", outgoing=True)
    late = talk.ada.do("send", contact=BOB, bodies=["late", "never shown"])
    talk.ada.do("answer", contact=BOB, body="an answer", own=False, target=theirs[0])
    talk.ada.do("answer", contact=BOB, body="to myself", own=True, target=late[0])
    for target, body in ((ids[0], "uno"), (ids[0], "uno!"), (late[0], "late, edited")):
        talk.ada.do("state", contact=BOB, kind="edit", target=target, value=body)
    for own, target, emoji in (
        *((True, ids[0], SNOWMAN), (True, late[0], THUMB), (False, theirs[0], SNOWMAN)),
        *((False, theirs[0], THUMB), (True, ids[1], SNOWMAN), (True, ids[1], "")),
        (False, theirs[1], SNOWMAN * 2),
    ):
        command = {"contact": BOB, "kind": "react", "own": own, "target": target, "value": emoji}
        talk.ada.do("state", **command)
    for own, target, on in ((True, late[0], True), (False, theirs[0], True), (True, ids[2], False)):
        talk.ada.do("state", contact=BOB, kind="pin", own=own, target=target, value=on)
    for target in (ids[3], late[1]):
        talk.ada.do("state", contact=BOB, kind="delete", target=target)
    count = talk.ada.do("held")["outgoing"]
    order = [*range(count), *chance.sample(range(count), 5)]
    chance.shuffle(order)
    talk.ada.do("release_outgoing", order=order)

    messages = {
        one["message_id"].replace("-", ""): one["message_id"]
        for one in history(talk.home, "bob", ADA)
    }
    own, other = messages[theirs[0]], messages[theirs[1]]
    first = messages[ids[0]]
    for body in ("cinco", "cinco cinco"):
        talk.control.do("edit_message", contact=ADA, message_id=own, body=body)
    for message_id in (own, first):
        talk.control.do("react", contact=ADA, message_id=message_id, emoji=SNOWMAN)
        talk.control.do("pin", contact=ADA, message_id=message_id, on=True)
    talk.control.do("delete_messages", contact=ADA, message_ids=[other], for_both=True)
    talk.control.do("send_text", contact=ADA, body="last", reply_to=first)
    talk.ada.until_texts(["last"])
    while talk.inspect()["rows"]:
        talk.ada.until_event("receipt")

    ours = adas(talk)
    assert ours == bobs(talk)
    assert late[1] not in ours
    assert ours[ids[0]] == (
        *(True, ["one", "uno", "uno!"], 0, None),
        *({"me": SNOWMAN, "them": SNOWMAN}, True),
    )
    assert ours[late[0]][1:] == (["late", "late, edited"], 0, None, {"me": THUMB}, True)
    assert ours[theirs[0]][1] == ["five", "cinco", "cinco cinco"]


def timer(talk: Talk) -> tuple[Any, Any]:
    """What both show of the timer, said from Ada's side."""
    ours = talk.ada.do("timer", contact=BOB)
    theirs = talk.control.do("show_contact", contact=ADA)["timer"]
    return ours, {**theirs, "own_s": theirs["theirs_s"], "theirs_s": theirs["own_s"]}


def delivered(talk: Talk) -> None:
    """Nothing of Ada's waits any more, and all of Bob's has come."""
    while talk.inspect()["rows"]:
        talk.ada.until_event("receipt")
    talk.control.do("send_text", contact=ADA, body="that was all")
    talk.ada.until_texts(["that was all"])


def test_both_hold_the_same_timer_and_write_under_it(talk: Talk) -> None:
    talk.ada_dials()
    talk.ada.do("hold", outgoing=True)
    for expires_s in (3_600, 60, 7_200):
        talk.ada.do("set_timer", contact=BOB, expires_s=expires_s)
    count = talk.ada.do("held")["outgoing"]
    talk.ada.do("release_outgoing", order=list(reversed(range(count))))
    delivered(talk)
    wanted = {"own_s": 7_200, "theirs_s": 0, "expires_s": 7_200}
    assert timer(talk) == (wanted, wanted)
    talk.control.do("set_timer", contact=ADA, expires_s=86_400)
    talk.ada_sends(["under two hours"])
    talk.bob_has(["under two hours"])
    delivered(talk)
    talk.ada.do("set_timer", contact=BOB, expires_s=0)
    delivered(talk)
    talk.ada_sends(["under a day"])
    talk.bob_has(["under a day"])
    wanted = {"own_s": 0, "theirs_s": 86_400, "expires_s": 86_400}
    assert timer(talk) == (wanted, wanted)
    assert adas(talk) == bobs(talk)
    assert {one[2] for one in adas(talk).values()} == {7_200, 86_400}


def test_a_farewell_of_either_side_leaves_the_same_and_the_timer(talk: Talk) -> None:
    talk.ada_dials()
    ids = talk.ada_sends(["one", "two"])
    talk.bob_has(["one", "two"])
    talk.ada.do("set_timer", contact=BOB, expires_s=3_600)
    talk.ada.do("state", contact=BOB, kind="edit", target=ids[0], value="uno")
    delivered(talk)
    talk.ada.do("hold", outgoing=True)
    talk.ada_sends(["late, and covered"])
    late = talk.ada.do("held")["outgoing"]
    talk.ada.do("farewell", contact=BOB)
    count = talk.ada.do("held")["outgoing"]
    talk.ada.do("release_outgoing", order=list(range(late, count)))
    # A session younger than a day: Bob is asked.
    talk.events.until("farewell.asked")
    assert len(bobs(talk)) > 2
    talk.control.do("answer_farewell", contact=ADA, accept=True)
    talk.ada.do("release_outgoing", order=list(range(late)))
    talk.ada_sends(["afterwards"])
    talk.bob_has(["afterwards"])
    delivered(talk)
    assert adas(talk) == bobs(talk)
    assert [one[1] for one in adas(talk).values()] == [["afterwards"], ["that was all"]]
    talk.control.do("say_farewell", contact=ADA)
    talk.ada.until_event("farewell")
    assert adas(talk) == bobs(talk) == {}
    talk.bob_sends(["and again"])
    talk.ada.until_texts(["and again"])
    assert adas(talk) == bobs(talk)
    assert [one[2] for one in adas(talk).values()] == [3_600]


def test_a_text_with_the_id_of_another_message_is_shown_by_neither(talk: Talk) -> None:
    talk.ada_dials()
    talk.bob_sends(["of Bob"])
    talk.ada.until_texts(["of Bob"])
    [name] = adas(talk)
    talk.ada.do("send_with_id", contact=BOB, message_id=name, body="the same id")
    talk.ada_sends(["next"])
    talk.bob_has(["next"])
    delivered(talk)
    assert adas(talk) == bobs(talk)
    assert [one[1] for one in adas(talk).values()] == [["of Bob"], ["next"], ["that was all"]]
