"""The files and variables that a person writes by hand: config, theme, environment."""

import tempfile
from pathlib import Path

from fuzz.draw import Draw
from fuzz.target import Target
from loom.config import choose_profile, home_of, paths_of, read_settings
from loom.errors import InvalidInput, LoomError
from loom.tui.keys import Keys
from loom.tui.settings import TEMPLATE, read_app_settings, read_or_default
from loom.tui.themes import load_theme

_FOLDER = tempfile.TemporaryDirectory(prefix="loom-fuzz-")
_HOME = Path(_FOLDER.name)
_THEMES = _HOME / "themes"
_THEMES.mkdir()
_TEMPLATE = TEMPLATE.encode()
_THEME = b'them = "bold magenta"\ntext = "#d8dee9 on #1d2128"\nnew = "red"\n'
_VARIABLES = ("LOOM_HOME", "LOOM_PROFILE", "LOOM_PASSPHRASE_FILE", "LOOM_MDNS_INTERFACE")


def run(data: bytes) -> None:
    """A file that is not what the template shows is an InvalidInput, and the defaults hold."""
    draw = Draw(data)
    match draw.number(5):
        case 0:
            _config(draw.rest())
        case 1:
            _config(draw.edited(_TEMPLATE))
        case 2:
            lines = [b"theme", b"keys", b"notify", b"lock_after_min", b"bind", b"[bind]\nquit"]
            body = b"".join(b"%b = %b\n" % (draw.choice(lines), draw.some()) for _ in range(4))
            _config(body)
        case 3:
            _theme(draw.edited(_THEME) if draw.flag() else draw.rest())
        case _:
            _environment(draw)


def _config(text: bytes) -> None:
    (_HOME / "config.toml").write_bytes(text)
    try:
        settings = read_app_settings(_HOME)
    except InvalidInput as error:
        str(error)
    else:
        assert 0 <= settings.lock_after_min <= 10_080
    used, why = read_or_default(_HOME)
    Keys(used.keys, used.bind)
    assert used == read_app_settings(_HOME) if not why else used.theme == "terminal"


def _theme(text: bytes) -> None:
    (_THEMES / "own.toml").write_bytes(text)
    try:
        load_theme("own", _THEMES)
    except InvalidInput as error:
        str(error)


def _environment(draw: Draw) -> None:
    values = {
        name: draw.some().replace(b"\0", b"").decode("utf-8", "surrogateescape")
        for name in _VARIABLES
    }
    try:
        settings = read_settings(values)
        home = home_of(settings)
        assert home.data.is_absolute()
        profile = choose_profile(settings, [settings.profile or "work"])
        assert paths_of(home, profile).folder.parent == home.profiles
    except LoomError as error:
        str(error)


TARGET = Target(
    run=run,
    seeds=(
        b"\1",
        b"\0" + _TEMPLATE,
        b'\0theme = "dark"\nbind = {quit = ["ctrl+q"]}\n',
        b"\0lock_after_min = 99999999999999999999",
        b"\0theme = 1979-05-27T07:32:00Z",
        b"\2\3\x02-1\0\0\0\0\0\0",
        b"\3\1",
        b"\3\0" + _THEME,
        b"\3\0them = 1\n[x]\ny=1",
        b"\4\x08~x/y~/..\3a-b",
        b"\4\4/tmp\6../etc",
    ),
    max_bytes=4_096,
    executions=400,
)
