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
    backup_commands,
    file_commands,
    identity_commands,
    machine_commands,
    room_commands,
)
from loom.api import commands as api
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
        api.SendText,
        api.EditMessage,
        api.ShowEdits,
        api.React,
        api.Pin,
        api.ListPins,
        api.Bookmark,
        api.ListBookmarks,
        api.Forward,
        api.ExportToken,
        api.ImportToken,
        api.ListContacts,
        api.ShowContact,
        api.RenameContact,
        api.RemoveContact,
        api.BlockContact,
        api.VerifyContact,
        api.History,
        api.FindMessage,
        api.ShowDelivery,
        api.RetryMessage,
        api.DeleteMessages,
        api.SetTimer,
        api.SayFarewell,
        api.AnswerFarewell,
        api.Search,
        api.MarkRead,
        api.MarkUnread,
        api.ListMentions,
        api.NoteLeaving,
        api.ListArrivals,
        api.SetTyping,
        api.ListDrafts,
        api.SetDraft,
        api.ListPreferences,
        api.SetPreferences,
        api.Connect,
        api.StartPairing,
        api.StopPairing,
        api.ShowPairing,
        api.PickPeer,
        api.DialPeer,
        api.AnswerWords,
        backup_commands.ListUnsent,
        backup_commands.SendUnsent,
        backup_commands.DropUnsent,
        api.ExportMail,
        api.ImportMail,
        api.ListPeers,
        api.ListAnchors,
        api.MakeInvite,
        api.ListInvites,
        api.RevokeInvite,
        api.ListRequests,
        api.AcceptRequest,
        api.RejectRequest,
        api.ShowConnectivity,
        api.ReadLog,
        api.ShowProfile,
        api.SetProfile,
        api.Status,
        api.Diagnose,
        machine_commands.ShowMachine,
        api.Stop,
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
        api.Panic,
        backup_commands.MakeBackup,
        backup_commands.ShowBackupSchedule,
        backup_commands.SetBackupSchedule,
        identity_commands.RotateIdentity,
        identity_commands.RevokeIdentity,
        api.CheckPhrase,
        machine_commands.DecideMachine,
        api.UseAnchor,
        api.LeaveAnchor,
        api.ReplaceAnchor,
        api.PairAnchor,
        api.AnchorStatus,
        api.ListAccounts,
        api.RemoveAccount,
        api.DrainAnchor,
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
