"""What keys do: actions, the keys of each profile, and what the config file binds instead."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from unicodedata import category

from textual.events import Key
from textual.keys import Keys as NamedKeys

from loom.errors import InvalidInput
from loom.printable import printable

EVERYWHERE: Final = "Everywhere"
READING: Final = "Reading"
WRITING: Final = "Writing"
SELECTING: Final = "Selecting messages"
FILES: Final = "A selected file"
PICTURES: Final = "Looking at a picture"
FORMS: Final = "Forms and lists"


class Action(NamedTuple):
    """Something a key does. `where` is when its keys count; `name` is what the config binds."""

    name: str
    where: str
    does: str
    keys: tuple[str, ...]
    also: str = ""
    """Other words that find it in the palette."""


ACTIONS: Final = (
    Action("palette", EVERYWHERE, "Open the command palette", ("ctrl+p",)),
    Action("jump", EVERYWHERE, "Jump to a conversation", ("ctrl+o",)),
    Action("search_here", EVERYWHERE, "Search in this conversation", ("ctrl+f",)),
    Action("contact", EVERYWHERE, "Show this contact", ("f2",)),
    Action("help", EVERYWHERE, "Show keys and commands", ("f1",)),
    Action("lock", EVERYWHERE, "Lock", ("f9", "alt+l")),
    Action(
        *("panic", EVERYWHERE, "Destroy this profile: again, or held", ("ctrl+x f12",)),
        also="wipe erase burn emergency",
    ),
    Action("connectivity", EVERYWHERE, "Connection details", ("ctrl+t",), "network paths retries"),
    Action("redraw", EVERYWHERE, "Draw the screen again", ("ctrl+l", "f5")),
    Action("quit", EVERYWHERE, "Quit", ("ctrl+q",)),
    Action("how_to_quit", EVERYWHERE, "Say how to quit", ("ctrl+c", "ctrl+z")),
    Action("next", READING, "Next conversation", ("alt+down",)),
    Action("previous", READING, "Previous conversation", ("alt+up",)),
    Action("next_unread", READING, "Next unread conversation", ("alt+a",)),
    Action("page_up", READING, "Scroll up", ("pageup",)),
    Action("page_down", READING, "Scroll down", ("pagedown",)),
    Action("line_up", READING, "Scroll up one line", ("alt+pageup", "ctrl+up")),
    Action("line_down", READING, "Scroll down one line", ("alt+pagedown", "ctrl+down")),
    Action("oldest", READING, "To the oldest message", ("ctrl+home",)),
    Action("newest", READING, "To the newest message", ("ctrl+end",)),
    Action("first_unread", READING, "To the first unread message", ("alt+u",)),
    Action("mark_unread", READING, "Mark the last message unread", ("alt+k",), "unread keep"),
    Action("mentions", READING, "Messages that mention you", ("alt+m",)),
    Action("filter", READING, "Filter the list by name", ("f3",), "narrow contacts"),
    Action(
        "favourite", READING, "Keep at the top of the list, or no longer", ("alt+s",), "star pin"
    ),
    Action("mute_for", READING, "Mute for a time, or no longer", ("alt+q",), "silence"),
    Action("archive", READING, "Archive this conversation, or put it back", ("alt+e",)),
    Action("archived", READING, "Show the archive, or the list again", ("alt+i",)),
    Action("send", WRITING, "Send", ("enter",)),
    Action("newline", WRITING, "Begin a new line", ("ctrl+j", "shift+enter", "alt+enter")),
    Action("complete", WRITING, "Complete a command, a name or an emoji", ("tab",)),
    Action(
        "select",
        WRITING,
        "Select messages",
        ("escape",),
        "delete message copy text send again retry",
    ),
    Action(
        "expires",
        WRITING,
        "Let the next message disappear",
        ("alt+x",),
        "timer disappearing vanish self-destruct",
    ),
    Action("older_text", WRITING, "Previous sent message", ("alt+p",)),
    Action("newer_text", WRITING, "Next sent message", ("alt+n",)),
    Action("search_sent", WRITING, "Find what you sent before", ("ctrl+r",)),
    Action(
        "edit_outside", WRITING, "Write in your own editor", ("ctrl+x ctrl+e",), "vi vim nano emacs"
    ),
    Action("left", WRITING, "Left", ("left", "ctrl+b")),
    Action("right", WRITING, "Right", ("right",)),
    Action("up", WRITING, "Up a row; where nothing is written: edit your last message", ("up",)),
    Action("down", WRITING, "Down a row", ("down",)),
    Action("word_left", WRITING, "Back a word", ("alt+b", "ctrl+left", "alt+left")),
    Action("word_right", WRITING, "Forward a word", ("alt+f", "ctrl+right", "alt+right")),
    Action("home", WRITING, "To the beginning of the line", ("ctrl+a", "home")),
    Action("end", WRITING, "To the end of the line", ("ctrl+e", "end")),
    Action("backspace", WRITING, "Delete back", ("backspace", "ctrl+h")),
    Action("delete", WRITING, "Delete forward", ("delete", "ctrl+d")),
    Action("kill_to_end", WRITING, "Cut to the end of the line", ("ctrl+k",)),
    Action("kill_to_start", WRITING, "Cut to the beginning of the line", ("ctrl+u",)),
    Action("kill_word", WRITING, "Cut the word before", ("ctrl+w", "alt+backspace")),
    Action("kill_word_right", WRITING, "Cut the word after", ("alt+d",)),
    Action("yank", WRITING, "Put back what was cut", ("ctrl+y",)),
    Action("undo", WRITING, "Undo", ("ctrl+underscore", "alt+z")),
    Action("redo", WRITING, "Redo", ("alt+y",)),
    Action("swap_letters", WRITING, "Swap the characters around the cursor", ()),
    Action("swap_words", WRITING, "Swap the words around the cursor", ("alt+t",)),
    Action("select_newer", SELECTING, "Next message", ("j", "down")),
    Action("select_older", SELECTING, "Message before", ("k", "up")),
    Action("mark", SELECTING, "Select this one and others too", ("space",)),
    Action("fold", SELECTING, "Show all of a long message, or its beginning", ("z",)),
    Action("reply", SELECTING, "Answer it", ("r",)),
    Action("thread", SELECTING, "In a room: its thread; Esc goes back", ("T",)),
    Action("react", SELECTING, "React with a sign, or take it back", ("plus",)),
    Action("edit", SELECTING, "Edit it, if it is yours", ("e",)),
    Action(
        "follow_quote", SELECTING, "To the message it answers, else back to writing", ("enter",)
    ),
    Action("show_message", SELECTING, "Show who reacted, and what it said before", ("v",)),
    Action("forward", SELECTING, "Forward it", ("f",)),
    Action("pin", SELECTING, "Pin it for both, or no longer", ("p",)),
    Action("bookmark", SELECTING, "Bookmark it here, or no longer", ("b",)),
    Action("copy", SELECTING, "Copy the text", ("y",)),
    Action("open_link", SELECTING, "Open the link", ("o",)),
    Action("copy_link", SELECTING, "Copy the link", ("c",)),
    Action("next_hit", SELECTING, "Next hit of the search", ("n",)),
    Action("previous_hit", SELECTING, "Hit before", ("N",)),
    Action("unread_from_here", SELECTING, "Mark unread from here on", ("U",)),
    Action("retry", SELECTING, "Send failed ones again", ("t",)),
    Action("delete_message", SELECTING, "Delete it here, after a question", ("d",)),
    Action("unsend", SELECTING, "Delete it for both, after a question", ("x",)),
    Action("undo_delete", SELECTING, "Bring back what was just deleted", ("u",)),
    Action("write", SELECTING, "Back to writing", ("escape",)),
    Action("take_file", FILES, "Take it; open it once it is here", ("enter",), "accept download"),
    Action("save_file", FILES, "Save it where you say", ("s",), "download copy"),
    Action("pause_file", FILES, "Pause it, or go on", ("p",), "resume"),
    Action("end_file", FILES, "Decline or cancel it, after a question", ("x",), "refuse stop"),
    Action("picture_next", PICTURES, "Next picture", ("n", "space", "pagedown")),
    Action("picture_before", PICTURES, "Picture before", ("p", "backspace", "pageup")),
    Action("zoom_in", PICTURES, "Closer", ("plus", "equals_sign")),
    Action("zoom_out", PICTURES, "Further away", ("minus",)),
    Action("zoom_fit", PICTURES, "All of it", ("0", "f")),
    Action("picture_left", PICTURES, "Left", ("left", "h")),
    Action("picture_right", PICTURES, "Right", ("right", "l")),
    Action("picture_up", PICTURES, "Up", ("up", "k")),
    Action("picture_down", PICTURES, "Down", ("down", "j")),
    Action("save_picture", PICTURES, "Save it where you say", ("s",)),
    Action("form_next", FORMS, "Next", ("tab", "down")),
    Action("form_previous", FORMS, "Previous", ("shift+tab", "up")),
    Action("form_do", FORMS, "Do it", ("enter", "space")),
    Action("form_back", FORMS, "Back; what was typed is forgotten", ("escape",)),
)

_BY_NAME: Final = {action.name: action for action in ACTIONS}
PLACES: Final = "123456789"
"""Right after Esc, a digit opens the conversation at that place of the list."""

DELETES: Final = "D"
DELETES_FOR_BOTH: Final = "X"
"""The answers that delete: no word begins with the question's key and this one."""

PROFILES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "default": {},
    "emacs": {
        "palette": ("alt+x",),
        "expires": ("alt+g",),
        "jump": ("ctrl+o",),
        "search_here": ("ctrl+s", "ctrl+r"),
        "search_sent": ("alt+r",),
        "connectivity": ("f4",),
        "swap_letters": ("ctrl+t",),
        "page_up": ("alt+v", "pageup"),
        "page_down": ("ctrl+v", "pagedown"),
        "oldest": ("alt+less_than_sign", "ctrl+home"),
        "newest": ("alt+greater_than_sign", "ctrl+end"),
        "right": ("right", "ctrl+f"),
        "up": ("up", "ctrl+p"),
        "down": ("down", "ctrl+n"),
        "write": ("escape", "ctrl+g"),
        "pin": ("P",),
        "pause_file": ("P",),
        "select_newer": ("n", "ctrl+n", "down"),
        "select_older": ("p", "ctrl+p", "up"),
        "next_hit": ("ctrl+s",),
        "previous_hit": ("ctrl+r",),
        "form_next": ("tab", "down", "ctrl+n", "n"),
        "form_previous": ("shift+tab", "up", "ctrl+p", "p"),
        "form_back": ("escape", "ctrl+g"),
    },
    "vi": {
        "palette": ("ctrl+p", "colon"),
        "search_here": ("slash",),
        "help": ("f1", "question_mark"),
        "next": ("alt+down", "J"),
        "previous": ("alt+up", "K"),
        "page_up": ("pageup", "ctrl+b"),
        "page_down": ("pagedown", "ctrl+f"),
        "oldest": ("ctrl+home", "g"),
        "newest": ("ctrl+end", "G"),
        "left": ("left",),
        "write": ("i", "a"),
        "form_next": ("tab", "down", "ctrl+n", "j"),
        "form_previous": ("shift+tab", "up", "k"),
        "form_back": ("escape", "q"),
    },
    "minimal": {
        "next_unread": (),
        "first_unread": (),
        "mark_unread": (),
        "mentions": (),
        "favourite": (),
        "mute_for": (),
        "archive": (),
        "archived": (),
        "line_up": (),
        "line_down": (),
        "older_text": (),
        "newer_text": (),
        "word_left": ("ctrl+left",),
        "word_right": ("ctrl+right",),
        "home": ("home",),
        "end": ("end",),
        "left": ("left",),
        "backspace": ("backspace", "ctrl+h"),
        "delete": ("delete",),
        "kill_to_end": (),
        "kill_to_start": ("ctrl+u",),
        "kill_word": ("ctrl+w",),
        "kill_word_right": (),
        "yank": (),
        "swap_words": (),
        "select_newer": ("down",),
        "select_older": ("up",),
        "write": ("escape",),
    },
}


class Keys:
    """The bindings in force."""

    def __init__(self, profile: str, bound: Mapping[str, Iterable[str]] | None = None) -> None:
        """Raises InvalidInput: no such profile or action, or one key for two actions."""
        if profile not in PROFILES:
            known = ", ".join(PROFILES)
            raise InvalidInput(
                what=f"There is no key profile {printable(profile)[:64]}; there are {known}"
            )
        unknown = sorted(set(bound or {}) - set(_BY_NAME))
        if unknown:
            raise InvalidInput(what=f"There is no action {printable(unknown[0])[:64]}")
        self.profile = profile
        chosen = PROFILES[profile] | {name: tuple(keys) for name, keys in (bound or {}).items()}
        self._keys = {action.name: chosen.get(action.name, action.keys) for action in ACTIONS}
        for name, keys in self._keys.items():
            if name not in (bound or {}):  # two keys give way to one that somebody bound
                self._keys[name] = tuple(key for key in keys if not self._is_taken(key, bound))
        self._actions: dict[tuple[str, str], str] = {}
        for action in ACTIONS:
            for key in self._keys[action.name]:
                known = self._actions.setdefault((action.where, key), action.name)
                if known != action.name:
                    raise InvalidInput(what=f"{key} is bound to both {known} and {action.name}")
        self._beginnings = {key.split()[0] for _, key in self._actions if " " in key}
        for (_, key), name in self._actions.items():
            if key in self._beginnings:
                raise InvalidInput(what=f"{key} is bound to {name}, and other keys begin with it")

    @staticmethod
    def _is_taken(key: str, bound: Mapping[str, Iterable[str]] | None) -> bool:
        first, *others = key.split()
        return bool(others) and any(first in keys for keys in (bound or {}).values())

    def is_bound(self, key: str) -> bool:
        """Whether a key does something anywhere."""
        return any(one == key for _, one in self._actions)

    def begins(self, key: str) -> bool:
        """Whether a key is only the first of two, as `ctrl+x` of `ctrl+x ctrl+e`."""
        return key in self._beginnings

    def action(self, key: str, *where: str) -> str | None:
        """What a key does in the first of these places that knows it.

        Where one writes, a key that stands for a character writes it and does nothing else.
        """
        if WRITING in where and writes(key):
            return None
        for one in where:
            if (found := self._actions.get((one, key))) is not None:
                return found
        return None

    def of(self, action: str) -> tuple[str, ...]:
        """The keys of an action."""
        return self._keys[action]

    def bindings(self) -> list[tuple[Action, tuple[str, ...]]]:
        """Every action that has a key, in the order of the help."""
        return [(one, self._keys[one.name]) for one in ACTIONS if self._keys[one.name]]

    def words(self, action: str) -> str:
        """The first key of an action as people write it; empty: it has none."""
        return key_words(self._keys[action][0]) if self._keys[action] else ""


def writes(key: str) -> bool:
    """Whether the key of this name stands for a character."""
    return "+" not in key and (key == "space" or key not in _FUNCTIONS)


def is_text(event: Key) -> bool:
    """Whether a key writes something: Alt and a letter that is not bound does nothing.

    Joiners and all kinds of spaces do, and what is newer than this Python's Unicode tables.
    """
    if event.character is None or event.key.startswith(_MODIFIERS):
        return False
    return not any(category(one) in _NO_TEXT for one in event.character)


_NO_TEXT: Final = ("Cc", "Cs", "Co")
"""Controls, halves of characters, and private ones, which some terminals send for keys."""
_FUNCTIONS: Final = frozenset(key.value for key in NamedKeys)
_MODIFIERS: Final = ("alt+", "ctrl+", "super+", "hyper+", "meta+")
_NAMES: Final = {
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "space": "Space",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "underscore": "_",
}


def key_words(key: str) -> str:
    """`ctrl+p` as Ctrl-P, `ctrl+x ctrl+e` as Ctrl-X Ctrl-E."""
    return " ".join(map(_words_of_one, key.split()))


def _words_of_one(key: str) -> str:
    parts = key.split("+")
    last = _NAMES.get(parts[-1]) or (
        parts[-1] if len(parts) == 1 and len(parts[-1]) == 1 else parts[-1].capitalize()
    )
    return "-".join([*(part.capitalize() for part in parts[:-1]), last])
