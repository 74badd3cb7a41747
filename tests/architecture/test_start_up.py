"""What a command does not need, it does not import: start-up is a feature."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import loom

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("textual", "zeroconf", "cryptography", "sqlcipher3", "argon2")
LATER = ("loom.tui.screens.", "loom.tui.kit.", "loom.tui.chat.slash", "loom.tui.chat.choices")


def modules_after(*arguments: str) -> tuple[str, set[str]]:
    """Standard output, and every module that the interpreter imported on the way."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "loom", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    rows = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return done.stdout, {row.rpartition("|")[2].strip() for row in rows}


def test_version_imports_nothing_heavy() -> None:
    output, imported = modules_after("--version")
    assert loom.__version__ in output
    assert "loom.cli.main" in imported
    assert sorted(imported & set(HEAVY)) == []


def test_the_app_imports_neither_the_parser_nor_what_it_does_not_show() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, loom.cli.alone, loom.tui.app; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = set(done.stdout.split())
    assert "loom.tui.chat.screen" in imported
    needless = {"typer", "pydantic", "tomllib", "cryptography", "loom.cli.root", "loom.tui.door"}
    assert sorted(imported & needless) == []
    assert [one for one in imported if one.startswith(LATER)] == []


SEND = """
import sys
from loom.cli.root import app
try:
    app(["send", "Bob", "hi", "--json"], prog_name="loom")
except SystemExit as end:
    print(end.code, *sys.modules)
"""


def test_sending_imports_neither_other_commands_nor_the_node(tmp_path: Path) -> None:
    """Most commands attach to a node: parsing and asking is all that they do."""
    done = subprocess.run(
        [sys.executable, "-c", SEND],
        cwd=ROOT,
        env={**os.environ, "LOOM_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    code, *imported = done.stdout.splitlines()[-1].split()
    assert code == "4"  # no profile here: what a node answers needs nothing more
    assert {"loom.control.client", "loom.cli.messages"} <= set(imported)
    needless = {
        *HEAVY, "rich", "pydantic", "logging.handlers", "loom.node", "loom.app.assembly",
        "loom.control.server", "loom.cli.daemon", "loom.cli.plain", "loom.cli.web", "loom.cli.tui",
    }  # fmt: skip
    assert sorted(needless & set(imported)) == []


DAEMON = """
import sys
from loom.cli import main
main._import_asyncio_without_tls()
import loom.cli.daemon, loom.app.assembly
print(*sys.modules)
"""


def test_a_daemon_imports_nothing_that_an_idle_one_never_uses() -> None:
    """It would stay in memory for months. Archives come with `importlib.resources`."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            DAEMON,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    needless = {
        "zipfile", "tarfile", "importlib.resources", "ssl", "loom.cli.contacts",
        "loom.cli.messages", "loom.core.pairing", "loom.front.sentences",
        "loom.node.anchors.account", "loom.node.anchors.guest", "loom.node.mail_files",
        "loom.node.pairing",
    }  # fmt: skip
    assert sorted(needless & set(done.stdout.split())) == []


def test_importing_the_package_imports_none_of_its_parts() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, loom; print(*(name for name in sys.modules if 'loom.' in name))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == []


def test_an_unknown_attribute_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = loom.no_such_thing
