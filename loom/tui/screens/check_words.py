"""Whether what was written down restores this identity."""

from loom.api.profile_commands import CheckPhrase
from loom.errors import InvalidPhrase
from loom.front.sentences import in_app
from loom.tui.kit.items import GAP, Button, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.phrase_field import PhraseField
from loom.tui.reminders import remember_words


class CheckWords(LivePanel):
    """All 24 words, because they are stored nowhere."""

    heading = "Check your 24 words"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._words = PhraseField(self.go_to)

    def items(self) -> list[Item]:
        """One field."""
        return [
            Text("They are stored nowhere. Type all that you wrote down, in order."),
            GAP,
            *self._words.items(),
            Text(f"{len(self._words.text.split())} of 24", "hint"),
            GAP,
            Button("Check", self._check),
            Button("Back", self.back),
        ]

    def back(self) -> None:
        """See `Panel.back`."""
        self._words.clear()
        self.leave()

    def _check(self) -> None:
        self.work(self._checked(), "Checking", field=self._words.field)

    async def _checked(self) -> None:
        try:
            await self.loom.send(CheckPhrase(phrase=self._words.text))
        except InvalidPhrase as error:
            self._words.offer()
            self.refuse(self._words.field, in_app(error))
            return
        remember_words(self.loom.config, self.loom.profile, checked=True)
        self.loom.say("These words restore this identity. Keep them safe.")
        self.back()
