"""`loom pair` over a fake node: what is shown, what is typed, how it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest
from typer.testing import Result

from loom.api.pairing_commands import AnswerWords, DialPeer, PickPeer, StartPairing, StopPairing
from loom.cli import pair
from loom.cli.plain import talk as talk_
from loom.errors import NobodyPairing, PairingLeft
from tests.cli.conftest import Loom, objects
from tests.fakes import FakeNode, FakeProfiles
from tests.tui.talking import TalkingNode

T = TypeVar("T")
Step = str | bytes | Callable[[], object]
Typed = Callable[..., Result]


@pytest.fixture
def node(profiles: FakeProfiles) -> FakeNode:
    """Somebody who knows nobody."""
    profiles.nodes["work"] = node = TalkingNode()
    return node


@pytest.fixture
def typed(loom: Loom, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Types lines, with things that happen between them; then the end of what is typed."""

    def run(*steps: Step, arguments: tuple[str, ...] = ("pair", "--json")) -> Result:
        async def lines() -> AsyncIterator[bytes]:
            await passed()
            for step in steps:
                if callable(step):
                    step()
                else:
                    yield step.encode() if isinstance(step, str) else step
                await passed()

        monkeypatch.setattr(pair, "typed_lines", lines)
        monkeypatch.setattr(talk_, "typed_lines", lines)
        return loom(*arguments)

    return run


async def passed() -> None:
    """Every task that can go on does."""
    for _ in range(20):
        await asyncio.sleep(0)


def sent(node: FakeNode, kind: type[T]) -> list[T]:
    return [one for one in node.sent if isinstance(one, kind)]


def types(result: Result) -> list[str]:
    return [str(one["type"]) for one in objects(result)]


def test_alias_pick_words_same_contact(typed: Typed, node: FakeNode) -> None:
    done = typed(
        lambda: node.near("stone-cabin"),
        "stone-cabin",
        node.show_words,
        "same",
        lambda: node.pair_with("Bob"),
    )
    assert done.exit_code == 0, done.stderr
    assert types(done) == ["pairing", "pairing.peers", "pairing.words", "pairing.done"]
    assert objects(done)[0]["alias"] == "maple-river"
    assert objects(done)[-1]["contact"] == "Bob"
    assert [one.alias for one in sent(node, PickPeer)] == ["stone-cabin"]
    assert [(a.meeting, a.same) for a in sent(node, AnswerWords)] == [(1, True)]
    assert sent(node, StopPairing) == []


def test_the_number_in_the_list_picks_too(typed: Typed, node: FakeNode) -> None:
    done = typed(lambda: node.near("stone-cabin", "zoo-zoo"), "2", "quit")
    assert done.exit_code == 130
    assert not node.pairing.on
    assert [one.alias for one in sent(node, PickPeer)] == ["zoo-zoo"]


def test_different_ends_with_its_own_exit_code_and_stops(typed: Typed, node: FakeNode) -> None:
    done = typed(node.show_words, "different")
    assert done.exit_code == 8
    assert types(done)[-2:] == ["pairing.failed", "error"]
    failed = objects(done)[-2]
    assert failed["code"] == "words_differ"
    assert failed["message"].startswith("The words are not the same")
    assert len(sent(node, StopPairing)) == 1


def test_an_address_is_dialled_at_once(typed: Typed, node: FakeNode) -> None:
    error = NobodyPairing(address="192.0.2.7:4070")
    done = typed(lambda: node.end_meeting(error), arguments=("pair", "192.0.2.7:4070", "--json"))
    assert done.exit_code == 1
    assert objects(done)[-1]["code"] == "nobody_pairing"
    assert [(a.host, a.port) for a in sent(node, DialPeer)] == [("192.0.2.7", 4070)]


def test_where_to_listen_is_passed_on(typed: Typed, node: FakeNode) -> None:
    typed("quit", arguments=("pair", "--listen", "192.0.2.7:4070", "--json"))
    assert [(a.host, a.port) for a in sent(node, StartPairing)] == [("192.0.2.7", 4070)]


@pytest.mark.parametrize("bad", ["nowhere", "host:99999", ":1"])
def test_a_wrong_address_is_refused_before_anything_begins(
    loom: Loom, node: FakeNode, bad: str
) -> None:
    for arguments in (("pair", bad), ("pair", "--listen", bad)):
        assert loom(*arguments).exit_code == 2
    assert node.sent == []


@pytest.mark.parametrize(
    ("line", "code"), [("9", 4), ("1:2:3", 2), (b"\xff", 2)], ids=["number", "address", "bytes"]
)
def test_a_line_that_means_nothing_ends_it_on_a_pipe(
    typed: Typed, node: FakeNode, line: Step, code: int
) -> None:
    done = typed(line, "not reached")
    assert done.exit_code == code
    assert len(sent(node, StopPairing)) == 1


def test_while_there_are_words_only_an_answer_counts(typed: Typed, node: FakeNode) -> None:
    done = typed(node.show_words, "yes")
    assert done.exit_code == 2
    assert "Write same or different" in objects(done)[-1]["message"]
    assert sent(node, AnswerWords) == []


def test_the_end_of_the_lines_ends_nothing(typed: Typed, node: FakeNode) -> None:
    """The other person picks this one later, and another screen of this node answers."""

    async def later() -> None:
        await passed()
        node.pair_with("Bob")

    tasks = []

    def begin() -> None:
        tasks.append(asyncio.get_running_loop().create_task(later()))

    done = typed(begin)
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    ("reason", "code"), [("time", "pairing_timed_out"), ("tries", "too_many_tries")]
)
def test_the_end_of_pairing_without_a_contact_is_an_error(
    typed: Typed, node: FakeNode, reason: str, code: str
) -> None:
    done = typed(lambda: node.end_pairing(reason))
    assert objects(done)[-1]["code"] == code


def test_people_read_sentences_and_no_json(typed: Typed, node: FakeNode) -> None:
    done = typed(
        lambda: node.near("stone-cabin"),
        node.show_words,
        "same",
        lambda: node.pair_with("Bob"),
        arguments=("pair",),
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("You are maple-river. This ends in 5 minutes.")
    assert "loom pair 192.0.2.7:4072" in done.stdout
    assert "Near: 1 stone-cabin" in done.stderr
    assert "judge  pulse  among" in done.stderr
    assert "Bob is a verified contact now." in done.stdout


def test_line_mode_pairs_too(typed: Typed, node: FakeNode) -> None:
    node.add("Ada")
    done = typed(
        "/pair",
        lambda: node.near("stone-cabin"),
        "/pair stone-cabin",
        node.show_words,
        "/pair same",
        lambda: node.pair_with("Bob"),
        "/pair",
        lambda: node.end_meeting(PairingLeft()),
        "/pair 192.0.2.9:4070",
        "/pair stop",
        arguments=("--plain", "Ada"),
    )
    assert done.exit_code == 0, done.stderr
    assert "You are maple-river" in done.stdout
    assert "Near: stone-cabin" in done.stderr
    assert "judge  pulse  among" in done.stdout
    assert "Bob is a verified contact" in done.stdout
    assert "The other person is gone" in done.stdout
    assert [(a.meeting, a.same) for a in sent(node, AnswerWords)] == [(1, True)]
    assert [(a.host, a.port) for a in sent(node, DialPeer)] == [("192.0.2.9", 4070)]
    assert node.messages == []  # nothing of it was sent to Ada


def test_leaving_line_mode_ends_pairing(typed: Typed, node: FakeNode) -> None:
    node.add("Ada")
    typed("/pair", arguments=("--plain", "Ada"))
    assert not node.pairing.on
