"""Private names of libraries that Loom uses: each is listed, and the installed version has it."""

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections import defaultdict
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = re.compile(r"_(?!_|(?:asdict|fields|make|replace)$)\w+")
"""Not those of `namedtuple`, which are private in form only."""

USED = {
    "rich.console.Console": {"_color_system"},
    "textual": {"_compositor", "_xterm_parser"},
    "textual_image": {"_sixel"},
    "textual.app.App": {
        "_batch_count",
        "_close_messages_no_wait",
        "_closed",
        "_disable_notifications",
        "_disable_tooltips",
        "_display",
        "_driver",
        "_exit_renderables",
        "_fatal_error",
        "_running",
        "_sync_available",
    },
    "textual.drivers": {"_byte_stream"},
    "textual.drivers.web_driver.WebDriver": {"_on_meta"},
    "textual.drivers.linux_driver.LinuxDriver": {
        "_app",
        "_debug",
        "_file",
        "_get_terminal_size",
        "_loop",
    },
    "textual.screen.Screen": {
        "_compositor",
        "_compositor_refresh",
        "_dirty_widgets",
        "_on_timer_update",
        "_refresh_layout",
        "_update_timer",
    },
    "textual._xterm_parser.XTermParser": {"_sequence_to_key_events"},
    "typer": {"_click"},
    "typer._click.core.Context": {"_protected_args"},
    "typer.core.TyperArgument": {"_runtime_param"},
    "typer.core.TyperOption": {"_runtime_param"},
}
"""Module or class of the library -> its private names that Loom calls, sets or overrides."""


@cache
def _assigned(owner: type) -> frozenset[str]:
    """What the methods of a class set on `self`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    except (OSError, TypeError):  # written in C
        return frozenset()
    return frozenset(
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and _is_self(node.value)
    )


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _is_library(module: str) -> bool:
    top = module.partition(".")[0]
    return top != "loom" and top not in sys.stdlib_module_names


def _has(owner: object, name: str) -> bool:
    """Whether a library's module, or a class as far as a library wrote it, defines the name."""
    if not isinstance(owner, type):
        return inspect.ismodule(owner) and _importable(owner, name)
    written = [one for one in owner.__mro__ if _is_library(one.__module__)]
    return any(name in vars(one) or name in _assigned(one) for one in written)


def _importable(module: ModuleType, name: str) -> bool:
    try:
        return bool(importlib.import_module(f"{module.__name__}.{name}"))
    except ModuleNotFoundError:
        return hasattr(module, name)


def _named(path: str) -> object:
    """The module or class of that name; None if there is none."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(_named(module), name, None) if module else None


class _Reader(ast.NodeVisitor):
    """Sorts the private names in one module: its own, and libraries' with their lines."""

    def __init__(self, module: str) -> None:
        self.module = importlib.import_module(module)
        self.classes: list[object] = []
        self.own: set[str] = set()
        self.of_libraries: dict[str, int] = {}
        self.of_others: dict[str, int] = {}

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        around = self.classes[-1] if self.classes else self.module
        self._sort(node.name, node.lineno)
        self.classes.append(getattr(around, node.name, None))
        self.generic_visit(node)
        self.classes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._sort(node.name, node.lineno)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._sort(node.id, node.lineno)

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            self._imported(one.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for one in node.names:
            self._imported(f"{node.module}.{one.name}", node.lineno)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and re.fullmatch(r"\w+(\.\w+)+", node.value):
            self._imported(node.value, node.lineno)  # an annotation

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        if _is_self(node.value):
            self._sort(node.attr, node.lineno)
        elif PRIVATE.fullmatch(node.attr) and not self._is_of_stdlib(node.value):
            self.of_others.setdefault(node.attr, node.lineno)

    def _sort(self, name: str, line: int) -> None:
        """A name of this module, or of the class that is read."""
        if not PRIVATE.fullmatch(name):
            return
        if self.classes and _has(self.classes[-1], name):
            self.of_libraries.setdefault(name, line)
        else:
            self.own.add(name)

    def _imported(self, path: str, line: int) -> None:
        if _is_library(path):
            for name in filter(PRIVATE.fullmatch, path.split(".")):
                self.of_libraries.setdefault(name, line)

    def _is_of_stdlib(self, node: ast.AST) -> bool:
        owner = getattr(self.module, node.id, None) if isinstance(node, ast.Name) else None
        return inspect.ismodule(owner) and not _is_library(owner.__name__)

    def found(self) -> dict[str, int]:
        """Libraries' private names: another object's, too, unless this module defines the name."""
        others = {name: line for name, line in self.of_others.items() if name not in self.own}
        return {**others, **self.of_libraries}


def _read(path: Path) -> dict[str, int]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    reader = _Reader(module)
    reader.visit(ast.parse(path.read_text()))
    return reader.found()


def test_every_private_name_that_is_used_is_listed() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "loom").rglob("*.py")):
        for name, line in _read(path).items():
            places[name].append(f"{path.relative_to(ROOT)}:{line}")
    listed = set().union(*USED.values())
    assert {name: at for name, at in places.items() if name not in listed} == {}
    assert listed - set(places) == set(), "no longer used"


def test_a_private_name_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imported, read from another's object, overridden, set, and in an annotation."""
    source = """
        import os
        from textual._compositor import Compositor
        from textual.widget import Widget

        class Mine(Widget):
            __module__ = "loom"
            _own = 1
            def _on_mount(self, event: "textual._three.Four") -> None:
                self._own = self._mine = event._replace(one=2)
                self._size = event._five
                os._exit(self._own)
    """
    (tmp_path / "sample.py").write_text(textwrap.dedent(source))
    monkeypatch.syspath_prepend(tmp_path)
    reader = _Reader("sample")
    reader.visit(ast.parse((tmp_path / "sample.py").read_text()))
    assert set(reader.found()) == {"_compositor", "_on_mount", "_three", "_size", "_five"}


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in USED.items() for name in sorted(names)]
)
def test_the_installed_library_has_it(owner: str, name: str) -> None:
    assert _has(_named(owner), name), f"{owner} has lost {name}: see where Loom uses it"
