"""What the manifest says: which public scripts, how each is run, and what was judged of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).with_name("manifest.toml")
VERDICTS = ("right", "wrong")


@dataclass(frozen=True, slots=True)
class Repository:
    """A public repository at one commit."""

    name: str  # owner/name
    commit: str

    @property
    def address(self) -> str:
        """Where it is cloned from."""
        return f"https://github.com/{self.name}"


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in the script, every time that ``old`` stands there."""

    old: str
    new: str
    file: str = ""  # beside the script; "" is the script itself


@dataclass(frozen=True, slots=True)
class Judgement:
    """One finding, judged by hand from the script's text."""

    rule: str
    verdict: str  # right or wrong
    reason: str


@dataclass(frozen=True, slots=True)
class Script:
    """One script, and how it is run."""

    repository: Repository
    path: str
    arguments: list[str] = field(default_factory=list[str])
    data: dict[str, str] = field(default_factory=dict[str, str])  # where it looks -> stand-in
    edits: list[Edit] = field(default_factory=list[Edit])
    unstable: list[str] = field(default_factory=list[str])  # patterns of output that never repeats
    judgements: list[Judgement] = field(default_factory=list[Judgement])
    launch: list[str] = field(default_factory=list[str])  # what runs it besides python
    root: str = ""  # the folder that it imports from, if that is not its own
    variant: str = ""  # where one script is run in several ways

    @property
    def name(self) -> str:
        """Owner, repository and path: one script, one name."""
        return " ".join(filter(None, [f"{self.repository.name}/{self.path}", self.variant]))

    @property
    def address(self) -> str:
        """The script as it was run, for a reader."""
        place = self.path.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
        return f"{self.repository.address}/blob/{self.repository.commit}/{place}"


def read(path: Path = MANIFEST) -> list[Script]:
    """Read all scripts of a manifest.

    Raises:
        KeyError: a script names a repository that has no commit.
        TypeError: an entry has a field that is not known.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    commits = table["commits"]
    return [_script(name, one, commits) for name in commits for one in table["scripts"][name]]


def _script(name: str, entry: dict[str, Any], commits: dict[str, str]) -> Script:
    rest = dict(entry)
    edits = [Edit(**one) for one in rest.pop("edits", [])]
    judgements = [Judgement(**one) for one in rest.pop("findings", [])]
    return Script(Repository(name, commits[name]), edits=edits, judgements=judgements, **rest)
