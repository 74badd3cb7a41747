"""When and how somebody was verified, in words: the same in the app and on the command line."""

from typing import Final

_WAYS: Final = {
    "number": "by number",
    "words": "by words",
    "qr": "by QR code",
    "nearby": "by pairing nearby",
}


def verified_words(by: str, since: str) -> str:
    """`since` is empty where it was not kept."""
    words = ["verified", _WAYS.get(by, ""), since and f"since {since}"]
    return " ".join(word for word in words if word)


def identity_words(at: str) -> str:
    """When the identity of a contact changed last."""
    return f"another one since {at}"
