"""The `loom` command: its groups, and what becomes of an error."""

import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import typer

from loom.cli.opening import Caller
from loom.cli.options import Group, root_options
from loom.cli.output import ErrorLine, Output
from loom.cli.terminal import can_show_app
from loom.errors import InvalidInput, LoomError, OutputFailed

if TYPE_CHECKING:
    from typer._click.core import Command

MODULE_OF: Final = {
    **dict.fromkeys(("send", "history", "search", "delete", "typing"), "messages"),
    **dict.fromkeys(("edit", "edits", "react", "pin", "unpin", "pins"), "statements"),
    **dict.fromkeys(("bookmark", "bookmarks", "forward"), "statements"),
    **dict.fromkeys(("send-file", "open", "files"), "files"),
    "export": "export",
    "voice": "voice",
    **dict.fromkeys(("listen", "watch"), "listening"),
    "plain": "plain.talk",
    "verify": "contacts",
    "verify-first": "contacts",
    **dict.fromkeys(
        (
            *("mute", "notify", "archive", "unarchive", "favourite", "timer", "farewell"),
            *("mentions", "mark"),
        ),
        "conversations",
    ),
    **dict.fromkeys(("daemon", "status", "stop", "connect", "peers"), "daemon"),
    **dict.fromkeys(("init", "restore", "profiles"), "profiles"),
    **dict.fromkeys(("backup", "unsent"), "backups"),
    "move": "move",
    "panic": "panic",
    "identity": "identity",
    "unlock": "unlock",
    "machine": "machine",
    "profile": "own_profile",
    "doctor": "doctor",
    "demo": "demo",
    "web": "web",
    "pair": "pair",
    **dict.fromkeys(("invite", "invites", "requests"), "invites"),
    "room": "rooms",
    **dict.fromkeys(("anchor", "anchors"), "anchors"),
    "bundle": "bundles",
    "contacts": "contacts",
    "token": "tokens",
    "passphrase": "profiles",
    "control-pipe": "control_pipe",
}
"""Which file of this folder has which command, in the order of `loom --help`."""


class Commands(Mapping[str, "Command"]):
    """All commands by name. Each is imported and built when it is asked for, and only then."""

    def __init__(self) -> None:
        self._built: dict[str, Command] = {}

    def __getitem__(self, name: str) -> "Command":
        if name not in self._built:
            module = import_module(f"loom.cli.{MODULE_OF[name]}")
            some = typer.Typer(cls=Group)
            module.add_to(some)
            self._built.update(typer.main.get_group(some).commands)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULE_OF)

    def __len__(self) -> int:
        return len(MODULE_OF)


class Root(Group):
    """The whole command line: every way out of it is an exit code, never a traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast("dict[str, Command]", Commands())

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: object,
    ) -> NoReturn:
        arguments = list(sys.argv[1:] if args is None else args)
        output = Output(_wants_json(arguments))
        try:
            _check_encoding(arguments)
            code = super().main(
                arguments, prog_name or "loom", complete_var, False, windows_expand_args, **extra
            )
            sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()
            code = 0
        except BaseException as error:  # noqa: BLE001 - the last stop before a traceback
            code = exit_code(error, output, arguments)
        sys.exit(code or 0)

    def parse_args(self, ctx: "typer._click.core.Context", args: list[str]) -> list[str]:
        super().parse_args(ctx, args)
        if ctx.params.pop("plain", False):  # `loom --plain CONTACT` is `loom plain CONTACT`
            ctx.args = [*ctx._protected_args, *ctx.args]  # noqa: SLF001
            ctx._protected_args = ["plain"]  # noqa: SLF001
        return ctx.args

    def invoke(self, ctx: "typer._click.core.Context") -> object:
        try:
            if ctx._protected_args:  # noqa: SLF001 - empty: no command was named
                return super().invoke(ctx)
            _without_command(ctx)
        except BrokenPipeError:
            _drop_output()
        return None


def _without_command(ctx: "typer._click.core.Context") -> None:
    caller = Caller.of(cast("typer.Context", ctx))
    if caller.options.json:
        ctx.fail("Missing command.")
    elif can_show_app():
        from loom.cli import tui

        tui.open_app(caller)
    else:
        caller.output.note(ctx.get_help())
        raise typer.Exit(2)


def exit_code(error: BaseException, output: Output, arguments: list[str]) -> int:
    """Say what happened, in one sentence with what to do next; the exit code for it."""
    match error:
        case SystemExit(__context__=BrokenPipeError()):  # the parser's own, for `--help | head`
            _drop_output()
            return 0
        case SystemExit():
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        case OutputFailed():
            _drop_output()
            Output(as_json=False).error(error)
            return error.exit_code
        case LoomError():
            output.error(error)
            return error.exit_code
        case typer.Exit():
            return error.exit_code
        case typer.TyperException():
            return _usage(error, output)
        case typer.Abort():
            output.note("")
            return 1
        case KeyboardInterrupt():
            return 130
        case OSError(errno=errno.ENOSPC):  # the parser's own output; the store has its own words
            return exit_code(
                OutputFailed(what=os.strerror(errno.ENOSPC), done=""), output, arguments
            )
        case BaseExceptionGroup() if inner := _only_loom_error(error):
            return exit_code(inner, output, arguments)
    return _unexpected(error, output, arguments)


def _drop_output() -> None:
    """Discard what is still buffered, so that closing standard output cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: typer.TyperException, output: Output) -> int:
    """The parser refused the arguments: show its own sentence."""
    command = getattr(getattr(error, "ctx", None), "command_path", "loom")
    if type(error).__name__ == "NoArgsIsHelpError":
        output.note(error.format_message())
        return 2
    message = " ".join(error.format_message().split())
    advice = f"See `{command} --help`."
    output.failure(ErrorLine(code="usage", exit=2, message=message, advice=advice))
    return 2


def _unexpected(error: BaseException, output: Output, arguments: list[str]) -> int:
    """A bug: its type and place go to the log, without values; no traceback."""
    from loom.cli import log_file
    from loom.config import home_of, read_settings

    try:
        log = home_of(read_settings(os.environ, home=_home_in(arguments))).log
        written = log_file.record(error, log)
    except LoomError:  # where the log would be is not known either
        log, written = Path(), False
    advice = f"Please report what is in {log}." if written else "The log could not be written."
    message = f"Something went wrong inside Loom ({type(error).__name__})."
    output.failure(ErrorLine(code="error", exit=1, message=message, advice=advice))
    return 1


def _only_loom_error(group: BaseExceptionGroup[BaseException]) -> LoomError | None:
    """The first LoomError of a task group's errors."""
    for error in group.exceptions:
        if isinstance(error, LoomError):
            return error
        if isinstance(error, BaseExceptionGroup) and (inner := _only_loom_error(error)):
            return inner
    return None


def _before_dashes(arguments: list[str]) -> list[str]:
    """Those that may be options: what follows `--`, or the program of `watch`, is none."""
    ends = [arguments.index(one) for one in ("--", "--exec") if one in arguments]
    return arguments[: min(ends)] if ends else arguments


def _wants_json(arguments: list[str]) -> bool:
    """Known before the options are parsed, because parsing them may fail."""
    return "--json" in _before_dashes(arguments)


def _home_in(arguments: list[str]) -> Path | None:
    options = _before_dashes(arguments)
    for position, option in enumerate(options):
        if option.startswith("--home="):
            return Path(option.removeprefix("--home="))
        if option == "--home" and position + 1 < len(options):
            return Path(options[position + 1])
    return None


def _check_encoding(arguments: list[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(what="An argument is not valid UTF-8") from error


app = typer.Typer(
    cls=Root,
    name="loom",
    help="A serverless end-to-end encrypted messenger for the terminal. Alone, it opens the app.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    callback=root_options,
)
