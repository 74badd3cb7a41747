"""What is read from files, pipes and arguments: one rule for text, and no empty names."""

from pathlib import Path

import pytest

from loom.api.message_commands import SendText
from loom.errors import InvalidText
from loom.node.names import check_text
from loom.wire.limits import TEXT_MAX_BYTES
from tests.cli.conftest import Loom, objects
from tests.fakes import TOKEN, FakeNode, FakeProfiles

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def node(profiles: FakeProfiles) -> FakeNode:
    """The only profile, with one contact."""
    node = profiles.add()
    node.add("Bob")
    return node


def sent(node: FakeNode) -> list[str]:
    return [one.body for one in node.sent if isinstance(one, SendText)]


@pytest.mark.parametrize(
    "file",
    [b"pass phrase \xc3\xa9\r\n", BOM + b"pass phrase \xc3\xa9", b"pass phrase e\xcc\x81\n"],
)
def test_a_passphrase_file_of_another_system_opens(
    loom: Loom, node: FakeNode, tmp_path: Path, file: bytes
) -> None:
    node.passphrase = "pass phrase \xe9"
    (tmp_path / "other").write_bytes(file)
    result = loom("--passphrase-file", str(tmp_path / "other"), "contacts")
    assert result.exit_code == 0, result.output


def test_a_passphrase_keeps_all_but_one_line_end(
    loom: Loom, node: FakeNode, tmp_path: Path
) -> None:
    node.passphrase = " two lines \n"
    (tmp_path / "other").write_bytes(b" two lines \n\n")
    assert loom("--passphrase-file", str(tmp_path / "other"), "contacts").exit_code == 0


def test_a_phrase_or_token_file_of_another_system_is_read(
    loom: Loom, profiles: FakeProfiles, tmp_path: Path
) -> None:
    (tmp_path / "phrase").write_bytes(BOM + b"abandon " * 23 + b"\r\nart\r\n")
    assert loom("restore", "--name", "A", "--phrase-file", str(tmp_path / "phrase")).exit_code == 0
    assert profiles.created[0][2] == "abandon " * 23 + "\nart\n"
    (tmp_path / "token").write_bytes(BOM + TOKEN.encode() + b"\r\n")
    assert loom("token", "import", str(tmp_path / "token"), "--name", "B").exit_code == 0
    given = BOM + TOKEN.encode()
    assert loom("token", "import", "-", "--name", "C", input=given).exit_code == 0


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (b"a\r\n", "a"),
        (b"a\r\nb\r\n", "a\nb"),
        (BOM + b"a\n", "a"),
        (b"e\xcc\x81\n", "\xe9"),
        (BOM + b"\r\n" * 3 + b"x" * (TEXT_MAX_BYTES - 3) + b"\r\n", None),
    ],
)
def test_a_message_from_another_system(
    loom: Loom, node: FakeNode, given: bytes, body: str | None
) -> None:
    assert loom("send", "Bob", "-", input=given).exit_code == 0
    assert sent(node) == [body or "\n\n\n" + "x" * (TEXT_MAX_BYTES - 3)]


def test_a_message_that_is_too_long_is_refused_as_that(loom: Loom, node: FakeNode) -> None:
    too_long = ("\u20ac" * TEXT_MAX_BYTES).encode()
    result = loom("send", "Bob", "-", "--json", input=too_long)
    assert result.exit_code == 2
    error = objects(result)[-1]
    assert error["code"] == "invalid_text"
    assert f"more than {TEXT_MAX_BYTES} bytes" in error["message"]
    assert sent(node) == []


@pytest.mark.parametrize(
    "text", ["\u200b", "\u200d \ufe0f", "\u3164\n", "\u2800\u2060", "\u0301", "\u202e"]
)
def test_a_text_that_nobody_could_see_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match="cannot be seen"):
        check_text(text)


@pytest.mark.parametrize(
    "text", ["a", ".", "\N{HEAVY BLACK HEART}\ufe0f", "\u200e\u05d0", "\u3000x"]
)
def test_a_text_with_something_to_see_is_not(text: str) -> None:
    check_text(text)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--home", "", "init", "--name", "x", "--show-phrase"), "--home"),
        (("--home=", "profiles"), "--home"),
        (("-p", "", "contacts"), "--profile"),
        (("contacts", "--passphrase-file", ""), "--passphrase-file"),
        (("history", ""), "CONTACT"),
        (("contacts", "rename", "Bob", ""), "NAME"),
        (("token", "export", "--out="), "--out"),
        (("token", "import", TOKEN, "--name", ""), "--name"),
        (("restore", "--name", "x", "--phrase-file", ""), "--phrase-file"),
        (("passphrase", "change", "--new-passphrase-file", ""), "--new-passphrase-file"),
        (("search", "x", "--in", ""), "--in"),
        (("daemon", "--listen", ""), "--listen"),
        (("send-file", "Bob", ""), "FILE..."),
        (("send-file", "Bob", "x", ""), "FILE..."),
    ],
)
def test_an_empty_name_or_path_is_refused(
    loom: Loom, profiles: FakeProfiles, node: FakeNode, arguments: tuple[str, ...], named: str
) -> None:
    result = loom("--json", *arguments)
    assert result.exit_code == 2
    assert objects(result)[0]["message"] == f"{named} is empty: write a value."
    assert (profiles.created, node.sent) == ([], [])


def test_an_empty_search_finds_nothing_to_look_for(loom: Loom, node: FakeNode) -> None:
    for text in ("", " \t"):
        result = loom("search", text, "--json")
        assert (result.exit_code, objects(result)[0]["code"]) == (2, "invalid_input")
    assert node.sent == []
