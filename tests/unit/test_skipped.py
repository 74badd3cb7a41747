"""Keys of messages that have not arrived: what is stored is found, and what is gone is no error."""

from loom.core.chains import MessageKey
from loom.core.skipped import KeyPlace, SkippedChange, SkippedMessageKeys
from loom.wire.limits import SKIPPED_LIFETIME_S

PLACE, OTHER = KeyPlace(1, 2), KeyPlace(1, 3)


def test_a_key_from_the_store_is_as_old_as_it_was() -> None:
    keys = SkippedMessageKeys()
    keys.load(PLACE, b"k" * 32, 100)
    assert keys.find(PLACE, 100 + SKIPPED_LIFETIME_S) == b"k" * 32
    assert keys.find(PLACE, 101 + SKIPPED_LIFETIME_S) is None
    assert keys.find(OTHER, 100) is None


def test_a_key_that_is_gone_already_may_be_removed_again() -> None:
    """The store may have let go of it first: it was the oldest beyond the limit."""
    keys = SkippedMessageKeys()
    keys.load(PLACE, b"k" * 32, 100)
    keys.apply(SkippedChange(added=((OTHER, MessageKey(b"o" * 32)),), removed=(PLACE, PLACE)), 200)
    assert len(keys) == 1
    assert keys.of_chain(1) == (OTHER,)
    assert keys.find(OTHER, 200) == b"o" * 32
