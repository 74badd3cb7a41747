"""Voice notes: playing one with its waveform, and recording one."""

import asyncio
from collections.abc import Generator, Sequence
from functools import partial
from typing import Final

from loom.api.events import AnyEvent, FileChanged
from loom.api.file_views import FileView
from loom.front.file_words import size_words
from loom.front.outgoing_files import offer_upload, upload
from loom.front.received_files import read_whole
from loom.front.sound_bars import bars, clock
from loom.media.job import SOUND_MAX, SOUND_MAX_S
from loom.media.kinds import OPUS
from loom.media.sound import Samples, Waveform, samples, waveform
from loom.media.voice import Player, Recorder
from loom.tui.kit.items import GAP, Button, Fact, Item, Option, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.model import Listed
from loom.tui.owner import Owner
from loom.tui.screens.file import whose
from loom.tui.screens.saving import SavePanel
from loom.tui.screens.sending import destination
from loom.tui.settings import read_or_default
from loom.tui.themes import Line, Piece
from loom.wire.limits import FILE_CHUNK_BYTES

SPEEDS: Final = (1.0, 1.5, 2.0)
TICK_S: Final = 0.25
NAME: Final = "voice note.opus"
_LEVEL_CELLS: Final = 48


class VoicePanel(LivePanel):
    """Plays it when one says so."""

    heading = "Voice note"

    def __init__(self, loom: Owner, file: FileView) -> None:
        super().__init__(loom)
        self.loom = loom
        self._file = file
        self._data = b""
        self._waveform: Waveform | None = None
        self._player: Player | None = None
        self._speed = 1.0
        self._began_s = 0.0
        """Where in the note the player began, at its own speed."""
        self._is_playing = False

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._data = await read_whole(self.loom.send, self._file, SOUND_MAX)
        unconfined = read_or_default(self.loom.config)[0].media.unconfined
        self._waveform = await asyncio.to_thread(waveform, self._data, is_unconfined=unconfined)

    def on_mount(self) -> None:
        """It goes on while it is played."""
        super().on_mount()
        self.set_interval(TICK_S, self._look)

    def on_unmount(self) -> None:
        """Nobody listens any more."""
        self._end()

    def show_events(self, happened: Sequence[AnyEvent]) -> None:
        """What is gone is not played any longer."""
        for event in happened:
            match event:
                case FileChanged(file_id=one, file=None | FileView(is_here=False)) if (
                    one == self._file.file_id
                ):
                    self.leave()

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        file, found = self._file, self._waveform
        items: list[Item] = list(whose(file))
        if file.caption:
            items.append(Fact("Caption", " ".join(file.caption.split())))
        if found is None:
            return [*items, GAP, Button("Back", self.leave)]
        length_s = found.duration_ms / 1_000
        at_s = min(self._position_s, length_s)
        part = at_s / length_s if length_s else 1.0
        line = wave_line(found.levels, part, is_unicode=self.loom.look.signs.unicode)
        return [
            *items,
            GAP,
            Row("wave", line, self._press_play),
            Text(f"{clock(at_s)} of {clock(length_s)}", "hint"),
            GAP,
            Button("Pause" if self._is_playing else "Play", self._press_play),
            *(
                Option("speed", f"{one:g}x", self._speed == one, partial(self._use_speed, one))
                for one in SPEEDS
            ),
            GAP,
            Button("Save it", self._save),
            Button("Back", self.leave),
        ]

    @property
    def _position_s(self) -> float:
        if self._player is None:
            return self._began_s
        return self._began_s + self._player.position_s * self._speed

    def _look(self) -> None:
        if self._player is not None and self._player.is_over:
            self._end()
            self._began_s = 0.0
            self.show()
        elif self._is_playing:
            self.show()

    def _press_play(self) -> None:
        if self._is_playing and self._player is not None:
            self._player.pause()
            self._is_playing = False
        elif self._player is not None:
            self._player.resume()
            self._is_playing = True
        else:
            self.work(self._play(), name="play")

    def _use_speed(self, speed: float) -> None:
        was_playing = self._is_playing
        at_s = self._position_s
        self._end()
        self._speed, self._began_s = speed, at_s
        if was_playing:
            self.work(self._play(), name="play")

    async def _play(self) -> None:
        """From where it was paused."""
        speed = self._speed
        unconfined = read_or_default(self.loom.config)[0].media.unconfined
        sound = await asyncio.to_thread(samples, self._data, speed, is_unconfined=unconfined)
        if self._player is not None or speed != self._speed or not self.is_attached:
            return
        start = int(self._began_s / speed * sound.rate) * 2
        self._player = Player(Samples(sound.rate, sound.pcm[start:]))
        try:
            self._player.start()
        except BaseException:
            self._player = None
            raise
        self._is_playing = True

    def _end(self) -> None:
        if self._player is not None:
            self._player.stop()
        self._player, self._is_playing = None, False

    def _save(self) -> None:
        self.loom.push_screen(SavePanel(self.loom, self._file))


class RecordPanel(LivePanel):
    """Records when one says so, and sends only then."""

    def __init__(
        self, loom: Owner, to: Listed, *, reply_to: str | None, expires_s: int | None
    ) -> None:
        super().__init__(loom)
        self.loom = loom
        self._to = to
        self._reply_to = reply_to
        self._expires_s = expires_s
        self._recorder: Recorder | None = None
        self._levels: list[int] = []
        self._data = b""
        self._length_s = 0.0

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return f"Voice note to {self._to.name}"

    def on_mount(self) -> None:
        """The level moves while it is recorded."""
        super().on_mount()
        self.set_interval(TICK_S, self._look)

    def on_unmount(self) -> None:
        """What was not sent is gone."""
        self._discard()

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._recorder is not None:
            line = wave_line(bytes(self._levels[-_LEVEL_CELLS:]), 1.0, is_unicode=self._is_unicode)
            words = f"  recording {clock(self._recorder.seconds)}"
            return [
                Row("level", [*line, Piece(words, "bad")], self._stop),
                GAP,
                Button("Stop", self._stop),
                Button("Discard", self.leave),
            ]
        if self._data:
            size = size_words(len(self._data))
            return [
                Fact("Length", f"{clock(self._length_s)} ({size})"),
                GAP,
                Button("Send", self._press_send),
                Button("Record again", self._record),
                Button("Discard", self.leave),
            ]
        return [
            Text(f"At most {SOUND_MAX_S // 60} minutes.", "hint"),
            Text("Nothing is sent before you say so.", "hint"),
            GAP,
            Button("Record", self._record),
            Button("Back", self.leave),
        ]

    @property
    def _is_unicode(self) -> bool:
        return self.loom.look.signs.unicode

    def _look(self) -> None:
        if self._recorder is not None and self._recorder.ended.is_set():
            self._stop()
        elif self._recorder is not None:
            self.show()

    def _record(self) -> None:
        self._discard()
        self._levels = []
        recorder = Recorder(self._heard)
        recorder.start()
        self._recorder = recorder
        self.body.at = "Stop"

    def _heard(self, level: float) -> None:
        """Called by the sound device's thread: a list takes one more."""
        self._levels.append(max(0, min(int(level * 255), 255)))

    def _stop(self) -> None:
        async def stop() -> None:
            recorder, self._recorder = self._recorder, None
            if recorder is not None:
                self._length_s = recorder.seconds
                unconfined = read_or_default(self.loom.config)[0].media.unconfined
                self._data = await asyncio.to_thread(recorder.stop, is_unconfined=unconfined)
                self.body.at = "Send"

        self.work(stop(), "Keeping it")

    def _discard(self) -> None:
        if self._recorder is not None:
            self._recorder.cancel()
        self._recorder, self._data = None, b""

    def _press_send(self) -> None:
        async def send() -> None:
            size = len(self._data)
            upload_id = await upload(self.loom.send, NAME, size, _pieces(self._data))
            await offer_upload(
                self.loom.send,
                destination(self._to),
                upload_id,
                name=NAME,
                media_type=OPUS,
                reply_to=self._reply_to,
                expires_s=self._expires_s,
            )
            self.leave()

        self.work(send(), "Sending")


def wave_line(levels: bytes, part: float, *, is_unicode: bool) -> Line:
    """How loud it is over its time; what was played is brighter."""
    drawn = bars(levels, len(levels), unicode=is_unicode)
    at = round(part * len(drawn))
    return [Piece(drawn[:at], "bar"), Piece(drawn[at:], "bar_rest")]


def _pieces(data: bytes) -> Generator[bytes]:
    for start in range(0, len(data), FILE_CHUNK_BYTES):
        yield data[start : start + FILE_CHUNK_BYTES]
