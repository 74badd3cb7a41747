"""Each promise of docs/PROTOCOL.md 16 has tests that carry its number."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PROMISES = range(1, 20)


def test_every_promise_of_the_protocol_has_a_named_test() -> None:
    text = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    named = {int(number) for number in re.findall(r"def test_promise_(\d\d)_", text)}
    assert named == set(PROMISES)
