"""Write docs/prove.md: what it is, and what it says of two set-ups.

    python docs/make_prove.py

A test runs them again and compares the verdicts; seconds and last digits depend on the machine.
"""

from __future__ import annotations

from pathlib import Path

from fivestep.proofs import chosen
from fivestep.prove import Proof, prove
from fivestep.setup_file import found, load

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# The guarantees, shown on your own model

`fivestep prove train_setup.py` shows what fivestep promises on the model, loss and data that you
have, and says where it does not hold and what in the model makes it so. In code it is
`fivestep.prove(model, loss_fn, optimizer, data)`, which returns a `Proof`: `proof.holds`,
`print(proof)`, `proof.to_json()`, `proof["samples-apart"].shown.measures`.

`train_setup.py` is a plain file that defines `model`, `loss_fn`, `optimizer` and `data` (or
`train`), and where needed `batch_size`, `items` and `forward`, all as `fivestep.fit` takes them; or
a function `setup()` that returns them as a dict. It is imported, so what stands below
`if __name__ == "__main__":` does not start. In code, `prove(..., setup="train_setup.py")` names it.

    fivestep prove train_setup.py [--only NAMES] [--seed N] [--json FILE]

The exit code is 0 if no guarantee fails, 1 if one does, 2 if it could not be tried. The form of the
JSON is `fivestep/prove.schema.json`.

| guarantee | what is shown |
| --- | --- |
"""
MIDDLE = """
**What it runs on.** Copies of model, optimizer and loss, made together; at most 64 samples
(`samples=`) of the first batches. Model, optimizer, gradients, modes, random numbers and the
position of a loader are afterwards as they were. At most two copies exist at a time.

**What a deviation may be.** Where the same operations run in the same order, none: the same bits.
Else the machine epsilon times 1,024, of the size of what is compared. A gradient's size is the
largest of its elements or, where that is nearly nothing because the model stands at a minimum, what
it changes per relative change of the weights. float64 decides wherever the model runs in it: it
tells rounding (1e-16) from error. The model's own type is measured beside it and stands in the
JSON. Casts on the way (`x.float()`) go to float64 too, meanwhile.

**What is by nature untrue.** BatchNorm in train mode looks at whole batches: it is named and
measured, and the rest of the model is judged with it in eval mode. Dropout is off where batches are
compared. LBFGS cannot be accumulated. These rows say *not applicable*, and the exit code stays 0.
So does *not proved*: what could not be tried, and why.

**Resumed is uninterrupted.** The file is run again in fresh processes, and nothing is pickled. One
trains with `fit(checkpoint=...)` for two epochs of at most five batches, in windows of two, and
saves in the middle of an epoch, within a window and between the epochs. From each save another goes
on, under another PYTHONHASHSEED and on another day (the user's own code is told so); after every
iteration parameters, buffers and the optimizer's state have to be the same bits. Where they are
not, what differs outside of what is saved is put back, one thing after the other, until the bits
are the same. So what is named was shown to be the cause:

- attributes of model, loss, optimizer and data set that a checkpoint does not keep (tensors and
  caches of more than 1,000 values, deques, members of enums, what a hook holds), buffers made after
  `__init__`, attributes of classes, variables of modules and around functions;
- generators that only a function or a hook holds, positions of open files;
- what the set-up makes otherwise each time: data or masks drawn without a seed. Where the
  checkpoint looks at the data it refuses to go on, and the cause is named all the same;
- the hash seed (the order of sets of texts), by changing it alone; a clock, by changing the day
  alone or letting it stand still, and the lines that ask for the time.

Not named, though it fails: what the workers of a loader keep (with `num_workers=0` it is), and
numbers that no seed reaches (`os.urandom`). It says so. What runs on and cannot be put back (an
iterator, an object that is made only in training) is named, and said not to be tried.

Not forgotten: a checkpoint of fivestep saves a buffer that is not persistent (a note says that
`state_dict()` leaves it out), small counters, and generators of model and data
([checkpoint.md](checkpoint.md) says which). Whoever saves a `state_dict()` alone forgets them.

Two orders of a small set can agree by chance. A stream, and an iterable of one's own, is not cut to
five batches: of a long one only the first ten iterations are rehearsed. A loop written by hand is
not rehearsed: what is named here is forgotten there, too, unless it stands among the objects of its
`Checkpoint`. Where processes cannot be copied (Windows, macOS) each rehearsal imports torch anew.

**What it does not see.** Samples have to lie along the first dimension. A generator that the model
owns is copied with it: whether it was seeded is not seen. What happens after the first batches, on
several devices, or through hooks on the optimizer's step (they are not copied) is not tried. A
model that `copy.deepcopy` cannot copy, and a loss that uses the model from outside, are refused.
"""
DIGITS = "## Digits, with BatchNorm and dropout"
RESUMED = "## A rate and a generator that no checkpoint knows of"
TOKENS = "## A loss that leaves tokens out, and does not say so"
AFTER = """
The cure it names, `items=lambda batch: (batch[1] != -1).sum()` in the set-up, makes all hold.
A loss that is torch's own, such as `nn.CrossEntropyLoss(ignore_index=-1)`, needs none: fivestep
reads off it what it leaves out.
"""


def page() -> str:
    """The whole page, from running both set-ups."""
    rows = "".join(f"| `{one.name}` | {one.claim} |\n" for one in chosen())
    digits, tokens = section("prove_digits.py", DIGITS), section("prove_tokens.py", TOKENS)
    resumed = section("prove_resumed.py", RESUMED, only="resumed-is-uninterrupted")
    return f"{HEAD}{rows}{MIDDLE}\n{digits}\n{tokens}{AFTER}\n{resumed}"


def section(name: str, title: str, only: str | None = None) -> str:
    """A set-up by its link, the command, and what it printed."""
    command = f"fivestep prove docs/{name}" + (f" --only {only}" if only else "")
    return f"{title}\n\n[{name}]({name}), `{command}`:\n\n```\n{proved(name, only)}```\n"


def proved(name: str, only: str | None) -> Proof:
    """What is said of a set-up."""
    path = str(ROOT / "docs" / name)
    given = found(load(path), name)
    positional = [given.pop(one) for one in ("model", "loss_fn", "optimizer", "data")]
    return prove(*positional, **given, setup=path, only=only)


if __name__ == "__main__":
    (ROOT / "docs" / "prove.md").write_text(page(), encoding="utf-8")
