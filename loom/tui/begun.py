"""What was begun in a conversation or a channel and not sent (see `SetDraft`)."""

from typing import NamedTuple


class Begun(NamedTuple):
    """`wording` is that of the message `edits`; `body` waits meanwhile."""

    body: str = ""
    expires_s: int | None = None
    edits: str | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return "Begun(redacted)"
