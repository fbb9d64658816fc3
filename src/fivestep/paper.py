"""rich, imported without a trace: its styles draw from Python's random numbers while it loads."""

from __future__ import annotations

import random

_before = random.getstate()

from rich.console import Console  # noqa: E402
from rich.text import Text  # noqa: E402

random.setstate(_before)

__all__ = ["Console", "Text"]
