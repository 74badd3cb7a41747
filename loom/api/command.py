"""What every command to the node is."""

from typing import Generic, TypeVar, cast, get_args

import msgspec

R = TypeVar("R", covariant=True)


class Command(msgspec.Struct, Generic[R], frozen=True, kw_only=True, tag_field="command"):
    """Something to do; `Client.send` returns its result."""


def result_type(command: type[Command[R]]) -> type[R]:
    """What `Client.send` returns for a command of this kind."""
    (base,) = command.__orig_bases__  # type: ignore[attr-defined]
    (result,) = get_args(base)
    return cast("type[R]", result)
