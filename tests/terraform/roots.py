"""The Terraform roots of the products, each distinct one checked once."""

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests import support
from tests.in_process import InProcess
from tests.terraform.toolchain import Terraform, serving

# The tests of the roots: what every file begins with, and a folder for each root. All are templates of answers.
PLANS = Path(__file__).parent / "plans"

# What a root reads outside its own folder, from the product's root.
_ALSO_READ = {"gitops": ("bootstrap",)}


@dataclass(frozen=True)
class Outcome:
    """What `validate`, and `fmt` and `test` said about a root and its tests; None where they found nothing."""

    invalid: str | None = None
    failed: str | None = None


class Selection:
    """Tells which files of tests a root runs.

    Roots that differ in names only (strings in tfvars, backend and bootstrap chart) share one run of all their tests; the
    others of them run their shortest file, which plans with their own names. With `once`, a file runs for the first root
    of its kind alone if others have the same text of it, and a root without a new one runs its shortest: about a quarter
    of the runs, which find what a test says, but not each way in which a root may break it.
    """

    def __init__(self, once: bool) -> None:
        self._once = once
        self._suites: set[tuple[str, str]] = set()
        self._texts: set[tuple[str, str, str]] = set()

    def files(self, kind: str, shape: str, tests: dict[str, str]) -> list[str]:
        """Return the names of the files, for a kind of root by one program."""
        suite = kind, f"{shape}-{sorted(tests.items())}"
        new = [
            name
            for name, text in tests.items()
            if suite not in self._suites and not (self._once and (kind, name, text) in self._texts)
        ]
        self._suites.add(suite)
        self._texts.update((kind, name, text) for name, text in tests.items())
        return new or [shortest(tests)]


class Checker:
    """Checks roots in the background and remembers the outcome by content."""

    def __init__(self, program_of: Callable[[Path], Terraform], workspace: Path) -> None:
        """Work in copies below `workspace`, so that the products stay as they were rendered."""
        self._program_of = program_of
        self._workspace = workspace
        self._pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
        self._outcomes: dict[str, Future[Outcome]] = {}
        self._selection = Selection(os.environ.get("TERRAFORM_ONCE") == "yes")
        self._installing = threading.Lock()
        self._testers: dict[str, Terraform] = {}
        self._serving = ExitStack()

    def start(self, product: Path, root: str, tests: dict[str, str]) -> Future[Outcome]:
        """Begin checking a root with the tests that `tests_of` gives, unless an identical one has been begun."""
        program = self._program_of(product)
        name = f"{Path(program.command).name}-{hashlib.sha256(repr(tests).encode()).hexdigest()[:12]}"
        key = f"{root}-{name}-{_digest(product, root, bytes)}"
        if key not in self._outcomes:
            copy = self._workspace / key
            for part in (f"terraform/{root}", *_ALSO_READ.get(root, ())):
                shutil.copytree(product / part, copy / part)
            (copy / "terraform" / root / "tests").mkdir()
            for file, text in tests.items():
                (copy / "terraform" / root / "tests" / file).write_text(text, encoding="utf-8")
            files = self._selection.files(f"{root}-{program.command}", shape(product, root), tests)
            if program.command not in self._testers:
                self._testers[program.command] = self._serving.enter_context(serving(program))
            tester, folder = self._testers[program.command], copy / "terraform" / root
            self._outcomes[key] = self._pool.submit(self._check, program, tester, folder, files, shortest(tests))
        return self._outcomes[key]

    def close(self) -> None:
        """Drop what has not begun, and wait for the rest."""
        self._pool.shutdown(cancel_futures=True)
        self._serving.close()

    def _check(self, program: Terraform, tester: Terraform, folder: Path, files: list[str], first: str) -> Outcome:
        data = self._workspace / "data" / Path(program.command).name / _providers(folder)
        with self._installing:
            lock = data / "lock.hcl"
            if lock.exists():
                shutil.copy(lock, folder / ".terraform.lock.hcl")
            else:
                done = program.run("init", "-backend=false", "-no-color", cwd=folder, data=data)
                if done.returncode != 0:
                    return Outcome(invalid=done.stdout)
                shutil.copy(folder / ".terraform.lock.hcl", lock)
        done = program.run("validate", "-no-color", cwd=folder, data=data)
        # A deprecation warning is a change that the next version of the provider will ask for.
        if done.returncode != 0 or "Warning:" in done.stdout:
            return Outcome(invalid=done.stdout)
        done = program.run("fmt", "-check", "-diff", "tests", cwd=folder)
        if done.returncode != 0:
            return Outcome(failed=done.stdout)
        for number, values in enumerate(values_of(folder)):
            only = [f"-filter=tests/{name}" for name in (files if number == 0 else [first])]
            done = tester.run("test", "-no-color", f"-var-file={values.name}", *only, cwd=folder, data=data)
            passed = done.returncode == 0 and re.search(r"\b[1-9][0-9]* passed, 0 failed\.$", done.stdout.strip())
            if not passed:
                return Outcome(failed=f"{values.name}: {done.stdout}")
        return Outcome()


def roots_of(answers: str) -> list[str]:
    """Return the roots of the product of an answer set."""
    given = {"cluster_layout": "shared", "registry": "acr", **support.answers(answers)}
    own_registry = given["cluster_layout"] == "per-environment" and given["registry"] == "acr"
    return ["state", *(["registry"] if own_registry else []), "platform", "gitops"]


def tests_of(template: InProcess, answers: str, product: Path, root: str) -> dict[str, str]:
    """Return the tests of a root by file: those of the `.tf` files that the product has, up to the first dot of a name.

    A file without a run for these answers is left out.
    """
    data = template.ask(support.answers(answers))
    begin = (PLANS / f"{'gitops' if root == 'gitops' else 'azurerm'}.jinja").read_text(encoding="utf-8")
    found = {}
    for path in sorted(PLANS.glob("*/*.tftest.hcl*")):
        folder = template.environment.from_string(path.parent.name).render(data)
        if folder == root and (product / "terraform" / root / f"{path.name.partition('.')[0]}.tf").exists():
            text = template.environment.from_string(f"{begin}\n{path.read_text(encoding='utf-8')}").render(data)
            if "\nrun " in text:
                found[path.name.removesuffix(".jinja")] = text
    return found


def shortest(tests: dict[str, str]) -> str:
    """Return the name of the file with the fewest runs."""
    return min(tests, key=lambda name: tests[name].count("\nrun "))


def values_of(folder: Path) -> list[Path]:
    """Return the files of values of a root, one for each cluster."""
    return sorted(path for path in folder.glob("*.tfvars") if not path.name.endswith(".auto.tfvars"))


def shape(product: Path, root: str) -> str:
    """Return what is the same for roots that differ in names only."""
    return _digest(product, root, _without_names)


def _providers(folder: Path) -> str:
    """Return a name for the set of providers that a root asks for."""
    wanted = re.findall(r"^\s+(?:source|version)\s+= \".+\"$", "\n".join(_texts(folder)), re.M)
    return hashlib.sha256("\n".join(sorted(wanted)).encode()).hexdigest()[:12]


def _texts(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tf"))]


def _without_names(content: bytes) -> bytes:
    return re.sub(rb'"[^"\n]*"', b'""', content)


def _digest(product: Path, root: str, simplify: Callable[[bytes], bytes]) -> str:
    digest = hashlib.sha256()
    for part in (f"terraform/{root}", *_ALSO_READ.get(root, ())):
        for path in sorted((product / part).rglob("*")):
            if path.is_file():
                answered = path.suffix in (".tfvars", ".tfbackend") or path.name == "backend.tf" or part == "bootstrap"
                content = path.read_bytes()
                digest.update(f"{path.relative_to(product)}\0".encode())
                digest.update(simplify(content) if answered else content)
                digest.update(b"\0")
    return digest.hexdigest()[:12]
