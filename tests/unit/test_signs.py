"""Where the real signs are shown, and where ASCII stands for them."""

import os
import subprocess
import sys

import pytest

NAMES = ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONCOERCECLOCALE")
ASK = "from loom.front.signs import signs_of_terminal as signs; print(signs().unicode)"


@pytest.mark.parametrize(
    ("settings", "unicode"),
    [
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LC_ALL": "C"}, False),
        ({"LC_ALL": "POSIX", "LANG": "C.UTF-8"}, False),
        ({"LANG": "C", "PYTHONCOERCECLOCALE": "0"}, False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, True),
        ({"LANG": "C.UTF-8", "PYTHONIOENCODING": "latin-1"}, False),
        ({"PYTHONIOENCODING": "ascii"}, False),
    ],
)
def test_the_locale_decides(settings: dict[str, str], unicode: bool) -> None:
    """Python itself takes the locale C for UTF-8: only another process can tell."""
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**kept, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"{unicode}\n"
