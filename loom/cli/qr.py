"""QR codes on standard output."""

import sys

from loom.cli.output import Output, has_unicode, is_simple_terminal, is_terminal
from loom.front.qr import qr_rows

BLACK_ON_WHITE = "\x1b[30;107m"
PLAIN = "\x1b[0m"


def print_qr_code(output: Output, text: str) -> None:
    """A text as a QR code, dark on light on a terminal whatever its own colours are."""
    is_plain = not is_terminal() or is_simple_terminal()
    for row in qr_rows(text, unicode=has_unicode(sys.stdout)):
        output.line(row if is_plain else f"{BLACK_ON_WHITE}{row}{PLAIN}")
