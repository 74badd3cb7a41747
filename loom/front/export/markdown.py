"""Markdown (CommonMark): what somebody wrote is shown letter by letter, never formatted."""

import re
from typing import Final

from loom.front.export import facts
from loom.front.export.facts import Said
from loom.printable import printable

# Escaped (CommonMark 0.31, section 2.4), so that no text is a link, an image, HTML, a heading, a
# list, a table, mathematics or a character reference.
_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>&~=$])")


def head(title: str, written_at: str) -> str:
    """The title."""
    notice = _escaped(facts.NOTICE.format(written_at))
    return f"# {_escaped(printable(title))}\n\n{notice}\n"


def day(day: str) -> str:
    """Before the first message of a day."""
    return f"\n## {_escaped(day)}\n"


def message(view: Said) -> str:
    """One message or post."""
    parts = [f"**{_escaped(f'{facts.clock(view)} {facts.author(view)}')}**"]
    if (quote := facts.quote(view)) is not None:
        parts.append(f"> {_escaped(quote)}")
    parts.append("\\\n".join(map(_line, facts.body(view).split("\n"))))
    if remarks := facts.remarks(view):
        parts.append(f"*{_escaped(', '.join(remarks))}*")
    return "".join(f"\n{part}\n" for part in parts)


def _line(line: str) -> str:
    """A line of a paragraph; an empty one, or spaces at its beginning, would end or indent it."""
    said = line.lstrip(" ")
    indent = len(line) - len(said)
    return "&nbsp;" * (indent if said else 1) + _escaped(said.rstrip(" "))


def _escaped(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", text)
