"""What somebody changed in a room, in words."""

from loom.api.events import RoomForked, RoomKeyDiffers, RoomOffered
from loom.api.room_views import PollView, RoomLine, RoomTrouble
from loom.errors import InvalidInput

_WORDS = {
    "made": "made the room {value}",
    "admitted": "let {whom} in",
    "appointed": "gave {whom} a role: {value}",
    "removed": "removed {whom}",
    "kept": "let more of what {whom} did count",
    "banned": "banned the identity {whom}",
    "unbanned": "lifted the ban of the identity {whom}",
    "renamed": "named the room {value}",
    "policy": "changed the rules: {value}",
    "channel": "opened or changed the channel #{value}",
    "no channel": "closed the channel #{value}",
    "pinned": "pinned a post ({value})",
    "unpinned": "took back a pin ({value})",
    "deleted": "deleted {value} posts of others",
    "undeleted": "brought back {value} posts of others",
    "left": "left",
    "forked": "signed two statements under the number {value}: one counts, the same for everybody",
    "other keys": "says other keys than they were admitted with: somebody pretends to be them",
}
_OFFERED = " (after they were removed: it does not count unless it is confirmed)"


def line_words(author: str, line: RoomLine) -> str:
    """Who did what; anything in it may be of a stranger."""
    words = _WORDS.get(line.what, line.what)
    numbers = [int(one) for one in line.value.split() if one.removeprefix("-").isdecimal()]
    is_policy = line.what == "policy" and len(numbers) == 2
    value = policy_words(*numbers) if is_policy else line.value
    offered = _OFFERED if line.offered else ""
    return f"{author} {words.format(whom=line.whom, value=value)}{offered}"


def trouble_words(trouble: RoomTrouble) -> str:
    """What every member should know, in a sentence that says what to do."""
    if trouble.what == "other keys":
        return (
            f"{trouble.whom} says other keys than those they were admitted with. Somebody pretends "
            "to be them, here or where they were let in: compare safety numbers with them."
        )
    both = [
        f"{'this counts: ' if one.counts else ''}{line_words('', one.line).strip()}"
        for one in trouble.statements
    ]
    return (
        f"{trouble.whom} signed two statements under one number ({'; '.join(both)}). One of them "
        "counts, the same for everybody. An honest program does so only after an old copy of its "
        "profile was used: ask them."
    )


def alarm_words(event: RoomForked | RoomKeyDiffers | RoomOffered) -> str:
    """What just became known, and where the app shows all of it."""
    where = f"/room {event.room} shows it."
    match event:
        case RoomForked():
            return f"{event.author} signed two statements under one number: {where}"
        case RoomKeyDiffers():
            return f"{event.contact} says other keys in {event.room}, perhaps an impostor: {where}"
        case RoomOffered():
            return f"{event.author}, who was removed, did something that may be confirmed: {where}"


def poll_lines(poll: PollView) -> list[str]:
    """The options with who chose them, and whether more may be chosen."""
    lines = [
        f"{number}. {one.text}: {one.count}"
        + (f" ({', '.join(one.chosen_by)})" if one.chosen_by else "")
        for number, one in enumerate(poll.options, 1)
    ]
    state = "closed" if poll.closed else "several may be chosen" if poll.many else ""
    return [*lines, *([state] if state else [])]


def parse_history(text: str) -> int:
    """How many earlier posts who joins is sent; -1: all.

    Raises:
        InvalidInput: neither all, none nor a number.
    """
    typed = text.strip().casefold()
    if typed in ("all", "none"):
        return -1 if typed == "all" else 0
    if not (typed.isascii() and typed.isdecimal()):
        raise InvalidInput(what="Write all, none, or how many posts")
    return int(typed)


def policy_words(history: int, retention_s: int) -> str:
    """How much of the past who joins is sent, and how long posts last."""
    past = {-1: "all posts", 0: "no posts"}.get(history, f"the last {history} posts")
    lasts = f"for {retention_s // 3_600} hours" if retention_s else "for ever"
    return f"who joins is sent {past}; posts last {lasts}"
