"""The slash commands of line mode."""

from typing import Final

from loom.front.slash import SlashCommand

CONFIRM: Final = "same"
PLAIN: Final = "unencrypted"

COMMANDS: Final = (
    SlashCommand("help", "", "List these commands", aliases=("h", "?")),
    SlashCommand("contacts", "", "List your contacts"),
    SlashCommand("to", "NAME", "Write to this contact", aliases=("open", "o", "jump")),
    SlashCommand("history", "[N]", "Show the last N messages with numbers, times and states"),
    SlashCommand(
        "search", "TEXT", "Search in all conversations, newest first", aliases=("s", "find")
    ),
    SlashCommand(
        "reply", "[#NUMBER] TEXT", "Answer a message, or their newest", aliases=("answer", "r")
    ),
    SlashCommand("edit", "[#NUMBER] TEXT", "Edit a message of yours, or your last", aliases=("e",)),
    SlashCommand("react", "[#NUMBER] EMOJI|off", "React to a message, or to their newest"),
    SlashCommand("message", "[#NUMBER]", "Show a message, and what it said before"),
    SlashCommand(
        "forward", "[#NUMBER] NAME", "Forward a message, or their newest", aliases=("fwd",)
    ),
    SlashCommand("pin", "[#NUMBER]", "Pin a message for both, or their newest"),
    SlashCommand("unpin", "[#NUMBER]", "Pin it no longer"),
    SlashCommand("pins", "", "Show what is pinned here"),
    SlashCommand("bookmark", "[#NUMBER]", "Bookmark a message, only here"),
    SlashCommand("unbookmark", "[#NUMBER]", "Bookmark it no longer"),
    SlashCommand("bookmarks", "", "Show all bookmarks"),
    SlashCommand("delete", "#NUMBER", "Delete a message here"),
    SlashCommand("unsend", "#NUMBER", "Delete a message of yours for both"),
    SlashCommand(
        "export",
        f"FORMAT FILE {PLAIN}",
        f"Write this conversation to a file, unencrypted, which `{PLAIN}` agrees to",
    ),
    SlashCommand("contact", "", "Show this contact"),
    SlashCommand(
        "verify",
        f"[{CONFIRM}]",
        f"Show the safety number; `{CONFIRM}`: it matches",
        aliases=("v",),
    ),
    SlashCommand("rename", "NAME", "Rename this contact, only for you"),
    SlashCommand("block", "", "Block this contact"),
    SlashCommand("unblock", "", "Unblock this contact"),
    SlashCommand("timer", "[1h|off]", "Let messages disappear on both sides"),
    SlashCommand("expires", "1h|off TEXT", "Send a message with a timer of its own"),
    SlashCommand("farewell", "delete|keep", "Answer a contact who deleted this conversation"),
    SlashCommand("mute", "[1h|8h|1w]", "Mute this contact"),
    SlashCommand("unmute", "", "Unmute this contact"),
    SlashCommand(
        "level", "everything|mentions|nothing", "Choose what this contact notifies you of"
    ),
    SlashCommand("archive", "", "Take this contact out of the list"),
    SlashCommand("unarchive", "", "Put this contact back into the list"),
    SlashCommand("favourite", "", "Keep this contact at the top", aliases=("star",)),
    SlashCommand("unfavourite", "", "Stop keeping this contact at the top"),
    SlashCommand("read", "", "Mark everything here read"),
    SlashCommand("unread", "", "Mark the last message unread"),
    SlashCommand("mentions", "", "Show messages that mention you"),
    SlashCommand("profile", "[NAME]", "Show what contacts are told of you, or tell a name"),
    SlashCommand("status", "[TEXT]", "Tell contacts a status, or none"),
    SlashCommand("away", "", "Tell contacts that you are away"),
    SlashCommand("back", "", "Tell contacts that you are back"),
    SlashCommand("invisible", "", "Do not let contacts see that you are here"),
    SlashCommand("visible", "", "Let contacts see that you are here"),
    SlashCommand("peers", "", "Show who is online, and their addresses", aliases=("p",)),
    SlashCommand("connect", "HOST:PORT", "Connect to this contact at an address"),
    SlashCommand("token", "", "Show your own token", aliases=("t",)),
    SlashCommand(
        "anchors", "", "Show the anchors in use, and the mail that waits", aliases=("anchor",)
    ),
    SlashCommand(
        "pair",
        "[WORDS|HOST:PORT|same|different|stop]",
        "Add somebody here: both compare three words",
    ),
    SlashCommand("add", "INVITE NAME", "Add somebody by their invite or token", aliases=("a",)),
    SlashCommand("invite", "", "Make an invite for one person, for a day"),
    SlashCommand("requests", "", "Show who asks to be your contact"),
    SlashCommand("accept", "NUMBER", "Accept a request"),
    SlashCommand("quit", "", "Quit", aliases=("q", "exit")),
)
