"""The control socket for another machine: its lines through a pipe, with fewer rights.

`loom control-pipe` stands between the two: it tells the node that another machine asks from now on,
which cannot be taken back, and passes lines on as they are. A local program that says so gives up
rights; one that does not has those of this user anyway.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Final

from loom.api import (
    anchor_commands,
    backup_commands,
    contact_commands,
    conversation_commands,
    file_commands,
    identity_commands,
    invite_commands,
    machine_commands,
    message_commands,
    pairing_commands,
    profile_commands,
    room_commands,
)
from loom.api.command import Command
from loom.control.client import GREETING_TIMEOUT_S, connect
from loom.control.exchange import line_of
from loom.control.lines import Request, decode_answer, encode
from loom.errors import ControlError, LocalOnly

MARKER: Final = b"LOOM CONTROL PIPE\n"
"""Comes first; what the shell over there printed before it is skipped."""
CHUNK_BYTES: Final = 65_536
BEAT_S: Final = 60.0
SILENCE_MAX_S: Final = 200.0
"""Without a beat for so long the other machine is gone; sshd would notice after hours."""

FROM_AFAR: Final = frozenset(
    {
        message_commands.SendText,
        message_commands.EditMessage,
        message_commands.ShowEdits,
        message_commands.React,
        message_commands.Pin,
        message_commands.ListPins,
        message_commands.Bookmark,
        message_commands.ListBookmarks,
        message_commands.Forward,
        contact_commands.ExportToken,
        contact_commands.ImportToken,
        contact_commands.ListContacts,
        contact_commands.ShowContact,
        contact_commands.RenameContact,
        contact_commands.RemoveContact,
        contact_commands.BlockContact,
        contact_commands.VerifyContact,
        message_commands.History,
        message_commands.FindMessage,
        message_commands.ShowDelivery,
        message_commands.RetryMessage,
        message_commands.DeleteMessages,
        conversation_commands.SetTimer,
        contact_commands.SayFarewell,
        contact_commands.AnswerFarewell,
        message_commands.Search,
        conversation_commands.MarkRead,
        conversation_commands.MarkUnread,
        conversation_commands.ListMentions,
        conversation_commands.NoteLeaving,
        conversation_commands.ListArrivals,
        conversation_commands.SetTyping,
        conversation_commands.ListDrafts,
        conversation_commands.SetDraft,
        conversation_commands.ListPreferences,
        conversation_commands.SetPreferences,
        contact_commands.Connect,
        pairing_commands.StartPairing,
        pairing_commands.StopPairing,
        pairing_commands.ShowPairing,
        pairing_commands.PickPeer,
        pairing_commands.DialPeer,
        pairing_commands.AnswerWords,
        backup_commands.ListUnsent,
        backup_commands.SendUnsent,
        backup_commands.DropUnsent,
        anchor_commands.ExportMail,
        anchor_commands.ImportMail,
        contact_commands.ListPeers,
        anchor_commands.ListAnchors,
        invite_commands.MakeInvite,
        invite_commands.ListInvites,
        invite_commands.RevokeInvite,
        invite_commands.ListRequests,
        invite_commands.AcceptRequest,
        invite_commands.RejectRequest,
        contact_commands.ShowConnectivity,
        profile_commands.ReadLog,
        profile_commands.ShowProfile,
        profile_commands.SetProfile,
        profile_commands.Status,
        profile_commands.Diagnose,
        machine_commands.ShowMachine,
        profile_commands.Stop,
        room_commands.MakeRoom,
        room_commands.ListRooms,
        room_commands.ShowRoom,
        room_commands.InviteToRoom,
        room_commands.LeaveRoom,
        room_commands.ListMembers,
        room_commands.SendPost,
        room_commands.PostFile,
        room_commands.RoomHistory,
        room_commands.MarkRoomRead,
        room_commands.RemoveMember,
        room_commands.LiftBan,
        room_commands.AppointMember,
        room_commands.RenameRoom,
        room_commands.SetRoomDirect,
        room_commands.SetRoomPolicy,
        room_commands.SetRoomChannel,
        room_commands.EditPost,
        room_commands.DeletePost,
        room_commands.ReactToPost,
        room_commands.PinPost,
        room_commands.PostPoll,
        room_commands.ChooseInPoll,
        room_commands.FindPost,
        room_commands.ShowPostEdits,
        room_commands.ListRoomDrafts,
        room_commands.BookmarkPost,
        room_commands.ListRoomBookmarks,
        room_commands.ListRoomMentions,
        room_commands.ListRoomPins,
        room_commands.ListThreads,
        room_commands.MarkRoomUnread,
        room_commands.SetRoomDraft,
        room_commands.SetRoomPreferences,
        room_commands.ListOffered,
        room_commands.ConfirmOffered,
        room_commands.DismissOffered,
        room_commands.AppointCouncil,
        room_commands.ContinueRoom,
        room_commands.JoinRoom,
        room_commands.ProposeChange,
        room_commands.VoteOnProposal,
        room_commands.ListProposals,
        room_commands.SearchPosts,
        file_commands.SendFile,
        file_commands.ListFiles,
        file_commands.ShowFile,
        file_commands.AcceptFile,
        file_commands.DeclineFile,
        file_commands.CancelFile,
        file_commands.PauseFile,
        file_commands.ResumeFile,
        file_commands.RemoveFile,
        file_commands.BeginUpload,
        file_commands.UploadPart,
        file_commands.ReadFile,
        file_commands.SetFileRules,
        identity_commands.ShowIdentity,
    }
)
"""What another machine may ask: nothing that names a path, a program or a setting of this machine.
Every other command is refused, so a new one is refused until it is added here."""
LOCAL: Final = frozenset(
    {
        profile_commands.Panic,
        backup_commands.MakeBackup,
        backup_commands.ShowBackupSchedule,
        backup_commands.SetBackupSchedule,
        identity_commands.RotateIdentity,
        identity_commands.TakeLaterIdentity,
        identity_commands.RevokeIdentity,
        profile_commands.CheckPhrase,
        machine_commands.DecideMachine,
        anchor_commands.UseAnchor,
        anchor_commands.LeaveAnchor,
        anchor_commands.ReplaceAnchor,
        anchor_commands.PairAnchor,
        anchor_commands.AnchorStatus,
        anchor_commands.ListAccounts,
        anchor_commands.RemoveAccount,
        anchor_commands.DrainAnchor,
    }
)
"""What it may not ask. The recovery phrase crosses no pipe; an anchor would see the node's traffic
after the other machine has lost its rights; it destroys no profile; and no pipe leads to an
anchor."""


def check_from_afar(command: Command[object]) -> None:
    """Raises LocalOnly: this command is not for another machine, or names a file of this one."""
    if type(command) not in FROM_AFAR:
        raise LocalOnly(what=f"The command {command.__struct_config__.tag}")
    if isinstance(command, file_commands.SendFile | room_commands.PostFile) and command.path:
        raise LocalOnly(what="Sending what lies at a path")


async def relay(path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass lines on between a pipe and the node that serves `path`, until one of them ends.

    Raises:
        NodeNotRunning, StoreUnavailable: see `loom.control.client.connect`.
        ControlError: the node knows no pipes; nothing was passed on.
    """
    from_node, to_node, greeting = await connect(path)
    try:
        to_node.write(encode(Request(id=0, pipe=True)))
        try:
            async with asyncio.timeout(GREETING_TIMEOUT_S):
                answer = decode_answer(await line_of(from_node))
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise ControlError(what="it is an older Loom that knows no --on") from error
        if answer.id != 0 or not answer.result:
            raise ControlError(what="it is an older Loom that knows no --on")
        writer.write(encode(greeting))
        copying = {
            asyncio.create_task(_copy(reader, to_node, SILENCE_MAX_S), name="pipe to node"),
            asyncio.create_task(_copy(from_node, writer, None), name="node to pipe"),
        }
        _, late = await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        await asyncio.gather(*copying, return_exceptions=True)
    finally:
        to_node.close()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence_max_s: float | None
) -> None:
    with contextlib.suppress(OSError):  # TimeoutError is one
        while True:
            async with asyncio.timeout(silence_max_s):
                data = await reader.read(CHUNK_BYTES)
            if not data:
                return
            writer.write(data)
            await writer.drain()
