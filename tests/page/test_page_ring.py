"""The ring: every reader by itself, nothing lost that matters, a bound on what is kept."""

from __future__ import annotations

import random
import threading
import tracemalloc
from pathlib import Path

import pytest

from fivestep.page.protocol import (
    RefusedError,
    encode,
    number,
    request,
)  # fmt: skip
from fivestep.page.ring import Ring
from fivestep.page.tape import Tape, rewind


def test_two_readers_read_everything_at_their_own_pace() -> None:
    ring: Ring[int] = Ring()
    for value in range(1000):
        assert ring.write("moment", value) == value + 1
    got: dict[int, list[int]] = {}
    for size in (7, 256):
        after, read = 0, []
        while entries := ring.read(after, size):
            assert len(entries) <= size
            read += [one.content for one in entries]
            after = entries[-1].seq
        got[size] = read
    assert got[7] == got[256] == list(range(1000))
    assert ring.read(1000) == []


def test_what_may_not_be_left_out_is_kept() -> None:
    ring: Ring[str] = Ring(100)
    chance = random.Random(1)
    kinds = ["moment"] * 160 + ["iteration"] * 38 + ["finding", "ack"]
    written = [chance.choice(kinds) for _ in range(5000)]
    for kind in written:
        ring.write(kind, kind)
    kept = ring.read(0, 10_000)
    assert [one.seq for one in kept] == sorted({one.seq for one in kept})
    for kind in ("finding", "ack"):
        expected = [place for place, one in enumerate(written, start=1) if one == kind]
        assert [one.seq for one in kept if one.content == kind] == expected
    assert len(kept) < 300
    assert [one.seq for one in kept[-25:]] == list(range(4976, 5001))  # the newest are whole


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_thinning_leaves_something_of_each_kind(steps: int) -> None:
    """Every second of all together would be every moment and no iteration, or the reverse."""
    ring: Ring[int] = Ring(64)
    for value in range(2000):
        ring.write("iteration" if value % (steps + 1) == steps else "moment", value)
    kinds = {one.content % (steps + 1) == steps for one in ring.read(0, 48)}
    assert kinds == {True, False}


def test_a_hundred_thousand_messages_take_no_more_than_ten_thousand() -> None:
    ring: Ring[bytes] = Ring()

    def fill(count: int) -> int:
        for value in range(count):
            ring.write("iteration" if value % 6 == 5 else "moment", b"%08d" % value * 50)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early = fill(10_000)
        late = fill(90_000)
    finally:
        tracemalloc.stop()
    assert ring.last == 100_000
    assert len(ring) <= 8192
    assert late < 1.5 * early


def test_a_sleeper_is_woken_once() -> None:
    ring: Ring[int] = Ring()
    woken: list[int] = []
    assert ring.call(lambda: woken.append(1), 0)
    ring.write("ack", 1)
    ring.write("ack", 2)
    assert woken == [1]
    assert not ring.call(lambda: woken.append(2), 1), "there is news already"


def test_one_who_gave_up_is_not_woken() -> None:
    ring: Ring[int] = Ring()
    woken: list[int] = []

    def wake() -> None:
        woken.append(1)

    ring.call(wake, 0)
    ring.forget(wake)
    ring.write("ack", 1)
    assert woken == []


def test_readers_and_a_writer_at_once() -> None:
    ring: Ring[int] = Ring(500)
    seen: list[list[int]] = [[], [], []]

    def read(into: list[int]) -> None:
        after = 0
        while after < 20_000:
            for one in ring.read(after, 50):
                into.append(one.seq)
                assert one.content == one.seq
                after = one.seq

    threads = [threading.Thread(target=read, args=(one,)) for one in seen]
    for thread in threads:
        thread.start()
    for value in range(1, 20_001):
        ring.write("moment" if value % 10 else "note", value)
    for thread in threads:
        thread.join()
    for one in seen:
        assert one == sorted(set(one))
        assert set(range(10, 20_001, 10)) <= set(one)


# --- Messages ---------------------------------------------------------------------------------


def test_numbers_are_valid_json() -> None:
    assert [number(x) for x in (float("nan"), float("inf"), float("-inf"), None)] == [
        "NaN", "Infinity", "-Infinity", None,
    ]  # fmt: skip
    assert number(0.123456789) == 0.123457
    assert encode({"a": [float("nan"), {"b": float("-inf")}]}) == b'{"a":["NaN",{"b":"-Infinity"}]}'


def test_one_message_is_one_line_whatever_it_says() -> None:
    line = encode({"text": "a\nb\r\n\u2028 data: x\ud800"})
    assert b"\n" not in line
    assert b"\r" not in line


@pytest.mark.parametrize(
    "plain",
    [
        None, [], "play", 3, {}, {"id": "a"}, {"verb": "play"}, {"id": "", "verb": "play"},
        {"id": 1, "verb": "play"}, {"id": "a" * 65, "verb": "play"}, {"id": "a", "verb": "exec"},
        {"id": "a", "verb": ["play"]}, {"id": "a", "verb": "knob"},
        {"id": "a", "verb": "knob", "name": 1, "value": 1},
        {"id": "a", "verb": "knob", "name": "lr", "value": [1]},
        {"id": "a", "verb": "knob", "name": "lr", "value": {"__class__": 1}},
        {"id": "a", "verb": "knob", "name": "lr", "value": 10**400},
        {"id": "a", "verb": "play", "code": "print()"},
    ],
)  # fmt: skip
def test_a_request_of_another_form_is_refused(plain: object) -> None:
    with pytest.raises(RefusedError):
        request(plain)


def test_a_request_is_reduced_to_what_its_verb_takes() -> None:
    asked = {"id": "a", "verb": "play", "name": "lr", "value": 3}
    assert request(asked) == {"id": "a", "verb": "play"}
    knob = {"id": "a", "verb": "knob", "name": "lr", "value": 3}
    assert request(knob) == knob


# --- The record -------------------------------------------------------------------------------


def hello(seq: int = 1) -> bytes:
    return encode({"v": 1, "seq": seq, "kind": "hello", "mode": "live"})


def test_a_record_is_read_back_as_a_replay(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "run.jsonl")
    tape.write(hello())
    for seq in range(2, 9001):
        tape.write(encode({"v": 1, "seq": seq, "kind": "iteration", "iteration": seq}))
    tape.close()
    ring = rewind(tmp_path / "run.jsonl")
    read = ring.read(0, 10_000)
    assert [one.seq for one in read] == list(range(1, 9001)), "nothing is thinned"
    assert b'"mode":"replay"' in read[0].content


def test_a_record_never_writes_over_another(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("mine")
    with pytest.raises(FileExistsError, match="do: name another file"):
        Tape(tmp_path / "run.jsonl")
    assert (tmp_path / "run.jsonl").read_text() == "mine"


def test_a_record_cut_short_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(hello() + b"\n" + hello(2)[:20])
    assert len(rewind(path)) == 1


@pytest.mark.parametrize(
    "text",
    [b"", b"{}\n", b"nothing\n", hello() + b"\n" + hello() + b"\n", hello() + b"\n[1]\n",
     b'{"v":2,"seq":1,"kind":"hello"}\n', b'{"v":1,"seq":1,"kind":"ack"}\n'],
)  # fmt: skip
def test_what_is_no_record_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r"run\.jsonl"):
        rewind(path)
