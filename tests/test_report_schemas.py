"""What is written for programs is of the form that is promised: JSON and SARIF, over every rule."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

import fivestep
from fivestep.doctor import diagnose
from fivestep.finding import Finding, Rank, Report, Severity
from fivestep.merge import merge
from fivestep.practice import overhear
from fivestep.report import as_json, as_sarif, as_text, from_json, write_json, write_sarif
from fivestep.rules import catalogue, named
from fivestep.vitals import Site

HERE = Path(__file__).parent
OWN = json.loads((Path(fivestep.__file__).parent / "report.schema.json").read_text("utf-8"))
OASIS = json.loads((HERE / "data" / "sarif-schema-2.1.0.json").read_text("utf-8"))
RULES = list(catalogue())


def validate(plain: Any, schema: Any) -> None:
    kind: Any = jsonschema.validators.validator_for(schema)  # pyright: ignore
    faults = [f"{one.json_path}: {one.message}" for one in kind(schema).iter_errors(plain)]
    assert faults == []


@cache
def sick(name: str) -> Report:
    return diagnose(overhear(named(name).sick))


def finding(site: Site | None, **more: Any) -> Finding:
    rule = named("stale-gradient")
    facts: dict[str, Any] = {"loss": float("inf"), "n": 2, "yes": True}
    return Finding(
        "m", "c", "f", facts, site, 1, 1, rule=rule.name, code=rule.code, severity=rule.severity,
        **more,
    )  # fmt: skip


@cache
def unusual() -> Report:
    """Everything a report may hold that a sick loop of ours does not."""
    here = finding(Site("train.py", 3))
    one = Report(
        [finding(None, consequences=[here], ranks=(0, 2), confidence=0.9)], [],
        {"flat-loss": "short"},
        ignored=[here], problems=["KeyError: 'ours'"], ended="ValueError: no",
        ranks=[Rank(0, 12, 1.5), Rank(1, missing="died"), Rank(2, 3, 0.25, "KeyError: 'mine'")],
        notes=["ranks 0 to 2 of 8"],
    )  # fmt: skip
    return merge({0: one, 1: Report([here], [], {})}, {2: "it died"})


def test_the_schemas_are_schemas() -> None:
    jsonschema.Draft202012Validator.check_schema(OWN)
    jsonschema.Draft4Validator.check_schema(OASIS)
    for schema in (OWN, OASIS):
        with pytest.raises(AssertionError):
            validate({"nonsense": 1}, schema)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_writes_what_the_schemas_ask_for(name: str) -> None:
    report = sick(name)
    assert [one.rule for one in report.findings] == [name]
    validate(json.loads(json.dumps(as_json(report), allow_nan=False)), OWN)
    validate(json.loads(json.dumps(as_sarif(report), allow_nan=False)), OASIS)


def test_an_unusual_report_too() -> None:
    validate(json.loads(json.dumps(as_json(unusual()), allow_nan=False)), OWN)
    validate(json.loads(json.dumps(as_sarif(unusual()), allow_nan=False)), OASIS)


@pytest.mark.parametrize("name", [*RULES[::6], ""])
def test_json_says_all_that_the_terminal_says(name: str) -> None:
    """Read back from its JSON, a report prints the same page and gives the same JSON."""
    report = sick(name) if name else unusual()
    plain = json.loads(json.dumps(as_json(report), allow_nan=False))
    again = from_json(plain)
    assert as_text(again) == as_text(report)
    assert as_json(again) == plain


def test_json_holds_the_text_of_the_line_for_who_has_not_the_file() -> None:
    (one,) = as_json(sick("stale-gradient"))["findings"]
    assert one["source"] == "loss.backward()"
    assert {"line": one["line"], "text": "        loss.backward()"} in one["excerpt"]
    assert one["function"] == "sick"
    assert one["explain"] == "fivestep explain stale-gradient"
    assert one["summary"] == named("stale-gradient").summary


def test_json_of_another_schema_is_refused() -> None:
    plain = as_json(sick("stale-gradient"))
    with pytest.raises(ValueError, match=r"schema 1 was expected; this one has 2"):
        from_json({**plain, "schema": 2})


def test_docs_name_every_field() -> None:
    page = (HERE.parent / "docs" / "report.md").read_text(encoding="utf-8")
    fields = [*OWN["properties"], *OWN["$defs"]["finding"]["properties"]]
    fields += OWN["properties"]["ranks"]["items"]["properties"]
    assert [name for name in fields if f"`{name}`" not in page] == []


# -- SARIF and where it goes --------------------------------------------------------------------

# RFC 3986: what a URI or a relative reference may hold.
URI = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-F]{2})*")


def location(report: Report) -> dict[str, Any]:
    sarif = as_sarif(report)
    validate(sarif, OASIS)
    (result,) = sarif["runs"][0]["results"]
    (one,) = result["locations"]  # code scanning refuses a file in which a result has none
    artifact = one["physicalLocation"]["artifactLocation"]
    assert URI.fullmatch(artifact["uri"])
    return one["physicalLocation"]


@pytest.mark.parametrize(
    "name",
    [
        "train.py",
        "my train.py",
        "sous dossier/entra\u00eenement.py",
        "\u8bad\u7ec3.py",
        "a#b%20?.py",
        "c:d.py",
    ],
)
def test_a_file_below_is_named_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in (str(tmp_path / name), name):
        place = location(Report([finding(Site(file, 3))], [], {}))
        assert unquote(place["artifactLocation"]["uri"]) == name
        assert place["artifactLocation"]["uriBaseId"] == "SRCROOT"
        assert place["region"]["startLine"] == 3


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("/elsewhere/my train.py", "file:///elsewhere/my%20train.py"),
        (
            r"C:\Projekte\mein Lauf\tr\u00e4ning.py",
            "file:///C:/Projekte/mein%20Lauf/tr%C3%A4ning.py",
        ),
        (r"\\server\share\train.py", "file:///server/share/train.py"),
        ("<ipython-input-3-0123456789ab>", "%3Cipython-input-3-0123456789ab%3E"),
    ],
)
def test_a_file_elsewhere_is_named_in_full(file: str, uri: str) -> None:
    place = location(Report([finding(Site(file.replace(r"\u00e4", "\u00e4"), 3))], [], {}))
    assert place["artifactLocation"]["uri"] == uri


def test_what_has_no_line_is_shown_at_the_loop() -> None:
    near = Report([finding(None)], [], {}, site=Site("train.py", 9))
    assert location(near)["region"]["startLine"] == 9
    assert location(Report([finding(None)], [], {}))["artifactLocation"]["uri"] == "."


def test_what_code_scanning_asks_for() -> None:
    """Source: GitHub Docs, "SARIF support for code scanning", the required properties."""
    for name in RULES[::5]:
        sarif = as_sarif(sick(name))
        assert sarif["$schema"].endswith("sarif-2.1.0.json")
        (run,) = sarif["runs"]
        driver = run["tool"]["driver"]
        assert driver["name"] == "fivestep"
        rules = {rule["id"]: rule for rule in driver["rules"]}
        for result in run["results"]:
            rule = rules[result["ruleId"]]
            for text in ("shortDescription", "fullDescription", "help"):
                assert len(rule[text]["text"]) > 0
            assert len(rule["shortDescription"]["text"]) <= 1024
            assert rule["defaultConfiguration"]["level"] == result["level"]
            assert result["level"] in ("error", "warning", "note")
            assert result["message"]["text"].endswith(".")
            (place,) = result["locations"]
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            assert not uri.startswith("/")
            assert all(isinstance(one, str) for one in result["partialFingerprints"].values())


def test_the_fingerprint_follows_the_line_and_not_its_number(tmp_path: Path) -> None:
    def print_of(text: str, line: int, name: str = "train.py") -> str:
        path = tmp_path / str(abs(hash(text))) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        report = Report([finding(Site(str(path), line))], [], {})
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(path.parent)
            return as_sarif(report)["runs"][0]["results"][0]["partialFingerprints"][
                "ruleAndLine/v1"
            ]

    first = print_of("x = 1\nloss.backward()\n", 2)
    assert first == print_of("\n\nx = 1\nloss.backward()\n", 4)
    assert first != print_of("x = 2\nloss.backward()  # or not\n", 2)
    assert first != print_of("x = 1\nloss.backward()\n", 2, "other.py")


def test_files_are_strict_json_in_utf_8(tmp_path: Path) -> None:
    one = Report([finding(Site("entra\u00eenement.py", 1))], [], {})
    write_json(one, tmp_path / "a.json")
    write_sarif(one, tmp_path / "a.sarif")
    for name in ("a.json", "a.sarif"):
        assert json.loads((tmp_path / name).read_bytes().decode("utf-8"))


def test_severity_is_a_level() -> None:
    levels = {rule.severity: rule.name for rule in catalogue().values()}
    told = {
        severity: as_sarif(sick(name))["runs"][0]["results"][0]["level"]
        for severity, name in levels.items()
    }
    assert told[Severity.WRONG] == "error"
    assert told[Severity.SUSPICIOUS] == "warning"
    assert told[Severity.COSTLY] == "note"
