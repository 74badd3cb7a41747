"""Paths of files on this machine, as they are typed, pasted and dropped, and how they complete."""

import os
import re
import shlex
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from loom.printable import printable
from loom.tui.commands import Completion

PATHS_MAX: Final = 32
"""So many files are attached at once."""
PASTED_MAX: Final = 16_384
"""Characters; a longer paste is no list of paths."""
_SEEN_MAX: Final = 4_096
"""Entries of a folder that are looked at."""
_OFFERED_MAX: Final = 64
_TYPED: Final = re.compile(r"/attach\s+")
_SPECIAL: Final = re.compile(r"([\s'\"\\])")


def typed_paths(argument: str) -> list[Path]:
    """The paths behind `/attach`: quoted or escaped as in a shell, `~` is one's own folder.

    Raises:
        ValueError: a quote is not closed.
    """
    return [_expanded(one) for one in shlex.split(argument)]


def pasted_paths(text: str) -> list[Path]:
    """The files that a paste names and nothing else; none: it is a text.

    Terminals paste what is dropped on them as a quoted or escaped path or as a file:// URL, several
    in one line or one a line. Only what is there, and is named in full, counts.
    """
    if len(text) > PASTED_MAX:
        return []
    found: list[Path] = []
    for line in text.split("\n"):
        try:
            words = _words_of(line.strip())
        except ValueError:
            return []
        if any(not _is_full(one) for one in words) or len(found) + len(words) > PATHS_MAX:
            return []
        found += [_local(one) for one in words]
    return found if found and all(map(_is_sendable, found)) else []


def complete_path(text: str, cursor: int) -> list[Completion]:
    """Ways to complete the path before the cursor, behind `/attach`."""
    typed = text[:cursor]
    begun = _TYPED.match(typed)
    if begun is None or "\n" in typed:
        return []
    start = begun.end() + _last_word(typed[begun.end() :])
    word = typed[start:]
    try:
        [plain] = shlex.split(word) if word else [""]
    except ValueError:
        plain = word.lstrip("'\"")
    folder, _, beginning = plain.rpartition("/")
    head = f"{folder}/" if "/" in plain else ""
    names = _names_in(_expanded(head or "."), beginning)
    ways = []
    for name, is_folder in islice(names, _OFFERED_MAX):
        whole = _escaped(head + name) + ("/" if is_folder else " ")
        ways.append(Completion(start, whole, printable(name), "folder" if is_folder else ""))
    return ways


def _names_in(folder: Path, beginning: str) -> Iterator[tuple[str, bool]]:
    """The files and folders whose names begin so: folders first, and whether it is one."""
    try:
        with os.scandir(folder) as entries:
            seen = [one for one in islice(entries, _SEEN_MAX) if one.name.startswith(beginning)]
    except (OSError, ValueError):
        return
    shown = [one for one in seen if beginning.startswith(".") or not one.name.startswith(".")]
    known: list[tuple[str, bool]] = []
    for one in shown:
        try:
            is_folder = one.is_dir()
            if is_folder or one.is_file():
                known.append((one.name, is_folder))
        except OSError:
            continue
    for name, is_folder in sorted(known, key=lambda one: (not one[1], one[0].casefold(), one[0])):
        yield name, is_folder


def _last_word(text: str) -> int:
    """Where the last word begins, quotes and escapes counted."""
    start, quote, at = 0, "", 0
    while at < len(text):
        one = text[at]
        if one == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if one == quote else quote
        elif one in "'\"":
            quote = one
        elif one.isspace():
            start = at + 1
        at += 1
    return start


def _escaped(path: str) -> str:
    return _SPECIAL.sub(r"\\\1", path)


def _words_of(line: str) -> list[str]:
    """The paths of one pasted line; one that is there as it stands needs no quotes."""
    if _is_full(line) and not line.startswith("file://") and _is_sendable(_expanded(line)):
        return [line]
    return shlex.split(line)


def _is_full(word: str) -> bool:
    return word.startswith(("/", "~/", "file://"))


def _local(word: str) -> Path:
    """The file that a word names; a URL of another machine names none."""
    if not word.startswith("file://"):
        return _expanded(word)
    try:
        parts = urlsplit(word)
    except ValueError:
        return Path()
    if parts.netloc not in ("", "localhost", os.uname().nodename):
        return Path()
    return Path(unquote(parts.path))


def _expanded(word: str) -> Path:
    path = Path(word)
    try:
        return path.expanduser()
    except RuntimeError:  # nobody's home
        return path


def _is_sendable(path: Path) -> bool:
    """Whether it is a file or a folder that is there; no device, no pipe."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return path.is_absolute() and (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
