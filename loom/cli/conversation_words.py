"""What holds for a conversation now, a line each."""

from loom.api.contact_views import ContactView
from loom.api.conversation_commands import SetPreferences
from loom.front.lasting import holding_words
from loom.front.moments import when
from loom.model import Level
from loom.printable import printable

UNREAD_MAX = 1_000
"""So far a node counts."""


def preference_words(view: ContactView, changed: SetPreferences) -> str:
    """What is so after this change."""
    name = printable(view.contact)
    if changed.muted is not None:
        return _mute_words(view)
    if changed.level is not None:
        of = {Level.MENTIONS.value: "mentions only", Level.NOTHING.value: "none"}
        return f"Notifications for {name}: {of.get(view.level, 'everything')}."
    if changed.archived is not None:
        where = "is archived until a message comes" if view.archived else "is back in the list"
        return f"The conversation with {name} {where}."
    at_top = "at the top of the list" if view.favourite else "no longer at the top of the list"
    return f"{name} is {at_top}."


def _mute_words(view: ContactView) -> str:
    name = printable(view.contact)
    if not view.muted:
        return f"{name} is not muted."
    if view.mute_until_ms is None:
        return f"{name} is muted until you say otherwise."
    return f"{name} is muted until {when(view.mute_until_ms)}."


def timer_holds_words(view: ContactView) -> str:
    """When later messages disappear, and who set that."""
    name, timer = printable(view.contact), view.timer
    if not timer.expires_s:
        return f"Later messages with {name} do not disappear."
    words = holding_words(timer.expires_s, timer.own_s, timer.theirs_s)
    return f"Later messages with {name} disappear after {words}."


def unread_words(view: ContactView) -> str:
    """How many messages are unread."""
    name = printable(view.contact)
    if not view.unread:
        return f"Everything from {name} is read."
    if view.unread == 1:
        return f"1 message from {name} is unread."
    more = " or more" if view.unread >= UNREAD_MAX else ""
    return f"{view.unread:,}{more} messages from {name} are unread."
