"""Two people and their command lines: real processes, real disks, the loopback network."""

import json
import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from loom.storage.profile_lock import ProfileLock
from tests.e2e.conftest import Made
from tests.e2e.processes import (
    ALONE,
    ARGON2,
    LIMIT_S,
    LOOPBACK,
    ROOT,
    Home,
    command,
    history,
    token_of,
)


def until_served(home: Home, profile: str) -> None:
    """Return once somebody serves the profile: commands then attach instead of unlocking."""
    deadline = time.monotonic() + LIMIT_S
    while home.run("-p", profile, "status").code != 0:
        assert time.monotonic() < deadline


def bodies(home: Home, profile: str, contact: str) -> list[str]:
    return [message["body"] for message in history(home, profile, contact)]


# --- talking ----------------------------------------------------------------------------------


def test_two_daemons_find_each_other_and_talk(home: Home) -> None:
    with home.daemon("alice"), home.daemon("bob"):
        there = home.run("-p", "alice", "send", "Bob", "lunch at noon?", "--wait", "60", "--json")
        back = home.run("-p", "bob", "send", "Alice", "-", "--wait", "60", stdin="yes,\nplease\n")
        assert there.ok().objects[0]["state"] == "delivered"
        assert back.ok().stdout.rstrip().endswith("✓✓")
        assert bodies(home, "alice", "Bob") == ["lunch at noon?", "yes,\nplease"]
        assert bodies(home, "bob", "Alice") == bodies(home, "alice", "Bob")
        mine, theirs = (history(home, *who)[0] for who in (("alice", "Bob"), ("bob", "Alice")))
        assert (mine["direction"], theirs["direction"]) == ("out", "in")
        assert mine["message_id"] == theirs["message_id"]
        assert mine["sent_at_ms"] == theirs["sent_at_ms"]
        peer = home.run("-p", "bob", "peers", "--json").ok().objects[0]
        assert (peer["contact"], peer["online"]) == ("Alice", True)
        numbers = [
            home.run("-p", one, "verify", other, "--json").ok().objects[0]["groups"]
            for one, other in (("alice", "Bob"), ("bob", "Alice"))
        ]
        assert numbers[0] == numbers[1]
        contact = home.run("-p", "alice", "contacts", "show", "Bob", "--json").ok().objects[0]
        assert contact["display_name"] == "Bob"


def test_what_is_not_delivered_in_time_stays_queued_and_leaves_later(home: Home) -> None:
    early = home.run("-p", "alice", "send", "Bob", "first")
    assert "sent when a node runs" in early.ok().stderr
    late = home.run("-p", "alice", "send", "Bob", "second", "--wait", "0.3", "--json")
    assert late.code == 5
    message, error = late.objects
    assert (message["state"], error["code"]) == ("queued", "not_delivered")
    assert late.error["advice"]
    with home.running("-p", "bob", "listen", "--after", "0", "--json") as bob:
        # No daemon at all: the listening command and the sending one are the two nodes.
        sent = home.run("-p", "alice", "send", "Bob", "third", "--wait", "60")
        assert sent.code == 0, sent
        heard = [bob.until("message.received")["body"] for _ in range(3)]
    assert heard == ["first", "second", "third"]
    assert [one["state"] for one in history(home, "alice", "Bob")] == ["delivered"] * 3


def test_listening_anew_misses_nothing_and_repeats_nothing(home: Home) -> None:
    with home.daemon("alice"), home.daemon("bob"):
        home.run("-p", "alice", "send", "Bob", "one", "--wait", "60").ok()
        with home.running("-p", "bob", "listen", "--after", "0", "--json") as bob:
            first = bob.until("message.received")
            assert bob.end(signal.SIGINT) == 130
        home.run("-p", "alice", "send", "Bob", "two", "--wait", "60").ok()
        after = ("--after", str(first["seq"]))
        with home.running("-p", "bob", "listen", *after, "--json") as bob:
            missed = bob.until("message.received")
            home.run("-p", "alice", "send", "Bob", "three", "--wait", "60").ok()
            live = bob.until("message.received")
        assert [one["body"] for one in (first, missed, live)] == ["one", "two", "three"]
        assert first["seq"] < missed["seq"] < live["seq"]


def test_following_a_conversation_shows_the_past_then_what_comes(home: Home) -> None:
    with home.daemon("alice"), home.daemon("bob"):
        home.run("-p", "alice", "send", "Bob", "past", "--wait", "60").ok()
        with home.running("-p", "bob", "history", "Alice", "--follow", "--json") as bob:
            assert bob.object()["body"] == "past"
            home.run("-p", "alice", "send", "Bob", "new", "--wait", "60").ok()
            assert bob.until("message.received")["body"] == "new"
            assert home.run("-p", "bob", "stop").code == 0
            while bob.line():
                pass
            assert bob.process.wait(LIMIT_S) == 0


def test_an_address_by_hand_connects_and_is_remembered(home: Home) -> None:
    with home.daemon("alice", *ALONE):
        with home.daemon("bob", *ALONE) as bob:
            at = f"127.0.0.1:{bob.port}"
            home.run("-p", "alice", "connect", "Bob", at).ok()
            home.run("-p", "bob", "send", "Alice", "found you", "--wait", "60").ok()
            assert home.run("-p", "alice", "connect", "Bob", "nonsense").code == 2
            assert bob.end() == 0
        nobody = home.run("-p", "alice", "connect", "Bob", at, "--json")
        assert (nobody.code, nobody.error["code"]) == (1, "unreachable")
        with home.daemon("bob", "--listen", at, "--no-mdns"):
            home.run("-p", "alice", "send", "Bob", "still there", "--wait", "60").ok()


def test_a_text_may_look_like_an_option(home: Home) -> None:
    home.run("-p", "alice", "--json", "send", "Bob", "--", "--wait").ok()
    assert bodies(home, "alice", "Bob") == ["--wait"]


def test_deleted_and_searched(home: Home) -> None:
    for text in ("the blue boat", "a red boat", "nothing"):
        home.run("-p", "alice", "send", "Bob", text).ok()
    found = home.run("-p", "alice", "search", "boat", "--json").ok().objects
    assert [one["body"] for one in found] == ["a red boat", "the blue boat"]
    home.run("-p", "alice", "delete", "Bob", found[0]["message_id"]).ok()
    assert bodies(home, "alice", "Bob") == ["the blue boat", "nothing"]
    unknown = home.run("-p", "alice", "delete", "Bob", found[0]["message_id"], "--json")
    assert (unknown.code, unknown.error["code"]) == (4, "message_not_found")
    home.run("-p", "alice", "delete", "Bob", "--all", "--yes").ok()
    assert bodies(home, "alice", "Bob") == []


def test_a_hostile_text_reaches_the_disk_whole_and_the_terminal_tame(home: Home) -> None:
    text = "\x1b]0;owned\x07\x1b[2Jhi\u202egnp.exe\x9b31m"
    home.run("-p", "alice", "send", "Bob", text).ok()
    result = home.run("-p", "alice", "history", "Bob").ok()
    assert not set("\x1b\x07\u202e\x9b") & set(result.stdout)
    assert bodies(home, "alice", "Bob") == [text]
    raw = home.run("-p", "alice", "history", "Bob", "--json").ok().stdout
    assert not set("\x1b\x07\u202e\x9b") & set(raw)


@pytest.mark.parametrize(
    ("text", "reason"), [("", "empty"), ("x" * 16_385, "16384"), ("\ud83d", "UTF-8")]
)
def test_a_text_that_cannot_be_sent(home: Home, text: str, reason: str) -> None:
    typed = subprocess.run(
        command("-p", "alice", "send", "Bob", "-", "--json"),
        cwd=ROOT, env=home.environment(), input=text.encode(errors="surrogatepass"),
        capture_output=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    error = json.loads(typed.stdout)
    assert (typed.returncode, error["code"]) == (2, "invalid_text")
    assert reason in error["message"]
    assert bodies(home, "alice", "Bob") == []


# --- the command line itself ------------------------------------------------------------------


def test_global_options_stand_before_and_after(home: Home) -> None:
    before = home.run("--json", "-p", "bob", "--home", str(home.loom), "contacts", "list")
    after = home.run("contacts", "list", "--home", str(home.loom), "--json", "-p", "bob")
    inside = home.run("contacts", "--json", "-p", "bob", "list")
    by_environment = home.run("contacts", "--json", environment={"LOOM_PROFILE": "bob"})
    assert before.ok().stdout == after.ok().stdout == inside.ok().stdout
    assert before.stdout == by_environment.ok().stdout
    assert before.objects[0]["contact"] == "Alice"
    several = home.run("contacts", "--json")
    assert (several.code, several.error["code"]) == (2, "profile_not_chosen")


def test_a_passphrase_comes_from_file_descriptor_and_command(home: Home) -> None:
    none: dict[str, str | None] = {"LOOM_PASSPHRASE_FILE": None}
    by_file = home.run(
        "-p", "bob", "contacts", "--passphrase-file", str(home.passphrase), environment=none
    )
    by_descriptor = home.run(
        "-p", "bob", "--passphrase-fd", "0", "contacts",
        stdin=home.passphrase.read_text(), environment=none,
    )  # fmt: skip
    by_command = home.run(
        "-p", "bob", "contacts",
        environment=none | {"LOOM_PASSPHRASE_COMMAND": f"cat {home.passphrase}"},
    )  # fmt: skip
    assert by_file.ok().stdout == by_descriptor.ok().stdout == by_command.ok().stdout
    nobody_to_ask = home.run("-p", "bob", "contacts", "--json", environment=none)
    assert (nobody_to_ask.code, nobody_to_ask.error["code"]) == (2, "terminal_needed")


def test_a_closed_pipe_ends_quietly(home: Home) -> None:
    for _ in range(6):  # more than a pipe holds
        home.run("-p", "alice", "send", "Bob", "-", stdin="y" * 16_000).ok()
    pipe = 'set -o pipefail; "$@" -p alice history Bob | head -c 9'
    done = subprocess.run(
        ["bash", "-c", pipe, "-", *command()],  # noqa: S607
        cwd=ROOT, env=home.environment(), capture_output=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 9, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_missing_standard_stream_harms_nothing(home: Home, closed: str) -> None:
    for arguments in (("--version",), ("-p", "alice", "send", "Bob", "hi")):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "-", *command(*arguments)],  # noqa: S607
            cwd=ROOT, env=home.environment(), capture_output=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done
        assert b"Traceback" not in done.stderr
    assert bodies(home, "alice", "Bob") == ["hi"]
    assert not any(not one["ok"] for one in home.run("-p", "alice", "doctor", "--json").objects)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full (Linux)")
@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_an_output_that_cannot_be_written(home: Home, extra: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("-p", "alice", "contacts", *extra),
            cwd=ROOT, env=home.environment(), stdout=full, stderr=subprocess.PIPE,
            timeout=LIMIT_S, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode().startswith("loom: Standard output could not be written: ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("attached", [False, True])
def test_interrupted_while_waiting(home: Home, attached: bool) -> None:
    with home.daemon("alice", *ALONE) if attached else nullcontext():
        send = ("-p", "alice", "send", "Bob", "hm", "--wait", "60", "--json")
        with home.running(*send) as waiting:
            until_served(home, "alice")
            with home.running("-p", "alice", "listen", "--after", "0", "--json") as watching:
                watching.until("message.queued")
            assert waiting.end(signal.SIGINT) == 130
            assert waiting.stderr == ""
    assert history(home, "alice", "Bob")[0]["state"] == "queued"


def test_two_commands_at_once_take_turns(home: Home) -> None:
    texts = [f"at once {number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda text: home.run("-p", "alice", "send", "Bob", text), texts))
    assert [one.code for one in done] == [0] * 4, done
    assert sorted(bodies(home, "alice", "Bob")) == texts


def test_no_command_no_contact_no_profile(home: Home) -> None:
    cases: list[tuple[tuple[str, ...], int, str]] = [
        (("-p", "alice", "send", "Zoe", "hi"), 4, "contact_not_found"),
        (("-p", "alice", "history", "Zoe"), 4, "contact_not_found"),
        (("-p", "zoe", "contacts"), 4, "profile_not_found"),
        (("-p", "../bob", "contacts"), 2, "invalid_name"),
        (("-p", "alice", "status"), 4, "node_not_running"),
        (("-p", "alice", "stop"), 4, "node_not_running"),
        (("nonsense",), 2, "usage"),
        (("-p", "alice", "send", "Bob"), 2, "usage"),
        (("-p", "alice", "history", "Bob", "--since", "soon"), 2, "invalid_input"),
        (("-p", "alice", "listen", "--after", "9" * 30), 2, "usage"),
        (("-p", "alice", "daemon", "--listen", "127.0.0.1"), 2, "invalid_address"),
        (("-p", "alice", "daemon", "--listen", "127.0.0.1:99999"), 2, "invalid_address"),
        (("-p", "alice", "daemon", "--listen", "192.0.2.1:0"), 2, "foreign_address"),
        (("-p", "alice", "contacts", "rename", "Bob", "x" * 65), 2, "invalid_name"),
    ]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda case: home.run("--json", *case[0]), cases))
    found = [(case[0], one.code, one.error["code"]) for case, one in zip(cases, done, strict=True)]
    assert found == cases


# --- the daemon's life ------------------------------------------------------------------------


@pytest.mark.long
def test_stop_and_signals_end_the_daemon(home: Home) -> None:
    with home.daemon("alice", *ALONE) as stopped:
        assert home.run("-p", "alice", "status", "--json").ok().objects[0]["port"] == stopped.port
        second = home.run("-p", "alice", "daemon", "--json", *ALONE)
        assert (second.code, second.error["code"]) == (6, "profile_in_use")
        home.run("-p", "alice", "stop").ok()
        assert stopped.process.wait(LIMIT_S) == 0
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 0)):
        with home.daemon("alice", *ALONE) as one:
            assert one.end(number) == code
            assert one.stderr == ""
        assert home.run("-p", "alice", "status").code == 4


def test_a_killed_daemon_leaves_nothing_in_the_way(home: Home) -> None:
    with home.daemon("alice", *ALONE) as one:
        one.process.kill()
        one.process.wait(LIMIT_S)
    assert home.run("-p", "alice", "status").code == 4
    home.run("-p", "alice", "send", "Bob", "still works").ok()
    with home.daemon("alice", *ALONE):
        assert bodies(home, "alice", "Bob") == ["still works"]


def test_in_the_background_it_survives_until_stopped(home: Home) -> None:
    started = home.run("-p", "alice", "daemon", "--background", "--json", *LOOPBACK).ok()
    ready = started.objects[0]
    assert ready["type"] == "node.ready"
    try:
        os.kill(ready["pid"], signal.SIGHUP if os.getsid(ready["pid"]) == os.getsid(0) else 0)
        view = home.run("-p", "alice", "status", "--json").ok().objects[0]
        assert (view["pid"], view["port"]) == (ready["pid"], ready["port"])
        home.run("-p", "alice", "stop").ok()
        assert home.run("-p", "alice", "status").code == 4
    except BaseException:
        os.kill(ready["pid"], signal.SIGKILL)
        raise


def test_a_port_in_use(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("daemon", "--listen", f"127.0.0.1:{port}", "--no-mdns", "--json")
        for extra in ((), ("--background",)):
            refused = home.run("-p", "alice", *arguments, *extra)
            assert (refused.code, refused.error["code"]) == (1, "port_in_use")
            assert str(port) in refused.error["message"]
    home.run("-p", "alice", "contacts").ok()


def test_a_profile_that_another_process_holds(home: Home) -> None:
    lock = ProfileLock.acquire(home.profile("alice") / "lock", "alice")
    try:
        refused = home.run("-p", "alice", "contacts", "--json")
    finally:
        lock.release()
    assert (refused.code, refused.error["code"]) == (6, "profile_in_use")
    home.run("-p", "alice", "contacts").ok()


# --- identities, tokens, passphrases ----------------------------------------------------------


def test_without_a_terminal_nobody_sees_the_phrase_so_nothing_is_made(empty: Home) -> None:
    for arguments in (("--json",), ("--json", *ARGON2)):
        refused = empty.run("init", "--name", "Ada", *arguments)
        assert (refused.code, refused.error["code"]) == (2, "terminal_needed")
        assert "--show-phrase" in refused.error["advice"]
    assert not list(empty.loom.rglob("*"))
    missing = empty.run("contacts", "--json")
    assert (missing.code, missing.error["code"]) == (4, "no_profile")


def test_the_phrase_brings_the_identity_back(made: Made, empty: Home) -> None:
    phrase_file = empty.folder / "phrase"
    phrase_file.write_text("  " + made.phrases["alice"].upper().replace(" ", "\n") + "\n")
    empty.run("restore", "--name", "Alice", "--phrase-file", str(phrase_file), *ARGON2).ok()
    assert token_of(empty, "alice") == made.tokens["alice"]
    again = empty.run("restore", "--name", "Alice", "--phrase-file", str(phrase_file), "--json")
    assert (again.code, again.error["code"]) == (2, "profile_exists")
    words = made.phrases["alice"].split()
    wrong = (
        " ".join(words[:-1]),
        " ".join([*words[:-1], "loom"]),
        " ".join([words[1], words[0], *words[2:]]),
        "",
    )
    for phrase in wrong:
        bad = empty.run("restore", "--name", "Eve", "--phrase-file", "-", "--json", stdin=phrase)
        assert (bad.code, bad.error["code"]) == (2, "invalid_phrase"), phrase
        own = {"message", "separate"}  # of the list, and of the answer to any phrase
        assert not any(word in bad.stdout for word in words if len(word) > 6 and word not in own)
    missing = empty.run("restore", "--name", "Eve", "--phrase-file", "/nowhere", "--json")
    assert missing.code == 2
    assert [one.name for one in (empty.loom / "profiles").iterdir()] == ["alice"]


def test_restored_people_can_talk_again(made: Made, home: Home, empty: Home) -> None:
    with home.daemon("bob"):
        home.run("-p", "alice", "send", "Bob", "before", "--wait", "60").ok()
        phrase = made.phrases["alice"]
        empty.run("restore", "--name", "Alice", "--phrase-file", "-", *ARGON2, stdin=phrase).ok()
        empty.run("token", "import", made.tokens["bob"], "--name", "Bob").ok()
        empty.run("send", "Bob", "a new disk", "--wait", "60").ok()
        assert bodies(home, "bob", "Alice") == ["before", "a new disk"]


def test_tokens_that_cannot_be_taken(made: Made, home: Home) -> None:
    bob, eve = made.tokens["bob"], made.tokens["eve"]
    at = 60
    mistyped = eve[:at] + ("A" if eve[at] != "A" else "B") + eve[at + 1 :]
    file = home.folder / "binary"
    file.write_bytes(b"\xff\xfe\x00")
    cases = [
        ("hello", "invalid_token"),
        ("", "invalid_token"),
        ("LOOM-", "invalid_token"),
        (eve[:-1], "invalid_token"),
        (eve + "A", "invalid_token"),
        (eve + "A" * 300, "invalid_token"),  # longer than a file's name may be
        (mistyped, "invalid_token"),
        (eve.replace("LOOM-", "TOX-"), "invalid_token"),
        (eve[:10] + "1" + eve[11:], "invalid_token"),
        (str(file), "invalid_token"),
        (str(home.folder), "invalid_input"),
        (made.tokens["alice"], "own_token"),
        (bob, "duplicate_contact"),
    ]
    with home.daemon("alice", *ALONE):
        importing = ("-p", "alice", "token", "import", "--name", "Zoe", "--json", "--")
        for token, code in cases:
            refused = home.run(*importing, token)
            assert (refused.code, refused.error["code"]) == (2, code), token
        taken = home.run("-p", "alice", "token", "import", eve, "--name", "bob", "--json")
        assert taken.code in (2, 7), taken
        listed = home.run("-p", "alice", "contacts", "--json").ok().objects
        assert [one["contact"] for one in listed] == ["Bob"]
        spaced = " ".join(eve[i : i + 8].lower() for i in range(0, len(eve), 8))
        home.run("-p", "alice", "token", "import", "-", "--name", "Eve", stdin=spaced).ok()


def test_a_changed_identity_blocks_until_verified(made: Made, home: Home) -> None:
    home.run("-p", "alice", "send", "Bob", "to the old key").ok()
    importing = ("-p", "alice", "token", "import", made.tokens["eve"], "--name", "Bob")
    home.run(*importing, "--replace").ok()
    blocked = home.run("-p", "alice", "send", "Bob", "secret", "--json")
    assert (blocked.code, blocked.error["code"]) == (7, "identity_changed")
    assert "loom verify Bob" in blocked.error["advice"]
    waited = home.run("-p", "alice", "send", "Bob", "secret", "--wait", "5", "--json")
    assert waited.code == 7
    assert [(one["body"], one["state"]) for one in history(home, "alice", "Bob")] == [
        ("to the old key", "failed")
    ]
    home.run("-p", "alice", "verify", "Bob", "--confirm").ok()
    home.run("-p", "alice", "send", "Bob", "to the new key").ok()


def test_a_blocked_contact_hears_nothing(home: Home) -> None:
    home.run("-p", "bob", "contacts", "block", "Alice").ok()
    refused = home.run("-p", "bob", "send", "Alice", "hi", "--json")
    assert (refused.code, refused.error["code"]) == (1, "contact_blocked")
    with home.daemon("bob"):
        assert home.run("-p", "alice", "send", "Bob", "hello?", "--wait", "3").code == 5
        home.run("-p", "bob", "contacts", "unblock", "Alice").ok()
        home.run("-p", "alice", "send", "Bob", "and now?", "--wait", "60").ok()
        assert bodies(home, "bob", "Alice") == ["hello?", "and now?"]


@pytest.mark.parametrize("attached", [False, True])
def test_changing_the_passphrase(home: Home, attached: bool) -> None:
    new = home.folder / "new"
    new.write_text("another one entirely\n")
    change = ("-p", "alice", "passphrase", "change", "--new-passphrase-file", str(new))
    wrong = {"LOOM_PASSPHRASE_FILE": str(new)}
    if attached:
        with home.daemon("alice", *ALONE):
            refused = home.run(*change, "--json", environment=wrong)
            assert (refused.code, refused.error["code"]) == (3, "wrong_passphrase")
            home.run(*change).ok()
    else:
        assert home.run(*change, environment=wrong).code == 3
        home.run(*change).ok()
    old = home.run("-p", "alice", "contacts", "--json")
    assert (old.code, old.error["code"]) == (3, "wrong_passphrase")
    home.run("-p", "alice", "contacts", environment=wrong).ok()
    started = home.run("-p", "alice", "daemon", "--background", "--json", *ALONE)
    assert (started.code, started.error["code"]) == (3, "wrong_passphrase")
    assert "another one" not in home.said()


# --- the demo ---------------------------------------------------------------------------------


def test_the_demo_without_a_terminal_answers_each_line_and_ends(empty: Home) -> None:
    done = empty.run("demo", stdin="hi\nhow are you?\n", timeout_s=60)
    assert done.code == 0, done
    answers = done.stdout.splitlines()
    assert len(answers) == 2
    assert all(line.startswith("Ada: ") for line in answers)
    assert not list(empty.loom.rglob("*"))
