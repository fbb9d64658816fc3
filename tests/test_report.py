"""Reports: for people, as JSON, as SARIF; what was checked, what was not, what was ignored."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fivestep.doctor import diagnose, fold, listen
from fivestep.finding import Finding, Report, Severity
from fivestep.practice import overhear
from fivestep.report import as_json, as_sarif, as_text, print_report
from fivestep.rules import catalogue, named
from fivestep.vitals import Record, Site


@pytest.fixture(scope="module")
def report() -> Report:
    return diagnose(overhear(named("stale-gradient").sick))


def test_text_marks_the_line_and_says_what_to_do(report: Report) -> None:
    text = as_text(report)
    assert "wrong  stale-gradient (FS301)" in text
    assert [line for line in text.splitlines() if line.lstrip().startswith(">")] == [
        line for line in text.splitlines() if "loss.backward()" in line and ">" in line
    ]
    assert "optimizer.zero_grad()" in text
    assert "\x1b" not in text  # no colour when it is not a terminal


def test_nothing_to_say_is_one_line() -> None:
    text = as_text(diagnose(overhear(named("stale-gradient").healthy)))
    assert len(text.splitlines()) == 1
    assert text.startswith("fivestep: nothing to say")


def test_print_goes_to_standard_error(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "stale-gradient" in captured.err


def test_report_as_a_string_is_its_text(report: Report) -> None:
    page = io.StringIO()
    print_report(report, file=page)
    assert str(report) == page.getvalue()


def test_json_is_complete_and_strict(report: Report) -> None:
    plain = json.loads(json.dumps(as_json(report), allow_nan=False))
    assert plain["schema"] == 1
    (finding,) = plain["findings"]
    wanted = {
        "rule", "code", "severity", "iteration", "count", "file", "line", "message", "evidence",
        "cause", "fix", "consequences", "confidence", "function", "cell", "source", "excerpt",
        "ranks", "summary", "explain",
    }  # fmt: skip
    assert set(finding) == wanted
    assert finding["evidence"]["earlier_updates"] == 23
    assert finding["count"] == 23
    assert finding["iteration"] == 2
    assert "stale-gradient" not in plain["checked"]
    assert len(plain["checked"]) + len(plain["not_checked"]) + 1 >= len(catalogue())


def test_json_writes_what_is_not_finite_as_words() -> None:
    one = Finding("m", "c", "f", {"loss": float("nan")}, None, 1, 1, rule="nonfinite-loss")
    plain = as_json(Report([one], [], {}))
    assert json.dumps(plain, allow_nan=False)
    assert plain["findings"][0]["evidence"]["loss"] == "nan"


def test_sarif_has_what_the_schema_asks_for(report: Report) -> None:
    sarif = json.loads(json.dumps(as_sarif(report), allow_nan=False))
    assert sarif["version"] == "2.1.0"
    (run,) = sarif["runs"]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == ["FS301"]
    (result,) = run["results"]
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "FS301"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["region"]["startLine"] > 1
    assert not place["artifactLocation"]["uri"].startswith("/")
    assert result["message"]["text"]


def test_ignored_by_name_and_by_code() -> None:
    record = overhear(named("stale-gradient").sick)
    for name in ("stale-gradient", "FS301"):
        report = diagnose(record, ignore=[name])
        assert report.findings == []
        assert [one.rule for one in report.ignored] == ["stale-gradient"]


def test_only_some_rules() -> None:
    record = overhear(named("stale-gradient").sick)
    report = diagnose(record, rules=["erased-gradient"])
    assert report.checked == ["erased-gradient"]
    with pytest.raises(ValueError, match="is no rule"):
        diagnose(record, rules=["match-shapes"])


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("# fivestep: ignore[stale-gradient]", False),
        ("# fivestep: ignore[FS301]", False),
        ("# fivestep: ignore[broadcast-loss, stale-gradient]", False),
        ("# fivestep: ignore", False),
        ("# fivestep: ignore[broadcast-loss]", True),
        ("# ignore[stale-gradient]", True),
    ],
)
def test_a_comment_on_the_line_silences_a_rule(tmp_path: Path, comment: str, found: bool) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "def loop(model, optimizer, x):\n"
        "    for _ in range(6):\n"
        "        loss = model(x).pow(2).mean()\n"
        f"        loss.backward()  {comment}\n"
        "        optimizer.step()\n"
    )
    names: dict[str, Any] = {}
    exec(compile(program.read_text(), str(program), "exec"), names)
    model = nn.Linear(2, 1)
    with listen() as doctor:
        names["loop"](model, torch.optim.SGD(model.parameters(), 0.01), torch.randn(4, 2))
    report = diagnose(doctor.record)
    assert [one.rule for one in report.findings] == (["stale-gradient"] if found else [])
    assert [one.rule for one in report.ignored] == ([] if found else ["stale-gradient"])


def _finding(name: str, iteration: int = 1) -> Finding:
    rule = named(name)
    site = Site("train.py", 3)
    return Finding(
        "m", "c", "f", {}, site, iteration, 1, rule=name, code=rule.code, severity=rule.severity
    )


def test_consequences_stand_under_their_cause() -> None:
    faults = fold(
        [_finding("diverging-loss"), _finding("nonfinite-loss"), _finding("stale-gradient")]
    )
    assert [one.rule for one in faults] == ["stale-gradient"]
    assert {one.rule for one in faults[0].consequences} == {"diverging-loss", "nonfinite-loss"}


def test_a_chain_of_causes_is_followed_to_its_root() -> None:
    faults = fold(
        [_finding("gradless-training"), _finding("detached-loss"), _finding("missing-update")]
    )
    assert [one.rule for one in faults] == ["gradless-training"]
    assert {one.rule for one in faults[0].consequences} == {"detached-loss", "missing-update"}


def test_two_faults_are_two_findings() -> None:
    faults = fold([_finding("stale-gradient"), _finding("broadcast-loss")])
    assert [one.rule for one in faults] == ["broadcast-loss", "stale-gradient"]


def test_a_rule_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = named("broadcast-loss")

    def broken(_: Record) -> list[Finding]:
        raise KeyError("ours")

    fields: dict[str, Any] = {name: getattr(rule, name) for name in rule.__slots__}
    fields["check"] = broken
    monkeypatch.setattr("fivestep.doctor.catalogue", lambda: {
        rule.name: type(rule)(**fields),
        "stale-gradient": named("stale-gradient"),
    })  # fmt: skip
    report = diagnose(overhear(named("stale-gradient").sick))
    assert [one.rule for one in report.findings] == ["stale-gradient"]
    assert "KeyError" in report.not_checked["broadcast-loss"]


def test_an_empty_run_says_what_it_could_not_check() -> None:
    report = diagnose(Record())
    assert report.findings == []
    assert "stale-gradient" in report.not_checked
    assert "no backward" in report.not_checked["stale-gradient"]


def test_severity_decides_the_exit_code() -> None:
    assert diagnose(overhear(named("stale-gradient").sick)).wrong
    assert not diagnose(overhear(named("stale-gradient").healthy)).wrong
    assert not Report([Finding("", "", "", {}, None, 1, 1, severity=Severity.COSTLY)], [], {}).wrong


def test_of_two_that_explain_each_other_the_first_seen_is_the_cause() -> None:
    late, early = _finding("nonfinite-gradient", 4), _finding("huge-update", 2)
    assert [one.rule for one in fold([late, early])] == ["huge-update"]
    late, early = _finding("huge-update", 4), _finding("nonfinite-gradient", 2)
    assert [one.rule for one in fold([late, early])] == ["nonfinite-gradient"]


def test_what_was_not_heard_is_not_said_to_be_in_order() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with listen() as doctor:
        for _ in range(30):
            x = torch.randn(8, 2)
            loss = (model(x) - x[:, :1]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    report = doctor.report()
    missing = {
        "early-schedule": "no schedule",
        "cloned-workers": "workers",
        "frozen-shuffle": "DataLoader",
        "overfitting": "evaluated",
        "misplaced-clip": "clipped",
        "broadcast-metric": "metric",
        "swapped-arguments": "written by hand",
        "aliased-best": "state_dict",
    }
    for rule, why in missing.items():
        assert why in report.not_checked[rule]
        assert rule not in report.checked
    assert {"stale-gradient", "broadcast-loss", "flat-loss", "dead-units"} <= set(report.checked)


def test_what_is_missing_never_silences_a_finding() -> None:
    rule = named("overfitting")
    assert rule.needs == ("evaluation",)
    record = Record(counts={"backward": 1})
    shown = Finding("m", "c", "f", {}, None, 1, 1)

    def check(_: Record) -> list[Finding]:
        return [shown]

    changed = {rule.name: replace(rule, check=check)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fivestep.doctor.catalogue", lambda: changed)
        assert [one.rule for one in diagnose(record).findings] == ["overfitting"]
