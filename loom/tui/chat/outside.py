"""Writing a message in an editor of one's own."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loom.tui.chat.composer import Composer
from loom.tui.editor import without_controls
from loom.tui.owner import Owner
from loom.wire.limits import DRAFT_MAX_BYTES

if TYPE_CHECKING:  # the first paint waits for imports
    from asyncio.subprocess import Process

    from loom.tui.private_text import PrivateText

ENDS_S: Final = 2.0
"""So long an editor may take to end after SIGHUP."""
_TERMINAL_KEYS: Final = (signal.SIGINT, signal.SIGQUIT)
"""What Ctrl-C and the like send to both programs of the terminal: meant for the editor."""


class OutsideEditor:
    """The composer's text goes to an editor and comes back; meanwhile the terminal is lent.

    Args:
        pick: lets one of several ways be picked, under a title.
    """

    def __init__(
        self,
        owner: Owner,
        composer: Composer,
        *,
        pick: Callable[[str, list[str], Callable[[str], None]], None],
    ) -> None:
        self._owner = owner
        self._composer = composer
        self._pick = pick
        self._process: Process | None = None
        self._ended: asyncio.Event | None = None
        """Set when the text is back; None: no editor is open."""
        self.actions: Mapping[str, Callable[[], None]] = {"edit_outside": self.begin}

    def begin(self) -> None:
        """Open the editor; where nothing lies in memory, ask first."""
        from loom.tui.private_text import editor_of, memory_folder

        if self._ended is not None:
            return
        editor, where = editor_of(os.environ), memory_folder(os.environ)
        if not editor:
            self._owner.say(
                "There is no editor: set VISUAL or EDITOR, as in EDITOR=nano.", bad=True
            )
        elif self._owner.model.current is None:
            self._owner.say("Open a conversation first.", bad=True)
        elif not self._owner.can_lend_terminal:
            self._owner.say("An editor needs a terminal, and a web page is not one.", bad=True)
        elif where is not None:
            self._start(editor, where)
        else:
            ways = {"Keep writing here": None, "Edit on the disk all the same": _disk()}
            self._pick(
                "No folder lies in memory: the text would leave traces on the disk",
                list(ways),
                lambda way: self._start(editor, ways[way]),
            )

    async def end(self) -> None:
        """End the editor, if one is open, and take what it has saved."""
        ended, process = self._ended, self._process
        if ended is None:
            return
        if process is not None:
            for number in (signal.SIGHUP, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(ended.wait()), ENDS_S)
                    return
        await ended.wait()

    def _start(self, editor: Sequence[str], where: Path | None) -> None:
        if where is None:
            return
        self._ended = asyncio.Event()
        self._owner.work(self._edit(editor, where), "editor")

    async def _edit(self, editor: Sequence[str], where: Path) -> None:
        from loom.tui.private_text import PrivateText

        ended, number = self._ended, self._owner.model.current
        before = self._composer.editor.text
        try:
            with PrivateText(where, before) as file:
                with self._owner.lent_terminal():
                    code = await self._run(editor, file)
                text = file.read()
        except OSError as error:
            why = error.strerror or "no reason was given"
            self._owner.say(f"{editor[0]} could not be started: {why}.", bad=True)
            return
        finally:
            self._ended = self._process = None
            if ended is not None:
                ended.set()
        if self._owner.model.current == number and self._composer.editor.text != before:
            return  # what was edited is deleted, and said so: it must not come back as a text
        self._take_back(editor[0], number, before, text, code)

    async def _run(self, editor: Sequence[str], file: "PrivateText") -> int:
        """Its exit code; a negative one is the signal that ended it. Raises OSError."""
        screen = (sys.__stderr__ or sys.stderr).fileno()  # where the app draws, too
        with _keys_for_the_editor():
            self._process = process = await asyncio.create_subprocess_exec(
                *editor, str(file.path), stdout=screen, stderr=screen, env=file.environment
            )
            file.belongs_to(process.pid)
            try:
                return await process.wait()
            finally:
                if process.returncode is None:  # the app ends
                    process.kill()
                    await process.wait()

    def _take_back(
        self, program: str, number: int | None, before: str, text: str | None, code: int
    ) -> None:
        if text is None or code > 0:
            why = "removed the file" if text is None else f"ended with code {code}"
            self._owner.say(f"{program} {why}: your text is as it was.", bad=True)
            return
        text = without_controls(text)
        if text.endswith("\n") and not before.endswith("\n"):
            text = text[:-1]  # an editor ends the last line
        cut = text.encode()[:DRAFT_MAX_BYTES].decode(errors="ignore")
        if self._owner.model.current != number:
            self._composer.editor.remember(cut)
            self._owner.say("Another conversation is open now; your text is among what was sent.")
            return
        self._composer.rewrite(cut)
        if cut != text:
            limit = f"{DRAFT_MAX_BYTES // 1024:,} KiB"
            self._owner.say(f"Only the first {limit} fit here; the rest is gone.", bad=True)
        elif code < 0:
            self._owner.say(f"{program} was ended; what it had saved is here.", bad=True)


def _disk() -> Path:
    import tempfile

    return Path(tempfile.gettempdir())


@contextlib.contextmanager
def _keys_for_the_editor() -> Iterator[None]:
    """The terminal's keys for signals are the editor's; Ctrl-Z stops both programs."""
    before = {number: signal.signal(number, lambda *_: None) for number in _TERMINAL_KEYS}
    before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
