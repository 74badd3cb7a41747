"""`loom` and nothing else on a terminal: straight into the app, without the option parser."""

import sys
from typing import NoReturn

from loom.cli import tui
from loom.cli.given import Options
from loom.cli.opening import Caller
from loom.cli.output import Output


def main() -> NoReturn:
    """Show the app until its user leaves it; every way out is the exit code it is with options."""
    try:
        tui.open_app(Caller(Options()))
        code = 0
    except BaseException as error:  # noqa: BLE001 - the last stop before a traceback
        from loom.cli.root import exit_code

        code = exit_code(error, Output(as_json=False), [])
    sys.exit(code)
