"""What was begun in a conversation or a channel and not sent (see `SetDraft`)."""

from typing import NamedTuple


class Begun(NamedTuple):
    """`wording` is that of the message `edits`; `body` waits meanwhile, and answers `reply_to`."""

    body: str = ""
    expires_s: int | None = None
    edits: str | None = None
    wording: str = ""
    reply_to: str | None = None
    """Of posts only: of messages it is not kept."""

    def __repr__(self) -> str:
        return "Begun(redacted)"
