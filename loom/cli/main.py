"""Where the `loom` command begins. `--version` is answered before anything else is imported."""

import gc
import os
import signal
import sys

from loom import __version__

_COMPLETION = "_LOOM_COMPLETE"
"""With this the shell asks the option parser for words."""


def main() -> None:
    """Run the command line of this process; never returns."""
    try:
        _run()
    except KeyboardInterrupt:  # while a command was still being imported
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the interpreter takes no time


def _run() -> None:
    os.umask(0o077)
    _open_missing_streams()
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"loom {__version__}\n")
        raise SystemExit(0)
    _leave_no_core_file()
    for stream in (sys.stdout, sys.stderr):
        # A sign that the terminal's encoding lacks must not end the command.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    _import_asyncio_without_tls()
    gc.set_threshold(20_000)  # imports alone would be looked through a hundred times
    if _is_app():
        gc.disable()  # until all is imported (loom/cli/tui.py): a tenth of the way to the paint
        from loom.cli import alone

        alone.main()
    from loom.cli.root import app

    app(prog_name="loom")


def _leave_no_core_file() -> None:
    """Core files would hold texts and passphrases; opening a profile does more."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _is_app() -> bool:
    """Whether this is `loom` alone on a terminal: then the option parser need not be imported."""
    from loom.cli.terminal import can_show_app

    return len(sys.argv) == 1 and _COMPLETION not in os.environ and can_show_app()


def _import_asyncio_without_tls() -> None:
    """Nothing here speaks TLS, and asyncio does without `ssl`: it takes a MiB and 20 ms."""
    sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        import asyncio  # noqa: F401 - later imports find it
    finally:
        del sys.modules["ssl"]


def _open_missing_streams() -> None:
    """A closed standard stream becomes /dev/null: a database could take its number otherwise."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, so this one
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: PTH123, SIM115
