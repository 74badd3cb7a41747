"""What may be asked of the node about rooms.

A room is named by its name, by `#` and its number, or by its id.
"""

from loom.api.command import Command
from loom.api.room_views import Members, Posts, PostView, Rooms, RoomView
from loom.api.views import Done, InviteView


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
    """Post a text in a channel; the result is the stored post. `reply_to`: the id of a post."""

    room: str
    body: str
    channel: str = "general"
    reply_to: str | None = None


class RoomHistory(Command[Posts], frozen=True, kw_only=True, tag="room_history"):
    """The newest posts of a room, or of a channel, in their order.

    The `post_id` of a page's first post as `before` gives the page before it.
    """

    room: str
    channel: str | None = None
    limit: int = 50
    before: str | None = None


class MarkRoomRead(Command[Done], frozen=True, kw_only=True, tag="mark_room_read"):
    """What came to a channel up to `row_id` was seen; nobody is told."""

    room: str
    row_id: int
    channel: str = "general"


class RemoveMember(Command[RoomView], frozen=True, kw_only=True, tag="remove_member"):
    """Let somebody be a member no longer; of an officer all that counts now stays.

    Args:
        member: a name, or the beginning of an `author_id`.
        ban: nobody may bring them back while it holds.
    """

    room: str
    member: str
    ban: bool = False


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
