"""The options that every command understands, before and after its name."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from loom import __version__
from loom.cli.completion import contact_names, profile_names
from loom.cli.given import Options
from loom.cli.values import with_plain_values
from loom.config import without_tilde
from loom.errors import InvalidInput

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter

GLOBAL_NAMES = (
    *("json", "profile", "home", "passphrase_file", "passphrase_fd", "verbose"),
    *("on", "remote_command"),
)
MAY_BE_EMPTY = ("text", "token", "status", "program")
"""What these mean is checked where they are used, with an error of its own."""
_KEY = "loom.options"

Contact = Annotated[
    str,
    typer.Argument(
        metavar="CONTACT", help="A name, or # and a number.", autocompletion=contact_names
    ),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"loom {__version__}\n")
        raise typer.Exit


def options_of(context: typer.Context) -> Options:
    """The global options of this invocation."""
    return Options(**context.meta.get(_KEY, {}))


def root_options(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            "-p",
            "--profile",
            metavar="NAME",
            help="Use this profile (else LOOM_PROFILE).",
            autocompletion=profile_names,
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", metavar="FOLDER", help="Keep profiles in this folder (else LOOM_HOME)."
        ),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file",
            metavar="FILE",
            help="Read the passphrase from this file (else LOOM_PASSPHRASE_FILE).",
        ),
    ] = None,
    passphrase_fd: Annotated[
        int | None,
        typer.Option(
            "--passphrase-fd", metavar="N", help="Read the passphrase from file descriptor N."
        ),
    ] = None,
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            count=True,
            show_default=False,
            metavar="",
            help="Write more to the log; -vv: everything.",
        ),
    ] = 0,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="[USER@]HOST", help="Use the node on another machine, over ssh."
        ),
    ] = None,
    remote_command: Annotated[
        str | None,
        typer.Option(
            "--remote-command",
            metavar="COMMAND",
            help="With --on: how the shell there runs loom (else LOOM_REMOTE_COMMAND).",
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Chat line by line, as `loom plain`.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Declares the options; `_collect` gathers their values."""


class Command(TyperCommand):
    """A command that takes the global options too."""

    def get_params(self, ctx: "Context") -> "list[Parameter]":
        params = [*super().get_params(ctx), *_of_root(ctx)]
        return with_plain_values(_without_types(params))

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        _refuse_empty(self, ctx, args)
        return _collect(ctx, super().parse_args(ctx, args))


class Group(TyperGroup):
    """A group of commands that takes the global options too."""

    def get_params(self, ctx: "Context") -> "list[Parameter]":
        params = [*super().get_params(ctx), *_of_root(ctx)]
        return with_plain_values(_without_types(params))

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        _refuse_empty(self, ctx, args)
        return _collect(ctx, super().parse_args(ctx, args))


def add_commands(
    group: typer.Typer,
    panel: str,
    *commands: tuple[str, Callable[..., None], str],
    hidden: bool = False,
    all_after_first: bool = False,
) -> None:
    """Add functions under names, each with its line of help: docstrings are gone under -OO.

    `all_after_first`: nothing after the first argument is an option of Loom.
    """
    for name, command, line in commands:
        group.command(
            name,
            cls=Command,
            rich_help_panel=panel or None,
            help=line,
            hidden=hidden,
            context_settings={"allow_interspersed_args": not all_after_first},
        )(command)


def by_default(command: Callable[[typer.Context], None]) -> Callable[[typer.Context], None]:
    """What a group does when none of its commands is named."""

    def run(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            command(context)

    return run


def _without_types(parameters: "list[Parameter]") -> "list[Parameter]":
    """Help shows the type of a flag as `<bool>`, which tells nobody anything."""
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.is_flag:
            parameter.metavar = ""
    return parameters


def _of_root(ctx: "Context") -> "list[Parameter]":
    """The root's global options, for every command below it."""
    if ctx.parent is None:
        return []
    return [option for option in ctx.find_root().command.params if option.name in GLOBAL_NAMES]


def _refuse_empty(command: TyperCommand | TyperGroup, ctx: "Context", args: list[str]) -> None:
    """An empty path would be this folder, an empty name the default: neither was meant.

    Raises:
        InvalidInput: an option or argument is empty.
    """
    if "" not in args and not any(one.endswith("=") for one in args):
        return
    given, _, _ = command.make_parser(ctx).parse_args(args=list(args))
    for parameter in command.get_params(ctx):
        value = given.get(parameter.name)
        is_empty = value == "" or (isinstance(value, list | tuple) and "" in value)
        if is_empty and parameter.name not in MAY_BE_EMPTY:
            is_option = parameter.param_type_name == "option"
            shown = parameter.opts[-1] if is_option else getattr(parameter, "metavar", None)
            shown = shown or str(parameter.name).upper()
            raise InvalidInput(what=f"{shown} is empty: write a value")


def _collect(ctx: "Context", rest: list[str]) -> list[str]:
    """Move the global options' values out of the command's parameters; expand `~` in all paths."""
    for name, value in ctx.params.items():
        if isinstance(value, Path):
            ctx.params[name] = without_tilde(value)
    given = ctx.meta.setdefault(_KEY, {})
    for name in GLOBAL_NAMES:
        value = ctx.params.pop(name, None)
        if value is not None and value is not False and (name, value) != ("verbose", 0):
            given[name] = value
    return rest
