"""The text of the schedule: its shape, where it is made, when it is stepped."""

from __future__ import annotations

from typing import Any

from fivestep.eject.config import Config, Lines, indented


def factor(config: Config) -> Lines:
    """The function from an update to its factor of the learning rate."""
    shape = config.schedule
    if shape is None or not config.shaped:
        return []
    says = '"""Give the factor of the learning rate for an update, counted from 0."""'
    lines = [says]
    if shape["warmup"]:
        lines += ["if update < WARMUP:", "    return (update + 1) / WARMUP  # never at rate 0"]
    return ["def factor(update: int) -> float:", *indented([*lines, *_fallen(shape)])]


def _fallen(shape: dict[str, Any]) -> Lines:
    if shape["kind"] == "constant":
        return ["return 1.0"]
    begun, length = ("(update - WARMUP)", "(UPDATES_IN_ALL - WARMUP)")
    if not shape["warmup"]:
        begun, length = "update", "UPDATES_IN_ALL"
    progress = f"progress = {begun} / {length} if update < UPDATES_IN_ALL else 1.0"
    lowest = shape["lowest"]
    if shape["kind"] == "linear":
        return [progress, f"return 1 - {'(1 - LOWEST) * ' if lowest else ''}progress"]
    wave = "(1 + math.cos(math.pi * progress)) / 2"
    return [progress, f"return LOWEST + (1 - LOWEST) * {wave}" if lowest else f"return {wave}"]


def made(config: Config) -> Lines:
    """The schedule, made before the first update."""
    if not config.shaped or config.schedule is None:
        return []
    every = config.schedule["every"][1]
    course = "factor" if every == 1 else "lambda step: factor(step * SCHEDULE_EVERY)"
    if config.several:
        return [f"schedulers = [LambdaLR(one, {course}) for one in optimizers]"]
    return [f"scheduler = LambdaLR(optimizer, {course})"]


def _step(config: Config) -> Lines:
    if config.shaped and config.several:
        return ["for scheduler in schedulers:", "    scheduler.step()"]
    return ["scheduler.step()"]


def stepped(config: Config, unit: str) -> Lines:
    """Step it after an update, or at the end of an epoch: ``unit`` says which."""
    schedule = config.schedule
    if schedule is None or schedule["kind"] == "plateau" or schedule["every"][0] != unit:
        return []
    every = schedule["every"][1]
    tests = [config.cut_short if unit == "epoch" else None]
    counted = {"update": "updates", "epoch": "epoch"}[unit]
    tests.append(f"{counted} % SCHEDULE_EVERY == 0" if every > 1 else None)
    head = " and ".join(test for test in tests if test)
    return [f"if {head}:", *indented(_step(config))] if head else _step(config)
