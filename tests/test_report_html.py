"""The report as a piece of a page: well-formed, harmless, to be read on light and on dark."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fivestep.doctor import diagnose
from fivestep.finding import Finding, Rank, Report, Severity
from fivestep.practice import overhear
from fivestep.report import as_html
from fivestep.report.html import BADGES
from fivestep.rules import named
from fivestep.vitals import Site


class Page(HTMLParser):
    """Opens and closes, and gives back what is read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def page(report: Report) -> Page:
    one = Page(as_html(report))
    assert one.open == []
    return one


@pytest.mark.parametrize("name", ["stale-gradient", "dead-units", "starved-loop"])
def test_it_says_what_the_terminal_says(name: str) -> None:
    report = diagnose(overhear(named(name).sick))
    words = page(report).words
    (finding,) = report.findings
    for text in (finding.message, finding.cause, finding.fix, finding.code):
        assert text.replace("`", "") in words
    assert f"fivestep explain {name}" in words
    assert f"checked and in order: {len(report.checked)} rules" in words


def test_nothing_to_say_is_one_line() -> None:
    words = page(diagnose(overhear(named("stale-gradient").healthy))).words
    assert len(words.strip().splitlines()) == 1
    assert words.strip().startswith("fivestep: nothing to say")


def test_what_the_user_wrote_stays_text(tmp_path: Path) -> None:
    file = tmp_path / "<b>.py"
    file.write_text("x = '<script>alert(1)</script>' & y\n")
    site = Site(str(file), 1)
    rule = named("stale-gradient")
    one = Finding(
        "`a<b>` and `c", "<i>", "`x<y>`", {"<u>": "<s>"}, site, 1, 1, rule=rule.name, code=rule.code
    )
    whole = Report([one], [], {"<p>": "<em>"}, problems=["<h1>"], ranks=[Rank(0, ended="<h2>")])
    read = page(whole)
    assert read.seen <= {"div", "span", "strong", "table", "tr", "th", "td", "code"}
    for text in ("<script>alert(1)</script>", "<b>.py", "`a<b>` and `c", "x<y>", "<u>", "<h1>"):
        assert text in read.words
    assert "<code>x&lt;y&gt;</code>" in as_html(whole)


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("severity", Severity)
def test_badges_can_be_read(severity: Severity) -> None:
    assert 1.05 / (luminance(BADGES[severity]) + 0.05) >= 4.5


def test_only_badges_bring_a_colour_for_words() -> None:
    """All other words take theirs from the page, be it light or dark."""
    text = as_html(diagnose(overhear(named("stale-gradient").sick)))
    styles = re.findall(r'style="([^"]*)"', text)
    coloured = [one for one in styles if re.search(r"(?:^|;)color:(?!inherit)", one)]
    assert len(coloured) == 1
    assert coloured[0].startswith(f"background:{BADGES[Severity.WRONG]}")
    areas = [found for one in styles for found in re.findall(r"background:([^;]*)", one)]
    rest = {one for one in areas if one not in BADGES.values()}
    assert all(one == "none" or one.startswith("rgba(128,128,128,") for one in rest)
