"""Every command that Loom or its documents suggest exists, with its options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from loom.cli.root import app
from loom.front.sentences import WORDS
from loom.tui.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SUGGESTED = re.compile(r"`loom( [^`\n]*)`")


def suggestions() -> Iterator[tuple[str, list[str]]]:
    """Where a command is suggested, and its words."""
    files = [*(ROOT / "loom").rglob("*.py"), *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for file in files:
        for found in SUGGESTED.finditer(file.read_text()):
            yield f"{file.relative_to(ROOT)}: `loom{found[1]}`", found[1].split()


def test_every_suggested_command_exists() -> None:
    root = typer.main.get_command(app)
    everywhere = {option for parameter in root.params for option in parameter.opts} | {"--help"}
    wrong = []
    count = 0
    for place, words in suggestions():
        count += 1
        command: Any = root
        while words and (children := getattr(command, "commands", None)) and words[0] in children:
            command = children[words.pop(0)]
        known = everywhere | {option for one in command.params for option in one.opts}
        unknown = [word for word in words if word.startswith("-") and not _is_known(word, known)]
        if (command is root and words and words[0][0].islower()) or unknown:
            wrong.append(place)
    assert wrong == []
    assert count > 50


def _is_known(word: str, known: set[str]) -> bool:
    option = re.match(r"--?[a-z0-9-]*", word)
    return option is not None and option[0] in known | {"-", "--", "-h", "-vv"}


def test_the_app_suggests_its_own_slash_commands() -> None:
    names = {command.name for command in COMMANDS}
    suggested = {name for words in WORDS.values() for name in re.findall(r"/([a-z]+)", words.app)}
    assert suggested
    assert suggested <= names
