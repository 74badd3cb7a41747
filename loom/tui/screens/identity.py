"""The owner's identity: which one it is, going over to another of the same 24 words, ending it."""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from loom.api.identity_commands import (
    RevokeIdentity,
    RotateIdentity,
    ShowIdentity,
    TakeLaterIdentity,
)
from loom.api.identity_views import IdentityView
from loom.errors import InvalidPhrase
from loom.front.identity_words import number_words, room_words
from loom.front.sentences import in_app
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.phrase_field import PhraseField
from loom.tui.times import since_words

END: Final = "end it"
"""What is typed before an identity is ended."""


class Change(NamedTuple):
    """One way in which the identity changes."""

    command: type[RotateIdentity | TakeLaterIdentity | RevokeIdentity]
    heading: str
    before: tuple[str, ...]
    """What it does, before it is done."""
    does: str
    after: Callable[[IdentityView], tuple[str, ...]]
    """What is so then, and what is left to do."""
    word: str = ""
    """Typed first, where it cannot be undone."""


MADE: Final = "For when somebody may have seen your keys: new ones are made from the same 24 words."
FOLLOWED: Final = (
    "Your contacts get them by themselves, and see that you are not verified any more. Invites and "
    "addresses that you gave away are revoked."
)
LATER: Final = (
    "A contact knows later keys of your 24 words than this profile has. This profile goes on with "
    "them, as your contacts know you. Stop the other machine that uses them, if there is one."
)
ENDED: Final = (
    "For when somebody else may have your 24 words. Contacts will never send anything to this "
    "identity again, nor take anything from it. It cannot be undone."
)
NEXT: Final = "To go on, make a new profile, and give its token to your contacts in another way."
CONTRADICTED: Final = (
    "contradicted: contacts have seen two different next identities of your 24 words, so somebody "
    "else may have the words. They follow neither: end this identity."
)


def _new_keys(view: IdentityView) -> tuple[str, ...]:
    return (
        f"You have new keys. Write {number_words(view.number)} beside your 24 words.",
        f"Contacts to tell: {_untold(view)}.",
        *map(room_words, view.old_room_keys),
        "A backup from before has the old keys: make a new one.",
    )


def _nothing_more(view: IdentityView) -> tuple[str, ...]:
    return (
        "Your identity is ended. What was said can still be read here.",
        f"Contacts to tell: {_untold(view)}.",
        NEXT,
    )


ROTATE: Final = Change(RotateIdentity, "New keys", (MADE, FOLLOWED), "Make new keys", _new_keys)
TAKE: Final = Change(TakeLaterIdentity, "Later keys", (LATER,), "Go on with them", _new_keys)
REVOKE: Final = Change(
    RevokeIdentity, "End this identity", (ENDED,), "End it for good", _nothing_more, END
)


class IdentityPanel(LivePanel):
    """What it is now, and what can be done with the 24 words."""

    heading = "Your identity"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._view: IdentityView | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._view = await self.loom.send(ShowIdentity())

    def on_screen_resume(self) -> None:
        """It may have changed."""
        super().on_screen_resume()
        self.work(self.load(), name="load")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        if view is None:
            return []
        half = len(view.fingerprint) // 2
        state, role = _state(view)
        items: list[Item] = [
            Fact("Identity", f"{number_words(view.number)} of your 24 words"),
            Fact("State", state, role),
            Fact("Fingerprint", view.fingerprint[:half]),
            Fact("", view.fingerprint[half:]),
        ]
        if view.changed_at_ms is not None:
            items += [
                Fact("Changed", since_words(view.changed_at_ms)),
                Fact("Not told yet", _untold(view)),
            ]
        items += [Text(room_words(one), "warn") for one in view.old_room_keys]
        items.append(GAP)
        if self.loom.model.host:
            items.append(Text("It is changed on the machine that has the profile.", "hint"))
        else:
            items += self._changes(view)
        return [*items, Button("Back", self.back)]

    def _changes(self, view: IdentityView) -> list[Item]:
        if view.revoked:
            return []
        items: list[Item] = []
        if view.later is not None and not view.forked:
            items.append(Button(TAKE.heading, partial(self._open, TAKE), "that a contact knows"))
        if not view.forked:
            hint = "from the same 24 words; contacts follow"
            items.append(Button(ROTATE.heading, partial(self._open, ROTATE), hint))
        return [*items, Button(REVOKE.heading, partial(self._open, REVOKE), "for good")]

    def _open(self, change: Change) -> None:
        self.loom.push_screen(ChangePanel(self.loom, change))


class ChangePanel(LivePanel):
    """What it does, the 24 words, then what came of it."""

    def __init__(self, loom: Owner, change: Change) -> None:
        super().__init__(loom)
        self.loom = loom
        self._change = change
        self._words = PhraseField(self.go_to)
        self._word = Field(f"Type {change.word}")
        self._result: IdentityView | None = None

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return self._change.heading

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        change = self._change
        if self._result is not None:
            said: list[Item] = []
            for words in change.after(self._result):
                said += [Text(words, "text" if said else "good"), GAP]
            return [*said, Button("Back", self.back)]
        return [
            *(Text(one, "warn" if change.word else "text") for one in change.before),
            GAP,
            *self._words.items(),
            Text(f"{len(self._words.text.split())} of 24; they are stored nowhere", "hint"),
            *([self._word] if change.word else []),
            GAP,
            Button(change.does, self._do),
            Button("Back", self.back),
        ]

    def back(self) -> None:
        """See `Panel.back`."""
        self._words.clear()
        self.leave()

    def _do(self) -> None:
        word = self._change.word
        if not self._words.text.strip():
            self.refuse(self._words.field, "Type the 24 words first.")
        elif word and self._word.text.strip().casefold() != word:
            self.refuse(self._word, f"Nothing was changed: type {word}.")
        else:
            ends = "It is being done; then quit"
            self.work(self._made(), "Changing your keys", instead_of_quitting=ends)

    async def _made(self) -> None:
        try:
            view = await self.loom.send(self._change.command(phrase=self._words.text))
        except InvalidPhrase as error:
            self._words.offer()
            self.refuse(self._words.field, in_app(error))
            return
        self._words.clear()
        self._result = view


def _state(view: IdentityView) -> tuple[str, str]:
    if view.revoked:
        return "ended: nothing is sent from it, and contacts take nothing from it", "bad"
    if view.forked:
        return CONTRADICTED, "bad"
    if view.later is not None:
        words = number_words(view.later)
        return f"out of date: a contact knows {words} of your 24 words", "warn"
    return "valid", "good"


def _untold(view: IdentityView) -> str:
    """How many contacts do not have the newest keys yet."""
    if not view.untold:
        return "none"
    return f"{view.untold}; they are told as they come, for 90 days, while Loom runs"
