"""What a front end is shown of files."""

import msgspec

from loom.api.view import View


class ThumbnailView(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture. `rgb`: 3 bytes a pixel, row by row, at most 9,216 bytes; in JSON base64."""

    width: int
    height: int
    rgb: bytes

    def __repr__(self) -> str:
        return f"ThumbnailView({self.width} x {self.height})"


class FileView(View, frozen=True, kw_only=True, tag="file"):
    """One file that was offered, and how far it got.

    `state`: offered (nobody decided), accepted (waits for the other side), receiving (content
    moves, of an outgoing file from here), paused, done, declined, cancelled, failed.
    """

    file_id: str
    """32 hex digits; commands take the first 8 or more of them."""
    message_id: str
    """Of its message; empty in a room."""
    contact: str
    """In a room who offers it, as they are called there; empty of one's own."""
    contact_id: int
    """In a room 0."""
    room: str = ""
    room_id: str = ""
    post_id: str = ""
    """Of its post, in a room."""
    direction: str
    """`in` or `out`."""
    name: str
    """Harmless as the name of a file, whatever its sender wrote."""
    size_bytes: int
    media_type: str
    state: str
    received_bytes: int
    """Of an outgoing file: what the other side was served; in a room 0."""
    caption: str = ""
    thumbnail: ThumbnailView | None = None
    """None in lists, too."""
    way: str = ""
    """How content moved last: `direct`, `anchor`, or "" as long as none did."""
    why: str = ""
    """Of a failed or paused file the code of an error, or "" where a person paused it."""
    is_here: bool = False
    """The whole content is on this machine: it can be read."""
    path: str = ""
    """Of an outgoing file that is read in place: where it lies."""
    is_executable: bool = False
    """Its name or type says that opening it could run a program."""
    offered_at_ms: int = 0
    served_to: int = 0
    """Of an outgoing file in a room: how many members were served all of it from here."""
    row_id: int = 0
    """Its place in lists: larger of what came later."""


class Files(View, frozen=True, kw_only=True, tag="files"):
    """A page of files; `kept_bytes` is what all of the profile's files take on its disk."""

    files: list[FileView]
    kept_bytes: int = 0
    quota_bytes: int = 0
    total: int = 0
    """How many files were asked for, on all pages; `total_bytes`: their size."""
    total_bytes: int = 0


class UploadView(View, frozen=True, kw_only=True, tag="upload"):
    """Content that a front end hands over piece by piece, to be sent afterwards."""

    upload_id: str
    name: str
    size_bytes: int


class FilePiece(View, frozen=True, kw_only=True, tag="file_piece"):
    """256 KiB of a file, or less at its end; `data` in JSON is base64."""

    file_id: str
    index: int
    count: int
    """How many pieces the file has; 0 for an empty file."""
    data: bytes

    def __repr__(self) -> str:
        return f"FilePiece({self.file_id}, {self.index} of {self.count})"


class FileRules(View, frozen=True, kw_only=True, tag="file_rules"):
    """What is accepted without asking, and how much may lie on the disk.

    `accept_from`: nobody, verified (contacts) or contacts. `accept_in_rooms`: of members of rooms,
    too, up to the same size.
    """

    accept_from: str
    accept_max_bytes: int
    quota_bytes: int
    accept_in_rooms: bool = False
