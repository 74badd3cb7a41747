"""Backups: which there are, one made now, one a day, one verified."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from loom.api.backup_commands import MakeBackup, SetBackupSchedule, ShowBackupSchedule
from loom.api.backup_views import BackupVerified, BackupView, ScheduleView
from loom.api.profiles import Profiles
from loom.errors import InvalidInput, LoomError
from loom.front.backup_words import contents_words, count_words, opener_words
from loom.front.file_words import size_words
from loom.front.sentences import in_app
from loom.passphrases import MIN_CHARACTERS, strength_of
from loom.printable import printable
from loom.received_names import numbered_names
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Option, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.kit.panel import Panel
from loom.tui.owner import Owner
from loom.tui.screens.backup_file import BackupFields, damage_items, newest_in, path_of, short_path
from loom.tui.times import since_words, today

ABOUT: Final = (
    "A backup has your identity, contacts, rooms and what was said, encrypted. It has no sessions "
    "and no disappearing messages."
)
PLACES_MAX: Final = 5
PATH_MAX: Final = 44
KEEP: Final = 7


def last_fact(view: ScheduleView) -> Fact:
    """When the last one was made."""
    if view.last_ms is None:
        return Fact("Backup", "there is none yet", "warn")
    return Fact("Backup", f"the last one {since_words(view.last_ms)}")


def daily_facts(view: ScheduleView) -> list[Item]:
    """Which ones are made daily, and why the last one was not."""
    if not view.folder:
        return [Fact("Daily", "no")]
    files = ", with files" if view.with_files else ""
    words = f"into {printable(view.folder)}{files}, the newest {view.keep} stay"
    failed = f"the last one failed: {view.failed}"
    return [Fact("Daily", words), *([Fact("", failed, "bad")] if view.failed else [])]


class Place(NamedTuple):
    """Where one was written, or daily ones are; the newest there, and whether it is still there."""

    name: str
    newest: str
    words: str


class BackupsPanel(LivePanel):
    """What is so, and a way to each screen that changes it."""

    heading = "Backups"

    def __init__(self, loom: Owner, profiles: Profiles) -> None:
        super().__init__(loom)
        self.loom = loom
        self._profiles = profiles
        self._now: ScheduleView | None = None
        self._places: list[Place] = []

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._now = await self.loom.send(ShowBackupSchedule())
        self._places = await asyncio.to_thread(_looked_at, self._now.places)

    def on_screen_resume(self) -> None:
        """One may have been made."""
        super().on_screen_resume()
        self.work(self.load(), name="load")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        now = self._now
        if now is None:
            return []
        loom, profiles = self.loom, self._profiles
        return [
            Text(ABOUT),
            GAP,
            last_fact(now),
            *daily_facts(now),
            GAP,
            Button("Make one now", lambda: loom.open_panel(MakePanel(loom, profiles))),
            Button("Make one a day", lambda: loom.open_panel(DailyPanel(loom, now))),
            Button(
                "Verify one",
                partial(self._verify, ""),
                "reads it from end to end",
            ),
            Button("Back", self.back),
            *self._written(len(now.places)),
        ]

    def _written(self, many: int) -> list[Item]:
        if not self._places:
            return []
        found: list[Item] = [GAP, Text("Where they were written, the newest first:")]
        for place in self._places:
            verify = partial(self._verify, place.newest)
            found.append(Button(self._end_of(place.name), verify, place.words))
        more = many - len(self._places)
        return [*found, *([Text(f"and {more} before them", "hint")] if more else [])]

    def _end_of(self, place: str) -> str:
        """As much of a path as fits beside a few words; its end tells it from others."""
        shown, dots = printable(place), self.loom.look.signs["ellipsis"]
        return shown if len(shown) <= PATH_MAX else dots + shown[len(dots) - PATH_MAX :]

    def _verify(self, path: str) -> None:
        self.loom.open_panel(VerifyPanel(self.loom, self._profiles, path))


class OpensWith:
    """What opens a backup that is made: the 24 words, or a passphrase of its own."""

    def __init__(self, panel: Panel, *, has_own: bool = False) -> None:
        self._panel = panel
        self._has_own = has_own
        self._first = Field("Its passphrase", secret=True)
        self._again = Field("Repeat it", secret=True)

    def items(self) -> list[Item]:
        """A choice, and the fields of a passphrase."""
        return [
            Option(
                "opens", "The 24 words open it", not self._has_own, partial(self._choose, False)
            ),
            Option(
                "opens", "A passphrase of its own does", self._has_own, partial(self._choose, True)
            ),
            *([self._first, self._again, *self._strength()] if self._has_own else []),
        ]

    def _choose(self, has_own: bool) -> None:
        self._has_own = has_own

    def _strength(self) -> list[Item]:
        if len(self._first.text) < MIN_CHARACTERS:
            return []
        found = strength_of(self._first.text)
        return [Text(f"The passphrase is {found.sentence}", found.role)]

    def passphrase(self) -> str | None:
        """Empty: the 24 words; None: it was said what is wrong."""
        if not self._has_own:
            return ""
        typed = self._first.text
        if len(typed) < MIN_CHARACTERS:
            self._panel.refuse(self._first, f"Use at least {MIN_CHARACTERS} characters.")
        elif typed != self._again.text:
            self._again.clear()
            self._panel.refuse(self._again, "The two passphrases differ: type it again.")
        else:
            return typed
        return None

    def forget(self) -> None:
        """What was typed."""
        self._first.clear()
        self._again.clear()


class MakePanel(LivePanel):
    """Where to, what is in it, what opens it; then what was written."""

    heading = "Make a backup"

    def __init__(self, loom: Owner, profiles: Profiles) -> None:
        super().__init__(loom)
        self.loom = loom
        self._profiles = profiles
        self._file_name = f"loom-{loom.profile}-{today():%Y-%m-%d}.loom"
        self._where = Field("File or folder", form="a stick, another disk")
        self._where.put(short_path(_free(_home(), self._file_name)))
        self._holds = "said"
        self._opens = OpensWith(self)
        self._made: BackupView | None = None

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._made is not None:
            return self._made_items(self._made)
        return [
            Text("Keep it on another disk: it is lost with this one otherwise.", "hint"),
            self._where,
            GAP,
            self._option("said", "What was said", "contacts, rooms, messages"),
            self._option("files", "And the contents of files", "those kept in the profile"),
            self._option("contacts", "Contacts and rooms only", "nothing that was said"),
            GAP,
            *self._opens.items(),
            GAP,
            Button("Make it", self._make),
            Button("Back", self.back),
        ]

    def _made_items(self, made: BackupView) -> list[Item]:
        in_place = made.files_in_place
        return [
            Text("The backup is written.", "good"),
            Text(printable(made.path)),
            Text(f"{contents_words(made)}; {size_words(made.size_bytes)}."),
            Text(f"It opens with {opener_words(made)}."),
            *(
                [
                    Text(
                        f"Without the contents of {count_words(in_place, 'file')} of yours that "
                        "lie elsewhere: copy them yourself.",
                        "warn",
                    )
                ]
                if in_place
                else []
            ),
            GAP,
            Button("Verify it", partial(self._verify, Path(made.path)), "reads it to the end"),
            Button("Back", self.back),
        ]

    def back(self) -> None:
        """See `Panel.back`."""
        self._opens.forget()
        self.leave()

    def _option(self, holds: str, label: str, hint: str) -> Option:
        return Option("holds", label, self._holds == holds, partial(self._choose, holds), hint)

    def _choose(self, holds: str) -> None:
        self._holds = holds

    def _verify(self, path: Path) -> None:
        self.loom.open_panel(VerifyPanel(self.loom, self._profiles, short_path(path)))

    def _make(self) -> None:
        try:
            path = path_of(self._where)
        except InvalidInput as error:
            self.refuse(self._where, in_app(error))
            return
        path = _free(path, self._file_name) if path.is_dir() else path
        if path.exists():
            self.refuse(self._where, f"There is {path.name} already: write another name.")
        elif (passphrase := self._opens.passphrase()) is not None:
            self._opens.forget()
            self.work(self._write(path, passphrase), "Writing", field=self._where)

    async def _write(self, path: Path, passphrase: str) -> None:
        self._made = await self.loom.send(
            MakeBackup(
                path=str(path),
                contacts_only=self._holds == "contacts",
                with_files=self._holds == "files",
                passphrase=passphrase,
            )
        )
        self.body.at = "Verify it"


class DailyPanel(LivePanel):
    """The folder, how many stay, what is in them and what opens them; or none any more."""

    heading = "Make one backup a day"

    def __init__(self, loom: Owner, now: ScheduleView) -> None:
        super().__init__(loom)
        self.loom = loom
        self._now = now
        self._folder = Field("Folder", form="one that is there")
        self._folder.put(short_path(Path(now.folder)) if now.folder else "")
        self._keep = Field("How many stay", form="the newest")
        self._keep.put(str(now.keep or KEEP))
        self._with_files = now.with_files
        self._opens = OpensWith(self, has_own=now.opens_with == "passphrase")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        return [
            Text("The node makes one every day while it runs, and deletes the oldest.", "hint"),
            *daily_facts(self._now),
            GAP,
            self._folder,
            self._keep,
            Toggle("With files", self._with_files, self._take_files, "those kept in the profile"),
            GAP,
            *self._opens.items(),
            GAP,
            Button("Make one a day", self._set, "the first one at once"),
            *([Button("Make none any more", self._stop)] if self._now.folder else []),
            Button("Back", self.back),
        ]

    def back(self) -> None:
        """See `Panel.back`."""
        self._opens.forget()
        self.leave()

    def _take_files(self, on: bool) -> None:
        self._with_files = on

    def _set(self) -> None:
        try:
            folder = path_of(self._folder)
        except InvalidInput:
            self.refuse(self._folder, "Write the name of a folder.")
            return
        keep = self._keep.text.strip()
        if not folder.is_dir():
            self.refuse(self._folder, "There is no such folder: make it first.")
        elif not (keep.isascii() and keep.isdigit()):
            self.refuse(self._keep, "Write a number.")
        elif (passphrase := self._opens.passphrase()) is not None:
            self._opens.forget()
            asked = SetBackupSchedule(
                folder=str(folder),
                keep=int(keep),
                with_files=self._with_files,
                passphrase=passphrase,
            )
            self.work(self._send(asked, "From now on one is made every day."), "Setting it")

    def _stop(self) -> None:
        said = "None is made any more. Those that were made stay."
        self.work(self._send(SetBackupSchedule(folder=""), said), "Setting it")

    async def _send(self, asked: SetBackupSchedule, said: str) -> None:
        self._now = await self.loom.send(asked)
        self.say(said)


class VerifyPanel(LivePanel):
    """Reads a backup from end to end, and says what is in it and what is damaged."""

    heading = "Verify a backup"

    def __init__(self, loom: Owner, profiles: Profiles, path: str = "") -> None:
        super().__init__(loom)
        self._profiles = profiles
        self._fields = BackupFields(self, profiles, self._verify)
        self._fields.file.put(path)
        self._found: BackupVerified | None = None

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        return [
            Text("It is read to its end, and changes nothing."),
            GAP,
            *self._fields.items(),
            GAP,
            Button("Verify", self._verify),
            Button("Back", self.back),
            *self._result(),
        ]

    def _result(self) -> list[Item]:
        found = self._found
        if found is None:
            return []
        damage = damage_items(found)
        whole = Text(
            "It is whole." if not damage else "It is damaged.", "bad" if damage else "good"
        )
        return [GAP, whole, Text(f"{contents_words(found.backup)}."), *damage]

    def back(self) -> None:
        """See `Panel.back`."""
        self._fields.forget()
        self.leave()

    def _verify(self) -> None:
        self._found = None
        if (path := self._fields.path()) is not None:
            self.work(self._read(path), "Reading")

    async def _read(self, path: Path) -> None:
        try:
            self._found = await self._profiles.verify_backup(path, self._fields.secret, self._moved)
        except LoomError as error:
            if not self._fields.refuse(error):
                raise
            return
        self._fields.forget()

    def _moved(self, done_bytes: int, size_bytes: int) -> None:
        """So much was read; called from a thread."""
        self._working = f"Reading: {size_words(done_bytes)} of {size_words(size_bytes)}"


def _looked_at(places: list[str]) -> list[Place]:
    """The newest of them."""
    found = []
    for place in map(Path, places[: -PLACES_MAX - 1 : -1]):
        newest = newest_in(place)
        words = "verifies it" if newest == place else "verifies the newest"
        words = words if newest.is_file() else "not there now"
        found.append(Place(short_path(place), short_path(newest), words))
    return found


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        return Path.cwd()


def _free(folder: Path, name: str) -> Path:
    return next(folder / one for one in numbered_names(name) if not (folder / one).exists())
