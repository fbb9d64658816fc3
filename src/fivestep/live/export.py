"""Runs as one HTML file: works offline, from a disk, and asks nothing of anybody."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

from fivestep.live.reading import Reading, is_of_step
from fivestep.page.protocol import VERSION, Message, encode
from fivestep.page.tape import rewind

STATIC = Path(__file__).resolve().parents[1] / "page" / "static"
LIMIT = 2_000_000  # bytes of the file
SPARE = 20_000  # of them for the page around the record
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{hash}'; \
img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body>
<main data-fivestep-host="{host}" data-fivestep-record="record"></main>
<noscript>This page draws its charts with JavaScript; it loads nothing from elsewhere.</noscript>
<script type="application/jsonl" id="record">
{record}
</script>
<script type="module">{component}</script>
</body>
</html>
"""


def export(paths: list[Path], tell: Callable[[str], None] = lambda words: None) -> bytes:
    """Make the page of one run, of several beside each other, or of a record of ``step``.

    What does not fit under two million bytes is thinned: points are put together, two by two.

    Args:
        paths: of the records.
        tell: takes words on lines that are damaged and left out.

    Raises:
        ValueError: a file is no record, or too large even so.
    """
    if len(paths) == 1 and is_of_step(paths[0]):
        messages = [json.loads(one.content) for one in rewind(paths[0]).read(0, 1 << 40)]
        return _page("replay", messages[0].get("script", ""), _fitted(messages, _thin_moments))
    messages: list[Message] = []
    for place, path in enumerate(paths):
        told = whole(path, tell)
        told[0] = told[0] | {"runs": len(paths)}
        messages += [one | {"of": place} for one in told]
    title = paths[0].stem if len(paths) == 1 else f"{len(paths)} runs"
    return _page("film", title, _fitted(messages, _thin))


def whole(path: Path, tell: Callable[[str], None] = lambda words: None) -> list[Message]:
    """All that is told of a run, but for the process that writes it.

    Args:
        path: of its journal.
        tell: takes words on lines that are damaged and left out.

    Raises:
        ValueError: it is no record of a run, or holds nothing yet.
    """
    reading = Reading(path)
    told = reading.news()
    for words in reading.damaged:
        tell(words)
    if not told or told[0]["kind"] != "hello":
        raise ValueError(f"{path} holds nothing yet\n  do: wait for the first iteration")
    silence = reading.silence()
    hello = {name: value for name, value in told[0].items() if name != "process"}
    return [hello, *told[1:], *([silence] if silence else [])]


def _fitted(messages: list[Message], thin: Any) -> str:
    room = LIMIT - SPARE - (STATIC / "component.js").stat().st_size
    while True:
        numbered = [one | {"v": VERSION, "seq": i} for i, one in enumerate(messages, start=1)]
        lines = [encode(one).decode() for one in numbered]
        text = "\n".join(lines).replace("<", "\\u003c")
        if len(text.encode()) <= room:
            return text
        thinner = thin(messages)
        if len(thinner) == len(messages):
            raise ValueError(
                f"the record is too large: {len(text):,} bytes, and {room:,} fit into the page"
            )
        messages = thinner


def _thin_moments(messages: list[Message]) -> list[Message]:
    """Leave out every second moment, and every second iteration's figures."""
    return _every_second(messages, ("moment", "iteration"))


def _thin(messages: list[Message]) -> list[Message]:
    """Put two points of a run together, and leave out half of whatever there is most of."""
    sizes: dict[str, int] = {}
    for one in messages:
        sizes[one["kind"]] = sizes.get(one["kind"], 0) + len(encode(one))
    kind = max(("iteration", "layers", "entry"), key=lambda name: sizes.get(name, 0))
    return _paired(messages) if kind == "iteration" else _every_second(messages, (kind,))


def _every_second(messages: Iterable[Message], kinds: tuple[str, ...]) -> list[Message]:
    kept: list[Message] = []
    for of in _runs(messages):
        last = {one["kind"]: one for one in of}
        leave = dict.fromkeys(kinds, True)
        for one in of:
            kind = one["kind"]
            leave[kind] = not leave.get(kind, True)
            if kind not in kinds or not leave[kind] or one is last[kind]:
                kept.append(one)
    return kept


def _paired(messages: Iterable[Message]) -> list[Message]:
    kept: list[Message] = []
    for of in _runs(messages):
        waiting: Message | None = None
        for one in of:
            if one["kind"] != "iteration" or not isinstance(one["loss"], (int, float)):
                kept.append(one)
            elif waiting is None:
                waiting = one
            else:
                kept.append(_together(waiting, one))
                waiting = None
        if waiting is not None:
            kept.append(waiting)
    return kept


def _together(one: Message, other: Message) -> Message:
    first, second = one.get("count", 1), other.get("count", 1)
    count = first + second
    norms = [part["gradient_norm"] for part in (one, other)]
    numbers = [norm for norm in norms if isinstance(norm, (int, float))]
    seconds = {
        name: float(f"{(one['seconds'].get(name, 0) * first + value * second) / count:.3g}")
        for name, value in other["seconds"].items()
    }
    lows = [part.get("low", part["loss"]) for part in (one, other)]
    highs = [part.get("high", part["loss"]) for part in (one, other)]
    mean = (one["loss"] * first + other["loss"] * second) / count
    return other | {
        "count": count, "loss": float(f"{mean:.9g}"), "low": min(lows), "high": max(highs),
        "gradient_norm": max(numbers) if len(numbers) == 2 else other["gradient_norm"],
        "seconds": seconds,
    }  # fmt: skip


def _runs(messages: Iterable[Message]) -> list[list[Message]]:
    found: dict[Any, list[Message]] = {}
    for one in messages:
        found.setdefault(one.get("of"), []).append(one)
    return list(found.values())


def _page(host: str, title: str, record: str) -> bytes:
    component = (
        (STATIC / "component.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    )
    digest = base64.b64encode(hashlib.sha256(component.encode()).digest()).decode()
    parts = {"{hash}": f"sha256-{digest}", "{title}": escape(f"{title} - fivestep"), "{host}": host}
    head, foot = PAGE.split("{record}")
    for name, value in parts.items():
        head = head.replace(name, value)
    return (head + record + foot.replace("{component}", component)).encode()
