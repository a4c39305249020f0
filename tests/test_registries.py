"""A registry is a row of includes/registries.json: nothing else names one, and a row that lacks a part gives no product."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support, validation
from tests.in_process import InProcess, RefusedError

pytestmark = pytest.mark.slow

# As nobody runs it: a robot's name has a character that shells know.
MADE_UP = {
    "name": "Harbor",
    "choice": "Harbor: a robot account of a project",
    "sign_in": "token",
    "host": "harbor.example.com",
    "prefix": "harbor.example.com/{name}",
    "server": "harbor.example.com",
    "namespace": {
        "help": "Project of the images in Harbor.",
        "pattern": "[a-z0-9]+",
        "cure": "use lower-case letters and digits, as contoso",
        "called": "a project",
    },
    "begin": "If the images are private, make a robot account with *Pull* and put its token",
    "token": "Harbor robot token",
    "pull": {"user": "robot${name}+pull", "right": "*Pull*"},
    "push": {"user": "robot${name}+push", "right": "*Push*"},
    "actions": {
        "pull_user": "HARBOR_READ_USERNAME",
        "pull_token": "HARBOR_READ_TOKEN",
        "push_user": "HARBOR_USERNAME",
        "push_token": "HARBOR_TOKEN",
        "push_input": "harbor-username",
    },
}
ANSWERS = {"registry": "harbor", "registry_name": "contoso", "services": ["frontend", "backend", "reports"]}
OTHERS = re.compile(r"ghcr|docker\.io|docker ?hub|quay|azurecr|az acr", re.IGNORECASE)


def paths(row: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a row, those of its parts after a dot."""
    for key, value in row.items():
        yield from paths(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]


def template_with(folder: Path, rows: dict[str, Any]) -> InProcess:
    """A copy of the template that has other registries."""
    copy = folder if folder.exists() else support.export_template(folder)
    (copy / "includes" / "registries.json").write_text(json.dumps(rows), encoding="utf-8")
    return InProcess(copy)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    """The template with one row more."""
    return template_with(tmp_path_factory.mktemp("made-up") / "template", {**support.REGISTRIES, "harbor": MADE_UP})


@pytest.fixture(scope="module")
def fields(in_process: InProcess) -> dict[str, list[str]]:
    """What a row must have, by how its registry is signed in to."""
    module: Any = in_process.environment.get_template("includes/registries.jinja").module
    return dict(module.FIELDS_BY_SIGN_IN)


@pytest.mark.parametrize("name", support.REGISTRIES)
def test_a_row_has_every_field_and_no_other(fields: dict[str, list[str]], name: str) -> None:
    row = dict(paths(support.REGISTRIES[name]))
    assert sorted(row) == sorted(fields[row["sign_in"]])
    assert all(isinstance(value, str) and value for value in row.values())


def test_a_row_that_lacks_any_field_gives_no_product(tmp_path: Path, fields: dict[str, list[str]]) -> None:
    rows, expected = {}, []
    for name, row in support.REGISTRIES.items():
        for field in fields[row["sign_in"]]:
            short = rows[f"{name}-{field}"] = json.loads(json.dumps(row))
            part, _, key = field.rpartition(".")
            del (short[part] if part else short)[key]
            expected.append(f"{name}-{field} lacks {field}")
    with pytest.raises(RefusedError) as refused:
        template_with(tmp_path / "template", {**support.REGISTRIES, **rows}).ask({})
    assert str(refused.value).removeprefix("includes/registries.json: ").split(", ") == expected


@pytest.mark.parametrize("ci", support.choices("ci"))
def test_a_made_up_row_gives_a_whole_product(extended: InProcess, tmp_path: Path, ci: str) -> None:
    extended.render({**ANSWERS, "ci": ci}, tmp_path / "product")
    assert validation.problems(tmp_path / "product") == []
    texts = {path: (tmp_path / "product" / path).read_text() for path in support.relative(tmp_path / "product")}
    whole = "\n".join(texts.values())
    assert '  - name: "harbor.example.com/contoso/frontend"\n' in whole
    assert 'registry_server = "harbor.example.com"\n\nregistry_pull_username = "robot$contoso+pull"\n' in whole
    if ci == "jenkins":
        assert "\nserver=harbor.example.com\n" in texts["scripts/registry-login"]
        assert "a Harbor robot token with *Push* for `robot$contoso+push` |" in texts["README.md"]
    else:
        steps = [step for path, text in texts.items() if path.startswith(".github/") for step in signing_in(text)]
        assert {step["with"].pop("registry") for step in steps} == {"harbor.example.com"}
        assert len(steps) == 3
        assert "secrets.HARBOR_TOKEN" in str(steps)
        assert "\n   gh variable set HARBOR_READ_USERNAME --body 'robot$contoso+pull'\n" in texts["README.md"]

    # What names another registry is in the product whichever is chosen, as the image of Postgres.
    common: set[str] | None = None
    for name in support.REGISTRIES:
        extended.render({**ANSWERS, "ci": ci, "registry": name}, tmp_path / name)
        lines = {line for path in support.files(tmp_path / name) for line in path.read_text().splitlines()}
        common = lines if common is None else common & lines
    named = {line for line in whole.splitlines() if OTHERS.search(line)}
    assert named - (common or set()) == set()


def signing_in(text: str) -> list[dict[str, Any]]:
    """The steps of a workflow or an action that sign in to a registry with a password."""
    found: Any = yaml.safe_load(text) if text.strip() else {}
    jobs = [*found.get("jobs", {}).values(), found.get("runs", {})] if isinstance(found, dict) else []
    steps = [step for job in jobs for step in job.get("steps", [])]
    return [step for step in steps if step.get("uses", "").startswith("docker/login-action@")]


def test_nothing_but_the_table_asks_which_registry_it_is() -> None:
    asking = re.compile(r"""\bregistry (?:==|!=|in) |["'](?:dockerhub|ghcr|quay)["']|DOCKERHUB|QUAY""")
    found = [
        f"{path.relative_to(support.ROOT)}: {line.strip()}"
        for folder in ("includes", "template")
        for path in [support.ROOT / "copier.yml", *support.files(support.ROOT / folder)]
        if path.name != "registries.json" and "__pycache__" not in path.parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if asking.search(line)
    ]
    assert found == []
