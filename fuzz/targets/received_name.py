"""The name of a file that somebody sent, on its way to a folder."""

import unicodedata

from fuzz.draw import Draw
from fuzz.target import Target
from loom.received_names import NAME_MAX_BYTES, received_name

_PIECES = (
    *(
        "..",
        "/",
        "\\",
        ":",
        ".",
        " ",
        "-",
        "~",
        "_",
        "con",
        "NUL",
        "com",
        "lpt",
        "1",
        "\u00b9",
        "$",
    ),
    *("autorun.inf", "desktop.ini", ".tar", ".exe", "a", "\u6f22" * 40, "\U0001f468", "\U0001f3fd"),
    *("\0", "\x1b", "\n", "\x85", "\u2028", "\u202e", "\u2066", "\u200b", "\u200c", "\u200d"),
    *("\ufe0f", "\u0301", "e\u0301", "\u0915", "\u094d", "\u034f", "\u3164", "\u3000", "\xa0"),
    *("\u2044", "\uff0f", "\uff0e", "\u2024", "\ud800", "\ue000", "\U000e0041", "\U000e0100"),
)


def run(data: bytes) -> None:
    """Whatever was sent is one visible name that no system reads as a path, device or option."""
    draw = Draw(data)
    if draw.flag():
        name = "".join(draw.choice(_PIECES) for _ in range(draw.number(64)))
    else:
        encoding = draw.choice(("utf-8", "utf-16-le", "utf-32-le"))
        errors = draw.choice(("replace", "surrogateescape")) if encoding == "utf-8" else "replace"
        name = draw.rest().decode(encoding, errors)
    plain = received_name(name)
    assert 1 <= len(plain.encode()) <= NAME_MAX_BYTES
    assert not set(plain) & set('/\\<>:"|?*\u2044\uff0f')
    assert plain[0] not in ".-~ "
    assert plain[-1] not in ". "
    for character in plain:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
    stem = plain.casefold().partition(".")[0].rstrip()
    assert stem not in ("con", "nul", "com1", "lpt1", "com\u00b9", "lpt\u00b9")
    assert plain.casefold() not in ("autorun.inf", "desktop.ini")
    assert received_name(plain) == plain


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0../../.ssh/authorized_keys",
        b"\0\0C:\\Windows\\win.ini",
        b"\0\0..\0/x",
        b"\1\x20" + bytes(range(32)),
        b"\1\x3f" + bytes(range(54)) + bytes(9),
        "\0\0photo\u202egpj.exe \u6f22.pdf".encode(),
    ),
    max_bytes=1_024,
    executions=3_000,
)
