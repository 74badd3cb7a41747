"""What may be asked of the node about rooms.

A room is named by its name, by `#` and its number, or by its id.
"""

from loom.api.command import Command
from loom.api.file_views import ThumbnailView
from loom.api.invite_views import InviteView
from loom.api.room_views import (
    Members,
    Posts,
    PostView,
    PostWordings,
    RoomDrafts,
    Rooms,
    RoomView,
    Statements,
)
from loom.api.view import Done


class MakeRoom(Command[RoomView], frozen=True, kw_only=True, tag="make_room"):
    """Make a room of one's own.

    Args:
        history: how many earlier posts who joins is sent; -1: all.
        retention_s: posts are deleted everywhere after so long, an hour to 30 days; 0: never.
    """

    name: str
    history: int = -1
    retention_s: int = 0


class ListRooms(Command[Rooms], frozen=True, kw_only=True, tag="list_rooms"):
    """All rooms, oldest first."""


class ShowRoom(Command[RoomView], frozen=True, kw_only=True, tag="show_room"):
    """One room."""

    room: str


class InviteToRoom(Command[InviteView], frozen=True, kw_only=True, tag="invite_to_room"):
    """A text by which one person joins the room, and is a contact from then on."""

    room: str
    lifetime_s: int = 86_400
    direct: bool = True


class LeaveRoom(Command[Done], frozen=True, kw_only=True, tag="leave_room"):
    """Be a member no longer; `delete`: what was said there is deleted here."""

    room: str
    delete: bool = False


class ListMembers(Command[Members], frozen=True, kw_only=True, tag="list_members"):
    """Everybody in a room, by rank, and who is banned."""

    room: str


class SendPost(Command[PostView], frozen=True, kw_only=True, tag="send_post"):
    """Post a text in a channel; the result is the stored post.

    Args:
        channel: in a thread that of the thread, whatever this says.
        reply_to: the id of a post that it answers.
        thread: the id of the post that began a thread, or of one in it.
        mentions: members whom it addresses, by id or name, beside those of the `@NAME` in it. Of
            several with one name those that are given are meant, or else all of them.
        expires_s: the post disappears after so long, 5 s to a year; 0: when the room says.
    """

    room: str
    body: str
    channel: str = "general"
    reply_to: str | None = None
    thread: str | None = None
    mentions: list[str] = []
    expires_s: int = 0


class PostFile(Command[PostView], frozen=True, kw_only=True, tag="post_file"):
    """Offer a file to the members of a room, in a channel; the result is the stored post.

    Args:
        path: and up to `caption`: see `SendFile`.
        channel: and up to `expires_s`: see `SendPost`.
    """

    room: str
    path: str = ""
    upload_id: str = ""
    file_id: str = ""
    name: str = ""
    media_type: str = ""
    thumbnail: ThumbnailView | None = None
    caption: str = ""
    channel: str = "general"
    reply_to: str | None = None
    thread: str | None = None
    mentions: list[str] = []
    expires_s: int = 0


class RoomHistory(Command[Posts], frozen=True, kw_only=True, tag="room_history"):
    """A page of posts and lines of a room, in their order: without more the newest ones.

    Args:
        channel: only of this channel.
        thread: the id of a post: it and what is in its thread.
        roots_only: without what is in threads.
        before: the id of a post: the page before it.
        after: the page after it.
        around: the page with it in the middle.
        oldest: the first page.
        unread: the page that begins with the first unread post; an empty one if there is none.
        since_ms: only what was sent from then on; `before_ms`: before then.
    """

    room: str
    channel: str | None = None
    limit: int = 50
    before: str | None = None
    after: str | None = None
    around: str | None = None
    thread: str | None = None
    roots_only: bool = False
    oldest: bool = False
    unread: bool = False
    since_ms: int | None = None
    before_ms: int | None = None


class FindPost(Command[PostView], frozen=True, kw_only=True, tag="find_post"):
    """The post that people name: by the beginning of its id, by `#` and its `row_id`, `last`,
    `theirs`.

    `last` is the newest text of one's own, `theirs` of the others; neither was deleted.
    """

    room: str
    name: str


class ShowPostEdits(Command[PostWordings], frozen=True, kw_only=True, tag="show_post_edits"):
    """What a text of a room said before it was edited."""

    room: str
    post_id: str


class ListThreads(Command[Posts], frozen=True, kw_only=True, tag="list_threads"):
    """The posts that began threads, that with the newest answer first.

    `after` a page: the `post_id` of its last post.
    """

    room: str
    channel: str | None = None
    limit: int = 50
    after: str | None = None


class ListRoomMentions(Command[Posts], frozen=True, kw_only=True, tag="list_room_mentions"):
    """Posts that mention the owner, newest first; `before_row` of the last gives the next page.

    `room` None: of all rooms.
    """

    room: str | None = None
    limit: int = 50
    before_row: int | None = None


class ListRoomPins(Command[Posts], frozen=True, kw_only=True, tag="list_room_pins"):
    """What is pinned in a room or one of its channels, the newest post first."""

    room: str
    channel: str | None = None


class BookmarkPost(Command[PostView], frozen=True, kw_only=True, tag="bookmark_post"):
    """Keep a post in the list of bookmarks, here only, or no longer."""

    room: str
    post_id: str
    on: bool


class ListRoomBookmarks(Command[Posts], frozen=True, kw_only=True, tag="list_room_bookmarks"):
    """Bookmarked posts, newest first; `before_row` of the last gives the next page.

    `room` None: of all rooms.
    """

    room: str | None = None
    limit: int = 50
    before_row: int | None = None


class SearchPosts(Command[Posts], frozen=True, kw_only=True, tag="search_posts"):
    """Full-text search in rooms, newest first; `before_row` of a page's last gives the next page.

    `text` as of `Search`; it may be empty when something else is given.

    Args:
        room: None: all rooms.
        author: `me`, or a member or contact by name, or the beginning of an author's id.
    """

    text: str
    room: str | None = None
    author: str | None = None
    has_link: bool = False
    is_pinned: bool = False
    limit: int = 50
    since_ms: int | None = None
    before_ms: int | None = None
    before_row: int | None = None


class MarkRoomRead(Command[Done], frozen=True, kw_only=True, tag="mark_room_read"):
    """Posts from `from_row` to `row_id` (None: all) were seen; nobody is told.

    Of a `channel`, outside of its threads; of the thread that the post `thread` began; with
    neither, of the whole room.
    """

    room: str
    row_id: int | None = None
    from_row: int = 0
    channel: str | None = None
    thread: str | None = None


class MarkRoomUnread(Command[Done], frozen=True, kw_only=True, tag="mark_room_unread"):
    """Posts of others from `row_id` on are unread again, here only; None: the newest one.

    Of which part of the room: see `MarkRoomRead`.
    """

    room: str
    row_id: int | None = None
    channel: str | None = None
    thread: str | None = None


class SetRoomPreferences(Command[RoomView], frozen=True, kw_only=True, tag="set_room_preferences"):
    """Change what is not None, for a room or for one of its channels.

    Args:
        muted: True: for ever, unless `mute_until_ms` (Unix milliseconds) is set.
        level: everything, mentions or nothing; of a channel also empty: as the room.
    """

    room: str
    channel: str | None = None
    muted: bool | None = None
    mute_until_ms: int | None = None
    level: str | None = None


class SetRoomDraft(Command[Done], frozen=True, kw_only=True, tag="set_room_draft"):
    """Keep what was begun in a channel, or in a thread; one with nothing in it is forgotten.

    `body`: a post, at most 1 MiB, with what `SendPost` takes. `wording`: what is to replace the
    text of the post `edits`, at most 128 KiB.
    """

    room: str
    channel: str = "general"
    thread: str | None = None
    body: str
    reply_to: str | None = None
    mentions: list[str] = []
    expires_s: int = 0
    edits: str | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return "SetRoomDraft(redacted)"


class ListRoomDrafts(Command[RoomDrafts], frozen=True, kw_only=True, tag="list_room_drafts"):
    """What was begun and not sent, of rooms with a `number` above `after`: some MiB at once."""

    after: int = 0


class RemoveMember(Command[RoomView], frozen=True, kw_only=True, tag="remove_member"):
    """Let somebody be a member no longer; of an officer all that counts now stays.

    Args:
        member: a name, or the beginning of an `author_id`.
        ban: nobody may bring them back while it holds.
        only_check: say what would stop it, and change nothing.
    """

    room: str
    member: str
    ban: bool = False
    only_check: bool = False


class LiftBan(Command[RoomView], frozen=True, kw_only=True, tag="lift_ban"):
    """Let an identity be admitted again. `fingerprint`: its beginning, as the line said it."""

    room: str
    fingerprint: str


class AppointMember(Command[RoomView], frozen=True, kw_only=True, tag="appoint_member"):
    """Give somebody a role: owner, moderator, helper, guest or archive; the last one counts."""

    room: str
    member: str
    role: str


class RenameRoom(Command[RoomView], frozen=True, kw_only=True, tag="rename_room"):
    """Give a room another name, for all its members."""

    room: str
    name: str


class SetRoomPolicy(Command[RoomView], frozen=True, kw_only=True, tag="set_room_policy"):
    """Change what is not None; see `MakeRoom`."""

    room: str
    history: int | None = None
    retention_s: int | None = None


class SetRoomDirect(Command[RoomView], frozen=True, kw_only=True, tag="set_room_direct"):
    """Whether this node and the nodes of a room's members link to each other.

    With `on` all members are told the addresses of this node, and theirs are dialled, also those of
    members who are no contacts. Only this profile is told of the choice.
    """

    room: str
    on: bool


class SetRoomChannel(Command[RoomView], frozen=True, kw_only=True, tag="set_room_channel"):
    """Open a channel, change it, or close it with `on` False; what was posted there stays.

    `restricted`: only officers post there.
    """

    room: str
    channel: str
    topic: str = ""
    restricted: bool = False
    on: bool = True


class EditPost(Command[PostView], frozen=True, kw_only=True, tag="edit_post"):
    """Give a post of one's own another wording for everybody."""

    room: str
    post_id: str
    body: str


class DeletePost(Command[PostView], frozen=True, kw_only=True, tag="delete_post"):
    """Delete a post for everybody: one's own, or as a moderator."""

    room: str
    post_id: str


class ReactToPost(Command[PostView], frozen=True, kw_only=True, tag="react_to_post"):
    """Answer a post with one sign, instead of an earlier one; "" takes it back."""

    room: str
    post_id: str
    emoji: str


class PinPost(Command[PostView], frozen=True, kw_only=True, tag="pin_post"):
    """Keep a post in sight for everybody, or no longer."""

    room: str
    post_id: str
    on: bool = True


class PostPoll(Command[PostView], frozen=True, kw_only=True, tag="post_poll"):
    """Ask everybody, with 2 to 12 options.

    Args:
        many: more than one may be chosen.
        closes_in_s: after so long no choice counts, at most a year; 0: never.
    """

    room: str
    question: str
    options: list[str]
    many: bool = False
    closes_in_s: int = 0
    channel: str = "general"


class ChooseInPoll(Command[PostView], frozen=True, kw_only=True, tag="choose_in_poll"):
    """Choose options, by their words or numbers from 1; the last choice counts, none is nothing."""

    room: str
    post_id: str
    options: list[str]


class ListOffered(Command[Statements], frozen=True, kw_only=True, tag="list_offered"):
    """What removed officers signed, their remover had not seen, and does not count."""

    room: str


class ConfirmOffered(Command[RoomView], frozen=True, kw_only=True, tag="confirm_offered"):
    """Let such statements count: who removed their author keeps them, others sign them again.

    Args:
        statement_ids: each the beginning of an id.
    """

    room: str
    statement_ids: list[str]


class DismissOffered(Command[RoomView], frozen=True, kw_only=True, tag="dismiss_offered"):
    """Let oneself be asked about such statements no longer; nobody else is told."""

    room: str
    statement_ids: list[str]


class AppointCouncil(Command[RoomView], frozen=True, kw_only=True, tag="appoint_council"):
    """Make an officer that acts by votes: `threshold` of these members must agree, more than half.

    `role` as in `AppointMember`; given again it replaces the earlier one.
    """

    room: str
    threshold: int
    members: list[str]
    role: str = "owner"


RoomChange = (
    RemoveMember
    | LiftBan
    | AppointMember
    | AppointCouncil
    | RenameRoom
    | SetRoomPolicy
    | SetRoomChannel
    | PinPost
    | DeletePost
)
"""What changes a room: an officer does it, or a council votes on it."""


class ProposeChange(Command[Posts], frozen=True, kw_only=True, tag="propose_change"):
    """Propose a change to a council that one belongs to, and agree to it.

    A removal with a ban is two proposals. Once enough agree it is done, by each who sees it.

    Args:
        council: the beginning of its `council_id`; may be empty if there is one.
        reason: for the others, at most 256 bytes.
    """

    room: str
    change: RoomChange
    council: str = ""
    reason: str = ""
    channel: str = "general"


class VoteOnProposal(Command[PostView], frozen=True, kw_only=True, tag="vote_on_proposal"):
    """Agree to a proposal or not. Who agreed cannot take it back."""

    room: str
    post_id: str
    yes: bool


class ListProposals(Command[Posts], frozen=True, kw_only=True, tag="list_proposals"):
    """The newest proposals of a room, in their order."""

    room: str
    limit: int = 50


class ContinueRoom(Command[RoomView], frozen=True, kw_only=True, tag="continue_room"):
    """Make a new room with the rules and channels of this one, and offer it to its members.

    `name`: None for a name after the old one's. Nobody is in it until they accept.
    """

    room: str
    name: str | None = None


class JoinRoom(Command[RoomView], frozen=True, kw_only=True, tag="join_room"):
    """Accept a room that a member of another one offers to go on in."""

    room: str
