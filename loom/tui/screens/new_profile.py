"""A new profile: name, passphrase, and the 24 words where it is restored."""

from loom.errors import InvalidInput, InvalidName, InvalidPhrase, LoomError
from loom.front import identity_number
from loom.front.sentences import in_app
from loom.passphrases import MIN_CHARACTERS, strength_of
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opener
from loom.tui.phrase_field import PhraseField

ABOUT = "No account, no server: who you are is a key that is made on this machine."
ABOUT_RESTORING = "Your identity comes from its 24 words. Contacts must be added again."
ADVICE = "Five or more unrelated words are easy to keep and hard to guess."


class NewProfile(Panel):
    """Creates or restores."""

    def __init__(self, door: Opener, *, restore: bool, has_others: bool) -> None:
        super().__init__(door)
        self._door = door
        self._restore = restore
        self._has_others = has_others
        self._called = Field("Your name")
        self._words = PhraseField(self.go_to)
        self._number = Field("Identity number", form="1, or what you wrote beside the words")
        self._passphrase = Field("Passphrase", secret=True)
        self._again = Field("Repeat it", secret=True)

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return "Restore a profile" if self._restore else "Welcome to Loom"

    def items(self) -> list[Item]:
        """What is needed, then what can be done."""
        other = "Make a new one instead" if self._restore else "Restore a profile from 24 words"
        return [
            Text(ABOUT_RESTORING if self._restore else ABOUT),
            GAP,
            Text("Others see your name. The passphrase is for this machine only.", "hint"),
            self._called,
            *([*self._words.items(), self._number] if self._restore else []),
            self._passphrase,
            self._again,
            self._strength(),
            GAP,
            Button("Restore" if self._restore else "Create", self._make),
            Button(other, self._switch),
            Button("Restore a backup", self._door.show_restoring, "from a file that Loom made"),
            Button(
                "Move a profile here", lambda: self._door.show_moving(None), "from another machine"
            ),
            Button("Back", self.back) if self._has_others else Button("Quit", self._door.leave),
        ]

    @property
    def can_go_back(self) -> bool:
        """From restoring to making one, else to the profiles there are."""
        return self._restore or self._has_others

    def back(self) -> None:
        """See `Panel.back`."""
        if self._has_others:
            self.work(self._door.choose(again=True), "One moment ...")
        else:
            self._switch()

    def _strength(self) -> Text:
        passphrase = self._passphrase.text
        if not passphrase:
            return Text(ADVICE, "hint")
        if len(passphrase) < MIN_CHARACTERS:
            return Text(f"The passphrase is too short: at least {MIN_CHARACTERS} characters", "bad")
        found = strength_of(passphrase)
        return Text(f"The passphrase is {found.sentence}", found.role)

    def _switch(self) -> None:
        self._restore = not self._restore
        self._words.clear()
        self._number.clear()
        self.go_to(self._called)

    def _make(self) -> None:
        passphrase = self._passphrase.text
        if not self._called.text.strip():
            self.refuse(self._called, "Type your name first.")
        elif self._restore and not self._words.text.strip():
            self.refuse(self._words.field, "Type the 24 words first.")
        elif not passphrase:
            self.refuse(self._passphrase, "Choose a passphrase first.")
        elif len(passphrase) < MIN_CHARACTERS:
            self.refuse(self._passphrase, f"Use at least {MIN_CHARACTERS} characters.")
        elif passphrase != self._again.text:
            self._again.clear()
            self.refuse(self._again, "The two passphrases differ: type it again.")
        else:
            words = "Restoring your keys" if self._restore else "Creating your keys"
            work = self._made(self._called.text.strip(), passphrase)
            self.work(
                work,
                f"{words} (slow on purpose, to resist guessing)",
                instead_of_quitting="" if self._restore else "Your 24 words come next; then quit",
            )

    async def _made(self, name: str, passphrase: str) -> None:
        door = self._door
        profile = await door.name_for(name)
        try:
            if self._restore:
                number = identity_number.read(self._number.text)
                await door.profiles.restore(
                    profile, name, passphrase, self._words.text, number=number
                )
                phrase = ""
            else:
                phrase = await door.profiles.create(profile, name, passphrase)
        except InvalidPhrase as error:
            self._words.offer()
            self.refuse(self._words.field, in_app(error))
            return
        except InvalidName as error:
            self.refuse(self._called, in_app(error))
            return
        except InvalidInput as error:
            self.refuse(self._number, in_app(error))
            return
        for field in (self._words, self._number, self._passphrase, self._again):
            field.clear()
        try:
            door.held = await door.unlock(profile, passphrase)
        except LoomError:
            # It exists now, so its words come first; unlocking it says again what is wrong.
            door.held = None
        if phrase:
            door.words(profile, phrase)
        else:
            door.introduce(profile)
