"""The text that follows the monitored value: the best weights, patience, a plateau."""

from __future__ import annotations

from fivestep.eject import average
from fivestep.eject.config import Config, Lines, indented, quoted


def plateau(config: Config) -> bool:
    """Tell whether the schedule waits for the monitored value."""
    return config.schedule is not None and config.schedule["kind"] == "plateau"


def judge(config: Config) -> Lines:
    """Compare the monitored value with the best so far."""
    if config.monitor is None:
        return []
    value = f"record[{quoted(config.monitor)}]"
    lines: Lines = []
    if config.monitor == "loss" and config.keeps and average.chosen(config) == "chosen":
        lines.append(average.CHOSEN)
    if config.judged:
        better = f"{value} {'<' if config.option('mode') == 'min' else '>'} best"
        if config.option("min_delta"):
            gain = f"best - {value}" if config.option("mode") == "min" else f"{value} - best"
            better = f"{gain} > MIN_DELTA"
        one = f"best = {value}" if config.patience is None else f"best, misses = {value}, 0"
        source = "model" if config.average is None else average.chosen(config)
        keep = (
            [f"best_weights = deepcopy({source}.state_dict())  # a copy, not the live weights"]
            if config.keeps
            else []
        )
        lines += [f"if {better}:", f"    {one}", *indented(keep)]
        if config.patience is not None:
            lines += ["else:", "    misses += 1"]
    if plateau(config):
        lines.append(f"scheduler.step({value})")
    return lines
