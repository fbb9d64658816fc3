"""The text around the iterations: what follows an update, an epoch, the run."""

from __future__ import annotations

from fivestep.eject import average, best, schedule, validation
from fivestep.eject.config import Config, Lines, indented
from fivestep.eject.iteration import load_best, looks_back


def after_update(config: Config) -> Lines:
    """What follows each change of the weights."""
    lines = [*schedule.stepped(config, "update"), *average.updated(config)]
    if config.within and config.validation is not None:
        lines += _due(config)
    if config.unit == "update":
        lines += ["if updates == UPDATES:", "    break"]
    return lines


def _due(config: Config) -> Lines:
    assert config.every is not None
    unit, amount, divisor = config.every
    record = '{"epoch": epoch, "update": updates}'
    if not config.counts_updates:
        record = '{"epoch": epoch, "iteration": iteration}'
    judged = config.judged_here
    lines = [*validation.validated(config, record), *(best.judge(config) if judged else [])]
    if judged and config.patience is not None:
        lines += ["if misses >= PATIENCE:", "    stopped = True", "    break"]
    if unit == "update" and divisor == 1:
        return ["if updates % VALIDATE_EVERY == 0:", *indented(lines)]
    if unit == "update":
        test = f"updates * {divisor} // {amount} > (updates - 1) * {divisor} // {amount}"
        return [f"if {test}:  # every {amount / divisor:.6g} updates", *indented(lines)]
    if not looks_back(config):
        return ["if iteration % VALIDATE_EVERY == 0:", *indented(lines)]
    seen = "iteration // VALIDATE_EVERY > looked_at // VALIDATE_EVERY"
    return [f"due, looked_at = {seen}, iteration", "if due:", *indented(lines)]


def at_epoch_end(config: Config) -> Lines:
    """The record of an epoch, its validation where one is due, and what follows from it."""
    record = '{"epoch": epoch, "loss": total / count}'
    if config.empty or config.option("nonfinite") == "skip":
        record = '{"epoch": epoch, "loss": total / count if count else math.nan}'
    lines = ["", f"record = {record}"]
    if config.terms:
        lines.append("record |= {name: summed_up / count for name, summed_up in sums.items()}")
    judged = config.judged or best.plateau(config)
    follows = (
        best.judge(config) if judged and (config.monitor == "loss" or not config.within) else []
    )
    if config.validation is not None and not config.within:
        added = validation.validated(config, None)
        tests = []
        if config.every is not None:
            every = config.every[1]
            tests = [config.cut_short, "epoch % VALIDATE_EVERY == 0" if every > 1 else None]
        test = " and ".join(t for t in tests if t)
        both = config.monitor != "loss"
        inside = [*added, *(follows if both else [])]
        lines += [f"if {test}:", *indented(inside)] if test else inside
        follows = [] if both else follows
    if lines[1:] == [f"record = {record}"] and not follows:
        lines = ["", f"history.append({record})"]
    else:
        lines.append("history.append(record)")
    lines += [*follows, *schedule.stepped(config, "epoch")]
    if config.patience is not None and not config.within_patience:
        lines += ["if misses >= PATIENCE:", "    break"]
    return lines


def ending(config: Config) -> Lines:
    """What is done after the last epoch."""
    stale = config.validation is None or config.option("validate_every") is not None
    settle = average.settled(config) if stale else []
    if settle and config.stops:
        alone = not config.at_once
        head = "if not stopped and averaged.n_averaged > 0:" if alone else "if not stopped:"
        settle = [head, *(settle[1:] if alone else indented(settle))]
    return [*settle, *(load_best(config) if config.option("restore_best") else [])]
