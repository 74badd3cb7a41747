"""A cable between two hosts whose weather the test makes: Ethernet frames, carried in user space.

The kernel's own bad weather (sch_netem) is a module that many kernels lack, so this stands in for
it: what the hosts send passes through two TAP devices and this thread, and the hosts' own TCP has
to live with what becomes of it.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time
from collections import Counter
from typing import NamedTuple

from tests.network.nat import Nat, tcp_begins

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
FRAME_MAX_BYTES = 2_048
ETHERNET_BYTES = 14


class Weather(NamedTuple):
    """What becomes of each frame, in both directions."""

    loss: float = 0.0
    """The share that is lost."""
    delay_s: float = 0.0
    jitter_s: float = 0.0
    """At most so much later; frames overtake each other."""
    largest_bytes: int = FRAME_MAX_BYTES
    """Packets beyond it vanish without a word, as where ICMP is filtered."""
    plugged: bool = True


FAIR = Weather()
CUT = Weather(plugged=False)


class Wire:
    """Two TAP devices, to be moved into the hosts' namespaces, and the thread between them."""

    def __init__(self, seed: int) -> None:
        self.weather = FAIR
        self.nat: Nat | None = None
        """Before the first host, seen from the second."""
        self.frames: Counter[str] = Counter()
        """What became of them: carried, lost, too large, cut, overtook."""
        self.begun: Counter[tuple[str, str]] = Counter()
        """How often each IPv4 address asked another one for a TCP connection."""
        self._random = random.Random(seed)
        self._taps, self.names = zip(*(_tap() for _ in range(2)), strict=True)
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._carry, name="wire")
        self._thread.start()

    def close(self) -> None:
        """End the thread; the devices vanish with their descriptors."""
        os.close(self._wake[1])
        self._thread.join()
        for descriptor in (*self._taps, self._wake[0]):
            os.close(descriptor)

    def _carry(self) -> None:
        travelling: list[tuple[float, int, int, bytes]] = []
        number = last_sent = 0
        while True:
            wait_s = max(0.0, travelling[0][0] - time.monotonic()) if travelling else None
            ready, _, _ = select.select([self._wake[0], *self._taps], [], [], wait_s)
            if self._wake[0] in ready:
                return
            for end, tap in enumerate(self._taps):
                if tap not in ready:
                    continue
                frame = os.read(tap, FRAME_MAX_BYTES)
                if (arrives_s := self._fate(frame)) is not None:
                    number += 1
                    heapq.heappush(travelling, (arrives_s, number, end, frame))
            now_s = time.monotonic()
            while travelling and travelling[0][0] <= now_s:
                _, sent, end, frame = heapq.heappop(travelling)
                self.frames["overtook"] += sent < last_sent
                last_sent = sent
                self._deliver(end, frame)

    def _fate(self, frame: bytes) -> float | None:
        """When the frame arrives; None: never."""
        weather = self.weather
        if (ends := tcp_begins(frame)) is not None:
            self.begun[ends] += 1
        if not weather.plugged:
            self.frames["cut"] += 1
        elif len(frame) - ETHERNET_BYTES > weather.largest_bytes:
            self.frames["too large"] += 1
        elif self._random.random() < weather.loss:
            self.frames["lost"] += 1
        else:
            self.frames["carried"] += 1
            later_s = weather.delay_s + self._random.uniform(0.0, weather.jitter_s)
            return time.monotonic() + later_s
        return None

    def _deliver(self, end: int, frame: bytes) -> None:
        passed = frame
        if self.nat is not None:
            translated = self.nat.outward(frame) if end == 0 else self.nat.inward(frame)
            if translated is None:
                self.frames["not let in"] += 1
                return
            passed = translated
        try:
            os.write(self._taps[1 - end], passed)
        except OSError:  # the device is down
            self.frames["undeliverable"] += 1


def _tap() -> tuple[int, str]:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    wanted = struct.pack("16sH22x", b"loom%d", _IFF_TAP | _IFF_NO_PI)
    made = fcntl.ioctl(descriptor, _TUNSETIFF, wanted)
    return descriptor, made[:16].rstrip(b"\0").decode()
