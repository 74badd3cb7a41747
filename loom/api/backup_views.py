"""What a front end is shown of backups."""

import msgspec

from loom.api.view import View


class BackupView(View, frozen=True, kw_only=True, tag="backup"):
    """A backup: whose, of when, and how much is in it.

    `opens_with`: phrase or passphrase. `files`: of how many files it has the content.
    `files_in_place`: own files whose content it was to have, but they are read where they lie;
    only of one that was just made.
    """

    path: str
    name: str
    fingerprint: str
    made_at_ms: int
    opens_with: str
    contacts_only: bool
    contacts: int
    messages: int
    rooms: int
    posts: int
    size_bytes: int
    files: int = 0
    files_in_place: int = 0


class LostRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a damaged backup lacks: how many messages, posts or other rows, and from when to when.

    `after_ms` and `until_ms` are the times of those before and after; None: there are none.
    """

    what: str
    count: int
    after_ms: int | None
    until_ms: int | None


class LostFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose content is damaged in a backup, or not in it although it was to be."""

    file_id: str
    name: str
    size_bytes: int


class BackupVerified(View, frozen=True, kw_only=True, tag="backup.verified"):
    """Every byte of it was read. `lost`: nothing when all of it is there."""

    backup: BackupView
    lost: list[LostRows]
    lost_files: list[LostFile] = []


class BackupRestored(View, frozen=True, kw_only=True, tag="backup.restored"):
    """A profile was made of it. `unsent`: texts that waited when it was made."""

    profile: str
    backup: BackupView
    lost: list[LostRows]
    unsent: int
    lost_files: list[LostFile] = []


class ScheduleView(View, frozen=True, kw_only=True, tag="backup.schedule"):
    """Daily backups: the newest `keep` stay in `folder`; it is empty when there are none.

    `last_ms`: when the last backup of any kind was made. `failed`: why the last daily one was not.
    `places`: files that were written here, and folders of daily ones, the newest last; some may be
    gone.
    """

    folder: str
    keep: int
    opens_with: str
    last_ms: int | None
    failed: str = ""
    with_files: bool = False
    places: list[str] = []


class UnsentView(View, frozen=True, kw_only=True, tag="unsent"):
    """Texts to a contact that waited when the backup was made from which this profile comes."""

    contact: str
    contact_id: int
    messages: int


class Unsent(View, frozen=True, kw_only=True, tag="unsent.list"):
    """Of all contacts that have some, oldest contact first."""

    contacts: list[UnsentView]
