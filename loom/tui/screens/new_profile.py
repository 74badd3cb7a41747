"""A profile to be: name, passphrase, and the 24 words where it is brought back."""

from typing import TYPE_CHECKING

from loom.errors import InvalidPhrase, LoomError
from loom.passphrases import MIN_CHARACTERS, strength_of
from loom.tui.screens.form import Button, Field, Form, Item, Text

if TYPE_CHECKING:
    from loom.tui.door import DoorApp


class NewProfile(Form):
    """Creates or restores."""

    def __init__(self, door: "DoorApp", *, restore: bool, has_others: bool) -> None:
        super().__init__(door.look)
        self._door = door
        self._restore = restore
        self._has_others = has_others
        self._called = Field("Your name, as others will see it")
        self._words = Field("Your 24 words, in order")
        self._passphrase = Field("A passphrase for this machine", secret=True)
        self._again = Field("The same again", secret=True)

    def items(self) -> list[Item]:
        """What is needed, then what can be done."""
        head = "Bring a profile back" if self._restore else "Welcome to Loom"
        about = (
            "Your identity comes from its 24 words. Contacts must be added again."
            if self._restore
            else "No account, no server: who you are is a key that is made on this machine."
        )
        words = [self._words] if self._restore else []
        other = "Make a new one instead" if self._restore else "Restore one from its 24 words"
        return [
            Text(head, "title"),
            Text(about),
            Text(""),
            self._called,
            *words,
            self._passphrase,
            self._strength(),
            self._again,
            Text(""),
            Button("Restore" if self._restore else "Create", self._make),
            Button(other, self._switch),
            Button("Back", self.back) if self._has_others else Button("Quit", self.leave),
        ]

    @property
    def can_go_back(self) -> bool:
        """From restoring to making one, else to the profiles there are."""
        return self._restore or self._has_others

    def back(self) -> None:
        """See `Form.back`."""
        if self._has_others:
            self.work(self._door.choose(again=True), "One moment ...")
        else:
            self._switch()

    def _strength(self) -> Text:
        if not self._passphrase.text:
            return Text(
                "   Five or more unrelated words are easy to keep and hard to guess.", "hint"
            )
        if len(self._passphrase.text) < MIN_CHARACTERS:
            return Text(f"   too short: at least {MIN_CHARACTERS} characters", "bad")
        found = strength_of(self._passphrase.text)
        return Text(f"   {found.sentence}", found.role)

    def _switch(self) -> None:
        self._restore = not self._restore
        self._words.clear()
        self.go_to(self._called)

    def _make(self) -> None:
        passphrase = self._passphrase.text
        if not self._called.text.strip():
            self.go_to(self._called)
            self.say("Type your name first.", bad=True)
        elif self._restore and not self._words.text.strip():
            self.go_to(self._words)
            self.say("Type the 24 words first.", bad=True)
        elif not passphrase:
            self.go_to(self._passphrase)
            self.say("Choose a passphrase first.", bad=True)
        elif len(passphrase) < MIN_CHARACTERS:
            self.go_to(self._passphrase)
            self.say(f"The passphrase needs at least {MIN_CHARACTERS} characters.", bad=True)
        elif passphrase != self._again.text:
            self._again.clear()
            self.go_to(self._again)
            self.say("The two passphrases differ: type it again.", bad=True)
        else:
            words = "Restoring" if self._restore else "Making your keys"
            work = self._made(self._called.text.strip(), passphrase)
            self.work(work, f"{words}: a guess of the passphrase is made expensive")

    async def _made(self, name: str, passphrase: str) -> None:
        door = self._door
        profile = await door.name_for(name)
        if self._restore:
            try:
                await door.profiles.restore(profile, name, passphrase, self._words.text)
            except InvalidPhrase:
                self.go_to(self._words)
                raise
            phrase = ""
        else:
            phrase = await door.profiles.create(profile, name, passphrase)
        for field in (self._words, self._passphrase, self._again):
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
