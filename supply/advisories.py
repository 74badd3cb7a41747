"""Advisories in the OSV format (Open Source Vulnerability schema), from files alone."""

import datetime as dt
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ECOSYSTEM: Final = "PyPI"


class Unreadable(Exception):
    """A file that holds no advisories."""


class Event(msgspec.Struct, frozen=True):
    """A version at which something begins or ends."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None


class Range(msgspec.Struct, frozen=True):
    """Versions from event to event."""

    type: str = ""
    events: tuple[Event, ...] = ()


class Package(msgspec.Struct, frozen=True):
    """Whose versions are meant."""

    ecosystem: str = ""
    name: str = ""


class Affected(msgspec.Struct, frozen=True):
    """Which versions of one package."""

    package: Package = Package()
    versions: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()


class Advisory(msgspec.Struct, frozen=True):
    """One record; fields that are not needed are left out."""

    id: str
    modified: dt.datetime
    withdrawn: dt.datetime | None = None
    summary: str = ""
    aliases: tuple[str, ...] = ()
    affected: tuple[Affected, ...] = ()

    def names(self) -> set[str]:
        """The packages that it is about."""
        return {canonicalize_name(one.package.name) for one in self.affected}

    def affects(self, name: str, version: str) -> bool:
        """Whether a version is affected; one that cannot be compared counts as affected."""
        if self.withdrawn is not None:
            return False
        return any(
            version in one.versions or any(_contains(span, version) for span in one.ranges)
            for one in self.affected
            if one.package.ecosystem.partition(":")[0] == ECOSYSTEM
            and canonicalize_name(one.package.name) == canonicalize_name(name)
        )

    def fixed_in(self, name: str) -> list[str]:
        """The versions that no longer have it."""
        return [
            event.fixed
            for one in self.affected
            if canonicalize_name(one.package.name) == canonicalize_name(name)
            for span in one.ranges
            if span.type != "GIT"
            for event in span.events
            if event.fixed is not None
        ]


def _contains(span: Range, version: str) -> bool:
    """Whether a range holds a version (OSV schema 1.6, section "Evaluation")."""
    if span.type == "GIT":  # names commits, not versions
        return False
    try:
        here = Version(version)
        begins = [_version(one.introduced) for one in span.events if one.introduced is not None]
        ends = [_version(one.fixed) for one in span.events if one.fixed is not None]
        lasts = [
            _version(one.last_affected) for one in span.events if one.last_affected is not None
        ]
    except InvalidVersion:
        return True
    begin = max((one for one in begins if one <= here), default=None)
    if begin is None:
        return False
    ended = any(begin <= one <= here for one in ends)
    return not ended and not any(begin <= one < here for one in lasts)


def _version(text: str) -> Version:
    return Version("0.dev0" if text == "0" else text)  # "0" stands for the very first


def load(path: Path) -> list[Advisory]:
    """All advisories of a JSON file, of a folder of such files, or of a zip of them.

    Raises:
        Unreadable: there is nothing like that at `path`.
    """
    found = []
    for name, data in _documents(path):
        try:
            document = json.loads(data)
            if isinstance(document, dict) and "vulns" in document:
                document = document["vulns"]
            records = document if isinstance(document, list) else [document]
            found += msgspec.convert(records, list[Advisory])
        except (ValueError, msgspec.ValidationError) as error:
            raise Unreadable(f"{name}: {error}") from error
    return found


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*.json")):
                yield file.name, file.read_bytes()
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".json"):
                        yield name, archive.read(name)
        else:
            yield path.name, path.read_bytes()
    except (OSError, zipfile.BadZipFile) as error:
        raise Unreadable(str(error)) from error
