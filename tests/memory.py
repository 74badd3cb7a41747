"""What a running process holds; only root may look."""

import re
from collections.abc import Mapping
from pathlib import Path


def found_in_memory(process: int, wanted: Mapping[str, bytes]) -> set[str]:
    """Which of them is anywhere in what the process may write to."""
    found: set[str] = set()
    maps = Path(f"/proc/{process}/maps").read_text()
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for start, end in re.findall(r"^(\w+)-(\w+) rw", maps, re.MULTILINE):
            memory.seek(int(start, 16))
            region = memory.read(int(end, 16) - int(start, 16))
            found |= {name for name, secret in wanted.items() if secret in region}
    return found
