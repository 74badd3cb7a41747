"""The app's slash commands, and how they complete."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from loom.front.slash import SlashCommand, by_name

COMMANDS: Final = (
    SlashCommand("help", "", "Show keys and commands", aliases=("h", "?")),
    SlashCommand(
        "add", "[TOKEN NAME]", "Add somebody", aliases=("a",), also="new contact friend token paste"
    ),
    SlashCommand("invite", "", "Invite somebody: make a text to send", also="invites new friend"),
    SlashCommand("requests", "", "Show who asks to be your contact", also="strangers"),
    SlashCommand("accept", "[NAME]", "Accept a request", also="requests"),
    SlashCommand(
        "pair", "", "Add somebody here: compare three words", also="nearby meet verify new friend"
    ),
    SlashCommand("rooms", "", "Show your rooms", also="groups"),
    SlashCommand(
        "room",
        "[NAME|new NAME|invite NAME|leave NAME]",
        "Show a room, make one, invite into it or leave it",
        "room",
        also="group create join details",
    ),
    SlashCommand(
        "members", "[ROOM]", "Show who is in a room", "room_name", also="group roles kept by"
    ),
    SlashCommand(
        "channel",
        "[NAME|new NAME]",
        "Go to a channel of this room, open a new one, or change this one",
        "channel",
        needs_room=True,
        also="topic restrict close",
    ),
    SlashCommand(
        "appoint",
        "[NAME ROLE]",
        "Give a member of this room a role",
        "member",
        needs_room=True,
        also="moderator demote owner officer",
    ),
    SlashCommand(
        "ban",
        "[NAME]",
        "Remove a member, and let nobody bring them back",
        "member",
        needs_room=True,
        also="moderation kick unban lift",
    ),
    SlashCommand(
        "poll", "[QUESTION]", "Ask everybody in this room", needs_room=True, also="vote survey"
    ),
    SlashCommand("open", "NAME", "Open a conversation", "contact", ("o", "jump")),
    SlashCommand("search", "TEXT", "Search in all conversations", aliases=("s", "find")),
    SlashCommand(
        "reply",
        "[TEXT]",
        "Answer the selected message, or their newest",
        aliases=("answer", "r"),
        needs_contact=True,
        needs_room=True,
        also="quote respond",
    ),
    SlashCommand(
        "edit",
        "[TEXT]",
        "Edit the selected message, or your last one",
        aliases=("e",),
        needs_contact=True,
        needs_room=True,
        also="change correct",
    ),
    SlashCommand(
        "react",
        "[EMOJI|off]",
        "React to the selected message, or to their newest",
        "emoji",
        needs_contact=True,
        needs_room=True,
        also="reaction emoji like thumbs",
    ),
    SlashCommand(
        "message",
        "",
        "Who reacted to a message, and what it said before",
        needs_contact=True,
        needs_room=True,
        also="details reactions history edits versions",
    ),
    SlashCommand(
        "forward",
        "[NAME]",
        "Forward the selected message, or the newest",
        "contact",
        aliases=("fwd",),
        needs_contact=True,
        needs_room=True,
        also="share send on",
    ),
    SlashCommand(
        "pin", "", "Pin the selected message for both", needs_contact=True, needs_room=True
    ),
    SlashCommand("unpin", "", "Pin it no longer", needs_contact=True, needs_room=True),
    SlashCommand(
        "pins", "", "Show what is pinned here", needs_contact=True, needs_room=True, also="pinned"
    ),
    SlashCommand(
        "bookmark",
        "",
        "Bookmark the selected message, only here",
        needs_contact=True,
        needs_room=True,
        also="star save keep",
    ),
    SlashCommand("unbookmark", "", "Bookmark it no longer", needs_contact=True, needs_room=True),
    SlashCommand("bookmarks", "", "Show all bookmarks", also="starred saved kept"),
    SlashCommand(
        "delete",
        "",
        "Delete the selected message here, after a question",
        needs_contact=True,
        also="remove erase",
    ),
    SlashCommand(
        "unsend",
        "",
        "Delete the selected message for both, after a question",
        needs_contact=True,
        needs_room=True,
        also="delete everyone retract take back",
    ),
    SlashCommand(
        "export",
        "[FORMAT]",
        "Write this conversation or room to a file, unencrypted",
        "export",
        needs_contact=True,
        needs_room=True,
        also="save backup text markdown json html print",
    ),
    SlashCommand(
        "attach",
        "[PATH...]",
        "Send files or folders, after a question",
        "path",
        aliases=("send-file",),
        needs_contact=True,
        needs_room=True,
        also="upload picture photo document share",
    ),
    SlashCommand(
        "voice",
        "",
        "Record a voice note",
        needs_contact=True,
        needs_room=True,
        also="audio sound microphone speak",
    ),
    SlashCommand(
        "files", "", "Show all files, and what they take on the disk", also="downloads transfers"
    ),
    SlashCommand("contact", "", "Show this contact", needs_contact=True, also="details profile"),
    SlashCommand(
        "verify",
        "",
        "Compare safety numbers",
        aliases=("v",),
        needs_contact=True,
        also="fingerprint trust",
    ),
    SlashCommand(
        "rename",
        "[NAME]",
        "Rename this contact, only for you, or this room, for everybody",
        needs_contact=True,
        needs_room=True,
    ),
    SlashCommand("block", "", "Block this contact", needs_contact=True),
    SlashCommand("unblock", "", "Unblock this contact", needs_contact=True),
    SlashCommand(
        "mute",
        "[1h|8h|1w]",
        "Mute this contact or room",
        needs_contact=True,
        needs_room=True,
        also="silence notifications",
    ),
    SlashCommand("unmute", "", "Unmute this contact or room", needs_contact=True, needs_room=True),
    SlashCommand(
        "level",
        "LEVEL",
        "Choose what this contact or room notifies you of",
        "level",
        needs_contact=True,
        needs_room=True,
        also="notifications mentions everything nothing",
    ),
    SlashCommand("archive", "", "Take this contact out of the list", needs_contact=True),
    SlashCommand("unarchive", "", "Put this contact back into the list", needs_contact=True),
    SlashCommand("archived", "", "Show the archive, or the list again"),
    SlashCommand(
        "favourite", "", "Keep this contact at the top", aliases=("star",), needs_contact=True
    ),
    SlashCommand("unfavourite", "", "Stop keeping this contact at the top", needs_contact=True),
    SlashCommand("read", "", "Mark everything here read", needs_contact=True, needs_room=True),
    SlashCommand("unread", "", "Mark the last message unread", needs_contact=True, needs_room=True),
    SlashCommand("mentions", "", "Show messages that mention you"),
    SlashCommand("filter", "[TEXT]", "Filter the list by name", also="narrow contacts"),
    SlashCommand(
        "timer",
        "[1h|off]",
        "Let later messages here disappear",
        needs_contact=True,
        also="disappearing expire vanish self-destruct",
    ),
    SlashCommand(
        "expires",
        "[1h|off] [TEXT]",
        "Let one message disappear: this text, or the next one",
        needs_contact=True,
        needs_room=True,
        also="timer disappearing once vanish self-destruct",
    ),
    SlashCommand(
        "remove",
        "[NAME]",
        "Delete this contact and the whole conversation, or remove a member of this room",
        needs_contact=True,
        needs_room=True,
        also="erase kick",
    ),
    SlashCommand(
        "farewell",
        "[delete|keep]",
        "Delete this conversation for both, or answer who asks for it",
        needs_contact=True,
        also="erase clear both sides",
    ),
    SlashCommand("peers", "", "Show who is online", aliases=("p",), also="nearby"),
    SlashCommand(
        "connect", "[HOST:PORT]", "Connect to this contact at an address", needs_contact=True
    ),
    SlashCommand("token", "", "Show your own token", aliases=("t",), also="qr code share"),
    SlashCommand("connectivity", "", "Connection details", aliases=("net",), also="network"),
    SlashCommand(
        "anchors",
        "[TEXT]",
        "Anchors: mail for who is away",
        aliases=("anchor",),
        also="mailbox offline relay server away",
    ),
    SlashCommand("log", "", "Show the end of the log"),
    SlashCommand("report", "", "Copy a diagnostic report (no names)", also="bug"),
    SlashCommand(
        "settings",
        "",
        "Settings",
        aliases=("privacy",),
        also="preferences options config colors theme keys notifications read receipts typing lock",
    ),
    SlashCommand(
        "profile", "[NAME]", "Your name and what else contacts are told", also="display name"
    ),
    SlashCommand("status", "[TEXT]", "Tell contacts a status", also="mood line about"),
    SlashCommand("away", "", "Tell contacts that you are away", also="presence"),
    SlashCommand("back", "", "Tell contacts that you are back", also="presence"),
    SlashCommand(
        "invisible", "", "Do not let contacts see that you are here", also="presence hide offline"
    ),
    SlashCommand("visible", "", "Let contacts see that you are here", also="presence online"),
    SlashCommand("notify", "LEVEL", "Change what notifications show", "notify", also="bell"),
    SlashCommand("theme", "NAME", "Change the theme", "theme", also="colors colours dark light"),
    SlashCommand(
        "formatting",
        "LOOK",
        "Show texts formatted, or plainly as typed",
        "formatting",
        also="markdown bold italic code highlighting emphasis",
    ),
    SlashCommand("keys", "NAME", "Change the keys", "keys", also="emacs vi shortcuts bindings"),
    SlashCommand("words", "", "Check your 24 words", also="recovery phrase backup"),
    SlashCommand("backup", "", "Make, schedule or verify backups", also="save copy restore daily"),
    SlashCommand("unsent", "", "Send what waited in a backup, or do not", also="restore drop"),
    SlashCommand(
        "safekeeping",
        "",
        "Backup, identity, ways to unlock, another machine",
        aliases=("safe",),
        also="rotate revoke keys duress passphrase keyring fido2 security unlock move panic",
    ),
    SlashCommand("lock", "", "Lock", aliases=("l",)),
    SlashCommand("quit", "", "Quit", aliases=("q", "exit")),
)

EXPORTS: Final = ("text", "markdown", "jsonl", "html")
"""The formats that `/export` takes, known without importing them."""

_NAMES: Final = by_name(COMMANDS)


class Completion(NamedTuple):
    """One way to go on: `text` replaces what stands from `start` to the cursor."""

    start: int
    text: str
    label: str
    hint: str = ""


Source = Callable[[str], Iterable[str]]
"""What can stand for an argument of this kind: contact, theme, keys."""


def complete_command(
    text: str, cursor: int, source: Source, *, in_room: bool = False
) -> list[Completion]:
    """Ways to complete the command that the cursor stands in; `in_room`: a room is open."""
    typed = text[:cursor]
    if not typed.startswith("/") or typed.startswith("//") or "\n" in text:
        return []
    word, space, argument = typed[1:].partition(" ")
    if not space:
        return [
            Completion(0, f"/{one.name} ", f"/{one.name} {one.arguments}".strip(), one.does)
            for one in COMMANDS
            if one.fits(in_room=in_room)
            and (one.name.startswith(word.lower()) or word.lower() in one.aliases)
        ]
    command = _NAMES.get(word.lower())
    if command is None or not command.completes or not command.fits(in_room=in_room):
        return []
    start = len(typed) - len(argument)
    return [
        Completion(start, value, value)
        for value in source(command.completes)
        if value.casefold().startswith(argument.casefold()) and value != argument
    ]
