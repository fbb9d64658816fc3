"""Hooks of a step that run twice: those of a subclass whose ``step`` calls ``super().step()``."""

from __future__ import annotations

import sys
from typing import Any

FRAMES = 12  # between the two: the subclass's step, torch's decorators, a schedule's


def nested(optimizer: Any) -> bool:
    """Tell, called from a hook, whether this step runs within another one of ``optimizer``.

    torch runs the hooks around the ``step`` of each class that has had an instance. What happens
    once per update happens around the outermost. Read off the stack: a counter would be wrong for
    ever after a step that raised.
    """
    hook = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    around = hook.f_back  # torch's wrapper, which runs the hooks
    if around is None:
        return False
    frame = around.f_back
    for _ in range(FRAMES):
        if frame is None:
            return False
        if frame.f_code is around.f_code and frame.f_locals.get("self") is optimizer:
            return True
        frame = frame.f_back
    return False
