"""One HTML page: no script, nothing loaded from anywhere, everything from others escaped."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Final

from loom.front.export import facts
from loom.front.export.facts import Said
from loom.printable import printable

_STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1f; --dim: #5c5c66; --mine: #e4eefc;
    --theirs: #f1f1f4; }
@media (prefers-color-scheme: dark) {
    :root { --paper: #16161a; --ink: #ececf1; --dim: #a3a3ad; --mine: #1f3350; --theirs: #27272d; }
}
body { background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
    margin: 0 auto; max-width: 46rem; padding: 1rem; }
h1 { font-size: 1.4rem; }
h2 { color: var(--dim); font-size: 1rem; margin: 2rem 0 .5rem; text-align: center; }
article { background: var(--theirs); border-radius: .6rem; margin: .4rem 3rem .4rem 0;
    padding: .4rem .8rem; }
article.out { background: var(--mine); margin: .4rem 0 .4rem 3rem; }
article:target { outline: 2px solid var(--dim); }
header, footer, blockquote { color: var(--dim); font-size: .85rem; }
blockquote { border-left: 3px solid var(--dim); margin: .2rem 0; padding-left: .6rem; }
blockquote a { color: inherit; }
p { margin: .1rem 0; overflow-wrap: anywhere; white-space: pre-wrap; }
"""
_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
)
TAIL: Final = "</body>\n</html>\n"


def head(title: str, written_at: str) -> str:
    """Up to the first message."""
    title = escape(printable(title))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1 dir="auto">{title}</h1>
<p>{escape(facts.NOTICE.format(written_at))}</p>
"""


def day(day: str) -> str:
    """Before the first message of a day."""
    return f"<h2>{escape(day)}</h2>\n"


def message(view: Said) -> str:
    """One message or post; its place is named by author and id, for those that answer it."""
    side = "out" if facts.is_own(view) else "in"
    who = f"{facts.clock(view)} {facts.author(view)}"
    lines = [
        f'<article class="{side}" id="{facts.place(view)}">',
        f'<header dir="auto">{escape(who)}</header>',
    ]
    if (quote := facts.quote(view)) is not None:
        lines.append(f'<blockquote dir="auto">{_quoted(view, quote)}</blockquote>')
    lines.append(f'<p dir="auto">{escape(facts.body(view))}</p>')
    if remarks := facts.remarks(view):
        lines.append(f'<footer dir="auto">{escape(", ".join(remarks))}</footer>')
    return "\n".join([*lines, "</article>", ""])


def _quoted(view: Said, quote: str) -> str:
    place = facts.quoted_place(view)
    return escape(quote) if place is None else f'<a href="#{place}">{escape(quote)}</a>'
