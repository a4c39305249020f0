"""Validate a freshly generated product, or one that was just updated, and say what to do next.

Run by Copier in the product's folder: as a task after `copier copy`, as the last migration after `copier update`, when
the tree is merged. The checks themselves live in the product, in scripts/validate. All that it writes are image tags of
services that an update brings or takes away: Copier leaves the files of tags alone.
"""

import contextlib
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

# The owner of a repository that nobody has named; includes/names.jinja has it, too.
_PLACEHOLDER = "example-org"
_TEMPLATE = Path(__file__).resolve().parents[1]
_DATABASE_IN_PRODUCTION = (
    "Warning: size is production, but Postgres in the cluster is one pod: each upgrade of the nodes takes it down for "
    "minutes. The answer database: azure gives a server with a standby."
)
_OUR_FAULT = """
The answers were accepted, but what they give is not sound: a fault of this template. Please report it with the lines
above and your answers. A new folder is removed again, --no-cleanup keeps it to look at.\
"""


def unresolved_conflicts(product: Path) -> list[str]:
    """Return the files that an update left with conflicts; none outside a git repository."""
    done = subprocess.run(
        ["git", "diff", "--name-only", "--diff-filter=U"], cwd=product, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


@contextlib.contextmanager
def before_the_update(product: Path) -> Iterator[Path]:
    """Give a folder with apps/ as the last commit has it."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["git", "archive", "HEAD", "apps"], cwd=product, capture_output=True, check=False)
        if done.returncode == 0:
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                archive.extractall(folder, filter="data")
        yield Path(folder)


def carry_tags(product: Path, before: Path) -> None:
    """Give images that came a tag, and take that of images that went; a service keeps its own in another registry."""
    sys.path.insert(0, str(product / "scripts"))
    sys.dont_write_bytecode = True
    from gitops import imagetags, repository

    services = repository.images(product)
    was = {image: name for name, image in repository.images(before).items()} if (before / "apps").exists() else {}
    for path in product.glob("apps/*/overlays/*/imagetags/kustomization.yaml"):
        overlay, text = path.parents[1], path.read_text(encoding="utf-8")
        objects = "".join(
            file.read_text(encoding="utf-8") for file in overlay.parents[1].rglob("*.yaml") if file != path
        )
        kept = {
            was.get(name, name): version
            for name, version in imagetags.parse(text, str(path)).items()
            if was.get(name, name) in services or re.search(rf"""image: ["']?{re.escape(name)}["']?$""", objects, re.M)
        }
        tagged = {services.get(name, name) for name in kept}
        come = {
            name: imagetags.Version(imagetags.UNRELEASED) for name, image in services.items() if image not in tagged
        }
        new = imagetags.render(overlay.name, kept | come)
        if yaml.safe_load(new)["images"] != yaml.safe_load(text).get("images"):
            path.write_text(new, encoding="utf-8")


def addresses(folder: Path) -> dict[str, str]:
    """Return what leads people to the application: each host, and each load balancer, with the service behind it."""
    found = {}
    for path in sorted(folder.glob("apps/*/base/*/service.yaml")):
        if yaml.safe_load(path.read_text(encoding="utf-8"))["spec"].get("type") == "LoadBalancer":
            found[f"the load balancer of {path.parent.name}"] = path.parent.name
    for path in sorted(folder.glob("apps/*/overlays/*/hosts.yaml")):
        for route in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            found |= dict.fromkeys(route["spec"]["hostnames"], route["metadata"]["name"])
    return found


def moved(before: Path, product: Path) -> list[str]:
    """Return a line for each address that leads nowhere after the update, or to another service."""
    now = addresses(product)
    return [
        f"{address} led to {service}, and " + (f"leads to {now[address]} now" if address in now else "is gone now")
        for address, service in addresses(before).items()
        if now.get(address) != service
    ]


def probes(folder: Path) -> dict[str, str]:
    """Return the path that each probe of a service asks for."""
    found = {}
    for path in sorted(folder.glob("apps/*/base/*/deployment.yaml")):
        for container in yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["template"]["spec"]["containers"]:
            for key, kind in (("health_path", "livenessProbe"), ("ready_path", "readinessProbe")):
                if asked := container.get(kind, {}).get("httpGet", {}).get("path"):
                    found[f"{key} of {path.parent.name}"] = asked
    return found


def asked_otherwise(before: Path, product: Path) -> list[str]:
    """Return a line for each probe that asks for another path after the update."""
    now = probes(product)
    return [
        f"{setting} was {path} and is {now[setting]} now; set it in the answer `services` to keep it"
        for setting, path in probes(before).items()
        if now.get(setting, path) != path
    ]


def validate(product: Path) -> subprocess.CompletedProcess[str]:
    """Run the product's own checks, in this process: to start Python once more takes half as long as they do.

    The field's tools are for `make validate`: they take seconds, and differ from machine to machine.
    """
    script = product / "scripts" / "validate"
    sys.path.insert(0, str(script.parent))
    sys.dont_write_bytecode = True
    arguments, sys.argv = sys.argv, [str(script), "--no-tools"]
    status: object = 0
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
        except Exception:  # Whatever the checks stumble over, the reader is to see it as they would show it.
            status = traceback.format_exc()
    sys.argv = arguments
    words = "" if isinstance(status, int) else f"{status}\n"
    return subprocess.CompletedProcess(
        [str(script)], status if isinstance(status, int) else 1, printed.getvalue(), errors.getvalue() + words
    )


def names(answer: str | list[Any]) -> str:
    """Return the names of a list answer, which may be a text or hold objects, as a text."""
    given = answer.split(",") if isinstance(answer, str) else answer
    return ", ".join(str(item["name"] if isinstance(item, dict) else item).strip() for item in given)


def made(answers: dict[str, Any], product: Path) -> dict[str, str]:
    """Return what was made by its role, in words a person would use."""
    order = names(answers["environments"]).split(", ")
    found = {path.stem: path.parts[-3] for path in product.glob("clusters/*/environments/*.yaml")}
    clusters = list(dict.fromkeys(found[environment] for environment in order))
    program = {"terraform": "Terraform", "opentofu": "OpenTofu"}[answers["iac"]]
    registries = json.loads((_TEMPLATE / "includes" / "registries.json").read_text(encoding="utf-8"))
    database = {"postgres": "Postgres in the cluster", "azure": "Azure Database for PostgreSQL", "none": "no database"}
    reached = {
        "load-balancer": "a load balancer over plain HTTP",
        "gateway": f"https://{answers.get('domain')}",
        "none": "nothing outside the cluster",
    }
    return {
        "application": f"{names(answers['services'])}; {database[answers['database']]}"
        + ("; sample source code to replace in src/" if answers["sample_app"] else ""),
        "on the cluster": f"Argo CD; {names(answers['environments'])}; reached by {reached[answers['expose']]}",
        "infrastructure": f"{program} for {', '.join(clusters)} in {answers['region']}, size {answers['size']}"
        + ("; metrics, alerts and a dashboard" if answers["monitoring"] else ""),
        "images": f"{registries[answers['registry']]['name']}, {answers['registry_name']}",
        "pipeline": {"github-actions": "GitHub Actions", "jenkins": "Jenkins"}[answers["ci"]]
        + ("; previews of pull requests" if answers["previews"] else ""),
    }


def costs(product: Path) -> str:
    """Return what the product costs, as its README says it: the sum, each kind, and what is left out."""
    readme = (product / "README.md").read_text(encoding="utf-8")
    total, table, rest = readme.partition("\n## What it costs\n")[2].partition("\n## ")[0].strip().split("\n\n")
    kinds = ", ".join(
        re.sub(r"\| ([^:|]*[^:| ]).*?\| (not known|\S+).*", r"\1 \2", row) for row in table.splitlines()[2:]
    )
    left_out = " ".join(rest.split()).partition(". ")[0]
    return f"{total.replace('**', '').removeprefix('About ')} {kinds}. {left_out}."


def next_commands(answers: dict[str, Any], product: Path) -> list[str]:
    """Return the next commands, to be typed as they are, whatever the folder is called."""
    # `make new` makes it elsewhere and moves it there.
    place = Path(os.environ.get("PRODUCT_DESTINATION", product))
    folder, repository, branch = shlex.quote(str(place)), answers["git_repository"], answers["branch"]
    if is_placeholder(repository):
        answer = f"git_repository={repository.replace(_PLACEHOLDER, 'OWNER')}"
        if "PRODUCT_DESTINATION" in os.environ:
            return [f"make new DEST={folder} \\\n    ARGS='--data {answer}'"]
        return [f"copier copy --trust --data {answer} \\\n    {shlex.quote(answers['_src_path'])} {folder}"]
    begun = (place / ".git").exists()
    remote = subprocess.run(["git", "-C", str(place), "remote", "get-url", "origin"], capture_output=True, check=False)
    return [
        f"cd {folder}",
        *([] if begun else [f"git init -q -b {branch}"]),
        "git add --all && git commit -qm Begin",
        *([] if begun and remote.returncode == 0 else [f"git remote add origin {shlex.quote(repository)}"]),
        f"git push -u origin {branch}",
        "make doctor && make up",
    ]


def enclosing_repository(place: Path) -> str:
    """Return the root of the repository of which a place would be a folder; nothing where that one ignores it."""
    folder = next(path for path in (place, *place.parents) if path.is_dir())

    def git(*arguments: str | Path) -> str:
        command = ["git", "-C", folder, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    root = git("rev-parse", "--show-toplevel")
    return "" if not root or Path(root) == place or git("check-ignore", f"{place}/") else root


def refusal_of(place: Path) -> str:
    """Return why there can be no product, as a folder of another repository; nothing where there can."""
    # GitHub reads workflows and owners at the root alone; image tags would be commits between everybody's.
    root = enclosing_repository(place)
    return root and (
        f"error: {place} is a folder of the repository {root}, and a product is a repository of its own: "
        f"choose a folder outside of it, or run git init {shlex.quote(str(place))} first"
    )


def is_placeholder(repository: str) -> bool:
    """Tell whether nobody has said who owns the repository."""
    return f"/{_PLACEHOLDER}/" in repository


def summary(product: Path, report: str) -> str:
    """Return what was made, what it costs, what was checked and skipped, and what to do next; it fits on a screen."""
    answers = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    width = min(100, shutil.get_terminal_size((101, 24)).columns - 1)

    def wrapped(text: str, first: str = "", indent: str = "") -> list[str]:
        return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)

    def command(text: str) -> str:
        # What is quoted can't be continued on another line, nor can one word.
        return text if set(text) & set("'\\") else " \\\n".join(wrapped(text, "  ", "    ")).lstrip()

    lines = ["", f"{answers['project_name']} is ready:", ""]
    for role, words in (made(answers, product) | {"cost": costs(product)}).items():
        lines += wrapped(words, f"  {role:<16}", " " * 18)
    lines += ["", *(part for line in report.splitlines() for part in wrapped(line[0].upper() + line[1:])), ""]
    if (answers["size"], answers["database"]) == ("production", "postgres"):
        lines += [*wrapped(_DATABASE_IN_PRODUCTION), ""]
    end = "`make doctor` names what is missing. The rest is in README.md."
    if is_placeholder(answers["git_repository"]):
        lines += wrapped(f"Next: {_PLACEHOLDER} stands for the owner of its repository, and names derive from it.")
        end = "First remove the folder; it holds nothing of yours."
    else:
        lines += ["Next:"]
    lines += [f"  {command(text)}" for text in next_commands(answers, product)]
    return "\n".join([*lines, "", *wrapped(end)])


def report(how: str) -> None:
    """Tell hooks/updates how the merge ended; it can't tell a half-way tree from a merged one by itself."""
    if path := os.environ.get("TEMPLATE_UPDATE_REPORT"):
        Path(path).write_text(how, encoding="utf-8")


def main() -> int:
    """Run the hook and return its exit status."""
    if sys.platform == "win32" or sys.version_info < (3, 11):
        needed = "WSL, https://aka.ms/wsl" if sys.platform == "win32" else "a Copier on Python 3.11 or newer"
        print(f"error: the product's commands do not run with what this Copier runs on: use {needed}", file=sys.stderr)
        return 1
    product = Path.cwd()
    updating = os.environ.get("STAGE") == "after"
    notes: list[str] = []
    if not updating and "PRODUCT_DESTINATION" not in os.environ and (refused := refusal_of(product)):
        print(refused, file=sys.stderr)
        return 1
    if updating:
        # What a conflict, or a person, has made unreadable is named by what follows.
        with (
            contextlib.suppress(
                SyntaxError,
                ValueError,
                ImportError,
                yaml.YAMLError,
                KeyError,
                TypeError,
                AttributeError,
                RecursionError,
            ),
            before_the_update(product) as before,
        ):
            carry_tags(product, before)
            notes = moved(before, product) + asked_otherwise(before, product)
    for note in notes:
        print(f"Look twice: {note}", file=sys.stderr)
    if updating and (conflicts := unresolved_conflicts(product)):
        print("The update conflicts with your changes. Resolve these files, then run `make validate`:", file=sys.stderr)
        print("\n".join(f"  {path}" for path in conflicts), file=sys.stderr)
        report("conflicts")
        return 1
    done = validate(product)
    if done.returncode:
        print(done.stdout + done.stderr, end="", file=sys.stderr)
        if updating:
            print("The update is merged but not valid: fix the above, then run `make validate`.", file=sys.stderr)
            report("invalid")
        else:
            print(_OUR_FAULT, file=sys.stderr)
        return 1
    said = done.stdout.strip()
    print(f"Valid: {said}" if updating else summary(product, said))
    if updating:
        report("merged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
