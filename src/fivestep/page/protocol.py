"""The messages between a loop and a page: plain JSON objects, described in docs/protocol.md."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fivestep.version import __version__

Message = dict[str, Any]
VERSION = 1  # raised when a reader of the old one would misread the new one

VERBS = (
    "play", "pause", "step", "iteration", "epoch", "reset", "speed", "knob",
    "lesson", "settings", "answer", "points",
)  # fmt: skip
LEARNING = frozenset({"lesson", "settings", "answer", "points"})  # of `fivestep learn` alone
POINTS = 200  # of a learner's own data
DRAWN = 50  # numbers of a curve that a learner draws
SET = 32  # settings at once
PLACES = (
    "as written", "before forward", "before loss", "before backward", "before update",
    "after update",
)  # fmt: skip
# What a reader who is late may do without.
THINNED = frozenset({"moment", "iteration", "fitted", "output"})
DIGITS = 6  # of a number that is shown
_WRITER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), ensure_ascii=False)


class RefusedError(ValueError):
    """A request that cannot be granted; the words are for the person who asked."""


def number(value: float | None) -> float | str | None:
    """A number as it is sent: six digits, and words for what JSON does not know."""
    if value is None:
        return None
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.{DIGITS}g}")


def encode(message: Message) -> bytes:
    """One message as a line of JSON, without its end."""
    try:
        text = _WRITER.encode(message)
    except ValueError:  # a NaN that did not come through ``number``: in a finding's evidence
        text = _WRITER.encode(_plain(message))
    return text.encode("utf-8", "replace")


def placed(finding: Message, name: Callable[[str], str]) -> Message:
    """A finding with its files, and those of its consequences, as messages name them."""
    file = finding["file"]
    consequences = [placed(one, name) for one in finding["consequences"]]
    return finding | {"file": file and name(file), "consequences": consequences}


def file_name(file: str) -> str:
    """The name alone: where a file lies is nobody's business."""
    return Path(file).name


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return number(value)
    return value


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, float) and not math.isfinite(key) else key


def skipped(begin: int, end: int) -> Message:
    """Say to a reader which messages it does not get."""
    return {"v": VERSION, "seq": end, "kind": "skipped", "from": begin, "to": end}


def request(plain: Any) -> Message:
    """Check the form of a request that came from a page.

    Raises:
        RefusedError: it has another form; the words say which was expected.
    """
    if not isinstance(plain, dict) or not all(isinstance(key, str) for key in plain):
        raise RefusedError("a request is a JSON object")
    if unknown := set(plain) - {"id", "verb", "name", "value"}:
        raise RefusedError(
            f"unknown: {', '.join(sorted(unknown))[:80]}; a request has id, verb, name, value"
        )
    ident, verb = plain.get("id"), plain.get("verb")
    if not isinstance(ident, str) or not 0 < len(ident) <= 64:
        raise RefusedError("id: a string of 1 to 64 characters was expected")
    if verb not in VERBS:
        raise RefusedError(f"verb: one of {', '.join(VERBS)} was expected")
    checked: Message = {"id": ident, "verb": verb}
    if verb in ("knob", "answer"):
        checked["name"] = _name(plain.get("name"))
    if verb in ("knob", "speed"):
        checked["value"] = _value(plain.get("value"))
    if verb == "reset" and plain.get("value") is not None:
        checked["value"] = _seed(plain["value"])
    if verb in LEARNING:
        checked["value"] = _OF_LEARNING[verb](plain.get("value"))
    return checked


def _name(name: Any) -> str:
    if not isinstance(name, str) or len(name) > 64:
        raise RefusedError("name: the name of a knob or of a question was expected")
    return name


def _seed(value: Any) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 0 <= value < 2**32:
        raise RefusedError("reset: a seed from 0 to 4294967295 was expected, or none for the same")
    return value


def _value(value: Any) -> Any:
    if isinstance(value, (list, dict)) or (isinstance(value, str) and len(value) > 64):
        raise RefusedError("value: a number, true, false, null or one of the choices was expected")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise RefusedError("value: too large a number") from None
    return value


def _lesson(value: Any) -> int:
    number = _value(value)
    if isinstance(number, bool) or not isinstance(number, float) or not number.is_integer():
        raise RefusedError("lesson: a whole number was expected")
    return int(number)


def _settings(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not 0 < len(value) <= SET:
        raise RefusedError("settings: names and values were expected")
    return {_name(name): _value(one) for name, one in value.items()}


def _answer(value: Any) -> Any:
    if not isinstance(value, list):
        return _value(value)
    if len(value) > DRAWN:
        raise RefusedError(f"answer: at most {DRAWN} numbers")
    return [_finite(one) for one in value]


def _points(value: Any) -> list[list[float]] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not 2 <= len(value) <= POINTS:
        raise RefusedError(f"points: from 2 to {POINTS} pairs of numbers, or null")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise RefusedError("points: pairs of numbers were expected")
    return [[_finite(one) for one in pair] for pair in value]


def _finite(value: Any) -> float:
    number = _value(value)
    if isinstance(number, bool) or not isinstance(number, float) or not math.isfinite(number):
        raise RefusedError("a finite number was expected")
    return number


_OF_LEARNING = {"lesson": _lesson, "settings": _settings, "answer": _answer, "points": _points}


def versions() -> dict[str, str]:
    """Name what the numbers of a run depend on."""
    import platform

    import torch

    return {
        "fivestep": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
