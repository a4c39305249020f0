"""`copier copy` of this template: all of a product or nothing of it, and what is wrong in one line.

Usage: python -m hooks.new DEST [arguments of copier copy]

The product is made in a folder of its own beside DEST and takes DEST's name when it is whole. So nothing of a run that
fails, or is interrupted, is left in DEST; what a killed run leaves is removed by the next one. More arguments come in
NEW_ARGUMENTS, as one text.
"""

import ast
import contextlib
import importlib
import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from copier import load_settings
from copier._cli import CopierApp, CopierCopySubApp
from copier._template import Template
from copier.errors import CopierError, DirtyLocalWarning
from plumbum import local
from plumbum.cli.application import ShowHelp
from plumbum.cli.switches import SwitchError
from prompt_toolkit.application import get_app
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import Window
from prompt_toolkit.widgets.toolbars import ValidationToolbar

from hooks import worker
from hooks.post_generation import refusal_of

TEMPLATE = Path(__file__).resolve().parents[1]
sys.path.append(str(TEMPLATE / "template" / "scripts"))

from checks.documents import parse  # noqa: E402
from gitops.repository import web_page  # noqa: E402

from hooks.updates.copier import QUESTION, refusal  # noqa: E402

# What the rule for addresses takes, in short.
_REPOSITORY = re.compile(
    r"https://[a-z0-9.-]+(:[0-9]+)?(/~?[A-Za-z0-9_][A-Za-z0-9_.%-]*)+/[A-Za-z0-9_-][A-Za-z0-9._%-]*"
)
# How Jinja reports the name that the hidden question looks up, which is our message.
_LOOKED_UP = re.compile(r"'dict object' has no attribute (.*)\Z")


def one_line(error: Exception) -> str:
    """Return Copier's message for a refused answer, beginning with the name of the answer."""
    text = " ".join(str(error).split())
    if looked_up := _LOOKED_UP.match(text):
        return str(ast.literal_eval(looked_up[1]))
    if isinstance(error.__context__, yaml.YAMLError) and (name := _question(error.__traceback__)):
        problem = getattr(error.__context__, "problem", None) or "it can't be read"
        return f"{name}: is not YAML ({problem}): give a list of names, as [one, two]"
    return refusal(text)


def _question(traceback: types.TracebackType | None) -> str | None:
    """Return the question that Copier was at: it does not say so where a text is not YAML."""
    while traceback:
        if name := traceback.tb_frame.f_locals.get("var_name"):
            return str(name)
        traceback = traceback.tb_next
    return None


def refuse_taken(destination: Path) -> None:
    """End with one line unless the destination is free: missing, or without a file but those of git."""
    if not destination.exists():
        return
    if not destination.is_dir():
        sys.exit(f"error: {destination} is a file: choose a folder that does not exist yet")
    if any(path.name != ".git" and not _is_unfinished(path) for path in destination.iterdir()):
        sys.exit(
            f"error: {destination} is not empty: choose a folder that does not exist yet; "
            "in a product, `make template-update` brings the newest template"
        )


def refuse_unreadable(arguments: list[str]) -> None:
    """End with one line where a file of answers is none; Copier shows a traceback or its whole help instead."""
    for argument, value in itertools.pairwise([*arguments, ""]):
        if argument.startswith("--data-file="):
            value = argument.partition("=")[2]
        elif argument != "--data-file" or not value:
            continue
        try:
            text = Path(value).read_bytes()
            answers = yaml.safe_load(text)
            parse(text.decode())  # It refuses a key that is there twice; of two, Copier takes the last.
        except OSError as error:
            sys.exit(
                f"error: {value}: {error.strerror}: give --data-file a file of answers, a line `question: answer` each"
            )
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
            where = f"{value}:{mark.line + 1}" if mark else value
            if problem and problem.endswith("is there twice: remove one"):
                sys.exit(f"error: {where}: {problem}")
            sys.exit(f"error: {where}: is not YAML ({problem or 'it is no text'}): fix it")
        if not isinstance(answers, dict):
            sys.exit(f"error: {value}: holds no answers: write a line `question: answer` for each")


def refuse_unknown(arguments: list[str]) -> None:
    """End with one line where Copier would stumble over an argument, or print all that it knows."""
    what = ""
    for option, value in itertools.pairwise([*arguments, ""]):
        option, equals, joined = option.partition("=")
        if option in ("-d", "--data") and "=" not in (joined if equals else value):
            sys.exit(f"error: {option} {joined or value}: give it as {option} QUESTION=ANSWER")
    try:
        _, others = CopierCopySubApp("copier copy")._parse_args(["--trust", "--vcs-ref=HEAD", *arguments])
        what = f"{others[0]} is no option" if others else ""
    except ShowHelp:
        return
    except SwitchError as error:
        what = str(error)
    if what:
        sys.exit(
            f"error: {what}: ARGS takes what `copier copy --help` lists, each once; "
            "the template and its version are what is checked out here"
        )


def words(text: str) -> list[str]:
    """Return the arguments in a text, in which answers may have spaces without quotes around them.

    A shell would make five words of `--data services=[{name: api, port: 8000}]`.
    """
    with contextlib.suppress(ValueError):
        found = shlex.split(text)
        options = [re.fullmatch(r"--?[A-Za-z-]+", word) for word in found]
        if all(word.startswith("-") or before for word, before in zip(found, [None, *options], strict=False)):
            return [str(Path(word).expanduser()) if word.startswith("~") else word for word in found]
    found = []
    for part in re.split(r"\s+(?=--?[A-Za-z])", text.strip()):
        option, _, value = re.sub(r"^(--?[A-Za-z-]+)[=\s]\s*", r"\1 ", part).partition(" ")
        found += [option, re.sub(r"""^(["'])(.*)\1$""", r"\2", value, flags=re.DOTALL)] if value else [option]
    return found


def known_repository(destination: Path, asking: bool) -> str | None:
    """Return the address of the product's repository, as far as this machine knows it.

    That is the remote of the folder; for who is asked, also a repository of theirs on GitHub.
    """
    # A folder within another repository is none itself.
    git = destination / ".git"
    if git.exists() and (remote := _says("git", f"--git-dir={git}", "config", "--get", "remote.origin.url")):
        address = web_page(remote)
    elif not asking:
        return None
    else:
        # Neither asks a server.
        owner = _says("gh", "config", "get", "user", "--host", "github.com")
        owner = owner or _says("git", "config", "--get", "github.user")
        address = f"https://github.com/{owner}/{destination.name}"
    return address if _REPOSITORY.fullmatch(address) else None


def _says(*command: str) -> str:
    """Return what a program prints; nothing where it fails, or is not there."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@contextlib.contextmanager
def suggesting(address: str | None) -> Iterator[None]:
    """Make an address the default of its question, beside what the person's own settings of Copier say."""
    if not address:
        yield
        return
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "settings.yml")
        defaults = {"git_repository": address, **settings.defaults}
        path.write_text(yaml.safe_dump({"defaults": defaults, "trust": list(settings.trust)}), encoding="utf-8")
        os.environ["COPIER_SETTINGS_PATH"] = str(path)
        yield


def name_origin() -> str:
    """Let the product name the server that this checkout is from, with its version; return what is to be said of it.

    A product that names a folder of this machine could be updated here and nowhere else.
    """
    # A folder within another repository is none itself.
    own = (TEMPLATE / ".git").exists()
    if own and not _says("git", "-C", str(TEMPLATE), "rev-parse", "--git-dir"):
        cure = f"git config --global --add safe.directory {shlex.quote(str(TEMPLATE))} if it is another user's"
        sys.exit(f"error: git can't read the template in {TEMPLATE}, so no version would be known: {cure}")
    remote = _says("git", "-C", str(TEMPLATE), "config", "--get", "remote.origin.url") if own else ""
    page = web_page(remote)
    version = _says("git", "-C", str(TEMPLATE), "describe", "--tags", "--always")
    if not page.startswith("https://") or not version:
        return (
            f"No pipeline can update this product: the template is the folder {TEMPLATE}, which is on no server. "
            "Once it is, write its address into .copier-answers.yml and scripts/updates/origin.yaml."
        )
    address = f"git+{page}" if "/_git/" in page else f"{page}.git"
    remember = worker.Worker._answers_to_remember

    def remembering(copying: worker.Worker) -> dict[str, Any]:
        return {**remember(copying), "_commit": version, "_src_path": address}

    setattr(worker.Worker, "_answers_to_remember", remembering)  # noqa: B010 - to mypy, a method is no variable
    # Changes that no commit has would give a commit that is nowhere.
    setattr(Template, "commit_hash", _says("git", "-C", str(TEMPLATE), "rev-parse", "HEAD"))  # noqa: B010
    pushed = _says("git", "-C", str(TEMPLATE), "for-each-ref", "--contains=HEAD", "refs/remotes/origin", "refs/tags")
    changed = _says("git", "-C", str(TEMPLATE), "status", "--porcelain")
    if pushed and not changed:
        return ""
    what = "has changes that no commit has" if changed else f"is at {version}, which {address} may not have"
    return f"`make doctor`, `make up` and updates may find no version: the checkout of the template {what}. Push first."


class _Toolbar(ValidationToolbar):
    """Shows all that a rule says, below an answer that it refuses.

    Copier puts the name of the question first, which is on the screen, and one line would be all that is shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.control.text = self._lines
        if isinstance(self.container.content, Window):
            self.container.content.height = None

    @staticmethod
    def _lines() -> StyleAndTextTuples:
        error = get_app().current_buffer.validation_error
        message = QUESTION.sub("", error.message if error else "")
        message = message.replace("Invalid input", "give a list of names, as [one, two]: this is not YAML")
        width = get_app().output.get_size().columns - 1
        return [("class:validation-toolbar", "\n".join(textwrap.wrap(message, width, break_on_hyphens=False)))]


def _is_unfinished(path: Path) -> bool:
    return re.fullmatch(r"[.].+[.]unfinished-\d+", path.name) is not None


def _remove_unfinished(folder: Path, name: str) -> None:
    """Remove what killed runs have left; a run that is still going keeps its own."""
    for path in folder.glob(f".{glob_escape(name)}.unfinished-*"):
        pid = int(path.name.rpartition("-")[2]) if _is_unfinished(path) else os.getpid()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, 0)
            continue
        print(f"Removing {path}, which an interrupted run has left.", file=sys.stderr)
        shutil.rmtree(path, ignore_errors=True)


def glob_escape(name: str) -> str:
    """Return a pattern that matches the name alone."""
    return re.sub(r"([*?[])", r"[\1]", name)


@contextlib.contextmanager
def staging(destination: Path) -> Iterator[Path]:
    """Give a folder that becomes the destination when the block ends well, and is removed otherwise.

    It is on the destination's own file system: in it where it exists, or else in the nearest folder that does.
    """
    folder = next(path for path in (destination, *destination.parents) if path.is_dir())
    _remove_unfinished(folder, destination.name)
    product = folder / f".{destination.name}.unfinished-{os.getpid()}"
    # Where nothing can be written, that is said before the first question.
    product.mkdir()
    product.rmdir()
    try:
        yield product
        if not product.is_dir():  # Nothing was to be made: --pretend.
            return
        if folder == destination:
            for path in product.iterdir():
                path.rename(destination / path.name)
        else:
            destination.parent.mkdir(parents=True, exist_ok=True)
            product.rename(destination)
    finally:
        shutil.rmtree(product, ignore_errors=True)


def _stop(number: int, _frame: types.FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> None:
    """Run the command; ends with Copier's status, or 1 after a wrong answer."""
    warnings.simplefilter("ignore", DirtyLocalWarning)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    arguments = [*sys.argv[2:], *words(os.environ.get("NEW_ARGUMENTS", ""))]
    try:
        destination = Path(sys.argv[1]).expanduser().resolve()
        refuse_taken(destination)
        refuse_unreadable(arguments)
        refuse_unknown(arguments)
        if not shutil.which("git"):
            sys.exit("error: git is not on PATH: install it; a product that is made without can't be updated later")
        if refused := refusal_of(destination):
            sys.exit(refused)
        worker.use(TEMPLATE)
        # Tasks get plumbum's environment; the hook says where the product will be.
        local.env["PRODUCT_DESTINATION"] = str(destination)
        # The package has a function of the module's name.
        vars(importlib.import_module("prompt_toolkit.shortcuts.prompt"))["ValidationToolbar"] = _Toolbar
        # Copier would print some errors itself, in the words of Jinja.
        vars(importlib.import_module("copier._cli"))["_handle_exceptions"] = lambda method: method() or 0
        quiet = bool({"-q", "--quiet"} & set(arguments))
        asking = not {"-l", "--defaults", "-f", "--force"} & set(arguments)
        note = name_origin()
        with suggesting(known_repository(destination, asking)), staging(destination) as product:
            # From a checkout, the template is what is checked out, not its newest tag.
            command = ["copier", "copy", "--trust", "--vcs-ref=HEAD", *arguments, str(TEMPLATE), str(product)]
            if not quiet:
                # A line for each file would push what comes next off the screen; but this one is to be read.
                command.insert(2, "--quiet")
                print(yaml.safe_load((TEMPLATE / "copier.yml").read_text(encoding="utf-8"))["_message_before_copy"])
            if status := CopierApp.run(command, exit=False)[1]:
                sys.exit(status)
        if note and not quiet:
            print(f"\n{textwrap.fill(note, shutil.get_terminal_size().columns - 1)}")
    except OSError as error:
        where, why = error.filename or sys.argv[1], error.strerror or error
        sys.exit(f"error: {where}: {why}: nothing was made; fix that and run it again")
    except KeyboardInterrupt:
        sys.exit("error: interrupted: nothing was made")
    except (CopierError, ValueError) as error:
        sys.exit(f"error: {one_line(error)}")


if __name__ == "__main__":
    main()
