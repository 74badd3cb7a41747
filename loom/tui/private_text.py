"""A text in a private file for another program: in memory, and wiped whatever ends first."""

import contextlib
import fcntl
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from loom.front.plain_copies import EDITED
from loom.tui import wiping

NAME: Final = "message.md"
READ_MAX_BYTES: Final = 8 << 20
IN_MEMORY: Final = ("tmpfs ", "ramfs ")
MOUNTS: Final = Path("/proc/self/mountinfo")
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder in it is made for one's own eyes
EDITORS: Final = ("editor", "nano", "nano-tiny", "vi")
"""Without VISUAL, EDITOR and what `select-editor` stored, the first of these that is there."""
SENSIBLE: Final = "sensible-editor"
"""Debian's script that starts one of these: what it would start is started in its place."""
_SELECTED: Final = "SELECTED_EDITOR"
_SELECTED_MAX_BYTES: Final = 4096
_VIM: Final = ["-n", "-i", "NONE", "-c", "set noundofile nobackup nowritebackup"]
"""No swap file, no list of what was edited, no backup: Vim keeps them on the disk."""


def editor_of(environ: Mapping[str, str]) -> list[str]:
    """The program, and its arguments, that `VISUAL` or `EDITOR` names; none: there is no editor."""
    for name in ("VISUAL", "EDITOR"):
        with contextlib.suppress(ValueError):
            words = shlex.split(environ.get(name, ""))
            if words and Path(words[0]).name != SENSIBLE:
                return words + _privacy(words[0], environ)
    for program in (*_selected(environ), *EDITORS):
        if shutil.which(program, path=environ.get("PATH")):
            return [program, *_privacy(program, environ)]
    return []


def _selected(environ: Mapping[str, str]) -> list[str]:
    """What sensible-editor(1) takes after `EDITOR`: the choice of select-editor(1)."""
    stored = environ.get(_SELECTED, "")
    with contextlib.suppress(OSError, ValueError):
        if home := environ.get("HOME"):
            with Path(home, ".selected_editor").open("rb") as file:
                lines = file.read(_SELECTED_MAX_BYTES).decode(errors="replace")
            for word in shlex.split(lines, comments=True):
                name, is_set, value = word.partition("=")
                stored = value if is_set and name == _SELECTED else stored
    return [stored] if stored else []


def _privacy(program: str, environ: Mapping[str, str]) -> list[str]:
    path = shutil.which(program, path=environ.get("PATH")) or program
    return _VIM if Path(path).resolve().name.startswith(("vim", "nvim")) else []


def memory_folder(environ: Mapping[str, str]) -> Path | None:
    """A folder that can be written and lies in memory; None: there is none."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    for folder in (*([Path(runtime)] if runtime else []), SHARED_MEMORY):
        with contextlib.suppress(OSError):
            if is_in_memory(folder) and os.access(folder, os.W_OK | os.X_OK):
                return folder
    return None


def is_in_memory(folder: Path) -> bool:
    """Whether a folder lies on a file system that is kept in memory. Raises OSError."""
    device = os.stat(folder).st_dev  # noqa: PTH116
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in MOUNTS.read_text(errors="replace").splitlines():
        mount, _, kind = line.partition(" - ")
        if mount.split()[2:3] == [wanted]:
            return kind.startswith(IN_MEMORY)
    return False


class PrivateText:
    """A context: the file is there inside it, and wiped at its end or that of this process."""

    def __init__(self, where: Path, text: str) -> None:
        self._where = where
        self._text = text
        self._is_started = False

    def __enter__(self) -> Self:
        """Make it. Raises OSError."""
        sweep(self._where)
        self._folder = tempfile.mkdtemp(prefix=EDITED, dir=self._where)  # mode 0700
        try:
            self._lock = _locked(self._folder)
            self.path = Path(self._folder, NAME)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(self.path, flags, 0o600), "wb") as file:
                file.write(self._text.encode())
            self._guard = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", wiping.__file__, self._folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            wiping.wipe(self._folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe it."""
        wiping.wipe(self._folder)
        os.close(self._lock)
        self._tell(wiping.DONE if self._is_started else b"\n" + wiping.DONE)
        with contextlib.suppress(OSError):
            if self._guard.stdin is not None:
                self._guard.stdin.close()
        self._guard.wait()

    @property
    def environment(self) -> dict[str, str]:
        """What the program is given, so that its own temporary files lie in the folder, too."""
        return {**os.environ, "TMPDIR": self._folder}

    def belongs_to(self, process: int) -> None:
        """The program that has it; it ends with this process."""
        self._is_started = True
        self._tell(f"{process}\n".encode())

    def read(self) -> str | None:
        """What stands in it now, of a very long text the beginning; None: it is gone."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            return opened.read(READ_MAX_BYTES).decode(errors="replace")

    def _tell(self, words: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._guard.stdin is not None:
                self._guard.stdin.write(words)
                self._guard.stdin.flush()


def sweep(where: Path) -> None:
    """Wipe what processes left that are gone, and whose guards are, too."""
    for folder in where.glob(f"{EDITED}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid() and not folder.is_symlink():
                os.close(_locked(str(folder)))  # refused while its process lives
                wiping.wipe(str(folder))


def _locked(folder: str) -> int:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock
