"""scripts/validate finds what breaks a repository, with file, line and cure, and nothing else."""

import random
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests import (
    damages,
    extensions,
    extensions_of_rules,
    extensions_of_variants,
    extensions_of_years,
    support,
    validation,
)
from tests.damages import APP, DATABASE, DEV, FRONTEND
from tests.in_process import InProcess
from tests.validation import replace

EVERY = damages.every()
LINE = re.compile(r"[\w./ -]+?(:\d+)?: .+")
# Every line ends in what is to be done.
CURE = re.compile(
    r"\b(add|chmod|choose|copy|fix|give|keep|make|name|quote|remove|rename|restore|run|save|set|use|write)\b"
)


@pytest.fixture(scope="module")
def patients(
    rendered: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], validation.Patient]:
    """Give a copy of the product of an answer set that can be damaged and mends itself."""
    made: dict[str, validation.Patient] = {}

    def patient_of(answers: str) -> validation.Patient:
        if answers not in made:
            copy = tmp_path_factory.mktemp("patient") / "product"
            made[answers] = validation.Patient(rendered(answers), copy)
        return made[answers]

    return patient_of


def validate(product: Path) -> tuple[int, str]:
    done = support.run(sys.executable, "scripts/validate", "--no-tools", cwd=product)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("answers", "damage"), EVERY)
def test_validate_finds(answers: str, damage: str, patients: Callable[[str], validation.Patient]) -> None:
    edit, words = EVERY[answers, damage]
    with patients(answers).damaged(edit) as product:
        lines = validation.problems(product)
    assert [line for line in lines if words in line], lines
    for line in lines:
        assert LINE.fullmatch(line), line
        assert CURE.search(line), line
        assert validation.STUMBLED not in line


def test_a_product_of_each_answer_set_is_whole_again_after_its_damages(
    patients: Callable[[str], validation.Patient],
) -> None:
    for answers in {answers for answers, _ in EVERY}:
        with patients(answers).damaged() as product:
            assert validation.problems(product) == []


@pytest.mark.parametrize(("words", "status"), [("", 0), ("newTag: 1", 1)])
def test_the_status_says_whether_there_is_a_problem(words: str, status: int, own_product: Path) -> None:
    if words:
        validation.replace(f"{DEV}/imagetags/kustomization.yaml", r'newTag: "unreleased"', words)(own_product)
    found, output = validate(own_product)
    assert found == status, output
    assert "Traceback" not in output


def test_a_module_that_validate_itself_needs_is_named(own_product: Path) -> None:
    (own_product / "scripts/gitops/imagetags.py").unlink()
    status, output = validate(own_product)
    assert status == 1
    assert "imagetags" in output
    assert "restore what is missing in scripts/ from history" in output
    assert "Traceback" not in output


def test_a_check_that_stumbles_is_named_and_keeps_no_other_from_its_findings(own_product: Path) -> None:
    validation.replace(f"{DEV}/imagetags/kustomization.yaml", '"unreleased"', "1")(own_product)
    check = "def check(repository):\n    raise KeyError('spec')\n"
    (own_product / "scripts/checks/aaa.py").write_text(check)
    status, output = validate(own_product)
    assert status == 1
    assert "scripts/checks/aaa.py:2: stopped here (KeyError: 'spec'): fix what else is said" in output
    assert "1 is not a text" in output


BUDGET = f"{FRONTEND}/poddisruptionbudget.yaml"
WRONG = f"{BUDGET}:11: PodDisruptionBudget frontend selects no pod"


def budget(before: str = "", behind: str = "") -> damages.Edit:
    """Return an edit that is found in line 11, with something before that line and at its end."""
    return replace(BUDGET, r"  selector:\n(.*\n).*", rf"{before}  selector:{behind}\n\1      app: x")


def entry(text: str) -> damages.Edit:
    """Return an edit that adds the file of what is ignored."""
    return damages.added(".gitops-ignore.yaml", text)


@pytest.mark.parametrize(
    ("edits", "count"),
    [
        ([budget(behind=" # gitops:ignore until it has pods")], 1),
        ([budget(before="  # gitops:ignore: until it has pods\n")], 1),
        ([budget(), entry(f"- path: {BUDGET}\n  reason: until it has pods\n")], 1),
        ([budget(), entry("- {path: apps/*/frontend/*, reason: until it has pods, finding: selects no pod}\n")], 1),
        # Findings without a line, and of a file that can't be read.
        (
            [
                replace(
                    f"{APP}/base/kustomization.yaml",
                    '- "backend"',
                    '- "backend"\n  - gone.yaml # gitops:ignore to come',
                )
            ],
            1,
        ),
        (
            [
                damages.added(f"{DEV}/spare.yaml", "apiVersion: v1\nkind: Pod\n"),
                entry("- {path: apps/*/spare.yaml, reason: x}"),
            ],
            1,
        ),
        ([damages.added("scripts/signers.toml", "[cache] # gitops:ignore to come\n")], 1),
        ([damages.added("apps/broken.yaml", "a: [\n"), entry("- {path: apps/*, reason: an example}")], 1),
    ],
)
def test_a_finding_is_silenced_with_a_reason(
    edits: list[damages.Edit], count: int, patients: Callable[[str], validation.Patient]
) -> None:
    with patients("defaults").damaged(*edits) as product:
        assert validation.looked_at(product) == ([], count, [])


def test_the_environments_of_a_job_are_silenced_where_they_are(
    patients: Callable[[str], validation.Patient],
) -> None:
    edit = replace(
        "jenkins/rollback.Jenkinsfile",
        r"(name: 'ENVIRONMENT',)(\s*choices: \[)'dev', ",
        r"\1 // gitops:ignore test is made anew\2'test', ",
    )
    with patients("jenkins-with-acr-on-gitlab").damaged(edit) as product:
        assert validation.looked_at(product) == ([], 1, [])


REASON = "write path and reason, and finding with words of it"


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([budget(behind=" # gitops:ignore")], f"{BUDGET}:11: gitops:ignore gives no reason: write it behind"),
        ([budget(behind="\n    # gitops:ignore on the line below")], WRONG),
        ([replace(BUDGET, "^(kind: .*)", r"\1 # gitops:ignore elsewhere"), budget()], WRONG),
        ([budget(), entry("- path: apps/*\n")], f".gitops-ignore.yaml:1: an entry has no reason: {REASON}"),
        ([budget(), entry("- apps/*\n")], f".gitops-ignore.yaml:1: an entry has no path: {REASON}"),
        (
            [entry("- {path: a, reason: b, line: 3}\n")],
            ".gitops-ignore.yaml:1: an entry has more than path, reason and",
        ),
        ([budget(), entry("- {path: apps/*, reason: x, finding: no tag}\n")], WRONG),
    ],
)
def test_what_gives_no_reason_or_is_for_something_else_silences_nothing(
    edits: list[damages.Edit], said: str, patients: Callable[[str], validation.Patient]
) -> None:
    with patients("defaults").damaged(*edits) as product:
        assert [line for line in validation.problems(product) if line.startswith(said)]


def test_what_silences_nothing_is_named_and_no_finding(patients: Callable[[str], validation.Patient]) -> None:
    edits = replace(BUDGET, "^kind: .*", r"\g<0> # gitops:ignore no more"), entry("- {path: src/*, reason: agreed}\n")
    with patients("defaults").damaged(*edits) as product:
        lines, silenced, unused = validation.looked_at(product)
    assert (lines, silenced) == ([], 0)
    assert unused == [
        ".gitops-ignore.yaml:1: src/* silences no finding: remove it",
        f"{BUDGET}:2: gitops:ignore silences no finding: remove it",
    ]


def test_the_last_line_counts_what_is_silenced(own_product: Path) -> None:
    budget(behind=" # gitops:ignore until it has pods")(own_product)
    entry("- {path: src/*, reason: agreed}\n")(own_product)
    status, said = validate(own_product)
    assert status == 0
    assert said.splitlines()[-1] == "validate: problems: 0, findings of linters: 0, silenced: 1"
    assert "unused: .gitops-ignore.yaml:1: src/* silences no finding: remove it, unless a tool that was skipped" in said


# What the field's tools find: each by the tool, with the place in the file, and silenced like any other.
TOOLS: dict[str, tuple[str, str, str, str, str]] = {
    "kustomize": (f"{DEV}/kustomization.yaml", "^resources:", "resource:", "", f"{DEV}: kustomize:"),
    "kubernetes-validate": (
        f"{FRONTEND}/deployment.yaml", "replicas: 2", 'replicas: "2"', "",
        "deployment.yaml:1: kubernetes-validate: spec.replicas: ",
    ),
    "terraform": (
        "terraform/platform/cluster.tf", "^  name +=", "  name=", "", "cluster.tf: terraform: is not formatted: run `terraform fmt",
    ),
    "zizmor": (
        ".github/workflows/deploy.yml", r"checkout@[0-9a-f]{40} # v[\d.]+", "checkout@v7", " # gitops:ignore why not",
        ": zizmor: ",
    ),
    "shellcheck": ("scripts/roll-out", "^set -eu$", "set -eu; echo $1", " # gitops:ignore why not", ": shellcheck: "),
    "hadolint": (
        "src/backend/Dockerfile", "^FROM (.*)$", "FROM debian:latest AS x\nFROM \\1", "", "Dockerfile:1: hadolint: DL3007",
    ),
    "yamllint": (f"{FRONTEND}/service.yaml", "kind: Service", "kind:   Service", "", "service.yaml:2: yamllint: [error]"),
}  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_finds_what_it_is_for(tool: str, own_product: Path, tmp_path: Path) -> None:
    name, pattern, replacement, comment, words = TOOLS[tool]
    replace(name, pattern, replacement + comment)(own_product)
    # Two look at what kubectl builds.
    path = few_tools(tmp_path, *(["kubectl"] if tool in ("kustomize", "kubernetes-validate") else []), tool)
    done = support.run(sys.executable, "scripts/validate", cwd=own_product, PATH=path)
    lines = [line for line in done.stdout.splitlines() if words in line]
    assert bool(lines) != bool(comment), done.stdout + done.stderr
    assert (done.returncode == 0) == bool(comment)
    assert not comment or "silenced: " in done.stdout
    for line in lines:
        where = line.partition(":")[0]
        assert where == DEV or (own_product / where).is_file()


VALUES = (
    "null",
    "[]",
    "{}",
    "12",
    '"',
    "true",
    "- a",
    "x: y",
    "&a",
    "*a",
    "!!x y",
    "? a",
    "\t",
    "1e5",
    "{{ x }}: y",
    "@",
)


def random_edit(chance: random.Random) -> Callable[[Path], None]:
    """Return an edit that damages some line of some file."""

    def edit(product: Path) -> None:
        names = [
            name
            for name in support.relative(product)
            if name.endswith((".yaml", ".yml", ".tfvars", ".tf", "Makefile", "Jenkinsfile"))
            or name.startswith("scripts/")
        ]
        path = product / chance.choice(
            [name for name in names if name.endswith("ml")] if chance.random() < 0.8 else names
        )
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) or ["\n"]
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        kind = chance.choice(["delete", "swap", "change", "cut off", "copy", "indent"])
        if kind == "delete":
            del lines[at]
        elif kind == "swap":
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "cut off":
            del lines[at:]
        elif kind == "copy":
            lines.insert(at, lines[other])
        elif kind == "indent":
            lines[at] = chance.choice(["  " + lines[at], lines[at][2:]])
        else:
            lines[at] = re.sub(r"(:\s*|- )[^\n]*$", lambda match: match[1] + chance.choice(VALUES), lines[at])
        path.write_text("".join(lines), encoding="utf-8")

    return edit


@pytest.mark.parametrize("answers", ["defaults", "jenkins-with-acr-on-gitlab"])
def test_no_check_stumbles_over_random_damage(answers: str, patients: Callable[[str], validation.Patient]) -> None:
    for seed in range(25):
        chance = random.Random(seed)
        edits = [random_edit(chance) for _ in range(chance.choice([1, 1, 2]))]
        with patients(answers).damaged(*edits) as product:
            for line in validation.problems(product):
                assert validation.STUMBLED not in line, (seed, line)
                assert LINE.fullmatch(line), (seed, line)


@pytest.mark.parametrize("seed", range(8))
def test_what_people_add_by_hand_is_not_complained_about(
    seed: int, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    kinds = ("defaults", "gateway-with-two-environments", "jenkins-with-acr-on-gitlab", "cluster-per-environment")
    product = shutil.copytree(rendered(kinds[seed % len(kinds)]), tmp_path / "product")
    added = extensions.extend(product, seed, 10)
    assert validation.problems(product) == [], added


def found_by(patient: validation.Patient, edits: Iterable[extensions.Extension]) -> dict[str, list[str]]:
    """Return what is found of each edit that is made by itself."""
    found = {}
    for edit in edits:

        def make(root: Path, add: extensions.Extension = edit) -> None:
            add(extensions.Tree(root), random.Random(1))

        with patient.damaged(make) as product:
            if lines := validation.problems(product):
                found[edit.__name__] = lines
    return found


@pytest.mark.slow
@pytest.mark.parametrize("answers", ["defaults", "gateway-with-two-environments", "previews"])
def test_each_valid_extension_by_itself_gives_no_finding(
    answers: str, patients: Callable[[str], validation.Patient]
) -> None:
    every = [*extensions.EVERY, *extensions.MORE, *extensions_of_years.EXTENSIONS]
    assert len(every) > 200
    assert found_by(patients(answers), every) == {}


@pytest.mark.slow
@pytest.mark.parametrize("answers", extensions_of_variants.VARIANTS)
def test_each_valid_edit_of_a_variant_gives_no_finding(
    answers: str, patients: Callable[[str], validation.Patient]
) -> None:
    every = [*extensions_of_variants.EXTENSIONS, *extensions_of_rules.EXTENSIONS]
    assert found_by(patients(answers), every) == {}


def test_what_is_of_the_whole_cluster_needs_no_namespace(own_product: Path, tmp_path: Path) -> None:
    extensions_of_variants.cluster_wide_objects(extensions.Tree(own_product), random.Random(1))
    done = support.run(sys.executable, "scripts/validate", cwd=own_product, PATH=few_tools(tmp_path, "kubectl"))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("text", "linted"), [("#!/bin/bash\n", True), ("#!/bin/zsh\n", False), ("log() { :; }\n", False)]
)
def test_a_script_is_linted_where_its_shell_is_known(
    text: str, linted: bool, patients: Callable[[str], validation.Patient]
) -> None:
    with patients("defaults").damaged(damages.added("tools/run.sh", text)) as product:
        [tool] = [one for one in validation.tools(product) if one.name == "shellcheck"]
        assert ("tools/run.sh" in tool.command) == linted


def test_what_needs_a_plugin_or_helm_is_left_to_these(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    product = shutil.copytree(rendered("defaults"), tmp_path / "product")
    before = validation.tools(product)
    assert "apps/goal-tracker/overlays/dev" in [tool.subject for tool in before if tool.name == "kustomize"]
    for extend in (extensions.a_secret_by_sops, extensions.own_chart):
        extend(extensions.Tree(product), random.Random(1))
    after = validation.tools(product)
    assert not [tool for tool in after if tool.name == "kustomize" and tool.subject.startswith("apps/")]
    [linter] = [tool for tool in after if tool.name == "yamllint"]
    assert "charts/job/Chart.yaml" in linter.command
    assert "charts/job/templates/job.yaml" not in linter.command


def test_a_file_that_may_not_be_read_is_named(own_product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_product / "apps/values.yaml").write_bytes(b"\xff")  # Whoever is root may read everything.
    monkeypatch.setattr("os.access", lambda *_: False)
    assert validation.problems(own_product) == ["apps/values.yaml: may not be read: chmod +r apps/values.yaml"]


@pytest.mark.parametrize("provider", ["vault", "aws", "kubernetes"])
def test_a_store_of_another_provider_is_valid(provider: str, own_product: Path) -> None:
    [folder] = own_product.glob("clusters/*/external-secrets")
    store = f"""\
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata:
  name: ours
spec:
  conditions:
    - namespaces: ["goal-tracker-dev"]
  provider:
    {provider}:
      auth: {{}}
"""
    (folder / "ours.yaml").write_text(store)
    with (folder / "kustomization.yaml").open("a") as file:
        file.write("  - ours.yaml\n")
    done = support.run(sys.executable, "scripts/validate", "--no-tools", cwd=own_product)
    assert done.returncode == 0, done.stdout


def test_a_text_that_begins_like_a_number_is_read_as_a_text(own_product: Path) -> None:
    (own_product / "notes.yaml").write_text("---\nname: 00e0a\n")
    done = support.run(sys.executable, "scripts/validate", "--no-tools", cwd=own_product)
    assert done.returncode == 0, done.stdout


NINE = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12))
MERGED = "".join(f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 10))
BOMBS = {
    "aliases of aliases": f"a0: &a0 [x]\n{NINE}",
    "merges of merges": f"a0: &a0 {{k: v}}\n{MERGED}",
    "a list in itself": "a: &a [*a]\n",
    "a mapping in itself": "a: &a {b: *a}\n",
    "brackets without end": "a: " + "[" * 200_000,
    "lists without end": "- " * 20_000 + "x",
    "keys without end": "? " * 20_000 + "x",
    "an indent without end": "".join(f"{' ' * level}a:\n" for level in range(2000)),
    "a number of minutes": "a: " + "1:" * 200_000 + "1\n",
    "a number of digits": "a: " + "9" * 200_000,
    "an octal number": "a: 0o" + "7" * 5000,
    "no truth value": "a: !!bool maybe\n",
    "no time": "a: !!timestamp then\n",
    "no date": "a: 2001-99-99\n",
    "no mapping": "a: !!map [1]\n",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_yaml_that_would_hold_the_checks_up_is_one_problem(
    text: str, patients: Callable[[str], validation.Patient]
) -> None:
    def plant(product: Path) -> None:
        (product / "apps" / "bomb.yaml").write_text(text, encoding="utf-8")

    begun = time.monotonic()
    with patients("defaults").damaged(plant) as product:
        [line] = validation.problems(product)
    assert time.monotonic() - begun < 10
    assert re.match(r"apps/bomb[.]yaml(:\d+)?: is not valid YAML: ", line), line
    assert CURE.search(line), line


def test_a_file_whose_name_holds_a_workflow_command_is_shown_and_does_nothing(own_product: Path) -> None:
    for name in (f"{support.HOSTILE}.yaml", "\n::add-mask::x.yaml", "::set-env name=x::y.yaml", "x\n##[error]y.yaml"):
        (own_product / "apps" / name).write_text("a: [\n")
    (own_product / "apps/keys.yaml").write_text('"a\\n::error::x": 1\n"a\\n::error::x": 2\n')
    kustomization = own_product / DEV / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text() + '  - "\\n::add-mask::x\\n##[error]y"\n')
    for arguments in ((), ("--no-tools",)):
        done = support.run(sys.executable, "scripts/validate", *arguments, cwd=own_product)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        support.assert_plain(done.stdout + done.stderr)
        assert "mine" in done.stdout


def test_random_texts_are_read_or_refused_and_plain_once_shown(patients: Callable[[str], validation.Patient]) -> None:
    chance = random.Random(1)
    letters = "ab:-?*&![]{}|>\n \"'#%,01e.~\t\x1b\x85\u2028\u202e\x00"

    def plant(product: Path) -> None:
        for number in range(300):
            text = "".join(chance.choices(letters, k=chance.randint(1, 60)))
            (product / "apps" / f"{number}.yaml").write_bytes(text.encode())

    with patients("defaults").damaged(plant) as product:
        lines = validation.problems(product)
    assert len(lines) > 200
    support.assert_plain("\n".join(lines))


def few_tools(folder: Path, *names: str) -> str:
    """Return a PATH with what comparing needs, and some tools."""
    bare = folder / "bin"
    bare.mkdir(exist_ok=True)
    for name in ("git", "tar", "sh", "env", "python", *names):
        if not (bare / name).exists() and (found := shutil.which(name)):
            (bare / name).symlink_to(found)
    return str(bare)


SIZE = replace(f"{DATABASE}/statefulset.yaml", "storage: 10Gi", "storage: 20Gi")
PATCH = """\
  - target:
      kind: StatefulSet
    patch: '[{"op": "replace", "path": "/spec/volumeClaimTemplates/0/spec/resources/requests/storage", "value": "20Gi"}]'
"""


FEWER = damages.both(
    replace(f"{APP}/overlays/prod/kustomization.yaml", r"replicas:\n(  .*\n)+", ""),
    replace(f"{FRONTEND}/deployment.yaml", r"  replicas: \d+\n", ""),
)


@pytest.mark.parametrize("knows", ["the main branch", "the commit before"])
@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (SIZE, "statefulset.yaml:119: volumeClaimTemplates of StatefulSet database is fixed"),
        (
            replace(f"{DEV}/kustomization.yaml", r"patches:\n", f"patches:\n{PATCH}"),
            "volumeClaimTemplates of StatefulSet",
        ),
        (replace(f"{DATABASE}/statefulset.yaml", "serviceName: database", "serviceName: data"), "serviceName of"),
        (
            replace(f"{FRONTEND}/deployment.yaml", r"matchLabels:\n", "matchLabels:\n      tier: web\n"),
            "selector of Deployment frontend is fixed",
        ),
        (FEWER, "without replicas, Deployment frontend drops from 2 pods to one: keep its count until"),
    ],
)
def test_a_change_that_kubernetes_refuses_is_found_before_it_is_merged(
    edit: Callable[[Path], None], words: str, knows: str, committed: Callable[[str], Path], tmp_path: Path
) -> None:
    product = shutil.copytree(committed("defaults"), tmp_path / "product")
    if knows == "the main branch":
        support.git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=product)
    edit(product)
    if knows == "the commit before":
        support.git("commit", "-q", "-a", "-m", "Change", cwd=product)
    done = support.run(sys.executable, "scripts/validate", cwd=product, PATH=few_tools(tmp_path))
    assert words in done.stdout
    assert done.returncode == 1


def test_a_service_that_runs_may_be_given_an_autoscaler(in_process: InProcess, tmp_path: Path) -> None:
    product, other = tmp_path / "product", tmp_path / "other"
    for replicas, folder in ((3, product), ({"min": 2, "max": 6}, other)):
        in_process.render({"services": [{"name": "web", "replicas": replicas}], "sample_app": False}, folder)
    support.git("init", "-q", "-b", "main", cwd=product)
    support.git("add", "-A", cwd=product)
    support.git("commit", "-q", "-m", "Begin", cwd=product)
    support.git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=product)
    shutil.copytree(other, product, dirs_exist_ok=True)
    done = support.run(sys.executable, "scripts/validate", cwd=product, PATH=few_tools(tmp_path))
    assert "drops from 3 pods to one: keep its count until" in done.stdout
    # In the second step, the Application on main ignores the number.
    support.git("add", "clusters", cwd=product)
    support.git("commit", "-q", "-m", "Ignore the number", cwd=product)
    support.git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=product)
    done = support.run(sys.executable, "scripts/validate", cwd=product, PATH=few_tools(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "edit",
    [
        replace(
            f"{DATABASE}/statefulset.yaml", "  serviceName: database", "  podManagementPolicy: OrderedReady\n\\g<0>"
        ),
        damages.both(
            SIZE,
            replace(
                f"{DATABASE}/statefulset.yaml", "sync-options: Prune", "sync-options: Force=true,Replace=true,Prune"
            ),
        ),
    ],
    ids=["a default that is written out", "an object that Argo CD replaces"],
)
def test_a_change_that_kubernetes_takes_is_let_through(
    edit: Callable[[Path], None], committed: Callable[[str], Path], tmp_path: Path
) -> None:
    product = shutil.copytree(committed("defaults"), tmp_path / "product")
    support.git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=product)
    edit(product)
    done = support.run(sys.executable, "scripts/validate", cwd=product, PATH=few_tools(tmp_path))
    assert done.returncode == 0, done.stdout


def test_a_change_is_let_through_when_the_object_is_recreated(committed: Callable[[str], Path], tmp_path: Path) -> None:
    product, path = shutil.copytree(committed("defaults"), tmp_path / "product"), few_tools(tmp_path)
    support.git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=product)
    SIZE(product)
    replace(f"{DATABASE}/statefulset.yaml", "  annotations:\n", '  annotations:\n    gitops/recreated: "2026-11-26"\n')(
        product
    )
    assert "is fixed" not in support.run(sys.executable, "scripts/validate", cwd=product, PATH=path).stdout
    support.git("commit", "-q", "-a", "-m", "Grow", cwd=product)
    support.git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=product)
    replace(f"{DATABASE}/statefulset.yaml", "storage: 20Gi", "storage: 30Gi")(product)
    assert "is fixed" in support.run(sys.executable, "scripts/validate", cwd=product, PATH=path).stdout
