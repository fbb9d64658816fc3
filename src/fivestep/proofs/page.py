"""A proof for people: a table of the guarantees, and below it what does not hold and why."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from fivestep.paper import Console, Text
from fivestep.proofs.bench.verdict import Measure, Verdict, failing
from fivestep.proofs.words import bound, deviation

_before = random.getstate()

from rich import box  # noqa: E402
from rich.table import Table  # noqa: E402

random.setstate(_before)

if TYPE_CHECKING:
    from fivestep.proofs.proof import Proof, Row

COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "bold red",
    Verdict.NOT_APPLICABLE: "yellow",
    Verdict.NOT_PROVED: "yellow",
}
WIDTH = 110  # columns where there is no terminal


def as_text(proof: Proof) -> str:
    """The printed proof as plain text."""
    page = io.StringIO()
    _print(proof, _console(page, width=WIDTH, plain=True))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def print_proof(proof: Proof, *, file: TextIO | None = None) -> None:
    """Print a proof: on standard output; in colour on a terminal only."""
    page = sys.stdout if file is None else file
    _print(proof, _console(page, width=None if page.isatty() else WIDTH))


def _console(file: TextIO, *, width: int | None, plain: bool = False) -> Console:
    return Console(
        file=file, highlight=False, emoji=False, width=width, force_jupyter=False,
        force_terminal=False if plain else None,
    )  # fmt: skip


def _print(proof: Proof, console: Console) -> None:
    console.print(Text(headline(proof), style="bold"))
    console.print(Text(_used(proof), style="dim"))
    console.print()
    console.print(_table(proof))
    for row in proof.rows:
        for line in _below(row):
            console.print(line)


def headline(proof: Proof) -> str:
    """How many guarantees hold, fail and do not apply."""
    counts = {verdict: sum(row.verdict is verdict for row in proof.rows) for verdict in Verdict}
    parts = [
        f"{count} {_agreeing(verdict, count)}"
        for verdict, count in counts.items() if count
    ]  # fmt: skip
    return f"fivestep prove: of {len(proof.rows)} guarantees " + ", ".join(parts)


def _agreeing(verdict: Verdict, count: int) -> str:
    said = verdict.value
    return said if count == 1 or said.startswith("not") else said.removesuffix("s")


def _used(proof: Proof) -> str:
    used = proof.used
    return (
        f"on {used['samples']} samples in batches of {used['batch_size']}, windows of "
        f"{used['window']}, seed {used['seed']}; {used['parameters']:,} parameters in "
        f"{used['dtype']} on {used['device']}; {proof.seconds:.1f} s"
    )


def _table(proof: Proof) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for title in ("guarantee", "verdict", "deviation (relative)", "bound", "in", "where"):
        table.add_column(title, no_wrap=title != "where", overflow="fold")
    for row in proof.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[Any]:
    verdict = Text(row.verdict.value, style=COLOURS[row.verdict])
    measure = row.measure
    if measure is None:
        return [row.name, verdict, "", "", "", ""]
    where = "" if measure.equal else measure.where
    return [row.name, verdict, deviation(measure), bound(measure), measure.dtype, where]


def _below(row: Row) -> Iterator[Text]:
    """What a row that does not hold has to say; of one that does, only its notes."""
    shown = row.shown
    if row.verdict is Verdict.HOLDS and not shown.notes:
        return
    yield Text(f"\n{row.name}: {row.claim}", style=COLOURS[row.verdict])
    if shown.cause:
        yield _labelled("why", shown.cause)
    if shown.do:
        yield _labelled("do", shown.do, style="green")
    if row.verdict is Verdict.FAILS:
        yield from (_labelled("seen", _seen(one)) for one in failing(shown))
    yield from (_labelled("note", note) for note in shown.notes)


def _seen(measure: Measure) -> str:
    limit = "the same bits" if measure.bound == 0 else f"{measure.bound:.2g} = {measure.why}"
    where = f" at {measure.where}" if measure.where else ""
    return f"{measure.what}, {measure.dtype}: {deviation(measure)}{where}; allowed: {limit}"


def _labelled(label: str, text: str, *, style: str = "") -> Text:
    return Text.assemble((f"  {label:<5}", "dim"), (text, style))
