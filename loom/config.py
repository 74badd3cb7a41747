"""Where things are and what the environment chooses; nothing here reads a secret."""

import os
import re
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from loom.errors import (
    InvalidInput,
    InvalidName,
    NoProfile,
    ProfileNotChosen,
    ProfileNotFound,
    StoreUnavailable,
)

PROFILE_NAME_MAX = 64
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
    if passphrase_file is not None:
        passphrase_file = without_tilde(passphrase_file)
    return Settings(
        home=folder,
        profile=profile or environment.get("LOOM_PROFILE") or None,
        passphrase_file=passphrase_file if by_hand else path("LOOM_PASSPHRASE_FILE"),
        passphrase_fd=passphrase_fd,
        passphrase_command=None if by_hand else environment.get("LOOM_PASSPHRASE_COMMAND") or None,
        mdns_interface=environment.get("LOOM_MDNS_INTERFACE") or None,
        remote_command=environment.get("LOOM_REMOTE_COMMAND") or None,
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
    def log(self) -> Path:
        """What commands without a profile log."""
        return self.state / "loom.log"


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one profile."""

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


def paths_of(home: Home, profile: str) -> Paths:
    """The files of a profile. Creates nothing.

    Raises:
        InvalidName: not a profile's name, so not a folder's either.
    """
    check_profile_name(profile)
    return Paths(profile=profile, folder=home.profiles / profile, log=home.state / f"{profile}.log")


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
