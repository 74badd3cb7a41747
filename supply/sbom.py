"""`python -m supply.sbom`: the bill of materials of the program, as CycloneDX 1.6 JSON.

Made of what is pinned (versions, hashes) and of what is installed (licences, who needs whom); no
network is asked. The same pins give the same bytes: there is no serial number, and the time is that
of SOURCE_DATE_EPOCH or left out.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

import loom
from supply.pins import ROOT, RUNTIME, Pin, read

SPEC_VERSION: Final = "1.6"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write it to a file, or to standard output."""
    parser = argparse.ArgumentParser(prog="python -m supply.sbom", description=__doc__)
    parser.add_argument("--output", type=Path, help="where to; standard output if left out")
    chosen = parser.parse_args(arguments)
    text = json.dumps(bill(read(RUNTIME), os.environ), indent=2, ensure_ascii=False) + "\n"
    if chosen.output is None:
        sys.stdout.write(text)
        return 0
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(text, "utf-8")
    sys.stdout.write(f"{chosen.output}\n")
    return 0


def bill(pins: Sequence[Pin], environment: Mapping[str, str]) -> dict[str, Any]:
    """The document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    root = {
        "type": "application",
        "bom-ref": _ref(project["name"], loom.__version__),
        "name": project["name"],
        "version": loom.__version__,
        "description": project["description"],
        "licenses": [{"expression": project["license"]}],
        "purl": _ref(project["name"], loom.__version__),
    }
    refs = {pin.name: _ref(pin.name, pin.version) for pin in pins}
    needs = _needs(pins, project["dependencies"])
    direct = sorted(
        {refs[need.name] for need in _read(project["dependencies"]) if need.name in refs}
    )
    graph = {root["bom-ref"]: direct}
    for pin in pins:
        graph[refs[pin.name]] = sorted(refs[name] for name in needs[pin.name])
    metadata: dict[str, Any] = {"component": root}
    epoch = environment.get("SOURCE_DATE_EPOCH")
    if epoch:
        moment = dt.datetime.fromtimestamp(int(epoch), dt.UTC)
        metadata = {"timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), **metadata}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": metadata,
        "components": [_component(pin) for pin in pins],
        "dependencies": [{"ref": ref, "dependsOn": needed} for ref, needed in graph.items()],
    }


def _ref(name: str, version: str) -> str:
    return f"pkg:pypi/{canonicalize_name(name)}@{version}"


def _component(pin: Pin) -> dict[str, Any]:
    ref = _ref(pin.name, pin.version)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": ref,
        "name": pin.name,
        "version": pin.version,
        "purl": ref,
    }
    licence = _licence(pin)
    if licence:
        component["licenses"] = [licence]
    # Of each file that may be installed, one for every platform: so none is the component's hash.
    component["properties"] = [
        {"name": "loom:file:sha256", "value": digest} for digest in pin.sha256
    ]
    return component


def _metadata(pin: Pin) -> Any | None:
    """Of the installed package, if just this version is installed."""
    try:
        found = importlib.metadata.distribution(pin.name)
    except importlib.metadata.PackageNotFoundError:
        return None
    return found if found.version == pin.version else None


def _licence(pin: Pin) -> dict[str, Any] | None:
    """An SPDX expression where the package gives one, else the words it uses."""
    found = _metadata(pin)
    if found is None:
        return None
    expression = found.metadata.get("License-Expression")
    if expression:
        return {"expression": expression}
    marks = [
        value.rpartition(" :: ")[2]
        for value in found.metadata.get_all("Classifier", [])
        if value.startswith("License :: ")
    ]
    words = found.metadata.get("License", "").strip()
    name = ", ".join(marks) or words.partition("\n")[0]
    return {"license": {"name": name}} if name else None


class Need(NamedTuple):
    """One package that another asks for, here."""

    name: NormalizedName
    extras: frozenset[str]


def _read(requirements: Iterable[str], extras: Iterable[str] = ()) -> list[Need]:
    """Those that apply on this platform, with the extras asked for."""
    found = []
    for text in requirements:
        one = Requirement(text)
        applies = one.marker is None or any(
            one.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if applies:
            found.append(Need(canonicalize_name(one.name), frozenset(one.extras)))
    return found


def _needs(pins: Sequence[Pin], direct: Iterable[str]) -> dict[str, set[NormalizedName]]:
    """What each pinned package needs of the others, its extras included if something asks."""
    requires: dict[str, Sequence[str]] = {}
    for pin in pins:
        found = _metadata(pin)
        requires[pin.name] = () if found is None else found.requires or ()
    needs: dict[str, set[NormalizedName]] = {name: set() for name in requires}
    asked: set[Need] = set()
    waiting = [*_read(direct), *(Need(pin.name, frozenset()) for pin in pins)]
    while waiting:
        need = waiting.pop()
        if need in asked or need.name not in requires:
            continue
        asked.add(need)
        found_here = _read(requires[need.name], need.extras)
        needs[need.name] |= {one.name for one in found_here if one.name in requires}
        waiting += found_here
    return needs


if __name__ == "__main__":
    sys.exit(main())
