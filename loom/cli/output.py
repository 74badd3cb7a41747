"""What a command says: JSON lines for machines, words and tables for people."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, TextIO, TypeVar

import msgspec

from loom.api.events import PairingFailed, Warned
from loom.api.view import View
from loom.errors import LoomError, OutputFailed
from loom.front import signs
from loom.front.json_line import json_line
from loom.printable import printable

V = TypeVar("V", bound=msgspec.Struct)


class ErrorLine(View, frozen=True, kw_only=True, tag="error"):
    """Why a command failed; `exit` is its exit code."""

    code: str
    exit: int
    message: str
    advice: str


class ProfileLine(View, frozen=True, kw_only=True, tag="profile"):
    """One profile of `loom profiles`."""

    profile: str
    path: str
    running: bool


class UnlockLine(View, frozen=True, kw_only=True, tag="unlock"):
    """One way of `loom unlock list`."""

    way: str


class ProfileCreated(View, frozen=True, kw_only=True, tag="profile.created"):
    """A new profile. `phrase` only with `--show-phrase`."""

    profile: str
    name: str
    phrase: str | None = None


class AnchorCreated(View, frozen=True, kw_only=True, tag="anchor.created"):
    """A new anchor on this machine."""

    anchor: str


class InviteInspected(View, frozen=True, kw_only=True, tag="invite.inspected"):
    """What an invite contains."""

    invite: str
    fingerprint: str
    x25519_public: str
    expires_at_ms: int
    is_address: bool
    reached_at: list[str]


class TokenInspected(View, frozen=True, kw_only=True, tag="token.inspected"):
    """What a token holds."""

    token: str
    fingerprint: str
    x25519_public: str


class MailFileWritten(View, frozen=True, kw_only=True, tag="mail_file"):
    """A file of mail for a contact; `left`: what waits and is not in it."""

    contact: str
    contact_id: int
    messages: int
    left: int


class ConversationWritten(View, frozen=True, kw_only=True, tag="conversation.written"):
    """A conversation that `loom export` wrote to a file, and how many messages there are."""

    contact: str
    contact_id: int
    messages: int


class RoomWritten(View, frozen=True, kw_only=True, tag="room.written"):
    """A room that `loom room export` wrote to a file, and how many posts and lines there are."""

    room: str
    room_id: str
    posts: int


class FileSaved(View, frozen=True, kw_only=True, tag="file.saved"):
    """A file that was written out; `programs`: what of it may run something when it is opened."""

    file_id: str
    path: str
    programs: list[str]


class FileOpened(View, frozen=True, kw_only=True, tag="file.opened"):
    """A plain copy for another program, which is removed `keep_s` seconds later at the latest."""

    file_id: str
    path: str
    program: str
    keep_s: int


class VoiceRecorded(View, frozen=True, kw_only=True, tag="voice.recorded"):
    """A voice note that `loom voice record` wrote."""

    path: str
    duration_ms: int
    size_bytes: int


class VoicePlayed(View, frozen=True, kw_only=True, tag="voice.played"):
    """A voice note that `loom voice play` played; `whole`: to its end."""

    duration_ms: int
    whole: bool


class SearchNotes(View, frozen=True, kw_only=True, tag="search.notes"):
    """The words of a search that look like filters and are searched as text."""

    notes: list[str]


class CheckLine(View, frozen=True, kw_only=True, tag="check"):
    """One thing that `loom doctor` looked at."""

    name: str
    ok: bool
    found: str
    advice: str = ""


class WebReady(View, frozen=True, kw_only=True, tag="web.ready"):
    """The first line of `loom web --json`: the link that lets one browser in, once."""

    link: str


class WarningLine(Warned, frozen=True, kw_only=True, tag="warning"):
    """Something the user should know: `code`, `facts` and `message` are those of an error."""

    message: str


class PairingFailedLine(PairingFailed, frozen=True, kw_only=True, tag="pairing.failed"):
    """A meeting ended: `code`, `facts` and `message` are those of an error."""

    message: str


class ProgramRan(View, frozen=True, kw_only=True, tag="watch.ran"):
    """A run of the program of `loom watch` and how it ended, for the event `seq` of type `event`.

    `outcome`: done, failed, killed (by a signal), timed_out or not_started.
    """

    seq: int
    event: str
    outcome: str
    exit_code: int | None


class DemoReady(View, frozen=True, kw_only=True, tag="demo.ready"):
    """The first line of `loom demo --json`: the nodes are linked. `room`: with `--room`."""

    contact: str
    address: str
    room: str | None = None


FOLD_LINES: Final = 40
DONE: Final = "The command itself was carried out."


def line_of(value: msgspec.Struct) -> bytes:
    """One line as `--json` prints it, with its end: UTF-8 whatever the terminal's encoding."""
    if isinstance(value, Warned | PairingFailed):
        value = _worded(value)
    return json_line(value).encode() + b"\n"


def _worded(event: Warned | PairingFailed) -> WarningLine | PairingFailedLine:
    """The event with the sentence that its code and facts make."""
    from loom.front.sentences import of_warning

    kind = WarningLine if isinstance(event, Warned) else PairingFailedLine
    facts = {name: getattr(event, name) for name in event.__struct_fields__}
    return kind(**facts, message=of_warning(event.code, event.facts))


@contextmanager
def _checked(done: str) -> Iterator[None]:
    """Turn a failed write into OutputFailed; a closed pipe is left to the caller."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(what=error.strerror or type(error).__name__, done=done) from error


class Output(msgspec.Struct, frozen=True):
    """Standard output and error of one command."""

    as_json: bool

    @property
    def fancy(self) -> bool:
        """Whether a person with a terminal is looking."""
        return is_terminal() and not self.as_json

    def json(self, value: msgspec.Struct, *, done: str = DONE) -> None:
        """One JSON line, UTF-8 whatever the terminal's encoding. Raises OutputFailed."""
        line = line_of(value)
        with _checked(done):
            sys.stdout.flush()
            if (raw := getattr(sys.stdout, "buffer", None)) is not None:
                raw.write(line)
                raw.flush()
            else:
                sys.stdout.write(line.decode())

    def line(self, text: str, *, done: str = DONE) -> None:
        """One line for people, at once. Raises OutputFailed."""
        with _checked(done):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def data(self, data: bytes) -> None:
        """Bytes for another program. Raises OutputFailed."""
        with _checked(""):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def put(self, value: msgspec.Struct, words: str, *, done: str = DONE) -> None:
        """The value for machines, the words for people. Raises OutputFailed."""
        if self.as_json:
            self.json(value, done=done)
        else:
            self.line(words, done=done)

    def note(self, text: str) -> None:
        """A line on standard error; lost if that cannot be written."""
        with _checked(DONE):
            sys.stdout.flush()
        with suppress(OSError):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show what takes so long on a terminal, until it is done."""
        shown = sys.stderr.isatty() and not is_simple_terminal()
        if shown:
            sys.stderr.write(f"{what} ...")
            sys.stderr.flush()
        try:
            yield
        finally:
            if shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows for people; every cell is shown as it is, never as markup."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console.width = 1_000  # a pipe has no width; nothing is cut
        table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        with _checked(DONE):
            console.print(table)
            sys.stdout.flush()

    def listed(
        self,
        found: Iterable[V],
        headings: Sequence[str],
        cells: Callable[[V], Sequence[str]],
        *,
        none: str = "",
    ) -> None:
        """Views as JSON lines or as a table of their cells; a note where there are none."""
        if self.as_json:
            for view in found:
                self.json(view)
        elif rows := [cells(view) for view in found]:
            self.table(headings, rows)
        elif none:
            self.note(none)

    def error(self, error: LoomError) -> None:
        """Why the command failed and what to do next."""
        from loom.front.sentences import on_command_line

        message, advice = on_command_line(error)
        self.failure(
            ErrorLine(code=error.code, exit=error.exit_code, message=message, advice=advice)
        )

    def failure(self, line: ErrorLine) -> None:
        """An error that is worded already."""
        if self.as_json:
            self.json(line)
            return
        self.note(f"loom: {printable(line.message)}")
        if line.advice:
            self.note(f"      {printable(line.advice)}")


def is_terminal() -> bool:
    """Whether standard output is one."""
    return sys.stdout.isatty()


def is_simple_terminal() -> bool:
    """Whether the terminal understands no escape sequences."""
    return os.environ.get("TERM", "") in ("", "dumb", "unknown")


def has_unicode(stream: TextIO) -> bool:
    """Whether every sign can be shown there."""
    return signs.has_unicode(stream, os.environ)


def sign(name: str) -> str:
    """A sign of docs/CLI.md, in ASCII where standard output is not UTF-8."""
    return signs.Signs(has_unicode(sys.stdout))[name]


def body_words(prefix: str, body: str) -> str:
    """A body after its prefix; further lines are set in, so that none can pose as a message.

    On a terminal a long one is folded: one message must not push all others out of sight.
    """
    lines = printable(body, multiline=True).split("\n")
    if (more := len(lines) - FOLD_LINES) > 1 and is_terminal():
        lines[FOLD_LINES:] = [f"... {more:,} more lines"]
    return f"\n{' ' * 18}".join([prefix + lines[0], *lines[1:]])
