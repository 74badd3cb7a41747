"""Bytes that the specification says are refused, made with the right keys: the daemon goes on."""

import json
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.conftest import BOB, Talk
from tests.interop.programs import FOLDER

PAYLOADS = json.loads((FOLDER.parent / "vectors" / "payloads.json").read_text())["inputs"]
IDENT = "000102030405060708090a0b0c0d0e0f"
"""The message_id in the vectors of payloads."""
pytestmark = pytest.mark.long  # it waits so that no minute has too many links
_DIALLED_S = deque[float](maxlen=20)
FIRST_FLIGHTS = (
    "a stranger's tag",
    "a day ahead by two",
    "a day behind by two",
    "another link key",
    "a bit of message 1",
    "a bit of the last tag",
    "another length of message 1",
    "e_I with the top bit",
)
RECORDS = (
    "a bit of the tag",
    "another frame length",
    "an empty frame",
    "not the smallest bucket",
    "padding that is not zero",
    "a body longer than the record",
    "an unknown type",
    "a keepalive with a body",
    "a record sealed twice",
)
BUNDLES_THAT_CLOSE = (
    "a bit of the Ed25519 signature",
    "a bit of the ML-DSA signature",
    "a counter that was not signed",
    "an accepted counter that was not signed",
    "another identity's card",
)
BUNDLES = (
    "a signature that is too short",
    "a byte left over",
    "nothing",
    "another version",
    "more accepted than there was",
    "another device",
    "an unknown kind",
    "another person's fingerprint",
    "a date in the future",
    "an end before its beginning",
    "a life that is too long",
    "an end that has passed",
    "a key that is not canonical",
    "a key of small order",
    "coefficients that are not reduced",
)
FLIGHTS = (
    "another device",
    "a bit of the Ed25519 signature",
    "a bit of the ML-DSA signature",
    "a counter that was used",
    "a counter a day and an hour ahead",
    "EK with the top bit",
    "another bundle",
    "a bit of ct",
    "a bit of e1",
    "a message of another session",
    "another identity's card",
)
ENVELOPES = (
    "another length",
    "no bytes",
    "an unknown type",
    "a flight of 4,096 bytes",
    "a bit of the header",
    "a bit of the block",
    "a bit of the salt",
    "a bit of kc",
    "a bit of the body",
    "unknown flags",
    "another kc",
    "a payload longer than its body",
    "padding that is not zero",
    "another ratchet key in a chain",
    "a number that was passed",
    "a gap above 2,000",
)


@pytest.fixture(scope="module")
def talk(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """One daemon for all of them: it must outlive each."""
    folder = tmp_path_factory.mktemp("refusals")
    one = Talk(made[0].copy(folder / "h"), folder)
    with one.introduced():
        yield one


def wrong(talk: Talk, what: str, **options: Any) -> Any:
    return talk.ada.do("wrong", what=what, contact=BOB, **options)


def heard(talk: Talk, what: str) -> None:
    """An honest text arrives, its answer too, and nothing else was ever shown."""
    talk.ada_sends([what])
    talk.bob_has([what])
    talk.bob_sends([f"answer to {what}"])
    talk.ada.until_texts([f"answer to {what}"])
    assert not [body for *_, body, _ in talk.bobs_history() if body.startswith("never")]


def linked(talk: Talk) -> None:
    """A link stands; a daemon lets a contact begin 30 a minute, and a quick machine needs more."""
    if talk.inspect()["links"]:
        return
    if len(_DIALLED_S) == _DIALLED_S.maxlen:
        time.sleep(max(0.0, _DIALLED_S[0] + 61 - time.monotonic()))
    _DIALLED_S.append(time.monotonic())
    talk.ada_dials()


def test_every_way_to_be_wrong_is_tried(talk: Talk) -> None:
    assert wrong(talk, "names") == {
        "first_flight": list(FIRST_FLIGHTS),
        "record": list(RECORDS),
        "bundle": [*BUNDLES_THAT_CLOSE, *BUNDLES],
        "flight": list(FLIGHTS),
        "envelope": list(ENVELOPES),
    }


@pytest.mark.parametrize("how", FIRST_FLIGHTS)
def test_a_first_flight(talk: Talk, how: str) -> None:
    """Not one byte comes back, and what follows is read on until there is enough of it."""
    found = wrong(talk, "first_flight", port=talk.bob.port, how=how)
    assert found["received"] == 0


@pytest.mark.long  # the first of the two waits for the handshake's deadline
def test_a_first_flight_that_is_replayed(talk: Talk) -> None:
    """The first of the two is a whole message 1 that nobody confirms."""
    found = wrong(talk, "replayed_first_flight", port=talk.bob.port)
    assert found["first"]["received"] == 2 + 1_152
    assert found["second"]["received"] == 0


def test_a_link_that_is_not_confirmed(talk: Talk) -> None:
    """Message 1 may be a replayed one: nobody is present before the confirmation."""
    found = wrong(talk, "unconfirmed", port=talk.bob.port)
    assert found == {"frames": 0, "closed_by_us": False}
    assert talk.control.do("status")["online"] == 0


@pytest.mark.parametrize("how", RECORDS)
def test_a_record(talk: Talk, how: str) -> None:
    linked(talk)
    heard(talk, f"before {how}")
    wrong(talk, "record", how=how)
    talk.ada.until_event("closed")
    linked(talk)
    heard(talk, f"after {how}")


@pytest.mark.parametrize("how", [*BUNDLES_THAT_CLOSE, *BUNDLES])
def test_a_bundle(talk: Talk, how: str) -> None:
    """Bob asks, because an envelope did not open; what he gets he does not use."""
    asked_on_a_new_link(talk, how)
    before = talk.inspect()["sessions"]
    if how in BUNDLES_THAT_CLOSE:
        talk.ada.until_event("closed")
        linked(talk)
        talk.ada.until_event("bundle asked")
    heard(talk, f"after {how}")
    after = talk.inspect()["sessions"]
    assert [one["id"] for one in after] == [one["id"] for one in before]


def asked_on_a_new_link(talk: Talk, how: str) -> None:
    linked(talk)
    heard(talk, f"before {how}")
    talk.ada.do("hang_up", contact=BOB)
    linked(talk)
    # After a link that it closes Bob may dial and ask again at once.
    wrong(talk, "bundle", how=how, then_none=how in BUNDLES_THAT_CLOSE)
    wrong(talk, "junk", count=1)
    talk.ada.until_event("bundle asked")
    talk.ada.events.clear()


def test_a_bundle_that_nobody_asked_for(talk: Talk) -> None:
    linked(talk)
    heard(talk, "before")
    wrong(talk, "bundle", how="nothing is wrong with it", asked=False)
    wrong(talk, "bundle", how="a bit of the Ed25519 signature", asked=False)
    heard(talk, "after")


def test_a_bundle_with_which_nothing_is_wrong(talk: Talk) -> None:
    """So the refusals above are not about something else."""
    linked(talk)
    heard(talk, "before")
    talk.ada.do("hang_up", contact=BOB)
    linked(talk)
    wrong(talk, "junk", count=1)
    talk.ada.until_event("session")
    heard(talk, "after")


@pytest.mark.parametrize("how", FLIGHTS)
def test_a_flight(talk: Talk, how: str) -> None:
    """One bundle serves for all of them, as a flight that is refused spends nothing."""
    linked(talk)
    heard(talk, f"before {how}")
    if "offer" not in talk.ada.heard:
        wrong(talk, "offer")
        talk.ada.until_event("offer")
    wrong(talk, "no_bundle")
    wrong(talk, "flight", how=how)
    if how == "another identity's card":
        talk.ada.until_event("closed")
        linked(talk)
    before = talk.inspect()["sessions"]
    heard(talk, f"after {how}")
    after = talk.inspect()["sessions"]
    assert [one["id"] for one in after] == [one["id"] for one in before]


def test_a_flight_with_which_nothing_is_wrong(talk: Talk) -> None:
    linked(talk)
    heard(talk, "before")
    wrong(talk, "flight", how="nothing is wrong with it", body="accepted")
    talk.bob_has(["accepted"])


@pytest.mark.parametrize("how", ENVELOPES)
def test_an_envelope(talk: Talk, how: str) -> None:
    linked(talk)
    heard(talk, f"before {how}")
    talk.ada.do("typing", contact=BOB, on=True)  # the chain has a message already
    talk.events.until("contact.typing", on=True)
    wrong(talk, "no_bundle")
    wrong(talk, "envelope", how=how)
    heard(talk, f"after {how}")


def test_an_envelope_that_is_larger_than_it_needs_to_be(talk: Talk) -> None:
    """The one thing that is not checked."""
    linked(talk)
    heard(talk, "before")
    payload = PAYLOADS["skipped"]["arrays 16 deep"]
    wrong(talk, "payload", payload=payload, size=16_383)
    talk.ada.until_event("receipt", delivered=[IDENT])


@pytest.mark.parametrize("name", sorted(PAYLOADS["skipped"]))
def test_a_payload_of_a_later_kind(talk: Talk, name: str) -> None:
    """It is receipted and not shown."""
    linked(talk)
    wrong(talk, "payload", payload=PAYLOADS["skipped"][name])
    talk.ada.until_event("receipt", delivered=[IDENT])
    heard(talk, f"after {name}")


@pytest.mark.parametrize("name", sorted(PAYLOADS["refused"]))
def test_a_malformed_payload(talk: Talk, name: str) -> None:
    """The ratchet has moved on, and nothing is receipted."""
    linked(talk)
    heard(talk, f"before {name}")
    talk.ada.events.clear()
    wrong(talk, "payload", payload=PAYLOADS["refused"][name])
    heard(talk, f"after {name}")
    receipts = [event for event in talk.ada.events if event["event"] == "receipt"]
    assert not any(IDENT in event["delivered"] for event in receipts)


def test_junk_without_end(talk: Talk) -> None:
    """The links are closed after 64 envelopes in a row; then the contact is heard again."""
    linked(talk)
    heard(talk, "before")
    wrong(talk, "no_bundle")
    wrong(talk, "junk", count=63)
    heard(talk, "after 63")
    wrong(talk, "junk", count=64)
    talk.ada.until_event("closed")
    linked(talk)
    heard(talk, "after 64")
