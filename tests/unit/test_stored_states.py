"""States that an earlier version stored are still read (bytes kept as that version wrote them)."""

import json
from pathlib import Path

import pytest

from loom.core import earlier_states
from loom.core.chains import SendingChain, StepDue
from loom.core.session import Session
from loom.core.sessions import Sessions, decode_sessions, encode_sessions
from loom.errors import MalformedMessage

V1, V2, V3 = (
    json.loads((Path(__file__).parent / f"stored_states_v{number}.json").read_bytes())["states"]
    for number in (1, 2, 3)
)
"""The same states, as each version wrote them."""


def chain_of(chain: SendingChain | None) -> dict[str, object] | None:
    """What the file says of a sending chain."""
    return (
        None
        if chain is None
        else {
            "index": chain.index,
            "n": chain.n,
            "first_ordinal": chain.first_ordinal,
            "chain_key": chain.chain_key.hex(),
            "header_key": chain.header_key.raw.hex(),
        }
    )


def held_by(session: Session) -> dict[str, object]:
    """What the file says of a session."""
    state = session.ratchet
    receiving = state.receiving
    return {
        "handshake_id": session.handshake_id.hex(),
        "prefix_bytes": len(session.prefix),
        "own": session.own,
        "reset_counter": session.reset_counter,
        "confirmed_at_s": session.confirmed_at_s,
        "known_received": session.known_received,
        "session_id": state.session_id.hex(),
        "root_key": state.root_key.hex(),
        "direction": state.direction,
        "local_dh": state.local.dh.public.hex(),
        "remote_dh": state.remote_dh.hex(),
        "next_sending_header_key": state.next_sending_header_key.raw.hex(),
        "step_due": isinstance(state.sending, StepDue),
        "sending": chain_of(state.sending_chain),
        "receiving": receiving
        and {
            "index": receiving.index,
            "n": receiving.n,
            "chain_key": receiving.chain_key.hex(),
        },
        "previous_n": state.previous_n,
        "stored": [chain.index for chain in state.stored],
    }


@pytest.mark.parametrize("name", sorted(V1))
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_state_of_an_earlier_version_holds_what_it_held(name: str, version: int) -> None:
    holds = V1[name]["holds"]
    stored = (V1[name]["state"], V2[name], V3[name])[version - 1]
    read = decode_sessions(bytes.fromhex(stored))
    assert [read.counters.sent, read.counters.accepted, read.counters.told] == holds["counters"]
    assert read.start_wanted == holds["start_wanted"]
    last_s = holds["last_wanted_start_s"]
    assert read.wanted_starts_s == ((last_s,) if last_s else ())
    assert read.had_session == holds["had_session"]
    assert read.last_notice_s == holds["last_notice_s"]
    assert [held_by(session) for session in read.live] == holds["sessions"]


@pytest.mark.parametrize("name", sorted(V1))
def test_it_is_written_as_the_new_version(name: str) -> None:
    read = decode_sessions(bytes.fromhex(V1[name]["state"]))
    stored = encode_sessions(read)
    assert stored[:1] == b"\x04"
    assert decode_sessions(stored) == read
    assert decode_sessions(bytes.fromhex(V2[name])) == read
    assert decode_sessions(bytes.fromhex(V3[name])) == read


def test_a_chain_is_stored_without_the_key_that_the_local_one_gives() -> None:
    """With it the state of a conversation took a second page, which each message wrote."""
    longest = 3_900
    for name, earlier in V2.items():
        stored = encode_sessions(decode_sessions(bytes.fromhex(earlier)))
        sessions = len(V1[name]["holds"]["sessions"])
        prefixes = sum(one["prefix_bytes"] for one in V1[name]["holds"]["sessions"])
        assert len(stored) - prefixes < max(1, sessions) * longest, name


def test_the_file_has_every_shape_that_a_ratchet_of_version_1_had() -> None:
    shapes = {
        (session["sending"] is not None, session["step_due"], bool(session["stored"]))
        for one in V1.values()
        for session in one["holds"]["sessions"]
    }
    assert {(True, False, False), (False, True, False), (True, True, True)} <= shapes


@pytest.mark.parametrize(
    "damage", [b"", b"\x90", b"\x91\x90", b"\x01", b"\xc0", b"\x92\x90\x91\x90"]
)
@pytest.mark.parametrize("version", [earlier_states.V1, earlier_states.V2])
def test_a_damaged_state_of_an_earlier_version_is_malformed(version: bytes, damage: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_sessions(version + damage)


def test_nothing_is_known_of_somebody_new() -> None:
    assert decode_sessions(bytes.fromhex(V1["new"]["state"])) == Sessions()
