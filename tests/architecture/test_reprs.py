"""What a value shows of itself ends up in tracebacks and logs: keys show nothing.

Every struct of the layers that hold keys is made with a needle in each field of bytes. Whoever
adds a field that shows has to say here why it may.
"""

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import msgspec
import pytest

import loom

LAYERS = ("model", "wire", "crypto", "core", "storage", "node", "anchor")
NEEDLE = b"needle of bytes"

SHOWN = {
    "public keys, or their hashes": ("Accepted", "Card", "Person", "ContactToken", "RemoteBundle"),
    "numbers that name a message, session or chain": (
        *("Message", "Profile", "Receipt", "SealedAt", "SealedPosition", "_SkippedAt"),
        *("UnknownHandshake", "Sending", "Receiving"),
        *("SealedEnvelope", "StoredChain", "Text", "Typing", "Unknown", "Envelope"),
        *(
            "KnownPayload",
            "Payload",
            "MessageName",
            "Target",
            "Delete",
            "Edit",
            "Pin",
            "React",
            "Timer",
        ),
        *("Farewell", "Covered", "Stated"),
        *("FileState", "Piece", "ListCame", "ChunkCame", "ContentWrong", "NotServed"),
    ),
    "what anybody on the wire sees": ("LinkKind", "Place", "Presence", "Started", "Taken"),
    "the random part of a link's tag, which travels open": ("Admission", "LinkAuthenticated"),
    "a record for the layer above; it is sealed once more": ("RecordReceived",),
    "ids and digests of what all members of a room have": (
        *("Council", "Officer", "_Office", "Removal", "Kept"),
        *("Digest", "Row"),
    ),
    "events carry no text": ("NewEvent", "StoredEvent"),
}
ALLOWED = {name for names in SHOWN.values() for name in names}
NAMESAKES = {
    "loom.core.file.standing.Stated",
    "loom.wire.content.file_state.Place",
    "loom.wire.piece.Piece",
}
"""Of some that show something: these do not."""


def classes() -> Iterator[type]:
    for found in pkgutil.walk_packages(loom.__path__, "loom."):
        if found.name.split(".")[1] in LAYERS:
            module = importlib.import_module(found.name)
            for one in vars(module).values():
                if inspect.isclass(one) and one.__module__ == found.name:
                    yield one


def fields(one: type) -> list[str] | None:
    """The names of what it is made of, where its `repr` is made from them too."""
    if issubclass(one, msgspec.Struct):
        return list(one.__struct_fields__)
    if issubclass(one, tuple) and hasattr(one, "_fields"):
        return list(one._fields)
    if dataclasses.is_dataclass(one):
        return [field.name for field in dataclasses.fields(one)]
    return None


def hints(one: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(one)
    except NameError:
        return dict(inspect.get_annotations(one))


def filled(one: type, names: list[str]) -> object:
    """One with the needle wherever there are bytes, and nothing to see elsewhere."""
    known = hints(one)
    values = [_value(known.get(name)) for name in names]
    return one(**dict(zip(names, values, strict=True)))


def _value(hint: object) -> object:
    if "Callable" in str(hint):
        return MagicMock()
    if hint is bytes or getattr(hint, "__supertype__", None) is bytes:
        return NEEDLE
    return (NEEDLE,) if "bytes" in str(hint) else MagicMock()


CASES = [(one, names) for one in classes() if (names := fields(one))]


@pytest.mark.parametrize(("one", "names"), CASES, ids=[one.__qualname__ for one, _ in CASES])
def test_no_value_shows_its_bytes(one: type, names: list[str]) -> None:
    shows = NEEDLE.decode() in repr(filled(one, names))
    is_namesake = f"{one.__module__}.{one.__qualname__}" in NAMESAKES
    assert shows == (one.__name__ in ALLOWED and not is_namesake)


def test_every_exception_to_it_is_still_one() -> None:
    assert {one.__name__ for one, _ in CASES} >= ALLOWED
    assert len(CASES) > 40
