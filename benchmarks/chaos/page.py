"""The figures, as lines to watch and as the page of the documents."""

from __future__ import annotations

from .trials import Row


def line(row: Row) -> str:
    """One part, in one line and the lines of its figures."""
    figures = ", ".join(f"{count:,} {name}" for name, count in sorted(row.counts.items()))
    word = "all held" if not row.failures else f"{len(row.failures)} FAILED"
    return f"{row.title}: {row.trials:,} trials, {word} ({row.seconds:.0f} s)\n    {figures}"


def failures(rows: list[Row]) -> str:
    """Name every trial that failed, and how to make it again."""
    return "\n".join(
        f"python -m benchmarks.chaos --only {row.name} --trial {number}\n  {text}"
        for row in rows
        for number, text in row.failures.items()
    )


def write(rows: list[Row]) -> None:
    """Write the page."""
