"""Commands for a workstation come from the template: in the recorded version, fetched once, and never in a pipeline."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support

COMMANDS = sorted(path.stem for path in (support.ROOT / "hooks" / "workstation").glob("[a-z]*.py"))
VERSION = "v9.0.0"
BY_HAND = "; terraform and kubectl work without it: By hand, in docs/operations.md\n"


def made_from(product: Path, address: str, version: str = VERSION, origin: str = "", commit: str = "") -> None:
    """Let a product name the address of its template, and the version that it was made from, perhaps with its commit."""
    answers = product / ".copier-answers.yml"
    kept = re.sub(r"^_(src_path|commit): .*\n", "", answers.read_text(encoding="utf-8"), flags=re.MULTILINE)
    answers.write_text(f"{f'_commit: {version}' if version else '#'}\n_src_path: {address}\n{kept}", encoding="utf-8")
    record = f'commit: "{commit}"\n' if commit else ""
    path = product / "scripts" / "updates" / "origin.yaml"
    path.write_text(f"_src_path: {origin or address}\n{record}", encoding="utf-8")


def run(product: Path, command: str = "doctor", *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command that shows its help, so that nothing is asked; its status, what it says and what is wrong."""
    done = support.run(
        sys.executable, "scripts/from-template", command, *arguments, "--help", cwd=product, **environment
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def server(template: Path, tmp_path: Path) -> Path:
    """The template as a repository with one version, in which doctor says so."""
    parts = shutil.ignore_patterns("terraform", "src", "apps", "clusters", "docs")
    path = shutil.copytree(template, tmp_path / "server", ignore=parts)
    edit(path, "the recorded version")
    support.git("init", "-q", "-b", "main", cwd=path)
    support.git("add", "-A", cwd=path)
    support.git("commit", "-q", "-m", "Begin", cwd=path)
    support.git("tag", VERSION, cwd=path)
    return path


def commit_of(server: Path, version: str = VERSION) -> str:
    return support.git("rev-parse", f"{version}^{{commit}}", cwd=server)


def move(server: Path, version: str = VERSION) -> str:
    """Let a tag name a commit of somebody else, and return that."""
    edit(server, "PLANTED")
    support.git("commit", "-qam", "Plant", cwd=server)
    support.git("tag", "--force", version, cwd=server)
    return commit_of(server, version)


def refusal(named: str, commit: str, version: str = VERSION) -> str:
    """Return what is said of a version that is another commit than the one recorded."""
    return (
        f"the version {version} in .copier-answers.yml is {named} of the template, and not {commit} as in "
        "scripts/updates/origin.yaml: take back whichever was changed, the tag or the file; if you trust the other "
        "commit, write it there"
    )


def edit(template: Path, words: str) -> None:
    path = template / "hooks" / "workstation" / "doctor.py"
    path.write_text(path.read_text(encoding="utf-8").replace('"""', f'"""It is {words}. ', 1), encoding="utf-8")


def test_every_command_runs_from_an_archive_that_is_fetched_once(
    own_product: Path, server: Path, tmp_path: Path
) -> None:
    made_from(own_product, f"file://{server}")
    support.git("commit", "-qam", "Name the template", cwd=own_product)
    assert "the recorded version" in run(own_product)[1]
    server.rename(tmp_path / "away")
    for command in COMMANDS:
        status, said, wrong = run(own_product, command.replace("_", "-"), PYTHONDONTWRITEBYTECODE="")
        assert (status, wrong) == (0, ""), command
        assert said.startswith(f"usage: {command.replace('_', '-')} "), said
    [archive] = (own_product / ".git" / "template-update.git").glob("*.zip")
    assert "/hooks/" not in support.git("status", "--porcelain", "--ignored", cwd=own_product)
    read = "import sys, importlib.resources as r; sys.path[:0] = ['scripts', sys.argv[1]]; from hooks.workstation.laptop import layer"
    read += "; print(r.files(layer.__package__).joinpath(layer._DATABASE).read_text())"
    assert "image: postgres:" in support.run(sys.executable, "-c", read, archive, cwd=own_product).stdout


def test_before_git_init_the_template_is_kept_in_a_cache(own_product: Path, server: Path, tmp_path: Path) -> None:
    shutil.rmtree(own_product / ".git")
    made_from(own_product, f"file://{server}")
    before = support.relative(own_product)
    for _ in range(2):
        assert "the recorded version" in run(own_product, XDG_CACHE_HOME=str(tmp_path / "cache"))[1]
        shutil.rmtree(server, ignore_errors=True)
    assert support.relative(own_product) == before
    assert len(list(tmp_path.glob("cache/gitops-template/*.git/*.zip"))) == 1


@pytest.mark.parametrize(
    ("version", "words"), [(VERSION, "the recorded version"), ("v9.0.0-1-g0123456", "a draft"), ("", "a draft")]
)
def test_of_a_folder_the_recorded_version_is_run_if_it_has_that_and_else_its_files(
    own_product: Path, server: Path, version: str, words: str
) -> None:
    made_from(own_product, str(server), version)
    edit(server, "a draft")
    status, said, wrong = run(own_product)
    assert (status, wrong) == (0, "")
    assert words in said


def test_a_folder_that_lacks_the_recorded_commit_is_run_as_it_is(own_product: Path, server: Path) -> None:
    """Copier commits what no commit has elsewhere, when it makes a product from such a folder."""
    made_from(own_product, str(server), "v9.0.0-1-g0123456", commit="0123456" + "7" * 33)
    edit(server, "a draft")
    assert "a draft" in run(own_product)[1]


@pytest.mark.parametrize("address", ["file://{server}", "{server}"])
def test_nothing_is_run_of_a_tag_that_moved_before_the_first_fetch(
    address: str, own_product: Path, server: Path
) -> None:
    commit = commit_of(server)
    made_from(own_product, address.format(server=server), commit=commit)
    named = move(server)
    assert run(own_product) == (1, "", f"doctor: {refusal(named, commit)}{BY_HAND}")


def test_a_tag_that_moves_later_changes_nothing_until_it_is_fetched_and_is_refused_then(
    own_product: Path, server: Path
) -> None:
    commit = commit_of(server)
    made_from(own_product, f"file://{server}", commit=commit)
    assert "the recorded version" in run(own_product)[1]
    named = move(server)
    assert "the recorded version" in run(own_product)[1]
    done = support.run(sys.executable, "scripts/template-update", "--check", cwd=own_product)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"template-update: {refusal(named, commit)}\n"
    assert run(own_product)[2] == f"doctor: {refusal(named, commit)}{BY_HAND}"
    # The owners of scripts/ trust it.
    made_from(own_product, f"file://{server}", commit=named)
    assert "PLANTED" in run(own_product)[1]


def test_a_tag_that_is_gone_is_no_trouble_where_its_commit_can_be_reached(own_product: Path, server: Path) -> None:
    commit = commit_of(server)
    made_from(own_product, f"file://{server}", commit=commit)
    move(server)
    support.git("tag", "--delete", VERSION, cwd=server)
    assert "the recorded version" in run(own_product)[1]


@pytest.mark.parametrize("version", ["v9.0.1", "v9.0.0-1-g{other:.7}", "{other:.7}", "{other}"])
def test_answers_that_name_another_version_run_nothing_of_it(version: str, own_product: Path, server: Path) -> None:
    commit, other = commit_of(server), move(server, "v9.0.1")
    version = version.format(other=other)
    made_from(own_product, f"file://{server}", version, commit=commit)
    assert run(own_product)[2] == f"doctor: {refusal(other, commit, version)}{BY_HAND}"


@pytest.mark.costly
@pytest.mark.parametrize(
    ("address", "version", "origin", "words"),
    [
        ("file://{server}", VERSION, "https://example.com/other", "_src_path is not the address in scripts/updates"),
        ("{server}", "", "https://example.com/other", "_src_path is not the address in scripts/updates/origin.yaml"),
        ("file://{server}", "", "", ".copier-answers.yml names no version of a template"),
        ("file://{server}", "v8.0.0", "", "does not have the version v8.0.0: push it there"),
        ("file://{server}", "--output=stolen", "", "does not have the version --output=stolen"),
        ("file://{server}/away", VERSION, "", "/away can't be read: check the network and your right to it"),
        ("ext::touch stolen", VERSION, "", "ext::touch stolen can't be read"),
        ("/of/another/machine", VERSION, "", "it is a folder of another machine: write the address of its server"),
    ],
)
def test_what_can_not_be_run_is_one_line_with_the_cure(
    own_product: Path, server: Path, address: str, version: str, origin: str, words: str
) -> None:
    made_from(own_product, address.format(server=server), version, origin)
    status, said, wrong = run(own_product)
    assert (status, said) == (1, "")
    assert wrong.startswith("doctor: ")
    assert words in wrong
    assert wrong.endswith(BY_HAND)
    assert wrong.count("\n") == 1
    assert not list(own_product.rglob("stolen"))


def test_a_command_that_is_none_is_told(own_product: Path) -> None:
    for command in ("installation", "installation.azure", "laptop", "doctors", "os"):
        assert f": the template has no command {command} in this version" in run(own_product, command)[2]


@pytest.mark.parametrize(
    "hidden",
    [
        '{answers}"_src_path": /other\n',
        '{answers}"\\x5fsrc_path": /other\n',
        "{answers}? _src_path\n: /other\n",
        "{answers}_src_path: /other\n",
        "{answers}# A line for YAML ends here:\u2028_src_path: /other\n",
        "{answers}_src_path:\t/other\n",
        ' _src_path: /other\n x: "\n{answers}"\n',
        "{{_src_path: /other, x: '\n{answers}'}}\n",
        "{answers}  other\n",
    ],
)
def test_no_other_address_hides_in_the_answers(hidden: str, own_product: Path, server: Path) -> None:
    """Copier reads YAML, where the last of two is what counts."""
    made_from(own_product, f"file://{server}")
    path = own_product / ".copier-answers.yml"
    first = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("_")]
    path.write_text(hidden.format(answers="\n".join(first) + "\n"), encoding="utf-8")
    cure = "is not as Copier writes it: take it back from the history, `git log -- .copier-answers.yml`"
    assert cure in run(own_product)[2]


def test_its_own_help_needs_no_template(own_product: Path) -> None:
    made_from(own_product, "https://127.0.0.1:1/away")
    for option in ((), ("--help",)):
        done = support.run(sys.executable, "scripts/from-template", *option, cwd=own_product)
        assert "usage: from-template" in done.stdout + done.stderr


def test_runs_that_begin_at_once_wait_for_each_other(own_product: Path, server: Path) -> None:
    made_from(own_product, f"file://{server}")
    command = [sys.executable, "scripts/from-template", "doctor", "--help"]
    runs = [subprocess.Popen(command, cwd=own_product, stdout=subprocess.PIPE) for _ in range(4)]
    assert all("the recorded version" in run.communicate()[0].decode() for run in runs)


def test_a_cache_that_can_not_be_written_is_told(own_product: Path, server: Path, tmp_path: Path) -> None:
    shutil.rmtree(own_product / ".git")
    made_from(own_product, f"file://{server}")
    (tmp_path / "file").touch()
    _, _, wrong = run(own_product, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert f"the template can't be kept in {tmp_path}/file/gitops-template/" in wrong
    assert "(Not a directory): make that writable, or before git init let XDG_CACHE_HOME name another folder" in wrong


@pytest.mark.parametrize("file", ["config.lock", "refs/tags/v9.0.0.lock", "packed-refs", "shallow", "config"])
def test_what_a_killed_fetch_has_locked_or_broken_is_told_with_the_cure(
    file: str, own_product: Path, server: Path
) -> None:
    made_from(own_product, f"file://{server}")
    store = own_product / ".git" / "template-update.git"
    path = store / file
    path.parent.mkdir(parents=True)
    path.write_text("[[[", encoding="utf-8")
    wrong = run(own_product)[2]
    cure = f"what is kept of it in {store} is locked or broken: remove that folder"
    assert wrong == f"doctor: the template file://{server} can't be read: {cure}{BY_HAND}"


def test_half_an_archive_of_the_template_is_made_anew(own_product: Path, server: Path) -> None:
    made_from(own_product, f"file://{server}")
    assert "the recorded version" in run(own_product)[1]
    [archive] = (own_product / ".git" / "template-update.git").glob("*.zip")
    archive.write_bytes(archive.read_bytes()[:100])
    assert "the recorded version" in run(own_product)[1]


def test_no_pipeline_runs_code_of_the_template_with_what_it_may(product: Path) -> None:
    """What a workstation runs has a person's rights; template-update alone runs in a job, which has no token."""
    targets = re.findall(r"^([a-z-]+):.*\n\t@.*scripts/from-template", (product / "Makefile").read_text(), re.MULTILINE)
    assert len(targets) >= 4
    paths = [path for part in (".github", "jenkins") for path in (product / part).rglob("*") if path.is_file()]
    scripts = [path for path in support.files(product / "scripts") if path.name not in ("README.md", "from-template")]
    for path in [*paths, *product.glob("Jenkinsfile"), *scripts]:
        text = path.read_text(encoding="utf-8")
        assert "from-template" not in text, path
        if path not in scripts:
            called = re.findall(r"^(?:\s*(?:- )?(?:run: |sh ['\"]+)|\s+)make (?:-\S+ )*([a-z-]+)", text, re.MULTILINE)
            assert not set(called) & set(targets), path


def test_an_installed_package_of_the_same_name_is_not_run(own_product: Path, server: Path, tmp_path: Path) -> None:
    (tmp_path / "site" / "hooks").mkdir(parents=True)
    (tmp_path / "site" / "hooks" / "__init__.py").write_text("raise SystemExit('stolen')\n")
    made_from(own_product, f"file://{server}")
    assert "the recorded version" in run(own_product, PYTHONPATH=str(tmp_path / "site"))[1]


@pytest.mark.parametrize("name", ["owners-of-the-platform", "jenkins-with-own-images"])
def test_whatever_runs_when_a_person_calls_make_has_owners(name: str, rendered: Callable[[str], Path]) -> None:
    """Even what Git ignores can be committed, and is there after the next pull."""
    lines = (rendered(name) / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owned = [line.split()[0] for line in lines if line[0] == "/"]
    assert owned == sorted(set(owned)), owned
    # Make prefers the first two names to its own, and GitHub reads .github/CODEOWNERS before the one in the root.
    needed = {"/GNUmakefile", "/makefile", "/Makefile", "/.github/", "/.local/", "/.venv/", "/CODEOWNERS", "/scripts/"}
    assert needed <= set(owned)


def test_make_hands_over_arguments_and_status(own_product: Path, server: Path) -> None:
    made_from(own_product, f"file://{server}")
    done = subprocess.run(
        ["make", "--silent", "lock", "ARGS=--help"],
        cwd=own_product, env={"PATH": support.TOOLS_FIRST}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Usage: make lock" in done.stdout + done.stderr
    assert done.returncode == 0
