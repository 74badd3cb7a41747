"""`python -m supply.audit`: compare every pinned version with known advisories, offline."""

import argparse
import datetime as dt
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from supply.advisories import Advisory, Unreadable, load
from supply.pins import ROOT, Pin, read_all

CLEAN, FOUND, UNKNOWN = 0, 1, 2

NOTHING_GIVEN = """\
NOT AUDITED: no advisories were given, and none are part of the project: they would be out of date.
Where there is a network, save the OSV database's archive for the PyPI ecosystem (all.zip), then run
    make audit ADVISORIES=path/to/all.zip
A single OSV record, a JSON list of them or a folder of them will do as well."""


def main(arguments: Sequence[str] | None = None, *, now: dt.datetime | None = None) -> int:
    """0: nothing known; 1: something is; 2: it cannot be said (no advisories, or old ones)."""
    parser = argparse.ArgumentParser(prog="python -m supply.audit", description=__doc__)
    parser.add_argument("--advisories", type=Path, help="OSV records: a file, a folder or a zip")
    parser.add_argument("--max-age-days", type=int, default=30, help="older ones prove nothing")
    parser.add_argument("requirements", nargs="*", type=Path, help="all lock files if none")
    chosen = parser.parse_args(arguments)
    if chosen.advisories is None:
        return say(NOTHING_GIVEN, UNKNOWN)
    try:
        advisories = load(chosen.advisories)
    except Unreadable as error:
        return say(f"NOT AUDITED: not readable as OSV records: {error}", UNKNOWN)
    if not advisories:
        return say("NOT AUDITED: there is no advisory in it.", UNKNOWN)
    pins = read_all(chosen.requirements or sorted((ROOT / "requirements").glob("*.txt")))
    findings = list(compare(pins, advisories))
    for finding in findings:
        say(finding)
    newest = max(one.modified for one in advisories)
    age_days = ((now or dt.datetime.now(dt.UTC)) - newest).days
    say(
        f"{len(pins)} pinned versions, {len(advisories)} advisories, the newest of"
        f" {newest:%Y-%m-%d} ({age_days} days ago): {len(findings)} found."
    )
    if findings:
        return FOUND
    if age_days > chosen.max_age_days:
        return say(f"TOO OLD to tell: more than {chosen.max_age_days} days.", UNKNOWN)
    return CLEAN


def compare(pins: Iterable[Pin], advisories: Iterable[Advisory]) -> Iterable[str]:
    """A line for each pinned version that an advisory names."""
    about: dict[str, list[Advisory]] = {}
    for one in advisories:
        for name in one.names():
            about.setdefault(name, []).append(one)
    for pin in pins:
        for one in about.get(pin.name, ()):
            if one.affects(pin.name, pin.version):
                names = " ".join((one.id, *one.aliases))
                fixed = ", ".join(one.fixed_in(pin.name)) or "no version yet"
                yield f"{pin.name} {pin.version}: {names}: {one.summary} (fixed in {fixed})"


def say(line: str, code: int = CLEAN) -> int:
    """Print, and hand on the exit code."""
    sys.stdout.write(line + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
