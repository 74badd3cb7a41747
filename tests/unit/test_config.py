"""Where things are, and who chooses."""

import os
from pathlib import Path

import pytest

from loom.config import (
    Settings,
    choose_profile,
    configured_proxy,
    home_of,
    paths_of,
    private_folder,
    profile_name_for,
    read_settings,
)
from loom.errors import (
    InvalidInput,
    InvalidName,
    NoProfile,
    ProfileNotChosen,
    ProfileNotFound,
    StoreUnavailable,
)
from loom.model import Address
from loom.tui.settings import TEMPLATE


def test_everything_is_under_loom_home(tmp_path: Path) -> None:
    home = home_of(read_settings({"LOOM_HOME": str(tmp_path)}))
    paths = paths_of(home, "work")
    assert paths.folder == tmp_path / "profiles" / "work"
    assert paths.keyslot == paths.folder / "vault.key"
    assert paths.database == paths.folder / "loom.db"
    assert paths.lock == paths.folder / "lock"
    for path in (home.config, home.state, paths.socket, paths.log, home.log):
        assert path.is_relative_to(tmp_path)


def test_without_loom_home_xdg_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    home = home_of(Settings())
    if os.uname().sysname == "Linux":
        assert home.data == tmp_path / "data" / "loom"


def test_a_relative_xdg_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG specification says; a node in the background works in another folder."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "relative/folder")
    home = home_of(Settings())
    for path in (home.data, home.config, home.state):
        assert path.is_absolute()
        assert "relative" not in path.parts


def test_a_tilde_is_the_home_folder_also_where_no_shell_expanded_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/homes/ada")
    by_hand = read_settings({}, home=Path("~/x"), passphrase_file=Path("~/p"))
    assert (by_hand.home, by_hand.passphrase_file) == (Path("/homes/ada/x"), Path("/homes/ada/p"))
    assert read_settings({"LOOM_HOME": "~/x"}).home == Path("/homes/ada/x")
    with pytest.raises(InvalidInput, match="unknown user"):
        read_settings({}, home=Path("~nobody-of-that-name/x"))


def test_a_user_without_a_home_folder_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: str) -> str:
        raise RuntimeError

    monkeypatch.setattr("platformdirs.user_data_path", unknown)
    with pytest.raises(InvalidInput, match="--home"):
        home_of(Settings())


def test_no_runtime_folder_moves_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last logout it is removed, and under cron it is not set: the node goes on."""
    paths = paths_of(home_of(Settings(home=tmp_path)), "work")
    for runtime in ("/run/user/7", "relative", ""):
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        assert paths_of(home_of(Settings(home=tmp_path)), "work").socket == paths.socket
    assert paths.socket.parent == paths.folder


def test_what_is_given_by_hand_counts_more_than_the_environment(tmp_path: Path) -> None:
    environment = {
        "LOOM_HOME": "/elsewhere",
        "LOOM_PROFILE": "theirs",
        "LOOM_PASSPHRASE_FILE": "/pass",
        "LOOM_PASSPHRASE_COMMAND": "pass show loom",
    }
    settings = read_settings(environment, home=tmp_path, profile="mine", passphrase_fd=3)
    assert (settings.home, settings.profile) == (tmp_path, "mine")
    assert settings.passphrase_fd == 3
    assert settings.passphrase_file is None
    assert settings.passphrase_command is None


def test_an_empty_variable_chooses_nothing() -> None:
    assert read_settings({"LOOM_HOME": "", "LOOM_PROFILE": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("Ada", "ada"),
        ("Ada Lovelace", "ada-lovelace"),
        ("Jürgen / Büro", "jurgen-buro"),
        ("../../etc", "etc"),
        ("李", "profile"),
        ("x" * 200, "x" * 64),
    ],
)
def test_a_display_name_becomes_a_folder_name(name: str, profile: str) -> None:
    assert profile_name_for(name) == profile


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "A", "-a", "a\n", "a" * 65, "ä"])
def test_a_profile_name_never_leaves_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidName):
        paths_of(home_of(Settings(home=tmp_path)), name)


def test_the_only_profile_need_not_be_named() -> None:
    assert choose_profile(Settings(), ["work"]) == "work"
    assert choose_profile(Settings(profile="work"), ["home", "work"]) == "work"
    with pytest.raises(ProfileNotChosen):
        choose_profile(Settings(), ["home", "work"])
    with pytest.raises(ProfileNotFound):
        choose_profile(Settings(profile="other"), ["work"])
    with pytest.raises(NoProfile, match="no_profile"):
        choose_profile(Settings(), [])


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir(mode=0o755)
    assert private_folder(path).stat().st_mode & 0o777 == 0o700
    assert private_folder(tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_link_or_file_is_no_private_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(StoreUnavailable):
            private_folder(tmp_path / name)


# --- the proxy ---


def proxy(tmp_path: Path, text: str | None, **environment: str) -> Address | None:
    """What a config file and the environment say."""
    settings = read_settings({"LOOM_HOME": str(tmp_path), **environment})
    home = home_of(settings)
    if text is not None:
        home.config.mkdir(exist_ok=True)
        (home.config / "config.toml").write_text(text)
    return configured_proxy(settings, home)


def test_a_proxy_is_set_in_the_config_file_or_the_environment(tmp_path: Path) -> None:
    tor = Address("127.0.0.1", 9050)
    assert proxy(tmp_path, None) is None
    assert proxy(tmp_path, 'theme = "dark"\n') is None
    assert proxy(tmp_path, "[network]\n") is None
    assert proxy(tmp_path, TEMPLATE) is None
    shown = TEMPLATE.replace("# proxy", "proxy")
    assert shown != TEMPLATE
    assert proxy(tmp_path, shown) == tor
    assert proxy(tmp_path, '[network]\nproxy = "socks5h://[::1]:9050/"\n') == Address("::1", 9050)
    assert proxy(tmp_path, None, LOOM_PROXY="SOCKS5://tor:9050") == Address("tor", 9050)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:3128", "socks4://127.0.0.1:9050", "127.0.0.1:9050", "socks5://127.0.0.1",
        "socks5://127.0.0.1:0", "socks5://:9050", "socks5:127.0.0.1:9050", "socks5://a b:1", "x",
    ],
)  # fmt: skip
def test_another_proxy_is_refused_with_a_right_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        proxy(tmp_path, f'[network]\nproxy = "{text}"\n')
    assert "config.toml" in str(raised.value)
    assert "socks5://127.0.0.1:9050" in str(raised.value)
    with pytest.raises(InvalidInput, match="LOOM_PROXY"):
        proxy(tmp_path, None, LOOM_PROXY=text)


def test_a_proxy_with_a_user_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="without a user name") as raised:
        proxy(tmp_path, None, LOOM_PROXY="socks5://ada:secret@127.0.0.1:9050")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["[network", "network = 1", "[network]\nproxi = 'x'", "[network]\nproxy = 9050"]
)
def test_a_config_file_that_may_name_a_proxy_and_cannot_be_read_is_an_error(
    tmp_path: Path, text: str
) -> None:
    """Nothing may be dialled then: without the proxy it would tell this machine's address."""
    with pytest.raises(InvalidInput, match=r"config\.toml"):
        proxy(tmp_path, text)
