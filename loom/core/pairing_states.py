"""What a pairing link waits for, what may follow, and what it may hear (docs/PROTOCOL.md 12.3)."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from loom.errors import UsageError
from loom.wire.nearby import PairingKind


class PairingState(Enum):
    """What a pairing link waits for."""

    MESSAGE_1 = auto()
    MESSAGE_2 = auto()
    GREETED = auto()  # the one that dialled: to be chosen among the links of this node
    COMMIT = auto()
    COMMITTED = auto()  # the one that was dialled: to be chosen
    NONCE = auto()
    WORDS = auto()  # both people compare
    SAID = auto()  # "same" was said here, not yet there
    HEARD = auto()  # "same" was said there, not yet here
    PROOF = auto()
    PAIRED = auto()
    CLOSED = auto()


class PairingStep(Enum):
    """What moves it on."""

    GREETED = auto()  # the other side's number is known
    COMMITTED = auto()
    CHOSEN = auto()
    REVEALED = auto()  # both nonces are known
    SAME = auto()  # the answer of this side's person
    INTRODUCED = auto()  # token and name of the other side are here: its person said "same"
    PROVED = auto()
    ENDED = auto()


_S, _P = PairingState, PairingStep

TRANSITIONS: Final[Mapping[PairingState, Mapping[PairingStep, PairingState]]] = {
    # the one that dialled
    _S.MESSAGE_2: {_P.GREETED: _S.GREETED, _P.ENDED: _S.CLOSED},
    _S.GREETED: {_P.CHOSEN: _S.NONCE, _P.ENDED: _S.CLOSED},
    # the one that was dialled
    _S.MESSAGE_1: {_P.GREETED: _S.COMMIT, _P.ENDED: _S.CLOSED},
    _S.COMMIT: {_P.COMMITTED: _S.COMMITTED, _P.ENDED: _S.CLOSED},
    _S.COMMITTED: {_P.CHOSEN: _S.NONCE, _P.ENDED: _S.CLOSED},
    # both
    _S.NONCE: {_P.REVEALED: _S.WORDS, _P.ENDED: _S.CLOSED},
    _S.WORDS: {_P.SAME: _S.SAID, _P.INTRODUCED: _S.HEARD, _P.ENDED: _S.CLOSED},
    _S.SAID: {_P.INTRODUCED: _S.PROOF, _P.ENDED: _S.CLOSED},
    _S.HEARD: {_P.SAME: _S.PROOF, _P.ENDED: _S.CLOSED},
    _S.PROOF: {_P.PROVED: _S.PAIRED, _P.ENDED: _S.CLOSED},
    _S.PAIRED: {},
    _S.CLOSED: {},
}

HEARS: Final[Mapping[PairingState, frozenset[PairingKind]]] = {
    _S.COMMIT: frozenset({PairingKind.COMMIT}),
    _S.NONCE: frozenset({PairingKind.NONCE}),
    _S.WORDS: frozenset({PairingKind.INTRODUCTION, PairingKind.DIFFER}),
    _S.SAID: frozenset({PairingKind.INTRODUCTION, PairingKind.DIFFER}),
    _S.PROOF: frozenset({PairingKind.PROOF}),
}
"""The records that are allowed; in a state that is not named, none."""


def after(state: PairingState, step: PairingStep) -> PairingState:
    """The state that follows.

    Raises:
        UsageError: this step is not possible here.
    """
    try:
        return TRANSITIONS[state][step]
    except KeyError as error:
        raise UsageError from error
