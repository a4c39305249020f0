"""Every command that a product's README and docs/ name: it is there, takes what it is given, and runs.

Scripts run on a real repository; kubectl itself judges its command lines; what would change Azure, GitHub or a cluster is
a stand-in. `make up`, `down`, `doctor` and the like have worlds and test modules of their own: here, Make finds them.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests import support
from tests.in_process import InProcess

# In these sets every paragraph of the README is there at least once.
SETS = [
    "defaults",
    "cluster-per-environment",
    "gateway-with-two-environments",
    "jenkins-with-acr-on-gitlab",
    "own-images-on-docker-hub",
    "previews",
    "production-database-of-azure-with-opentofu",
]
PROGRAMS = {"az", "gh", "git", "helm", "kubectl", "kubelogin", "make", "printf", "terraform", "tofu", "uvx"}
# What a reader replaces, and by what.
PLACEHOLDERS = {
    "SERVICE=": "{service}=",
    "TAG@DIGEST": "v1@sha256:" + "ab" * 32,
    "ENVIRONMENT": "{environment}",
    "YOUR-HOST": "argocd.example.com",
}
STAND_INS = ("az", "cosign", "gh", "helm", "kubectl", "kubelogin", "openssl", "terraform", "tofu", "uvx")
# Of what is asked for, the lines that a script goes on with.
ANSWERS = {
    "kubectl": """\
case " $* " in
*" annotate "*) ;;
*" applications.argoproj.io "*) cat <<JSON
{"status": {"sync": {"status": "Synced", "revision": "$(git rev-parse origin/main)"}, "health": {"status": "Healthy"}}}
JSON
;;
*refreshTime*) date +%N ;;
*" jsonpath="*) echo cGFzc3dvcmQ= ;;
*) echo '{"items": []}' ;;
esac""",
}


def documents(product: Path) -> list[Path]:
    return [product / "README.md", *sorted((product / "docs").glob("*.md"))]


def blocks(product: Path) -> Iterator[str]:
    """The blocks of shell, from which a reader copies; what a page defines first is known to its other blocks."""
    for path in documents(product):
        known = ""
        for indent, text in re.findall(
            r"^( *)```sh\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            block = re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
            if all(re.match(r"\w+(=|\(\) )", line) for line in block.splitlines()):
                known = block
            yield block if block.startswith(("make ", "scripts/")) else known * (block != known) + block


def inline(product: Path) -> Iterator[str]:
    """The commands within the text."""
    for path in documents(product):
        text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for span in re.findall(r"`([^`]+)`", text):
            words = span.split()
            # Two words of kubectl name what it does.
            longest = {"kubectl": 3}.get(words[0], 2)
            if len(words) >= longest and (words[0] in PROGRAMS or re.fullmatch(r"scripts/[\w-]+", words[0])):
                yield re.sub("|".join(PLACEHOLDERS), lambda match: PLACEHOLDERS[match[0]], " ".join(words))


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in STAND_INS:
        (folder / name).write_text(f"#!/bin/sh\n{ANSWERS.get(name, 'echo answer')}\n")
        (folder / name).chmod(0o755)
    return folder


def newest_python() -> Path:
    """The newest Python of this machine; the test is skipped where it has none but the one that runs it."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {path: tuple(map(int, path.parts[-3].split(".")[:2])) for path in versions.glob("3.*[0-9]/bin/python")}
    path = max(found, key=lambda path: found[path], default=None)
    if not path or found[path] <= sys.version_info[:2]:
        pytest.skip("no newer Python here: install one, as by `pyenv install 3.14`")
    return path


def shell(command: str, product: Path, stand_ins: Path) -> subprocess.CompletedProcess[str]:
    path = f"{stand_ins}{os.pathsep}{support.TOOLS_FIRST}"
    typed = f"echo secret | {{\n{command}\n}}"
    modules = f"{support.CLOCK}{os.pathsep}{Path(yaml.__file__).parents[1]}"
    return support.run("sh", "-euc", typed, cwd=product, PATH=path, PYTHONPATH=modules)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("pushed_product", "newest"), [*((name, False) for name in SETS), ("defaults", True)], indirect=["pushed_product"]
)
def test_every_command_runs(
    pushed_product: Path, newest: bool, stand_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in re.findall(r"(?m)^(environment|namespace|vault)=(\S+)$", "\n".join(blocks(pushed_product))):
        monkeypatch.setenv(name, os.path.expandvars(value))
    if newest:  # The tests themselves run on the oldest.
        (stand_ins / "python3").symlink_to(newest_python())
    environments = sorted(path.name for path in pushed_product.glob("apps/*/overlays/*"))
    services = sorted(path.parent.name for path in pushed_product.glob("apps/*/base/*/deployment.yaml"))
    digest = PLACEHOLDERS["TAG@DIGEST"].partition("@")[2]
    for environment in environments:
        for tag in ("v0", "v00"):
            images = [f"{service}={tag}@{digest}" for service in services]
            done = support.run(sys.executable, "scripts/bump-image", environment, *images, cwd=pushed_product)
            assert done.returncode == 0, done.stderr
    seen = set(inline(pushed_product))
    assert len(seen) > 15
    problems = {}
    for written in sorted(seen):
        command = written.replace("{service}", services[0]).replace("{environment}", environments[0])
        problems[command] = PLAYED[shlex.split(command)[0].partition("/")[0]](command, pushed_product, stand_ins)
    for environment in environments:  # What the stand-in of az does not write.
        (pushed_product / f"{environment}.dump").touch()
    for block in blocks(pushed_product):
        # It comes with the setting of which the page speaks there.
        if block.startswith("make secret ") and "\nsecret:" not in (pushed_product / "Makefile").read_text():
            continue
        for command in block.splitlines() if block.startswith("make ") else [block]:
            play = make if command.startswith("make ") else script
            problems[command] = play(command, pushed_product, stand_ins)
    found = [f"{command}\n{problem}" for command, problem in problems.items() if problem]
    assert not found, "\n\n".join(found)


@pytest.mark.slow
def test_other_answers_are_taken_as_documented(tmp_path: Path) -> None:
    template = support.export_template(tmp_path / "template")
    support.git("init", "-q", "-b", "main", cwd=template)
    support.git("add", "-A", cwd=template)
    support.git("commit", "-q", "-m", "Begin", cwd=template)
    support.git("tag", "v1.0.0", cwd=template)
    product = support.render(template, tmp_path / "my product", {})
    support.git("init", "-q", "-b", "main", cwd=product)
    support.git("add", "-A", cwd=product)
    support.git("commit", "-q", "-m", "Begin", cwd=product)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "sed"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    for name in ("python3", "copier"):
        (programs / name).symlink_to(Path(sys.executable).with_name(name))
    commands = [
        command
        for block in blocks(product)
        for command in re.findall(r"^scripts/template-update (?:.*\\\n)*.*", block, re.M)
    ]
    assert len(commands) > 2
    (tmp_path / "answers.yaml").write_text("services: [frontend, backend, search]\n", encoding="utf-8")
    for command in commands:
        done = support.run("/bin/sh", "-euc", command, cwd=product, PATH=f"{programs}:/usr/bin:/bin")
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "staged" in done.stdout
        support.git("reset", "-q", "--hard", cwd=product)


def test_make_help_fits_a_terminal(rendered: Callable[[str], Path]) -> None:
    for name in SETS:
        lines = support.run("make", "help", cwd=rendered(name)).stdout.splitlines()
        assert [line for line in lines if len(line) > 80 or "$" in line] == []


def make(command: str, product: Path, _stand_ins: Path) -> str:
    """Make knows the target, and what it calls is there; what needs nothing but the repository runs."""
    done = support.run("make", "--dry-run", *shlex.split(command, comments=True)[1:], cwd=product)
    if done.returncode:
        return done.stderr
    called = re.findall(r"scripts/[\w-]+(?![\w./-])", done.stdout)
    missing = [name for name in called if not os.access(product / name, os.X_OK)]
    if missing or not (called or "uvx" in done.stdout):
        return f"calls {missing or 'nothing'}"
    if re.match(r"make (history|rollback|wait-healthy|refresh|status) ", command):
        return script(command, product, _stand_ins)
    return ""


def script(command: str, product: Path, stand_ins: Path) -> str:
    """A script runs, on this repository."""
    if command.startswith("scripts/template-update"):  # See `test_other_answers_are_taken_as_documented`.
        return ""
    done = shell(command, product, stand_ins)
    return done.stderr if done.returncode else ""


def kubectl(command: str, product: Path, _stand_ins: Path) -> str:
    """The real one reads its command line; there is no cluster behind it."""
    if re.match(r"kubectl config use-context |kubectl apply -k$", command):
        return ""
    done = support.run("sh", "-c", f"{command} --server=http://127.0.0.1:1", cwd=product, KUBECONFIG=os.devnull)
    asked = re.search(r"127.0.0.1:1\b.*refused", done.stderr)
    return "" if asked else done.stderr or "did not ask the cluster"


def stand_in(command: str, product: Path, stand_ins: Path) -> str:
    """Nothing here can judge it but the shell."""
    done = shell(command, product, stand_ins)
    return done.stderr if done.returncode else ""


PLAYED = dict.fromkeys(PROGRAMS, stand_in) | {"make": make, "kubectl": kubectl, "scripts": script}


def test_pages_say_nothing_of_what_the_product_lacks(in_process: InProcess, tmp_path: Path) -> None:
    """Nothing listens, and there is no second environment."""
    in_process.render({"services": [{"name": "import", "schedule": "@daily"}], "environments": ["prod"]}, tmp_path)
    said = [
        f"{path.name}: {line}"
        for path in [tmp_path / "README.md", *tmp_path.glob("docs/*.md")]
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"promotion|\*Promote\*|and promote:|gets requests|page does not answer", line)
    ]
    assert said == []


@pytest.mark.parametrize("name", [*SETS, "cluster-per-environment-with-gateway-and-database-of-azure"])
def test_the_page_of_recovery_uses_every_name_that_it_gives_the_shell(
    rendered: Callable[[str], Path], name: str
) -> None:
    _, names, rest = (rendered(name) / "docs" / "recovery.md").read_text(encoding="utf-8").split("```", 2)
    given = re.findall(r"^(\w+)(?:=|\(\) )", names, re.MULTILINE)
    assert given
    assert [one for one in given if not re.search(rf"\$?\b{one}\b", rest)] == []


@pytest.mark.parametrize(
    "name", [*SETS, "automatic", "existing-cluster", "existing-clusters-of-environments", "jobs-alone"]
)
def test_every_link_leads_to_a_section_that_is_there(rendered: Callable[[str], Path], name: str) -> None:
    product = rendered(name)
    texts = {
        path: re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for path in documents(product)
    }
    sections = {
        f"{path}#{re.sub(r'[^a-z0-9_ -]', '', title.lower()).replace(' ', '-')}"
        for path, text in texts.items()
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for path, text in texts.items():
        for link in re.findall(r"\]\((?!https:)([^)]+)\)", text):
            file, mark, section = link.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert f"{there}#{section}" in sections if mark else there.exists(), f"{path.name}: {link}"
