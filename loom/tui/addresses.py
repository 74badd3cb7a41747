"""Addresses as people type them."""

from loom.errors import InvalidAddress


def read_address(text: str) -> tuple[str, int]:
    """HOST:PORT, an IPv6 host in brackets.

    Raises:
        InvalidAddress: it is something else.
    """
    host, colon, port = text.strip().rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    is_host = bool(host) and (is_bracketed or not set(host) & set(":[] "))
    if not colon or not is_host or not (port.isascii() and port.isdecimal()) or len(port) > 5:
        raise InvalidAddress(address=text[:64] or "Nothing")
    return host[1:-1] if is_bracketed else host, int(port)
