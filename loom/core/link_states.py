"""What a link waits for, and the one table of what may follow (docs/PROTOCOL.md 3.1 to 3.4)."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from loom.errors import UsageError


class LinkState(Enum):
    """What a link waits for."""

    CLEAR = auto()
    MESSAGE_1 = auto()
    DISCARDING = auto()  # refused: reads on, so that nobody learns when or why
    ACCEPT = auto()  # the driver stores `rand`
    MESSAGE_2 = auto()
    CONFIRMATION = auto()
    OPEN = auto()
    CLOSED = auto()


class LinkStep(Enum):
    """What moves a link on."""

    ADMITTED = auto()  # the tag, the day and `rand` are a contact's
    REFUSED = auto()
    AUTHENTICATED = auto()  # message 1 verified
    ACCEPTED = auto()  # message 2 is written
    CONFIRMED = auto()  # message 2 verified at the initiator, the confirmation at the responder
    ENDED = auto()


TRANSITIONS: Final[Mapping[LinkState, Mapping[LinkStep, LinkState]]] = {
    # responder
    LinkState.CLEAR: {
        LinkStep.ADMITTED: LinkState.MESSAGE_1,
        LinkStep.REFUSED: LinkState.DISCARDING,
        LinkStep.ENDED: LinkState.CLOSED,
    },
    LinkState.MESSAGE_1: {
        LinkStep.AUTHENTICATED: LinkState.ACCEPT,
        LinkStep.REFUSED: LinkState.DISCARDING,
        LinkStep.ENDED: LinkState.CLOSED,
    },
    LinkState.ACCEPT: {
        LinkStep.ACCEPTED: LinkState.CONFIRMATION,
        LinkStep.ENDED: LinkState.CLOSED,
    },
    LinkState.CONFIRMATION: {
        LinkStep.CONFIRMED: LinkState.OPEN,
        LinkStep.ENDED: LinkState.CLOSED,
    },
    LinkState.DISCARDING: {LinkStep.ENDED: LinkState.CLOSED},
    # initiator
    LinkState.MESSAGE_2: {
        LinkStep.CONFIRMED: LinkState.OPEN,
        LinkStep.ENDED: LinkState.CLOSED,
    },
    # both
    LinkState.OPEN: {LinkStep.ENDED: LinkState.CLOSED},
    LinkState.CLOSED: {},
}


def after(state: LinkState, step: LinkStep) -> LinkState:
    """The state that follows.

    Raises:
        UsageError: this step is not possible here.
    """
    try:
        return TRANSITIONS[state][step]
    except KeyError as error:
        raise UsageError from error
