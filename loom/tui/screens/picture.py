"""A picture as large as the screen: zoom, moving in it, the next and the one before."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from textual import events
from textual.app import ComposeResult

from loom.api.events import AnyEvent, FileChanged
from loom.api.file_commands import ListFiles
from loom.api.file_views import FileView
from loom.errors import LoomError
from loom.front.file_pages import each
from loom.front.file_words import short_name, size_words
from loom.front.received_files import read_whole
from loom.front.sentences import in_app
from loom.media.job import PICTURE_MAX
from loom.media.kinds import is_picture
from loom.media.pictures import Picture, pixels
from loom.printable import printable
from loom.tui import graphics
from loom.tui.cells import cut, wrap
from loom.tui.content.half_blocks import Pixels, block_lines
from loom.tui.graphics import Way
from loom.tui.keys import EVERYWHERE, FORMS, PICTURES
from loom.tui.kit.live import LivePanel
from loom.tui.lines import Lines, Look
from loom.tui.owner import Owner
from loom.tui.screens.saving import SavePanel
from loom.tui.settings import read_or_default
from loom.tui.themes import Line, Piece

DECODED: Final = (1_920, 1_200)
"""Pixels that the decoder is asked for at most."""
PICTURE_TYPES: Final = "image/"
ZOOMS: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
STEP: Final = 0.25
"""Of what is visible: so far the arrows move."""
HELP: Final = (
    ("picture_next", "next"),
    ("picture_before", "before"),
    ("zoom_in", "closer"),
    ("zoom_out", "further"),
    ("zoom_fit", "fit"),
    ("save_picture", "save"),
    ("form_back", "back"),
)


class PictureBody(Lines):
    """The title above, the keys below, the picture or a sentence between them."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.title = ""
        self.foot = ""
        self.said = ""
        self.rows: Sequence[Line] = ()
        """Of the picture."""
        self.columns = 0
        """Its width in cells."""

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        height = self.size.height
        dots = self.look.signs["ellipsis"]
        if y == 0:
            return [Piece(cut(f" {self.title}", width, dots), "title")]
        if y == height - 1 and height > 2:
            return [Piece(cut(f" {self.foot}", width, dots), "hint")]
        if self.said:
            words = [self.said[a:b] for a, b in wrap(self.said, max(width - 4, 2))]
            at = y - max((height - len(words)) // 2, 1)
            return [Piece("  "), Piece(words[at], "bad")] if 0 <= at < len(words) else []
        at = y - self.top
        if not 0 <= at < len(self.rows):
            return []
        return [Piece(" " * self.left), *self.rows[at]]

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows for a picture."""
        width, height = self.size
        return max(width, 1), max(height - 2, 1)

    @property
    def left(self) -> int:
        """Where it begins."""
        return max((self.size.width - self.columns) // 2, 0)

    @property
    def top(self) -> int:
        """In which row it begins."""
        return 1 + max((self.room[1] - len(self.rows)) // 2, 0)


class PicturePanel(LivePanel):
    """The pixels come from the decoder; how they are drawn depends on terminal and settings.

    Many methods, because Textual calls its handlers by name.
    """

    heading = "Picture"

    def __init__(self, loom: Owner, file: FileView) -> None:
        super().__init__(loom)
        self.loom = loom
        self._file = file
        self._near: list[FileView] = [file]
        """The pictures of the conversation that are here, oldest first."""
        self._picture: Picture | None = None
        self._zoom = 0
        self._middle = (0.5, 0.5)
        self._over = ""
        """What draws the pixels over the cells."""
        self.view = PictureBody(loom.look)
        self._acts: Mapping[str, Callable[[], None]] = {
            "picture_next": lambda: self._step(1),
            "picture_before": lambda: self._step(-1),
            "zoom_in": lambda: self._zoom_by(1),
            "zoom_out": lambda: self._zoom_by(-1),
            "zoom_fit": self._fit,
            "picture_left": lambda: self._move(-STEP, 0),
            "picture_right": lambda: self._move(STEP, 0),
            "picture_up": lambda: self._move(0, -STEP),
            "picture_down": lambda: self._move(0, STEP),
            "save_picture": self._save,
            "form_back": self.leave,
        }

    def compose(self) -> ComposeResult:
        """The picture alone."""
        yield self.view

    def caret(self) -> tuple[int, int] | None:
        """Nobody writes here."""
        return None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self.loom.ask_picture_way()
        await self._look_at(self._file)
        in_room, contact = self._file.room_id, f"#{self._file.contact_id}"
        pictures = ListFiles(
            room=in_room, contact="" if in_room else contact, media_type=PICTURE_TYPES
        )
        found = [one async for one in each(self.loom.send, pictures)]
        here = [one for one in found if one.is_here and is_picture(one.media_type)]
        self._near = sorted(here, key=lambda one: one.offered_at_ms) or [self._file]
        self.show()

    async def _look_at(self, file: FileView) -> None:
        """Show another picture; what it cannot be shown for is said in its place."""
        self._file, self._picture = file, None
        self._zoom, self._middle, self.view.said = 0, (0.5, 0.5), ""
        self.show()
        settings, _ = read_or_default(self.loom.config)
        try:
            data = await read_whole(self.loom.send, file, PICTURE_MAX)
            unconfined = settings.media.unconfined
            found = await asyncio.to_thread(pixels, data, *DECODED, is_unconfined=unconfined)
        except LoomError as error:
            if self._file is file:
                self.view.said = in_app(error)
                self.show()
            return
        if self._file is file:
            self._picture = found
            self.show()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return False

    def show_events(self, happened: Sequence[AnyEvent]) -> None:
        """What is gone is not shown any longer."""
        for event in happened:
            match event:
                case FileChanged(file_id=one, file=None | FileView(is_here=False)) if (
                    one == self._file.file_id
                ):
                    self.leave()

    # --- what is drawn ---

    def show(self) -> None:
        """See `Panel.show`."""
        if not self.is_attached or not self.view.size:
            return
        keys, signs = self.loom.keys, self.loom.look.signs
        dot = f" {signs['dot']} "
        self.view.title = dot.join(self._facts())
        known = [(keys.words(name), does) for name, does in HELP]
        self.view.foot = dot.join(f"{key} {does}" for key, does in known if key)
        had, self._over = self._over, ""
        self._draw()
        self.view.refresh()
        if self._over or had:
            self.loom.write_terminal(graphics.gone(self.loom.picture_way))
            self.loom.redraw()

    def _facts(self) -> list[str]:
        file, picture, dots = self._file, self._picture, self.loom.look.signs["ellipsis"]
        facts = [short_name(file.name, 40, dots), size_words(file.size_bytes)]
        if picture is None:
            facts.append("" if self.view.said else "looking at it ...")
        else:
            facts.append(f"{picture.full_width} x {picture.full_height}")
            if picture.frames > 1:
                facts.append(f"the first of {picture.frames:,} frames")
        ids = [one.file_id for one in self._near]
        if len(ids) > 1 and file.file_id in ids:
            facts.append(f"{ids.index(file.file_id) + 1} of {len(ids)}")
        if self._zoom:
            facts.append(f"{ZOOMS[self._zoom]:g}x")
        facts.append(" ".join(printable(file.caption).split()))
        return list(filter(None, facts))

    def _draw(self) -> None:
        body, picture = self.view, self._picture
        body.rows, body.columns = (), 0
        if picture is None:
            return
        columns, rows = body.room
        way = self.loom.picture_way if self.loom.look.has_colors else Way.BLOCKS
        wide, high = self.loom.cell_size() if way is not Way.BLOCKS else (1, 2)
        rgb, width, height = self._part(picture, columns * wide, rows * high)
        body.columns = min(-(-width // wide), columns)
        if way is Way.BLOCKS:
            body.rows = block_lines(rgb, width, height)
            return
        body.rows = [[]] * min(-(-height // high), rows)
        at = self.view.region
        self._over = graphics.drawn(way, rgb, width, height, at.x + body.left, at.y + body.top)

    def _part(self, picture: Picture, width: int, height: int) -> Pixels:
        """What is visible of it, in at most so many pixels."""
        scale = min(width / picture.width, height / picture.height, 1.0) * ZOOMS[self._zoom]
        wide = max(min(round(picture.width * scale), width, graphics.PIXELS_MAX), 1)
        high = max(min(round(picture.height * scale), height, graphics.PIXELS_MAX), 1)
        across, down = min(wide / scale, picture.width), min(high / scale, picture.height)
        left = min(max(self._middle[0] * picture.width - across / 2, 0), picture.width - across)
        top = min(max(self._middle[1] * picture.height - down / 2, 0), picture.height - down)
        self._middle = (left + across / 2) / picture.width, (top + down / 2) / picture.height
        self._visible = across / picture.width, down / picture.height
        whole = picture.rgb, picture.width, picture.height
        box = (left, top, left + across, top + down)
        return graphics.resized(whole, box, wide, high), wide, high

    _visible = (1.0, 1.0)
    """Which part of width and height is visible."""

    def over(self) -> str:
        """What draws the pixels, once the cells under them are blank."""
        return self._over

    # --- keys ---

    def on_key(self, event: events.Key) -> None:
        """The keys of a picture, then those that count everywhere."""
        event.stop()
        event.prevent_default()
        if not self.is_active:
            self.app.screen.post_message(events.Key(event.key, event.character))
            return
        action = self.loom.keys.action(event.key, PICTURES, FORMS, EVERYWHERE) or ""
        if action in self._acts:
            self._acts[action]()
        elif self.loom.keys.action(event.key, EVERYWHERE):
            self.loom.everywhere(action)

    def on_paste(self, event: events.Paste) -> None:
        """There is nowhere to write."""
        event.stop()

    def on_click(self, event: events.Click) -> None:
        """Closer, there; from the closest back to all of it."""
        inside = event.screen_x - self.view.left, event.screen_y - self.view.top
        if self._picture is None or not 0 <= inside[1] < len(self.view.rows):
            return
        across, down = max(self.view.columns, 1), max(len(self.view.rows), 1)
        self._middle = (
            self._middle[0] + (inside[0] / across - 0.5) * self._visible[0],
            self._middle[1] + (inside[1] / down - 0.5) * self._visible[1],
        )
        if self._zoom == len(ZOOMS) - 1:
            self._fit()
        else:
            self._zoom_by(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer."""
        self._zoom_by(1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Further away."""
        self._zoom_by(-1)

    def on_screen_suspend(self) -> None:
        """Something lies over it: pixels would shine through."""
        if self._over:
            self.loom.write_terminal(graphics.gone(self.loom.picture_way))
            self.loom.call_later(self.loom.redraw)

    def on_screen_resume(self) -> None:
        """It is on top again."""
        super().on_screen_resume()
        self.show()

    def on_unmount(self) -> None:
        """It goes, and its pixels."""
        self.on_screen_suspend()

    def _step(self, by: int) -> None:
        ids = [one.file_id for one in self._near]
        at = ids.index(self._file.file_id) if self._file.file_id in ids else 0
        if 0 <= at + by < len(ids):
            self.work(self._look_at(self._near[at + by]), name="picture")

    def _zoom_by(self, by: int) -> None:
        self._zoom = max(0, min(self._zoom + by, len(ZOOMS) - 1))
        self.show()

    def _fit(self) -> None:
        self._zoom, self._middle = 0, (0.5, 0.5)
        self.show()

    def _move(self, across: float, down: float) -> None:
        x, y = self._middle
        self._middle = x + across * self._visible[0], y + down * self._visible[1]
        self.show()

    def _save(self) -> None:
        self.loom.push_screen(SavePanel(self.loom, self._file))
