"""The list narrowed by typing: keys go to it until Esc or Enter."""

from collections.abc import Callable

from textual import events

from loom.tui.chat.conversations import ConversationList
from loom.tui.editor import EDITS
from loom.tui.keys import EVERYWHERE, FORMS, READING, WRITING, is_text
from loom.tui.owner import Owner


class ListFilter:
    """What is typed is in the list's own editor, which is None while nothing is filtered.

    Args:
        open_: shows a conversation.
        instead: what happens where the list is hidden.
        changed: other rows are in the list.
    """

    def __init__(
        self,
        owner: Owner,
        list_: ConversationList,
        *,
        open_: Callable[[int], None],
        instead: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._list = list_
        self._open = open_
        self._instead = instead
        self._changed = changed

    @property
    def is_active(self) -> bool:
        """Whether keys go to it."""
        return self._list.filter is not None

    def begin(self, text: str = "") -> None:
        """Narrow the list to the names that hold these words."""
        if not self._list.display:
            self._instead()
            return
        self._list.begin_filter(text)
        self._narrow()

    def end(self) -> None:
        """Show the whole list again."""
        self._list.end_filter()
        self._narrow()

    def key(self, event: events.Key) -> bool:
        """A key was pressed; False: it is not for the filter."""
        editor = self._list.filter
        if editor is None:
            return False
        before = editor.text
        action = self._owner.keys.action(event.key, FORMS, WRITING, READING, EVERYWHERE) or ""
        if event.character and is_text(event):
            editor.insert(event.character)
        elif action in EDITS:
            EDITS[action](editor)
        elif action in ("form_next", "form_previous"):
            self._list.choose(1 if action == "form_next" else -1)
        elif action == "form_do":
            self._use()
            return True
        elif action == "form_back":
            self.end()
            return True
        else:
            return False
        if editor.text != before:
            self._narrow()
        self._changed()
        return True

    def paste(self, text: str) -> None:
        """Line ends are spaces here."""
        if self._list.filter is not None:
            self._list.filter.insert(" ".join(text.split()))
            self._narrow()

    def _use(self) -> None:
        number = self._list.chosen
        self.end()
        if number is not None:
            self._open(number)

    def _narrow(self) -> None:
        editor = self._list.filter
        self._owner.model.narrow("" if editor is None else editor.text)
        self._list.choose(0)
        self._changed()
