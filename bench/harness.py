"""Rows, contenders and targets; interleaved rounds; medians, ratios and verdicts."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from enum import StrEnum

import msgspec

Sample = Callable[[], float]
"""Measures once and returns the figure in the row's unit."""


class NotMeasured(Exception):
    """Why a contender has no figure."""


class Settings(msgspec.Struct, frozen=True):
    """How much to measure; `quick` only proves that everything runs."""

    rounds: int = 5
    quick: bool = False

    def amount(self, full: int, quick: int) -> int:
        """How many operations one sample does."""
        return quick if self.quick else full


Source = Callable[[Settings], AbstractContextManager[Sample]]
"""Sets a contender up, hands out its sample, tears it down."""


class Unit(StrEnum):
    SECONDS = "s"
    RATE = "/s"
    MESSAGES = "messages"
    CALLS = "calls"
    PACKETS = "packets"
    MIB = "MiB"
    BYTES = "bytes"


class Contender(msgspec.Struct, frozen=True):
    """One side of a row."""

    name: str
    source: Source


class Target(msgspec.Struct, frozen=True):
    """What the row's first contender must reach: a bound on its ratio to another, or on itself."""

    against: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    stretch: bool = False

    def holds(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )


class Row(msgspec.Struct, frozen=True):
    """One figure, whoever has it, and what it must reach; the first contender is Loom."""

    name: str
    figure: str
    unit: Unit
    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...] = ()


class Measurement(msgspec.Struct, frozen=True):
    """What one contender did in every round, or why it did not."""

    name: str
    samples: tuple[float, ...] = ()
    missing: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


class Verdict(msgspec.Struct, frozen=True):
    """What became of one target: `holds` is None when it was not measured, and `why` says why."""

    row: str
    target: Target
    holds: bool | None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: str | None = None


def measure(row: Row, settings: Settings) -> list[Measurement]:
    """Every contender of a row, interleaved within each round: A B C, A B C, ..."""
    samples: dict[str, list[float]] = {contender.name: [] for contender in row.contenders}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        running: dict[str, Sample] = {}
        for contender in row.contenders:
            with _noting(contender.name, missing):
                running[contender.name] = stack.enter_context(contender.source(settings))
        for _ in range(settings.rounds):
            for name, sample in running.items():
                if name not in missing:
                    with _noting(name, missing):
                        samples[name].append(sample())
    return [
        Measurement(name, missing=missing[name])
        if name in missing
        else Measurement(name, tuple(taken))
        for name, taken in samples.items()
    ]


@contextmanager
def _noting(name: str, missing: dict[str, str]) -> Iterator[None]:
    """One contender that is absent or fails must not cost the others their figures."""
    try:
        yield
    except NotMeasured as reason:
        missing[name] = str(reason)
    except ModuleNotFoundError as error:
        missing[name] = f"{error.name} is missing"
    except Exception as error:
        missing[name] = f"failed: {type(error).__name__}: {error}"


def judge(row: Row, measurements: Sequence[Measurement]) -> list[Verdict]:
    """The ratio of the medians decides; the ratios of single rounds show the spread."""
    by_name = {measurement.name: measurement for measurement in measurements}
    subject = by_name[row.contenders[0].name]
    verdicts: list[Verdict] = []
    for target in row.targets:
        peer = by_name[target.against] if target.against is not None else None
        absent = next((m for m in (subject, peer) if m is not None and m.missing), None)
        if absent is not None:
            why = f"{absent.name}: {absent.missing}"
            verdicts.append(Verdict(row.name, target, None, why=why))
            continue
        if peer is None:
            value, spread = subject.median, list(subject.samples)
        else:
            value = subject.median / peer.median
            spread = [a / b for a, b in zip(subject.samples, peer.samples, strict=True)]
        verdicts.append(
            Verdict(row.name, target, target.holds(value), value, min(spread), max(spread))
        )
    return verdicts
