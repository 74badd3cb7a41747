"""Where the log of this process goes."""

import logging
from pathlib import Path

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _WhenNeeded(logging.Handler):
    """Made at the first line: most commands write none, and a rotated file is slow to import."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._file: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if self._file is None:
            from loom.cli.log_file import log_file

            self._file = log_file(self._path)
        self._file.handle(record)

    def close(self) -> None:
        """Close the file, where there is one."""
        if self._file is not None:
            self._file.close()
        super().close()


def start(path: Path, verbose: int) -> None:
    """Send this process's log to `path`; warnings only, unless `verbose`."""
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _WhenNeeded)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(_WhenNeeded(path))
    root.setLevel(logging.WARNING)
    logging.getLogger("loom").setLevel(_LEVELS[min(verbose, len(_LEVELS) - 1)])
