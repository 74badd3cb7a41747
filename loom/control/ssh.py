"""The line to another machine: the system's ssh, and what it says of itself."""

import asyncio
import contextlib
import os
import re
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Sequence
from shlex import quote
from typing import Final

from loom.control.lines import ANSWER_MAX_BYTES
from loom.control.pipe_client import PipeClient, open_pipe
from loom.errors import InvalidInput, LoomError, RemoteError, RemoteLoomMissing, RemoteUnreachable
from loom.printable import printable

PROGRAM: Final = "ssh"
OPTIONS: Final = ("-T", "-a", "-x", "-e", "none")
"""No terminal, agent, display or escape character for the machine over there."""
SETTINGS: Final = (
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "ConnectTimeout=20",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
)
"""A line that is silent for a minute is broken."""
LOOM: Final = 'env PATH="$PATH":"$HOME/.local/bin" loom'
"""Where pipx and uv put it: a shell without login often does not look there."""
STDERR_MAX_BYTES: Final = 4_096
REASON_MAX: Final = 300
BATCH_TIMEOUT_S: Final = 60.0
END_TIMEOUT_S: Final = 0.3
NOT_FOUND: Final = 127
"""What a shell and `env` end with (POSIX, "Exit Status for Commands")."""
_NO_HOST: Final = re.compile("[\\s'\"`$;&<>|(){}]")
"""ssh refuses these too, since OpenSSH 9.6: a user's ProxyCommand may hand them to a shell."""


def check_host(host: str) -> None:
    """Raises InvalidInput: ssh would take it for an option, or a shell for a command."""
    user, at, name = host.rpartition("@")
    is_option = name.startswith("-") or user.startswith("-")
    if (
        is_option
        or not name
        or (at and not user)
        or _NO_HOST.search(host)
        or not host.isprintable()
    ):
        raise InvalidInput(what=f"{printable(host)[:64]} is not [USER@]HOST")


def arguments(host: str, command: str | None, profile: str | None, *, asks: bool) -> list[str]:
    """The command line of ssh.

    Args:
        command: what the shell over there runs as `loom`; None: `loom` itself.
        asks: whether ssh may ask for a passphrase or about a key.
    """
    settings = SETTINGS if asks else (*SETTINGS, "BatchMode=yes")
    given = [word for setting in settings for word in ("-o", setting)]
    there = [command or LOOM, *(("-p", quote(profile)) if profile else ()), "control-pipe"]
    return [PROGRAM, *OPTIONS, *given, "--", host, " ".join(there)]


async def connect(
    host: str, command: str | None = None, profile: str | None = None, *, asks: bool
) -> PipeClient:
    """The client of the node on another machine.

    While ssh asks something on the terminal, nothing else may use it.

    Raises:
        RemoteUnreachable, RemoteLoomMissing, RemoteError, RemoteVersion.
        RemoteNodeNotRunning, LoomError: what kept the far side from opening the profile.
    """
    line = await _Line.start(host, arguments(host, command, profile, asks=asks))
    try:
        async with asyncio.timeout(None if asks else BATCH_TIMEOUT_S):
            return await open_pipe(host, line.reader, line.writer, line.end)
    except TimeoutError as error:
        await line.end()
        raise RemoteUnreachable(host=host, what="it is silent") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise await line.failure() from error
    except BaseException:
        await line.end()
        raise


class _Line:
    """A running ssh."""

    def __init__(
        self,
        host: str,
        transport: asyncio.SubprocessTransport,
        process: Process,
    ) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise TypeError(process)
        self.reader, self.writer = process.stdout, process.stdin
        self._host = host
        self._transport = transport
        self._process = process
        self._said = b""
        self._listening = asyncio.create_task(self._listen(process.stderr), name="ssh says")

    @classmethod
    async def start(cls, host: str, command: Sequence[str]) -> "_Line":
        # asyncio.create_subprocess_exec hides the transport, which has to be closed where not all
        # output was read.
        loop = asyncio.get_running_loop()
        try:
            transport, protocol = await loop.subprocess_exec(
                lambda: SubprocessStreamProtocol(limit=ANSWER_MAX_BYTES, loop=loop),
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env={name: one for name, one in os.environ.items() if not name.startswith("LOOM_")},
            )
        except OSError as error:
            what = f"{PROGRAM} cannot be run, {error.strerror}"
            raise RemoteUnreachable(host=host, what=what) from error
        return cls(host, transport, Process(transport, protocol, loop))

    async def end(self) -> None:
        """Close the line; ssh is gone afterwards."""
        self.writer.close()
        for stop in (self._process.terminate, self._process.kill):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_TIMEOUT_S):
                    await self._process.wait()
                    break
            with contextlib.suppress(ProcessLookupError):
                stop()
        # asyncio says that it has ended only once all pipes are closed, and what ssh left running
        # (ControlPersist) may hold one.
        self._transport.close()
        await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def failure(self) -> LoomError:
        """Why it ended before a Loom answered."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BATCH_TIMEOUT_S):
                await self._process.wait()
                await self._listening
        await self.end()
        code = self._process.returncode
        lines = [
            printable(line).strip() for line in self._said.decode(errors="replace").split("\n")
        ]
        said = [line for line in lines if line]
        if code == NOT_FOUND:
            return RemoteLoomMissing(host=self._host)
        if code == 255:  # its own failure (ssh(1), "EXIT STATUS"), the reason comes last
            last = said[-1].removeprefix("ssh: ") if said else "it gave no reason"
            return RemoteUnreachable(host=self._host, what=_reason(last))
        words = _reason(" ".join(said)) if said else f"it ended with status {code}"
        return RemoteError(host=self._host, what=words)

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        """Keep the end of what comes: what the far side writes there is never shown as it is."""
        while data := await stderr.read(STDERR_MAX_BYTES):
            self._said = (self._said + data)[-STDERR_MAX_BYTES:]


def _reason(words: str) -> str:
    return words[:REASON_MAX].rstrip(".")
