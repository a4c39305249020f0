"""scripts/validate finds what breaks a repository, with file, line and cure, and nothing else."""

import random
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import damages, extensions, support, validation
from tests.damages import APP, DATABASE, DEV, FRONTEND
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


# What makes a file unreadable is said alone, since all else could follow from it.
UNREADABLE = ("is there twice", "is not valid YAML", "is not UTF-8", "has a merge conflict")
# Damages that hide what others are about: without the object there is nothing to be said of it.
HIDING = {
    "a bootstrap of another branch",
    "an answer of another project",
    "a bootstrap that can't be read",
    "another namespace",
}


def test_damages_in_two_files_are_both_found(patients: Callable[[str], validation.Patient]) -> None:
    chance = random.Random(7)
    table = damages.DAMAGES | damages.EDITS
    clear = [
        name
        for name, (_, _, _, words) in table.items()
        if not any(word in words for word in UNREADABLE) and name not in HIDING
    ]
    tried = 0
    while tried < 25:
        first, second = chance.sample(clear, 2)
        if table[first][0].rpartition("/")[0] == table[second][0].rpartition("/")[0]:
            continue
        tried += 1
        edits = [EVERY["defaults", name][0] for name in (first, second)]
        with patients("defaults").damaged(*edits) as product:
            lines = validation.problems(product)
        for name in (first, second):
            words = table[name][3]
            assert any(words in line for line in lines), (first, second, words, lines)
        assert not any(validation.STUMBLED in line for line in lines), (first, second, lines)


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
    assert "/frontend is not a text" in output


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
        (own_product / name).write_text("a: [\n")
    (own_product / "keys.yaml").write_text('"a\\n::error::x": 1\n"a\\n::error::x": 2\n')
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
            (product / f"{number}.yaml").write_bytes(text.encode())

    with patients("defaults").damaged(plant) as product:
        lines = validation.problems(product)
    assert len(lines) > 200
    support.assert_plain("\n".join(lines))


def few_tools(folder: Path) -> str:
    """Return a PATH with what building and comparing needs, and without linters, which take their time."""
    bare = folder / "bin"
    bare.mkdir(exist_ok=True)
    for name in ("git", "kubectl", "tar"):
        (bare / name).symlink_to(str(shutil.which(name)))
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
            f"{DEV}/kustomization.yaml:21: volumeClaimTemplates of",
        ),
        (replace(f"{DATABASE}/statefulset.yaml", "serviceName: database", "serviceName: data"), "serviceName of"),
        (
            replace(f"{FRONTEND}/deployment.yaml", r"matchLabels:\n", "matchLabels:\n      tier: web\n"),
            "selector of Deployment frontend is fixed",
        ),
        (FEWER, "without replicas, Deployment frontend drops from 2 pods to one: keep it, and follow"),
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
