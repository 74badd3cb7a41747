"""An address translator for TCP over IPv4: one private host behind one public address."""

import struct
from ipaddress import IPv4Address
from itertools import count

_ETHERNET = 14
_IPV4 = b"\x08\x00"
_TCP = 6


class Nat:
    """Lets in only what answers; `rebind` forgets every way through, as a restarted router does."""

    def __init__(self, private: str, public: str, first_port: int = 40_000) -> None:
        self._private = IPv4Address(private).packed
        self._public = IPv4Address(public).packed
        self._ports = count(first_port)
        self._outside: dict[int, int] = {}
        """The public port of each private one."""

    def rebind(self) -> None:
        """From now on every connection leaves by another port."""
        self._outside = {}

    def outward(self, frame: bytes) -> bytes | None:
        """A frame of the private host, as the other side sees it."""
        tcp = _tcp_at(frame)
        if tcp is None:
            return frame
        (port,) = struct.unpack_from("!H", frame, tcp)
        if port not in self._outside:
            self._outside[port] = next(self._ports)
        return _with_end(frame, _ETHERNET + 12, self._public, tcp, self._outside[port])

    def inward(self, frame: bytes) -> bytes | None:
        """A frame for the private host, or None where nothing of its kind went out before."""
        tcp = _tcp_at(frame)
        if tcp is None:
            return frame
        (wanted,) = struct.unpack_from("!H", frame, tcp + 2)
        for port, outside in self._outside.items():
            if outside == wanted:
                return _with_end(frame, _ETHERNET + 16, self._private, tcp + 2, port)
        return None


def tcp_begins(frame: bytes) -> tuple[str, str] | None:
    """Who asks whom for a connection, if the frame does: SYN without ACK."""
    tcp = _tcp_at(frame)
    if tcp is None or frame[tcp + 13] & 0x12 != 0x02:
        return None
    source, destination = frame[_ETHERNET + 12 :][:4], frame[_ETHERNET + 16 :][:4]
    return str(IPv4Address(source)), str(IPv4Address(destination))


def _tcp_at(frame: bytes) -> int | None:
    if frame[12:14] != _IPV4 or frame[_ETHERNET + 9] != _TCP:
        return None
    return _ETHERNET + (frame[_ETHERNET] & 0x0F) * 4


def _with_end(frame: bytes, host_at: int, host: bytes, port_at: int, port: int) -> bytes:
    """The frame with another address and port, and checksums that fit."""
    changed = bytearray(frame)
    tcp = _ETHERNET + (frame[_ETHERNET] & 0x0F) * 4
    old_host, old_port = frame[host_at : host_at + 4], frame[port_at : port_at + 2]
    new_port = struct.pack("!H", port)
    changed[host_at : host_at + 4] = host
    changed[port_at : port_at + 2] = new_port
    _mend(changed, _ETHERNET + 10, old_host, host)
    _mend(changed, tcp + 16, old_host + old_port, host + new_port)
    return bytes(changed)


def _mend(frame: bytearray, at: int, old: bytes, new: bytes) -> None:
    """Update a checksum (RFC 1624, section 3, equation 3)."""
    (checksum,) = struct.unpack_from("!H", frame, at)
    words = f"!{len(old) // 2}H"
    total = ~checksum & 0xFFFF
    total += sum(~one & 0xFFFF for one in struct.unpack(words, old))
    total += sum(struct.unpack(words, new))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", frame, at, ~total & 0xFFFF)
