"""What somebody changed in a room, in words."""

from loom.api.events import RoomForked, RoomKeyDiffers, RoomOffered
from loom.api.room_views import PollView, ProposalView, RoomLine, RoomTrouble
from loom.errors import InvalidInput
from loom.front.lasting import lasting_words

_WORDS = {
    "made": "made the room {value}",
    "admitted": "let {whom} in",
    "renewed": "let {whom} in with a new key",
    "replaced": "removed an older key of {whom}",
    "appointed": "gave {whom} a role: {value}",
    "removed": "removed {whom}",
    "kept": "let more of what {whom} did count",
    "banned": "banned the identity {whom}",
    "unbanned": "lifted the ban of the identity {whom}",
    "renamed": "named the room {value}",
    "policy": "changed the rules: {value}",
    "channel": "opened or changed the channel #{value}",
    "no channel": "closed the channel #{value}",
    "pinned": "pinned a post ({value:.8})",
    "unpinned": "took back a pin ({value:.8})",
    "deleted": "deleted {value} posts of others",
    "undeleted": "brought back {value} posts of others",
    "left": "left",
    "continued": "offered to go on in a new room: {value}",
    "forked": "signed two statements under the number {value}: one counts, the same for everybody",
    "other keys": "says other keys than they were admitted with: somebody pretends to be them",
}
_PROPOSED = {
    "admitted": "let {whom} in",
    "renewed": "let {whom} in with a new key",
    "replaced": "remove an older key of {whom}",
    "appointed": "give {whom} the role {value}",
    "removed": "remove {whom}",
    "kept": "let more of what {whom} did count",
    "banned": "ban the identity {whom}",
    "unbanned": "lift the ban of the identity {whom}",
    "renamed": "name the room {value}",
    "policy": "change the rules: {value}",
    "channel": "open or change the channel #{value}",
    "no channel": "close the channel #{value}",
    "pinned": "pin a post",
    "unpinned": "take back a pin",
    "deleted": "delete {value} posts",
    "undeleted": "bring back {value} posts",
    "left": "leave the room for good",
    "made": "make the room {value}",
}
_WHY = {
    "room": "it is about another room",
    "office": "the council is not in office",
    "kind": "no council does that",
    "right": "the council may not do that",
    "number": "its number does not count",
    "proof": "who is to be let in did not ask for it",
    "votes": "too many said no",
}
_OFFERED = " (after they were removed: it does not count unless it is confirmed)"


def line_words(author: str, line: RoomLine) -> str:
    """Who did what; anything in it may be of a stranger."""
    words = _WORDS.get(line.what, line.what)
    numbers = [int(one) for one in line.value.split() if one.removeprefix("-").isdecimal()]
    is_policy = line.what == "policy" and len(numbers) == 2
    value = policy_words(*numbers) if is_policy else line.value
    if line.value == "1":
        words = words.replace("{value} posts", "a post")
    offered = _OFFERED if line.offered else ""
    earlier = " before you joined" if line.earlier else ""
    return f"{author} {words.format(whom=line.whom, value=value)}{earlier}{offered}"


def trouble_words(trouble: RoomTrouble) -> str:
    """What every member should know, in a sentence that says what to do."""
    if trouble.what == "other keys":
        return (
            f"{trouble.whom} says other keys than those they were admitted with. Somebody pretends "
            "to be them, here or where they were let in: compare safety numbers with them."
        )
    if trouble.what == "copied":
        return (
            "This profile is an older copy of itself. Nothing is posted or changed here before a "
            "member has said what you did since: wait until one is connected."
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


def proposal_lines(proposal: ProposalView) -> list[str]:
    """What a council shall do, in words that one signs by, and how the votes stand."""
    line = proposal.change
    whose = f" (id {proposal.subject_id[:16]})" if proposal.subject_id else ""
    words = _PROPOSED.get(line.what, "something that this version does not know")
    value = line.value
    if line.what == "policy":
        value = policy_words(*map(int, value.split()))
    what = words.format(whom=line.whom, value=value)
    fate = []
    if proposal.falls:
        kept, falls = proposal.kept, proposal.falls
        fate = [f"of what they changed {kept} stays and {falls} does not count any more"]
    votes = ", ".join(f"{one.author}: {one.vote}" for one in proposal.votes)
    said = f" ({votes})" if votes else ""
    return [f"{proposal.council} shall {what}{whose}", *fate, f"{_state_words(proposal)}{said}"]


def _state_words(proposal: ProposalView) -> str:
    if proposal.state == "open":
        missing = proposal.missing
        more = f"{missing} more must say yes" if missing else "enough agree: it is being done"
        return f"open: {more} of {proposal.voters}"
    if proposal.state == "overtaken":
        return "overtaken: the council did something else under its number; propose it again"
    why = _WHY.get(proposal.why, "")
    return f"{proposal.state}: {why}" if why else proposal.state


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
    lasts = f"for {lasting_words(retention_s)}" if retention_s else "for ever"
    return f"who joins is sent {past}; posts last {lasts}"
