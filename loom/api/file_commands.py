"""What may be asked of the node about files.

A file is named by its id: 32 hex digits, or 8 or more of its last or first ones.
"""

from loom.api.command import Command
from loom.api.file_views import FilePiece, FileRules, Files, FileView, ThumbnailView, UploadView
from loom.api.message_views import MessageView
from loom.api.view import Done


class SendFile(Command[MessageView], frozen=True, kw_only=True, tag="send_file"):
    """Offer a file to a contact; the result is the stored message, its `file` the offer.

    Args:
        path: where it lies on the node's machine; it is read there when the contact accepts. Not
            from another machine.
        upload_id: or what was handed over with `UploadPart`, whole.
        file_id: or a file that is here whole, of whatever conversation or room: it is offered as
            it was, under other keys; what is given beside it is said instead.
        name: what the contact sees; "": the name of the file, or of the upload.
        media_type: at most 127 characters of ASCII; "": application/octet-stream.
        thumbnail: see `ThumbnailView`.
        caption: at most 16 KiB.
        expires_s: see `SendText`.
    """

    contact: str
    path: str = ""
    upload_id: str = ""
    file_id: str = ""
    name: str = ""
    caption: str = ""
    reply_to: str | None = None
    media_type: str = ""
    thumbnail: ThumbnailView | None = None
    expires_s: int | None = None


class ListFiles(Command[Files], frozen=True, kw_only=True, tag="list_files"):
    """Files, newest first; `before_row` of a page's last file gives the next page.

    Args:
        contact: only with them; `room`: only of this room.
        state: see `FileView`, or `ended`: done, declined, cancelled or failed.
        media_type: it begins so, as `image/`.
        kept: only what lies whole in the profile's folder, so that `RemoveFile` frees its size.
        before_ms: only what was offered before then, Unix milliseconds.
        largest: the largest first; the next page is asked for with the size of the last file, too:
            `before_bytes`.
        limit: at most 1,000.
    """

    contact: str = ""
    room: str = ""
    state: str = ""
    media_type: str = ""
    kept: bool = False
    larger_than_bytes: int | None = None
    before_ms: int | None = None
    largest: bool = False
    limit: int = 50
    before_row: int | None = None
    before_bytes: int | None = None


class ShowFile(Command[FileView], frozen=True, kw_only=True, tag="show_file"):
    """One file."""

    file_id: str


class AcceptFile(Command[FileView], frozen=True, kw_only=True, tag="accept_file"):
    """Fetch a file that was offered; in a room also one that was refused, ended or removed here.

    Of one that is being fetched, or is here, nothing changes.
    """

    file_id: str


class DeclineFile(Command[FileView], frozen=True, kw_only=True, tag="decline_file"):
    """Refuse a file that was offered; what came of it is deleted. Nobody in a room is told."""

    file_id: str


class CancelFile(Command[FileView], frozen=True, kw_only=True, tag="cancel_file"):
    """End a transfer that is not done, on either side; the other side is told.

    One's own file in a room is served to nobody any more; members who have it may still pass it on.
    """

    file_id: str


class PauseFile(Command[FileView], frozen=True, kw_only=True, tag="pause_file"):
    """Ask for no more of it, or serve no more, until `ResumeFile`."""

    file_id: str


class ResumeFile(Command[FileView], frozen=True, kw_only=True, tag="resume_file"):
    """Go on with a file that was paused. After a full disk it goes on by itself, too."""

    file_id: str


class RemoveFile(Command[FileView], frozen=True, kw_only=True, tag="remove_file"):
    """Delete the content from this machine; the message stays. A running transfer is cancelled.

    A file that was sent from its path stays there.
    """

    file_id: str


class BeginUpload(Command[UploadView], frozen=True, kw_only=True, tag="begin_upload"):
    """Hand over content for `SendFile`; without one within a day, or a restart, it is deleted.

    Args:
        size_bytes: None: nobody knows yet; `SendFile` ends it.
    """

    name: str
    size_bytes: int | None


class UploadPart(Command[Done], frozen=True, kw_only=True, tag="upload_part"):
    """The next 256 KiB of an upload, the last one shorter; from 0 on, in order. In JSON base64."""

    upload_id: str
    index: int
    data: bytes

    def __repr__(self) -> str:
        return f"UploadPart({self.upload_id}, {self.index}, {len(self.data)} bytes)"


class ReadFile(Command[FilePiece], frozen=True, kw_only=True, tag="read_file"):
    """256 KiB of a file that is here, checked against what its sender offered."""

    file_id: str
    index: int


class SetFileRules(Command[FileRules], frozen=True, kw_only=True, tag="set_file_rules"):
    """Change what is not None; without anything, only show it (see `FileRules`)."""

    accept_from: str | None = None
    accept_max_bytes: int | None = None
    quota_bytes: int | None = None
    accept_in_rooms: bool | None = None
