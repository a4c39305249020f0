"""What the tests share: answer sets, and products rendered from them once a session."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import copier
import yaml

ROOT = Path(__file__).resolve().parents[1]
# On PYTHONPATH it lets scripts wait without taking time.
CLOCK = Path(__file__).parent / "clock"
ANSWERS = Path(__file__).parent / "answers"
VALID = sorted(path.stem for path in (ANSWERS / "valid").glob("*.yaml"))
INVALID = sorted(path.stem for path in (ANSWERS / "invalid").glob("*.yaml"))
# Of these products `make test` tries what takes long; between them they have most of what there is.
QUICK = (
    "automatic",
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "defaults",
    "jenkins-with-acr-on-gitlab",
    "services-of-every-kind",
)
# The tools of this environment come before others of the machine.
TOOLS_FIRST = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
# What a terminal, a parser of lines or the log of a pipeline takes for something else, in what others have written.
HOSTILE = "\x1b]0;mine\x07\x1b[2J\x1f\x1e\x85\r\u2028\u2029\u202e\u200b\t\udcff ::error::x ##[add-mask]x"
TEMPLATE_PARTS = ("copier.yml", "hooks", "includes", "template")
# The table of registries, which questions and templates read.
REGISTRIES: dict[str, dict[str, Any]] = json.loads((ROOT / "includes" / "registries.json").read_text(encoding="utf-8"))


def answers(name: str, kind: str = "valid") -> dict[str, Any]:
    """Return the answers of a fixture."""
    loaded: dict[str, Any] | None = yaml.safe_load((ANSWERS / kind / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded or {}


def branch(product: Path) -> str:
    """Return the main branch of a product."""
    return str(yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))["branch"])


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Return the questions of copier.yml, the hidden ones too."""
    loaded = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8"))
    return {name: spec for name, spec in loaded.items() if not name.startswith("_")}


def asked() -> dict[str, dict[str, Any]]:
    """Return the questions that a person is asked."""
    return {name: spec for name, spec in questions().items() if spec.get("when") is not False}


def meanings(name: str) -> dict[Any, str]:
    """Return the values that a question offers, each with what a person reads; one with a rule of its own is a mapping."""
    found = questions()[name].get("choices") or {}
    if isinstance(found, str):  # Made from the table.
        return {value: row["choice"] for value, row in REGISTRIES.items()}
    return {choice["value"] if isinstance(choice, dict) else choice: meaning for meaning, choice in found.items()}


def choices(name: str) -> list[Any]:
    """Return the values that a question offers."""
    return list(meanings(name))


def helps(name: str) -> dict[str, str]:
    """Return the help of a question by the registry that it depends on, or its one help."""
    text = questions()[name]["help"]
    return {key: row["namespace"]["help"] for key, row in REGISTRIES.items()} if "#{" in text else {"": text}


def refusal(name: str) -> str:
    """Return the message that an invalid fixture gets: its first line."""
    return (ANSWERS / "invalid" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def export_template(destination: Path) -> Path:
    """Copy the template without its history: Copier then renders in half the time."""
    for part in TEMPLATE_PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(
                source, destination / part, ignore=shutil.ignore_patterns("__pycache__", ".*_cache", ".venv")
            )
        else:
            destination.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, destination / part)
    return destination


def render(template: Path, destination: Path, data: dict[str, Any], *, hook: bool = False) -> Path:
    """Render a product, without its hook unless asked for."""
    with contextlib.redirect_stderr(io.StringIO()):
        copier.run_copy(
            str(template), destination, data=data, defaults=True, unsafe=True, quiet=True, skip_tasks=not hook
        )
    return destination


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed, whatever its status."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": TOOLS_FIRST, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


def command(product: Path, name: str) -> list[str | Path]:
    """Return the arguments of Python that run a command of a product, or one for a workstation.

    That comes from the template which the product names, or from this checkout if the product names one on a server.
    """
    if (product / "scripts" / name).exists():
        return [f"scripts/{name}"]
    if "_src_path: /" in (product / ".copier-answers.yml").read_text(encoding="utf-8"):
        return ["scripts/from-template", name]
    start = "import runpy, sys; sys.path[:0] = ['scripts', sys.argv[1]]; del sys.argv[:2]; runpy.run_module"
    return ["-c", f"{start}('hooks.workstation.{name.replace('-', '_')}', run_name='__main__')", ROOT, name]


def git(*arguments: str, cwd: Path) -> str:
    """Run git as a test person and return what it printed; an error fails the test."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    done = run("git", *identity, *arguments, cwd=cwd)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def move_to_gitlab(product: Path, *, push_options: bool) -> Path:
    """Make a product's server look like GitLab, which opens a merge request where a push asks for one.

    Returns:
        The file that holds the options of the newest push.
    """
    before = Path(git("remote", "get-url", "origin", cwd=product))
    remote = before.rename(before.with_name("gitlab.git"))
    git("remote", "set-url", "origin", str(remote), cwd=product)
    git("config", "receive.advertisePushOptions", str(push_options).lower(), cwd=remote)
    asked = remote / "asked"
    hook = remote / "hooks" / "post-receive"
    hook.write_text(
        f"""#!/bin/sh
env | grep "^GIT_PUSH_OPTION_[0-9]" | sort | cut -d= -f2- >"{asked}"
[ -z "$GIT_PUSH_OPTION_0" ] || printf "\\nView merge request:\\n  https://gitlab.test/o/r/-/merge_requests/7\\n\\n"
""",
        encoding="utf-8",
    )
    hook.chmod(0o755)
    return asked


def assert_plain(text: str) -> None:
    """Check that a text is safe to print: nothing in it is a command to a terminal or to GitHub, or unseen."""
    for line in text.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.lstrip().startswith("::"), line
        assert "##[" not in line


def files(folder: Path) -> Iterator[Path]:
    """Yield every file of a product, sorted."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.relative_to(folder).parts[:1]:
            yield path


def relative(folder: Path, pattern: str = "*") -> list[str]:
    """Return the paths in a product that match a pattern, from its root."""
    return [path.relative_to(folder).as_posix() for path in files(folder) if path.match(pattern)]


def kustomize(folder: Path) -> list[dict[str, Any]]:
    """Return the objects that a kustomization builds; a warning fails like an error."""
    done = run("kubectl", "kustomize", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    # In C, a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(done.stdout, Loader=loader) if document]


def overlays(product: Path) -> list[Path]:
    """Return the overlay folders of a product."""
    return sorted(path.parent for path in product.glob("apps/*/overlays/*/imagetags"))
