"""What was forgotten, in words: the value, when it changes, and where it belongs."""

from __future__ import annotations

from fivestep.proofs.rehearsal.causes import Causes
from fivestep.proofs.rehearsal.leaves import Leaf
from fivestep.proofs.rehearsal.perform import Outcome

LISTED = 3
_SEED = "seed what the set-up draws (torch.manual_seed at its top), and sort what comes out of sets"


def told(causes: Causes, whole: Outcome, place: int) -> tuple[str, str]:
    """Say why, and what to do."""
    why: list[str] = []
    do: list[str] = []
    for key in causes.forgotten[:LISTED]:
        _add(_forgotten(key, whole, place), why, do)
    if len(causes.forgotten) > LISTED:
        why.append(f"and {len(causes.forgotten) - LISTED} more values")
    if causes.hashed is not None:
        _add(_hashed(causes.hashed, whole, place), why, do)
    if causes.clock is not None:
        _add(_clock(causes.clock), why, do)
    if not why:
        _add(_unexplained(causes, whole, place), why, do)
    return "; ".join(why), "; ".join(dict.fromkeys(do))


def _add(said: tuple[str, str], why: list[str], do: list[str]) -> None:
    why.append(said[0])
    do.append(said[1])


def _forgotten(key: str, whole: Outcome, place: int) -> tuple[str, str]:
    leaf, start = whole.walks[place][key], whole.walks[0].get(key)
    if start is not None and start.digest == leaf.digest:
        return (
            f"{leaf.title} comes out otherwise each time that the set-up is run, and is not saved "
            "(put back, the bits are the same)",
            f"{_home(leaf)}; or {_SEED}",
        )
    before = "was not there" if start is None else f"was {start.shown}"
    if leaf.shown.startswith("the state of a "):
        kind = leaf.shown.removeprefix("the state of a ")
        return (
            f"{leaf.title}, a {kind} of its own, is drawn from and its state is not saved (put "
            "back, the bits are the same)",
            _home(leaf),
        )
    return (
        f"{leaf.title} changes in training and is not saved: it {before} at the start and "
        f"{leaf.shown} at the stop (put back, the bits are the same)",
        _home(leaf),
    )


def _home(leaf: Leaf) -> str:
    """Where a value of this kind belongs."""
    if leaf.how == "buffer":
        return "register the buffer in __init__, so that a fresh model has it"
    if leaf.title.startswith("the position of the file"):
        return "open the file for each sample and seek to its place by the sample's index"
    if leaf.owner.startswith("data") or leaf.title.startswith("data"):
        return (
            "let a sample depend on its index and on the random numbers drawn for it alone, or "
            "give the data state_dict() and load_state_dict()"
        )
    if leaf.shown.startswith("the state of a "):
        return (
            "draw from torch's global generator, which every batch is seeded for, or let the "
            "model hold it in an attribute: its generators are saved"
        )
    if leaf.how in ("variable", "global", "class", "default"):
        return (
            "keep it in the model (a buffer, or get_extra_state and set_extra_state) or, if it is "
            "a rate, in the optimizer's param_groups, which are saved"
        )
    if leaf.owner.startswith("optimizer"):
        return "keep it in the optimizer's state or param_groups, which are saved"
    return "keep it in a buffer, or save it by get_extra_state and set_extra_state"


def _hashed(keys: list[str], whole: Outcome, place: int) -> tuple[str, str]:
    names = [whole.walks[place][key].title for key in keys[:LISTED] if key in whole.walks[place]]
    which = f", which changes {', '.join(names)}" if names else ""
    return (
        f"the bits change with the hash seed of the process{which}: the order of a Python set of "
        "texts is another one in every process",
        "go through sorted(...) instead of a set, and hash with hashlib instead of hash()",
    )


def _clock(asked: list[str]) -> tuple[str, str]:
    sites = ", ".join(asked[:LISTED]) or "somewhere"
    return (
        f"the bits change with the time of day or what has passed of it: {sites}",
        "let the training depend on the number of updates, never on a clock",
    )


def _unexplained(causes: Causes, whole: Outcome, place: int) -> tuple[str, str]:
    names = [whole.walks[place][key].title for key in causes.suspects[:LISTED]]
    if names:
        return (
            f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not as when it was saved, "
            "and cannot be put back to try; nothing else was found",
            _home(whole.walks[place][causes.suspects[0]]),
        )
    if not causes.repeats:
        return (
            "going on twice from the same save gives two results: numbers are drawn that no seed "
            "reaches (os.urandom, secrets, uuid, a generator made without a seed), or an operation "
            "has no fixed order",
            "draw from the global generators; see same-seed-same-run",
        )
    if whole.workers:
        keep = "worker of the loader keeps" if whole.workers == 1 else "workers of the loader keep"
        return (
            f"what it is was not found in this process; the {whole.workers} {keep} a copy of the "
            "data set, whose own state ends with the process",
            "let a sample depend on its index alone; num_workers=0 in the set-up lets this name it",
        )
    return (
        "what was forgotten was not found: it is kept where attributes and variables do not reach "
        "(an extension in C, another process, a file)",
        "look there",
    )
