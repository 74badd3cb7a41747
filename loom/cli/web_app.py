"""The app of `loom web`: a process that talks to the page through its standard streams.

It attaches to the node that `loom web` found or opened, so it sees no passphrase at its start.
"""

import sys

from loom.cli import tui
from loom.cli.given import Options
from loom.cli.opening import Caller
from loom.errors import LoomError


def main(profile: str) -> None:
    """Show the profile's app until its user leaves it."""
    try:
        tui.open_app(Caller(Options(profile=profile)))
    except LoomError as error:
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1])
