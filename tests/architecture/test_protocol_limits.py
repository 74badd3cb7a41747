"""The specification and the code name the same limits."""

import re
from pathlib import Path

from loom.wire import limits

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "PROTOCOL.md"
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([0-9, ]+) \|", re.MULTILINE)


def test_every_limit_of_the_specification_is_the_one_in_the_code() -> None:
    rows = ROW.findall(PROTOCOL.read_text(encoding="utf-8"))
    assert len(rows) > 40
    for name, text in rows:
        numbers = [int(number) for number in text.split(",")]
        value = getattr(limits, name)
        assert (list(value) if isinstance(value, tuple) else [value]) == numbers, name
