"""How a line that may be a slash command is read, and what must not go out as a message."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple


class SlashCommand(NamedTuple):
    """One command. `arguments` is how help shows them, `completes` what they are.

    `also` holds other words that find it in the palette. `needs_contact`: it acts on the open
    conversation with one; `needs_room`: on the open room. With both, on either.
    """

    name: str
    arguments: str
    does: str
    completes: str = ""
    aliases: tuple[str, ...] = ()
    needs_contact: bool = False
    also: str = ""
    needs_room: bool = False

    def fits(self, *, in_room: bool) -> bool:
        """Whether it is for such a place."""
        anywhere = not (self.needs_contact or self.needs_room)
        return anywhere or (self.needs_room if in_room else self.needs_contact)


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


def read_line(text: str, commands: Iterable[SlashCommand]) -> Run | Say | Refused:
    """What a typed text is. A leading `//` sends a text that begins with `/`."""
    names = by_name(commands)
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


def by_name(commands: Iterable[SlashCommand]) -> dict[str, SlashCommand]:
    """The commands under their names and aliases."""
    return {name: one for one in commands for name in (one.name, *one.aliases)}
