"""All that a front end is shown: plain values, ready for JSON, with no key in them."""

from loom.api.anchor_views import (
    AccountsView,
    AccountView,
    AnchorLeft,
    Anchors,
    AnchorStatusView,
    AnchorView,
    MailFileRead,
    MailFileView,
    PairingTextView,
    SilentAnchors,
    WaitingMail,
)
from loom.api.backup_views import (
    BackupRestored,
    BackupVerified,
    BackupView,
    ScheduleView,
    Unsent,
    UnsentView,
)
from loom.api.contact_views import (
    Connectivity,
    Contacts,
    ContactView,
    Peers,
    PeerView,
    SafetyNumberView,
    TokenView,
)
from loom.api.conversation_views import Arrivals, Drafts, Preferences
from loom.api.file_views import FilePiece, FileRules, Files, FileView, UploadView
from loom.api.identity_views import IdentityView
from loom.api.invite_views import Invites, InviteView, Requests, RequestView
from loom.api.machine_views import MachineView
from loom.api.message_views import DeliveryView, Messages, MessageView, Wordings
from loom.api.move_views import (
    MoveListening,
    MoveProgress,
    MoveReceived,
    MoveSent,
    MoveWords,
)
from loom.api.pairing_views import PairingView
from loom.api.profile_views import Destroyed, Diagnosis, LogLines, OwnProfileView, StatusView
from loom.api.room_views import (
    BannedView,
    Members,
    MemberView,
    Posts,
    PostView,
    PostWordings,
    RoomDrafts,
    Rooms,
    RoomView,
    Statements,
    StatementView,
)
from loom.api.view import Done

AnyView = (
    Done
    | MachineView
    | MessageView
    | Messages
    | Wordings
    | PostWordings
    | DeliveryView
    | ContactView
    | Contacts
    | Arrivals
    | Drafts
    | Preferences
    | TokenView
    | IdentityView
    | InviteView
    | Invites
    | RequestView
    | Requests
    | SafetyNumberView
    | PeerView
    | Peers
    | Connectivity
    | LogLines
    | OwnProfileView
    | StatusView
    | Diagnosis
    | Destroyed
    | PairingView
    | MailFileView
    | MailFileRead
    | AnchorView
    | AnchorLeft
    | WaitingMail
    | SilentAnchors
    | Anchors
    | PairingTextView
    | AnchorStatusView
    | AccountView
    | AccountsView
    | BackupView
    | BackupVerified
    | BackupRestored
    | MoveListening
    | MoveWords
    | MoveProgress
    | MoveSent
    | MoveReceived
    | ScheduleView
    | UnsentView
    | Unsent
    | RoomView
    | Rooms
    | MemberView
    | BannedView
    | Members
    | PostView
    | Posts
    | RoomDrafts
    | StatementView
    | Statements
    | FileView
    | Files
    | UploadView
    | FilePiece
    | FileRules
)
