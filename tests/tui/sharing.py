"""A fake node that knows files: offers, what becomes of them, and their content."""

from pathlib import Path
from typing import Any

import msgspec

from loom.api.command import Command
from loom.api.events import FileChanged, FileProgress, MessageQueued
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
from loom.api.file_views import FilePiece, FileRules, Files, FileView, ThumbnailView, UploadView
from loom.api.message_views import MessageView
from loom.api.room_commands import PostFile
from loom.api.view import Done
from loom.errors import FileNotKnown
from loom.front.file_words import ENDED
from tests.fakes import NOW_MS
from tests.tui.posting import PostingNode

CHUNK = 256 * 1024


class SharingNode(PostingNode):
    """Answers commands about files, and tells what they changed."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, FileView] = {}
        self.contents: dict[str, bytes] = {}
        self.uploaded = b""
        self.rules = FileRules(
            accept_from="verified", accept_max_bytes=1 << 20, quota_bytes=10_000_000_000
        )

    def offer_file(
        self, name: str, file_name: str, caption: str = "", direction: str = "in", **facts: Any
    ) -> FileView:
        """A file that was offered already."""
        self.say(name, caption, direction=direction, state="read")
        message = self.messages[-1]
        file = FileView(
            file_id=message.message_id,
            message_id=message.message_id,
            contact=name,
            contact_id=message.contact_id,
            direction=direction,
            name=file_name,
            size_bytes=2_100_000,
            media_type="image/png",
            state="offered",
            received_bytes=0,
            caption=caption,
            offered_at_ms=message.sent_at_ms,
        )
        file = msgspec.structs.replace(file, **facts)
        self.files[file.file_id] = file
        self._put(message, kind="file", file=file)
        return file

    def keep(self, name: str, file_name: str, data: bytes, **facts: Any) -> FileView:
        """A file that is here."""
        known = {"state": "done", "size_bytes": len(data), "received_bytes": len(data)}
        file = self.offer_file(name, file_name, is_here=True, **{**known, **facts})
        self.contents[file.file_id] = data
        return file

    def post_file(
        self, room_id: str, name: str, file_name: str, caption: str = "", **facts: Any
    ) -> FileView:
        """A file that somebody offers in a room."""
        own = name == "work"
        channel, thread = facts.pop("channel", "general"), facts.pop("thread", None)
        view = self.post(room_id, name, caption, channel=channel, thread=thread, kind="file")
        file = FileView(
            file_id=f"{view.row_id:032x}",
            message_id="",
            contact="" if own else name,
            contact_id=0,
            room=view.room,
            room_id=room_id,
            post_id=view.post_id,
            direction="out" if own else "in",
            name=file_name,
            size_bytes=2_100_000,
            media_type="image/png",
            state="offered",
            received_bytes=0,
            offered_at_ms=view.sent_at_ms,
        )
        file = msgspec.structs.replace(file, **facts)
        self.files[file.file_id] = file
        self._reput(view, file=file)
        return file

    def become(self, file: FileView, state: str, **facts: Any) -> FileView:
        """A file is in another state."""
        now = msgspec.structs.replace(self.files[file.file_id], state=state, **facts)
        self.files[file.file_id] = now
        if now.room_id:
            self._replace(msgspec.structs.replace(self._found(now.room_id, now.post_id), file=now))
        else:
            self._put(self.by_id(file.message_id), file=now)
        self._event(
            FileChanged(
                file_id=now.file_id,
                contact=now.contact,
                contact_id=now.contact_id,
                state=state,
                file=now,
            )
        )
        return now

    def move(self, file: FileView, received_bytes: int, rate: int = 0) -> None:
        """So much came by now."""
        self._event(
            FileProgress(
                file_id=file.file_id,
                contact=file.contact,
                contact_id=file.contact_id,
                direction=file.direction,
                received_bytes=received_bytes,
                size_bytes=file.size_bytes,
                rate_bytes_per_s=rate,
            )
        )

    def _answer(self, command: Command[Any]) -> object:
        match command:
            case SendFile():
                return self._send_file(command)
            case BeginUpload():
                self.uploaded = b""
                return UploadView(
                    upload_id="1", name=command.name, size_bytes=command.size_bytes or 0
                )
            case UploadPart():
                self.uploaded += command.data
                return Done()
            case ListFiles():
                return self._page_of_files(command)
            case ShowFile():
                return self._file(command.file_id)
            case AcceptFile() | ResumeFile():
                return self.become(self._file(command.file_id), "accepted")
            case DeclineFile():
                return self.become(self._file(command.file_id), "declined")
            case CancelFile():
                return self.become(self._file(command.file_id), "cancelled")
            case PauseFile():
                return self.become(self._file(command.file_id), "paused")
            case RemoveFile():
                file = self._file(command.file_id)
                return self.become(file, file.state, is_here=False)
            case ReadFile():
                return self._piece(command)
            case SetFileRules():
                given = {
                    name: value
                    for name in (
                        "accept_from",
                        "accept_max_bytes",
                        "quota_bytes",
                        "accept_in_rooms",
                    )
                    if (value := getattr(command, name)) is not None
                }
                self.rules = msgspec.structs.replace(self.rules, **given)
                return self.rules
        return super()._answer(command)

    def _in_room(self, room_id: str, command: Command[Any]) -> object:
        if isinstance(command, PostFile):
            path = Path(command.path)
            file = self.post_file(
                room_id,
                "work",
                command.name or path.name,
                command.caption,
                channel=command.channel,
                thread=command.thread,
                size_bytes=path.stat().st_size if command.path else len(self.uploaded),
                media_type=command.media_type,
                thumbnail=command.thumbnail,
                path=command.path,
                is_here=True,
            )
            return self._found(room_id, file.post_id)
        return super()._in_room(room_id, command)

    def _page_of_files(self, wanted: ListFiles) -> Files:
        number = 0 if not wanted.contact else self._contact(wanted.contact).contact_id
        every = [
            msgspec.structs.replace(one, row_id=row)
            for row, one in enumerate(self.files.values(), start=1)
        ]
        kept = sum(one.size_bytes for one in every if one.is_here and not one.path)
        found = [
            one
            for one in every[::-1]
            if number in (0, one.contact_id)
            and wanted.room in ("", one.room_id)
            and one.media_type.startswith(wanted.media_type)
            and (not wanted.kept or (one.is_here and not one.path))
            and (wanted.state != "ended" or one.state in ENDED)
            and (wanted.before_ms is None or one.offered_at_ms < wanted.before_ms)
        ]
        rest = found = sorted(found, key=lambda one: -one.size_bytes if wanted.largest else 0)
        if wanted.before_row is not None:
            at = [one.row_id for one in found].index(wanted.before_row)
            rest = found[at + 1 :]
        return Files(
            files=rest[: wanted.limit],
            kept_bytes=kept,
            quota_bytes=self.rules.quota_bytes,
            total=len(found),
            total_bytes=sum(one.size_bytes for one in found),
        )

    def _file(self, file_id: str) -> FileView:
        if file_id not in self.files:
            raise FileNotKnown(file_id=file_id)
        return self.files[file_id]

    def _send_file(self, command: SendFile) -> MessageView:
        path = Path(command.path)
        contact = self._contact(command.contact)
        message = self._store(contact.contact, command.caption, "out", "queued")
        size = path.stat().st_size if path.exists() else 0
        file = FileView(
            file_id=message.message_id,
            message_id=message.message_id,
            contact=contact.contact,
            contact_id=contact.contact_id,
            direction="out",
            name=command.name or path.name,
            size_bytes=size,
            media_type=command.media_type,
            state="offered",
            received_bytes=0,
            caption=command.caption,
            thumbnail=command.thumbnail,
            path=command.path,
            is_here=True,
            offered_at_ms=NOW_MS,
        )
        self.files[file.file_id] = file
        self._put(message, kind="file", file=file)
        message = self.by_id(message.message_id)
        self._tell(MessageQueued, message)
        return message

    def _piece(self, command: ReadFile) -> FilePiece:
        data = self.contents[command.file_id]
        start = command.index * CHUNK
        return FilePiece(
            file_id=command.file_id,
            index=command.index,
            count=-(-len(data) // CHUNK),
            data=data[start : start + CHUNK],
        )


def gradient(width: int, height: int) -> ThumbnailView:
    """A small picture of which every corner looks different."""
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            pixels += bytes((255 * x // max(width - 1, 1), 255 * y // max(height - 1, 1), 128))
    return ThumbnailView(width=width, height=height, rgb=bytes(pixels))
