"""Where things are and what the environment chooses; nothing here reads a secret."""

import os
import re
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from loom.addresses import parse_address
from loom.errors import (
    InvalidAddress,
    InvalidInput,
    InvalidName,
    NoProfile,
    ProfileNotChosen,
    ProfileNotFound,
    StoreUnavailable,
)
from loom.model import Address
from loom.printable import printable

CONFIG_FILE: Final = "config.toml"
PROXY_EXAMPLE: Final = "socks5://127.0.0.1:9050"
WAYS: Final = ("keyring", "fido2")
"""What may unlock a profile besides its passphrase, in the order in which it is tried."""
CREDENTIAL: Final = "loom.passphrase"
"""The systemd credential that holds a passphrase (systemd.exec(5))."""
PROFILE_NAME_MAX = 64
_BUILDING = re.compile(r"\.[0-9a-f]{8}")
_PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller and the environment chose; None: nothing."""

    home: Path | None = None
    profile: str | None = None
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None
    passphrase_command: str | None = None
    """Split like a shell would, run without one; its standard output is the passphrase."""
    mdns_interface: str | None = None
    remote_command: str | None = None
    """What the shell of another machine runs as `loom`."""
    proxy: str | None = None
    """As in the config file, before which it counts."""


class NetworkSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `network` of the config file."""

    proxy: str = ""
    """`socks5://HOST:PORT`; empty: none."""


class MediaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `media` of the config file."""

    unconfined: bool = False
    """Whether pictures and sound are decoded where the decoder cannot be locked in."""


def read_settings(
    environment: Mapping[str, str],
    *,
    home: Path | None = None,
    profile: str | None = None,
    passphrase_file: Path | None = None,
    passphrase_fd: int | None = None,
) -> Settings:
    """The environment's settings under those given by hand; an empty variable is none.

    Raises:
        InvalidInput: a path begins with `~` and the name of nobody here.
    """

    def path(name: str) -> Path | None:
        value = environment.get(name)
        return without_tilde(Path(value)) if value else None

    try:
        folder = without_tilde(home) if home else path("LOOM_HOME")
        folder = None if folder is None else folder.absolute()
    except OSError as error:
        raise InvalidInput(
            what="The current folder is gone: go to another one, or give --home as a full path"
        ) from error
    by_hand = passphrase_file is not None or passphrase_fd is not None
    command = environment.get("LOOM_PASSPHRASE_COMMAND") or None
    chosen = path("LOOM_PASSPHRASE_FILE")
    if chosen is None and command is None and (folder_of := path("CREDENTIALS_DIRECTORY")):
        credential = folder_of / CREDENTIAL
        chosen = credential if credential.is_file() else None
    if passphrase_file is not None:
        passphrase_file = without_tilde(passphrase_file)
    return Settings(
        home=folder,
        profile=profile or environment.get("LOOM_PROFILE") or None,
        passphrase_file=passphrase_file if by_hand else chosen,
        passphrase_fd=passphrase_fd,
        passphrase_command=None if by_hand else command,
        mdns_interface=environment.get("LOOM_MDNS_INTERFACE") or None,
        remote_command=environment.get("LOOM_REMOTE_COMMAND") or None,
        proxy=environment.get("LOOM_PROXY") or None,
    )


def without_tilde(path: Path) -> Path:
    """`~/x` and `~user/x` as the folder that they name; a shell leaves `--home=~/x` as it is.

    Raises:
        InvalidInput: there is no such user, or this one has no home.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InvalidInput(what=f"{path} begins with the home folder of an unknown user") from error


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The three folders of one user, and what lies in them for every profile."""

    data: Path
    config: Path
    state: Path

    @property
    def profiles(self) -> Path:
        """One folder per profile."""
        return self.data / "profiles"

    @property
    def anchors(self) -> Path:
        """One folder per anchor that runs on this machine."""
        return self.data / "anchors"

    @property
    def log(self) -> Path:
        """What commands without a profile log."""
        return self.state / "loom.log"


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one profile, or of one anchor."""

    profile: str
    folder: Path
    log: Path

    @property
    def keyslot(self) -> Path:
        """The wrapped vault key."""
        return self.folder / "vault.key"

    @property
    def database(self) -> Path:
        """The encrypted database."""
        return self.folder / "loom.db"

    @property
    def files(self) -> Path:
        """The sealed contents of files; may not be there."""
        return self.folder / "files"

    @property
    def moving(self) -> Path:
        """Where a profile from another machine is made, beside its place; may not be there."""
        return self.folder.with_name(f".{self.profile}.move")

    def building(self, digits: str) -> Path:
        """Where one is made, beside its place; `digits`: 8, hexadecimal, others each time."""
        return self.folder.with_name(f".{self.profile}.{digits}")

    def buildings(self) -> list[Path]:
        """All of these that are there: one is made there, or its process was killed."""
        found = self.folder.parent.glob(f".{self.profile}.*")
        return sorted(one for one in found if _BUILDING.fullmatch(one.suffix))

    @property
    def moving_lock(self) -> Path:
        """Held by the process that receives it; the folder may be deleted and made again."""
        return self.folder.with_name(f".{self.profile}.move-lock")

    @property
    def lock(self) -> Path:
        """Held by the process that has the profile open."""
        return self.folder / "lock"

    @property
    def socket(self) -> Path:
        """Served by that process. Every environment that finds the profile finds it here."""
        return self.folder / "control.sock"


def home_of(settings: Settings) -> Home:
    """The XDG folders, or everything under `settings.home`. Creates nothing.

    Raises:
        InvalidInput: the system knows no home folder of this user.
    """
    if settings.home is not None:
        home = settings.home
        return Home(data=home, config=home / "config", state=home / "state")
    import platformdirs

    try:
        return Home(
            data=platformdirs.user_data_path("loom"),
            config=platformdirs.user_config_path("loom"),
            state=platformdirs.user_state_path("loom"),
        )
    except RuntimeError as error:
        what = "This user has no home folder; name a folder with --home or LOOM_HOME"
        raise InvalidInput(what=what) from error


def read_config(folder: Path) -> dict[str, Any]:
    """The config file's table; empty where there is no file.

    Raises:
        InvalidInput: it is not TOML.
    """
    try:
        text = (folder / CONFIG_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(what=f"{CONFIG_FILE} cannot be read") from error
    import tomllib  # most have no such file, and start faster

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(what=f"{CONFIG_FILE} is not TOML: {error}") from error
    except RecursionError as error:
        raise InvalidInput(what=f"{CONFIG_FILE} is nested too deeply") from error


def configured_proxy(settings: Settings, home: Home) -> Address | None:
    """The proxy that LOOM_PROXY names, else the config file; None: none.

    Raises:
        InvalidInput: one of them is wrong. Nothing may be dialled then: a proxy was meant.
    """
    if settings.proxy is not None:
        return parse_proxy(settings.proxy, "LOOM_PROXY")
    table = read_config(home.config).get("network", {})
    try:
        proxy = msgspec.convert(table, NetworkSettings).proxy
    except msgspec.ValidationError as error:
        what = f'{CONFIG_FILE}: under [network] only proxy = "{PROXY_EXAMPLE}" can be set'
        raise InvalidInput(what=what) from error
    return parse_proxy(proxy, f"{CONFIG_FILE}: proxy") if proxy else None


def decodes_unconfined(home: Home) -> bool:
    """Whether the config file allows decoding where the decoder cannot be locked in.

    Raises:
        InvalidInput: the file, or what it says of media, is wrong.
    """
    table = read_config(home.config).get("media", {})
    try:
        return msgspec.convert(table, MediaSettings).unconfined
    except msgspec.ValidationError as error:
        what = f"{CONFIG_FILE}: under [media] only unconfined = true or false can be set"
        raise InvalidInput(what=what) from error


def parse_proxy(text: str, where: str) -> Address:
    """The address in `socks5://HOST:PORT`; `socks5h` is the same, as the proxy looks names up.

    Raises:
        InvalidInput: it is something else; `where` says what to change.
    """
    scheme, separator, rest = text.strip().rstrip("/").partition("://")
    if "@" in rest:
        what = f"{where} must be without a user name: Loom gives each contact one of its own"
        raise InvalidInput(what=what)
    is_socks = bool(separator) and scheme.lower() in ("socks5", "socks5h")
    with suppress(InvalidAddress):
        address = parse_address(rest)
        if is_socks and address.port:
            return address
    what = f"{where} must be socks5://HOST:PORT, as {PROXY_EXAMPLE}, not {printable(text)[:64]}"
    raise InvalidInput(what=what)


def paths_of(home: Home, profile: str) -> Paths:
    """The files of a profile. Creates nothing.

    Raises:
        InvalidName: not a profile's name, so not a folder's either.
    """
    check_profile_name(profile)
    return Paths(profile=profile, folder=home.profiles / profile, log=home.state / f"{profile}.log")


def anchor_paths_of(home: Home, anchor: str) -> Paths:
    """The files of an anchor. Creates nothing.

    Raises:
        InvalidName: not a folder's name.
    """
    check_profile_name(anchor)
    log = home.state / f"anchor-{anchor}.log"
    return Paths(profile=anchor, folder=home.anchors / anchor, log=log)


def anchor_limits_of(home: Home, anchor: str) -> Path:
    """The file that says how much an anchor lets others use."""
    return home.config / "anchors" / f"{anchor}.toml"


def is_profile_name(profile: str) -> bool:
    """Lower-case letters, digits and inner hyphens, 64 at most."""
    return len(profile) <= PROFILE_NAME_MAX and _PROFILE_NAME.fullmatch(profile) is not None


def check_profile_name(profile: str) -> None:
    """Raises InvalidName unless it is one."""
    if not is_profile_name(profile):
        raise InvalidName(
            reason="a profile's name has lower-case letters a to z, digits and hyphens"
        )


def profile_name_for(name: str) -> str:
    """The folder's name for a person's display name: `Ada Lovelace` becomes `ada-lovelace`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:PROFILE_NAME_MAX].strip("-")
    return slug or "profile"


def choose_profile(settings: Settings, existing: Sequence[str]) -> str:
    """The profile that was named, else the only one there is.

    Raises:
        ProfileNotFound, NoProfile: none of that name; none at all.
        ProfileNotChosen: several, and none was named.
    """
    if settings.profile is not None:
        check_profile_name(settings.profile)
        if settings.profile not in existing:
            raise ProfileNotFound(profile=settings.profile)
        return settings.profile
    if not existing:
        raise NoProfile
    if len(existing) > 1:
        raise ProfileNotChosen(profiles=", ".join(existing))
    return existing[0]


def private_folder(path: Path) -> Path:
    """`path` as a folder that is ours and open to nobody else (0700); made when missing.

    Raises:
        StoreUnavailable: it is another user's, a link, a file, or cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(what=f"{path}: {error.strerror}") from error
    return own_folder(path)


def own_folder(path: Path) -> Path:
    """An existing `path` as a folder that is ours; it is closed to everybody else (0700).

    Raises:
        StoreUnavailable: it is another user's, a link, a file, or not there.
    """
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise StoreUnavailable(what=f"{path} is not a folder")
        if found.st_uid != os.geteuid():
            raise StoreUnavailable(what=f"{path} belongs to another user")
        if found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise StoreUnavailable(what=f"{path}: {error.strerror}") from error
    return path
