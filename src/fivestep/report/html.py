"""The report as a piece of a page, for a notebook.

Styles stand on the elements: a page that cleans what it is given drops style sheets. Words take
their colour from the page around them and areas are half transparent, so it is right on a light
page and on a dark one; only the badges bring both of their colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from fivestep.finding import Finding, Report, Severity
from fivestep.report.place import excerpt, shown
from fivestep.report.words import closing, headline, seen, troubles

BADGES = {  # white on each: a contrast of 4.5 at least
    Severity.WRONG: "#b3261e",
    Severity.SUSPICIOUS: "#8a5300",
    Severity.COSTLY: "#1a5fb4",
}
_BOX = "font-size:14px;line-height:1.5;max-width:60em"
_CARD = "border-left:4px solid {colour};padding:2px 0 2px 12px;margin:12px 0"
_BADGE = "background:{colour};color:#fff;border-radius:3px;padding:1px 7px;font-weight:600"
_CODE = (
    "margin:8px 0;padding:6px 0;background:rgba(128,128,128,.12);color:inherit;border-radius:3px;"
    "font-family:monospace;font-size:13px;overflow-x:auto;white-space:pre"
)
_MARKED = "background:rgba(128,128,128,.28);font-weight:600"
_ROW = "background:none;border:none"
_LABEL = "text-align:left;vertical-align:top;padding:1px 10px 1px 0;background:none;opacity:.75"
_VALUE = "text-align:left;vertical-align:top;padding:1px 0;background:none;white-space:normal"
_QUIET = "opacity:.75"


def as_html(report: Report) -> str:
    """The report as one ``<div>`` of HTML that needs nothing else."""
    quiet = [*closing(report), *troubles(report)]
    return "\n".join(
        [
            f'<div class="fivestep" style="{_BOX}">',
            f"<div><strong>fivestep: {escape(headline(report))}</strong></div>",
            *("\n".join(_card(one)) for one in report.findings),
            *(f'<div style="{_QUIET}">{escape(line)}</div>' for line in quiet),
            "</div>",
        ]
    )


def _card(finding: Finding) -> Iterator[str]:
    colour = BADGES[finding.severity]
    yield f'<div style="{_CARD.format(colour=colour)}">'
    yield (
        f'<div><span style="{_BADGE.format(colour=colour)}">{finding.severity.value}</span> '
        f"<strong>{escape(finding.rule)}</strong> ({finding.code}) &middot; "
        f"{escape(shown(finding.site))}</div>"
    )
    yield f"<div>{_words(finding.message)}</div>"
    yield from _source(finding)
    yield '<table style="border:none;margin:0">'
    yield from (_row(label, text) for label, text in _rows(finding))
    yield "</table></div>"


def _source(finding: Finding) -> Iterator[str]:
    lines = excerpt(finding.site)
    if not lines or finding.site is None:
        return
    yield (
        f'<div style="{_CODE}">'
        + "".join(
            f'<div style="padding:0 8px;{_MARKED if number == finding.site.line else _QUIET}">'
            f"{number:>5}  {escape(text)}</div>"
            for number, text in lines
        )
        + "</div>"
    )


def _rows(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "why", _words(finding.cause)
    yield "fix", f"<strong>{_words(finding.fix)}</strong>"
    yield "seen", escape(seen(finding))
    for one in finding.consequences:
        yield "so", f"{escape(one.rule)} ({one.code}) follows from it: {_words(one.message)}"
    yield "more", f"<code>fivestep explain {escape(finding.rule)}</code>"


def _row(label: str, inside: str) -> str:
    head = f'<th style="{_LABEL}">{label}</th>'
    return f'<tr style="{_ROW}">{head}<td style="{_VALUE}">{inside}</td></tr>'


def _words(text: str) -> str:
    """A sentence with what stands between backticks as code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{one}</code>" if i % 2 else one for i, one in enumerate(parts))
