"""A backup that is read: its file, then what opens it; and what was found in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from loom.api.backup_views import BackupRestored, BackupVerified
from loom.api.profiles import Profiles
from loom.errors import InvalidInput, InvalidPhrase, LoomError, WrongBackupPassphrase, WrongPhrase
from loom.front.backup_words import damage_lines
from loom.front.sentences import in_app
from loom.tui.kit.items import Field, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.phrase_field import PhraseField

PATTERN: Final = "loom-backup-*.loom"
"""What daily ones are called."""


def path_of(field: Field) -> Path:
    """What was typed as the path of a file or folder; ~ is one's own folder.

    Raises:
        InvalidInput: nothing, or no path.
    """
    given = field.text.strip()
    if not given:
        raise InvalidInput(what="Write the name of a file")
    try:
        return Path(given).expanduser().absolute()
    except (RuntimeError, ValueError, OSError) as error:
        raise InvalidInput(what="That is not a file name") from error


def short_path(path: Path) -> str:
    """With ~ for one's own folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (RuntimeError, ValueError):
        return str(path)


def newest_in(place: Path) -> Path:
    """The newest daily backup in a folder; of anything else itself."""
    try:
        found = sorted(place.glob(PATTERN)) if place.is_dir() else []
    except OSError:
        found = []
    return found[-1] if found else place


def damage_items(view: BackupVerified | BackupRestored) -> list[Item]:
    """What is lost."""
    return [Text(line, "bad") for line in damage_lines(view.lost, view.lost_files)]


class BackupFields:
    """Its file; once that was looked at, the 24 words or its passphrase, whichever opens it."""

    def __init__(self, panel: Panel, profiles: Profiles, does: Callable[[], None]) -> None:
        """`does` goes on, as the panel's button does."""
        self._panel = panel
        self._profiles = profiles
        self.file = Field("File", does, form="a backup that Loom made")
        self._words = PhraseField(panel.go_to)
        self._passphrase = Field("Its passphrase", secret=True)
        self._opens_with = ""
        self._looked_at = ""

    def items(self) -> list[Item]:
        """As far as is known."""
        match self._way:
            case "phrase":
                return [self.file, *self._words.items()]
            case "passphrase":
                hint = Text("The passphrase that the backup was made with.", "hint")
                return [self.file, self._passphrase, hint]
        return [self.file]

    @property
    def _way(self) -> str:
        return self._opens_with if self._looked_at == self.file.text else ""

    @property
    def secret(self) -> str:
        """What was typed to open it."""
        return self._words.text if self._way == "phrase" else self._passphrase.text

    @property
    def _secret_field(self) -> Field:
        return self._words.field if self._way == "phrase" else self._passphrase

    def path(self) -> Path | None:
        """Its file, if all is typed that opens it; else the next question is asked."""
        try:
            path = path_of(self.file)
        except InvalidInput as error:
            self._panel.refuse(self.file, in_app(error))
            return None
        if not self._way:
            self._panel.work(self._look(path), "Reading", field=self.file)
        elif not self.secret.strip():
            what = "24 words" if self._way == "phrase" else "backup's passphrase"
            self._panel.refuse(self._secret_field, f"Type the {what} first.")
        else:
            return path
        return None

    async def _look(self, path: Path) -> None:
        self._opens_with = await self._profiles.backup_opens_with(path)
        self._looked_at = self.file.text
        self._panel.go_to(self._secret_field)

    def refuse(self, error: LoomError) -> bool:
        """Say what is wrong with the secret; False: something else is."""
        if not isinstance(error, InvalidPhrase | WrongPhrase | WrongBackupPassphrase):
            return False
        if self._way == "phrase":
            self._words.offer()
        else:
            self._passphrase.clear()
        self._panel.refuse(self._secret_field, in_app(error))
        return True

    def forget(self) -> None:
        """The secrets."""
        self._words.clear()
        self._passphrase.clear()
