"""docs/CLI.md lists every command, option, type and field, and nothing else."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer.main

from loom import errors
from loom.api import backup_views, events, room_views
from loom.api.anchor_views import AccountsView, Anchors, MailFileView
from loom.api.contact_views import Connectivity, Contacts, Peers
from loom.api.conversation_views import Arrivals, Drafts, Preferences
from loom.api.invite_views import Invites, Requests
from loom.api.message_views import Messages
from loom.api.profile_views import Diagnosis, LogLines
from loom.api.view import View
from loom.api.views import AnyView
from loom.cli import output
from loom.cli.opening import ATTACHING
from loom.cli.options import GLOBAL_NAMES
from loom.cli.root import app
from loom.front import signs
from loom.model import MessageState

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "CLI.md").read_text()
LISTS = {
    Messages,
    AccountsView,
    Anchors,
    MailFileView,
    Contacts,
    Invites,
    Requests,
    Peers,
    Connectivity,
    LogLines,
    Diagnosis,
    Arrivals,
    Drafts,
    Preferences,
    backup_views.Unsent,
    room_views.Rooms,
    room_views.Members,
    room_views.Posts,
    room_views.RoomDrafts,
    room_views.Statements,
}
"""Answers that cross the control socket whole; standard output gets their parts or nothing."""


def kinds() -> Iterator[type[msgspec.Struct]]:
    """Every type that `--json` prints."""
    yield from (kind for kind in typing.get_args(AnyView) if kind not in LISTS)
    worded = (events.Warned, events.PairingFailed)  # printed with the sentence of their code
    yield from (kind for kind in typing.get_args(events.AnyEvent) if kind not in worded)
    for kind in vars(output).values():
        is_own = getattr(kind, "__module__", "") == output.__name__
        if is_own and isinstance(kind, type) and issubclass(kind, View | events.Event):
            yield kind


def test_every_type_and_field_is_listed() -> None:
    listed = {
        row[1]: re.findall(r"`(\w+)`", row[2])
        for row in re.finditer(r"^\| `([a-z_.]+)` \| ([^|]*) \|", DOCUMENT, re.MULTILINE)
    }
    real = {
        str(kind.__struct_config__.tag): [f for f in kind.__struct_fields__ if f != "v"]
        for kind in kinds()
    }
    assert listed == real


def commands() -> Iterator[tuple[str, set[str]]]:
    """Every command's path and its own options."""

    def walk(command: typing.Any, path: str) -> Iterator[tuple[str, set[str]]]:
        if children := getattr(command, "commands", None):
            for name, child in children.items():
                yield from walk(child, f"{path} {name}")
            return
        options = {
            option
            for parameter in command.params
            if parameter.param_type_name == "option" and parameter.name not in GLOBAL_NAMES
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        yield path, options

    yield from walk(typer.main.get_command(app), "loom")


def test_every_command_and_option_is_listed() -> None:
    rows = re.findall(r"^\| `(loom [^`]*)` \|", DOCUMENT, re.MULTILINE)
    listed = {}
    for row in rows:
        path = re.match(r"loom( [a-z][a-z-]*)+", row)
        assert path is not None
        listed[path[0]] = set(re.findall(r"(?<![\w-])(--[a-z0-9-]+|-[a-z])\b", row))
    assert listed == dict(commands())


def test_what_works_with_another_machine_is_listed() -> None:
    """A group, like `contacts`, stands for all its commands."""
    [words] = re.findall(r"^- It works with (.*)\. Every other command", DOCUMENT, re.MULTILINE)
    listed = {f"loom {one}" for one in re.findall(r"`([a-z -]+)`", words)}
    groups = {"loom contacts", "loom invites", "loom requests", "loom files"}
    assert ATTACHING - {"loom"} <= {path for path, _ in commands()} | groups
    for one in ATTACHING - {"loom"}:
        assert one in listed or one.rpartition(" ")[0] in listed, one
    for one in listed:
        assert any(f"{known} ".startswith(f"{one} ") for known in ATTACHING), one


def test_every_global_option_is_listed() -> None:
    root = typer.main.get_command(app)
    for parameter in root.params:
        if parameter.name in GLOBAL_NAMES:
            for option in parameter.opts:
                assert f"`{option}" in DOCUMENT


def test_every_error_is_listed_under_its_exit_code() -> None:
    rows = re.findall(r"^\| (\d) \| ((?:`[a-z_]+`(?:, )?)+) \|$", DOCUMENT, re.MULTILINE)
    listed = {(int(number), code) for number, codes in rows for code in codes.split("`")[1::2]}
    assert listed == {(kind.exit_code, kind.code) for kind in errors.kinds()}


def test_every_sign_is_listed() -> None:
    for name in (*MessageState, "online", "offline", "to", "ok", "bad"):
        for unicode in (True, False):
            assert signs.Signs(unicode)[name] in DOCUMENT


def test_no_command_hides_another_one_of_its_name() -> None:
    groups = [app, *(one.typer_instance for one in app.registered_groups)]
    for group in groups:
        names = [one.name for one in (group.registered_commands if group else ())]
        assert sorted(set(map(str, names))) == sorted(map(str, names))
