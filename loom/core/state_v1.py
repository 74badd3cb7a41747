"""Reads what was stored of a contact before version 2."""

from typing import Any, Final

import msgspec

from loom.core.chains import SendingChain, StepDue

VERSION: Final = b"\x01"
_LAST_WANTED_START: Final = 3
_SENDING: Final = 9
_STEP_DUE: Final = 13


def upgraded(state: bytes) -> bytes:
    """The same state as version 2 writes it.

    A ratchet had a sending chain or none, and a flag at its end: a step is due.
    A conversation had one time at which a desync last made a start; now it has those that count.

    Raises:
        msgspec.MsgspecError, ValueError, TypeError, LookupError: it is damaged.
    """
    conversation: list[Any] = msgspec.msgpack.decode(state)
    for session in conversation[1]:
        ratchet: list[Any] = session[8]
        step_due = ratchet.pop(_STEP_DUE)
        chain = ratchet[_SENDING]
        tagged = None if chain is None else [SendingChain.__struct_config__.tag, *chain]
        ratchet[_SENDING] = [StepDue.__struct_config__.tag, tagged] if step_due else tagged
    last_s = conversation[_LAST_WANTED_START]
    conversation[_LAST_WANTED_START] = [last_s] if last_s else []
    return msgspec.msgpack.encode(conversation)
