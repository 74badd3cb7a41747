"""What a front end is shown of rooms."""

import msgspec

from loom.api.view import View


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of a room, and how many posts of others there are unread.

    `restricted`: only officers post there. `may_post`: this profile does.
    """

    channel: str
    unread: int = 0
    topic: str = ""
    restricted: bool = False
    may_post: bool = False
    read_row: int = 0
    """What came after this row is unread."""


class CouncilView(msgspec.Struct, frozen=True, kw_only=True):
    """An officer of a room that acts by votes: `threshold` of its `members` must agree.

    `role` and `rank` as of a member; `own`: one is among them.
    """

    council_id: str
    name: str
    threshold: int
    members: list[str]
    role: str
    rank: str
    own: bool


class RoomView(View, frozen=True, kw_only=True, tag="room"):
    """A room. `number`: of this profile; `room_id` is the same for all its members.

    `standing` is joining (the invite is not answered yet), member, left or removed. `history`: how
    many earlier posts who joins is sent, -1 for all. `retention_s`: after so long posts are
    deleted everywhere; 0: never. `may`: what this profile may do there (invite, remove, delete,
    pin, channels, roles, post, name). `through`: the contact whose invite it used, until it is let
    in. `councils`: those in office.
    """

    room: str
    room_id: str
    number: int
    standing: str
    role: str
    members: int
    channels: list[ChannelView]
    unread: int
    mentions: int
    history: int
    retention_s: int
    muted: bool
    created_at_ms: int
    may: list[str] = []
    through: str | None = None
    last_post_at_ms: int | None = None
    """When the last post in order was sent."""
    councils: list[CouncilView] = []


class Rooms(View, frozen=True, kw_only=True, tag="rooms"):
    """All rooms."""

    rooms: list[RoomView]


class MemberView(View, frozen=True, kw_only=True, tag="member"):
    """Somebody in a room. `author_id`: of their keys there.

    `role` is owner, moderator, helper, guest, archive, officer (any other set), or member;
    `rank`: empty for the creator, "1.2" below "1", "-" for those who are no officers. `contact`:
    the contact with that identity, if there is one; `verified` as theirs. `keys`: "same" when they
    said these keys themselves, "other" when they said others, "unsaid" when they said none here.
    `may`: what this profile may do with them: remove, appoint.
    """

    room: str
    room_id: str
    author_id: str
    name: str
    role: str
    rank: str
    verified: bool
    own: bool
    contact: str | None
    keys: str
    may: list[str] = []


class BannedView(View, frozen=True, kw_only=True, tag="banned"):
    """An identity that nobody may bring back into a room.

    `name`: what it was called there, empty if it never was there. `by`: who banned it. `may`: this
    profile may lift the ban.
    """

    room: str
    room_id: str
    fingerprint: str
    name: str
    by: str
    may: bool


class Members(View, frozen=True, kw_only=True, tag="members"):
    """Everybody in a room, by rank, and who is banned."""

    members: list[MemberView]
    banned: list[BannedView] = []


class PostReaction(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody answered to a post with one sign."""

    author: str
    author_id: str
    emoji: str
    own: bool = False


class PostQuote(msgspec.Struct, frozen=True, kw_only=True):
    """The post that another answers: at most 200 characters, none once it is `gone`."""

    author: str = ""
    own: bool = False
    channel: str = ""
    row_id: int | None = None
    body: str = ""
    gone: bool = False


class RoomLine(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody changed in a room.

    `what` is made, admitted, appointed, removed, banned, unbanned, renamed, policy, channel,
    no channel, pinned, unpinned, deleted, undeleted or left.
    """

    what: str
    whom: str = ""
    value: str = ""


class PollOption(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to a poll. `chosen_by`: names; `own`: one chose it oneself."""

    text: str
    count: int = 0
    chosen_by: list[str] = []
    own: bool = False


class PollView(msgspec.Struct, frozen=True, kw_only=True):
    """A poll, of which the `body` of the post is the question.

    `many`: more than one option may be chosen. `voters`: how many chose something. `closes_at_ms`:
    0 if it closes never; `closed`: choices made now do not count.
    """

    options: list[PollOption]
    many: bool
    voters: int
    closes_at_ms: int
    closed: bool


class VoteView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody of a council said to a proposal: yes or no."""

    author: str
    author_id: str
    vote: str


class ProposalView(msgspec.Struct, frozen=True, kw_only=True):
    """What a council shall do, of which the `body` of the post is the reason, perhaps empty.

    Args:
        change: what would be changed, as lines say it; `subject_id`: of which author, post or
            identity, if of any.
        kept: of a removal or an appointment, how many earlier statements of that officer stay;
            `falls`: how many do not.
        state: open, accepted, failed (it cannot be accepted any more) or overtaken (the council
            stated something else under its number); `why`: of the latter two, in words.
        missing: how many more must say yes.
        own_vote: yes, no or "". `may_vote`: what one may say now.
    """

    council: str
    council_id: str
    number: int
    change: RoomLine
    subject_id: str
    kept: int
    falls: int
    threshold: int
    voters: int
    votes: list[VoteView]
    missing: int
    state: str
    why: str
    own_vote: str
    may_vote: list[str]


class PostView(View, frozen=True, kw_only=True, tag="post"):
    """One post of a room, as it is shown now, or a line about what was changed in it.

    `kind`: text; poll, and `poll` has its options; proposal, and `proposal` what is proposed; or
    line, and `line` says what `author` changed. `order` is its place for all
    members, `row_id` that in which it came here. `deleted`: nothing of it is left. `doubled`: its
    author gave another post the same number.
    """

    room: str
    room_id: str
    channel: str
    author: str
    author_id: str
    body: str
    order: int
    sent_at_ms: int
    post_id: str
    row_id: int
    stored_at_ms: int
    kind: str = "text"
    line: RoomLine | None = None
    own: bool = False
    edited: bool = False
    deleted: bool = False
    doubled: bool = False
    mention: bool = False
    pinned: bool = False
    reply_to: str | None = None
    quote: PostQuote | None = None
    reactions: list[PostReaction] = []
    expires_at_ms: int | None = None
    poll: PollView | None = None
    proposal: ProposalView | None = None


class Posts(View, frozen=True, kw_only=True, tag="posts"):
    """A page of posts, in their order."""

    posts: list[PostView]
