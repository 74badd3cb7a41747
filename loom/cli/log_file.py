"""The log: a private file, rotated, that says what happened and where, never with what values."""

import logging
import os
import re
import traceback
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from loom.config import private_folder
from loom.errors import StoreError

LOG_MAX_BYTES = 1 << 20
LOGS_KEPT = 3


class _PrivateFile(RotatingFileHandler):
    """Opened at the first line, 0600 in a folder that is ours."""

    def _open(self) -> TextIOWrapper:
        private_folder(Path(self.baseFilename).parent)
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A full disk must not end the command that wanted to say something."""


class _Redacted(logging.Formatter):
    """An exception is its type and the places it passed: messages may quote what was sent."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; whatever another handler made of its exception is not looked at."""
        is_ours = record.name.partition(".")[0] == "loom"
        message = record.getMessage() if is_ours else _constant_part(record.msg)
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {message}"
        error = record.exc_info[1] if record.exc_info else None
        return line if error is None else f"{line}\n{place_of(error)}"


def _constant_part(message: object) -> str:
    """What a library says, without values: asyncio shows futures and arguments whole."""
    return re.split(r"[\n<(\[{'\"]", str(message), maxsplit=1)[0].rstrip()


def log_file(path: Path) -> logging.Handler:
    """Writes records to `path`; opened at the first."""
    handler = _PrivateFile(
        path, maxBytes=LOG_MAX_BYTES, backupCount=LOGS_KEPT, delay=True, encoding="utf-8"
    )
    handler.setFormatter(_Redacted())
    return handler


def record(error: BaseException, path: Path) -> bool:
    """Note an unexpected error in `path`; whether that could be written."""
    handler = log_file(path)
    told = (type(error), error, error.__traceback__)
    try:
        handler.emit(logging.LogRecord("loom", logging.ERROR, "", 0, "unexpected", None, told))
        return path.exists()
    except (OSError, StoreError):
        return False
    finally:
        handler.close()


def place_of(error: BaseException) -> str:
    """`TypeError at loom/node/node.py:12 in send <- ...`, innermost first, causes after."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(lines) < 5:
        frames = traceback.extract_tb(seen.__traceback__)
        places = [f"{_short(f.filename)}:{f.lineno} in {f.name}" for f in reversed(frames[-12:])]
        lines.append(f"{type(seen).__name__} at {' <- '.join(places) or 'an unknown place'}")
        seen = seen.__cause__ or seen.__context__
    return "\n  from ".join(lines)


def _short(file: str) -> str:
    """The path from the package on: where the project lies is nobody's business."""
    parts = Path(file).parts
    for package in ("loom", "site-packages"):
        if package in parts:
            return "/".join(parts[len(parts) - 1 - parts[::-1].index(package) :])
    return Path(file).name
