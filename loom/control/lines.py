"""The lines that cross the control socket: JSON, one value each (docs/CLI.md, "Control socket")."""

from typing import TypeVar

import msgspec

from loom.api.commands import AnyCommand
from loom.api.events import AnyEvent
from loom.api.views import AnyView
from loom.errors import ControlError, LoomError, error_from

API_VERSION = 1
REQUEST_MAX_BYTES = 1 << 20
ANSWER_MAX_BYTES = 32 << 20
"""A page of a hundred messages of 16 KiB, each byte escaped as six, fits twice."""


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """The server's first line."""

    loom: str = "control"
    api: int
    version: str
    profile: str


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to carry out, or (without one) a wish for events."""

    id: int
    command: AnyCommand | None = None
    after: int | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as its code and facts."""

    code: str
    facts: dict[str, str | int] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the three; for events, `end` after the last."""

    id: int
    result: AnyView | None = None
    event: AnyEvent | None = None
    error: Failure | None = None
    end: bool = False


T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_greeting = msgspec.json.Decoder(Greeting)
_request = msgspec.json.Decoder(Request)
_answer = msgspec.json.Decoder(Answer)


def encode(line: Greeting | Request | Answer) -> bytes:
    """One line with its newline.

    Raises:
        ControlError: text that is no UTF-8.
    """
    try:
        return _encoder.encode(line) + b"\n"
    except UnicodeEncodeError as error:
        raise ControlError(what="text that is not UTF-8") from error


def decode_greeting(line: bytes) -> Greeting:
    """Raises ControlError: not a greeting."""
    return _decode(_greeting, line)


def decode_request(line: bytes) -> Request:
    """Raises ControlError: not a request."""
    return _decode(_request, line)


def decode_answer(line: bytes) -> Answer:
    """Raises ControlError: not an answer."""
    return _decode(_answer, line)


def _decode(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(what="a line that is not understood") from error


def failure_of(error: LoomError) -> Failure:
    """The error as it travels."""
    return Failure(code=error.code, facts=error.facts)


def error_of(failure: Failure) -> LoomError:
    """The same error again."""
    return error_from(failure.code, failure.facts)
