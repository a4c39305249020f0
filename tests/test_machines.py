"""Machines that are not as ours: an older or the newest Python, spaces in paths, a careful umask, Windows."""

import ast
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hooks.new import known_repository, words
from tests import support

pytestmark = pytest.mark.slow

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
SCRIPTS = support.ROOT / "template" / "scripts"
COMMANDS = [path for path in SCRIPTS.glob("*") if path.is_file() and b"python3" in path.read_bytes()[:30]]
PACKAGES = sorted(SCRIPTS.glob("*/__init__.py"))


def python(version: str) -> Path:
    """A Python of this machine; the test is skipped where there is none."""
    found = [str(path) for path in PYENV.glob(f"{version}.*/bin/python")]
    found += [path for path in [shutil.which(f"python{version}")] if path]
    if not found:
        pytest.skip(f"no Python {version} here: install one, as by `pyenv install {version}`")
    return Path(found[0])


@pytest.mark.parametrize("path", [*COMMANDS, *PACKAGES], ids=lambda path: path.relative_to(SCRIPTS).as_posix())
def test_every_command_can_be_read_by_python_3_9_and_asks_for_its_version_before_all_else(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    packages = {package.parent.name for package in PACKAGES}
    nodes = sorted((node for node in ast.walk(tree) if isinstance(node, ast.stmt)), key=lambda node: node.lineno)
    for node in nodes if path in COMMANDS else []:
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            if {name.partition(".")[0] for name in names} & packages:
                return  # Nothing was defined before, so no annotation was looked at.
        assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AnnAssign)
    assert path in PACKAGES
    assert "gitops" in path.read_text(encoding="utf-8") or path.parent.name == "gitops"


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
def test_a_too_old_python_is_one_line_from_every_command(version: str, rendered: Callable[[str], Path]) -> None:
    old, product = python(version), rendered("defaults")
    for path in COMMANDS:
        name = path.name.removesuffix(".jinja")
        if not (product / "scripts" / name).exists():
            continue
        done = support.run(old, f"scripts/{name}", cwd=product)
        assert done.returncode == 1, name
        assert re.fullmatch(
            rf"error: Python 3[.]11 or newer is needed, \S+ is {re.escape(version)}: install a newer one, .*\n",
            done.stderr,
        ), (name, done.stderr)
    for target in ("validate",):
        done = support.run("make", "--silent", target, f"PYTHON={old}", "VENV=none", cwd=product)
        assert "Python 3.11 or newer is needed" in done.stderr
        assert not (product / "none").exists()


def test_every_command_runs_without_docstrings(rendered: Callable[[str], Path]) -> None:
    """As where PYTHONOPTIMIZE is 2."""
    product = rendered("defaults")
    for path in COMMANDS:
        name = path.name.removesuffix(".jinja")
        done = support.run(sys.executable, f"scripts/{name}", "--help", cwd=product, PYTHONOPTIMIZE="2")
        assert (done.returncode, done.stderr) == (0, ""), name


def test_windows_is_told_what_to_use() -> None:
    for command in ("import os; os.name = 'nt'; import gitops", "import os; os.name = 'nt'; import checks"):
        done = support.run(sys.executable, "-c", command, cwd=SCRIPTS)
        assert done.stderr == "error: these scripts do not run on Windows itself: run them in WSL, https://aka.ms/wsl\n"
    start = "import sys, hooks.post_generation as hook; sys.platform = 'win32'; sys.exit(hook.main())"
    done = support.run(sys.executable, "-c", start, cwd=support.ROOT)
    assert done.returncode == 1
    assert re.fullmatch(r"error: .*use WSL, https://aka.ms/wsl\n", done.stderr)


@pytest.mark.parametrize(
    "path", sorted((support.ROOT / "template/src").glob("*/Dockerfile")), ids=lambda p: p.parent.name
)
def test_an_image_can_be_read_by_its_user_whatever_the_umask_was(path: Path) -> None:
    last = path.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert "USER 65532" in last
    for line in re.findall(r"^COPY (?!--from=).*", last, re.MULTILINE):
        mode = "755" if "static/" in line else "644"  # Folders have to be entered.
        assert line.startswith(f"COPY --chmod={mode} "), line


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("--defaults --quiet", ["--defaults", "--quiet"]),
        ("", []),
        (
            "--data services=[{name: api, port: 8000}] --defaults",
            ["--data", "services=[{name: api, port: 8000}]", "--defaults"],
        ),
        ("--data 'services=[{name: api, port: 8000}]'", ["--data", "services=[{name: api, port: 8000}]"]),
        ('-d services=[{name: api, env: {A: "3"}}]', ["-d", 'services=[{name: api, env: {A: "3"}}]']),
        ("--data=environments=dev, prod -l", ["--data", "environments=dev, prod", "-l"]),
        ('--data-file "my answers.yaml"', ["--data-file", "my answers.yaml"]),
        ("--data-file ~/a.yaml", ["--data-file", str(Path("~/a.yaml").expanduser())]),
        ("--data code_owners=@me @you", ["--data", "code_owners=@me @you"]),
        ("--data project_name=it's", ["--data", "project_name=it's"]),
    ],
)
def test_answers_with_spaces_arrive_with_and_without_quotes(typed: str, given: list[str]) -> None:
    assert words(typed) == given


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/octocat/shop.git", "https://github.com/octocat/shop"),
        ("https://octocat:secret@github.com/octocat/shop", "https://github.com/octocat/shop"),
        ("git@gitlab.example.org:octocat/shop.git", "https://gitlab.example.org/octocat/shop"),
        ("ssh://git@github.com:22/octocat/shop.git", "https://github.com/octocat/shop"),
        ("/srv/git/shop.git", None),
        ("https://gitlab.com/group/subgroup/shop.git", "https://gitlab.com/group/subgroup/shop"),
        ("https://github.com/octo#{ cat }#/shop", None),
    ],
)
def test_the_repository_is_that_of_the_folder(remote: str, address: str | None, tmp_path: Path) -> None:
    support.git("init", "-q", cwd=tmp_path)
    support.git("remote", "add", "origin", remote, cwd=tmp_path)
    assert known_repository(tmp_path, asking=False) == address
    (tmp_path / "within").mkdir()
    assert known_repository(tmp_path / "within", asking=False) is None


def test_the_owner_is_the_one_of_gh_or_git_for_who_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gh").write_text('#!/bin/sh\n[ "$*" = "config get user --host github.com" ] && echo octocat\n')
    (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert known_repository(tmp_path / "shop", asking=False) is None
    assert known_repository(tmp_path / "shop", asking=True) == "https://github.com/octocat/shop"
    assert known_repository(tmp_path / "my shop", asking=True) is None
    (tmp_path / "gh").write_text("#!/bin/sh\nexit 1\n")
    for name, value in {"COUNT": "1", "KEY_0": "github.user", "VALUE_0": "hubot"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert known_repository(tmp_path / "shop", asking=True) == "https://github.com/hubot/shop"


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("git@github.com:octocat/template.git", "https://github.com/octocat/template.git"),
        ("https://t0ken@dev.azure.com/octo/it/_git/template", "git+https://dev.azure.com/octo/it/_git/template"),
        (None, None),
    ],
)
def test_a_template_with_spaces_in_its_path_makes_a_product_that_names_its_server(
    origin: str | None, address: str | None, tmp_path: Path
) -> None:
    template = support.export_template(tmp_path / "my template")
    shutil.copy2(support.ROOT / "Makefile", template)
    (template / "requirements").mkdir()
    (template / "requirements" / "new.txt").touch()
    environment = template / ".venv" / "bin" / "python"
    environment.parent.mkdir(parents=True)
    environment.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    environment.chmod(0o755)
    (template / ".gitignore").write_text("/.venv/\n__pycache__\n.DS_Store\n")
    (template / "template" / ".DS_Store").touch()
    support.git("init", "-q", "-b", "main", cwd=template)
    support.git("add", "-A", cwd=template)
    support.git("commit", "-q", "-m", "Begin", cwd=template)
    support.git("tag", "v1.2.3", cwd=template)
    (template / ".venv" / "new").touch()
    if origin:
        support.git("remote", "add", "origin", origin, cwd=template)
    arguments = "--defaults --data services=[{name: api, port: 8000}] --data sample_app=no --data database=none"
    done = support.run("make", "--silent", "new", f"DEST={tmp_path}/my product", f"ARGS={arguments}", cwd=template)
    assert done.returncode == 0, done.stderr
    product = tmp_path / "my product"
    assert not (product / ".DS_Store").exists()
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text())
    assert stored["services"] == [{"name": "api", "port": 8000}]
    assert (stored["_commit"], stored["_src_path"]) == ("v1.2.3", address or str(template))
    kept = yaml.safe_load((product / "scripts" / "updates" / "origin.yaml").read_text())
    assert kept == {
        "_src_path": stored["_src_path"],
        "commit": support.git("rev-parse", "HEAD", cwd=template),
    }
    said = " ".join(done.stdout.split())
    assert ("No pipeline can update this product" in said) == (origin is None)
    assert "example-org stands for the owner of its repository" in said
    assert "git push" not in said
    assert f"make new DEST='{product}'" in said


def test_changes_of_the_template_that_no_commit_has_are_told(tmp_path: Path) -> None:
    template = support.export_template(tmp_path / "template")
    support.git("init", "-q", "-b", "main", cwd=template)
    support.git("remote", "add", "origin", "https://github.com/octocat/template", cwd=template)
    support.git("add", "-A", cwd=template)
    support.git("commit", "-q", "-m", "Begin", cwd=template)
    command = "import hooks.new; print(hooks.new.name_origin())"
    told = [support.run(sys.executable, "-c", command, cwd=template).stdout]
    support.git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=template)
    told.append(support.run(sys.executable, "-c", command, cwd=template).stdout)
    (template / "copier.yml").write_text((template / "copier.yml").read_text() + "\n")
    told.append(support.run(sys.executable, "-c", command, cwd=template).stdout)
    assert ["may not have" in told[0], told[1].strip(), "changes that no commit has" in told[2]] == [True, "", True]
    # Copier commits the changes elsewhere; the record names a commit that can be pushed.
    record = "import hooks.new; hooks.new.name_origin(); print(hooks.new.Template.commit_hash)"
    head = support.git("rev-parse", "HEAD", cwd=template)
    assert support.run(sys.executable, "-c", record, cwd=template).stdout.strip() == head
