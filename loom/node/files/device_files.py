"""The files of one contact at run time: records that come on links go to one of two."""

from collections.abc import Callable

from loom.core.link_events import RecordReceived
from loom.errors import PeerError
from loom.links.direct import DirectLink
from loom.model import FileId
from loom.node.context import DeviceContext
from loom.node.files.fetching import Fetching
from loom.node.files.serving import Serving
from loom.wire.file_records import decode_part, decode_refusal, decode_request
from loom.wire.framing import RecordKind

RECORDS = frozenset((RecordKind.FILE_REQUEST, RecordKind.FILE_PART, RecordKind.FILE_REFUSAL))


class DeviceFiles:
    """What is served to, and fetched from, the contact, on the link that is written to.

    Both are made when they are needed: a contact who is away takes little memory.
    """

    __slots__ = (
        "_context",
        "_fetching",
        "_link",
        "_rows_added",
        "_serving",
        "on_change",
        "on_not_served",
    )

    def __init__(self, context: DeviceContext, rows_added: Callable[[], None]) -> None:
        self._context = context
        self._rows_added = rows_added
        self._serving: Serving | None = None
        self._fetching: Fetching | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called when a file is in another state, and when another link stands, or none."""
        self.on_not_served: Callable[[FileId, float], None] = lambda file_id, pause_s: None
        """See `Fetching.on_not_served`."""
        self._link: DirectLink | None = None

    @property
    def serving(self) -> Serving:
        """What the contact fetches."""
        if self._serving is None:
            self._serving = Serving(self._context, self._rows_added)
        return self._serving

    @property
    def fetching(self) -> Fetching:
        """What is fetched from the contact."""
        if self._fetching is None:
            self._fetching = Fetching(self._context, self._rows_added)
        return self._fetching

    def linked(self, link: DirectLink | None) -> None:
        """Another link is the one to write to, or none."""
        self._link = link
        if link is not None or self._fetching is not None:
            self.fetching.linked(link)
        self._context.parts.room_fetch.ring()
        self.on_change()

    def mailed(self, on: bool) -> None:
        """Whether parcels may come by an anchor."""
        if on or self._fetching is not None:
            self.fetching.is_mailed = on

    def is_fetching(self, file_id: FileId) -> bool:
        """Whether it is fetched from this contact now."""
        return self._fetching is not None and self._fetching.has(file_id)

    def fetch_of_room(self, file_id: FileId, *, is_author: bool) -> None:
        """Fetch a file of a room from this contact."""
        self.fetching.on_not_served = self.on_not_served
        self.fetching.fetch_of_room(file_id, is_author=is_author)

    async def release(self, file_id: FileId) -> None:
        """Fetch it from here no longer; afterwards all that came of it is stored."""
        if self._fetching is not None:
            await self._fetching.release(file_id)

    async def release_mailed(self, file_id: FileId) -> None:
        """Take in no more of it by an anchor; what a link gives goes on."""
        if self._fetching is not None:
            await self._fetching.release_mailed(file_id)

    def received(self, link: DirectLink, record: RecordReceived) -> None:
        """A record about files; what breaks the rules ends the link."""
        try:
            match record.kind:
                case RecordKind.FILE_REQUEST:
                    self.serving.requested(link, decode_request(record.body))
                case _ if link is not self._link:
                    pass  # it was asked for again on another one
                case RecordKind.FILE_PART:
                    self.fetching.part_received(decode_part(record.body))
                case _:
                    self.fetching.refused(decode_refusal(record.body))
        except PeerError:
            link.abort()

    def writable_again(self) -> None:
        """The link takes more."""
        if self._serving is not None:
            self._serving.writable_again()

    def changed(self, file_id: FileId | None = None) -> None:
        """A file is in another state, or gone."""
        if file_id is not None and self._serving is not None:
            self._serving.forget(file_id)
        if self._fetching is not None:
            self._fetching.refresh()
        self.on_change()

    def gone(self, file_id: FileId) -> None:
        """Nothing of it is served or asked for any more."""
        if self._serving is not None:
            self._serving.forget(file_id)
        if self._fetching is not None:
            self._fetching.forget(file_id)
