"""Names of files from other people: one plain name in a folder, never a path, never a trick.

Every name of a file, or of what a folder holds, that came from somebody else passes
`received_name` before it is shown or used on a disk.
"""

import itertools
import unicodedata
from collections.abc import Iterator
from typing import Final

from loom.printable import REPLACEMENT, printable

NAME_MAX_BYTES: Final = 240
"""UTF-8. File systems take 255, and a number may be added."""
EXTENSION_MAX_BYTES: Final = 32
"""With its dot; more is no extension."""
NAMELESS: Final = "file"
_INSTEAD: Final = "_"
_SEPARATORS: Final = "/\\\u2044\u2215\u2216\u29f5\u29f8\uff0f\uff3c\ufe68"
"""And what looks like them: some systems turn one into the other."""
_DOTS: Final = "\u2024\u2025\ufe52\uff0e"
"""What looks like the dot of an extension and is none."""
_FORBIDDEN: Final = '<>:"|?*'
"""Names of Windows and its file systems cannot hold them; after `:` comes a hidden stream there."""
_REPLACED: Final = str.maketrans(
    dict.fromkeys(_SEPARATORS + _DOTS + _FORBIDDEN + REPLACEMENT, _INSTEAD)
)
_NUMBERS: Final = "0123456789\u00b9\u00b2\u00b3"
_RESERVED: Final = frozenset(
    {
        *("con", "prn", "aux", "nul", "conin$", "conout$", "clock$"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in _NUMBERS),
    }
)
"""Devices of Windows, whatever their extension."""
_READ_BY_ITSELF: Final = frozenset({"autorun.inf", "desktop.ini"})
"""What a file manager obeys because it lies there."""
_PROGRAMS: Final = frozenset(
    """
    action app appimage applescript bash bundle command csh deb desktop dmg elf fish flatpak
    flatpakref ksh kext mpkg pkg plugin rpm run scpt service sh snap so terminal tool webloc
    workflow zsh

    apk appinstaller application appref-ms appx appxbundle bat chm cmd com cpl diagcab dll drv exe
    gadget hlp hta img inf iqy iso job library-ms lnk msc msi msix msixbundle msp mst ocx pif ps1
    psd1 psm1 rdp reg scf scr sct search-ms settingcontent-ms sys theme url vb vbe vbs vhd vhdx
    website ws wsc wsf wsh xbap xll

    class docm dotm jar jnlp js jse lua mjs php pl potm ppam ppsm pptm py pyc pyw pyz rb sldm slk
    xlam xlm xlsb xlsm xltm
    """.split()  # noqa: SIM905 - read as a text
)
"""Of Linux and macOS; of Windows; of languages, and documents with macros."""
_BEGINNINGS: Final = (
    *(b"\x7fELF", b"MZ", b"#!", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"),
    *(b"[Desktop Entry]", b"L\0\0\0\x01\x14\x02\0"),
)


def received_name(name: str) -> str:
    """`name` as one name in a folder; applying it twice changes nothing.

    It has 1 to 240 bytes of UTF-8 (NFC), and what was too long lost its middle, not its extension.
    It holds no separator, control, bidirectional or invisible character, is neither hidden nor
    reserved, and does not begin like an option or a home. What is not allowed is `_` or gone.
    """
    shown = printable(unicodedata.normalize("NFC", name))
    visible = "".join(one for one in shown if not _is_invisible(one))
    words = " ".join(visible.translate(_REPLACED).split())
    # What was dropped stood between characters that may be one now; `printable` counts marks.
    return _fitted(_allowed(printable(unicodedata.normalize("NFC", words))))


def numbered_names(name: str) -> Iterator[str]:
    """`name`, and names beside it where that one is taken: `name (2).txt`, without an end."""
    stem, extension = _parts(name)
    yield name
    for number in itertools.count(2):
        yield f"{stem} ({number}){extension}"


def is_program(name: str, beginning: bytes = b"") -> bool:
    """Whether opening a file of this name, or with this beginning, may run what it holds."""
    extension = name.rpartition(".")[2].casefold() if "." in name else ""
    return extension in _PROGRAMS or beginning.startswith(_BEGINNINGS)


def _is_invisible(character: str) -> bool:
    """Joiners and selectors, which `printable` leaves where they change how a text looks."""
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


def _allowed(name: str) -> str:
    """Neither hidden, nor an option, nor a home, nor reserved, nor empty."""
    name = name.strip(". ")
    if name.startswith(("-", "~")):
        name = _INSTEAD + name[1:]
    if unicodedata.category(name[:1] or " ").startswith("M"):
        name = _INSTEAD + name  # it would stand on what comes before the name
    folded = name.casefold()
    if folded in _READ_BY_ITSELF or folded.partition(".")[0].rstrip() in _RESERVED:
        name = _INSTEAD + name
    return name or NAMELESS


def _fitted(name: str) -> str:
    if len(name.encode()) <= NAME_MAX_BYTES:
        return name
    stem, extension = _parts(name)
    kept = NAME_MAX_BYTES - len(extension.encode())
    return stem.encode()[:kept].decode(errors="ignore").rstrip(". ") + extension


def _parts(name: str) -> tuple[str, str]:
    """The name before its extension, and the extension with its dot, or ""."""
    stem, dot, extension = name.rpartition(".")
    extension = dot + extension
    if not stem or " " in extension or len(extension.encode()) > EXTENSION_MAX_BYTES:
        return name, ""
    if stem.endswith(".tar"):
        return stem.removesuffix(".tar"), ".tar" + extension
    return stem, extension
