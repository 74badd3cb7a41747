"""The options that every command understands, before and after its name."""

from pathlib import Path
from typing import Any

import msgspec
import typer
from typer.core import TyperCommand, TyperGroup

GLOBAL_NAMES = ("json", "profile", "home", "passphrase_file", "passphrase_fd", "verbose")
_KEY = "loom.options"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was given, wherever it stood; the later one counts."""

    json: bool = False
    profile: str | None = None
    home: Path | None = None
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None
    verbose: int = 0


def options_of(context: typer.Context) -> Options:
    """The global options of this invocation."""
    return Options(**context.meta.get(_KEY, {}))


def root_options(
    json: bool = typer.Option(False, "--json", help="One JSON object per line."),
    profile: str = typer.Option(
        None, "-p", "--profile", metavar="NAME", help="Which profile; else LOOM_PROFILE."
    ),
    home: Path = typer.Option(
        None, "--home", metavar="FOLDER", help="Where profiles live; else LOOM_HOME."
    ),
    passphrase_file: Path = typer.Option(
        None,
        "--passphrase-file",
        metavar="FILE",
        help="Read the passphrase there; else LOOM_PASSPHRASE_FILE.",
    ),
    passphrase_fd: int = typer.Option(
        None, "--passphrase-fd", metavar="N", help="Read the passphrase from descriptor N."
    ),
    verbose: int = typer.Option(
        0,
        "-v",
        count=True,
        show_default=False,
        metavar="",
        help="More in the log file; -vv for all.",
    ),
) -> None:
    """Declares the options; `_Collects` gathers their values."""


class _Collects:
    """Adds the root's options to every command and moves their values out of its parameters."""

    def get_params(self, ctx: Any) -> list[Any]:
        own: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        root = ctx.find_root().command
        if root is self:
            return own
        return [*own, *(option for option in root.params if option.name in GLOBAL_NAMES)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
        given = ctx.meta.setdefault(_KEY, {})
        for name in GLOBAL_NAMES:
            value = ctx.params.pop(name, None)
            if value is not None and value is not False and (name, value) != ("verbose", 0):
                given[name] = value
        return rest


class Command(_Collects, TyperCommand):
    """A command that takes the global options too."""


class Group(_Collects, TyperGroup):
    """A group of commands that takes the global options too."""
