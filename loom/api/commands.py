"""All that a front end may ask of the node. A command's type argument is its result.

A contact is named by its name (case-insensitive) or by `#` and its number.
"""

from loom.api.anchor_commands import (
    AnchorStatus,
    DrainAnchor,
    ExportMail,
    ImportMail,
    LeaveAnchor,
    ListAccounts,
    ListAnchors,
    PairAnchor,
    RemoveAccount,
    ReplaceAnchor,
    UseAnchor,
)
from loom.api.backup_commands import (
    DropUnsent,
    ListUnsent,
    MakeBackup,
    SendUnsent,
    SetBackupSchedule,
    ShowBackupSchedule,
)
from loom.api.contact_commands import (
    AnswerFarewell,
    BlockContact,
    Connect,
    ExportToken,
    ImportToken,
    ListContacts,
    ListPeers,
    RemoveContact,
    RenameContact,
    SayFarewell,
    ShowConnectivity,
    ShowContact,
    VerifyContact,
)
from loom.api.conversation_commands import (
    ListArrivals,
    ListDrafts,
    ListMentions,
    ListPreferences,
    MarkRead,
    MarkUnread,
    NoteLeaving,
    SetDraft,
    SetPreferences,
    SetTimer,
    SetTyping,
)
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
from loom.api.identity_commands import (
    RevokeIdentity,
    RotateIdentity,
    ShowIdentity,
    TakeLaterIdentity,
)
from loom.api.invite_commands import (
    AcceptRequest,
    ListInvites,
    ListRequests,
    MakeInvite,
    RejectRequest,
    RevokeInvite,
)
from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.api.message_commands import (
    Bookmark,
    DeleteMessages,
    EditMessage,
    FindMessage,
    Forward,
    History,
    ListBookmarks,
    ListPins,
    Pin,
    React,
    RetryMessage,
    Search,
    SendText,
    ShowDelivery,
    ShowEdits,
)
from loom.api.pairing_commands import (
    AnswerWords,
    DialPeer,
    PickPeer,
    ShowPairing,
    StartPairing,
    StopPairing,
)
from loom.api.profile_commands import (
    CheckPhrase,
    Diagnose,
    Panic,
    ReadLog,
    SetProfile,
    ShowProfile,
    Status,
    Stop,
)
from loom.api.room_commands import (
    AppointCouncil,
    AppointMember,
    BookmarkPost,
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
    ListRoomBookmarks,
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
    | TakeLaterIdentity
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
    | BookmarkPost
    | ListRoomBookmarks
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
