"""Which advisory names which version, and what is said when none can tell."""

import datetime as dt
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from supply import audit
from supply.advisories import Advisory, Unreadable, load
from supply.pins import ROOT, Pin, read

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
TODAY = "2026-11-19T08:00:00Z"


def record(**changes: Any) -> dict[str, Any]:
    """An OSV record about one package."""
    affected = {
        "package": {"ecosystem": "PyPI", "name": "Left_Pad", "purl": "pkg:pypi/left-pad"},
        "ranges": [
            {"type": "ECOSYSTEM", "events": [{"introduced": "1.2"}, {"fixed": "1.4.1"}]},
            {"type": "GIT", "repo": "x", "events": [{"introduced": "0"}, {"fixed": "abcdef"}]},
        ],
        "versions": ["1.0.post1"],
    }
    usual = {
        "schema_version": "1.6.0",
        "id": "EXAMPLE-2026-1",
        "aliases": ["CVE-2026-0001"],
        "modified": TODAY,
        "summary": "Pads on the right",
        "affected": [affected],
        "severity": [{"type": "CVSS_V3", "score": "x"}],
    }
    return {**usual, **changes}


def with_events(*events: dict[str, str], kind: str = "ECOSYSTEM") -> dict[str, Any]:
    """A record with one range."""
    package = {"ecosystem": "PyPI", "name": "left-pad"}
    return record(affected=[{"package": package, "ranges": [{"type": kind, "events": events}]}])


def advisory(document: dict[str, Any], folder: Path) -> Advisory:
    """As it is read from a file."""
    path = folder / "one.json"
    path.write_text(json.dumps(document))
    (found,) = load(path)
    return found


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ("1.0", False),
        ("1.0.post1", True),
        ("1.2.dev0", False),
        ("1.2", True),
        ("1.4", True),
        ("1.4.1rc1", True),
        ("1.4.1", False),
        ("1.10", False),
    ],
)
def test_ranges_and_listed_versions(version: str, affected: bool, tmp_path: Path) -> None:
    one = advisory(record(), tmp_path)
    assert one.affects("left-pad", version) is affected
    assert one.affects("LEFT.pad", version) is affected
    assert not one.affects("right-pad", version)


ZERO, FIXED_2, LAST_2 = {"introduced": "0"}, {"fixed": "2.0"}, {"last_affected": "2.0"}


@pytest.mark.parametrize(
    ("events", "affected"),
    [
        ([ZERO], ["0.0.1a1", "1.0", "9.9"]),
        ([ZERO, FIXED_2], ["0.0.1a1", "1.0"]),
        ([ZERO, LAST_2], ["0.0.1a1", "1.0", "2.0"]),
        ([ZERO, FIXED_2, {"introduced": "3.0"}], ["0.0.1a1", "1.0", "3.0", "9.9"]),
        ([{"introduced": "3.0"}, {"fixed": "4.0"}, FIXED_2, ZERO], ["0.0.1a1", "1.0", "3.0"]),
        ([], []),
    ],
)
def test_events_in_any_order(
    events: list[dict[str, str]], affected: list[str], tmp_path: Path
) -> None:
    one = advisory(with_events(*events), tmp_path)
    versions = ["0.0.1a1", "1.0", "2.0", "2.5", "3.0", "4.0", "9.9"]
    expected = [v for v in versions if v in affected]
    if events == [ZERO]:
        expected = versions
    if events[2:] == [{"introduced": "3.0"}]:
        expected = ["0.0.1a1", "1.0", "3.0", "4.0", "9.9"]
    assert [v for v in versions if one.affects("left-pad", v)] == expected


def test_what_cannot_be_compared_counts_as_affected(tmp_path: Path) -> None:
    one = advisory(with_events({"introduced": "banana"}), tmp_path)
    assert one.affects("left-pad", "1.0")


def test_withdrawn_ones_and_other_ecosystems_say_nothing(tmp_path: Path) -> None:
    assert not advisory(record(withdrawn=TODAY), tmp_path).affects("left-pad", "1.3")
    elsewhere = {"package": {"ecosystem": "npm", "name": "left-pad"}, "versions": ["1.3"]}
    assert not advisory(record(affected=[elsewhere]), tmp_path).affects("left-pad", "1.3")


def test_files_folders_and_archives_are_read_alike(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    documents = [record(id=f"EXAMPLE-{n}") for n in range(3)]
    for document in documents:
        (folder / f"{document['id']}.json").write_text(json.dumps(document))
    (tmp_path / "list.json").write_text(json.dumps(documents))
    (tmp_path / "vulns.json").write_text(json.dumps({"vulns": documents}))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for document in documents:
            archive.writestr(f"{document['id']}.json", json.dumps(document))
    expected = load(folder)
    assert [one.id for one in expected] == ["EXAMPLE-0", "EXAMPLE-1", "EXAMPLE-2"]
    for name in ("list.json", "vulns.json", "all.zip"):
        assert load(tmp_path / name) == expected


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"id": 3}', '{"id": "x"}', "\x00"])
def test_what_is_no_advisory_is_said(content: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(Unreadable):
        load(path)
    assert audit.main(["--advisories", str(path)]) == audit.UNKNOWN


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(
        f"left-pad==1.3 \\\n    --hash=sha256:{'a' * 64}\n    # via x\nother==1.3 \\\n"
        f"    --hash=sha256:{'b' * 64} \\\n    --hash=sha256:{'0' * 64}\n"
    )
    return path


def run(lock: Path, documents: list[dict[str, Any]]) -> int:
    advisories = lock.with_name("advisories.json")
    advisories.write_text(json.dumps(documents))
    return audit.main(["--advisories", str(advisories), str(lock)], now=NOW)


def test_a_pinned_version_with_an_advisory_is_told(
    lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lock, [record(), record(id="OLD", withdrawn=TODAY)]) == audit.FOUND
    assert capsys.readouterr().out.splitlines() == [
        "left-pad 1.3: EXAMPLE-2026-1 CVE-2026-0001: Pads on the right (fixed in 1.4.1)",
        "2 pinned versions, 2 advisories, the newest of 2026-11-19 (0 days ago): 1 found.",
    ]


def test_nothing_found_in_fresh_advisories_is_clean(lock: Path) -> None:
    assert run(lock, [record(affected=[])]) == audit.CLEAN


def test_old_advisories_prove_nothing_but_still_accuse(
    lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = "2026-09-01T00:00:00Z"
    assert run(lock, [record(affected=[], modified=old)]) == audit.UNKNOWN
    assert "TOO OLD to tell: more than 30 days." in capsys.readouterr().out
    assert run(lock, [record(modified=old)]) == audit.FOUND


def test_without_advisories_nothing_is_claimed(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([]) == audit.UNKNOWN
    assert capsys.readouterr().out.startswith("NOT AUDITED: no advisories were given")


def test_an_empty_file_is_no_clean_bill(lock: Path) -> None:
    assert run(lock, []) == audit.UNKNOWN


def test_every_lock_file_is_audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An advisory on something in each lock file of the project is found."""
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    chosen = {read(path)[-1] for path in locks}
    documents = [
        record(
            id=f"EXAMPLE-{pin.name}",
            affected=[
                {
                    "package": {"ecosystem": "PyPI", "name": pin.name},
                    "versions": [pin.version],
                }
            ],
        )
        for pin in chosen
    ]
    path = tmp_path / "advisories.json"
    path.write_text(json.dumps(documents))
    assert audit.main(["--advisories", str(path)], now=NOW) == audit.FOUND
    told = capsys.readouterr().out
    assert all(f"EXAMPLE-{pin.name} " in told for pin in chosen)


def test_a_lock_file_is_read_with_all_its_hashes(lock: Path) -> None:
    first, second = read(lock)
    assert first == Pin(first.name, "1.3", ("a" * 64,))
    assert (second.name, second.sha256) == ("other", ("0" * 64, "b" * 64))
