"""The text of the average of the weights, and of the statistics of its BatchNorm."""

from __future__ import annotations

from fivestep.eject import data
from fivestep.eject.config import Config, Lines, indented

CHOSEN = "chosen = averaged.module if averaged.n_averaged > 0 else model"
NO_TRACE = "with torch.no_grad(), torch.random.fork_rng({devices}):"


def updated(config: Config) -> Lines:
    """Take an update in."""
    average = config.average
    if average is None:
        return []
    update = "averaged.update_parameters(model)"
    if config.at_once:
        return [update]
    beyond = "(updates - AVERAGE_START)" if average["start"] else "updates"
    tests = ["updates > AVERAGE_START"] if average["start"] else []
    tests += [f"{beyond} % AVERAGE_EVERY == 0"] if average["every"] > 1 else []
    return [f"if {' and '.join(tests)}:", f"    {update}"]


def chosen(config: Config) -> str:
    """The module that is validated."""
    if config.average is None:
        return config.network
    return "averaged.module" if config.at_once else "chosen"


def settled(config: Config) -> Lines:
    """Compute the statistics of BatchNorm anew for averaged weights."""
    if not config.norms:
        return []
    generator = config.train.get("generator")
    lines = [NO_TRACE.format(devices=kept_random(config)).replace("torch.no_grad(), ", "")]
    moving = ", device=device" if config.device != "cpu" else ""
    norm = [f"update_bn({data.epoch_of(config, '1')}, averaged{moving})"]
    if config.half is not None:
        cast = f'torch.autocast("{config.device}", dtype=torch.{config.half})'
        lines = [lines[0].replace("with ", f"with {cast}, ")]
    if config.train.get("set_epoch"):
        norm.insert(0, "train_data.sampler.set_epoch(1)")
    lines = [
        "# The statistics of BatchNorm for these weights are not the average of the others.",
        *lines,
        *indented(norm),
    ]
    if generator is not None:
        place = f"train_data.{generator}"
        lines = [f"order = {place}.get_state()", *lines, f"{place}.set_state(order)"]
    if config.at_once:
        return lines
    return ["if averaged.n_averaged > 0:", *indented(lines)]


def kept_random(config: Config) -> str:
    """What ``fork_rng`` keeps."""
    return "devices=[device]" if config.device == "cuda" else "devices=[]"
