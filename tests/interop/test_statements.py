"""Both implementations show the same of messages that are edited, deleted, reacted to, pinned."""

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
        if one["deleted"]:
            continue
        edits = talk.control.do("show_edits", contact=ADA, message_id=one["message_id"])
        quote = one["quote"]
        shown[one["message_id"].replace("-", "")] = (
            one["direction"] == "in",
            [wording["body"] for wording in edits["wordings"]],
            quote and (one["reply_to"].replace("-", ""), quote["direction"] == "in"),
            {"me" if each["contact"] else "them": each["emoji"] for each in one["reactions"]},
            one["pinned"],
        )
    return shown


@pytest.mark.parametrize("seed", [1, 2])
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
        *(True, ["one", "uno", "uno!"], None),
        *({"me": SNOWMAN, "them": SNOWMAN}, True),
    )
    assert ours[late[0]][1:] == (["late", "late, edited"], None, {"me": THUMB}, True)
    assert ours[theirs[0]][1] == ["five", "cinco", "cinco cinco"]
