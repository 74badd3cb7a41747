"""What front ends are shown of the owner's identity."""

from loom.api.view import View


class IdentityView(View, frozen=True, kw_only=True, tag="identity"):
    """The identity of now.

    `number`: 0 for the first one of the 24 words; people are shown one more.
    `changed_at_ms`: when it came instead of the one before; None: it is the first here.
    `untold`: contacts of whom it is not known that they have the newest.
    `later`: the number of an identity that follows this one, as a contact said; None: none is.
    `forked`: two identities claim to be the next one, and contacts follow neither.
    """

    number: int
    fingerprint: str
    token: str
    revoked: bool = False
    changed_at_ms: int | None = None
    untold: int = 0
    later: int | None = None
    forked: bool = False
