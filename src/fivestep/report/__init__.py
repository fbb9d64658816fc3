"""What the doctor says: for people on a terminal or a page, as JSON, as SARIF 2.1.0.

``text`` is for a terminal, ``html`` for a notebook, ``plain`` (JSON) and ``sarif`` for programs;
``place`` names a line of code in the way its reader knows it.
"""

from __future__ import annotations

from fivestep.report.html import as_html
from fivestep.report.plain import as_json, from_json, write_json
from fivestep.report.sarif import as_sarif, write_sarif
from fivestep.report.text import as_text, print_report

__all__ = [
    "as_html",
    "as_json",
    "as_sarif",
    "as_text",
    "from_json",
    "print_report",
    "write_json",
    "write_sarif",
]
