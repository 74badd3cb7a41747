"""A secret that a FIDO2 security key computes: hmac-secret (CTAP 2.1, 12.5; extra `fido2`)."""

import secrets
from collections.abc import Iterable
from typing import Any, Final

from loom.api.profiles import Asking
from loom.errors import CannotUnlock, ExtraMissing

SERVICE: Final = "loom.invalid"
"""The relying party: no web site has such a name."""
SECRET_BYTES: Final = 32
_ES256: Final = -7


def enrol(ask: Asking, salt: bytes, devices: Iterable[Any] | None = None) -> tuple[bytes, bytes]:
    """Make a credential on the first key there is.

    Returns:
        What `secret_of` needs, and the secret of 32 bytes.

    Raises:
        ExtraMissing, CannotUnlock: no key, one without hmac-secret, or its owner did not agree.
    """
    library = _library()
    for device in _plugged_in(library) if devices is None else devices:
        client = _client(library, device, ask)
        if "hmac-secret" not in client.info.extensions:
            raise CannotUnlock(what="This security key has no hmac-secret")
        verifies = bool(client.info.options.get("clientPin") or client.info.options.get("uv"))
        options = {
            "rp": {"id": SERVICE, "name": "Loom"},
            "user": {"id": secrets.token_bytes(16), "name": "Loom", "displayName": "Loom"},
            "challenge": secrets.token_bytes(32),
            "pubKeyCredParams": [{"type": "public-key", "alg": _ES256}],
            "authenticatorSelection": {
                "residentKey": "discouraged",
                "userVerification": _verification(verifies),
            },
            "extensions": {"hmacCreateSecret": True},
        }
        made = _said(library, lambda: client.make_credential(options))  # noqa: B023 - called here
        if not made.client_extension_results.hmac_create_secret:
            raise CannotUnlock(what="This security key has no hmac-secret")
        hint = bytes([verifies]) + made.raw_id
        return hint, secret_of(ask, salt, hint, [device])
    raise CannotUnlock(what="No security key is plugged in")


def secret_of(ask: Asking, salt: bytes, hint: bytes, devices: Iterable[Any] | None = None) -> bytes:
    """The 32 bytes that the key gives for a salt. Raises like `enrol`."""
    library = _library()
    refused: CannotUnlock | None = None
    for device in _plugged_in(library) if devices is None else devices:
        client = _client(library, device, ask)
        options = {
            "rpId": SERVICE,
            "challenge": secrets.token_bytes(32),
            "allowCredentials": [{"type": "public-key", "id": hint[1:]}],
            "userVerification": _verification(bool(hint[:1] == b"\1")),
            "extensions": {"hmacGetSecret": {"salt1": salt}},
        }
        try:
            found = _said(library, lambda: client.get_assertion(options))  # noqa: B023 - called here
        except CannotUnlock as error:  # perhaps it is another key that is plugged in
            refused = error
            continue
        given = found.get_response(0).client_extension_results.hmac_get_secret
        if given is None or len(given.output1) != SECRET_BYTES:
            raise CannotUnlock(what="The security key gave no secret")
        return bytes(given.output1)
    raise refused or CannotUnlock(what="No security key is plugged in")


def _verification(wanted: bool) -> str:
    return "required" if wanted else "discouraged"


def _said(library: Any, work: Any) -> Any:
    try:
        return work()
    except library.ClientError as error:
        what = "The security key is another one, or was not touched in time, or its PIN is wrong"
        raise CannotUnlock(what=what) from error
    except (library.CtapError, OSError) as error:
        raise CannotUnlock(what="The security key does not answer") from error


def _plugged_in(library: Any) -> list[Any]:
    try:
        return list(library.CtapHidDevice.list_devices())
    except OSError as error:
        raise CannotUnlock(what="Security keys cannot be looked for on this machine") from error


def _client(library: Any, device: Any, ask: Asking) -> Any:
    class Interaction(library.UserInteraction):  # type: ignore[misc]
        def prompt_up(self) -> None:
            ask.touch()

        def request_pin(self, permissions: Any, rp_id: str | None) -> str | None:
            return ask.pin() or None

    collector = library.DefaultClientDataCollector(f"https://{SERVICE}", lambda *_: True)
    extensions = [library.HmacSecretExtension(allow_hmac_secret=True)]
    try:
        return library.Fido2Client(device, collector, Interaction(), extensions)
    except (library.CtapError, ValueError, OSError) as error:
        raise CannotUnlock(what="The security key does not answer") from error


class _Library:
    """What is used of python-fido2."""

    def __init__(self) -> None:
        from fido2.client import (
            ClientError,
            DefaultClientDataCollector,
            Fido2Client,
            UserInteraction,
        )
        from fido2.ctap import CtapError
        from fido2.ctap2.extensions import HmacSecretExtension
        from fido2.hid import CtapHidDevice

        self.ClientError = ClientError
        self.CtapError = CtapError
        self.CtapHidDevice = CtapHidDevice
        self.DefaultClientDataCollector = DefaultClientDataCollector
        self.Fido2Client = Fido2Client
        self.HmacSecretExtension = HmacSecretExtension
        self.UserInteraction = UserInteraction


def _library() -> Any:
    try:
        return _Library()
    except ImportError as error:
        raise ExtraMissing(packages="fido2", extra="fido2") from error
