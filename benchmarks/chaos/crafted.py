"""Checkpoints made on purpose, their SHA-256 right: no code is run, and the refusal is in words."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import random
from collections import Counter
from pathlib import Path
from typing import Any

from fivestep.checkpoints.store import Found

from . import audited
from .damages import KINDS, Files, Saved, listen, load, saved
from .trials import Told

BATCH = 250


class Bomb:
    """Writes a file when a pickle of it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code was run')",)


HOSTILE: tuple[Any, ...] = (
    None, True, -1, 2**70, 0.5, "", "x", "../../etc/passwd", "fragment-" + "0" * 64, [], {}, [[]],
    {"$tensor": "no such tensor"}, {"$array": 7}, {"$dict": 3}, {"$unknown": 1}, {"$int": "zz"},
    {"$float": "zz"}, {"$defaultdict": [], "of": "os.system"}, {"$dtype": "__class__"},
    {"$deque": 1, "most": "x"}, {"$bytes": "zz"}, {"$complex": ["nan"]}, {"$Counter": [[1]]},
    {"$OrderedDict": [[[], 1]]}, {"$tuple": "ab"}, {"$": {}}, {"$set": [[1]]},
)  # fmt: skip


def trial(number: int, scratch: Path) -> Told:
    """Put 250 crafted newest checkpoints before good ones, under the eyes of the audit hook."""
    chance = random.Random(f"crafted {number}")
    whole = saved(KINDS[number % len(KINDS)], scratch)
    allowed = listen(whole)
    counts: Counter[str] = Counter()
    for place in range(BATCH):
        kind, files = _crafted(whole, chance)
        counts[kind] += 1
        wrong = _read(files, allowed, counts)
        if wrong:
            return Told(counts, f"{place} ({kind}): {wrong}")
    return Told(counts)


def _read(files: Files, allowed: set[str], counts: Counter[str]) -> str:
    with audited.watched() as events:
        try:
            got = load(files)
        except Exception as error:
            return f"{type(error).__name__}: {error!s:.300}"
    counts[_verdict(got)] += 1
    return f"events: {dict(events)}" if set(events) - allowed else ""


def _verdict(got: Found | Exception | None) -> str:
    if isinstance(got, Found):
        return "=> read as values" if got.serial == 99 else "=> the one before"
    return "=> refused"


def _crafted(whole: Saved, chance: random.Random) -> tuple[str, Files]:
    files = dict(whole.files)
    kind = chance.choice(("pickle", "nested", "value", "value", "value", "fragment"))
    body = json.loads(files[whole.found[0][0]])
    if kind == "pickle":
        return kind, _named(files, chance.choice((pickle.dumps(Bomb()), b"\x80\x04cos\nsystem\n.")))
    if kind == "nested":
        depth = chance.choice((500, 3_000, 100_000))
        return kind, _named(files, b'{"serial": 99, "format": 1, "state": ' + b"[" * depth)
    if kind == "fragment":
        _bad_fragment(files, body, chance)
    else:
        for _ in range(chance.randint(1, 3)):
            _spoil(body, chance)
    body["serial"] = body["serial"] if chance.random() < 0.05 else 99
    return kind, _named(files, json.dumps(body).encode())


def _named(files: Files, data: bytes) -> Files:
    return files | {f"checkpoint-0000000099-{hashlib.sha256(data).hexdigest()}.json": data}


def _bad_fragment(files: Files, body: Any, chance: random.Random) -> None:
    label = chance.choice(list(body["fragments"]))
    data = bytearray(files[body["fragments"][label]])
    data[chance.randrange(min(len(data), 400))] ^= 1 << chance.randrange(8)
    raw = chance.choice((bytes(data), pickle.dumps(Bomb()), b"", bytes(data[:50])))
    body["fragments"][label] = f"fragment-{hashlib.sha256(raw).hexdigest()}.safetensors"
    files[body["fragments"][label]] = raw


def _spoil(body: Any, chance: random.Random) -> None:
    """Put something hostile in the place of a value, anywhere in the nest."""
    at = body
    while True:
        keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = chance.choice(keys)
        if not isinstance(at[key], (dict, list)) or chance.random() < 0.3:
            at[key] = copy.deepcopy(chance.choice(HOSTILE))
            return
        at = at[key]
