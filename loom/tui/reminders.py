"""What is to be asked again: the profiles whose 24 words were never checked."""

from pathlib import Path
from typing import Final

from loom.durable import replace_durably
from loom.errors import StoreUnavailable

FILE: Final = "words-to-check"


def words_to_check(folder: Path) -> list[str]:
    """The profiles that put the check off."""
    try:
        return (folder / FILE).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return []


def remember_words(folder: Path, profile: str, *, checked: bool) -> None:
    """Note that a profile's words were checked, or not yet.

    Raises:
        StoreUnavailable: the file cannot be written.
    """
    before = words_to_check(folder)
    if (profile in before) != checked:
        return
    after = [one for one in before if one != profile] + ([] if checked else [profile])
    file = folder / FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_durably(file, "\n".join([*after, ""]).encode())
    except OSError as error:
        raise StoreUnavailable(what=str(file)) from error
