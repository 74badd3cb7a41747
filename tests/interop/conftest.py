"""Ada is the second implementation, Bob a real daemon; they know each other's token."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import ALONE, LIMIT_S, Daemon, Home, history, new_profile, token_of
from tests.interop.programs import Program, Values, program, what_is_missing

ADA = "Ada"
BOB = "Bob"


@pytest.fixture(scope="session", autouse=True)
def packages() -> None:
    """Node and the packages from npm, or a skip that says how to get them."""
    if missing := what_is_missing():
        pytest.skip(missing)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """Bob's profile and his recovery phrase."""
    home = Home(tmp_path_factory.mktemp("made") / "h")
    return home, new_profile(home, BOB)


class ControlSocket:
    """Commands to the daemon and events of it, without a new process for each."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LIMIT_S)
        descriptor = os.open(folder, os.O_RDONLY)
        try:  # a socket's address is short, a test's folder is not
            self._socket.connect(f"/proc/self/fd/{descriptor}/control.sock")
        finally:
            os.close(descriptor)
        self._lines = self._socket.makefile("r", encoding="utf-8")
        assert json.loads(self._lines.readline())["loom"] == "control"

    def do(self, command: str, **fields: object) -> Values:
        """The result of a command."""
        answer = self._ask({"id": 1, "command": {"command": command, **fields}})
        assert "result" in answer, answer
        result: Values = answer["result"]
        return result

    def follow(self, after: int = 0) -> None:
        """From now on this connection brings events, the stored ones after `after` first."""
        self._socket.sendall(json.dumps({"id": 2, "after": after}).encode() + b"\n")

    def until(self, kind: str, **facts: object) -> Values:
        """The next event of this type with these facts."""
        while True:
            found: Values = json.loads(self._lines.readline())["event"]
            if found["type"] == kind and facts.items() <= found.items():
                return found

    def close(self) -> None:
        """The daemon goes on."""
        self._lines.close()
        self._socket.close()

    def _ask(self, request: Values) -> Values:
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        found: Values = json.loads(self._lines.readline())
        return found


class Talk:
    """Ada's program and Bob's daemon."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.ada: Program
        self.bob: Daemon
        self.control: ControlSocket
        self.events: ControlSocket

    def bob_runs(self, *arguments: str) -> str:
        """A command of Bob's, done; its standard output."""
        return self.home.run("-p", "bob", *arguments).ok().stdout

    def bob_sends(self, bodies: list[str]) -> None:
        """Bob queues texts."""
        for body in bodies:
            self.control.do("send_text", contact=ADA, body=body)

    def ada_sends(self, bodies: list[str]) -> list[str]:
        """Ada queues texts; their ids."""
        ids: list[str] = self.ada.do("send", contact=BOB, bodies=bodies)
        return ids

    def bob_has(self, bodies: list[str]) -> None:
        """Wait until Bob's daemon has told of all of these texts, in whatever order."""
        missing = list(bodies)
        while missing:
            missing.remove(self.events.until("message.received")["body"])

    @contextmanager
    def introduced(self, **identity: bool) -> Iterator[None]:
        """Both run and know each other; `is_larger` says whose fingerprint is the larger."""
        theirs = token_of(self.home, "bob")
        with ExitStack() as stack:
            ada = self.ada = stack.enter_context(program(self.folder))
            phrase = ada.do("phrase", **({"beside": theirs, **identity} if identity else {}))
            path = str(self.folder / "ada.json")
            token = ada.do("open", path=path, name=ADA, phrase=phrase)["token"]
            self.bob_runs("token", "import", token, "--name", ADA)
            ada.do("contact", name=BOB, token=theirs)
            self._daemon = stack.enter_context(ExitStack())
            self._daemon.enter_context(self.bob_runs_on())
            yield
        assert "Traceback" not in self.home.said()

    @contextmanager
    def bob_runs_again(self) -> Iterator[None]:
        """A daemon after the first one ended."""
        self.control.close()
        self.events.close()
        self._daemon.pop_all()
        with self.bob_runs_on():
            yield

    @contextmanager
    def ada_runs(self) -> Iterator[Program]:
        """Ada's program with her stored state."""
        with program(self.folder) as one:
            self.ada = one
            one.do("open", path=str(self.folder / "ada.json"), name=ADA)
            yield one

    @contextmanager
    def bob_runs_on(self) -> Iterator[Daemon]:
        """Bob's daemon, with a connection for commands and one for events."""
        folder = self.home.profile("bob")
        with (
            self.home.daemon("bob", *ALONE) as self.bob,
            closing(ControlSocket(folder)) as self.control,
            closing(ControlSocket(folder)) as self.events,
        ):
            self.events.follow(self.control.do("status")["last_seq"])
            yield self.bob
            assert self.bob.process.poll() is None
            assert self.bob.stderr == ""

    def ada_dials(self) -> None:
        """Ada connects to the daemon."""
        self.ada.do("dial", contact=BOB, port=self.bob.port)

    def bob_dials(self) -> None:
        """The daemon connects to Ada."""
        port = self.ada.do("listen")["port"]
        self.control.do("connect", contact=ADA, host="127.0.0.1", port=port)

    def bobs_history(self) -> list[tuple[str, str, str, str]]:
        """What Bob's daemon stored, as Ada's program would say it: her texts are outgoing."""
        turned = {"in": "out", "out": "in"}
        return [
            (
                turned[one["direction"]],
                one["message_id"].replace("-", ""),
                one["body"],
                one["state"],
            )
            for one in history(self.home, "bob", ADA, "-n", "100000")
        ]

    def adas_history(self) -> list[tuple[str, str, str, str]]:
        """What Ada's program stored."""
        return [
            (one["direction"], one["id"], one["body"], one["state"])
            for one in self.ada.do("history", contact=BOB)
        ]

    def settled(self, *, in_order: bool = True) -> None:
        """Wait for the last receipts; then both stored the same texts, each once with its id.

        With `in_order`, in the order in which they were written.
        """
        while self.inspect()["rows"]:
            self.ada.until_event("receipt")
        while (status := self.control.do("status"))["queued"]:
            self.events.until("message.delivered")
        assert status["online"] == 1
        ours, theirs = self.adas_history(), self.bobs_history()
        for direction in ("in", "out"):
            one, other = (
                [each[1:3] for each in side if each[0] == direction] for side in (ours, theirs)
            )
            assert (one == other) if in_order else (sorted(one) == sorted(other))
        assert {state for *_, state in theirs} <= {"delivered", "read"}
        assert {state for *_, state in ours} <= {"delivered", "read", "received"}

    def inspect(self) -> Values:
        """Ada's links, rows and sessions."""
        found: Values = self.ada.do("inspect", contact=BOB)
        return found

    @property
    def best(self) -> Values:
        """Ada's best session."""
        (found,) = (one for one in self.inspect()["sessions"] if one["is_best"])
        session: Values = found
        return session


@pytest.fixture
def talk(made: tuple[Home, str], tmp_path: Path) -> Iterator[Talk]:
    """Both run, know each other, and have no link."""
    one = Talk(made[0].copy(tmp_path / "h"), tmp_path)
    with one.introduced():
        yield one
