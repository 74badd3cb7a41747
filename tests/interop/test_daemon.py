"""The second implementation talks to a real daemon."""

from pathlib import Path

import pytest

from tests.e2e.processes import Home, token_of
from tests.interop.conftest import ADA, BOB, Talk
from tests.interop.programs import program

NEVER_MS = 10**9
LONGEST = "\N{SNOWMAN}" * (16_384 // 3)


def test_a_phrase_gives_the_same_identity_in_both(made: tuple[Home, str], tmp_path: Path) -> None:
    home, phrase = made
    with program(tmp_path) as one:
        opened = one.do("open", path=str(tmp_path / "bob.json"), name=BOB, phrase=phrase)
    assert opened["token"] == token_of(home, "bob")


def test_the_safety_number_and_its_words_are_the_same(talk: Talk) -> None:
    found = talk.control.do("verify_contact", contact=ADA)
    ours = talk.ada.do("safety_number", contact=BOB)
    assert (ours["groups"], ours["words"]) == (found["groups"], found["words"])


@pytest.mark.parametrize(
    ("dialler", "starter"),
    [(ADA, BOB), *(pytest.param(one, one, marks=pytest.mark.long) for one in (ADA, BOB))],
)
def test_a_hundred_texts_each_way(talk: Talk, dialler: str, starter: str) -> None:
    """A step at each change of the speaker; every text arrives once, in order, with its receipt."""
    if starter == BOB:
        talk.ada.do("leave_start", ms=NEVER_MS)
    talk.ada_sends([LONGEST, "a\u0301 b"])
    (talk.ada_dials if dialler == ADA else talk.bob_dials)()
    talk.bob_has([LONGEST, "a\u0301 b"])
    talk.bob_sends([LONGEST, "e\u0301 c"])
    talk.ada.until_texts([LONGEST, "e\u0301 c"])
    for turn in range(49):
        asked = [f"{turn}: {word}" for word in ("how", "are")]
        talk.ada_sends(asked)
        talk.bob_has(asked)
        answers = [f"{turn}: {word}" for word in ("fine", "thanks")]
        talk.bob_sends(answers)
        talk.ada.until_texts(answers)
    talk.settled()
    assert talk.best["is_own"] == (starter == ADA)
    assert talk.best["chains_sent"] >= 40
    assert talk.best["chains_received"] >= 40
    said = [direction for direction, *_ in talk.adas_history()]
    assert (said.count("out"), said.count("in")) == (100, 100)
    assert len(talk.inspect()["sessions"]) == 1
