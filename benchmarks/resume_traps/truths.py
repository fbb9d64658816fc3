"""The traps: what is asked of a resumed training, and how the answer is read off the two lives.

Every judge compares with the same library's own training that was never touched.
"""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from .bench import Bench, Pair
from .lives import Life, Outcome, begin, ended, held, killed_in_the_next_save, live, terminated
from .problems import EPOCHS, IN_EPOCH, KILLED, LATE, ROWS, Seen

Verdict = Literal["right", "wrong", "refuses", "not offered", "failed"]
WHOLE = EPOCHS * IN_EPOCH


@dataclass(frozen=True)
class Answer:
    """What happened: the verdict, and the figures it rests on."""

    verdict: Verdict
    said: str


@dataclass(frozen=True)
class Trap:
    """One question, and how it is answered."""

    name: str
    title: str
    asks: str
    judge: Callable[[Bench], Answer]


def verdict(right: bool, said: str) -> Answer:
    return Answer("right" if right else "wrong", said)


def refused(second: Outcome) -> Answer | None:
    """If the second life did not come to its end: what it said."""
    if second.left:
        return None
    said = second.error or f"exit code {second.code}"
    return Answer("refuses", said if len(said) < 90 else f"{said[:90]} ...")


def start(second: Outcome) -> int:
    """After how many iterations of the training the second life went on, as its model knows."""
    return second.seen[0]["at"]


def surplus(untouched: Outcome, second: Outcome) -> int:
    """How many iterations more it came to in the end than the training that was never touched."""
    return start(second) + len(second.seen) - len(untouched.seen)


def length(untouched: Outcome, second: Outcome) -> str:
    """What to add to an answer where the number of iterations is not the right one."""
    more = surplus(untouched, second)
    if not more:
        return ""
    noun = "iteration" if abs(more) == 1 else "iterations"
    return f", {abs(more)} {noun} too {'many' if more > 0 else 'few'}"


# --- Reading two lives ----------------------------------------------------------------------------


def twice_and_never(untouched: Outcome, pair: Pair) -> tuple[int, int]:
    """How many samples of the epoch that was cut through came twice, how many never."""
    first, second = pair
    began, at = KILLED // IN_EPOCH * IN_EPOCH, start(second)
    left = began + IN_EPOCH - at + surplus(untouched, second)
    seen = Counter(ids([*first.seen[began:at], *second.seen[:left]]))
    return sum(count - 1 for count in seen.values()), ROWS - len(seen)


def ids(seen: Iterable[Seen]) -> list[int]:
    return [i for one in seen for i in one["ids"]]


def other_masks(untouched: Outcome, second: Outcome) -> int:
    """In how many iterations dropout drew something else."""
    masks = {one["at"]: one["mask"] for one in untouched.seen}
    return sum(masks.get(one["at"]) != one["mask"] for one in second.seen)


def other_rows(untouched: Outcome, second: Outcome) -> tuple[int, int]:
    """How many of the samples that were still to come did not come as they were due."""
    wanted, came = Counter(rows(untouched.seen[start(second) :])), Counter(rows(second.seen))
    return sum((wanted - came).values()), sum(wanted.values())


def rows(seen: Iterable[Seen]) -> list[int]:
    return [row for one in seen for row in one["rows"]]


def apart(untouched: Outcome, second: Outcome, name: str = "weights") -> float:
    """How far two results are apart: 0 only if every bit is the same."""
    left, right = untouched.left[name], second.left[name]
    if torch.equal(left, right):
        return 0.0
    return (left - right).abs().max().item() or float("nan")


def told(distance: float) -> str:
    return "the same bits" if distance == 0 else f"{distance:.1g} apart"


# --- The judges -----------------------------------------------------------------------------------


def order(bench: Bench) -> Answer:
    return _order(bench, "plain")


def stream(bench: Bench) -> Answer:
    return _order(bench, "stream")


def _order(bench: Bench, name: str) -> Answer:
    pair = bench.killed(name)
    if no := refused(pair[1]):
        return no
    untouched = bench.untouched(name)
    twice, never = twice_and_never(untouched, pair)
    said = f"{twice} twice, {never} never{length(untouched, pair[1])}"
    return verdict(twice == never == surplus(untouched, pair[1]) == 0, said)


def weights_of(
    name: str,
    key: str = "weights",
    says: Callable[[Outcome, Outcome], str] | None = None,
    at: int = KILLED,
) -> Callable[[Bench], Answer]:
    """The judge that compares the bits of a result, and says more if there is more to say."""

    def judge(bench: Bench) -> Answer:
        untouched, (_, second) = bench.untouched(name), bench.killed(name, at=at)
        if no := refused(second):
            return no
        distance = apart(untouched, second, key)
        more = [says(untouched, second)] if says else []
        said = ", ".join([told(distance), *more]) + length(untouched, second)
        return verdict(distance == 0, said)

    return judge


def dropout(bench: Bench) -> Answer:
    untouched, (_, second) = bench.untouched("dropout"), bench.killed("dropout")
    if no := refused(second):
        return no
    count = other_masks(untouched, second)
    return verdict(count == 0, f"{count} of {len(second.seen)} masks differ")


def augmentation(bench: Bench) -> Answer:
    return _augmented(bench, later=2)


def workers(bench: Bench) -> Answer:
    return _augmented(bench, later=0)


def _augmented(bench: Bench, later: int) -> Answer:
    untouched = bench.untouched("augmented", 2)
    _, second = bench.killed("augmented", workers=2, later=later)
    if no := refused(second):
        return no
    count, whole = other_rows(untouched, second)
    return verdict(count == 0, f"{count} of {whole} samples differ")


def state_kind(untouched: Outcome, second: Outcome) -> str:
    return f"the sums in {second.left['kind']}"


def stopping(bench: Bench) -> Answer:
    untouched, (_, second) = bench.untouched("stopping"), bench.killed("stopping", at=LATE)
    if no := refused(second):
        return no
    ends = [(one.left["trained"], round(one.left["best"], 4)) for one in (second, untouched)]
    (after, best), (due, lowest) = ends
    said = f"stopped after {after} for {due}, best {best:g} for {lowest:g}"
    return verdict(ends[0] == ends[1], said)


def history(bench: Bench) -> Answer:
    _, second = bench.killed("logged")
    if no := refused(second):
        return no
    count = Counter(second.left["logged"])
    twice = sum(number - 1 for number in count.values())
    never = sum(step not in count for step in bench.untouched("logged").left["logged"])
    return verdict(twice == never == 0, f"{twice} twice, {never} never")


def half_written(bench: Bench) -> Answer:
    bench.untouched("plain")
    life = bench.life(at=11, event=killed_in_the_next_save)
    first = live(bench.training("plain"), life)
    if first.code >= 0:
        raise RuntimeError(f"it was to be killed in a save, and ended with {first.code}")
    second = bench.again("plain", life)
    if no := refused(second):
        return no
    at, untouched = start(second), bench.untouched("plain")
    whole = 0 < at < len(first.seen) and surplus(untouched, second) == 0
    return verdict(whole, f"went on from {at}{length(untouched, second)}")


def flipped(bench: Bench) -> Answer:
    return _damaged(bench, flip)


def truncated(bench: Bench) -> Answer:
    return _damaged(bench, lambda path: os.truncate(path, path.stat().st_size // 2))


def zeroed(bench: Bench) -> Answer:
    return _damaged(bench, lambda path: path.write_bytes(bytes(path.stat().st_size)))


def flip(path: Path) -> None:
    """Turn over one bit in the middle, where every format has weights and nothing else."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0b0000_0100
    path.write_bytes(data)


def _damaged(bench: Bench, damage: Callable[[Path], Any]) -> Answer:
    """The newest save is damaged: is it found, and is the one before it used?"""
    whole = bench.again("plain", bench.stopped("plain"))
    life = bench.stopped("plain")
    damage(bench.module.weights_file(life.folder))
    second = bench.again("plain", life)
    if no := refused(second):
        return no
    if start(second) < start(whole):
        return verdict(start(second) > 0, f"went on from {start(second)}, not {start(whole)}")
    return Answer("wrong", f"taken as it was, {told(apart(whole, second))}")


class Code:
    """A pickle that makes a folder when it is loaded; it might as well do anything else."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def pickled(bench: Bench) -> Answer:
    """Every file of the newest save in turn is replaced by a pickle that runs code."""
    ran, files = list[str](), 0
    for number, _ in enumerate(bench.module.files(bench.stopped("plateau", LATE).folder)):
        life = bench.stopped("plateau", LATE)
        path = bench.module.files(life.folder)[number]
        bench.module.plant(path, pickle.dumps(Code(life.home / "ran")))
        bench.again("plateau", life)
        files += 1
        ran += [path.name] * (life.home / "ran").exists()
    return verdict(not ran, f"code run from {len(ran)} of {files} files{_listed(ran)}")


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def rivals(bench: Bench) -> Answer:
    """One trains; while it stands in its eighteenth iteration a second one starts in its folder."""
    bench.untouched("plain")
    life = bench.life(at=KILLED, event=held)
    number = begin(bench.training("plain"), life)
    while not (life.home / "held").exists():
        if os.waitpid(number, os.WNOHANG)[0]:
            raise RuntimeError("the first of two ended before the second began")
    second = _beside(bench, life)
    (life.home / "go").touch()
    first = ended(number, life)
    if second.left:
        return Answer("wrong", f"both trained, {'both' if first.left else 'the second'} to the end")
    return verdict(bool(first.left), f"the second refused, {second.error.partition(':')[0]}")


def _beside(bench: Bench, life: Life) -> Outcome:
    """A second process on the same saves, its diary elsewhere."""
    other = bench.life()
    other.home.mkdir(parents=True)
    (other.home / "saved").symlink_to(life.folder)
    return bench.again("plain", other)


def sigterm(bench: Bench) -> Answer:
    bench.untouched("sigterm")
    life = bench.life(at=KILLED, event=terminated)
    first = live(bench.training("sigterm"), life)
    second = bench.again("sigterm", life)
    if no := refused(second):
        return no
    ended_with = f"signal {-first.code}" if first.code < 0 else f"exit code {first.code}"
    again = len(first.seen) - start(second)
    distance = apart(bench.untouched("sigterm"), second)
    said = f"{ended_with}, {again} made again, {told(distance)}"
    return verdict(again <= 1 and distance == 0, said)


TRAPS = (
    Trap(
        "order",
        "the epoch that was cut through",
        "a shuffled data set of 40: how many of its samples come twice and never in that epoch",
        order,
    ),
    Trap(
        "weights",
        "the weights at the end",
        "the same training: its final weights, beside those of the one that was never touched",
        weights_of("plain"),
    ),
    Trap(
        "stream",
        "a stream of samples",
        "an iterable data set: how many of its 40 samples come twice and never in that epoch",
        stream,
    ),
    Trap(
        "dropout",
        "dropout's numbers",
        "a model with dropout: in how many of the iterations to come it draws another mask",
        dropout,
    ),
    Trap(
        "augmentation",
        "augmentation in two workers",
        "samples drawn aside at random in two workers: how many of those to come are others",
        augmentation,
    ),
    Trap(
        "workers",
        "another number of workers",
        "the same, killed with two workers and resumed with none",
        workers,
    ),
    Trap(
        "window",
        "an open window of accumulation",
        "gradients of four batches make an update; killed within a window: weights at the end",
        weights_of("window"),
    ),
    Trap(
        "master",
        "float32 sums of bfloat16 weights",
        "an optimizer that sums up in float32 what the bfloat16 weights take: weights at the end, "
        "and the type of those sums",
        weights_of("master", says=state_kind),
    ),
    Trap(
        "scaled",
        "the scale of float16",
        "float16 with a gradient scaler that begins too high: weights at the end",
        weights_of("scaled"),
    ),
    Trap(
        "plateau",
        "a plateau schedule",
        "the rate falls after two epochs without a better validation loss; killed between the "
        "two: weights at the end",
        weights_of("plateau", at=LATE),
    ),
    Trap(
        "averaged",
        "an average of the weights",
        "an exponential average, taken at every update: its bits at the end",
        weights_of("averaged", "average"),
    ),
    Trap(
        "stopping",
        "early stopping",
        "patience of three epochs, best in the second, killed in the fourth: after how many "
        "iterations it stops, and with which best value",
        stopping,
    ),
    Trap(
        "history",
        "the log",
        "the loss logged after every update: how many are in the log twice and never",
        history,
    ),
    Trap(
        "half_written",
        "killed within a save",
        "the kernel ends the process in the midst of writing a save: is the one before it used",
        half_written,
    ),
    Trap(
        "flipped",
        "a bit turned over",
        "one bit turned over in the middle of the newest file with weights: is it noticed",
        flipped,
    ),
    Trap(
        "truncated",
        "a file cut short",
        "the same file cut to half its length: is the save before it used",
        truncated,
    ),
    Trap(
        "zeroed",
        "a file of zeros",
        "the same file filled with zeros, as power cuts leave it: is the save before it used",
        zeroed,
    ),
    Trap(
        "pickled",
        "a crafted pickle",
        "each file of the newest save, but safetensors of others, in turn replaced by a pickle "
        "that runs code; the training is that of the plateau",
        pickled,
    ),
    Trap(
        "rivals",
        "two processes in one folder",
        "a second process resumes in the folder while the first still trains",
        rivals,
    ),
    Trap(
        "sigterm",
        "SIGTERM",
        "SIGTERM in the eighteenth iteration: how it ends, how many iterations are made again (the "
        "one in which it comes may be), and the weights at the end",
        sigterm,
    ),
)
