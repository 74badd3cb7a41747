"""The bill of materials: valid, complete, and the same every time."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import loom
from supply import sbom
from supply.pins import RUNTIME, read

PINS = read(RUNTIME)


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.bill(PINS, {})


def test_it_is_valid_cyclonedx(bill: dict[str, Any]) -> None:
    """By the official schema, which comes with the CycloneDX library."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(bill)) is None
    broken = json.dumps({**bill, "components": [{"type": "library"}]})
    assert validator.validate_str(broken) is not None


def test_it_holds_every_pin_with_every_hash(bill: dict[str, Any]) -> None:
    held = {
        (one["name"], one["version"]): sorted(item["value"] for item in one["properties"])
        for one in bill["components"]
    }
    assert held == {(pin.name, pin.version): list(pin.sha256) for pin in PINS}
    assert all(held.values())


def test_everything_in_it_is_needed_by_something(bill: dict[str, Any]) -> None:
    """The graph is closed, and all but what builds the project hangs on the program."""
    needs = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    refs = {one["bom-ref"] for one in bill["components"]}
    root = bill["metadata"]["component"]["bom-ref"]
    assert set(needs) == refs | {root}
    reached, waiting = set(), [root]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += needs[ref]
    apart = {re.sub(r".*/(.*)@.*", r"\1", ref) for ref in refs - reached}
    assert apart <= {"setuptools", "pip", "wheel"}


def test_each_library_says_its_licence(bill: dict[str, Any]) -> None:
    """As its own metadata does; sqlcipher3 has a licence file and no word of it there."""
    silent = [one["name"] for one in bill["components"] if "licenses" not in one]
    assert silent in ([], ["sqlcipher3"])


def test_the_time_is_that_of_the_source() -> None:
    metadata = sbom.bill(PINS[:1], {"SOURCE_DATE_EPOCH": "1800000000"})["metadata"]
    assert metadata["timestamp"] == "2027-01-15T08:00:00Z"


def test_two_runs_write_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    first, second = tmp_path / "a" / "one.json", tmp_path / "two.json"
    assert sbom.main(["--output", str(first)]) == 0
    assert sbom.main(["--output", str(second)]) == 0
    capsys.readouterr()
    assert sbom.main([]) == 0
    assert first.read_bytes() == second.read_bytes() == capsys.readouterr().out.encode()
    assert json.loads(first.read_bytes())["metadata"]["component"]["version"] == loom.__version__
