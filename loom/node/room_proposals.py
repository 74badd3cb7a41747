"""What is proposed to a council of a room, who said what to it, and what has become of it."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from loom.api.room_views import ProposalView, VoteView
from loom.core.room.council import Obstacle, Standing, council_of, outcome
from loom.core.room.post import ProposalContent, VoteContent
from loom.core.room.statement import (
    Admit,
    Appoint,
    Ban,
    DeletePosts,
    Genesis,
    Leave,
    Remove,
    SetPin,
    SignedStatement,
    decode_head,
)
from loom.node.room_lines import line_of
from loom.node.room_states import RoomNow, name_of
from loom.storage.room_posts import RoomPost

YES: Final = "yes"
NO: Final = "no"
WRONG: Final = "wrong"
"""What the body of a stored vote is, once it was verified with its proposal."""


def proposal_view(
    now: RoomNow, proposal: ProposalContent, about: Iterable[RoomPost]
) -> ProposalView:
    """As it stands. `about`: what was posted about it."""
    head = decode_head(proposal.head)
    said = votes_of(about)
    found = council_of(now.held.ledger, head.author)
    authors = () if found is None else found[1].authors
    threshold = 0 if found is None else found[1].threshold
    said = {who: vote for who, vote in said.items() if found is None or who in authors}
    yes = {who for who, vote in said.items() if vote == YES}
    end = outcome(now.row.room_id, now.held.ledger, head, yes, said.keys() - yes)
    own_vote = said.get(now.own, "")
    may_vote = []
    is_open = end.standing is Standing.OPEN or end.obstacle is Obstacle.VOTES
    if is_open and now.is_member and now.own in authors:
        may_vote = {"": [YES, NO], NO: [YES], YES: []}[own_vote]
    kept, falls = _kept(now, head)
    return ProposalView(
        council=name_of(now, head.author),
        council_id=head.author.hex(),
        number=head.number,
        change=line_of(now, now, head),
        subject_id=_subject(head),
        kept=kept,
        falls=falls,
        threshold=threshold,
        voters=len(authors),
        votes=[
            VoteView(author=name_of(now, who), author_id=who.hex(), vote=vote)
            for who, vote in said.items()
        ],
        missing=max(0, threshold - len(yes)) if end.standing is Standing.OPEN else 0,
        state=end.standing.value,
        why=end.obstacle.value,
        own_vote=own_vote,
        may_vote=may_vote,
    )


def votes_of(about: Iterable[RoomPost]) -> dict[bytes, str]:
    """Yes or no of each author, in the order of their posts; who said yes cannot take it back."""
    said: dict[bytes, str] = {}
    for one in about:
        if one.kind != VoteContent.kind or one.is_gone or one.body not in (YES, NO):
            continue
        if said.get(one.author) != YES:
            said[one.author] = one.body
    return said


class _Fate(NamedTuple):
    """How many earlier statements of an officer stay, and how many do not."""

    kept: int = 0
    falls: int = 0


def _kept(now: RoomNow, head: SignedStatement) -> _Fate:
    body = head.body
    if not isinstance(body, Remove | Appoint):
        return _Fate()
    since = body.since if isinstance(body, Appoint) else None
    named = {one.statement_id for one in body.keep}
    counting = [
        one
        for one in now.held.ledger.under(body.author)
        if one.id in now.state.counting and not isinstance(one.body, Genesis | Leave)
    ]
    stays = [
        one for one in counting if one.id in named or (since is not None and one.number >= since)
    ]
    return _Fate(len(stays), len(counting) - len(stays))


def _subject(head: SignedStatement) -> str:
    match head.body:
        case Admit() | Appoint() | Remove():
            return head.body.author.hex()
        case Ban(peer_id=peer_id):
            return peer_id.hex()
        case SetPin(post_id=post_id):
            return post_id.hex()
        case DeletePosts(post_ids=post_ids):
            return post_ids[0].hex()
    return ""
