"""Plain text: what somebody wrote is indented more than all else, so it passes for nothing else."""

from loom.front.export import facts
from loom.front.export.facts import Said
from loom.printable import printable


def head(title: str, written_at: str) -> str:
    """The first lines."""
    notice = facts.NOTICE.format(written_at)
    return f"{printable(title)}\n{notice}\n"


def day(day: str) -> str:
    """Before the first message of a day."""
    return f"\n{day}\n"


def message(view: Said) -> str:
    """One message or post."""
    lines = [] if (quote := facts.quote(view)) is None else [f"  > {quote}"]
    indent = "    " if facts.is_said(view) else "  "
    lines += [f"{indent}{line}" for line in facts.body(view).split("\n")]
    if remarks := facts.remarks(view):
        lines.append(f"  [{', '.join(remarks)}]")
    rows = "".join(line.rstrip() + "\n" for line in lines)
    return f"\n{facts.clock(view)}  {facts.author(view)}:\n{rows}"
