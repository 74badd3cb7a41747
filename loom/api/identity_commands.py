"""What may be asked of the node about the owner's identity."""

from loom.api.command import Command
from loom.api.identity_views import IdentityView


class ShowIdentity(Command[IdentityView], frozen=True, kw_only=True, tag="show_identity"):
    """Which identity this is."""


class RotateIdentity(Command[IdentityView], frozen=True, kw_only=True, tag="rotate_identity"):
    """Go over to the next identity of the same 24 words; contacts follow.

    Args:
        phrase: the 24 words.
    """

    phrase: str

    def __repr__(self) -> str:
        return "RotateIdentity(redacted)"


class TakeLaterIdentity(
    Command[IdentityView], frozen=True, kw_only=True, tag="take_later_identity"
):
    """Go on as the later identity of the same 24 words that a contact knows.

    Args:
        phrase: the 24 words.
    """

    phrase: str

    def __repr__(self) -> str:
        return "TakeLaterIdentity(redacted)"


class RevokeIdentity(Command[IdentityView], frozen=True, kw_only=True, tag="revoke_identity"):
    """End the identity for good: contacts take nothing from it any more, and send it nothing.

    Args:
        phrase: the 24 words.
    """

    phrase: str

    def __repr__(self) -> str:
        return "RevokeIdentity(redacted)"
