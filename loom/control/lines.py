"""The lines that cross the control socket: JSON, one value each (docs/CLI.md, "Control socket")."""

from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from loom.api.command import Command, result_type
from loom.errors import ControlError, InvalidInput, LoomError, error_from

if TYPE_CHECKING:
    from loom.api.commands import AnyCommand
    from loom.api.events import AnyEvent

API_VERSION = 1
REQUEST_MAX_BYTES = 7 << 20
"""A draft of 1 MiB, each byte escaped as six, fits."""
ANSWER_MAX_BYTES = 32 << 20
"""A page of a hundred messages of 16 KiB, each byte escaped as six, fits twice."""


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """The server's first line."""

    loom: str = "control"
    api: int
    version: str
    profile: str


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to carry out; without one a wish for events, unless `end` or `pipe` is set."""

    id: int
    command: msgspec.Raw = msgspec.Raw()
    after: int | None = None
    end: bool = False
    """No more events under this number."""
    pipe: bool = False
    """From here on another machine asks (`loom/control/pipe.py`)."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as its code and facts."""

    code: str
    facts: dict[str, str | int] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the three; for events, `end` after the last."""

    id: int | None
    """None: the line that it answers had no number."""
    result: msgspec.Raw = msgspec.Raw()
    event: msgspec.Raw = msgspec.Raw()
    error: Failure | None = None
    end: bool = False


class _Numbered(msgspec.Struct):
    id: int


R = TypeVar("R")
T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(line: Greeting | Request | Answer) -> bytes:
    """One line with its newline."""
    return _encoder.encode(line) + b"\n"


def packed(value: object) -> msgspec.Raw:
    """A command, result or event as it stands in a line.

    Raises:
        ControlError: text that is not UTF-8.
    """
    try:
        return msgspec.Raw(_encoder.encode(value))
    except UnicodeEncodeError as error:
        raise ControlError(what="text that is not UTF-8") from error


def decode_greeting(line: bytes) -> Greeting:
    """Raises ControlError: not a greeting."""
    return _decode(line, Greeting)


def decode_answer(line: bytes) -> Answer:
    """Raises ControlError: not an answer."""
    return _decode(line, Answer)


def decode_result(result: msgspec.Raw, command: Command[R]) -> R:
    """Raises ControlError: not what this command gives."""
    return _decode(result, result_type(type(command)))


def decode_event(event: msgspec.Raw) -> "AnyEvent":
    """Raises ControlError: not an event."""
    from loom.api.events import AnyEvent, Event

    return cast("AnyEvent", _decode(event, cast("type[Event]", AnyEvent)))


def decode_request(line: bytes) -> Request | Answer:
    """What is asked, or the answer to JSON that asks nothing.

    Raises:
        InvalidInput: not JSON.
    """
    try:
        return msgspec.json.decode(line, type=Request)
    except msgspec.ValidationError as error:
        return Answer(id=_number_in(line), error=_refusal(error))
    except _NOT_DECODED as error:
        raise InvalidInput(what="A line that is not JSON") from error


def decode_command(request: Request) -> "AnyCommand | Answer":
    """The command, or the answer to what is none."""
    from loom.api.commands import AnyCommand

    try:
        return cast("AnyCommand", msgspec.json.decode(request.command, type=AnyCommand))
    except _NOT_DECODED as error:
        return Answer(id=request.id, error=_refusal(error))


def _refusal(error: Exception) -> "Failure":
    return failure_of(InvalidInput(what=f"That is not a request: {error}"))


def _number_in(line: bytes) -> int | None:
    try:
        return msgspec.json.decode(line, type=_Numbered).id
    except _NOT_DECODED:
        return None


def _decode(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except _NOT_DECODED as error:
        raise ControlError(what="a line that is not understood") from error


def failure_of(error: LoomError) -> Failure:
    """The error as it travels; names of files need not be UTF-8, lines are."""
    facts = {
        name: fact.encode(errors="replace").decode() if isinstance(fact, str) else fact
        for name, fact in error.facts.items()
    }
    return Failure(code=error.code, facts=facts)


def error_of(failure: Failure) -> LoomError:
    """The same error again."""
    return error_from(failure.code, failure.facts)
