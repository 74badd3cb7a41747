"""A QR code as rows of text: two modules a character, four rows of border in all."""

from typing import Final

_HALVES: Final = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
BORDER: Final = 2


def qr_rows(text: str, *, unicode: bool) -> list[str]:
    """Light modules are drawn, for terminals are dark; without UTF-8 every module takes two."""
    import segno

    rows = [list(map(int, row)) for row in segno.make(text, error="l").matrix_iter(border=BORDER)]
    if not unicode:
        return ["".join("  " if dark else "##" for dark in row) for row in rows]
    if len(rows) % 2:
        rows.append([1] * len(rows[0]))
    return [
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
