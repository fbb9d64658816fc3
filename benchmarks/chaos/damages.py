"""Damages to the files of checkpoints: refused or recovered, never loaded wrong."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fivestep.checkpoints.snapshot import restored
from fivestep.checkpoints.store import DamagedError, Found, Store

from . import audited
from .disks import MemoryDisk, Watched
from .lives import train
from .trials import Told
from .works import WORKS

BATCH = 500  # damages in one trial
KINDS = ("line", "all at once", "float16, accumulate 4")
KEEP = 3
Files = dict[str, bytes]
_MANIFEST = re.compile(r"checkpoint-\d{10}-[0-9a-f]{64}\.json")


class Saved(NamedTuple):
    """A folder as a training left it, and what its checkpoints hold, the newest first."""

    files: Files
    found: list[tuple[str, Found, set[str]]]  # manifest, content, the files that it needs


@cache
def saved(name: str, scratch: Path) -> Saved:
    """Train once, and read every checkpoint of it while nothing is damaged."""
    folder = scratch / f"saved {name}"
    folder.mkdir()
    train(WORKS[name](), folder, Watched(), keep=KEEP)
    files = {path.name: path.read_bytes() for path in (folder / "saved").iterdir()}
    return Saved(files, _contents(files))


def _contents(files: Files) -> list[tuple[str, Found, set[str]]]:
    manifests = sorted((name for name in files if _MANIFEST.fullmatch(name)), reverse=True)
    found: list[tuple[str, Found, set[str]]] = []
    for place, manifest in enumerate(manifests):
        rest = {name: data for name, data in files.items() if name not in manifests[:place]}
        content = Store(Path(), disk=MemoryDisk(rest)).newest()
        assert content is not None
        assert not content.refused
        found.append((manifest, content, {manifest, *content.body["fragments"].values()}))
    return found


def trial(number: int, scratch: Path) -> Told:
    """Do 500 damages of one seed, under the eyes of the audit hook."""
    chance = random.Random(f"damages {number}")
    whole = saved(KINDS[number % len(KINDS)], scratch)
    allowed = listen(whole)
    counts: Counter[str] = Counter()
    for place in range(BATCH):
        files, kinds = damaged(whole, chance)
        counts.update(kinds)
        wrong = _read(files, whole, counts, allowed)
        if wrong:
            return Told(counts, f"damage {place} ({', '.join(kinds)}): {wrong}")
    return Told(counts)


_allowed: set[str] = set()
_hooked: list[int] = []


def listen(whole: Saved) -> set[str]:
    """Install the hook once in this process; what an undamaged load tells is no news."""
    if os.getpid() not in _hooked:
        _hooked.append(os.getpid())
        audited.begin()
        with audited.watched() as events:
            exec("pass")  # the hook has to see what it looks for
        assert events["exec"]
    with audited.watched() as events:
        content = Store(Path(), disk=MemoryDisk(whole.files)).newest()
        assert content is not None
        restored(content)
    _allowed.update(events)
    return _allowed


def _read(files: Files, whole: Saved, counts: Counter[str], allowed: set[str]) -> str:
    with audited.watched() as events:
        got = load(files)
    if set(events) - allowed:
        return f"events told while it was loaded: {dict(events)}"
    wrong, verdict = judged(got, files, whole)
    counts[verdict] += 1
    return wrong


def load(files: Files) -> Found | Exception | None:
    try:
        found = Store(Path(), disk=MemoryDisk(files)).newest()
        if found is not None:
            restored(found)
    except (DamagedError, ValueError) as error:
        return error
    return found


def judged(got: Found | Exception | None, files: Files, whole: Saved) -> tuple[str, str]:
    """Hold what was read against what can still be read: the newest that has all its bytes."""
    intact = [one for one in whole.found if all(_is_whole(n, files, whole) for n in one[2])]
    if intact:
        name, expected, _ = intact[0]
        if not isinstance(got, Found) or not same(got, expected):
            return f"{got!r:.300} was read, and {expected.serial} is whole", "failed"
        passed = [one for one in files if _MANIFEST.fullmatch(one) and one > name]
        if len(got.refused) != len(passed):
            return f"{len(passed)} were passed over, and told was {got.refused}", "failed"
        newest = expected.serial == whole.found[0][1].serial
        return "", "=> newest" if newest else "=> the one before"
    if any(_MANIFEST.fullmatch(name) for name in files):
        return ("" if isinstance(got, DamagedError) else f"{got!r:.300}"), "=> refused"
    return ("" if got is None else f"{got!r:.300}"), "=> nothing there"


def _is_whole(name: str, files: Files, whole: Saved) -> bool:
    return files.get(name) == whole.files[name]


def same(found: Found, expected: Found) -> bool:
    """Tell whether two hold the same, to the bit."""
    if found.body != expected.body or set(found.tensors) != set(expected.tensors):
        return False
    pairs = [(found.tensors[label], expected.tensors[label]) for label in expected.tensors]
    return all(set(a) == set(b) and all(_bits(a[n]) == _bits(b[n]) for n in b) for a, b in pairs)


def _bits(tensor: Tensor) -> tuple[Any, ...]:
    raw = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return tensor.dtype, tensor.shape, raw


def damaged(whole: Saved, chance: random.Random) -> tuple[Files, list[str]]:
    """Copy the files and do one to three damages to them."""
    files, kinds = dict(whole.files), list[str]()
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        kind = chance.choice(list(DAMAGES))
        DAMAGES[kind](files, chance, whole)
        kinds.append(kind)
    return files, kinds


def _changing(change: Callable[[bytearray, random.Random], None]) -> Callable[..., None]:
    def do(files: Files, chance: random.Random, _: Saved) -> None:
        name = _any(files, chance)
        if name is not None:
            data = bytearray(files[name])
            change(data, chance)
            files[name] = bytes(data)

    return do


def _any(files: Files, chance: random.Random) -> str | None:
    names = sorted(name for name in files if name != "lock")
    return chance.choice(names) if names else None


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randint(0, len(data)) :]


def _cut_in_front(data: bytearray, chance: random.Random) -> None:
    del data[: chance.randint(0, len(data))]


def _flip_bit(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _flip_bytes(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)


def _blank(data: bytearray, chance: random.Random) -> None:
    start = chance.randint(0, len(data))
    length = min(len(data) - start, chance.choice((1, 16, 512, 4096)))
    data[start : start + length] = bytes(length)


def _not_numbers(data: bytearray, chance: random.Random) -> None:
    count = chance.randint(1, 16)
    start = chance.randint(0, len(data))
    data[start : start + 4 * count] = b"\x00\x00\xc0\x7f" * count


def _insert(data: bytearray, chance: random.Random) -> None:
    place = chance.randint(0, len(data))
    data[place:place] = chance.randbytes(chance.randint(1, 32))


def _append(data: bytearray, chance: random.Random) -> None:
    data += chance.randbytes(chance.randint(1, 32))


def _empty(data: bytearray, _: random.Random) -> None:
    data.clear()


def _remove(files: Files, chance: random.Random, _: Saved) -> None:
    files.pop(_any(files, chance) or "", None)


def _swap(files: Files, chance: random.Random, _: Saved) -> None:
    one, other = _any(files, chance), _any(files, chance)
    if one is not None and other is not None:
        files[one], files[other] = files[other], files[one]


def _copy_over(files: Files, chance: random.Random, _: Saved) -> None:
    one, other = _any(files, chance), _any(files, chance)
    if one is not None and other is not None:
        files[one] = files[other]


def _rename(files: Files, chance: random.Random, _: Saved) -> None:
    name = _any(files, chance)
    if name is None:
        return
    digits = [place for place, letter in enumerate(name) if letter in "0123456789"]
    place = chance.choice(digits)
    files[name[:place] + chance.choice("0123456789") + name[place + 1 :]] = files.pop(name)


def _other_serial(files: Files, chance: random.Random, whole: Saved) -> None:
    """An old manifest comes back as the newest."""
    name, found, _ = chance.choice(whole.found)
    files[name.replace(f"-{found.serial:010}-", f"-{chance.randint(0, 99):010}-")] = files.pop(
        name, whole.files[name]
    )


def _old_with_new(files: Files, chance: random.Random, whole: Saved) -> None:
    """A manifest that names the fragments of another one."""
    (name, found, _), (_, other, _) = chance.sample(whole.found, 2)
    data = files.get(name, b"")
    for label, fragment in found.body["fragments"].items():
        data = data.replace(fragment.encode(), other.body["fragments"].get(label, "").encode())
    files[name] = data


DAMAGES: dict[str, Callable[[Files, random.Random, Saved], None]] = {
    "cut short": _changing(_cut),
    "cut in front": _changing(_cut_in_front),
    "a bit flipped": _changing(_flip_bit),
    "bytes changed": _changing(_flip_bytes),
    "zeros written over": _changing(_blank),
    "NaN written over": _changing(_not_numbers),
    "bytes inserted": _changing(_insert),
    "bytes appended": _changing(_append),
    "emptied": _changing(_empty),
    "removed": _remove,
    "two files swapped": _swap,
    "a file copied over another": _copy_over,
    "renamed": _rename,
    "an old manifest made the newest": _other_serial,
    "an old manifest with new fragments": _old_with_new,
}
