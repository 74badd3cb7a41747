"""Voice notes as files: recorded here, and played."""

import select
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import VoicePlayed, VoiceRecorded, has_unicode, is_simple_terminal
from loom.config import decodes_unconfined, without_tilde
from loom.errors import InvalidInput
from loom.front.private_file import write_private
from loom.front.sound_bars import bars, clock, level_bar
from loom.media.job import SOUND_MAX, SOUND_MAX_S
from loom.media.sound import samples, waveform
from loom.media.voice import Player, Recorder
from loom.printable import printable

PANEL: Final = "Messages"
_LOOK_S: Final = 0.1
_WIDTH: Final = 32
_STANDARD: Final = "-"


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("record", record, "Record a voice note into a file."),
        ("play", play, "Play a voice note."),
    )
    app.add_typer(group, name="voice", help="Voice notes as files.", rich_help_panel=PANEL)


def record(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it is written.")],
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            min=1,
            max=SOUND_MAX_S,
            metavar="SECONDS",
            help="End by itself after so long.",
        ),
    ] = None,
) -> None:
    caller = Caller.of(context)
    if seconds is None and not sys.stdin.isatty():
        raise InvalidInput(what="There is no Enter to end it with: say how long with --seconds")
    file = without_tilde(file)
    is_unconfined = decodes_unconfined(caller.home)
    loudness = [0.0]

    def heard(level: float) -> None:
        loudness[0] = level

    recorder = Recorder(heard)
    recorder.start()
    try:
        how = "Enter ends it, Ctrl-C throws it away." if sys.stdin.isatty() else ""
        caller.output.note(f"Recording. {how}".rstrip())
        _wait(
            recorder.ended,
            lambda: f"{clock(recorder.seconds)} {level_bar(loudness[0], _WIDTH)}",
            lambda: seconds is not None and recorder.seconds >= seconds,
        )
    except BaseException:
        recorder.cancel()
        raise
    with caller.output.waiting("Encoding"):
        note = recorder.stop(is_unconfined=is_unconfined)
    write_private(file, note)
    length_s = recorder.seconds
    done = VoiceRecorded(path=str(file), duration_ms=round(1000 * length_s), size_bytes=len(note))
    caller.output.put(done, f"{clock(length_s)} in {printable(str(file))}.")


def play(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Opus in Ogg; -: standard input.")],
    speed: Annotated[
        float, typer.Option("--speed", metavar="1|1.5|2", help="Faster, and as high as it was.")
    ] = 1.0,
) -> None:
    caller = Caller.of(context)
    if speed not in (1.0, 1.5, 2.0):
        raise InvalidInput(what="--speed is 1, 1.5 or 2")
    data = _read(file)
    is_unconfined = decodes_unconfined(caller.home)
    with caller.output.waiting("Decoding"):
        drawn = waveform(data, is_unconfined=is_unconfined)
        sound = samples(data, speed, is_unconfined=is_unconfined)
    player = Player(sound)
    player.start()
    try:
        if not caller.options.json:
            shape = bars(drawn.levels, len(drawn.levels), unicode=has_unicode(sys.stdout))
            caller.output.line(f"{shape} {clock(drawn.duration_ms / 1000)}")
        _wait(player.ended, lambda: clock(player.position_s * speed), lambda: False)
    finally:
        player.stop()
    if caller.options.json:
        caller.output.json(VoicePlayed(duration_ms=drawn.duration_ms, whole=player.is_over))


def _read(file: str) -> bytes:
    try:
        if file == _STANDARD:
            return sys.stdin.buffer.read(SOUND_MAX + 1)
        with without_tilde(Path(file)).open("rb") as opened:
            return opened.read(SOUND_MAX + 1)
    except OSError as error:
        raise InvalidInput(what=f"{printable(file)} cannot be read: {error.strerror}") from error


def _wait(ended: threading.Event, words: Callable[[], str], is_enough: Callable[[], bool]) -> None:
    """Until it ended, is enough, or somebody pressed Enter; on a terminal it says how far it is."""
    shows = sys.stderr.isatty() and not is_simple_terminal()
    try:
        while not ended.wait(_LOOK_S) and not is_enough():
            if shows:
                sys.stderr.write(f"\r\x1b[K{words()}")
                sys.stderr.flush()
            if sys.stdin.isatty() and select.select([sys.stdin], [], [], 0)[0]:
                sys.stdin.readline()
                return
    finally:
        if shows:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
