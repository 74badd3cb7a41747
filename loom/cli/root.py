"""The `loom` command: its groups, and what becomes of an error."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from loom.cli.options import Group, root_options


class Root(Group):
    """The whole command line: every way out of it is an exit code, never a traceback."""

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
        sys.exit(
            super().main(
                arguments, prog_name or "loom", complete_var, False, windows_expand_args, **extra
            )
        )


app = typer.Typer(
    cls=Root,
    name="loom",
    help="A serverless end-to-end encrypted messenger for the terminal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    callback=root_options,
)
