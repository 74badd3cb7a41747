"""A profile goes to another machine, or comes from one: where it is met, three words, progress."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

from loom.addresses import parse_address
from loom.api.move_views import MoveListening, MoveProgress, MoveReceived, MoveSent, MoveWords
from loom.api.moving import Where
from loom.api.view import View
from loom.errors import InvalidAddress, LoomError, WrongPassphrase
from loom.front.file_words import size_words
from loom.front.sentences import in_app
from loom.passphrases import MIN_CHARACTERS
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Field, Grid, Item, Option, Text, Toggle
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opener

SAME: Final = "They are the same"
DIFFERENT: Final = "They are different"
AWAY: Final = (
    "The whole profile goes to the new machine, encrypted for that machine alone. Once it is "
    "there, it runs there, and is closed here for good."
)
THERE: Final = (
    'On the new machine choose "Move a profile here" in Loom, or run `loom move receive` there.'
)
HERE: Final = (
    "A profile comes from its old machine, with everything in it. It runs here once it is closed "
    "there."
)
OLD: Final = (
    'On the old machine choose "Move to another machine" under /safekeeping, or run `loom move '
    "send` there."
)
WARNING: Final = "If one word differs, somebody is between the two machines: nothing is sent then."
AGAIN: Final = "To go on, begin again on both machines."
MEET: Final = "One machine waits, and shows an address that is typed on the other."


class MovePanel(Panel):
    """What both ends have in common; it is the `Front` of the move."""

    def __init__(self, door: Opener) -> None:
        super().__init__(door)
        self.door = door
        self.passphrase = Field("Passphrase", secret=True)
        self._address = Field("Its address", form="HOST:PORT, as it shows there")
        self._dials = False
        self._starts_over = False
        self._has_failed = False
        self._move_task: asyncio.Task[Any] | None = None
        self._addresses: list[str] = []
        self._words: list[str] = []
        self._answer: asyncio.Future[bool] | None = None
        self._moved: MoveProgress | None = None

    can_go_back = True

    def back(self) -> None:
        """While it goes on, that ends; else to the other profiles."""
        if self._move_task is not None:
            self._move_task.cancel()
        else:
            self.passphrase.clear()
            self.work(self.door.choose(), "One moment ...")

    # --- the person, as the move knows them ---

    def tell(self, view: View) -> None:
        """See `Front.tell`."""
        match view:
            case MoveListening(addresses=addresses):
                self._addresses = addresses
            case MoveWords(words=words):
                self._words = words
            case MoveProgress():
                self._words, self._moved = [], view
            case _:
                return
        self.show()

    async def is_same(self) -> bool:
        """See `Front.is_same`."""
        self._answer = asyncio.get_running_loop().create_future()
        self.body.at = DIFFERENT  # where Enter confirms nothing
        self.show()
        try:
            return await self._answer
        finally:
            self._answer = None

    # --- what is shown ---

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._move_task is None:
            return self.form()
        return [*self._going(), GAP, Button("Stop", self.back, "it can go on later")]

    def form(self) -> list[Item]:
        """Before it begins, and after it ended."""
        raise NotImplementedError

    def meeting(self) -> list[Item]:
        """Which of the two machines waits for the other."""
        return [
            Text(MEET, "hint"),
            Option("meet", "This machine waits", not self._dials, partial(self._dial, on=False)),
            Option("meet", "The other one waits", self._dials, partial(self._dial, on=True)),
            *([self._address] if self._dials else []),
            *(
                [Toggle("Start over", self._starts_over, self._start_over, "not where it was")]
                if self._has_failed
                else []
            ),
        ]

    def _going(self) -> list[Item]:
        if self._answer is not None:
            return [
                Text("Compare with the other screen:"),
                Grid(self._words, framed=True),
                Text(WARNING),
                GAP,
                Button(DIFFERENT, partial(self._say, same=False)),
                Button(SAME, partial(self._say, same=True)),
            ]
        if self._moved is not None:
            done, size = self._moved.done_bytes, self._moved.size_bytes
            words = f"{size_words(done)} of {size_words(size)}"
            return [Fact("On the new one", words), Text("Leave both machines on.", "hint")]
        if self._words:
            return [Text("Waiting for the other machine ...", "notice")]
        if self._addresses:
            return [
                Text("Type this as the address on the other machine:"),
                *(Text(f"  {one}", "title") for one in self._addresses),
                Text("Waiting for it ...", "notice"),
            ]
        return [Text("One moment ...", "notice")]

    def _dial(self, *, on: bool) -> None:
        self._dials = on

    def _start_over(self, on: bool) -> None:
        self._starts_over = on

    def _say(self, *, same: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(same)

    # --- what is done ---

    def where(self) -> Where | None:
        """Where the machines meet; None: no address was typed, and that is said."""
        if not self._dials:
            return Where()
        try:
            return Where(dial=parse_address(self._address.text))
        except InvalidAddress as error:
            self.refuse(self._address, in_app(error))
            return None

    def begin(self, move: Coroutine[Any, Any, None]) -> None:
        """Let it go on beside the screen, until it is over or somebody stops it."""
        self._addresses, self._words, self._moved = [], [], None
        self.work(self._run(move), name="move")

    @property
    def starts_over(self) -> bool:
        """Whether a move that was begun is forgotten."""
        return self._starts_over

    async def _run(self, move: Coroutine[Any, Any, None]) -> None:
        self._move_task = asyncio.current_task()
        self.show()
        try:
            await move
        except WrongPassphrase as error:
            self._move_task = None
            self.refuse(self.passphrase, in_app(error))
        except LoomError as error:
            self._has_failed = True
            self.say(f"{in_app(error)} {AGAIN}", bad=True)
        except asyncio.CancelledError:
            self._has_failed = True
            self.say(f"It was stopped. {AGAIN}")
            raise
        finally:
            self._move_task = None
            self.show()


class MoveAway(MovePanel):
    """The old machine: sends the profile, is closed, and is wiped if somebody says so."""

    def __init__(self, door: Opener, profile: str) -> None:
        super().__init__(door)
        self._profile = profile
        self._with_files = True
        self._sent: MoveSent | None = None

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return f"Move {self._profile} to another machine"

    def form(self) -> list[Item]:
        """See `MovePanel.form`."""
        if self._sent is not None:
            return [
                Text(f"{self._profile} runs on the new machine now.", "good"),
                Text("Here it never starts again. With its passphrase what is left is deleted:"),
                self.passphrase,
                GAP,
                Button("Delete what is left here", self._wipe, printable(self._sent.path)),
                Button("Quit", self.door.leave),
            ]
        return [
            Text(AWAY),
            Text(THERE, "hint"),
            GAP,
            self.passphrase,
            GAP,
            *self.meeting(),
            Toggle("With files", self._with_files, self._take_files, "what was sent and received"),
            GAP,
            Button("Begin", self._begin, "nothing is closed before the words were compared"),
            Button("Back", self.back),
        ]

    def _take_files(self, on: bool) -> None:
        self._with_files = on

    def _begin(self) -> None:
        if not self.passphrase.text:
            self.refuse(self.passphrase, "Type the passphrase first.")
        elif (where := self.where()) is not None:
            passphrase = self.passphrase.text
            self.passphrase.clear()
            self.begin(self._move(passphrase, where))

    async def _move(self, passphrase: str, where: Where) -> None:
        self._sent = await self.door.move_away(
            self._profile,
            passphrase,
            where,
            self,
            has_files=self._with_files,
            start_over=self.starts_over,
        )

    def _wipe(self) -> None:
        if not self.passphrase.text:
            self.refuse(self.passphrase, "Type the passphrase first.")
        else:
            self.work(self._wiped(), "Deleting it", field=self.passphrase)

    async def _wiped(self) -> None:
        passphrase = self.passphrase.text
        self.passphrase.clear()
        await self.door.profiles.wipe_moved(self._profile, passphrase)
        await self.door.choose(again=True)


class MoveHere(MovePanel):
    """The new machine: takes the profile, under a passphrase of its own."""

    heading = "Move a profile here"

    def __init__(self, door: Opener) -> None:
        super().__init__(door)
        self._called = Field("Its name here")
        self._again = Field("Repeat it", secret=True)
        self._received: MoveReceived | None = None

    def form(self) -> list[Item]:
        """See `MovePanel.form`."""
        if self._received is not None:
            return self._done_items(self._received)
        return [
            Text(HERE),
            Text(OLD, "hint"),
            GAP,
            self._called,
            self.passphrase,
            self._again,
            Text("A passphrase for this machine. To go on with a move, type both again.", "hint"),
            GAP,
            *self.meeting(),
            GAP,
            Button("Begin", self._begin),
            Button("Back", self.back),
        ]

    def _done_items(self, view: MoveReceived) -> list[Item]:
        counts = f"{view.backup.contacts:,} contacts and {view.backup.messages:,} messages"
        lost = [
            Text(f"The content of {printable(one.name)} was not whole there.", "warn")
            for one in view.lost_files
        ]
        told = "" if view.is_told else "The old machine does not know yet: begin again on both."
        return [
            Text(f"{view.profile} is here, with {counts}.", "good"),
            *lost,
            *([Text(told, "warn")] if told else []),
            Text("Sessions with your contacts begin again by themselves."),
            GAP,
            Button("Open it", partial(self._open, view.profile)),
            Button("Quit", self.door.leave),
        ]

    def _open(self, profile: str) -> None:
        self.work(self.door.open_(profile), "One moment ...")

    def _begin(self) -> None:
        passphrase = self.passphrase.text
        if not self._called.text.strip():
            self.refuse(self._called, "Type what the profile is called here first.")
        elif len(passphrase) < MIN_CHARACTERS:
            self.refuse(self.passphrase, f"Use at least {MIN_CHARACTERS} characters.")
        elif passphrase != self._again.text:
            self._again.clear()
            self.refuse(self._again, "The two passphrases differ: type it again.")
        elif (where := self.where()) is not None:
            self.passphrase.clear()
            self._again.clear()
            self.begin(self._move(self._called.text.strip(), passphrase, where))

    async def _move(self, name: str, passphrase: str, where: Where) -> None:
        profile = await self.door.name_for(name)
        self._received = await self.door.profiles.move_here(
            profile, passphrase, where, self, start_over=self.starts_over
        )
