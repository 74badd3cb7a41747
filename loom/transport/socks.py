"""Dials through a SOCKS 5 proxy (RFC 1928, RFC 1929), which looks names up itself."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from loom.addresses import is_private, parse_host
from loom.crypto.kdf import mac
from loom.errors import InvalidAddress, ProxyUnavailable, Unreachable
from loom.model import Address
from loom.ports import Listener, StreamHandler
from loom.transport.tcp import TcpTransport, connect, hand_over

if TYPE_CHECKING:
    from python_socks.async_.asyncio import Proxy

CHECK_TIMEOUT_S: Final = 5.0
_LOGIN_CHARACTERS: Final = 32
_HELLO: Final = b"\x05\x02\x00\x02"
"""Version 5, and two ways to log in: none, or a user name with a password."""
_ANSWERS: Final = (b"\x05\x00", b"\x05\x02")
_NO_ANSWER: Final = "nobody answers there"
_NO_SOCKS: Final = "it does not speak SOCKS 5, or wants a password"


class ProxiedTransport:
    """A `Transport` that dials this machine's own networks itself, and all else by the proxy only.

    Each address and isolation has a user name of its own, drawn for this process, and so a circuit
    of its own where the proxy is Tor (IsolateSOCKSAuth).
    """

    def __init__(self, direct: TcpTransport, proxy: Address) -> None:
        self._direct = direct
        self._proxy = proxy
        self._secret = secrets.token_bytes(32)

    def __repr__(self) -> str:
        return "ProxiedTransport()"

    async def listen(
        self, addresses: list[Address], accept: Callable[[], StreamHandler]
    ) -> Listener:
        """See `TcpTransport.listen`."""
        return await self._direct.listen(addresses, accept)

    def is_proxied(self, address: Address) -> bool:
        """Whether this address is dialled through the proxy."""
        return not is_private(address.host)

    async def dial(
        self,
        address: Address,
        handler: StreamHandler,
        timeout_s: float,
        isolation: bytes | None = None,
    ) -> None:
        """Connect; returns after `handler.connected`.

        Raises:
            Unreachable: the proxy says so, or not within the time.
            ProxyUnavailable: it cannot be used.
        """
        if not self.is_proxied(address):
            await self._direct.dial(address, handler, timeout_s, isolation)
            return
        from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

        try:
            host = parse_host(address.host)
            sock = await self._login(address, isolation).connect(host, address.port, timeout_s)
            await hand_over(sock, handler, remote=address)
        except ProxyTimeoutError as error:
            raise Unreachable(address=str(address)) from error
        except ProxyConnectionError as error:
            raise self._unavailable(_NO_ANSWER) from error
        except ProxyError as error:
            if error.error_code is None:
                raise self._unavailable(_NO_SOCKS) from error
            raise Unreachable(address=str(address)) from error
        except (InvalidAddress, OSError, ValueError, OverflowError) as error:
            raise Unreachable(address=str(address)) from error

    async def check_proxy(self) -> None:
        """Return once it answered.

        Raises:
            ProxyUnavailable: it did not, or not as a SOCKS 5 proxy.
        """
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                sock = await connect(self._proxy, CHECK_TIMEOUT_S)
                reader, writer = await asyncio.open_connection(sock=sock)
                try:
                    writer.write(_HELLO)
                    answer = await reader.readexactly(2)
                finally:
                    writer.transport.abort()
        except asyncio.IncompleteReadError as error:
            raise self._unavailable(_NO_SOCKS) from error
        except (OSError, ValueError, OverflowError) as error:
            raise self._unavailable(_NO_ANSWER) from error
        if answer not in _ANSWERS:
            raise self._unavailable(_NO_SOCKS)

    def _login(self, address: Address, isolation: bytes | None) -> "Proxy":
        from python_socks import ProxyType
        from python_socks.async_.asyncio import Proxy

        what = secrets.token_bytes(32) if isolation is None else isolation
        login = mac(self._secret, f"{address}\0".encode() + what).hex()
        user, password = login[:_LOGIN_CHARACTERS], login[-_LOGIN_CHARACTERS:]
        return Proxy(
            ProxyType.SOCKS5, self._proxy.host, self._proxy.port, user, password, rdns=True
        )

    def _unavailable(self, reason: str) -> ProxyUnavailable:
        return ProxyUnavailable(proxy=str(self._proxy), reason=reason)
