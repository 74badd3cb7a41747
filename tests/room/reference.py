"""What holds in a room, written from the words of PROTOCOL 14.4 alone, with no thought of speed.

Everything is looked up again, in the list of what the officers so far have said.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from loom.core.room.statement import (
    Admit,
    Appoint,
    Ban,
    DeletePosts,
    Leave,
    Remove,
    SetChannel,
    SetName,
    SetPin,
    SetPolicy,
    SignedStatement,
)


class Act(NamedTuple):
    """A statement that counts, who said it, and how much an appointment gives at most."""

    rank: tuple[int, ...]
    who: bytes
    one: SignedStatement
    most: int

    @property
    def body(self) -> Any:
        return self.one.body


def subjects(body: Any) -> list[tuple[Any, ...]]:
    """What a body speaks of."""
    match body:
        case Remove() | Admit() | Appoint():
            return [(type(body), body.author)]
        case Ban():
            return [(Ban, body.peer_id)]
        case SetName() | SetPolicy():
            return [(type(body),)]
        case SetChannel():
            return [(SetChannel, body.channel)]
        case SetPin():
            return [(SetPin, body.post_id)]
        case DeletePosts():
            return [(DeletePosts, post_id) for post_id in body.post_ids]
    return []


def reference(room_id: bytes, statements: Iterable[SignedStatement]) -> dict[str, Any]:
    """What `told` makes of a RoomState."""
    every = {one.id: one for one in statements if one.room_id == room_id}
    if room_id not in every:
        return {}
    start: Any = every[room_id].body
    creator = every[room_id].author
    leaves = {
        who: min(found, key=lambda one: (one.number, one.id))
        for who in {one.author for one in every.values()}
        if (found := [one for one in every.values() if one.author == who and _is_leave(one)])
    }
    seen: list[bytes] = []
    done: list[bytes] = []
    acts: list[Act] = []

    def last(who: bytes, subject: tuple[Any, ...]) -> Act | None:
        spoken = [act for act in acts if act.who == who and subject in subjects(act.body)]
        return max(spoken, key=lambda act: act.one.number, default=None)

    def first(subject: tuple[Any, ...], until: int = 10**9) -> Act | None:
        found = (last(who, subject) for who in seen[:until])
        return next((act for act in found if act is not None), None)

    def removal(who: bytes) -> Act | None:
        """By an officer that came before `who` was processed."""
        place = seen.index(who) if who in seen else len(seen)
        return first((Remove, who), place)

    def capabilities(who: bytes) -> int:
        act = first((Appoint, who))
        return 255 if who == creator or act is None else act.body.capabilities & act.most

    def rank(who: bytes) -> tuple[int, ...]:
        act = first((Appoint, who))
        if who == creator or act is None:
            return ()
        same = [each for each in acts if each.who == act.who]
        spoken = [each for each in same if (Appoint, who) in subjects(each.body)]
        return (*act.rank, min(each.one.number for each in spoken))

    def by_rank(authors: Iterable[bytes]) -> list[bytes]:
        return sorted(authors, key=lambda who: (len(rank(who)), rank(who)))

    def appointed() -> list[bytes]:
        named = {act.body.author for act in acts if isinstance(act.body, Appoint)}
        return by_rank(named | {creator})

    while len(done) < 64:
        waiting = [who for who in appointed() if who not in seen]
        if not waiting:
            break
        who = waiting[0]
        judged, made = removal(who), first((Appoint, who))
        holder = judged or made
        keep = {each.statement_id: each.capabilities for each in holder.body.keep} if holder else {}
        own, keeper = capabilities(who), capabilities(holder.who) if holder else 0
        new = []
        for number in range(512):
            same = [one for one in every.values() if (one.author, one.number) == (who, number)]
            named = [one for one in same if one.id in keep]
            if not same:
                continue
            one = min(named or same, key=lambda each: each.id)
            needs = int(one.body.needs)
            is_over = judged is not None or (who in leaves and number >= leaves[who].number)
            since = made.body.since if made else 0
            if one.id in keep and (own | keeper) & needs == needs:
                new.append(Act(rank(who), who, one, (own | keeper) & keep[one.id]))
            elif not is_over and number >= since and own & needs == needs:
                new.append(Act(rank(who), who, one, own))
        if judged is None or keep:
            done.append(who)
        seen.append(who)
        acts += new

    fallen = {act.body.author for act in acts if isinstance(act.body, Remove)}
    removed = {who: act for who in fallen if (act := removal(who)) is not None}
    said = {subject for act in acts for subject in subjects(act.body)}
    value = {subject: act for subject in said if (act := first(subject)) is not None}
    banned = {what[1]: act for what, act in value.items() if what[0] is Ban and act.body.on}
    admits: dict[bytes, Act] = {}
    for at, officer in enumerate(seen):
        own_acts = [act for act in acts if act.who == officer and isinstance(act.body, Admit)]
        for act in sorted(own_acts, key=lambda each: each.one.number):
            who = act.body.author
            latest = last(officer, (Admit, who))
            assert latest is not None
            ban = first((Ban, latest.body.token[0]), at + 1)
            if who not in admits and not (ban is not None and ban.body.on):
                admits[who] = latest
    members = [
        who
        for who in (*appointed(), *(one for one in admits if one not in appointed()))
        if (who == creator or who in admits) and who not in removed and who not in leaves
    ]
    policy = value[SetPolicy,].body if (SetPolicy,) in value else start
    return {
        "name": value[SetName,].body.name if (SetName,) in value else start.name,
        "policy": (policy.history, policy.retention_s),
        "channels": {"general"}
        | {what[1] for what, act in value.items() if what[0] is SetChannel and act.body.on},
        "members": [(who, capabilities(who) if who in done else 0) for who in members[:128]],
        "admitted": {
            who: act.who for who, act in admits.items() if who in members[:128] and who != creator
        },
        "officers": {who: (rank(who), capabilities(who)) for who in seen},
        "in office": {who for who in seen if who not in removed and who not in leaves},
        "removed": {who: act.one.id for who, act in removed.items()},
        "left": {who: _posts(one.body) for who, one in leaves.items()},
        "banned": {peer_id: act.one.id for peer_id, act in banned.items()},
        "pins": {what[1] for what, act in value.items() if what[0] is SetPin and act.body.on},
        "deleted": {
            what[1] for what, act in value.items() if what[0] is DeletePosts and act.body.on
        },
        "counting": {act.one.id for act in acts},
    }


def _is_leave(one: SignedStatement) -> bool:
    return isinstance(one.body, Leave)


def _posts(body: Any) -> int:
    return int(body.posts)
