"""What may be asked of the node about backups, and about what waited when one was made."""

from loom.api.backup_views import BackupView, ScheduleView, Unsent
from loom.api.command import Command


class MakeBackup(Command[BackupView], frozen=True, kw_only=True, tag="make_backup"):
    """Write the profile into a file, while it is in use; the file is whole or not there.

    Args:
        path: of a file on the node's machine; one that is there is replaced.
        contacts_only: leave out what was said.
        with_files: take along the contents of files that lie in the profile.
        passphrase: opens it; empty: the 24 words do.
    """

    path: str
    contacts_only: bool = False
    with_files: bool = False
    passphrase: str = ""

    def __repr__(self) -> str:
        return "MakeBackup(redacted)"


class ShowBackupSchedule(
    Command[ScheduleView], frozen=True, kw_only=True, tag="show_backup_schedule"
):
    """Which backups the node makes by itself."""


class SetBackupSchedule(
    Command[ScheduleView], frozen=True, kw_only=True, tag="set_backup_schedule"
):
    """Let the node make one every day, or none.

    Args:
        folder: on the node's machine; empty: none are made.
        keep: how many stay, the newest; 1 to 1,000.
        with_files: with the contents of files.
        passphrase: opens them; empty: the 24 words do.
    """

    folder: str
    keep: int = 7
    with_files: bool = False
    passphrase: str = ""

    def __repr__(self) -> str:
        return "SetBackupSchedule(redacted)"


class ListUnsent(Command[Unsent], frozen=True, kw_only=True, tag="list_unsent"):
    """Texts that waited when the backup was made from which this profile comes."""


class SendUnsent(Command[Unsent], frozen=True, kw_only=True, tag="send_unsent"):
    """Send them. Who has one already is not shown it again. What is left is the answer.

    Args:
        contact: to whom; empty: to all.
    """

    contact: str = ""


class DropUnsent(Command[Unsent], frozen=True, kw_only=True, tag="drop_unsent"):
    """Do not send them: they stay in the history as failed. What is left is the answer."""

    contact: str = ""
