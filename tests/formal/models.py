"""The ProVerif models under docs/formal: what each is expected to say, and of which bytes."""

import hashlib
import re
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "formal"
VERDICTS: Final = FOLDER / "verdicts.toml"
README: Final = FOLDER / "README.md"
NO_VERDICT: Final = "no verdict"
KNOWN_VERDICTS: Final = ("true", "false", "cannot be proved", NO_VERDICT)

_TABLE_BEGINS: Final = "<!-- made by `python -m tests.formal --table`; do not edit by hand -->\n"
_TABLE_ENDS: Final = "<!-- end of the table -->\n"
_QUERY: Final = re.compile(r"^(?:query|not)\b", re.MULTILINE)
_COMMENT: Final = re.compile(r"\(\*.*?\*\)", re.DOTALL)
_SUMMARY: Final = re.compile(
    r"^Verification summary:\s*$(.*?)^-{20,}\s*$", re.MULTILINE | re.DOTALL
)
_RESULT: Final = re.compile(r"^RESULT (?!\()(.*?)\.$", re.MULTILINE | re.DOTALL)
_VERDICT: Final = re.compile(r"\bis\s+(true|false)\b|\b(cannot\s+be\s+proved)\b")


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `verdicts.toml`."""

    question: str
    verdicts: tuple[str, ...]
    """One for each query of the file, in its order."""
    bounds: str
    bears_on: str
    obtained_on: str = ""
    """SHA-256 of the file that gave these verdicts; empty if none did yet."""
    not_rerun: str = ""
    """Why the file as it stands has not been run."""


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `verdicts.toml`."""

    proverif: str
    models: dict[str, Model]


def load(text: str | None = None) -> Book:
    """Read `verdicts.toml`."""
    given = VERDICTS.read_text("utf-8") if text is None else text
    return msgspec.convert(tomllib.loads(given), Book)


def path_of(name: str) -> Path:
    """Where a model stands."""
    return FOLDER / f"{name}.pv"


def digest(name: str) -> str:
    """SHA-256 of a model as it stands."""
    return hashlib.sha256(path_of(name).read_bytes()).hexdigest()


def queries(source: str) -> int:
    """How many verdicts a model asks for: one for each query, or one for an equivalence."""
    bare = _COMMENT.sub("", source)
    return len(_QUERY.findall(bare)) or int("choice[" in bare)


def table(book: Book) -> str:
    """The table of the README."""
    lines = ["| Model | Question | Bounds | Expected | Obtained on | What it bears on |"]
    lines.append("|---|---|---|---|---|---|")
    for name, model in book.models.items():
        obtained = f"`{model.obtained_on[:16]}`, ProVerif {book.proverif}"
        if model.not_rerun:
            obtained = f"not rerun: {model.not_rerun}"
        expected = ", ".join(model.verdicts)
        cells = [f"`{name}`", model.question, model.bounds, expected, obtained, model.bears_on]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def with_table(readme: str, book: Book) -> str:
    """The README with the table that belongs into it."""
    before, _, rest = readme.partition(_TABLE_BEGINS)
    _, _, after = rest.partition(_TABLE_ENDS)
    return f"{before}{_TABLE_BEGINS}\n{table(book)}\n{_TABLE_ENDS}{after}"


def verdicts_in(output: str) -> list[str]:
    """What the summary at the end of ProVerif's output says, in order; nothing without one."""
    found = _SUMMARY.search(output)
    if found is None:
        return []
    return _verdicts(re.split(r"\n\s*\n", found[1].strip()))


def verdicts_so_far(output: str) -> list[str]:
    """What ProVerif had decided before it was stopped, in order, without its remarks."""
    return _verdicts(_RESULT.findall(output))


def _verdicts(sentences: Sequence[str]) -> list[str]:
    said = [_VERDICT.findall(sentence) for sentence in sentences]
    return [" ".join((one[-1][0] or one[-1][1]).split()) for one in said if one]


def run(program: Sequence[str], name: str, timeout_s: float) -> list[str]:
    """The verdicts of one model now; `no verdict` for each query not decided in time."""
    try:
        done = subprocess.run(
            [*program, str(path_of(name))],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as stopped:
        so_far = verdicts_so_far((stopped.stdout or b"").decode())
        return so_far + [NO_VERDICT] * (queries(path_of(name).read_text("utf-8")) - len(so_far))
    return verdicts_in(done.stdout)
