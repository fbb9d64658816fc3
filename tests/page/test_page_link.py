"""What the script's end sends at once, and what it lets wait."""

from __future__ import annotations

import json
from collections.abc import Generator
from multiprocessing.connection import Connection, Pipe
from typing import Any

import pytest

from fivestep.page import link as links
from fivestep.page.contact import Contact
from fivestep.page.link import Link

SOON = 60.0  # seconds, on a busy machine


class End:
    """A link whose points of a curve may wait for ever, and the end that reads."""

    def __init__(self) -> None:
        self.far, near = Pipe()
        self.link = Link(near, Contact([], "run", before=0, seed=0))
        self.near: Connection[Any, Any] = near
        self.link._sender.start()  # pyright: ignore[reportPrivateUsage]
        self.came: list[int] = []

    def post(self, kind: str) -> int:
        return self.link._post(kind, {})  # pyright: ignore[reportPrivateUsage]

    def until(self, seq: int) -> None:
        while seq not in self.came:
            assert self.far.poll(SOON), f"message {seq} was not sent"
            self.came += [json.loads(one)["seq"] for one in self.far.recv_bytes().split(b"\n")]


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Generator[End]:
    monkeypatch.setattr(links, "PACE", 3600.0)
    made = End()
    yield made
    made.link.close()
    made.near.close()


def test_a_curve_waits_for_its_next_point_and_nothing_else_does(end: End) -> None:
    end.link.control.play()
    end.until(end.post("moment"))
    points = [end.post("iteration") for _ in range(3)]
    assert not end.far.poll(0.2)
    end.until(end.post("moment"))
    assert set(points) <= set(end.came)
    assert end.came == sorted(end.came)


def test_somebody_who_follows_waits_for_nothing(end: End) -> None:
    end.link.control.pause()
    for _ in range(3):
        end.until(end.post("iteration"))


def test_many_points_do_not_wait(end: End) -> None:
    end.link.control.play()
    end.until(end.post("moment"))
    points = [end.post("iteration") for _ in range(links.WAITING // 2)]
    end.until(points[links.WAITING // 4])


def test_the_last_points_are_sent_at_the_end(end: End) -> None:
    end.link.control.play()
    end.until(end.post("moment"))
    last = end.post("iteration")
    end.link.close()
    end.until(last)
