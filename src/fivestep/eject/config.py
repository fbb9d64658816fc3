"""The configuration of a run, read off its record, with the names that the text gives to things."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Lines = list[str]
WIDTH = 100


@dataclass(frozen=True)
class Config:
    """What the fragments of the text ask for.

    Args:
        setup: ``run.setup``.
    """

    setup: dict[str, Any]

    @property
    def loop(self) -> dict[str, Any]:
        """What ``facts.py`` wrote down."""
        return self.setup["loop"]

    def option(self, name: str) -> Any:
        """An option of ``fit``."""
        return self.setup["options"].get(name)

    # --- the data ---

    @property
    def train(self) -> dict[str, Any]:
        """The training's data."""
        return self.loop["train"]

    @property
    def validation(self) -> dict[str, Any] | None:
        """The validation's data."""
        return self.loop["validation"]

    @property
    def forward(self) -> bool:
        """Tell whether ``forward`` and the loss take the whole batch."""
        return self.loop["forward"]

    @property
    def batch(self) -> str:
        """What the loop calls a batch."""
        return "batch" if self.forward else "inputs, targets"

    @property
    def target(self) -> str:
        """What the loss takes besides the prediction."""
        return "batch" if self.forward else "targets"

    @property
    def device(self) -> str:
        """The kind of device: ``"cpu"``, ``"cuda"``."""
        return (self.loop["model"]["device"] or "cpu").split(":")[0]

    @property
    def sentinel(self) -> bool:
        """Tell whether the end of the data shows only when it is reached."""
        unknown = self.train["kind"] == "iterable" or self.train["kind"] == "loader"
        sized = not unknown or self.train["sized"]
        return self.windows and (not sized or self.option("nonfinite") == "skip")

    # --- the iteration ---

    @property
    def module(self) -> bool:
        """Tell whether the model is an ``nn.Module``."""
        return self.loop["model"]["module"]

    @property
    def network(self) -> str:
        """What is called."""
        return "compiled" if self.option("compile") else "model"

    @property
    def half(self) -> str | None:
        """The 16-bit type of the forward."""
        word = self.option("precision")
        return None if word == "float32" else word

    @property
    def scaled(self) -> bool:
        """Tell whether the gradients are scaled."""
        return self.half == "float16"

    @property
    def several(self) -> bool:
        """Tell whether several optimizers step together."""
        return self.loop["optimizer"]["several"]

    @property
    def closure(self) -> bool:
        """Tell whether the optimizer evaluates the loss itself."""
        return self.loop["optimizer"]["closure"]

    @property
    def window(self) -> int:
        """Batches in an update."""
        return self.option("accumulate")

    @property
    def windows(self) -> bool:
        """Tell whether an update takes several batches."""
        return self.window > 1

    @property
    def sums(self) -> bool:
        """Tell whether the loss sums over its items."""
        return self.loop["sums"]

    @property
    def answers_dict(self) -> bool:
        """Tell whether the loss answers with a dict."""
        return self.loop.get("terms") is not None

    @property
    def terms(self) -> list[str]:
        """The names of the terms of the loss besides ``"loss"``."""
        return self.loop.get("terms") or []

    @property
    def listed_terms(self) -> str:
        """The same as an expression."""
        return f"[{', '.join(map(quoted, self.terms))}]"

    @property
    def counted(self) -> str:
        """The expression that counts the items of a batch."""
        items = self.loop["items"]
        if items["kind"] == "own":
            return f"float(count_items({'batch' if self.forward else '(inputs, targets)'}))"
        if items["kind"] == "samples":
            return self._samples
        if items["weight"] is not None:
            picked = "kept" if self.kept else "targets"
            return f"{items['weight']}[{picked}].sum(dtype=torch.float64).item()"
        if items["ignored"]:
            return f"int((targets != {items['ignore_index']}).sum())"
        return "len(targets)" if items["row"] == 1 else "targets.numel()"

    @property
    def kept(self) -> str | None:
        """The targets that are weighed, where some may be left out."""
        items = self.loop["items"]
        if items.get("weight") is None or not items["ignored"]:
            return None
        return f"targets[targets != {items['ignore_index']}]"

    @property
    def _samples(self) -> str:
        if not self.forward:
            return _first("targets", self.train.get("targets", "tensor"))
        if self.train["kind"] == "memory":  # the first tensor of the whole batch
            return _first("batch[0]", self.train["inputs"])
        return "float(count_items(batch))"

    @property
    def own_items(self) -> bool:
        """Tell whether the user says how many items a batch has."""
        return "count_items" in self.counted

    @property
    def empty(self) -> bool:
        """Tell whether a batch may hold no item at all."""
        items = self.loop["items"]
        if items["kind"] == "own":
            return True
        return items["kind"] == "classes" and (items["ignored"] or items["weight"] is not None)

    @property
    def items(self) -> str:
        """How the items of a batch are written where they are needed."""
        short = self.items_once == "len(targets)" and not self.windows
        return "len(targets)" if short else "items"

    # --- around it ---

    @property
    def unit(self) -> str:
        """The unit in which the run's length is counted."""
        return self.loop["length"][0]

    @property
    def schedule(self) -> dict[str, Any] | None:
        """The learning-rate schedule."""
        return self.loop["schedule"]

    @property
    def shaped(self) -> bool:
        """Tell whether the schedule is one of fivestep's shapes."""
        return self.schedule is not None and self.schedule["kind"] not in ("own", "plateau")

    @property
    def average(self) -> dict[str, Any] | None:
        """The average of the weights."""
        return self.loop["average"]

    @property
    def at_once(self) -> bool:
        """Tell whether there is an average after any update."""
        return self.average is not None and (self.average["start"], self.average["every"]) == (0, 1)

    @property
    def norms(self) -> bool:
        """Tell whether the average needs BatchNorm statistics of its own."""
        return self.average is not None and self.loop["model"]["norms"]

    @property
    def every(self) -> list[Any] | None:
        """How often there is a validation: unit, amount, divisor; None for each epoch."""
        return self.loop["validate_every"]

    @property
    def within(self) -> bool:
        """Tell whether validations fall within an epoch."""
        return self.every is not None and self.every[0] != "epoch"

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics."""
        return self.option("metrics")

    @property
    def monitor(self) -> str | None:
        """The value that tells which weights are best."""
        return self.option("monitor")

    @property
    def judged(self) -> bool:
        """Tell whether the best value is followed."""
        return self.monitor is not None and (self.patience is not None or self.keeps)

    @property
    def keeps(self) -> bool:
        """Tell whether the best weights are kept."""
        wanted = self.option("keep_best") or self.option("restore_best")
        return bool(wanted) and self.module and self.monitor is not None

    @property
    def patience(self) -> int | None:
        """How many validations without a better one are waited for."""
        return self.option("patience")

    @property
    def judged_here(self) -> bool:
        """Tell whether a validation within an epoch is compared with the best."""
        plateau = self.schedule is not None and self.schedule["kind"] == "plateau"
        return (self.judged or plateau) and self.monitor != "loss"

    @property
    def within_patience(self) -> bool:
        """Tell whether patience runs out within an epoch."""
        return self.within and self.patience is not None and self.monitor != "loss"

    @property
    def items_once(self) -> str:
        """How the items of a batch are written in a validation."""
        short = self.counted == "len(targets)" and not self.terms
        return "len(targets)" if short else "items"

    @property
    def stops(self) -> bool:
        """Tell whether something may stop the run within an epoch."""
        return self.within_patience or (self.option("nonfinite") == "stop" and not self.closure)

    @property
    def may_stand(self) -> bool:
        """Tell whether an epoch may pass without a single update."""
        return self.scaled or (self.option("nonfinite") == "skip" and not self.closure)

    @property
    def counts_updates(self) -> bool:
        """Tell whether somebody asks how many updates were made."""
        schedule, average = self.schedule, self.average
        return (
            self.unit == "update"
            or (self.within and self.every is not None and self.every[0] == "update")
            or (schedule is not None and schedule.get("every", ["", 1])[0] == "update"
                and schedule["every"][1] > 1)
            or (average is not None and not self.at_once)
        )  # fmt: skip

    @property
    def counts_iterations(self) -> bool:
        """Tell whether somebody asks how many iterations were made."""
        return self.unit == "iteration" or (self.within and (self.every or [""])[0] == "iteration")

    @property
    def cut_short(self) -> str | None:
        """The condition that an epoch was whole; None where each of them is."""
        tests = {"update": "updates < UPDATES", "iteration": "iteration < ITERATIONS"}
        return None if self._in_whole_epochs else tests.get(self.unit)

    @property
    def _in_whole_epochs(self) -> bool:
        """Tell whether the run ends with the end of an epoch."""
        batches = self.setup["batches"]
        if not batches or (self.unit == "update" and self.option("nonfinite") == "skip"):
            return False
        in_epoch = -(-batches // self.window) if self.unit == "update" else batches
        return self.loop["length"][1] % in_epoch == 0

    @property
    def returned(self) -> list[str]:
        """What ``train`` hands back."""
        best = ["best_weights"] if self.keeps and not self.option("restore_best") else []
        return ["history", *best, *(["averaged.module"] if self.average else [])]


def _first(name: str, structure: Any) -> str:
    """The length of the first tensor of a nest of one level."""
    if structure == "tensor":
        return f"len({name})"
    return f"len({name}[0])" if structure[0] != "dict" else f"len(next(iter({name}.values())))"


def quoted(name: str) -> str:
    """Write any text as a literal, in the quotes that a formatter would choose."""
    plain = json.dumps(name, ensure_ascii=False)
    return repr(name) if '"' in name and "'" not in name else plain


def indented(lines: Lines, depth: int = 1) -> Lines:
    """Shift lines to the right by so many levels; empty ones stay empty."""
    return [f"{'    ' * depth}{line}" if line else line for line in lines]


def fitted(line: str) -> Lines:
    """Break a call that is too long for one line behind its bracket, as a formatter does."""
    ending = next((end for end in ("):", ")") if line.endswith(end)), None)
    if len(line) <= WIDTH or ending is None:
        return [line]
    start = _opening(line.removesuffix(":"))
    margin = " " * (len(line) - len(line.lstrip()))
    inside = line[start + 1 : -len(ending)]
    return [line[: start + 1], f"{margin}    {inside}", f"{margin}{ending}"]


def _opening(line: str) -> int:
    """Where the bracket opens that the end of the line closes."""
    depth = 0
    for place in range(len(line) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(line[place], 0)
        if depth == 0:
            return place
    raise AssertionError(line)
