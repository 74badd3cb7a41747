"""The config file of the app: TOML with comments, which changing a value leaves alone."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from loom.config import CONFIG_FILE, PROXY_EXAMPLE, MediaSettings, NetworkSettings, read_config
from loom.durable import replace_durably
from loom.errors import InvalidInput, LoomError, StoreUnavailable
from loom.front.sentences import in_app
from loom.printable import printable
from loom.tui.keys import Keys
from loom.tui.notices import Level, Way
from loom.tui.themes import load_theme

THEMES: Final = "themes"
TEMPLATE: Final = """\
# Loom's terminal app. /settings changes this file too.

# "terminal" uses the terminal's own 16 colours; "dark" and "light" paint their background.
# themes/NAME.toml beside this file adds NAME: roles of text with their style, for example
#   them = "bold magenta"
theme = "terminal"

# "default", "emacs", "vi" or "minimal"; F1 shows them.
keys = "default"

# Whether *emphasis*, **strong emphasis**, `code` and blocks of code look like it. No character is
# hidden either way.
formatting = true

# Pictures: "auto" (pixels where the terminal draws them, half blocks elsewhere and over SSH),
# "sharp" (pixels over SSH, too), "blocks" (half blocks only) or "off" (none between the messages).
pictures = "auto"

# Minutes without a key or a click after which the profile is locked; 0 is never.
lock_after_min = 15

# What a notification shows: "full" (name and message), "sender" (name only) or "nothing" (there is
# none). Muted contacts notify about nothing.
notify = "sender"

# Whether the bell rings with it.
bell = true

# How the terminal is notified: "osc9", "osc777" or only the "bell"; "auto" goes by the terminal.
# Inside tmux the first two need: set -g allow-passthrough on
notify_by = "auto"

# Dial everything outside this machine's own networks through a SOCKS 5 proxy, such as Tor, from the
# next start on.
[network]
# proxy = "socks5://127.0.0.1:9050"

# Decode pictures and voice notes even where the system cannot lock the decoder in.
[media]
# unconfined = true

# Other keys for single actions. An empty list takes the keys away.
#   search_here = ["ctrl+s"]
[bind]
"""


Pictures = Literal["auto", "sharp", "blocks", "off"]


class AppSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file says."""

    theme: str = "terminal"
    keys: str = "default"
    formatting: bool = True
    pictures: Pictures = "auto"
    notify: Level = Level.SENDER
    bell: bool = True
    notify_by: Way = Way.AUTO
    lock_after_min: Annotated[int, msgspec.Meta(ge=0, le=10_080)] = 15
    bind: dict[str, list[str]] = msgspec.field(default_factory=dict)
    network: NetworkSettings = NetworkSettings()
    media: MediaSettings = MediaSettings()


MEANINGS: Final = {
    "theme": "the name of a theme, in quotes",
    "keys": '"default", "emacs", "vi" or "minimal"',
    "formatting": "true or false",
    "pictures": '"auto", "sharp", "blocks" or "off"',
    "notify": " or ".join(f'"{level}"' for level in Level),
    "bell": "true or false",
    "notify_by": " or ".join(f'"{way}"' for way in Way),
    "lock_after_min": "a number of minutes from 0 to 10080",
    "bind": 'a list of keys in quotes for each action, as in search_here = ["ctrl+s"]',
    "media": "a table with unconfined = true or false, or nothing",
    "network": f'a table with proxy = "{PROXY_EXAMPLE}", or nothing',
}
"""What the value of each setting must be, for who wrote another one."""


def read_app_settings(folder: Path) -> AppSettings:
    """The file's settings; no file: the defaults.

    Raises:
        InvalidInput: it is not what the template shows.
    """
    table = read_config(folder)
    try:
        return msgspec.convert(table, AppSettings)
    except msgspec.ValidationError as error:
        raise InvalidInput(what=_wrong_value(table)) from error


def _wrong_value(table: dict[str, Any]) -> str:
    """Which setting of a table is wrong, and what would be right."""
    for name, value in table.items():
        if name not in MEANINGS:
            close = get_close_matches(name, MEANINGS, n=1)
            meant = f" (perhaps {close[0]} was meant)" if close else ""
            return f"{CONFIG_FILE}: there is no setting {printable(name)[:64]}{meant}"
        try:
            msgspec.convert({name: value}, AppSettings)
        except msgspec.ValidationError:
            return f"{CONFIG_FILE}: {name} must be {MEANINGS[name]}"
    return f"{CONFIG_FILE} cannot be read"


def read_or_default(folder: Path) -> tuple[AppSettings, str]:
    """The file's settings and, where it is wrong, the defaults and why."""
    try:
        settings = read_app_settings(folder)
        Keys(settings.keys, settings.bind)
        load_theme(settings.theme, folder / THEMES)
        return settings, ""
    except LoomError as error:
        return AppSettings(), f"{in_app(error)} The default settings are used."


def change_app_setting(folder: Path, name: str, value: str | int | bool) -> None:
    """Set one; comments and everything else stay.

    Raises:
        StoreUnavailable: the file cannot be written.
    """
    file = folder / CONFIG_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8") if file.exists() else TEMPLATE
        written = f'"{value}"' if isinstance(value, str) else str(value).lower()
        line = f"{name} = {written}"
        changed, found = re.subn(rf"(?m)^{name}\s*=.*$", line, text, count=1)
        replace_durably(file, (changed if found else f"{line}\n{text}").encode())
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailable(what=str(file)) from error
