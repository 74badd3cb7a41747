"""Every command: what it says, and the exit code."""

import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import segno

from loom.api.contact_commands import VerifyContact
from loom.api.message_commands import History, Search, SendText
from loom.cli import terminal
from loom.errors import ContactBlocked, InvalidInput
from loom.front.moments import moment_ms
from loom.front.sentences import on_command_line
from tests.cli.conftest import Loom, objects
from tests.fakes import TOKEN, FakeNode, FakeProfiles

PHRASE = " ".join(["abandon"] * 23 + ["art"])


@pytest.fixture
def node(profiles: FakeProfiles) -> FakeNode:
    """The only profile, closed, with one contact."""
    node = profiles.add()
    node.add("Bob")
    return node


def test_init_shows_the_words_once(loom: Loom, profiles: FakeProfiles) -> None:
    result = loom("init", "--name", "Ada L", "--show-phrase", "--argon2-memory-mib", "64")
    assert result.exit_code == 0, result.output
    assert len(result.stdout.split()) == 24
    assert profiles.created == [("ada-l", "Ada L", "correct horse", 64)]
    for way in ("`loom invite`", "`loom pair`", "`loom token export`"):
        assert any(line.strip().startswith(way) for line in result.stderr.splitlines()), way


def test_init_without_a_terminal_creates_nothing(loom: Loom, profiles: FakeProfiles) -> None:
    result = loom("init", "--name", "Ada", "--json")
    assert result.exit_code == 2
    assert objects(result)[0]["code"] == "terminal_needed"
    assert profiles.created == []


def test_init_names_its_folder_by_p(loom: Loom, profiles: FakeProfiles) -> None:
    result = loom("init", "-p", "work", "--name", "Ada", "--show-phrase", "--json")
    (line,) = objects(result)
    assert (line["type"], line["profile"], line["name"]) == ("profile.created", "work", "Ada")
    assert len(line["phrase"].split()) == 24
    again = loom("init", "-p", "work", "--name", "Ada", "--show-phrase", "--json")
    assert again.exit_code == 2
    assert objects(again)[0]["code"] == "profile_exists"
    assert loom("init", "-p", "../x", "--name", "A", "--show-phrase").exit_code == 2
    assert len(profiles.created) == 1


def test_restore_reads_the_words(loom: Loom, profiles: FakeProfiles, tmp_path: Path) -> None:
    (tmp_path / "phrase").write_text(f"{PHRASE}\n")
    given = ("--phrase-file", str(tmp_path / "phrase"))
    result = loom("restore", "--name", "Ada", *given)
    assert result.exit_code == 0, result.output
    assert profiles.created[0][2].strip() == PHRASE
    assert loom("restore", "--name", "Bob", "--number", "3", *given).exit_code == 0
    assert profiles.numbers == [0, 2]
    for number in ("0", "33", "two"):
        assert loom("restore", "--name", "Eve", "--number", number, *given).exit_code == 2
    assert loom("restore", "--name", "Eve").exit_code == 2
    assert loom("restore", "--name", "Eve", "--phrase-file", "/nowhere").exit_code == 2


def test_a_wrong_word_is_explained_on_the_terminal_alone(
    loom: Loom, profiles: FakeProfiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "phrase").write_text(PHRASE.replace("art", "artt"))
    given = ("restore", "--name", "Ada", "--phrase-file", str(tmp_path / "phrase"))
    result = loom(*given)
    assert (result.exit_code, profiles.created) == (2, [])
    assert "word 24 is not in the list" in result.stderr
    assert "artt" not in result.output
    screen = tmp_path / "terminal"
    screen.touch()
    monkeypatch.setattr(terminal, "TERMINAL", screen)
    result = loom(*given)
    assert "Word 24: art instead of artt (the checksum then holds)" in screen.read_text()
    assert "artt" not in result.output
    assert profiles.created == []


def test_profiles_lists_them(loom: Loom, profiles: FakeProfiles) -> None:
    assert loom("profiles").exit_code == 0
    profiles.add("work", running=True)
    profiles.add("home")
    lines = objects(loom("profiles", "--json"))
    assert [(line["profile"], line["running"]) for line in lines] == [
        ("home", False),
        ("work", True),
    ]


def test_which_profile(loom: Loom, profiles: FakeProfiles) -> None:
    result = loom("contacts", "--json")
    assert (result.exit_code, objects(result)[0]["code"]) == (4, "no_profile")
    assert "loom init" in objects(result)[0]["advice"]
    profiles.add("work")
    assert loom("contacts", "-p", "nope").exit_code == 4
    profiles.add("home")
    result = loom("contacts", "--json")
    assert (result.exit_code, objects(result)[0]["code"]) == (2, "profile_not_chosen")


def test_the_token_is_printed_exactly(loom: Loom, node: FakeNode, tmp_path: Path) -> None:
    assert loom("token", "export").stdout == TOKEN + "\n"
    assert objects(loom("token", "export", "--json"))[0]["token"] == TOKEN
    out = tmp_path / "me.loom"
    out.write_text("old")
    out.chmod(0o644)
    result = loom("token", "export", "--out", str(out))
    assert (result.stdout, out.read_text()) == ("", TOKEN + "\n")
    assert out.stat().st_mode & 0o777 == 0o600
    assert "█" in loom("token", "export", "--qr").stdout
    assert loom("token", "export", "--out", str(tmp_path / "no" / "x")).exit_code == 2


def test_a_token_comes_as_text_file_or_stdin(loom: Loom, node: FakeNode, tmp_path: Path) -> None:
    (tmp_path / "t").write_text(TOKEN + "\n")
    assert loom("token", "import", TOKEN, "--name", "A").exit_code == 0
    assert loom("token", "import", str(tmp_path / "t"), "--name", "B").exit_code == 0
    assert loom("token", "import", "-", "--name", "C", input=TOKEN).exit_code == 0
    assert set(node.contacts) == {"Bob", "A", "B", "C"}
    for bad in ("nonsense", "/", "", "a\0b"):
        result = loom("token", "import", bad, "--name", "D", "--json")
        assert result.exit_code == 2, bad
    assert loom("token", "import", "-", "--name", "D", input=b"\xff").exit_code == 2
    assert loom("token", "import", TOKEN, "--name", "A").exit_code == 2
    assert loom("token", "inspect", "LOOM-ABC").exit_code == 2


def test_a_taken_name_is_refused_as_that(loom: Loom, profiles: FakeProfiles) -> None:
    profiles.add().add("Anna Lena")
    result = loom("token", "import", TOKEN, "--name", "Anna Lena", "--json")
    (error,) = objects(result)
    assert (result.exit_code, error["code"]) == (2, "name_taken")
    assert "Anna Lena already has another token" in error["message"]
    assert "--replace" in error["advice"]
    assert "another --name" in error["advice"]
    assert "--confirm" not in error["advice"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Anna Lena", "'Anna Lena'"), ("O'Neil; ls", "'O'\"'\"'Neil; ls'"), ("-x", "-- -x")],
)
def test_suggested_commands_can_be_copied(
    loom: Loom, profiles: FakeProfiles, name: str, shown: str
) -> None:
    profiles.add().add(name, identity_changed=True)
    assert f"`loom verify {shown}`" in loom("send", "#1", "hi").stderr
    assert f"`loom verify --confirm {shown}`" in loom("verify", "#1").stderr
    assert f"`loom contacts unblock {shown}`" in on_command_line(ContactBlocked(name=name))[1]


def test_contacts(loom: Loom, node: FakeNode) -> None:
    assert "Bob" in loom("contacts").stdout
    assert "Bob" in loom("contacts", "list").stdout
    assert objects(loom("contacts", "show", "#1", "--json"))[0]["contact"] == "Bob"
    assert loom("contacts", "rename", "Bob", "Robert").exit_code == 0
    assert objects(loom("contacts", "block", "robert", "--json"))[0]["blocked"]
    assert not objects(loom("contacts", "unblock", "Robert", "--json"))[0]["blocked"]
    assert objects(loom("contacts", "remove", "Robert", "--yes", "--json"))[0]["type"] == "done"
    assert node.contacts == {}
    result = loom("contacts", "show", "Robert", "--json")
    assert (result.exit_code, objects(result)[0]["code"]) == (4, "contact_not_found")


def test_verify_shows_the_same_groups(loom: Loom, node: FakeNode) -> None:
    assert len(loom("verify", "Bob").stdout.split()) == 12
    assert objects(loom("verify", "Bob", "--confirm", "--json"))[0]["verified"]
    assert "█" in loom("verify", "Bob", "--qr").stdout
    assert "█" not in loom("verify", "Bob", "--qr", "--json").stdout


def test_verify_reads_a_code_from_a_picture_a_text_or_stdin(
    loom: Loom, node: FakeNode, tmp_path: Path
) -> None:
    pytest.importorskip("zxingcpp")
    image = pytest.importorskip("PIL.Image")
    number = "0123456789" * 6
    segno.make(number, error="l").save(str(tmp_path / "code.png"), scale=5)
    (tmp_path / "code.txt").write_text(f"{number}\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "broken.png").write_bytes((tmp_path / "code.png").read_bytes()[:90])
    picture = (tmp_path / "code.png").read_bytes()
    for given in (str(tmp_path / "code.png"), str(tmp_path / "code.txt")):
        assert loom("verify", "Bob", "--qr-file", given).exit_code == 0
    assert loom("verify", "Bob", "--qr-file", "-", input=picture).exit_code == 0
    assert loom("verify", "Bob", "--qr-file", "-", input=number).exit_code == 0
    read = [one.code for one in node.sent if isinstance(one, VerifyContact)]
    assert [one and one.strip() for one in read] == [number] * 4
    for bad in ("bytes", "broken.png", "nowhere", "."):
        result = loom("verify", "Bob", "--qr-file", str(tmp_path / bad), "--json")
        assert (result.exit_code, len(objects(result))) == (2, 1), bad
    image.new("L", (90, 90), 255).save(tmp_path / "blank.png")
    said = loom("verify", "Bob", "--qr-file", str(tmp_path / "blank.png")).stderr
    assert "cannot be compared: no QR code was found in it." in said


def test_a_contact_says_when_and_how_it_was_verified(loom: Loom, node: FakeNode) -> None:
    node.add("Eve", verified=True, verified_by="qr", verified_at_ms=1_700_000_000_000)
    node.add("Old", verified=True, identity_changed_at_ms=1_600_000_000_000)
    assert "by QR code since 2023-11-1" in loom("contacts", "show", "Eve").stdout
    shown = loom("contacts", "show", "Old").stdout
    assert "another one since 2020-09-1" in shown
    assert "Verified        verified\n" in shown


def test_send_without_a_node_stores_and_says_so(loom: Loom, node: FakeNode) -> None:
    node.delivers = False
    result = loom("send", "Bob", "hi", "--json")
    assert result.exit_code == 0
    (line,) = objects(result)
    assert {key: line[key] for key in ("type", "contact", "direction", "body", "state")} == {
        "type": "message", "contact": "Bob", "direction": "out", "body": "hi", "state": "queued",
    }  # fmt: skip
    assert "when a node runs" in result.stderr
    assert node.closed


def test_send_attached_needs_no_passphrase(
    loom: Loom, profiles: FakeProfiles, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.running.add("work")
    monkeypatch.delenv("LOOM_PASSPHRASE_FILE")
    result = loom("send", "Bob", "hi")
    assert (result.exit_code, result.stderr) == (0, "")
    assert profiles.unlocked == []
    assert node.messages


def test_send_waits_for_the_receipt(loom: Loom, profiles: FakeProfiles, node: FakeNode) -> None:
    result = loom("send", "Bob", "hi", "--wait", "5", "--json")
    assert result.exit_code == 0, result.output
    assert [line["state"] for line in objects(result)] == ["delivered"]
    assert profiles.unlocked[-1].online
    node.delivers = False
    result = loom("send", "Bob", "hi", "--wait", "0.05", "--json")
    assert result.exit_code == 5
    message, error = objects(result)
    assert (message["state"], error["code"]) == ("queued", "not_delivered")
    assert len(node.messages) == 2


def test_a_contact_who_waits_to_be_verified_says_what_to_do(loom: Loom, node: FakeNode) -> None:
    node.add("Eve", identity_changed=True, identity_proven=True)
    assert "NEW IDENTITY, TO BE VERIFIED" in loom("contacts").stdout
    assert "`loom verify Eve`" in loom("contacts", "show", "Eve").stdout


def test_send_to_a_changed_identity_is_exit_7(loom: Loom, node: FakeNode) -> None:
    node.add("Eve", identity_changed=True)
    assert loom("send", "Eve", "hi").exit_code == 7


@pytest.mark.parametrize(
    ("given", "body"),
    [(b"hi\n", "hi"), (b"hi\n\n", "hi\n"), (b"a\nb", "a\nb"), (" ünï ".encode(), " ünï ")],
)
def test_stdin_is_one_message(loom: Loom, node: FakeNode, given: bytes, body: str) -> None:
    assert loom("send", "Bob", "-", input=given).exit_code == 0
    assert isinstance(node.sent[-1], SendText)
    assert node.sent[-1].body == body


def test_stdin_that_is_no_text_is_refused(loom: Loom, node: FakeNode) -> None:
    for bad in (b"\xff\xfe", b""):
        result = loom("send", "Bob", "-", "--json", input=bad)
        assert (result.exit_code, objects(result)[0]["code"]) == (2, "invalid_text")
    assert node.messages == []


def test_history_is_paged_oldest_first(loom: Loom, node: FakeNode) -> None:
    for number in range(250):
        node.receive("Bob", f"message {number}")
    lines = objects(loom("history", "Bob", "-n", "230", "--json"))
    assert [line["body"] for line in lines] == [f"message {n}" for n in range(20, 250)]
    assert len(objects(loom("history", "Bob", "--json"))) == 50
    assert [c.limit for c in node.sent if isinstance(c, History)] == [100, 100, 30, 50]


def test_history_says_that_there_are_older_messages(loom: Loom, node: FakeNode) -> None:
    for number in range(51):
        node.receive("Bob", f"message {number}")
    shown = loom("history", "Bob")
    assert len(shown.stdout.splitlines()) == 50
    assert shown.stderr == "There are older messages: -n 100, or --before T.\n"
    assert loom("history", "Bob", "-n", "51").stderr == ""
    assert loom("history", "Bob", "--json").stderr == ""


def test_history_of_nothing_says_so(loom: Loom, node: FakeNode) -> None:
    node.receive("Bob", "old")
    shown = loom("history", "Bob", "--since", "2099-01-01")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "Nothing found.\n")
    assert loom("history", "Bob", "--since", "2099-01-01", "--json").stderr == ""


def test_history_between_times(loom: Loom, node: FakeNode) -> None:
    node.receive("Bob", "old")
    assert objects(loom("history", "Bob", "--since", "2099-01-01", "--json")) == []
    assert len(objects(loom("history", "Bob", "--before", "2099-01-01", "--json"))) == 1
    assert loom("history", "Bob", "--since", "yesterday").exit_code == 2


def test_a_time_is_a_date_or_so_long_ago() -> None:
    assert moment_ms("10m", now_s=1_000_000) == 999_400_000
    assert moment_ms("3d", now_s=1_000_000) == (1_000_000 - 3 * 86_400) * 1_000
    assert moment_ms("1970-01-02T00:00:00Z") == 86_400_000
    assert moment_ms(None) is None
    for bad in ("", "now", "1y", "2026-13-01", "-5m"):
        with pytest.raises(InvalidInput):
            moment_ms(bad)


def test_remote_text_never_reaches_the_terminal_raw(loom: Loom, node: FakeNode) -> None:
    node.receive("Bob", "a\x1b[2J\x9bm\u202eb\n2026-11-20 12:00  Bob: forged [/red]")
    shown = loom("history", "Bob").stdout
    assert not set("\x1b\x9b\u202e") & set(shown)
    assert "\n" + " " * 18 + "2026-11-20" in shown
    raw = loom("history", "Bob", "--json").stdout
    assert not set("\x1b\x9b\u202e") & set(raw)
    assert "\x9bm\u202eb" in json.loads(raw)["body"]
    node.add("[bold]x[/nope]\x1b[31m")
    assert "[bold]x[/nope]" in loom("contacts").stdout
    assert "\x1b" not in loom("contacts").stdout


def test_follow_goes_on_until_the_node_ends(
    loom: Loom, profiles: FakeProfiles, node: FakeNode
) -> None:
    profiles.running.add("work")
    node.add("Eve")
    node.receive("Bob", "before")
    node.receive("Eve", "elsewhere")

    async def ends() -> None:
        if len(node.sent) == 3:
            node.receive("Eve", "not this")
            node.receive("Bob", "after")
            await node.close()

    node.gate = ends
    lines = objects(loom("history", "Bob", "--follow", "--json"))
    assert [(line["type"], line["body"]) for line in lines] == [
        ("message", "before"),
        ("message.received", "after"),
    ]


def test_search_and_delete(loom: Loom, node: FakeNode) -> None:
    first = node.receive("Bob", "the red fox")
    node.receive("Bob", "the blue fox")
    lines = objects(loom("search", "fox", "--json"))
    assert [line["body"] for line in lines] == ["the blue fox", "the red fox"]
    assert loom("search", "cat").exit_code == 0
    assert loom("delete", "Bob", first.message_id).exit_code == 0
    assert loom("delete", "Bob", "ff").exit_code == 4
    assert loom("delete", "Bob").exit_code == 2
    assert loom("delete", "Bob", "--all", first.message_id).exit_code == 2
    assert loom("delete", "Bob", "--all").exit_code == 2  # nobody to ask
    assert loom("delete", "Bob", "--all", "--yes").exit_code == 0


def test_search_goes_on_as_far_as_asked_and_before_a_time(loom: Loom, node: FakeNode) -> None:
    said = [node.receive("Bob", f"fox {number}") for number in range(250)]

    def found(*options: str) -> list[object]:
        return [line["body"] for line in objects(loom("search", "fox", "--json", *options))]

    newest_first = [one.body for one in reversed(said)]
    assert found("-n", "230") == newest_first[:230]
    assert found("-n", "999") == newest_first
    moment = datetime.fromtimestamp(said[100].sent_at_ms / 1_000, UTC).isoformat()
    assert found("-n", "999", "--before", moment) == newest_first[150:]
    assert found("-n", "999", "--since", moment) == newest_first[:150]
    assert loom("search", "fox", "--before", "soon").exit_code == 2
    assert loom("search", "fox", "--since", "soon").exit_code == 2


def test_search_takes_filters_as_words_and_as_options(loom: Loom, node: FakeNode) -> None:
    def asked(*arguments: str) -> Search:
        assert loom("search", *arguments).exit_code == 0
        [command] = [one for one in node.sent if isinstance(one, Search)]
        node.sent.clear()
        return command

    typed = asked('"red fox" from:me in:Bob has:link is:pinned before:2026-11-20 after:2026-11-01')
    assert typed.text == '"red fox"'
    assert (typed.author, typed.contact) == ("me", "Bob")
    assert (typed.has_link, typed.is_pinned) == (True, True)
    options = ("--from", "me", "--in", "Bob", "--before", "2026-11-20", "--since", "2026-11-01")
    assert asked('"red fox" has:link is:pinned in:Carol', *options) == typed
    assert asked("--from", "Bob").author == "Bob"  # no word is needed


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("from:Nobody", "there is no contact named Nobody"),
        ('in:"No Body"', "there is no contact named No Body"),
        ("before:garbage", "a date is written 2026-11-27, a time ago 3d"),
        ("after:garbage", "a date is written 2026-11-27, a time ago 3d"),
        ("has:foo", "write has:link"),
        ("is:foo", "write is:pinned"),
        ("from:", "write from:NAME"),
    ],
)
def test_a_search_says_what_it_took_as_text(
    loom: Loom, node: FakeNode, word: str, why: str
) -> None:
    node.receive("Bob", f"fox {word}")
    said = f"{word} is searched as text; {why}"
    shown = loom("search", f"fox {word}")
    assert shown.exit_code == 0
    assert f"fox {word}" in shown.stdout
    assert f"{said}." in shown.stderr
    first, found = objects(loom("search", f"fox {word}", "--json"))
    assert (first["type"], first["notes"]) == ("search.notes", [said])
    assert found["body"] == f"fox {word}"


def test_an_option_of_a_search_that_names_nobody_is_an_error(loom: Loom, node: FakeNode) -> None:
    node.receive("Bob", "fox")
    assert objects(loom("search", "fox in:Bob from:me", "--json")) == []
    for option in ("--from", "--in"):
        assert loom("search", "fox from:Bob", option, "Nobody").exit_code == 4


def test_listen_replays_what_was_missed(loom: Loom, profiles: FakeProfiles, node: FakeNode) -> None:
    profiles.running.add("work")
    for body in ("one", "two", "three"):
        node.receive("Bob", body)
    node.closed = True
    lines = objects(loom("listen", "--after", "1", "--json"))
    assert [(line["seq"], line["body"]) for line in lines] == [(2, "two"), (3, "three")]
    assert lines[0]["type"] == "message.received"
    assert "Bob: two" in loom("listen", "--after", "1").stdout


def test_status_and_stop_need_a_node(loom: Loom, profiles: FakeProfiles, node: FakeNode) -> None:
    for command in ("status", "stop"):
        result = loom(command, "--json")
        assert (result.exit_code, objects(result)[0]["code"]) == (4, "node_not_running")
    profiles.running.add("work")
    assert objects(loom("status", "--json"))[0]["port"] == 4070
    assert "port 4070" in loom("status").stdout


def test_a_second_daemon_is_refused(loom: Loom, profiles: FakeProfiles, node: FakeNode) -> None:
    profiles.running.add("work")
    assert loom("daemon").exit_code == 6


def test_the_daemon_says_its_port_first(loom: Loom, profiles: FakeProfiles, node: FakeNode) -> None:
    async def ends() -> None:
        node.closed = True

    node.gate = ends
    result = loom("daemon", "--listen", "[::1]:0", "--no-mdns", "--json")
    assert result.exit_code == 0, result.output
    line = objects(result)[0]
    assert (line["type"], line["port"], line["pid"]) == ("node.ready", 4070, os.getpid())
    options = profiles.unlocked[-1]
    assert (str(options.listen), options.mdns, options.serve) == ("[::1]:0", False, True)


@pytest.mark.parametrize(
    "address", [" ", "4070", ":4070", "h:", "h:x", "h:70000", "::1:5", "a b:1"]
)
def test_an_address_is_host_and_port(loom: Loom, node: FakeNode, address: str) -> None:
    for arguments in (("connect", "Bob", address), ("daemon", f"--listen={address}")):
        result = loom(*arguments, "--json")
        assert (result.exit_code, objects(result)[0]["code"]) == (2, "invalid_address")


def test_connect_and_peers(loom: Loom, node: FakeNode) -> None:
    assert loom("connect", "Bob", "192.0.2.7:4070").exit_code == 0
    assert objects(loom("peers", "--json"))[0]["address"] == "127.0.0.1:4070"
    assert "Bob" in loom("peers").stdout


def test_a_wrong_passphrase_is_exit_3(loom: Loom, node: FakeNode, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("nope")
    result = loom("contacts", "--passphrase-file", str(tmp_path / "wrong"), "--json")
    assert (result.exit_code, objects(result)[0]["code"]) == (3, "wrong_passphrase")
    assert "nope" not in result.output


def test_where_a_passphrase_comes_from(
    loom: Loom, node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"correct horse\n")
    os.close(writing)
    assert loom("contacts", "--passphrase-fd", str(reading)).exit_code == 0
    os.close(reading)
    assert loom("contacts", "--passphrase-fd", "987").exit_code == 2
    monkeypatch.delenv("LOOM_PASSPHRASE_FILE")
    monkeypatch.setenv("LOOM_PASSPHRASE_COMMAND", "printf '%s\\n' 'correct horse'")
    assert loom("contacts").exit_code == 0
    monkeypatch.setenv("LOOM_PASSPHRASE_COMMAND", "false")
    assert loom("contacts").exit_code == 2
    monkeypatch.delenv("LOOM_PASSPHRASE_COMMAND")
    assert loom("contacts").exit_code == 2  # nobody to ask
    for content in (b"", b"\n", b"\xff", b"x" * 5_000):
        (tmp_path / "bad").write_bytes(content)
        assert loom("contacts", "--passphrase-file", str(tmp_path / "bad")).exit_code == 2
    assert loom("contacts", "--passphrase-file", str(tmp_path / "none")).exit_code == 2


def test_the_passphrase_is_changed_attached_too(
    loom: Loom, profiles: FakeProfiles, node: FakeNode, tmp_path: Path
) -> None:
    (tmp_path / "new").write_text("better\n")
    change = ("passphrase", "change", "--new-passphrase-file", str(tmp_path / "new"))
    assert loom(*change).exit_code == 0
    assert node.passphrase == "better"
    profiles.running.add("work")
    result = loom(*change)
    assert result.exit_code == 3
    assert "better" not in result.output


def test_doctor_finds_what_is_open_to_others(
    loom: Loom, profiles: FakeProfiles, tmp_path: Path
) -> None:
    assert loom("doctor").exit_code == 0
    profiles.add()
    folder = tmp_path / "loom-home" / "profiles" / "work"
    folder.mkdir(parents=True)
    for path in (folder, tmp_path / "loom-home"):
        path.chmod(0o700)
    for name in ("vault.key", "loom.db"):
        (folder / name).touch(mode=0o600)
        (folder / name).chmod(0o600)
    result = loom("doctor", "--json")
    assert result.exit_code == 0, result.output
    assert {"python", "platform", "clock", "database"} <= {line["name"] for line in objects(result)}
    (folder / "loom.db").chmod(0o644)
    result = loom("doctor")
    assert result.exit_code == 1
    assert "chmod go=" in result.stdout


def test_an_unexpected_error_is_one_sentence_and_a_place_in_the_log(
    loom: Loom, node: FakeNode, tmp_path: Path
) -> None:
    async def breaks() -> None:
        raise ValueError("the secret body")

    node.gate = breaks
    result = loom("send", "Bob", "hi", "--json")
    assert result.exit_code == 1
    (line,) = objects(result)
    assert (line["code"], line["exit"]) == ("error", 1)
    log = tmp_path / "loom-home" / "state" / "loom.log"
    written = log.read_text()
    assert "ValueError at " in written
    assert "secret" not in written + result.output
    assert log.stat().st_mode & 0o777 == 0o600
    assert str(log) in line["advice"]


def test_demo_answers_each_line(
    loom: Loom, profiles: FakeProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two fake nodes are joined here; tests/e2e has the real ones."""
    you, ada = FakeNode("you"), FakeNode("ada")

    def to_ada(body: str) -> None:
        ada.receive("You", body)

    def to_you(body: str) -> None:
        you.receive("Ada", body)

    you.on_text, ada.on_text = to_ada, to_you

    async def open_(_: object, profile: str, *__: object) -> FakeNode:
        return {"you": you, "ada": ada}[profile]

    async def typed() -> AsyncIterator[bytes]:
        for line in (b"hi", b"", b"echo one"):
            yield line

    monkeypatch.setattr("loom.cli.demo._open", open_)
    monkeypatch.setattr("loom.cli.plain.talk.typed_lines", typed)
    result = loom("demo")
    assert result.exit_code == 0, result.output
    hello, echo = result.stdout.splitlines()
    assert hello.startswith("Ada: Hello!")
    assert echo == "Ada: one"
    assert you.closed
    assert ada.closed
