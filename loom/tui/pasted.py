"""Whether a pasted text is a token, an invite or the pairing text of an anchor."""

from typing import Final

PREFIX: Final = "LOOM-"


def pasted_token(text: str) -> str:
    """The token that a pasted text is, in one piece; empty: it is none."""
    token = "".join(text.split())
    return token if token.upper().startswith(PREFIX) else ""
