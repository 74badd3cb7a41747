"""A class of many methods says why it is not two."""

import ast
from collections.abc import Iterator
from pathlib import Path

LOOM = Path(__file__).resolve().parents[2] / "loom"
MANY = 15


def large_classes() -> Iterator[tuple[str, str]]:
    """Classes with more public methods than `MANY`, and their docstrings."""
    for path in sorted(LOOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            methods = [
                one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            if len([one for one in methods if not one.name.startswith("_")]) > MANY:
                yield f"{path.relative_to(LOOM)}: {node.name}", ast.get_docstring(node) or ""


def test_a_class_of_many_methods_says_why() -> None:
    found = list(large_classes())
    assert found
    assert [place for place, words in found if "Many methods, because " not in words] == []
