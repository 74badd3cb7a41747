"""The slash commands of line mode."""

from typing import Final

from loom.front.slash import SlashCommand

CONFIRM: Final = "same"

COMMANDS: Final = (
    SlashCommand("help", "", "List these commands", aliases=("h", "?")),
    SlashCommand("contacts", "", "List your contacts"),
    SlashCommand("to", "NAME", "Write to this contact", aliases=("open", "o")),
    SlashCommand("history", "[N]", "Show the last N messages with times and states"),
    SlashCommand("search", "TEXT", "Search in all conversations, newest first", aliases=("s",)),
    SlashCommand("verify", f"[{CONFIRM}]", f"Show the safety number; `{CONFIRM}`: it matches"),
    SlashCommand("peers", "", "Show who is online, and their addresses"),
    SlashCommand("anchors", "", "Show the anchors in use, and the mail that waits"),
    SlashCommand(
        "pair",
        "[WORDS|HOST:PORT|same|different|stop]",
        "Add somebody here: both compare three words",
    ),
    SlashCommand("add", "INVITE NAME", "Add somebody by their invite or token"),
    SlashCommand("invite", "", "Make an invite for one person, for a day"),
    SlashCommand("requests", "", "Show who came by an address of yours"),
    SlashCommand("accept", "NUMBER", "Accept a request"),
    SlashCommand("quit", "", "Quit", aliases=("q", "exit")),
)
