"""`loom doctor`: checks everything and suggests fixes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import typer

from loom.api.profile_commands import Diagnose
from loom.api.profiles import NodeOptions
from loom.cli import terminal
from loom.cli.opening import Caller
from loom.cli.options import add_commands
from loom.cli.output import CheckLine, has_unicode, sign
from loom.cli.passphrase import has_source, read_passphrase
from loom.config import configured_proxy, paths_of
from loom.errors import LoomError, NodeNotRunning, NoProfile, ProfileDamaged, ProfileNotChosen
from loom.front.sentences import on_command_line, shell_word
from loom.printable import printable

PANEL = "Profiles"
LIBRARIES = (
    "argon2", "cryptography", "mnemonic", "msgspec", "platformdirs", "python_socks", "rich",
    "segno", "sqlcipher3", "textual", "typer", "zeroconf",
)  # fmt: skip
CLOCK_SANE_FROM_S = 1_767_225_600
"""2026-01-01: before this Loom was written."""
CLOCK_SANE_UNTIL_S = 4_102_444_800
"""2100-01-01."""


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        PANEL,
        (
            "doctor",
            doctor,
            "Check everything and suggest fixes.",
        ),
    )


def doctor(context: typer.Context) -> None:
    caller = Caller.of(context)
    checks: list[CheckLine] = []

    def report(check: CheckLine) -> None:
        checks.append(check)
        words = f"{sign('ok' if check.ok else 'bad'):<2} {check.name}: {check.found}"
        caller.output.put(check, printable(words))
        if check.advice and not caller.options.json:
            caller.output.line(printable(f"   {check.advice}"))

    if caller.host is None:
        for check in _machine():
            report(check)
        for check in _files(caller):
            report(check)

    async def work() -> None:
        seen = {check.name for check in checks}
        for check in await _profile(caller):
            if check.name not in seen:
                report(check)

    caller.run(work())
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _machine() -> Iterator[CheckLine]:
    """What is true before any profile."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield CheckLine(
        name="python",
        ok=sys.version_info >= (3, 11),
        found=version,
        advice="" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer.",
    )
    known = sys.platform in ("linux", "darwin")
    windows = sys.platform in ("win32", "cygwin")
    yield CheckLine(
        name="platform",
        ok=known,
        found=sys.platform,
        advice="" if known else _PLATFORM_ADVICE[windows],
    )
    utf8 = has_unicode(sys.stdout)
    yield CheckLine(
        name="text",
        ok=True,
        found=f"standard output is {sys.stdout.encoding}",
        advice="" if utf8 else "Signs are shown in ASCII; set a UTF-8 locale for the real ones.",
    )
    missing = [library for library in LIBRARIES if find_spec(library) is None]
    yield CheckLine(
        name="libraries",
        ok=not missing,
        found=f"missing: {', '.join(missing)}" if missing else "all present",
        advice="Install Loom again with its dependencies." if missing else "",
    )
    now_s = time.time()
    sane = CLOCK_SANE_FROM_S < now_s < CLOCK_SANE_UNTIL_S
    yield CheckLine(
        name="clock",
        ok=sane,
        found=time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(now_s)),
        advice="" if sane else "Set the clock: contacts accept it only when right to a day.",
    )
    if "TMUX" in os.environ and shutil.which("tmux"):
        yield _tmux("focus-events", "on", "read receipts then know when you look")
        yield _tmux("extended-keys", "on", "Shift-Enter then makes a new line")


_PLATFORM_ADVICE = {
    True: "Loom runs on Windows inside WSL: install it there.",
    False: "Loom is made for Linux and macOS; this system is untested.",
}


def _tmux(option: str, wanted: str, reason: str) -> CheckLine:
    """An option of the tmux that this runs in; a hint, never a failure."""
    try:
        shown = subprocess.run(  # noqa: S603
            ["tmux", "show-options", "-gqv", option],  # noqa: S607 - the user's own tmux
            capture_output=True, text=True, timeout=5, check=False,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        shown = ""
    good = shown in (wanted, "always")
    advice = "" if good else f"Put `set -g {option} {wanted}` in ~/.tmux.conf: {reason}."
    return CheckLine(name=f"tmux {option}", ok=True, found=shown or "unknown", advice=advice)


def _files(caller: Caller) -> Iterator[CheckLine]:
    """The folders and every profile's files."""
    home = caller.home
    for name, folder in (("home", home.data), ("log folder", home.state)):
        if folder.exists():
            yield _private(name, folder)
    infos = caller.profiles.list_profiles()
    if not infos:
        advice = "Create one with `loom init --name NAME`."
        yield CheckLine(name="profiles", ok=True, found="none yet", advice=advice)
    for info in infos:
        paths = paths_of(home, info.profile)
        yield _private(f"profile {info.profile}", paths.folder)
        for file in (paths.keyslot, paths.database):
            if file.exists():
                yield _private(f"{info.profile}/{file.name}", file)
            else:
                yield CheckLine(
                    name=f"{info.profile}/{file.name}",
                    ok=False,
                    found="missing",
                    advice=on_command_line(ProfileDamaged(what="missing"))[1],
                )


def _private(name: str, path: Path) -> CheckLine:
    """Whether a file or folder is ours and nobody else's."""
    try:
        found = path.stat()
    except OSError as error:
        return CheckLine(
            name=name, ok=False, found=f"{path}: {error.strerror}", advice="Check its owner."
        )
    if found.st_uid != os.geteuid():
        advice = f"Give it back: `chown -R $USER {shell_word(str(path))}`."
        return CheckLine(name=name, ok=False, found=f"{path} is another user's", advice=advice)
    if found.st_mode & 0o077:
        advice = f"Close it: `chmod go= {shell_word(str(path))}`."
        return CheckLine(name=name, ok=False, found=f"{path} is open to others", advice=advice)
    return CheckLine(name=name, ok=True, found=f"{path}, private")


async def _profile(caller: Caller) -> list[CheckLine]:
    """What the node says of itself, or the profile opened for this."""
    try:
        profile = caller.profile
    except NoProfile:
        return []
    except ProfileNotChosen as error:
        return [
            CheckLine(name="node", ok=True, found="not checked", advice=on_command_line(error)[1])
        ]
    except LoomError as error:
        return [_failed("profile", error)]
    try:
        try:
            client = await caller.profiles.attach(profile)
        except NodeNotRunning:
            if caller.host is not None:
                raise
            if not (has_source(caller.settings) or terminal.has_terminal()):
                advice = "Give the passphrase (--passphrase-file) to have the database checked."
                return [CheckLine(name="node", ok=True, found="not running", advice=advice)]
            proxy = configured_proxy(caller.settings, caller.home)
            passphrase = read_passphrase(caller.settings)
            client = await caller.unlock(
                passphrase, NodeOptions(online=False, serve=False, proxy=proxy)
            )
        try:
            diagnosis = await client.send(Diagnose())
        finally:
            await client.close()
    except LoomError as error:
        return [_failed("node", error)]
    return [
        CheckLine(name=check.name, ok=check.ok, found=check.found, advice=check.advice)
        for check in diagnosis.checks
    ]


def _failed(name: str, error: LoomError) -> CheckLine:
    message, advice = on_command_line(error)
    return CheckLine(name=name, ok=False, found=message, advice=advice)
