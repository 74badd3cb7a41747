"""Reads the sessions with a device as earlier versions stored them."""

from typing import Any, Final

import msgspec

from loom.core.chains import SendingChain, StepDue
from loom.errors import MalformedMessage
from loom.wire.limits import KEM_KEY_BYTES

V1: Final = b"\x01"
V2: Final = b"\x02"
V3: Final = b"\x03"
_SESSIONS: Final = 1
_LAST_WANTED_START: Final = 3
_ELSEWHERE: Final = 6
_RATCHET: Final = 8
_SENDING: Final = 9
_STEP_DUE: Final = 13


def upgraded(version: bytes, state: bytes) -> bytes:
    """The same state as version 4 writes it.

    Raises:
        MalformedMessage: no such version.
        msgspec.MsgspecError, ValueError, TypeError, LookupError: it is damaged.
    """
    if version not in (V1, V2, V3):
        raise MalformedMessage(what="state version")
    sessions: list[Any] = msgspec.msgpack.decode(state)
    if version == V1:
        _from_v1(sessions)
    if version != V3:
        for session in sessions[_SESSIONS]:
            _shorten_block(session[_RATCHET][_SENDING])
    # What was found of another machine, by a rule that could err: the next bundle shows it.
    del sessions[_ELSEWHERE:]
    return msgspec.msgpack.encode(sessions)


def _from_v1(sessions: list[Any]) -> None:
    # A ratchet had a sending chain or none, and a flag at its end: a step is due. There was one
    # time at which a desync last made a start; now there are those that count.
    for session in sessions[_SESSIONS]:
        ratchet: list[Any] = session[_RATCHET]
        step_due = ratchet.pop(_STEP_DUE)
        chain = ratchet[_SENDING]
        tagged = None if chain is None else [SendingChain.__struct_config__.tag, *chain]
        ratchet[_SENDING] = [StepDue.__struct_config__.tag, tagged] if step_due else tagged
    last_s = sessions[_LAST_WANTED_START]
    sessions[_LAST_WANTED_START] = [last_s] if last_s else []


def _shorten_block(sending: list[Any]) -> None:
    # A sending chain held the local encapsulation key again, in front of the ciphertext.
    chain = sending[-1] if sending[0] == StepDue.__struct_config__.tag else sending
    if chain is not None:
        chain[-1] = chain[-1][KEM_KEY_BYTES:]
