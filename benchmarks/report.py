"""Render docs/benchmarks.md from what `benchmarks.run` has measured.

python -m benchmarks.report build/benchmarks > docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pyperf  # type: ignore[import-untyped]

PAGE = Path(__file__).parent / "page.md"

LIBRARIES = (
    "aws_lambda_powertools",
    "circuitbreaker",
    "pybreaker",
    "purgatory",
    "aiobreaker",
    "botocore",
    "boto3",
)

LABELS = {
    "nothing": "*no breaker at all*",
    "recloser": "**Recloser**",
    "recloser-batched": "**Recloser**, in `@recloser.handler`",
    "recloser-batched-published": "**Recloser**, whole invocations of 100 calls, publishing included",
    "recloser-held-batched": "**Recloser**, local trip, in `@recloser.handler`",
    "recloser-line": "**Recloser**, a line per call",
    "recloser-beside-botocore": "**Recloser**, beside botocore",
    "recloser-dynamodb": "**Recloser**, flag read from DynamoDB",
    "powertools": "Powertools",
    "powertools-dynamodb": "Powertools with its DynamoDB layer",
    "dataclasses-logging": "*only `dataclasses`, `logging`, `threading`, `typing`*",
}

MICRO, MILLI = 1e6, 1e3


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds: the values of each round, in the order in which they were measured."""

    rounds: tuple[tuple[float, ...], ...]

    @property
    def best(self) -> float:
        return min(map(min, self.rounds))

    @property
    def median(self) -> float:
        return statistics.median(itertools.chain(*self.rounds))

    def ratios(self, other: Figure) -> list[float]:
        """Compare with a contestant measured in turn with this one: the median ratio of each round."""
        return [
            statistics.median(mine / theirs for mine, theirs in zip(*values, strict=True))
            for values in zip(self.rounds, other.rounds, strict=True)
        ]


Figures = dict[str, Figure]


def read(results: Path) -> dict[str, Figures]:
    """Return the figures by section and contestant."""
    sections: dict[str, Figures] = {}
    for benchmark in pyperf.BenchmarkSuite.load(str(results)):
        section, contestant = benchmark.get_name().split("/")
        sections.setdefault(section, {})[contestant] = Figure(
            tuple(run.values for run in benchmark.get_runs())
        )
    return sections


def table(figures: Figures, reference: str, unit: str, scale: float) -> str:
    rows = [
        f"| | best, {unit} | median, {unit} | times {label(reference)} | in the rounds |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, figure in sorted(figures.items(), key=lambda item: ratio(item[1], figures[reference])):
        ratios = figure.ratios(figures[reference])
        rows.append(
            f"| {label(name)} | {number(figure.best * scale)} | {number(figure.median * scale)} "
            f"| {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |"
        )
    return "\n".join(rows)


def ratio(figure: Figure, other: Figure) -> float:
    return statistics.median(figure.ratios(other))


def label(name: str) -> str:
    return LABELS.get(name, name)


def number(value: float) -> str:
    return f"{value:.2f}" if value < 20 else f"{value:.0f}"


def goals(sections: dict[str, Figures]) -> str:
    closed, refused = sections["closed"], sections["refused"]
    mine, line = closed["recloser-batched"].best, closed["recloser-line"].best
    published = closed["recloser-batched-published"].best
    fastest_closed, fastest_refused = fastest(closed), fastest(refused)
    by_flag, held = refused["recloser-batched"].best, refused["recloser-held-batched"].best
    imported = sections["import"]["recloser"].best
    in_lambda = sections["import-lambda"]["recloser"].best
    beside = sections["import-lambda"]["recloser-beside-botocore"].best
    aims = [
        (
            "closed path in a handler, publishing apart, below every peer in the same run",
            f"{micro(mine)}, {micro(published)} with publishing; the fastest peer: {micro(fastest_closed)}",
            mine < fastest_closed,
        ),
        ("a line per call, at most 8 µs", micro(line), line <= 8e-6),
        (
            "a refusal in a handler, below every peer",
            f"{micro(by_flag)} by the flag, {micro(held)} held; the fastest peer: {micro(fastest_refused)}",
            max(by_flag, held) < fastest_refused,
        ),
        (
            "import at most 10 ms after what Lambda's runtime has imported",
            (
                f"{in_lambda * MILLI:.0f} ms; {beside * MILLI:.0f} ms beside botocore; "
                f"{imported * MILLI:.0f} ms in a bare interpreter"
            ),
            in_lambda <= 0.010,
        ),
    ]
    rows = ["| goal | measured | |", "|---|---|---|"]
    rows += [
        f"| {aim} | {measured} | {'met' if is_met else '**missed**'} |" for aim, measured, is_met in aims
    ]
    return "\n".join(rows)


def micro(seconds: float) -> str:
    return f"{seconds * MICRO:.2f} µs"


def fastest(figures: Figures) -> float:
    return min(
        figure.best
        for name, figure in figures.items()
        if not name.startswith("recloser") and name != "nothing"
    )


def requests(counts: dict[str, dict[str, int]]) -> str:
    rows = ["| | Recloser | Powertools |", "|---|---:|---:|"]
    rows += [
        f"| {scenario} | {count['recloser']:,} | {count['powertools']:,} |"
        for scenario, count in counts.items()
    ]
    return "\n".join(rows)


def machine(results: Path, libraries: Iterable[str]) -> str:
    suite = pyperf.BenchmarkSuite.load(str(results))
    metadata = suite.get_metadata()
    rounds = max(benchmark.get_nrun() for benchmark in suite)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("recloser", *libraries))
    return (
        f"{metadata['cpu_model_name']}, {metadata['cpu_count']} cores, "
        f"{metadata['platform'].partition('-')[0]}; "
        f"Python {metadata['python_version']}; pyperf {metadata['perf_version']}, {rounds} rounds.\n"
        f"{versions}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    results = folder / "calls.json"
    sections = read(results)
    page = Template(PAGE.read_text()).substitute(
        goals=goals(sections),
        closed=table(sections["closed"], "recloser-batched", "µs", MICRO),
        awaited=table(sections["async"], "recloser-batched", "µs", MICRO),
        refused=table(sections["refused"], "recloser-batched", "µs", MICRO),
        imports=table(sections["import"], "recloser", "ms", MILLI),
        imports_in_lambda=table(sections["import-lambda"], "recloser", "ms", MILLI),
        first=table(sections["first"], "recloser", "ms", MILLI),
        requests=requests(json.loads((folder / "requests.json").read_text())),
        machine=machine(results, LIBRARIES),
    )
    print(page, end="")


if __name__ == "__main__":
    main()
