"""No name that somebody sent is a path, a trick or a trap on the disk it is saved on.

The kinds of traversal here are those that other programs shipped: magic-wormhole joined the name of
an offered file, and the names inside an archive of a folder, to the folder it saved in, and looked
only at the beginning of a path, which a neighbour has too; gurk saved attachments under the name
that their sender gave.
"""

import os
import unicodedata
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.received_names import (
    NAME_MAX_BYTES,
    NAMELESS,
    is_program,
    numbered_names,
    received_name,
)

TRAVERSALS = [
    "../../.ssh/authorized_keys",
    "..",
    ".",
    "",
    "/etc/cron.d/job",
    "//server/share/x",
    "folder/../../x",
    "x/",
    "./x",
    "..\\..\\Startup\\x.bat",
    "C:\\Windows\\win.ini",
    "C:x",
    "\\\\server\\share\\x",
    "\\\\?\\C:\\x",
    "..%2f..%2fx",
    "..\N{FRACTION SLASH}x",
    "\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}\N{FULLWIDTH SOLIDUS}x",
    "..\0/x",
    ".. /x",
    "...",
    ". .",
    "..\u200b",
    "\u202e..",
    "photos-of-mine/../photos-of-mine-too/x",
    "~/.profile",
    "~root",
    "file:///etc/passwd",
    "\ud800/../x",
]

ANY_NAME = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=("Cc", "Cf", "Co", "Cs", "Mn", "Zl", "Zp", "Zs")),
        st.sampled_from(
            "a.. -~/\\:*?|<>\"'1\N{SUPERSCRIPT ONE}\u0301\u200d\u200c\u202e\ufe0f\u2044"
        ),
    ),
    max_size=400,
)
PARTS_OF_TRAPS = [
    *("con", "NUL", "com1", "lpt", "\N{SUPERSCRIPT TWO}", ".", "..", " ", "_", "/", "\\", ":", "-"),
    *("~", "tar", "autorun.inf", "desktop.ini", "\u0301", "\u200d", "e\u0301", "\ufb01", "漢" * 90),
]
LIKE_A_TRAP = st.lists(st.sampled_from(PARTS_OF_TRAPS), max_size=12).map("".join)


def check_plain(name: str) -> None:
    """What every received name is."""
    assert 1 <= len(name.encode()) <= NAME_MAX_BYTES
    assert os.path.basename(name) == name  # noqa: PTH119
    assert Path("/base", name).parent == Path("/base")
    assert not set(name) & set('/\\<>:"|?*\N{FRACTION SLASH}\N{FULLWIDTH SOLIDUS}')
    assert name[0] not in ".-~ "
    assert name[-1] not in ". "
    assert not unicodedata.category(name[0]).startswith("M")
    for character in name:
        assert unicodedata.category(character) not in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    assert unicodedata.is_normalized("NFC", name)
    assert "  " not in name
    stem = name.casefold().partition(".")[0].rstrip()
    assert stem not in {"con", "prn", "aux", "nul", "com1", "lpt9", "com\N{SUPERSCRIPT ONE}"}
    assert name.casefold() not in {"autorun.inf", "desktop.ini"}


@pytest.mark.parametrize("name", TRAVERSALS, ids=range(len(TRAVERSALS)))
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    plain = received_name(name)
    check_plain(plain)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / plain).write_text("x")
    assert [one.name for one in tmp_path.iterdir()] == ["in"]
    assert [one.name for one in (tmp_path / "in").iterdir()] == [plain]


@given(ANY_NAME | LIKE_A_TRAP)
def test_any_name_in_any_script_becomes_a_plain_one(name: str) -> None:
    plain = received_name(name)
    check_plain(plain)
    assert received_name(plain) == plain


@given(ANY_NAME | LIKE_A_TRAP)
def test_the_names_beside_it_are_plain_and_different(name: str) -> None:
    found = list(islice(numbered_names(received_name(name)), 12))
    assert len(set(found)) == 12
    for one in found:
        assert len(one.encode()) <= 255
        if len(one.encode()) <= NAME_MAX_BYTES:
            assert received_name(one) == one


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("Übung 3 (Lösung).pdf", "Übung 3 (Lösung).pdf"),
        ("e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}.txt", "été.txt"),
        ("履歴書？.docx", "履歴書？.docx"),
        ("تقرير.pdf", "تقرير.pdf"),
        ("हिन्दी.txt", "हिन्दी.txt"),
        ("👩‍💻.png", "👩💻.png"),
        (".bashrc", "bashrc"),
        ("-rf", "_rf"),
        ("~root", "_root"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("AC\\DC: live?.mp3", "AC_DC_ live_.mp3"),
        ("nul", "_nul"),
        ("CON.tar.gz", "_CON.tar.gz"),
        ("com¹.txt", "_com¹.txt"),
        ("lpt1 .txt", "_lpt1 .txt"),
        ("Autorun.inf", "_Autorun.inf"),
        ("photo.jpg        .exe", "photo.jpg .exe"),
        ("photo\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", "photogpj.exe"),
        ("in\N{ZERO WIDTH SPACE}visible", "invisible"),
        ("bell\x07 \x1b[2J", "bell_ _[2J"),
        ("two\nlines", "two lines"),
        ("end. . .", "end"),
        ("", NAMELESS),
        ("\N{ZERO WIDTH JOINER}", NAMELESS),
        ("....", NAMELESS),
    ],
)
def test_what_stands_for_a_name(name: str, plain: str) -> None:
    assert received_name(name) == plain


def test_a_long_name_keeps_its_extension() -> None:
    for stem in ("a" * 400, "漢" * 200, "é" * 300, "👍" * 100):
        for extension in (".pdf", ".tar.gz", ".jpeg"):
            plain = received_name(stem + extension)
            assert plain.endswith(extension)
            assert NAME_MAX_BYTES - 4 < len(plain.encode()) <= NAME_MAX_BYTES
    assert len(received_name("a." + "b" * 400).encode()) == NAME_MAX_BYTES


def test_a_number_goes_before_the_extension() -> None:
    assert list(islice(numbered_names("a.pdf"), 3)) == ["a.pdf", "a (2).pdf", "a (3).pdf"]
    assert list(islice(numbered_names("a.tar.gz"), 2))[1] == "a (2).tar.gz"
    assert list(islice(numbered_names("a"), 2))[1] == "a (2)"


def test_a_program_is_told_by_its_name_or_its_beginning() -> None:
    for name in ("a.exe", "A.Desktop", "photo.jpg.scr", "report.docm", "run.SH", "x.AppImage"):
        assert is_program(name)
    for name in ("photo.jpg", "exe", "notes.txt", "archive.tar.gz", "a.pdf"):
        assert not is_program(name)
        assert not is_program(name, b"%PDF-1.7")
        for beginning in (b"#!/bin/sh\n", b"\x7fELF\x02", b"MZ\x90"):
            assert is_program(name, beginning)
