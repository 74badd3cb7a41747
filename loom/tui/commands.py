"""Slash commands: what can be typed, how it completes, and what must not go out as a message."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Final, NamedTuple


class SlashCommand(NamedTuple):
    """One command. `arguments` is how help shows them, `completes` what they are."""

    name: str
    arguments: str
    does: str
    completes: str = ""
    aliases: tuple[str, ...] = ()
    needs_contact: bool = False


COMMANDS: Final = (
    SlashCommand("help", "", "Show keys and commands", aliases=("h", "?")),
    SlashCommand("add", "[TOKEN NAME]", "Add a contact", aliases=("a",)),
    SlashCommand("open", "NAME", "Open a conversation", "contact", ("o", "jump")),
    SlashCommand("search", "TEXT", "Search in all conversations", aliases=("s", "find")),
    SlashCommand("contact", "", "Show what is known of this contact", needs_contact=True),
    SlashCommand("verify", "", "Compare safety numbers", aliases=("v",), needs_contact=True),
    SlashCommand("rename", "[NAME]", "Give this contact another name here", needs_contact=True),
    SlashCommand("block", "", "Block this contact", needs_contact=True),
    SlashCommand("unblock", "", "Unblock this contact", needs_contact=True),
    SlashCommand("mute", "", "Do not count or tell what this contact writes", needs_contact=True),
    SlashCommand("unmute", "", "Undo that", needs_contact=True),
    SlashCommand(
        "remove", "[NAME]", "Delete this contact and all that was said", needs_contact=True
    ),
    SlashCommand("peers", "", "Show who is near or connected", aliases=("p",)),
    SlashCommand("connect", "[HOST:PORT]", "Reach this contact at an address", needs_contact=True),
    SlashCommand("token", "", "Show your own token", aliases=("t",)),
    SlashCommand("connectivity", "", "Show paths, retries and limits", aliases=("net",)),
    SlashCommand("log", "", "Show the end of the log"),
    SlashCommand("report", "", "Copy a report without names for whoever helps"),
    SlashCommand("privacy", "", "Read receipts, typing and notifications"),
    SlashCommand("notify", "LEVEL", "What is told while you look elsewhere", "notify"),
    SlashCommand("theme", "NAME", "Change the colours", "theme"),
    SlashCommand("keys", "NAME", "Change the keys", "keys"),
    SlashCommand("words", "", "Check that your 24 words are written down right"),
    SlashCommand("lock", "", "Lock", aliases=("l",)),
    SlashCommand("quit", "", "Quit", aliases=("q", "exit")),
)


def _by_name(commands: Iterable[SlashCommand]) -> dict[str, SlashCommand]:
    return {name: one for one in commands for name in (one.name, *one.aliases)}


_NAMES: Final = _by_name(COMMANDS)


class Run(NamedTuple):
    """A command to carry out."""

    command: SlashCommand
    argument: str


class Say(NamedTuple):
    """A text to send."""

    text: str


class Refused(NamedTuple):
    """Neither: it looks like a command and is none."""

    why: str


def read_line(text: str, commands: Iterable[SlashCommand] = COMMANDS) -> Run | Say | Refused:
    """What a typed text is. A leading `//` sends a text that begins with `/`."""
    names = _by_name(commands)
    stripped = text.lstrip()
    if text.startswith("//"):
        return Say(text[1:])
    if not stripped.startswith("/"):
        return Say(text)
    word, _, argument = stripped[1:].partition(" ")
    if "/" in word.rstrip("/"):
        return Say(text)  # a path
    name = word.lower()
    if text != stripped and name in names:
        return Refused(f"A space stands before /{name}: remove it, or begin with // to send it.")
    if text != stripped:
        return Say(text)
    if "\n" in word or "\n" in argument.strip():
        return Refused("A command is one line; begin with // to send this as a message.")
    found = names.get(name) or _only_prefix(name, names)
    if found is not None:
        return Run(found, argument.strip())
    close = get_close_matches(name, names, n=1)
    meant = f" Did you mean /{close[0]}?" if close else ""
    return Refused(f"There is no /{name}.{meant} Begin with // to send it as a message.")


def _only_prefix(name: str, names: dict[str, SlashCommand]) -> SlashCommand | None:
    found = {one.name for one in names.values() if one.name.startswith(name)} if name else set()
    return names[found.pop()] if len(found) == 1 else None


class Completion(NamedTuple):
    """One way to go on: `text` replaces what stands from `start` to the cursor."""

    start: int
    text: str
    label: str
    hint: str = ""


Source = Callable[[str], Iterable[str]]
"""What can stand for an argument of this kind: contact, theme, keys."""


def complete_command(text: str, cursor: int, source: Source) -> list[Completion]:
    """Ways to complete the command that the cursor stands in."""
    typed = text[:cursor]
    if not typed.startswith("/") or typed.startswith("//") or "\n" in text:
        return []
    word, space, argument = typed[1:].partition(" ")
    if not space:
        return [
            Completion(0, f"/{one.name} ", f"/{one.name} {one.arguments}".strip(), one.does)
            for one in COMMANDS
            if one.name.startswith(word.lower()) or word.lower() in one.aliases
        ]
    command = _NAMES.get(word.lower())
    if command is None or not command.completes:
        return []
    start = len(typed) - len(argument)
    return [
        Completion(start, value, value)
        for value in source(command.completes)
        if value.casefold().startswith(argument.casefold()) and value != argument
    ]
