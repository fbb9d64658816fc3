"""The text that cuts the data into batches and puts them into order."""

from __future__ import annotations

from typing import Any

from fivestep.eject.config import Config, Lines, indented

SEEDED = "np.random.default_rng((SEED, epoch)).permutation({count})"


def constants(config: Config) -> list[tuple[str, Any]]:
    """How the data is cut."""
    found = [("BATCH_SIZE", config.train["batch_size"])] if "batch_size" in config.train else []
    size = (config.validation or {}).get("batch_size")
    if size is not None and [("BATCH_SIZE", size)] != found:
        found.append(("VALIDATION_BATCH_SIZE", size))
    return [*found, *([] if config.option("seed") is None else [("SEED", config.option("seed"))])]


def kind(data: dict[str, Any], forward: bool) -> str:
    """The type of the argument that brings the data."""
    if data["kind"] == "memory":
        return f"tuple[{_kind(data['inputs'])}, {_kind(data['targets'])}]"
    if data["kind"] == "iterable":
        return "Iterable[Any]" if forward else "Iterable[tuple[Tensor, Tensor]]"
    return "Dataset[Any]" if data["kind"] == "dataset" else "DataLoader[Any]"


def _kind(structure: Any) -> str:
    if structure == "tensor":
        return "Tensor"
    return "dict[str, Tensor]" if structure[0] == "dict" else "tuple[Tensor, ...]"


def shared(config: Config) -> bool:
    """Tell whether one function cuts both sets of data, in the order that it is given."""
    train, validation = config.train, config.validation or {}
    alike = ("kind", "batch_size", "inputs", "targets")
    same = all(train.get(name) == validation.get(name) for name in alike)
    return train["kind"] == "memory" and train["shuffle"] and same and not config.norms


def ordered(config: Config) -> Lines:
    """Draw the order of an epoch, where the loop itself does so."""
    if not shared(config):
        return []
    rows = rows_of("train_data[1]", config.train["targets"])
    if config.option("seed") is None:
        return [f"order = torch.randperm({rows})"]
    return [
        "# The order follows from seed and epoch alone, whatever else draws random numbers.",
        "rng = np.random.default_rng((SEED, epoch))",
        f"order = torch.from_numpy(rng.permutation({rows}))",
    ]


def epoch_of(config: Config, number: str = "epoch") -> str:
    """The expression for one epoch's batches."""
    data = config.train
    if data["kind"] in ("loader", "iterable"):
        return "train_data"
    if shared(config):
        return "batches(train_data, order)"
    return f"batches(train_data, {number})" if data["shuffle"] else "batches(train_data)"


def batch_count(config: Config) -> str:
    """The expression for how many batches an epoch has."""
    data = config.train
    if data["kind"] in ("loader", "iterable"):
        return "len(train_data)"
    rows = "len(train_data)"
    if data["kind"] == "memory":
        rows = rows_of("train_data[1]", data["targets"])
    return f"math.ceil({rows} / BATCH_SIZE)"


def rows_of(name: str, structure: Any) -> str:
    """The expression for how many samples lie in memory."""
    if structure == "tensor":
        return f"len({name})"
    return f"len(next(iter({name}.values())))" if structure[0] == "dict" else f"len({name}[0])"


def helper(config: Config) -> Lines:
    """The function that makes the batches of an epoch; nothing for data that brings its own."""
    data = config.train
    if data["kind"] not in ("memory", "dataset"):
        return []
    number = ", epoch: int" if data["shuffle"] else ""
    number = ", order: Tensor" if shared(config) else number
    given = kind(data, config.forward)
    if data["kind"] == "memory":
        what = '"""Cut the data into batches, in an order of its own for every epoch."""'
        if not data["shuffle"]:
            what = '"""Cut the data into batches, in the order in which it lies."""'
        if shared(config):
            what = '"""Cut the data into batches, in the order given."""'
        head = f"def batches(data: {given}{number}) -> Iterator[{given}]:"
        return [*_fitting(head), *indented([what, *_cut(config, data)])]
    what = '"""Make the batches of one epoch, in an order of its own."""'
    if not data["shuffle"]:
        what = '"""Make the batches of one epoch, in the order of the data set."""'
    head = f"def batches(dataset: {given}{number}) -> DataLoader[Any]:"
    return [head, *indented([what, *_loader(config)])]


def _fitting(head: str) -> Lines:
    if len(head) <= 100:
        return [head]
    inside, result = head[head.index("(") + 1 :].split(") -> ")
    return [f"{head[: head.index('(') + 1]}", f"    {inside}", f") -> {result}"]


def _cut(config: Config, data: dict[str, Any]) -> Lines:
    rows = rows_of("targets", data["targets"])
    pair = f"{taken('inputs', data['inputs'])}, {taken('targets', data['targets'])}"
    if not data["shuffle"]:
        pair = f"{copied('inputs', data['inputs'])}, {copied('targets', data['targets'])}"
        return [
            "inputs, targets = data",
            f"for start in range(0, {rows}, BATCH_SIZE):",
            "    part = slice(start, start + BATCH_SIZE)",
            f"    yield {pair}",
        ]
    order = [f"order = torch.randperm({rows})"]
    if shared(config):
        order = []
    elif config.option("seed") is not None:
        order = [
            "# The order follows from seed and epoch alone, whatever else draws random numbers.",
            f"order = torch.from_numpy({SEEDED.format(count=rows)})",
        ]
    return [
        "inputs, targets = data",
        *order,
        "for part in order.split(BATCH_SIZE):",
        f"    yield {pair}",
    ]


def taken(name: str, structure: Any) -> str:
    """The samples ``part`` of one tensor, or of each."""
    if structure == "tensor":
        return f"{name}[part]"
    if structure[0] == "dict":
        return f"{{name: column[part] for name, column in {name}.items()}}"
    return f"tuple(column[part] for column in {name})"


def copied(name: str, structure: Any) -> str:
    """The same for slices, which are views: a copy, which a model may work on in place."""
    return taken(name, structure).replace("[part]", "[part].clone()")


def _loader(config: Config) -> Lines:
    if config.option("seed") is None:
        shuffle = ", shuffle=True" if config.train["shuffle"] else ""
        return [f"return DataLoader(dataset, batch_size=BATCH_SIZE{shuffle})"]
    made = [
        "# A loader draws a number for its workers: from a generator of its own, so that dropout",
        "# does not depend on how the data is loaded.",
        "generator = torch.Generator().manual_seed(SEED)",
    ]
    if not config.train["shuffle"]:
        return [*made, "return DataLoader(dataset, batch_size=BATCH_SIZE, generator=generator)"]
    return [
        "# The order follows from seed and epoch alone, whatever else draws random numbers.",
        f"order = {SEEDED.format(count='len(dataset)')}.tolist()",
        *made,
        "return DataLoader(dataset, batch_size=BATCH_SIZE, sampler=order, generator=generator)",
    ]


def seeds(config: Config) -> Lines:
    """Seed everything, as a run does at its start."""
    if config.option("seed") is None:
        return []
    seed = config.option("seed")
    numpy = "np.random.seed(SEED)" if seed < 2**32 else "np.random.seed(SEED % 2**32)"
    return ["random.seed(SEED)", numpy, "torch.manual_seed(SEED)"]


def before_epoch(config: Config) -> Lines:
    """What a loader is told before each epoch."""
    if not config.train.get("set_epoch"):
        return []
    return ["train_data.sampler.set_epoch(epoch)  # else each epoch has the same order"]


def moved(config: Config, data: dict[str, Any]) -> Lines:
    """Put a batch where the model is."""
    if config.device == "cpu" or (config.forward and data["kind"] != "memory"):
        return []
    lines = [f"{name} = {_to(name, data.get(name, 'tensor'))}" for name in ("inputs", "targets")]
    if not config.forward:
        return lines
    return ["inputs, targets = batch", *lines, "batch = inputs, targets"]


def _to(name: str, structure: Any) -> str:
    move = "to(device, non_blocking=True)"
    if structure == "tensor":
        return f"{name}.{move}"
    if structure[0] == "dict":
        return f"{{key: one.{move} for key, one in {name}.items()}}"
    return f"tuple(one.{move} for one in {name})"
