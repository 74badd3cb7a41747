"""Who came by an address of one's own: accept, reject or block."""

from functools import partial

from loom.api.events import AnyEvent, RequestsChanged
from loom.api.invite_commands import AcceptRequest, ListRequests, RejectRequest
from loom.api.invite_views import RequestView
from loom.errors import InvalidName, NameTaken
from loom.front.sentences import in_app
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.themes import Piece
from loom.tui.times import clock_of, day_words

FINGERPRINT_SHOWN = 16


class RequestsPanel(LivePanel):
    """Oldest first."""

    heading = "Requests"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._requests: list[RequestView] | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._requests = (await self.loom.send(ListRequests())).requests

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, RequestsChanged)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._requests is None:
            return []
        if not self._requests:
            return [Text("No requests. /invite makes an address that many people can use.", "hint")]
        return [
            Text("They used an address of yours. Anyone can choose any name."),
            GAP,
            *(self._row(one) for one in self._requests),
        ]

    def _row(self, view: RequestView) -> Row:
        when = f"{day_words(view.received_at_ms)} {clock_of(view.received_at_ms)}"
        name = printable(view.name) or "no name"
        line = [Piece(name), Piece(f"  {view.fingerprint[:FINGERPRINT_SHOWN]}  {when}", "status")]
        return Row(f"request {view.request_id}", line, partial(self._show, view))

    def _show(self, view: RequestView) -> None:
        self.loom.push_screen(RequestPanel(self.loom, view))


class RequestPanel(LivePanel):
    """One request, and what can be done with it."""

    heading = "A request"

    def __init__(self, loom: Owner, view: RequestView) -> None:
        super().__init__(loom)
        self.loom = loom
        self._view = view
        self._called = Field("Name here", self._do_accept)
        self._called.editor.set(printable(view.name))

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        half = len(self._view.fingerprint) // 2
        return [
            Fact("Calls themselves", printable(self._view.name) or "nothing"),
            Fact("Fingerprint", self._view.fingerprint[:half]),
            Fact("", self._view.fingerprint[half:]),
            GAP,
            self._called,
            Button("Accept", self._do_accept, "a contact, not verified"),
            Button("Reject", self._do_reject, "nobody is told"),
            Button("Block", self._do_block, "never hear of them again"),
        ]

    def _do_accept(self) -> None:
        self.work(self._accept(), name="accept")

    def _do_reject(self) -> None:
        self.work(self._reject(is_block=False), name="reject")

    def _do_block(self) -> None:
        self.work(self._reject(is_block=True), name="block")

    async def _accept(self) -> None:
        name = self._called.text.strip()
        try:
            view = await self.loom.send(
                AcceptRequest(request_id=self._view.request_id, name=name or None)
            )
        except (NameTaken, InvalidName) as error:
            self.refuse(self._called, in_app(error))
            return
        self.loom.model.put(view)
        self.loom.close_panels()
        self.loom.open_conversation(view.contact_id)

    async def _reject(self, *, is_block: bool) -> None:
        command = RejectRequest(request_id=self._view.request_id, block=is_block)
        await self.loom.send(command)
        self.leave()
