"""What removed officers did and their remover had not seen: to be confirmed, or not."""

from collections.abc import Callable
from functools import partial

from loom.api.room_commands import ConfirmOffered, DismissOffered, ListOffered
from loom.api.room_views import StatementView
from loom.front.room_lines import line_words
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Item, Row, Text
from loom.tui.owner import Owner
from loom.tui.rooms.panel import RoomLivePanel
from loom.tui.themes import Piece

_WHAT_IT_IS = (
    "A removed officer did this before they knew of it, and their remover had not seen it. It does "
    "not count unless somebody who may do so lets it count."
)


class OfferedPanel(RoomLivePanel):
    """One row each."""

    def __init__(self, loom: Owner, room_id: str) -> None:
        super().__init__(loom, room_id)
        self._offered: list[StatementView] | None = None

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return "To confirm" if self.room is None else f"To confirm in {self.room.room}"

    async def load(self) -> None:
        """See `LivePanel.load`."""
        await super().load()
        if self.room is not None:
            self._offered = (await self.loom.send(ListOffered(room=self.room_id))).statements

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._offered is None:
            return []
        if not self._offered:
            return [Text("Nothing waits to be confirmed.", "hint")]
        rows = [self._row(one) for one in self._offered]
        items: list[Item] = [Text(_WHAT_IT_IS), GAP, *rows]
        if len(rows) > 1:
            mine = [one.statement_id for one in self._offered if one.confirmable]
            every = [one.statement_id for one in self._offered]
            if mine:
                hint = "what you may" if len(mine) < len(every) else ""
                items += [GAP, Button("Let all of it count", partial(self._confirm, mine), hint)]
            items.append(
                Button("Let none of it count", partial(self._dismiss, every), "ask no more")
            )
        return items

    def _row(self, view: StatementView) -> Row:
        words = printable(line_words(view.author, view.line))
        more = "" if view.confirmable else "  not yours to confirm"
        line = [Piece(words), Piece(more, "hint")]
        return Row(f"offered {view.statement_id}", line, partial(self._open, view))

    def _open(self, view: StatementView) -> None:
        self.loom.push_screen(StatementPanel(self.loom, view, self._confirm, self._dismiss))

    def _confirm(self, ids: list[str]) -> None:
        self.change(ConfirmOffered(room=self.room_id, statement_ids=ids), "It counts now.")

    def _dismiss(self, ids: list[str]) -> None:
        command = DismissOffered(room=self.room_id, statement_ids=ids)
        self.change(command, "You will not be asked about it again; nobody is told.")


class StatementPanel(RoomLivePanel):
    """One of them, whole."""

    heading = "To confirm"

    def __init__(
        self,
        loom: Owner,
        view: StatementView,
        confirm: Callable[[list[str]], None],
        dismiss: Callable[[list[str]], None],
    ) -> None:
        super().__init__(loom, view.room_id)
        self._view = view
        self._confirm = confirm
        self._dismiss = dismiss

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        items: list[Item] = [
            Text(line_words(view.author, view.line), "title"),
            Fact("By", f"{view.author}, {view.author_id[:16]}"),
            Fact("Id", view.statement_id[:16]),
            GAP,
        ]
        if view.confirmable:
            items.append(Button("Let it count", partial(self._decide, self._confirm)))
        else:
            items.append(Text(f"You may not let it count; ask {self.who_may()}.", "hint"))
        dismiss = partial(self._decide, self._dismiss)
        return [*items, Button("Ask no more", dismiss, "nobody is told")]

    def _decide(self, decide: Callable[[list[str]], None]) -> None:
        decide([self._view.statement_id])
        self.leave()
