"""What a front end may ask of the node. A command's type argument is its result.

A contact is named by its name (case-insensitive) or by `#` and its number.
"""

from loom.api.backup_commands import (
    DropUnsent,
    ListUnsent,
    MakeBackup,
    SendUnsent,
    SetBackupSchedule,
    ShowBackupSchedule,
)
from loom.api.command import Command
from loom.api.file_commands import (
    AcceptFile,
    BeginUpload,
    CancelFile,
    DeclineFile,
    ListFiles,
    PauseFile,
    ReadFile,
    RemoveFile,
    ResumeFile,
    SendFile,
    SetFileRules,
    ShowFile,
    UploadPart,
)
from loom.api.identity_commands import RevokeIdentity, RotateIdentity, ShowIdentity
from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.api.room_commands import (
    AppointCouncil,
    AppointMember,
    ChooseInPoll,
    ConfirmOffered,
    ContinueRoom,
    DeletePost,
    DismissOffered,
    EditPost,
    FindPost,
    InviteToRoom,
    JoinRoom,
    LeaveRoom,
    LiftBan,
    ListMembers,
    ListOffered,
    ListProposals,
    ListRoomDrafts,
    ListRoomMentions,
    ListRoomPins,
    ListRooms,
    ListThreads,
    MakeRoom,
    MarkRoomRead,
    MarkRoomUnread,
    PinPost,
    PostFile,
    PostPoll,
    ProposeChange,
    ReactToPost,
    RemoveMember,
    RenameRoom,
    RoomHistory,
    SearchPosts,
    SendPost,
    SetRoomChannel,
    SetRoomDirect,
    SetRoomDraft,
    SetRoomPolicy,
    SetRoomPreferences,
    ShowPostEdits,
    ShowRoom,
    VoteOnProposal,
)
from loom.api.views import (
    AccountsView,
    AnchorLeft,
    Anchors,
    AnchorStatusView,
    AnchorView,
    Arrivals,
    Connectivity,
    Contacts,
    ContactView,
    DeliveryView,
    Destroyed,
    Diagnosis,
    Done,
    Drafts,
    Invites,
    InviteView,
    LogLines,
    MailFileRead,
    MailFileView,
    Messages,
    MessageView,
    OwnProfileView,
    PairingTextView,
    PairingView,
    Peers,
    Preferences,
    Requests,
    SafetyNumberView,
    StatusView,
    TokenView,
    Wordings,
)


class SendText(Command[MessageView], frozen=True, kw_only=True, tag="send_text"):
    """Queue a text durably, perhaps as an answer; the result is the stored message."""

    contact: str
    body: str
    reply_to: str | None = None
    expires_s: int | None = None
    """The timer of this message, 5 s to a year, 0 for none; None: the conversation's."""


class EditMessage(Command[MessageView], frozen=True, kw_only=True, tag="edit_message"):
    """Give a text of one's own another wording on both sides."""

    contact: str
    message_id: str
    body: str


class ShowEdits(Command[Wordings], frozen=True, kw_only=True, tag="show_edits"):
    """Every wording of a text that is kept."""

    contact: str
    message_id: str


class React(Command[MessageView], frozen=True, kw_only=True, tag="react"):
    """Answer a message with one sign, instead of an earlier one; "" takes it back."""

    contact: str
    message_id: str
    emoji: str


class Pin(Command[MessageView], frozen=True, kw_only=True, tag="pin"):
    """Keep a message in sight on both sides, or no longer. One's own pin, not the contact's."""

    contact: str
    message_id: str
    on: bool = True


class ListPins(Command[Messages], frozen=True, kw_only=True, tag="list_pins"):
    """The pinned messages, the newest pin first: at most 50 of each side."""

    contact: str


class Bookmark(Command[MessageView], frozen=True, kw_only=True, tag="bookmark"):
    """Keep a message findable here; nobody is told."""

    contact: str
    message_id: str
    on: bool = True


class ListBookmarks(Command[Messages], frozen=True, kw_only=True, tag="list_bookmarks"):
    """Bookmarked messages, newest first; `contact` None: of all conversations.

    `before_row` of a page's last message gives the next page.
    """

    contact: str | None = None
    limit: int = 50
    before_row: int | None = None


class Forward(Command[Messages], frozen=True, kw_only=True, tag="forward"):
    """Send texts and files on to others, as one's own; the result is what was queued.

    A file has to be here whole. Its content is copied under other keys, unless it is read in place.
    """

    contact: str
    message_ids: list[str]
    to: list[str]


class ExportToken(Command[TokenView], frozen=True, kw_only=True, tag="export_token"):
    """One's own token."""


class ImportToken(Command[ContactView], frozen=True, kw_only=True, tag="import_token"):
    """Add a contact by a token or an invite. With `replace`, a contact of that name takes the new
    identity, unverified and blocked from sending until verified. An invite of a contact that is
    there already tells them again where they find this side; its `name` is not looked at."""

    token: str
    name: str = ""
    """May be empty of an invite into a room, which is then joined."""
    replace: bool = False


class MakeInvite(Command[InviteView], frozen=True, kw_only=True, tag="make_invite"):
    """A text for one person, or with `is_address` for many; `direct`: with this node's addresses.

    An address names anchors only.
    """

    lifetime_s: int = 86_400
    is_address: bool = False
    direct: bool = True


class ListInvites(Command[Invites], frozen=True, kw_only=True, tag="list_invites"):
    """One's own invites, oldest first, and what became of each; those 31 days past are gone."""


class RevokeInvite(Command[Done], frozen=True, kw_only=True, tag="revoke_invite"):
    """Let nobody use an invite any more."""

    invite_id: int


class ListRequests(Command[Requests], frozen=True, kw_only=True, tag="list_requests"):
    """Who came by an address and waits for a decision, oldest first."""


class AcceptRequest(Command[ContactView], frozen=True, kw_only=True, tag="accept_request"):
    """Make a contact of who asked; `name` None: the name they gave, made unique."""

    request_id: int
    name: str | None = None


class RejectRequest(Command[Done], frozen=True, kw_only=True, tag="reject_request"):
    """Delete a request, telling nobody; with `block`, whoever asked is never heard again."""

    request_id: int
    block: bool = False


class ListContacts(Command[Contacts], frozen=True, kw_only=True, tag="list_contacts"):
    """All contacts."""


class ShowContact(Command[ContactView], frozen=True, kw_only=True, tag="show_contact"):
    """One contact."""

    contact: str


class RenameContact(Command[ContactView], frozen=True, kw_only=True, tag="rename_contact"):
    """Give a contact another name here."""

    contact: str
    name: str


class RemoveContact(Command[Done], frozen=True, kw_only=True, tag="remove_contact"):
    """Delete a contact, the history with it and its keys; counters and seen ids stay.

    With `farewell` the contact's node is asked to delete its copy and this contact, too: until it
    answers, at most 90 days, enough is kept to tell it.
    """

    contact: str
    farewell: bool = False


class BlockContact(Command[ContactView], frozen=True, kw_only=True, tag="block_contact"):
    """Accept nothing from a contact and show it nothing; `blocked=False` undoes it."""

    contact: str
    blocked: bool = True


class VerifyContact(Command[SafetyNumberView], frozen=True, kw_only=True, tag="verify_contact"):
    """The safety number; `confirm` marks the contact verified, `withdraw` not verified.

    `by`: what was compared, number or words. `code`, in place of `confirm`: what a QR code on the
    contact's screen says, or was pasted: a safety number, its words, a token or an invite. When
    it is theirs they are verified; when it is not, nothing changes (CodeDiffers).
    """

    contact: str
    confirm: bool = False
    by: str = "number"
    code: str | None = None
    withdraw: bool = False


class History(Command[Messages], frozen=True, kw_only=True, tag="history"):
    """The newest messages of a conversation, oldest first, within [since, before).

    With `oldest`, the oldest ones within these bounds instead; with `unread`, none before the
    first unread one.
    """

    contact: str
    limit: int = 50
    before_ms: int | None = None
    since_ms: int | None = None
    before_row: int | None = None
    after_row: int | None = None
    oldest: bool = False
    unread: bool = False


class FindMessage(Command[MessageView], frozen=True, kw_only=True, tag="find_message"):
    """The message that people name: by its id, by `#` and its `row_id`, `last` or `theirs`.

    `last` is the newest of one's own, `theirs` of the contact's; neither was deleted.
    """

    contact: str
    name: str


class ShowDelivery(Command[DeliveryView], frozen=True, kw_only=True, tag="show_delivery"):
    """Where one of one's own messages is now."""

    contact: str
    message_id: str


class RetryMessage(Command[MessageView], frozen=True, kw_only=True, tag="retry_message"):
    """Queue a failed text or file again in place of the failed one; the result is the new one."""

    contact: str
    message_id: str


class DeleteMessages(Command[Done], frozen=True, kw_only=True, tag="delete_messages"):
    """Delete messages here; an undelivered one is withdrawn. `message_ids` None: all.

    `for_both`: delete messages of one's own on the contact's side, too; one that never left is
    only withdrawn.
    """

    contact: str
    message_ids: list[str] | None
    for_both: bool = False


class SetTimer(Command[ContactView], frozen=True, kw_only=True, tag="set_timer"):
    """Let later messages of a conversation disappear after so long, 5 s to a year; 0: never.

    The shorter one of both sides' timers holds.
    """

    contact: str
    expires_s: int


class SayFarewell(Command[Done], frozen=True, kw_only=True, tag="say_farewell"):
    """Delete a conversation, with `whole_contact` the contact, too, and ask for the same there."""

    contact: str
    whole_contact: bool = False


class AnswerFarewell(Command[Done], frozen=True, kw_only=True, tag="answer_farewell"):
    """Delete here what a contact asked to delete, or keep it; nobody is told."""

    contact: str
    accept: bool


class Search(Command[Messages], frozen=True, kw_only=True, tag="search"):
    """Full-text search, newest first; `before_row` of a page's last message gives the next page.

    A message must hold every word of `text`, or a longer one that begins so, and every phrase in
    quotes; whatever it is, it is no error. `text` may be empty when something else is given.
    `author`: a contact, or `me`. Times are those of `sent_at_ms`, since <= sent < before.
    """

    text: str
    contact: str | None = None
    author: str | None = None
    has_link: bool = False
    is_pinned: bool = False
    limit: int = 50
    since_ms: int | None = None
    before_ms: int | None = None
    before_row: int | None = None


class MarkRead(Command[Done], frozen=True, kw_only=True, tag="mark_read"):
    """Incoming messages from `from_row` to `row_id` were seen; `receipt` tells the sender.

    Nobody is told twice: what was marked unread again is only marked read.
    """

    contact: str
    row_id: int
    from_row: int = 0
    receipt: bool = True


class MarkUnread(Command[Done], frozen=True, kw_only=True, tag="mark_unread"):
    """Incoming messages from `row_id` on are unread again, here only; None: the newest one."""

    contact: str
    row_id: int | None = None


class ListMentions(Command[Messages], frozen=True, kw_only=True, tag="list_mentions"):
    """Messages that mention the owner, newest first; `before_row` of the last gives the next."""

    limit: int = 50
    before_row: int | None = None


class NoteLeaving(Command[Done], frozen=True, kw_only=True, tag="note_leaving"):
    """Nobody looks any more: what comes from now on is an arrival.

    What was looked at last: the conversation with `contact`, or `channel` of the room with this
    `room_id`.
    """

    contact: str | None = None
    room_id: str | None = None
    channel: str = ""


class ListArrivals(Command[Arrivals], frozen=True, kw_only=True, tag="list_arrivals"):
    """What came since `NoteLeaving` and is unread."""


class SetTyping(Command[Done], frozen=True, kw_only=True, tag="set_typing"):
    """Tell a connected contact that one is typing, or no longer."""

    contact: str
    on: bool


class ListDrafts(Command[Drafts], frozen=True, kw_only=True, tag="list_drafts"):
    """What was begun and not sent, of contacts with a number above `after`: some MiB at once."""

    after: int = 0


class SetDraft(Command[Done], frozen=True, kw_only=True, tag="set_draft"):
    """Keep what was begun; a draft with nothing in it is forgotten.

    `body`: a message, at most 1 MiB, with its timer `expires_s` (see `SendText`).
    `wording`: what is to replace the text of the message `edits`, at most 128 KiB.
    """

    contact: str
    body: str
    expires_s: int | None = None
    edits: str | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return "SetDraft(redacted)"


class ListPreferences(Command[Preferences], frozen=True, kw_only=True, tag="list_preferences"):
    """What holds for everybody, and for each contact that differs from it."""


class SetPreferences(Command[Done], frozen=True, kw_only=True, tag="set_preferences"):
    """Change what is not None; `contact` None: for everybody.

    A read receipt or a typing sign leaves only where both, everybody's and the contact's, allow it.
    """

    contact: str | None = None
    read_receipts: bool | None = None
    typing: bool | None = None
    late_receipts: bool | None = None
    """Only for everybody."""
    ask_farewells: bool | None = None
    """Only for everybody: decide oneself whether what a contact asks to delete is deleted."""
    verify_first: bool | None = None
    """Only for everybody: send nothing to a contact's new identity, though proven with their
    recovery words, before it is verified."""
    muted: bool | None = None
    """This and what follows only for one contact. True: for ever, unless `mute_until_ms` is set."""
    mute_until_ms: int | None = None
    """Unix milliseconds."""
    level: str | None = None
    """Notifications: everything, mentions or nothing."""
    archived: bool | None = None
    favourite: bool | None = None


class Connect(Command[Done], frozen=True, kw_only=True, tag="connect"):
    """Dial a contact at this address now and remember it; returns once the link is confirmed."""

    contact: str
    host: str
    port: int


class StartPairing(Command[PairingView], frozen=True, kw_only=True, tag="start_pairing"):
    """Pair nearby for five minutes: listen, and unless `announce` is off, announce and look.

    Where pairing goes on already, nothing changes. `host` empty: on every address.
    """

    host: str = ""
    port: int = 0
    announce: bool = True


class StopPairing(Command[Done], frozen=True, kw_only=True, tag="stop_pairing"):
    """End pairing; nothing listens or announces afterwards."""


class ShowPairing(Command[PairingView], frozen=True, kw_only=True, tag="show_pairing"):
    """How pairing stands."""


class PickPeer(Command[Done], frozen=True, kw_only=True, tag="pick_peer"):
    """Meet somebody who pairs on this network; events tell what becomes of it."""

    alias: str


class DialPeer(Command[Done], frozen=True, kw_only=True, tag="dial_peer"):
    """The same for somebody who pairs at this address."""

    host: str
    port: int


class AnswerWords(Command[Done], frozen=True, kw_only=True, tag="answer_words"):
    """Whether the words of a meeting are the same on both screens."""

    meeting: int
    same: bool


class ListPeers(Command[Peers], frozen=True, kw_only=True, tag="list_peers"):
    """Who is near or connected, and how."""


class ShowConnectivity(Command[Connectivity], frozen=True, kw_only=True, tag="show_connectivity"):
    """Every contact's path with its last changes, and what waits or was refused."""


class ExportMail(Command[MailFileView], frozen=True, kw_only=True, tag="export_mail"):
    """What waits for a contact, as a file to be carried by hand; it goes on waiting."""

    contact: str


class ImportMail(Command[MailFileRead], frozen=True, kw_only=True, tag="import_mail"):
    """Take in a file of mail."""

    data: bytes

    def __repr__(self) -> str:
        return f"ImportMail({len(self.data)} bytes)"


class UseAnchor(Command[AnchorView], frozen=True, kw_only=True, tag="use_anchor"):
    """Make an account at the anchor whose pairing text this is."""

    text: str

    def __repr__(self) -> str:
        return "UseAnchor(redacted)"


class ListAnchors(Command[Anchors], frozen=True, kw_only=True, tag="list_anchors"):
    """The anchors in use, and the mail that waits at anchors for contacts."""


class LeaveAnchor(Command[AnchorLeft], frozen=True, kw_only=True, tag="leave_anchor"):
    """Use an anchor no longer: the account is deleted there, and contacts are told.

    `anchor`: its number, or an address or host of it.
    """

    anchor: str


class ReplaceAnchor(Command[AnchorView], frozen=True, kw_only=True, tag="replace_anchor"):
    """Make a new account by a pairing text; the old anchor, if it is another, is never asked again.

    At the same anchor the old account is deleted.
    """

    anchor: str
    text: str

    def __repr__(self) -> str:
        return "ReplaceAnchor(redacted)"


class ReadLog(Command[LogLines], frozen=True, kw_only=True, tag="read_log"):
    """The last lines of the profile's log, which names no value; at most 500."""

    lines: int = 200


class Status(Command[StatusView], frozen=True, kw_only=True, tag="status"):
    """The node as it stands."""


class Diagnose(Command[Diagnosis], frozen=True, kw_only=True, tag="diagnose"):
    """Check the open profile: database integrity, disk, port, discovery, clock."""


class ShowProfile(Command[OwnProfileView], frozen=True, kw_only=True, tag="show_profile"):
    """What contacts are told of the owner."""


class SetProfile(Command[OwnProfileView], frozen=True, kw_only=True, tag="set_profile"):
    """Change what is not None; contacts are told of all but `invisible`.

    `invisible`: no advert, no link with a contact, and nothing is sent but what the owner writes.
    """

    name: str | None = None
    status: str | None = None
    away: bool | None = None
    invisible: bool | None = None


class CheckPhrase(Command[Done], frozen=True, kw_only=True, tag="check_phrase"):
    """Whether 24 recovery words are this identity's; raises InvalidPhrase when they are not."""

    phrase: str

    def __repr__(self) -> str:
        return "CheckPhrase(redacted)"


class Stop(Command[Done], frozen=True, kw_only=True, tag="stop"):
    """End the node after the current commit."""


class Panic(Command[Destroyed], frozen=True, kw_only=True, tag="panic"):
    """Destroy the profile: keyslot, farewells for at most 5 s, database and files; then end."""

    farewell: bool = True
    """Ask every contact to delete the conversation."""


# --- to an anchor of one's own ---


class PairAnchor(Command[PairingTextView], frozen=True, kw_only=True, tag="pair_anchor"):
    """A text by which one person takes this anchor into use.

    `addresses`: hosts and ports to tell, remembered for the next time; none: those of then, or
    this machine's own.
    """

    addresses: list[tuple[str, int]] = []
    expires_s: int


class AnchorStatus(Command[AnchorStatusView], frozen=True, kw_only=True, tag="anchor_status"):
    """The anchor as it stands."""


class ListAccounts(Command[AccountsView], frozen=True, kw_only=True, tag="list_accounts"):
    """All accounts."""


class RemoveAccount(Command[Done], frozen=True, kw_only=True, tag="remove_account"):
    """Delete an account with all that lies in its queues."""

    account: int


class DrainAnchor(Command[AnchorStatusView], frozen=True, kw_only=True, tag="drain_anchor"):
    """Take nothing new, hand out what lies there, then end; `on=False` takes that back."""

    on: bool = True


AnyCommand = (
    SendText
    | EditMessage
    | ShowEdits
    | React
    | Pin
    | ListPins
    | Bookmark
    | ListBookmarks
    | Forward
    | ExportToken
    | ImportToken
    | MakeInvite
    | ListInvites
    | RevokeInvite
    | ListRequests
    | AcceptRequest
    | RejectRequest
    | ListContacts
    | ShowContact
    | RenameContact
    | RemoveContact
    | BlockContact
    | VerifyContact
    | History
    | FindMessage
    | ShowDelivery
    | RetryMessage
    | DeleteMessages
    | SetTimer
    | SayFarewell
    | AnswerFarewell
    | Search
    | MarkRead
    | MarkUnread
    | ListMentions
    | NoteLeaving
    | ListArrivals
    | SetTyping
    | ListDrafts
    | SetDraft
    | ListPreferences
    | SetPreferences
    | Connect
    | StartPairing
    | StopPairing
    | ShowPairing
    | PickPeer
    | DialPeer
    | AnswerWords
    | ListPeers
    | ShowConnectivity
    | ExportMail
    | ImportMail
    | UseAnchor
    | ListAnchors
    | LeaveAnchor
    | ReplaceAnchor
    | ReadLog
    | Status
    | Diagnose
    | ShowProfile
    | SetProfile
    | CheckPhrase
    | ShowMachine
    | DecideMachine
    | Stop
    | Panic
    | PairAnchor
    | AnchorStatus
    | ListAccounts
    | RemoveAccount
    | DrainAnchor
    | MakeBackup
    | ShowBackupSchedule
    | SetBackupSchedule
    | ListUnsent
    | SendUnsent
    | DropUnsent
    | ShowIdentity
    | RotateIdentity
    | RevokeIdentity
    | MakeRoom
    | ListRooms
    | ShowRoom
    | InviteToRoom
    | LeaveRoom
    | ListMembers
    | SendPost
    | PostFile
    | RoomHistory
    | MarkRoomRead
    | RemoveMember
    | LiftBan
    | AppointMember
    | RenameRoom
    | SetRoomDirect
    | SetRoomPolicy
    | SetRoomChannel
    | EditPost
    | DeletePost
    | ReactToPost
    | PinPost
    | PostPoll
    | ChooseInPoll
    | FindPost
    | ShowPostEdits
    | ListRoomDrafts
    | ListRoomMentions
    | ListRoomPins
    | ListThreads
    | MarkRoomUnread
    | SetRoomDraft
    | SetRoomPreferences
    | ListOffered
    | ConfirmOffered
    | DismissOffered
    | AppointCouncil
    | ContinueRoom
    | JoinRoom
    | ProposeChange
    | VoteOnProposal
    | ListProposals
    | SearchPosts
    | SendFile
    | ListFiles
    | ShowFile
    | AcceptFile
    | DeclineFile
    | CancelFile
    | PauseFile
    | ResumeFile
    | RemoveFile
    | BeginUpload
    | UploadPart
    | ReadFile
    | SetFileRules
)
