"""Global options work before and after the command; `--` ends them."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.core import TyperOption

from loom.cli.options import Group
from loom.cli.root import MODULE_OF
from loom.cli.values import PlainValues
from loom.config import home_of, read_settings
from tests.cli.conftest import Loom, objects
from tests.fakes import FakeProfiles


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "-p", "work", "contacts", "list"),
        ("contacts", "--json", "-p", "work", "list"),
        ("contacts", "list", "--json", "-p", "work"),
        ("contacts", "list", "--json", "-pwork"),
        ("contacts", "-p", "work", "--json"),
        ("-p", "other", "contacts", "list", "--json", "--profile=work"),
    ],
)
def test_globals_stand_anywhere(
    loom: Loom, profiles: FakeProfiles, arguments: tuple[str, ...]
) -> None:
    profiles.add("other")
    profiles.add("work").add("Bob")
    result = loom(*arguments)
    assert result.exit_code == 0, result.output
    assert [line["contact"] for line in objects(result)] == ["Bob"]


@pytest.mark.parametrize("text", ["-p", "--json", "--home=x", "--", "-", "-hello", "--help"])
def test_after_two_dashes_everything_is_text(loom: Loom, profiles: FakeProfiles, text: str) -> None:
    node = profiles.add()
    node.add("Bob")
    result = loom("send", "Bob", "--", text, input="from stdin")
    assert result.exit_code == 0, result.output
    assert node.messages[-1].body == ("from stdin" if text == "-" else text)
    assert not result.stdout.startswith("{")


def test_an_options_value_is_never_taken_for_a_global(loom: Loom, profiles: FakeProfiles) -> None:
    node = profiles.add()
    node.add("Bob")
    result = loom("token", "import", "LOOM-X", "--name", "--json")
    assert result.exit_code == 0, result.output
    assert "--json" in node.contacts
    assert not result.stdout.startswith("{")


def test_the_home_is_the_one_that_was_named(loom: Loom, tmp_path: Path) -> None:
    result = loom("contacts", "--home", str(tmp_path / "elsewhere"), "--json")
    assert result.exit_code == 4
    assert home_of(read_settings({}, home=tmp_path / "x")).data == tmp_path / "x"


def test_a_tilde_in_a_path_is_the_home_folder(
    loom: Loom, profiles: FakeProfiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell expands it in `--out=~/x`."""
    profiles.add()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert loom("token", "export", "--home=~/h", "--out=~/token").exit_code == 0
    assert (tmp_path / "token").exists()
    assert not (tmp_path / "~").exists()
    refused = loom("token", "export", "--out=~nobody-of-that-name/token")
    assert refused.exit_code == 2
    assert "unknown user" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("nope",), ("send",), ("send", "Bob"), ("send", "Bob", "hi", "there"), ("send", "--x"),
     ("history", "Bob", "-n", "many"), ("history", "Bob", "-n", "0"), ("token",),
     ("init",), ("send", "Bob", "hi", "--wait", "-1"), ("contacts", "nope"), ("-p",)],
)  # fmt: skip
def test_what_is_no_command_is_exit_2(loom: Loom, arguments: tuple[str, ...]) -> None:
    result = loom(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    result = loom("--json", *arguments)
    assert result.exit_code == 2
    if len(arguments) != 0 and arguments != ("token",):
        (line,) = objects(result)
        assert (line["type"], line["code"], line["exit"]) == ("error", "usage", 2)
        assert line["message"]
        assert "--help" in line["advice"]


def test_an_argument_that_is_no_text_is_refused(loom: Loom, profiles: FakeProfiles) -> None:
    profiles.add().add("Bob")
    result = loom("send", "Bob", "caf\udce9", "--json")
    assert result.exit_code == 2
    assert objects(result)[0]["code"] == "invalid_input"


def test_version_and_help(loom: Loom) -> None:
    assert loom("--json", "--version").exit_code == 0
    for command in ("send", "history", "daemon", "token", "contacts", "passphrase", "demo"):
        assert loom(command, "--help").exit_code == 0


def test_every_command_is_where_the_table_says() -> None:
    for module in set(MODULE_OF.values()):
        some = typer.Typer(cls=Group)
        import_module(f"loom.cli.{module}").add_to(some)
        built = set(typer.main.get_group(some).commands)
        assert built == {name for name, of in MODULE_OF.items() if of == module}


VALUES = ("", "x", "0", "1", "-1", " 7 ", "1_000", "1.5", "1e3", "nan", "inf", "9" * 25, "~/x")


@pytest.mark.parametrize("kind", [str, int, float, Path])
@pytest.mark.parametrize("low", [None, 1])
def test_values_are_what_typer_makes_of_them(kind: type, low: int | None) -> None:
    """Only without pydantic, which is slow to import."""
    ends = typer.Option(min=low) if kind in (int, float) else typer.Option()

    def command(value: Annotated[kind, ends] = None) -> None:  # type: ignore[valid-type]
        """Nothing."""

    some = typer.Typer()
    some.command()(command)
    built = typer.main.get_command(some)
    (option,) = (
        one for one in built.params if isinstance(one, TyperOption) and one.name == "value"
    )
    context = typer.Context(built)
    for text in VALUES:
        made = [
            outcome(values.coerce, text, option, context)
            for values in (PlainValues(), option.get_runtime_param())
        ]
        assert repr(made[0]) == repr(made[1]), text


def outcome(coerce: Callable[..., object], text: str, option: object, context: object) -> object:
    try:
        return coerce(text, param=option, ctx=context)
    except typer.BadParameter as error:
        return error.format_message()
