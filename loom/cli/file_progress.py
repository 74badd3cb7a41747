"""How far a file is: a bar with rate and time left on a terminal, nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from loom.cli.output import Output, is_simple_terminal
from loom.printable import printable

if TYPE_CHECKING:
    import rich.progress

NAME_MAX: Final = 32


class Progress:
    """One transfer; it shows itself once something has moved."""

    def __init__(self, name: str, *, is_shown: bool) -> None:
        self._name = name
        self._is_shown = is_shown
        self._bar: rich.progress.Progress | None = None

    @classmethod
    @contextmanager
    def shown(cls, output: Output, name: str) -> Iterator[Self]:
        """Until the block ends; on standard error, where it is a terminal and a person looks."""
        is_shown = sys.stderr.isatty() and not is_simple_terminal() and not output.as_json
        progress = cls(name, is_shown=is_shown)
        try:
            yield progress
        finally:
            if progress._bar is not None:
                progress._bar.stop()

    def moved(self, done_bytes: int, size_bytes: int) -> None:
        """So many bytes of so many."""
        if not self._is_shown:
            return
        if self._bar is None:
            self._bar = self._begun(size_bytes)
        self._bar.update(self._bar.task_ids[0], completed=min(done_bytes, size_bytes))

    def _begun(self, size_bytes: int) -> "rich.progress.Progress":
        from rich import progress
        from rich.console import Console

        name = printable(self._name)
        name = name if len(name) <= NAME_MAX else f"{name[: NAME_MAX - 12]}...{name[-9:]}"
        bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            transient=True,
        )
        bar.add_task(name, total=size_bytes)
        bar.start()
        return bar
