"""What the process of a script is told before the script begins."""

from __future__ import annotations

import json
from typing import NamedTuple


class Contact(NamedTuple):
    """What the script's process must know."""

    command: list[str]  # as a process would be begun for this script alone
    run: str
    before: int  # number of the last message of all runs before
    seed: int
    new_seed: bool = False  # it was asked for: what the script seeds itself is changed, too
    speed: float | None = None  # steps a second to begin with
    module: bool = False  # the target is a module, not a file
    lesson: bool = False  # nobody's own script: it ends with who began it, and without a traceback

    def text(self) -> bytes:
        """To be sent."""
        return json.dumps(self).encode()

    @classmethod
    def from_text(cls, text: bytes) -> Contact:
        """Of what was sent."""
        return cls(*json.loads(text))
