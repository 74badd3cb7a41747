"""The roles of what stands in a block of code, as far as its language is known here."""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from time import thread_time
from typing import Final, NamedTuple, Protocol

CODE_MAX: Final = 16 * 1024
LINE_MAX: Final = 500
TOKENS_MAX: Final = 4_000
BUDGET_S: Final = 0.03
"""Beyond these, in characters, tokens and time of the processor, the rest of the code has one
colour: its sender chose what it costs."""

_LEXERS: Final = {
    "bash": ("shell", "BashLexer"),
    "c": ("c_cpp", "CLexer"),
    "cpp": ("c_cpp", "CppLexer"),
    "css": ("css", "CssLexer"),
    "diff": ("diff", "DiffLexer"),
    "go": ("go", "GoLexer"),
    "html": ("html", "HtmlLexer"),
    "ini": ("configs", "IniLexer"),
    "java": ("jvm", "JavaLexer"),
    "javascript": ("javascript", "JavascriptLexer"),
    "json": ("data", "JsonLexer"),
    "python": ("python", "PythonLexer"),
    "rust": ("rust", "RustLexer"),
    "sql": ("sql", "SqlLexer"),
    "toml": ("configs", "TOMLLexer"),
    "typescript": ("javascript", "TypeScriptLexer"),
    "yaml": ("data", "YamlLexer"),
}
_ALSO: Final = {
    "c++": "cpp",
    "cfg": "ini",
    "golang": "go",
    "js": "javascript",
    "patch": "diff",
    "py": "python",
    "python3": "python",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
    "xml": "html",
    "yml": "yaml",
    "zsh": "bash",
}
_ROLES: Final = (
    ("Comment", "code_comment"),
    ("Literal.String", "code_string"),
    ("Literal.Number", "code_number"),
    ("Keyword", "code_keyword"),
    ("Operator.Word", "code_keyword"),
    ("Name.Tag", "code_keyword"),
    ("Name.Function", "code_name"),
    ("Name.Class", "code_name"),
    ("Name.Attribute", "code_name"),
    ("Generic.Inserted", "code_string"),
    ("Generic.Deleted", "code_keyword"),
    ("Generic.Heading", "code_comment"),
    ("Generic.Subheading", "code_comment"),
)


class _Lexer(Protocol):
    def get_tokens_unprocessed(self, text: str) -> Iterable[tuple[int, object, str]]: ...


_lexers: dict[str, _Lexer] = {}


class Span(NamedTuple):
    """From `start` to `end` a text has this role."""

    start: int
    end: int
    role: str


def highlighted(code: str, language: str) -> Iterator[Span]:
    """What differs from plain code; nothing for an unknown language or too much code."""
    name = language.lower()
    name = _ALSO.get(name, name)
    is_long = len(code) > CODE_MAX or any(len(line) > LINE_MAX for line in code.split("\n"))
    if name not in _LEXERS or is_long:
        return
    if name not in _lexers:  # pygments is imported when something needs it
        module, class_ = _LEXERS[name]
        _lexers[name] = getattr(import_module(f"pygments.lexers.{module}"), class_)()
    until_s = 0.0
    for number, (start, kind, value) in enumerate(_lexers[name].get_tokens_unprocessed(code)):
        # The first one compiles what the language needs.
        until_s = until_s or thread_time() + BUDGET_S
        if number == TOKENS_MAX or thread_time() > until_s:
            return
        if (role := _role(str(kind))) and value.strip():
            yield Span(start, start + len(value), role)


@cache
def _role(kind: str) -> str:
    name = kind.removeprefix("Token.")
    return next((role for prefix, role in _ROLES if name.startswith(prefix)), "")
