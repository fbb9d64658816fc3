"""What does an iteration cost? ``train``, ``fit`` and other libraries beside the loop by hand.

    python benchmarks/iteration.py                    all works, about five minutes
    python benchmarks/iteration.py --works line --quick

Read it on a quiet machine. The row "by hand, again" is the noise: what is smaller says nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import torch

import loops
from peers import PEERS
from timing import Cost, Spread, Variant, costs, silence, spread
from works import WORKS, Work, available

BASE, AGAIN = "by hand", "by hand, again"
TRAIN, FIT = "fivestep train", "fivestep fit"
OURS: dict[str, Variant] = {
    BASE: loops.by_hand,
    AGAIN: loops.by_hand,
    TRAIN: loops.with_train,
    FIT: loops.with_fit,
    "fivestep fit, watch=False": loops.with_fit_unwatched,
    "fit, plain lines": loops.with_fit_lines,
    "fit, live on a terminal": loops.with_fit_live,
}
TARGETS = {TRAIN: 1.015, FIT: 1.03}  # of the hand-written loop on the language model
LIBRARIES = ("torch", "lightning", "accelerate", "transformers", "pytorch-ignite", "skorch")


class Row(NamedTuple):
    """One variant on one work."""

    name: str
    cpu: Spread  # seconds an iteration
    wall: Spread
    over: Spread  # seconds of the processor more than by hand
    ratio: Spread
    setup: Spread  # seconds of the processor a run
    weights: str


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    torch.set_num_threads(1)
    variants, missing = everybody()
    print(introduction(missing))
    tables: dict[str, list[Row]] = {}
    for name in given.works:
        if not available(name):
            print(f"\n{name}: needs scikit-learn for its data, which is not installed")
            continue
        work = shortened(WORKS[name]) if given.quick else WORKS[name]
        tables[name] = measure(work, variants, 3 if given.quick else given.rounds)
        print(table(name, work, tables[name]), flush=True)
    print(verdict(tables))
    if given.json is not None:
        given.json.write_text(json.dumps(report(tables, missing), indent=1) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    made.add_argument("--rounds", type=int, default=11, help="how often each is timed")
    made.add_argument("--quick", action="store_true", help="short runs, 3 rounds: a smoke test")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return made


def everybody() -> tuple[dict[str, Variant], dict[str, str]]:
    """Gather fivestep's own loops and those peers that can be imported; say who is missing."""
    variants, missing = dict(OURS), dict[str, str]()
    for peer in PEERS:
        try:
            with silence():
                variants[peer.name] = peer.make()
        except ImportError as error:
            missing[peer.name] = f"not installed ({error})"
    try:
        loops.terminal()
    except ImportError:
        missing["fit, live on a terminal"] = "no pseudo-terminals here"
        del variants["fit, live on a terminal"]
    return variants, missing


def shortened(work: Work) -> Work:
    return replace(work, short=max(work.short // 5, 2), long=max(work.long // 5, 4))


def measure(work: Work, variants: dict[str, Variant], rounds: int) -> list[Row]:
    # Once before the clock runs: imports, caches, and whether all train the same.
    weights = {name: trained(work, variant) for name, variant in variants.items()}
    gc.collect()
    gc.freeze()  # what the libraries have loaded is nobody's work to search through
    found = costs(work, variants, rounds, tell)
    gc.unfreeze()
    tell("")
    return [
        row(name, found[name], found[BASE], difference(weights[name], weights[BASE]))
        for name in variants
    ]


def trained(work: Work, variant: Variant) -> list[torch.Tensor]:
    job = work.job(work.long)
    with silence():
        variant(job)
    return [parameter.detach().clone() for parameter in job.model.parameters()]


def difference(one: list[torch.Tensor], other: list[torch.Tensor]) -> str:
    """Say whether two trained models have the same bits, else how far apart they are."""
    if all(map(torch.equal, one, other)):
        return "same"
    apart = max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))
    return f"{apart:.1e} off"


def row(name: str, own: list[Cost], base: list[Cost], weights: str) -> Row:
    pairs = list(zip(own, base, strict=True))
    return Row(
        name,
        cpu=spread(cost.cpu for cost in own),
        wall=spread(cost.wall for cost in own),
        over=spread(cost.cpu - hand.cpu for cost, hand in pairs),
        ratio=spread(cost.cpu / hand.cpu for cost, hand in pairs),
        setup=spread(cost.setup for cost in own),
        weights=weights,
    )


def tell(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:<40}\r")
        sys.stderr.flush()


def introduction(missing: dict[str, str]) -> str:
    lines = [
        f"torch {torch.__version__}, Python {platform.python_version()}, one thread.",
        "Cost of an iteration: the slope between a short and a long run of one epoch, medians of",
        "interleaved rounds [quartiles]. 'over' and 'ratio' compare CPU time, round by round, with",
        "the loop by hand. Everybody has the same model, optimizer and batches in memory. Data:",
        *(f"  {peer.name:<24} {peer.data}" for peer in PEERS if peer.name not in missing),
        *(f"  {name:<24} {why}" for name, why in missing.items()),
    ]
    return "\n".join(lines)


def table(name: str, work: Work, rows: list[Row]) -> str:
    head = (
        f"{'':<24}{'CPU us':>26}{'wall us':>11}{'over us':>26}{'ratio':>23}{'run ms':>9}  weights"
    )
    between = f"between {work.short:,} and {work.long:,} iterations"
    return "\n".join([f"\n{name}: {work.what}; {between}", head, *map(text_of, rows)])


def text_of(row: Row) -> str:
    return (
        f"{row.name:<24}{figure(row.cpu, 1e6, 1):>26}{row.wall.median * 1e6:>11,.1f}"
        f"{figure(row.over, 1e6, 1):>26}{figure(row.ratio, 1, 3):>23}"
        f"{row.setup.median * 1e3:>9,.1f}  {row.weights}"
    )


def figure(value: Spread, scale: float, digits: int) -> str:
    whole = abs(value.median * scale) >= 1000
    middle, low, high = (f"{part * scale:,.{0 if whole else digits}f}" for part in value)
    return f"{middle} [{low} {high}]"


def verdict(tables: dict[str, list[Row]]) -> str:
    """Say of each target whether this run met it."""
    lines = ["\nTargets, in this run:"]
    if "lm" in tables:
        rows = {row.name: row for row in tables["lm"]}
        lines += [
            f"  {name} on lm: {figure(rows[name].ratio, 1, 3)} of by hand, target {most}: "
            + met(rows[name].ratio.median <= most)
            + doubt(rows[AGAIN].ratio, most)
            for name, most in TARGETS.items()
        ]
        lines.append(f"  noise on lm: by hand, again: {figure(rows[AGAIN].ratio, 1, 3)}")
    if "line" in tables:
        lines += fixed_costs({row.name: row for row in tables["line"]})
    return "\n".join(lines)


def fixed_costs(rows: dict[str, Row]) -> list[str]:
    ours = rows[FIT].over
    lines = [f"  fit's fixed cost on the line: {figure(ours, 1e6, 1)} us an iteration"]
    peers = [rows[peer.name] for peer in PEERS if peer.name in rows]
    for row in sorted(peers, key=lambda row: row.over.median):
        below = met(ours.median < row.over.median, "fit is below", "fit is NOT below")
        lines.append(f"    {row.name:<22}{figure(row.over, 1e6, 1):>26} us: {below}")
    return lines


def met(true: bool, yes: str = "met", no: str = "NOT met") -> str:
    return yes if true else no


def doubt(noise: Spread, most: float) -> str:
    if max(abs(part - 1) for part in noise) <= most - 1:
        return ""
    return " (but the noise of this run is larger: time it on a quiet machine)"


def report(tables: dict[str, list[Row]], missing: dict[str, str]) -> dict[str, Any]:
    """Put the figures into plain values, in seconds."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: known for name in LIBRARIES if (known := version_of(name))},
        "missing": missing,
        "works": {
            name: [
                {
                    key: part._asdict() if isinstance(part, Spread) else part
                    for key, part in row._asdict().items()
                }
                for row in rows
            ]
            for name, rows in tables.items()
        },
    }


def version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    raise SystemExit(main())
