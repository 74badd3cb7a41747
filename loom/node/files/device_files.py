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
    """What is served to, and fetched from, the contact, on the link that is written to."""

    def __init__(self, context: DeviceContext, rows_added: Callable[[], None]) -> None:
        self.serving = Serving(context, rows_added)
        self.fetching = Fetching(context, rows_added)
        self.on_change: Callable[[], None] = lambda: None
        """Called when a file is in another state, and when another link stands, or none."""
        self._link: DirectLink | None = None

    def linked(self, link: DirectLink | None) -> None:
        """Another link is the one to write to, or none."""
        self._link = link
        self.fetching.linked(link)
        self.on_change()

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
        self.serving.writable_again()

    def changed(self, file_id: FileId | None = None) -> None:
        """A file is in another state, or gone."""
        if file_id is not None:
            self.serving.forget(file_id)
        self.fetching.refresh()
        self.on_change()

    def gone(self, file_id: FileId) -> None:
        """Nothing of it is served or asked for any more."""
        self.serving.forget(file_id)
        self.fetching.forget(file_id)
