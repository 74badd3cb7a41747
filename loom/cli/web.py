"""`loom web`: the app in a browser on this machine."""

import os
import sys
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final

import typer

import loom
from loom.addresses import parse_address
from loom.cli.opening import Caller, following
from loom.cli.options import add_commands
from loom.cli.output import WebReady
from loom.errors import ExtraMissing, InvalidInput
from loom.model import Address

PANEL: Final = "Profiles"
PACKAGES: Final = ("aiohttp", "textual_serve")
_FOREIGN: Final = ("TMUX", "STY", "LOOM_PASSPHRASE_FILE", "LOOM_PASSPHRASE_COMMAND")
"""What says something of the terminal here and nothing of the browser, or is not needed there."""


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        PANEL,
        ("web", web, "Open the app in a browser on this machine, until Ctrl-C."),
    )


def web(
    context: typer.Context,
    listen: Annotated[
        str,
        typer.Option("--listen", metavar="HOST:PORT", help="Listen on this loopback address."),
    ] = "127.0.0.1:0",
) -> None:
    caller = Caller.of(context)
    address = loopback(listen)
    statics = _statics()

    async def work() -> None:
        from loom.cli.web_server import WebServer

        profile = caller.profile
        async with caller.client(caller.online()) as client, following(client, None) as events:
            server = WebServer(
                address,
                statics=statics,
                command=(sys.executable, "-m", "loom.cli.web_app", profile),
                folder=Path(loom.__file__).parents[1],
                environment=_environment(caller.settings.home),
                note=caller.output.note,
            )
            async with server:
                caller.output.note(
                    "Open this link in a browser on this machine; it works once. Ctrl-C ends."
                )
                caller.output.put(WebReady(link=server.link), server.link)
                async for _ in events:
                    pass
        caller.output.note("The node has stopped.")

    caller.run(work())


def loopback(listen: str) -> Address:
    """The address, if it is a loopback address. Raises InvalidAddress, InvalidInput."""
    address = parse_address(listen)
    try:
        is_loopback = ip_address(address.host).is_loopback
    except ValueError:
        is_loopback = False  # a name is whatever a resolver says
    if not is_loopback:
        raise InvalidInput(what="The app is shown on this machine only: --listen 127.0.0.1:PORT")
    return address


def _statics() -> Path:
    """Where textual-serve keeps what its page loads. Raises ExtraMissing."""
    specs = [find_spec(name) for name in PACKAGES]
    found = specs[-1]
    if None in specs or found is None or not found.submodule_search_locations:
        raise ExtraMissing(packages="aiohttp, textual-serve", extra="web")
    return Path(found.submodule_search_locations[0]) / "static"


def _environment(home: Path | None) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN and not name.startswith("TEXTUAL")
    }
    if home is not None:
        kept["LOOM_HOME"] = str(home.absolute())
    return {
        **kept,
        "PYTHONUTF8": "1",
        "TERM": "xterm-256color",
        "TERM_PROGRAM": "textual",
        "TEXTUAL_DRIVER": "loom.tui.page_driver:PageDriver",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
    }
