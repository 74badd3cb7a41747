"""A reason stands inside a sentence, which has its own full stop."""

import ast
from collections.abc import Iterator
from pathlib import Path

LOOM = Path(__file__).resolve().parents[2] / "loom"


def reasons() -> Iterator[tuple[str, str]]:
    """Where each error gets its reason, and the text as far as it is written in the source."""
    for path in sorted(LOOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "reason":
                for text in ast.walk(node.value):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield f"{path.relative_to(LOOM)}:{text.lineno}", text.value


def test_no_reason_ends_like_a_sentence() -> None:
    found = list(reasons())
    assert len(found) > 10
    assert [place for place, text in found if text.rstrip().endswith((".", "?", "!"))] == []
