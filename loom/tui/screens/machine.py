"""Another machine uses this identity: which one stays is asked before anything more is sent."""

from loom.api.events import AnyEvent, IdentityRotated, MachineDecided, MachineFound
from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.screens.identity import ROTATE, ChangePanel


class MachinePanel(LivePanel):
    """The question, with what each answer does."""

    heading = "Two machines, one identity"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._contacts: list[str] = []

    async def load(self) -> None:
        """See `LivePanel.load`."""
        view = await self.loom.send(ShowMachine())
        self._contacts = view.contacts
        if view.state == "alone":
            self.leave()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, MachineFound | MachineDecided | IdentityRotated)

    def items(self) -> list[Item]:
        """What was found, and the answers."""
        whom = ", ".join(map(printable, self._contacts))
        return [
            Text(
                f"Another machine uses your identity: it has sessions with {whom}. Nothing is "
                "sent to them from here before you decide."
            ),
            GAP,
            Text("If it is yours, use one of the two and close the other for good.", "hint"),
            Text("If it is not, somebody has your keys: make new ones.", "hint"),
            GAP,
            Button("This machine stays", self._stay, "it begins new sessions"),
            Button(ROTATE.does, self._rotate, "what the other one has is left with the old ones"),
            Button("Close this one", self._close, "it can be read, and sends nothing any more"),
            Button("Decide later", self.back),
        ]

    def _stay(self) -> None:
        self.work(self._decided(stays=True), "One moment ...")

    def _rotate(self) -> None:
        self.loom.open_panel(ChangePanel(self.loom, ROTATE))

    def _close(self) -> None:
        self.work(self._decided(stays=False), "One moment ...")

    async def _decided(self, *, stays: bool) -> None:
        await self.loom.send(DecideMachine(stays=stays))
        if stays:
            self.loom.say("This machine stays. Close the other one for good.")
        self.leave()
