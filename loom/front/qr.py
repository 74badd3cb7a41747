"""A QR code as rows of text: two modules a character, four rows of border in all."""

from typing import Final

_HALVES: Final = {(1, 1): "█", (1, 0): "▀", (0, 1): "▄", (0, 0): " "}
BORDER: Final = 2


def qr_rows(text: str, *, unicode: bool) -> list[str]:
    """Dark modules are drawn, for dark on light; without UTF-8 each takes two characters."""
    import segno

    rows = [list(map(int, row)) for row in segno.make(text, error="l").matrix_iter(border=BORDER)]
    if not unicode:
        return ["".join("##" if dark else "  " for dark in row) for row in rows]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    return [
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
