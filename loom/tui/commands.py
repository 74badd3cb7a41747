"""The app's slash commands, and how they complete."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from loom.front.slash import SlashCommand, by_name

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


_NAMES: Final = by_name(COMMANDS)


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
