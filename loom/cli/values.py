"""What was typed, as texts, paths and numbers, without pydantic.

Typer checks values with pydantic, which takes longer to import than the parser itself; for these
kinds Python is enough. A value that does not fit is left to typer, which has the sentences.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from typer.core import TyperArgument, TyperOption

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter

KINDS = (str, bool, int, float, Path)


class PlainValues:
    """Stands where typer keeps how it converts a parameter's values."""

    def coerce(self, value: object, param: TyperOption | TyperArgument, ctx: "Context") -> object:
        """The value as its parameter's kind; BadParameter when it is none."""
        kind: Any = param.type_descriptor.annotation
        if kind in KINDS:
            if value is None or isinstance(value, kind):
                return value
            try:
                made = kind(value)
            except ValueError:
                return _by_typer(value, param, ctx)
            if kind is not bool and _is_in_range(made, param):
                return made
        return _by_typer(value, param, ctx)


def with_plain_values(parameters: "list[Parameter]") -> "list[Parameter]":
    """The same parameters, which convert their values by `PlainValues` first."""
    for one in parameters:
        if isinstance(one, TyperOption | TyperArgument) and one._runtime_param is None:  # noqa: SLF001
            one._runtime_param = cast("Any", PlainValues())  # noqa: SLF001
    return parameters


def _is_in_range(value: Any, param: TyperOption | TyperArgument) -> bool:
    return (param.min is None or value >= param.min) and (param.max is None or value <= param.max)


def _by_typer(value: object, param: TyperOption | TyperArgument, ctx: "Context") -> object:
    param._runtime_param = None  # noqa: SLF001
    return param.get_runtime_param().coerce(value, param=param, ctx=ctx)
