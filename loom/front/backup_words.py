"""A backup in words: what is in it, what it lost, which ones are made daily."""

from typing import Final

from loom.api.backup_views import BackupView, LostFile, LostRows, ScheduleView
from loom.front.file_words import size_words
from loom.front.moments import when

DAY_MS: Final = 86_400_000
OLD_MS: Final = 366 * DAY_MS
USE: Final = (
    "Use the profile here only from now on, and close it where it ran before. What contacts had "
    "you delete since the backup is back; sessions begin again."
)
"""After one was restored."""


def contents_words(view: BackupView) -> str:
    """Whose it is, of when, and how much is in it: no full stop."""
    there = [count_words(view.contacts, "contact"), count_words(view.rooms, "room")]
    if not view.contacts_only:
        there += [count_words(view.messages, "message"), count_words(view.posts, "post")]
    if view.files:
        there.append(count_words(view.files, "file"))
    return f"{view.name}, of {when(view.made_at_ms)}, with {', '.join(there)}"


def lost_words(lost: LostRows) -> str:
    """How many of what are lost, and of when: no full stop."""
    after = "" if lost.after_ms is None else f" after {when(lost.after_ms)}"
    until = "" if lost.until_ms is None else f" until {when(lost.until_ms)}"
    is_ = "is" if lost.count == 1 else "are"
    return f"{count_words(lost.count, lost.what.removesuffix('s'))} {is_} lost{after}{until}"


def damage_lines(lost: list[LostRows], files: list[LostFile]) -> list[str]:
    """What a damaged backup lacks, a sentence each."""
    of_files = (f"the content of {one.name} ({size_words(one.size_bytes)})" for one in files)
    return [f"Damaged: {one}." for one in (*map(lost_words, lost), *of_files)]


def opener_words(view: BackupView) -> str:
    """What opens it."""
    return "the 24 words" if view.opens_with == "phrase" else "its own passphrase"


def count_words(number: int, what: str) -> str:
    """1 contact, 2 contacts."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def clock_words(made_at_ms: int, now_ms: int) -> str:
    """What to look at before the profile is used, if this machine's clock looks wrong; else ""."""
    if now_ms < made_at_ms - DAY_MS:
        return (
            f"This machine's clock says {when(now_ms)}, which is before the backup was made: set "
            "it first. With a wrong clock no contact is reached."
        )
    if now_ms > made_at_ms + OLD_MS:
        return (
            f"This machine's clock says {when(now_ms)}: the backup is more than a year old. If "
            "that is not so, set the clock first. With a wrong clock no contact is reached."
        )
    return ""


def schedule_words(view: ScheduleView) -> str:
    """Which ones are made daily, and when the last one was made, in sentences."""
    last = "There is no backup yet." if view.last_ms is None else f"Last {when(view.last_ms)}."
    if not view.folder:
        return f"No daily backups. {last}"
    failed = f" The last one failed: {view.failed}." if view.failed else ""
    way = "the 24 words open them" if view.opens_with == "phrase" else "their passphrase opens them"
    files = ", with the contents of files" if view.with_files else ""
    return f"Daily into {view.folder}{files}, the newest {view.keep} stay; {way}. {last}{failed}"
