"""What a front end is shown of rooms."""

import msgspec

from loom.api.file_views import FileView
from loom.api.view import View


class LastPost(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of the newest post or line of a room or channel: 200 characters of its text."""

    post_id: str
    author: str
    author_id: str
    own: bool
    kind: str
    body: str
    line: "RoomLine | None" = None
    sent_at_ms: int
    stored_at_ms: int
    row_id: int


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of a room.

    `unread`: posts of others outside of threads, `unread_in_threads` the others, `mentions` of all
    of them. `may_post`: whether one may write there. `level`: everything, mentions, nothing, or
    empty: as the room. `muted`: the channel itself, until `mute_until_ms` (None: not, or for ever).
    """

    channel: str
    unread: int = 0
    unread_in_threads: int = 0
    mentions: int = 0
    topic: str = ""
    restricted: bool = False
    may_post: bool = False
    muted: bool = False
    mute_until_ms: int | None = None
    read_row: int = 0
    """What came after this row, outside of threads, is unread."""
    level: str = ""
    last: LastPost | None = None


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


class RoomLine(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody changed in a room, or what members are warned of.

    `what` is made, admitted, appointed, removed, kept, banned, unbanned, renamed, policy,
    channel, no channel, pinned, unpinned, deleted, undeleted, left or continued (in the room
    `value`); forked (two statements under the number `value`) or other keys. `offered`: it does
    not count, because its author was removed. `earlier`: it was so before one joined, and when it
    was changed is not known; the time beside it is when one heard of it.
    """

    what: str
    whom: str = ""
    value: str = ""
    offered: bool = False
    earlier: bool = False


class StatementView(View, frozen=True, kw_only=True, tag="statement"):
    """What an officer signed. `counts`: it holds; `confirmable`: one may make it hold."""

    room: str
    room_id: str
    statement_id: str
    author: str
    author_id: str
    number: int
    line: RoomLine
    counts: bool
    confirmable: bool


class Statements(View, frozen=True, kw_only=True, tag="statements"):
    """Several, by rank of their authors and number."""

    statements: list[StatementView]


class RoomTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """What every member should know of somebody in the room.

    `what` is forked: they signed two `statements` under one number, of which one counts; other
    keys: they say other keys than those they were admitted with; or copied: this profile is an
    older copy, and signs nothing before a member has said what it did since.
    """

    what: str
    whom: str
    whom_id: str
    statements: list[StatementView] = []


class RoomView(View, frozen=True, kw_only=True, tag="room"):
    """A room. `number`: of this profile; `room_id` is the same for all its members.

    `standing` is offered (`JoinRoom` accepts it), joining (not answered yet), member, left or
    removed. `history`: how
    many earlier posts who joins is sent, -1 for all. `retention_s`: after so long posts are
    deleted everywhere; 0: never. `unread` and `mentions`: of all channels and their threads, at
    most 1,000. `may`: what one may do there, of invite, remove, delete, pin, channels, roles, post
    and name. `through`: the contact whose invite it used, or who offers it, until it is let in.
    `level`: everything, mentions or nothing; `muted` until `mute_until_ms` (None: not, or for
    ever). `councils`: those in office. `offered`: how many statements of removed officers wait for
    one's confirmation.
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
    through: str | None = None
    last_post_at_ms: int | None = None
    """When the last post in order was sent."""
    may: list[str] = []
    councils: list[CouncilView] = []
    mute_until_ms: int | None = None
    level: str = "everything"
    last: LastPost | None = None
    troubles: list[RoomTrouble] = []
    offered: int = 0
    direct: bool = False
    """Members are told the addresses of this node, and theirs are dialled."""
    heard: bool = False
    """Who made the invite has the request to be let in, and has not let one in."""


class Rooms(View, frozen=True, kw_only=True, tag="rooms"):
    """All rooms."""

    rooms: list[RoomView]


class MemberView(View, frozen=True, kw_only=True, tag="member"):
    """Somebody in a room. `author_id`: of their keys there.

    `role` is owner, moderator, helper, guest, archive, officer (any other set), or member;
    `rank`: empty for the creator, "1.2" below "1", "-" for those who are no officers. `contact`:
    the contact with that identity, if there is one; `verified` as theirs. `keys`: "same" when they
    said these keys themselves, "other" when they said others, "unsaid" when they said none here.
    `reach`: "linked"; "anchor", where what is posted for them lies until they read it; "members"
    when it comes to them through others only, or once they are linked again.
    `may`: what this profile may do with them: remove, appoint. `forks`: the numbers under which
    they signed two statements.
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
    reach: str = "members"
    may: list[str] = []
    forks: list[int] = []


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
    author_id: str = ""
    own: bool = False
    channel: str = ""
    row_id: int | None = None
    body: str = ""
    gone: bool = False


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
        state: open, accepted, failed (as it stands it cannot be accepted) or overtaken (the council
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


class Mentioned(msgspec.Struct, frozen=True, kw_only=True):
    """A member whom a post addresses, as its author's Loom understood it."""

    author: str
    author_id: str


class PostView(View, frozen=True, kw_only=True, tag="post"):
    """One post of a room, as it is shown now, or a line about what was changed in it.

    `kind`: text; file, and `file` says which, with its caption as body; poll, and `poll` has its
    options; proposal, and `proposal` what is proposed; or
    line, and `line` says what `author` changed. `order` is its place for all
    members, `row_id` that in which it came here. `deleted`: nothing of it is left; `expired`,
    too: its time was over. `doubled`: its author gave another post the same number. `thread`: the
    `post_id` of the post that began the thread which it is in; on that post `answers` are the
    texts of the thread and `unread_answers` those of them that are unread. `mention`: it
    addresses oneself. `expires_s`: the timer that its author gave it.
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
    bookmarked: bool = False
    reply_to: str | None = None
    quote: PostQuote | None = None
    reactions: list[PostReaction] = []
    expires_at_ms: int | None = None
    poll: PollView | None = None
    proposal: ProposalView | None = None
    thread: str | None = None
    answers: int = 0
    unread_answers: int = 0
    unread: bool = False
    mentions: list[Mentioned] = []
    expires_s: int = 0
    file: FileView | None = None
    expired: bool = False


class Posts(View, frozen=True, kw_only=True, tag="posts"):
    """A page of posts. `older` and `newer`: whether there are more before and after it."""

    posts: list[PostView]
    older: bool = False
    newer: bool = False


class PostWording(msgspec.Struct, frozen=True, kw_only=True):
    """What a post said, from `sent_at_ms` on by its author's clock."""

    body: str
    sent_at_ms: int


class PostWordings(View, frozen=True, kw_only=True, tag="post_wordings"):
    """The history of an edited post: the original first, then its last 20 wordings."""

    room: str
    room_id: str
    post_id: str
    wordings: list[PostWording]


class RoomDraftView(msgspec.Struct, frozen=True, kw_only=True):
    """What was begun in a channel, or in a thread of it, as `SetRoomDraft` was given it.

    `edits` without a `wording`: that post was deleted meanwhile, and the wording with it.
    """

    room_id: str
    number: int
    channel: str
    thread: str | None = None
    body: str = ""
    reply_to: str | None = None
    mentions: list[str] = []
    expires_s: int = 0
    edits: str | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return f"RoomDraftView({self.number})"


class RoomDrafts(View, frozen=True, kw_only=True, tag="room_drafts"):
    """Texts that were begun, by room; `more`: ask for those after the last of these."""

    drafts: list[RoomDraftView]
    more: bool = False
