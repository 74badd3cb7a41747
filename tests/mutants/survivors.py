"""Which mutants lived through the tests, and which of them docs/MUTANTS.md explains.

`make mutate` runs this after mutmut: `python -m tests.mutants.survivors`. It ends with 1 when a
mutant lives that nobody explained.
"""

import ast
import difflib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
MUTANTS: Final = ROOT / "mutants"
EXPLAINED: Final = ROOT / "docs" / "MUTANTS.md"

GONE: Final = "(gone)"
"""What stands in the table for nothing."""

_VERDICTS: Final = {0: "lived", 1: "killed", 3: "killed", 5: "untested", 33: "untested"}
_NUMBER: Final = re.compile(r"__mutmut_\d+$")
_WORDS: Final = re.compile(r"""(what|reason)=(f?"[^"]*"|\w+)|f?"[^"]*"$""")
_CELL: Final = re.compile(r"(?<!\\)\|")


class Mutant(NamedTuple):
    """One small change: the lines it took out and put in, and what became of it."""

    file: str
    function: str
    was: str
    becomes: str
    verdict: str

    @property
    def only_changes_words(self) -> bool:
        """Of an error or of a `repr`: tests look at types and facts, people at the sentence."""
        if self.function.endswith("__repr__"):
            return True
        is_error = self.was.startswith(("raise ", "reason="))
        return is_error and _WORDS.sub("", self.was) == _WORDS.sub("", self.becomes)


class Explained(NamedTuple):
    """A row of docs/MUTANTS.md."""

    file: str
    function: str
    was: str
    becomes: str
    why: str


def explained(path: Path = EXPLAINED) -> list[Explained]:
    """The rows of the table whose first cell is a file's name."""
    rows = []
    for line in path.read_text().splitlines():
        cells = [_plain(cell) for cell in _CELL.split(line)[1:-1]]
        if len(cells) == 5 and cells[0].endswith(".py"):
            rows.append(Explained(*cells))
    return rows


def _plain(cell: str) -> str:
    text = cell.strip()
    return "" if text == GONE else text.strip("`").replace("\\|", "|")


def mutants(folder: Path = MUTANTS) -> Iterator[Mutant]:
    """All that mutmut made and tried."""
    for meta in sorted(folder.glob("loom/**/*.meta")):
        source = meta.with_suffix("")
        file = str(source.relative_to(folder / "loom"))
        functions = dict(_functions(source.read_text()))
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            if code is None:
                continue
            mutated = name.rpartition(".")[2]
            base = _NUMBER.sub("", mutated)
            was, becomes = _difference(functions[f"{base}__mutmut_orig"], functions[mutated])
            function = re.sub("^x[_ǁ]", "", base).replace("ǁ", ".")
            yield Mutant(file, function, was, becomes, _VERDICTS.get(code, "timeout"))


def _functions(text: str) -> Iterator[tuple[str, list[str]]]:
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0].lineno
            signature = [line.replace(node.name, "") for line in lines[node.lineno - 1 : first - 1]]
            yield node.name, signature + lines[first - 1 : node.end_lineno]


def _difference(before: list[str], after: list[str]) -> tuple[str, str]:
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "-+"]
    return (
        " ".join(line[2:].strip() for line in changed if line[0] == "-"),
        " ".join(line[2:].strip() for line in changed if line[0] == "+"),
    )


def main() -> int:
    """Say what was found; 1 when something lived that nobody explained."""
    found = list(mutants())
    known = {row[:4] for row in explained()}
    counted = Counter(one.verdict for one in found)
    living = [one for one in found if one.verdict in ("lived", "untested")]
    words = [one for one in living if one.only_changes_words]
    rest = [one for one in living if not one.only_changes_words]
    new = [one for one in rest if one[:4] not in known]
    sys.stdout.write(
        f"{len(found)} mutants: {counted['killed']} killed, {counted['timeout']} timed out,"
        f" {len(words)} that only change words, {len(rest) - len(new)} explained,"
        f" {len(new)} not explained\n"
    )
    for one in new:
        sys.stdout.write(f"\n{one.file} {one.function}\n  - {one.was}\n  + {one.becomes}\n")
    return 1 if new else 0


if __name__ == "__main__":
    raise SystemExit(main())
