"""Figures and verdicts as tables for people and as JSON for the record."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.harness import Measurement, Settings, Target, Unit, Verdict
from bench.machine import Machine

RESULTS = Path(__file__).with_name("results")


class RowResult(msgspec.Struct, frozen=True):
    row: str
    figure: str
    unit: Unit
    measurements: list[Measurement]
    verdicts: list[Verdict]


class Report(msgspec.Struct, frozen=True):
    started_at: str
    machine: Machine
    settings: Settings
    rows: list[RowResult]


def keep(report: Report) -> Path:
    """Writes the report under bench/results/, named by its start."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{report.started_at.replace(':', '')}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return path


def show(report: Report, console: Console) -> None:
    machine = report.machine
    console.print(f"{machine.processor}, {machine.cores} cores, load {machine.load_1min}")
    console.print(f"{machine.system}, {machine.python}, {machine.openssl}")
    console.print(", ".join(f"{name} {version}" for name, version in machine.versions.items()))
    console.print(f"{report.settings.rounds} rounds, medians (lowest to highest)")
    if report.settings.quick:
        console.print("Quick: the figures only show that everything runs.")
    console.print(_figures(report.rows))
    console.print(_verdicts(report.rows))


def _figures(rows: Sequence[RowResult]) -> Table:
    table = Table("row", "figure", "who", "median", "lowest", "highest", title="Figures")
    for result in rows:
        for index, measurement in enumerate(result.measurements):
            names = (result.row, result.figure) if index == 0 else ("", "")
            if measurement.missing is not None:
                table.add_row(*names, measurement.name, f"not measured: {measurement.missing}")
                continue
            samples = measurement.samples
            values = (measurement.median, min(samples), max(samples))
            table.add_row(
                *names, measurement.name, *(_amount(value, result.unit) for value in values)
            )
        table.add_section()
    return table


def _verdicts(rows: Sequence[RowResult]) -> Table:
    table = Table("row", "target", "reached", "spread", "verdict", title="Targets")
    for result in rows:
        for verdict in result.verdicts:
            target = verdict.target
            table.add_row(
                verdict.row,
                _wanted(target, result.unit),
                _reached(verdict.value, target, result.unit),
                f"{_reached(verdict.low, target, result.unit)} to "
                f"{_reached(verdict.high, target, result.unit)}"
                if verdict.value is not None
                else "",
                _word(verdict),
            )
    return table


def _word(verdict: Verdict) -> str:
    if verdict.holds is None:
        return f"not measured: {verdict.why}"
    return "[green]holds[/green]" if verdict.holds else "[red]misses[/red]"


def _wanted(target: Target, unit: Unit) -> str:
    bound = target.at_least if target.at_least is not None else target.at_most
    side = "at least" if target.at_least is not None else "at most"
    wanted = f"{side} {_reached(bound, target, unit)}"
    if target.against is not None:
        wanted += f" {target.against}"
    return wanted + (" (stretch)" if target.stretch else "")


def _reached(value: float | None, target: Target, unit: Unit) -> str:
    if value is None:
        return ""
    return _amount(value, unit) if target.against is None else f"{value:.3g} x"


def _amount(value: float, unit: Unit) -> str:
    if unit is Unit.SECONDS:
        for factor, name in ((1.0, "s"), (1e3, "ms")):
            if value * factor >= 1:
                return f"{value * factor:.3g} {name}"
        return f"{value * 1e6:.3g} us"
    if unit is Unit.RATE:
        return f"{value:,.0f} /s"
    return f"{value:,.4g} {unit.value}"
