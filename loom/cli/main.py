"""Where the `loom` command begins. `--version` is answered before anything else is imported."""

import os
import sys

from loom import __version__


def main() -> None:
    """Run the command line of this process; never returns."""
    os.umask(0o077)
    _open_missing_streams()
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"loom {__version__}\n")
        raise SystemExit(0)
    from loom.cli.root import app

    for stream in (sys.stdout, sys.stderr):
        # A sign that the terminal's encoding lacks must not end the command.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    app(prog_name="loom")


def _open_missing_streams() -> None:
    """Whoever closed a standard stream gets none; otherwise the database could take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, so this one
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: PTH123, SIM115
