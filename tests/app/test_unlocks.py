"""Other ways to unlock: the desktop's keyring and a security key, both in software here."""

import hashlib
import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from loom.api.profile_commands import Panic
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles, security_key
from loom.config import CREDENTIAL, Paths, Settings, home_of, paths_of, read_settings
from loom.errors import (
    CannotUnlock,
    InvalidInput,
    ProfileDamaged,
    ProfileNotFound,
    WrongPassphrase,
)
from loom.storage import unlocks

keyring = pytest.importorskip("keyring")
fido2 = pytest.importorskip("fido2")

OFFLINE = NodeOptions(online=False, serve=False)
PASSPHRASE = "correct horse battery"


class Owner:
    """See `Asking`; counts how often the key was to be touched."""

    def __init__(self) -> None:
        self.touches = 0

    def touch(self) -> None:
        self.touches += 1

    def pin(self) -> str:
        return ""


def soft_key() -> Any:
    """A CTAP 2 authenticator with hmac-secret, as far as the library asks."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from fido2 import cbor
    from fido2.cose import ES256
    from fido2.ctap import CtapDevice, CtapError
    from fido2.ctap2.pin import PinProtocolV2
    from fido2.hid import CAPABILITY
    from fido2.webauthn import AttestedCredentialData, AuthenticatorData

    class SoftKey(CtapDevice):  # type: ignore[misc]
        def __init__(self) -> None:
            self.credential = os.urandom(32)
            self.random = os.urandom(32)
            self.signing = ec.generate_private_key(ec.SECP256R1())
            self.agreement = ec.generate_private_key(ec.SECP256R1())

        @property
        def capabilities(self) -> int:
            return int(CAPABILITY.CBOR)

        @classmethod
        def list_devices(cls) -> Iterator[Any]:
            return iter(())

        def call(
            self, cmd: int, data: bytes = b"", event: Any = None, on_keepalive: Any = None
        ) -> bytes:
            asked = cbor.decode(data[1:]) if len(data) > 1 else {}
            answers = {1: self.make, 2: self.get, 4: self.info, 6: self.pin}
            try:
                return b"\0" + bytes(cbor.encode(answers[data[0]](asked)))
            except CtapError as error:
                return bytes([error.code])

        def info(self, asked: Any) -> Any:
            options = {"rk": True, "up": True}
            return {1: ["FIDO_2_0"], 2: ["hmac-secret"], 3: bytes(16), 4: options, 6: [2]}

        def pin(self, asked: Any) -> Any:
            return {1: self._cose(self.agreement)}

        def make(self, asked: Any) -> Any:
            of = AttestedCredentialData.create(
                bytes(16), self.credential, ES256.from_cryptography_key(self.signing.public_key())
            )
            rp = hashlib.sha256(asked[2]["id"].encode()).digest()
            extensions = {"hmac-secret": True} if asked.get(6, {}).get("hmac-secret") else None
            flags = 0x41 | (0x80 if extensions else 0)
            return {
                1: "none",
                2: bytes(AuthenticatorData.create(rp, flags, 1, of, extensions)),
                3: {},
            }

        def get(self, asked: Any) -> Any:
            if self.credential not in [one["id"] for one in asked.get(3, [])]:
                raise CtapError(CtapError.ERR.NO_CREDENTIALS)
            extensions = None
            if wanted := asked.get(4, {}).get("hmac-secret"):
                protocol = PinProtocolV2()
                x, y = wanted[1][-2], wanted[1][-3]
                numbers = ec.EllipticCurvePublicNumbers(
                    int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
                )
                shared = protocol.kdf(self.agreement.exchange(ec.ECDH(), numbers.public_key()))
                assert protocol.authenticate(shared, wanted[2]) == wanted[3]
                salt = protocol.decrypt(shared, wanted[2])
                given = hmac.digest(self.random, salt, "sha256")
                extensions = {"hmac-secret": protocol.encrypt(shared, given)}
            rp = hashlib.sha256(asked[1].encode()).digest()
            flags = 0x01 | (0x80 if extensions else 0)
            data = bytes(AuthenticatorData.create(rp, flags, 2, b"", extensions))
            signature = self.signing.sign(data + asked[2], ec.ECDSA(_sha256()))
            return {1: {"type": "public-key", "id": self.credential}, 2: data, 3: signature}

        def _cose(self, key: Any) -> Any:
            numbers = key.public_key().public_numbers()
            x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
            return {1: 2, 3: -25, -1: 1, -2: x, -3: y}

    return SoftKey()


def _sha256() -> Any:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


@pytest.fixture
def desk() -> Iterator[dict[tuple[str, str], str]]:
    """What the desktop's keyring holds."""
    from keyring.backend import KeyringBackend
    from keyring.errors import PasswordDeleteError

    held: dict[tuple[str, str], str] = {}

    class Memory(KeyringBackend):  # type: ignore[misc]
        priority: ClassVar[int] = 1

        def set_password(self, service: str, username: str, password: str) -> None:
            held[service, username] = password

        def get_password(self, service: str, username: str) -> str | None:
            return held.get((service, username))

        def delete_password(self, service: str, username: str) -> None:
            if held.pop((service, username), None) is None:
                raise PasswordDeleteError

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    yield held
    keyring.set_keyring(before)


@pytest.fixture
async def profiles(tmp_path: Path) -> LocalProfiles:
    """Ada's."""
    found = LocalProfiles(Settings(home=tmp_path))
    await found.create("ada", "Ada", PASSPHRASE, argon2_memory_mib=64)
    return found


def paths(home: Path) -> Paths:
    return paths_of(home_of(Settings(home=home)), "ada")


async def opens(profiles: LocalProfiles, way: str, owner: Owner) -> None:
    opened = await profiles.unlock_by("ada", way, owner, OFFLINE)
    await opened.close()


async def test_the_keyring_opens_it_until_it_is_removed(
    profiles: LocalProfiles, desk: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    owner = Owner()
    with pytest.raises(WrongPassphrase):
        await profiles.add_unlock("ada", "wrong passphrase", "keyring", owner)
    await profiles.add_unlock("ada", PASSPHRASE, "keyring", owner)
    assert profiles.unlocks("ada") == ["keyring"]
    await opens(profiles, "keyring", owner)
    [(service, name)] = desk
    assert service == "loom"
    assert "ada" not in name
    secret = desk[service, name]
    raw = unlocks.path_of(paths(tmp_path), "keyring").read_bytes()
    assert bytes.fromhex(secret) not in raw
    desk[service, name] = "00" * 32
    with pytest.raises(CannotUnlock):
        await opens(profiles, "keyring", owner)
    desk.clear()
    with pytest.raises(CannotUnlock):
        await opens(profiles, "keyring", owner)
    await profiles.add_unlock("ada", PASSPHRASE, "keyring", owner)
    await profiles.add_unlock("ada", PASSPHRASE, "keyring", owner)
    assert len(desk) == 1  # what the one before had is forgotten
    await profiles.remove_unlock("ada", "keyring")
    assert (profiles.unlocks("ada"), desk) == ([], {})
    with pytest.raises(CannotUnlock):
        await profiles.remove_unlock("ada", "keyring")


async def test_a_security_key_opens_it_and_another_one_does_not(
    profiles: LocalProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, key, other = Owner(), soft_key(), soft_key()
    plugged: list[Any] = []
    monkeypatch.setattr(security_key, "_plugged_in", lambda library: plugged)
    with pytest.raises(CannotUnlock):
        await profiles.add_unlock("ada", PASSPHRASE, "fido2", owner)
    plugged.append(key)
    await profiles.add_unlock("ada", PASSPHRASE, "fido2", owner)
    plugged[:] = [other, key]
    await opens(profiles, "fido2", owner)
    plugged[:] = [other]
    with pytest.raises(CannotUnlock):
        await opens(profiles, "fido2", owner)
    key.random = os.urandom(32)  # it was reset
    plugged[:] = [key]
    with pytest.raises(CannotUnlock):
        await opens(profiles, "fido2", owner)


async def test_a_damaged_file_is_none(
    profiles: LocalProfiles, desk: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    await profiles.add_unlock("ada", PASSPHRASE, "keyring", Owner())
    path = unlocks.path_of(paths(tmp_path), "keyring")
    whole = path.read_bytes()
    flipped = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(len(whole))]
    for broken in (b"", whole[:-1], whole + b"\0", *flipped):
        path.write_bytes(broken)
        with pytest.raises(ProfileDamaged):
            unlocks.read(paths(tmp_path), "keyring")


async def test_a_duress_passphrase_and_another_way_exclude_each_other(
    profiles: LocalProfiles, desk: dict[tuple[str, str], str]
) -> None:
    await profiles.add_unlock("ada", PASSPHRASE, "keyring", Owner())
    with pytest.raises(InvalidInput, match="loom unlock remove keyring"):
        await profiles.set_duress("ada", PASSPHRASE, "another passphrase")
    await profiles.remove_unlock("ada", "keyring")
    await profiles.set_duress("ada", PASSPHRASE, "another passphrase")
    with pytest.raises(InvalidInput):
        await profiles.add_unlock("ada", PASSPHRASE, "keyring", Owner())
    assert profiles.unlocks("ada") == []
    assert desk == {}


async def test_panic_takes_the_ways_along(
    profiles: LocalProfiles, desk: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    await profiles.add_unlock("ada", PASSPHRASE, "keyring", Owner())
    os.link(unlocks.path_of(paths(tmp_path), "keyring"), tmp_path / "block")
    before = (tmp_path / "block").read_bytes()
    await profiles.panic("ada")
    assert desk == {}
    assert (tmp_path / "block").read_bytes()[:8] != before[:8]


async def test_panic_by_the_control_socket_takes_the_ways_along_too(
    profiles: LocalProfiles, desk: dict[tuple[str, str], str]
) -> None:
    await profiles.add_unlock("ada", PASSPHRASE, "keyring", Owner())
    assert desk
    opened = await profiles.unlock("ada", PASSPHRASE, NodeOptions(online=False))
    client = await profiles.attach("ada")
    await client.send(Panic(farewell=False))
    await client.close()
    await opened.close()
    assert desk == {}
    with pytest.raises(ProfileNotFound):
        await profiles.attach("ada")


def test_a_daemon_finds_its_credential_by_itself(tmp_path: Path) -> None:
    (tmp_path / CREDENTIAL).write_text("the passphrase")
    there = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_settings(there).passphrase_file == tmp_path / CREDENTIAL
    chosen = there | {"LOOM_PASSPHRASE_FILE": "/elsewhere"}
    assert read_settings(chosen).passphrase_file == Path("/elsewhere")
    assert read_settings(there | {"LOOM_PASSPHRASE_COMMAND": "pass"}).passphrase_file is None
    assert read_settings(there, passphrase_fd=3).passphrase_file is None
    (tmp_path / CREDENTIAL).unlink()
    assert read_settings(there).passphrase_file is None
