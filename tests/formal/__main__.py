"""`python -m tests.formal`: run the ProVerif models and compare the verdicts with the expected."""

import argparse
import shutil
import sys
from collections.abc import Sequence

from tests.formal import models

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """0: as expected, or ProVerif is missing, which is said; 1: some verdict differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.formal", description=__doc__)
    parser.add_argument("models", nargs="*", help="names without .pv; all if none is given")
    parser.add_argument("--timeout-s", type=float, default=600.0, help="for each model")
    parser.add_argument("--proverif", default="proverif", help="the program to run")
    parser.add_argument("--table", action="store_true", help="write the README's table")
    chosen = parser.parse_args(arguments)
    book = models.load()
    if chosen.table:
        written = models.with_table(models.README.read_text("utf-8"), book)
        models.README.write_text(written, "utf-8")
        return 0
    program = shutil.which(chosen.proverif)
    if program is None:
        say("SKIPPED: no model was run, because proverif is not installed.")
        say("It comes with OPAM: `opam install proverif`. Expected verdicts: docs/formal/README.md")
        return 0
    wrong = [
        name
        for name in chosen.models or book.models
        if not as_expected(book, name, models.run([program], name, chosen.timeout_s))
    ]
    say(f"{len(wrong)} not as expected: {', '.join(wrong)}" if wrong else "All as expected.")
    return FAILED if wrong else 0


def as_expected(book: models.Book, name: str, found: list[str]) -> bool:
    """Compare and say."""
    expected = list(book.models[name].verdicts)
    same = found == expected
    what = "as expected" if same else f"EXPECTED {', '.join(expected)}"
    digest = models.digest(name)
    say(f"{name} ({digest[:16]}): {', '.join(found) or 'no summary'}: {what}")
    return same


def say(line: str) -> None:
    """One line at once: a model may take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
