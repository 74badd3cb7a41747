"""Names that wait for a look: bounded, and shared fairly among those who announced them."""

from loom.discovery.interfaces import Ip
from loom.wire.limits import ADVERTS_WAITING_MAX

Source = tuple[Ip, int]
"""Who sent an advert: the address, and the interface's index for link-local IPv6 or 0."""


class Waiting:
    """Takes turns among sources; of one source, the newest name comes first.

    A stranger who announces many names delays and evicts names of the same source only.
    """

    def __init__(self) -> None:
        self._by_source: dict[Source, dict[str, None]] = {}
        self._source_of: dict[str, Source] = {}

    def __len__(self) -> int:
        return len(self._source_of)

    def put(self, name: str, source: Source) -> bool:
        """Add a name as the newest; False: the oldest name of the largest source was evicted."""
        self.discard(name)
        self._by_source.setdefault(source, {})[name] = None
        self._source_of[name] = source
        if len(self) <= ADVERTS_WAITING_MAX:
            return True
        largest: dict[str, None] = max(self._by_source.values(), key=len)
        self.discard(next(iter(largest)))
        return False

    def take(self) -> tuple[str, Source]:
        """Remove and return the next name, of which there must be one."""
        source = next(iter(self._by_source))
        names = self._by_source.pop(source)
        name, _ = names.popitem()
        del self._source_of[name]
        if names:
            self._by_source[source] = names  # at the end of the round
        return name, source

    def discard(self, name: str) -> None:
        """Forget a name, if it waits."""
        source = self._source_of.pop(name, None)
        if source is not None:
            names = self._by_source[source]
            del names[name]
            if not names:
                del self._by_source[source]
