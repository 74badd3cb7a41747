"""Every error has words in each front end, made of facts that it carries."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from string import Formatter

import pytest

from loom import errors
from loom.errors import (
    ControlError,
    ExtraMissing,
    IdentityChanged,
    InvalidInput,
    LoomError,
    error_from,
    kinds,
)
from loom.front.sentences import WORDS, in_app, of_warning, on_command_line

ROOT = Path(__file__).resolve().parents[2]
KINDS = {kind.__name__: kind for kind in kinds() if kind.__module__ == errors.__name__}


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name is not None}


def test_the_tree_names_every_error() -> None:
    named = set(re.findall(r"\w+", str(errors.__doc__)))
    assert set(KINDS) <= named


def test_every_code_has_words_and_every_row_a_code() -> None:
    codes = [kind.code for kind in KINDS.values()]
    assert len(codes) == len(set(codes))
    assert set(WORDS) == set(codes)


@pytest.mark.parametrize("kind", KINDS.values())
def test_words_are_whole_and_use_only_facts_of_their_error(kind: type[LoomError]) -> None:
    words = WORDS[kind.code]
    assert words.sentence.endswith(".")
    for text in words:
        assert placeholders(text) <= set(kind.fact_names)
        assert text or kind is InvalidInput
    if kind is not ExtraMissing:
        assert "`" not in words.app
        assert "--" not in words.app
    assert not {"screen", "Ctrl-Q"} & set(words.command_line.split())


def test_whoever_raises_an_error_gives_its_facts() -> None:
    """Read from the source: a fact that is missing would be a gap in the sentence."""
    wrong = []
    for file in sorted((ROOT / "loom").rglob("*.py")):
        tree = ast.parse(file.read_text())
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            raised: ast.expr | None = None
            given: set[str | None] = set()
            if isinstance(node, ast.Call):
                raised, given = node.func, {keyword.arg for keyword in node.keywords}
            elif isinstance(node, ast.Raise) and id(node.exc) not in called:
                raised = node.exc
            if not isinstance(raised, ast.Name) or raised.id not in KINDS or None in given:
                continue
            if given != set(KINDS[raised.id].fact_names):
                wrong.append(f"{file.name}:{raised.lineno} {raised.id} {sorted(map(str, given))}")
    assert wrong == []


def test_an_error_that_is_not_known_here_still_has_a_sentence() -> None:
    assert isinstance(error_from("of_tomorrow", {"a": 1}), ControlError)
    assert of_warning("of_tomorrow", {}).endswith("an unknown error, of_tomorrow.")
    assert of_warning("port_in_use", {"port": 80}) == "Port 80 on ? is taken by another program."


def test_a_fact_is_never_taken_for_a_placeholder() -> None:
    assert on_command_line(InvalidInput(what="{name} and {0}")) == ("{name} and {0}.", "")
    assert in_app(InvalidInput(what="No")) == "No."


def test_the_app_names_its_own_commands() -> None:
    error = IdentityChanged(name="Anna Lena")
    assert "/verify" in in_app(error)
    assert "loom verify 'Anna Lena'" in on_command_line(error)[1]


def test_sentences_are_there_without_docstrings(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-OO", "-m", "loom", "--home", str(tmp_path), "contacts"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert "loom: There is no profile here yet." in done.stderr
    assert "loom init --name NAME" in done.stderr


HELPS = """
import typer.main
from loom.cli.root import app
def walk(command, path):
    for name, child in getattr(command, "commands", {}).items():
        walk(child, f"{path} {name}")
    if not command.help:
        print(path)
walk(typer.main.get_command(app), "loom")
"""


def test_every_command_has_help_without_docstrings() -> None:
    done = subprocess.run(
        [sys.executable, "-OO", "-c", HELPS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == ""


def test_the_advice_for_missing_packages_names_an_extra_that_can_be_installed() -> None:
    """It named a package of an index that Loom is not in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {
        extra
        for file in (ROOT / "loom").rglob("*.py")
        for extra in re.findall(r'ExtraMissing\([^)]*extra="(\w+)"', file.read_text())
    }
    assert "web" in extras <= set(project["optional-dependencies"])
    _, advice = on_command_line(ExtraMissing(packages="aiohttp", extra="web"))
    assert advice.endswith("`pipx install --force '.[web]'`.")
