"""What happens to links, envelopes, processes and states: everything arrives, once."""

import random
import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.processes import ARGON2, Home
from tests.interop.conftest import ADA, BOB, Talk
from tests.interop.programs import program

pytestmark = pytest.mark.long

NEVER_MS = 10**9
REKEY_AFTER_RECORDS = 16_384


def texts(what: str, count: int) -> list[str]:
    return [f"{what} {i}" for i in range(count)]


def greet(talk: Talk) -> None:
    """A link, a session that both confirmed, and nothing that waits."""
    talk.ada_dials()
    talk.ada_sends(["hello"])
    talk.bob_has(["hello"])
    talk.bob_sends(["good day"])
    talk.ada.until_texts(["good day"])
    talk.settled()


def test_links_that_break_and_processes_that_are_killed(talk: Talk) -> None:
    greet(talk)
    for turn in range(3):
        asked, answers = texts(f"ada {turn}", 20), texts(f"bob {turn}", 20)
        talk.ada_sends(asked[:10])
        talk.bob_sends(answers[:10])
        talk.ada.do("hang_up", contact=BOB)
        talk.ada_sends(asked[10:])
        talk.bob_sends(answers[10:])
        talk.ada_dials()
    talk.ada.kill()
    talk.bob_sends(["you were gone"])
    with talk.ada_runs():
        talk.ada_dials()
        talk.ada_sends(["my state is a file"])
        talk.bob.end(signal.SIGKILL)
        with talk.bob_runs_again():
            talk.ada_sends(["you were gone too"])
            talk.ada_dials()
            talk.settled()
            assert len(talk.bobs_history()) == 2 + 120 + 3
            assert len(talk.inspect()["sessions"]) == 1


def test_of_two_machines_that_dial_the_first_is_told(talk: Talk) -> None:
    """By the link that the second one replaces."""
    greet(talk)
    copy = str(shutil.copy(talk.folder / "ada.json", talk.folder / "copy.json"))
    with program(talk.folder) as second:
        second.do("open", path=copy, name=ADA)
        second.do("dial", contact=BOB, port=talk.bob.port)
        assert not talk.ada.until_event("replaced")["is_own"]


@pytest.mark.parametrize("seed", [1, 2])
def test_envelopes_of_ada_late_out_of_order_and_twice(talk: Talk, seed: int) -> None:
    """The flight first, too: any envelope may be the first to arrive."""
    draw = random.Random(seed)
    talk.ada.do("hold", outgoing=True)
    first = texts("first", 12)
    talk.ada_sends(first)
    talk.ada_dials()
    talk.ada.until_event("started")
    shuffled(talk, draw)
    talk.bob_has(first)
    for turn in range(5):
        talk.bob_sends([f"question {turn}"])
        talk.ada.until_texts([f"question {turn}"])
        talk.ada.do("hold", outgoing=True)
        bodies = texts(f"turn {turn}", 20)
        talk.ada_sends(bodies)
        shuffled(talk, draw)
        talk.bob_has(bodies)
    talk.settled(in_order=False)
    assert "desync" not in talk.ada.heard


def shuffled(talk: Talk, draw: random.Random) -> None:
    """All that is held leaves in another order, a third of it twice."""
    held = talk.ada.do("held")["outgoing"]
    assert held >= 12
    order = [*range(held), *draw.sample(range(held), held // 3)]
    draw.shuffle(order)
    talk.ada.do("release_outgoing", order=order)


@pytest.mark.parametrize("seed", [3, 4])
def test_envelopes_of_bob_late_out_of_order_and_twice(talk: Talk, seed: int) -> None:
    draw = random.Random(seed)
    greet(talk)
    for turn in range(5):
        talk.ada.do("hold", incoming=True)
        bodies = texts(f"turn {turn}", 20)
        talk.bob_sends(bodies)
        while (held := talk.ada.do("held")["incoming"]) < len(bodies):
            pass
        order = [*range(held), *draw.sample(range(held), held // 3)]
        draw.shuffle(order)
        talk.ada.do("release_incoming", order=order)
        talk.ada.until_texts(bodies)
        talk.ada_sends([f"answer {turn}"])
        talk.bob_has([f"answer {turn}"])
    talk.settled(in_order=False)
    assert talk.best["skipped"] == 0


def test_a_text_that_comes_four_chains_late_still_opens(talk: Talk) -> None:
    """The hold rule: no fifth chain begins before the receipt; afterwards steps go on."""
    greet(talk)
    talk.ada.do("hold", outgoing=True)
    talk.ada_sends(["late"])
    lost = talk.best["chains_sent"]
    talk.ada.do("release_outgoing", order=[])
    for turn in range(8):
        talk.bob_sends([f"question {turn}"])
        talk.ada.until_texts([f"question {turn}"])
        talk.ada_sends([f"answer {turn}"])
        talk.bob_has([f"answer {turn}"])
    assert talk.best["chains_sent"] == lost + 4
    talk.ada.do("release_outgoing")
    talk.bob_has(["late"])
    while talk.inspect()["rows"]:
        talk.ada.until_event("receipt")
    talk.ada_sends(["and on"])
    talk.bob_has(["and on"])
    assert talk.best["chains_sent"] > lost + 4
    talk.settled(in_order=False)


def test_both_begin_at_once(talk: Talk) -> None:
    """Two flights cross; both sides end on the same session, and nothing is lost."""
    talk.ada.do("leave_start", ms=0)
    talk.ada_sends(["mine"])
    talk.bob_sends(["yours"])
    talk.bob_dials()
    talk.ada.until_texts(["yours"])
    talk.bob_has(["mine"])
    for turn in range(3):
        talk.ada_sends([f"ada {turn}"])
        talk.bob_has([f"ada {turn}"])
        talk.bob_sends([f"bob {turn}"])
        talk.ada.until_texts([f"bob {turn}"])
    talk.settled()


@pytest.mark.parametrize("is_larger", [True, False])
def test_of_two_links_one_stays(made: tuple[Home, str], tmp_path: Path, is_larger: bool) -> None:
    """Each side dialled one: the larger fingerprint closes its own."""
    talk = Talk(made[0].copy(tmp_path / "h"), tmp_path)
    with talk.introduced(is_larger=is_larger):
        talk.ada_dials()
        talk.ada.until_event("link", is_dialler=True)
        talk.bob_dials()
        talk.ada.until_event("link", is_dialler=False)
        talk.ada_sends(["which one?"])
        talk.bob_has(["which one?"])
        talk.bob_sends(["this one"])
        talk.ada.until_texts(["this one"])
        while len(links := talk.inspect()["links"]) == 2:
            pass
        assert [link["is_dialler"] for link in links] == [not is_larger]
        talk.settled()


def test_typing_profile_and_read_ids(talk: Talk) -> None:
    greet(talk)
    assert talk.inspect()["display_name"] == BOB
    assert talk.control.do("show_contact", contact=ADA)["display_name"] == ADA
    talk.ada.do("typing", contact=BOB, on=True)
    talk.events.until("contact.typing", on=True)
    talk.ada.do("typing", contact=BOB, on=False)
    talk.events.until("contact.typing", on=False)
    talk.control.do("set_typing", contact=ADA, on=True)
    talk.ada.until_event("typing", on=True)

    row = talk.control.do("history", contact=ADA)["messages"][0]
    talk.control.do("mark_read", contact=ADA, row_id=row["row_id"])
    talk.ada.until(lambda event: bool(event.get("read")))
    assert [state for direction, *_, state in talk.adas_history() if direction == "out"] == ["read"]
    (mine,) = (ident for direction, ident, *_ in talk.adas_history() if direction == "in")
    talk.ada.do("read", contact=BOB, ids=[mine])
    talk.events.until("message.read")
    assert {state for *_, state in talk.bobs_history()} == {"read"}


def test_records_on_both_sides_of_a_rekey(talk: Talk) -> None:
    greet(talk)
    talk.ada.do("keepalives", contact=BOB, count=REKEY_AFTER_RECORDS)
    talk.ada_sends(["under the second key"])
    talk.bob_has(["under the second key"])
    talk.settled()


def test_flow_control_stops_at_a_thousand_unreceipted(talk: Talk) -> None:
    greet(talk)
    bodies = texts("many", 1_100)
    talk.ada.do("hold", outgoing=True)
    talk.ada_sends(bodies)
    held = talk.ada.do("held")["outgoing"]
    assert 995 <= held <= 1_000
    talk.ada.do("release_outgoing")
    talk.bob_has(bodies)
    talk.settled()


def test_an_old_copy_of_adas_state(talk: Talk) -> None:
    """Her keys ran ahead of her; a new session begins, and what was written arrives."""
    greet(talk)
    talk.ada.kill()
    copy = talk.folder / "copy.json"
    shutil.copy(talk.folder / "ada.json", copy)
    with talk.ada_runs():
        talk.ada_dials()
        for turn in range(3):
            talk.ada_sends([f"forgotten {turn}"])
            talk.bob_has([f"forgotten {turn}"])
            talk.bob_sends([f"lost {turn}"])
            talk.ada.until_texts([f"lost {turn}"])
        talk.settled()
        talk.ada.kill()
    shutil.copy(copy, talk.folder / "ada.json")
    with talk.ada_runs():
        talk.bob_sends(["are you well?"])
        talk.ada_sends(["what happened?"])
        talk.ada_dials()
        talk.bob_has(["what happened?"])
        talk.ada.until_texts(["are you well?"])
        while talk.control.do("status")["queued"]:
            talk.events.until("message.delivered")
        assert talk.inspect()["rows"] == 0


def test_bob_restores_his_identity_and_nothing_else(talk: Talk, made: tuple[Home, str]) -> None:
    """No session, no counters: Ada's bundles and flights tell him what he needs."""
    greet(talk)
    talk.bob_runs("stop")
    assert talk.bob.process.wait(90) == 0
    shutil.rmtree(talk.home.profile("bob"))
    words = talk.folder / "words"
    words.write_text(made[1])
    talk.home.run("restore", "--name", BOB, "--phrase-file", str(words), *ARGON2).ok()
    talk.bob_runs("token", "import", talk.ada.do("open")["token"], "--name", ADA)
    talk.ada_sends(["you again"])
    with talk.bob_runs_again():
        talk.ada_dials()
        talk.bob_has(["you again"])
        talk.bob_sends(["me again"])
        talk.ada.until_texts(["me again"])
        while talk.inspect()["rows"]:
            talk.ada.until_event("receipt")
