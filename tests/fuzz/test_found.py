"""What fuzzing found, each as its own test; the inputs are in fuzz/corpus."""

from pathlib import Path

import pytest

from loom.config import read_settings
from loom.control.lines import decode_answer, error_of
from loom.errors import InvalidInput, LoomError
from loom.front.sentences import on_command_line
from loom.printable import printable
from loom.tui.settings import MEANINGS, AppSettings, read_app_settings, read_or_default
from loom.tui.themes import load_theme


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada🏽\u200d\ufe0f", "Ada🏽"),
        ("👨\u200d\ufe0e", "👨"),
        ("\x07\u200d\ufe0f", "\ufffd"),
        ("क\u0301\u0301\u0301\u0301\u200d\u094d", "क\u0301\u0301\u0301\u0301"),
    ],
)
def test_no_joiner_stays_behind_when_its_neighbour_is_dropped(text: str, shown: str) -> None:
    """A name that ends in something invisible looks like another."""
    assert printable(text) == shown
    assert printable(shown) == shown


def test_an_error_over_the_socket_may_name_any_fact() -> None:
    line = b'{"id":1,"error":{"code":"not_found","facts":{"self":1,"what":"It"}}}'
    failure = decode_answer(line).error
    assert failure is not None
    error = error_of(failure)
    assert isinstance(error, LoomError)
    assert on_command_line(error)[0] == "It was not found."


@pytest.mark.parametrize("nested", ["a = " + "[" * 5_000, "bind = " + "{a=" * 5_000])
def test_a_config_file_nested_without_end_is_told(tmp_path: Path, nested: str) -> None:
    (tmp_path / "config.toml").write_text(nested)
    with pytest.raises(InvalidInput, match="nested too deeply"):
        read_app_settings(tmp_path)
    settings, why = read_or_default(tmp_path)
    assert settings.theme == "terminal"
    assert "nested too deeply" in why


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keyz = 1", "config.toml: there is no setting keyz (perhaps keys was meant)."),
        ("zzz = 1", "config.toml: there is no setting zzz."),
        ("theme = 3", "config.toml: theme must be the name of a theme, in quotes."),
        ("lock_after_min = -1", "must be a number of minutes from 0 to 10080."),
        ('notify = "loud"', 'notify must be "full" or "sender" or "nothing".'),
        ('[bind]\nquit = "x"', "bind must be a list of keys in quotes for each action"),
        ("a = = 3", "config.toml is not TOML: Invalid value (at line 1, column 5)."),
    ],
)
def test_a_config_file_is_corrected_in_plain_words(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    settings, why = read_or_default(tmp_path)
    assert settings == AppSettings()
    assert said in why
    assert "loom --help" not in why
    assert why.endswith("The default settings are used.")


def test_each_setting_says_what_it_must_be() -> None:
    assert set(MEANINGS) == set(AppSettings.__struct_fields__)


def test_a_theme_nested_without_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("them = " + "[" * 5_000)
    with pytest.raises(InvalidInput, match="theme own cannot be read"):
        load_theme("own", tmp_path)


def test_a_home_of_nobody_is_told() -> None:
    with pytest.raises(InvalidInput, match="the home folder of an unknown user"):
        read_settings({"LOOM_HOME": "~nobody-has-this-name/loom"})


def test_an_error_that_lacks_the_name_of_a_command_still_has_words() -> None:
    line = b'{"id":1,"error":{"code":"identity_changed"}}'
    failure = decode_answer(line).error
    assert failure is not None
    assert "`loom verify '?'`" in on_command_line(error_of(failure))[1]
