"""A file in words: how large, of what kind, how far it got, and why it did not."""

from typing import Final

from loom.api.file_views import FileView
from loom.front.sentences import of_warning
from loom.media.kinds import is_voice
from loom.printable import printable

_KINDS: Final = {
    "image": "picture",
    "audio": "sound",
    "video": "video",
    "text": "text",
}
FOLDER: Final = "folder"
VOICE: Final = "voice note"
_REASONS: Final = {
    "file_changed": "the sender's file changed",
    "file_unreadable": "the sender cannot read it any more",
    "file_differs": "what came is not what was offered",
    "file_withdrawn": "the sender no longer offers it",
    "unasked_full": "enough of theirs is here already",
    "files_full": "no room left for files; /files frees some",
    "disk_full": "no room on the disk",
}
"""Shorter than the sentence of the error, where one was found."""
MOVES: Final = ("accepted", "receiving", "paused")
"""States from which content comes, perhaps not now."""
ENDED: Final = ("done", "declined", "cancelled", "failed")


def can_take(file: FileView) -> bool:
    """Whether it is offered; in a room one may change one's mind at any time."""
    if file.direction == "out" or file.is_here:
        return False
    again = ("done", "declined", "cancelled", "failed") if file.room else ()
    return file.state in ("offered", *again)


def size_words(size_bytes: int) -> str:
    """45 bytes, 2.1 MB: in units of a thousand, as file managers say it."""
    size = float(size_bytes)
    if size_bytes == 1:
        return "1 byte"
    if size_bytes < 1_000:
        return f"{size_bytes} bytes"
    for unit in ("kB", "MB", "GB"):
        size /= 1_000
        if size < 999.5 or unit == "GB":
            return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"
    raise AssertionError


def kind_words(file: FileView) -> str:
    """What kind of file it claims to be, in a word; its content was not looked at."""
    if file.media_type.endswith("loom-folder"):
        return FOLDER
    if is_voice(file.media_type):
        return VOICE
    if file.is_executable:
        return "program"
    family = file.media_type.partition("/")[0]
    return _KINDS.get(family) or _of_its_ending(file.name)


def _of_its_ending(name: str) -> str:
    ending = name.rpartition(".")[2] if "." in name.strip(".") else ""
    is_one = 1 <= len(ending) <= 5 and ending.isascii() and ending.isalnum()
    return f"{ending.upper()} file" if is_one else "file"


def short_name(name: str, length: int, ellipsis: str) -> str:
    """At most so many characters: a name's beginning, and its ending, which says what it is."""
    name = printable(name)
    if len(name) <= length:
        return name
    tail = name[-min(max(length // 3, 1), 12) :]
    return f"{name[: max(length - len(tail) - len(ellipsis), 0)]}{ellipsis}{tail}"


def percent(file: FileView) -> int:
    """How much of it came; 100 only when all did."""
    return min(file.received_bytes * 100 // file.size_bytes, 100) if file.size_bytes else 100


def rate_words(rate_bytes_per_s: int) -> str:
    """How fast it moves; "": not known."""
    return f"{size_words(rate_bytes_per_s)}/s" if rate_bytes_per_s > 0 else ""


def left_words(file: FileView, rate_bytes_per_s: int) -> str:
    """How long it still takes at this rate; "": not known."""
    left = file.size_bytes - file.received_bytes
    if rate_bytes_per_s <= 0 or left <= 0:
        return ""
    seconds = -(-left // rate_bytes_per_s)
    if seconds < 3_600:
        return f"{seconds // 60}:{seconds % 60:02} left"
    return f"{seconds // 3_600} h {seconds % 3_600 // 60} min left" if seconds < 360_000 else ""


def way_words(file: FileView) -> str:
    """How its content comes, or came."""
    return {"direct": "direct", "anchor": "by anchor"}.get(file.way, "")


def _served_words(members: int) -> str:
    """Of one's own file in a room: who was given it; others may have it from other members."""
    if not members:
        return "offered to the room"
    return f"offered to the room; {'1 member' if members == 1 else f'{members} members'} fetched it"


def reason_words(code: str) -> str:
    """Why a file failed or waits, within a sentence."""
    if code in _REASONS:
        return _REASONS[code]
    sentence = of_warning(code, {}).rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def news_words(file: FileView) -> str:
    """What is new of a file that just got into its state, as a sentence; "": nothing to tell."""
    own, name, who = (
        file.direction == "out",
        short_name(file.name, 40, "…"),
        printable(file.contact),
    )
    match file.state:
        case "done" if own:
            return f"{who} has {name}."
        case "done":
            return f"{name} from {who} is here."
        case "declined" if own:
            return f"{who} declined {name}."
        case "failed":
            return f"{name} failed: {reason_words(file.why)}." if file.why else f"{name} failed."
    return ""


def brief_words(file: FileView) -> str:
    """How far it got, in a word or two."""
    if file.state in ("receiving", "paused"):
        return f"{file.state} {percent(file)}%"
    if file.state == "accepted" and file.direction == "out" and file.received_bytes:
        return f"paused {percent(file)}%"
    if file.state == "done" and file.direction == "in":
        return "here" if file.is_here else "removed"
    return printable(file.state)


def state_words(file: FileView, *, take_key: str = "", go_on_key: str = "") -> str:
    """How far it got, on one line without a full stop.

    Args:
        take_key: the key that takes an offer and opens what is here; "": there is none.
        go_on_key: the key that goes on with a paused one.
    """
    own, name = file.direction == "out", printable(file.contact)
    match file.state:
        case "offered" if own and file.room:
            return _served_words(file.served_to)
        case "offered" if own:
            return "offered"
        case "offered":
            why = f", not taken by itself: {reason_words(file.why)}" if file.why else ""
            return f"offered{why}; {take_key} takes it" if take_key else f"offered{why}"
        case "accepted" if own and file.received_bytes:
            return f"paused at {percent(file)}%: {name} asks for no more now"
        case "accepted" if own:
            return f"{name} takes it; waiting for a connection"
        case "accepted" if file.room:
            return f"accepted; waiting for {name} or another member"
        case "accepted":
            return f"accepted; waiting for {name}"
        case "receiving":
            return f"{'sending' if own else 'receiving'} {percent(file)}%"
        case "paused" if own and file.room:
            return "paused: nobody can fetch it"
        case "paused":
            why = f": {reason_words(file.why)}" if file.why else ""
            key = f"; {go_on_key} goes on" if go_on_key else ""
            return f"paused at {percent(file)}%{why}{key}"
        case "done" if own:
            return f"{name} has it"
        case "done" if file.is_here:
            return f"here; {take_key} opens it" if take_key else "here"
        case "done":
            return "removed from this machine"
        case "declined":
            return f"{name} declined it" if own else "declined"
        case "cancelled":
            return "cancelled"
        case "failed":
            return f"failed: {reason_words(file.why)}" if file.why else "failed"
    return printable(file.state)
