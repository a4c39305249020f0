"""Where things are in this repository, and how its commands say what is wrong."""

import functools
import itertools
import re
import sys
import unicodedata
from pathlib import Path
from posixpath import normpath
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
REMOTE = "origin"
_IMAGE = re.compile(r"""^[ -]*image: *["']?([^\s"'@#]+)["']? *(?:#.*)?$""", re.MULTILINE)

# Where ssh is let through to, for the host that has the pages.
_HOSTS = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com", "altssh.bitbucket.org": "bitbucket.org"}
_AZURE = ("ssh.dev.azure.com", "vs-ssh.visualstudio.com")
_WEB = re.compile(r"(https?://)(?:[^/]*@)?(.+)")
# ssh://git@host:22/path, git@host:path; but not file:///path
_SSH = re.compile(r"(?:(?:ssh|git)://(?:[^/]*@)?([^/:]+)(?::\d+)?/|(?:[^/:]*@)?([^/:]+):(?!//))/*(.+)")
_REQUESTS = {
    "gitlab": "-/merge_requests/new?merge_request%5Bsource_branch%5D={branch}",
    "dev.azure.com": "pullrequestcreate?sourceRef={branch}&targetRef={main}",
    "visualstudio.com": "pullrequestcreate?sourceRef={branch}&targetRef={main}",
    "bitbucket.org": "pull-requests/new?source={branch}&dest={main}",
    "": "compare/{main}...{branch}?expand=1",
}

# A user, password or token in an address.
_CREDENTIAL = re.compile(r"(?<=https://)[^/\s]*@|(?<=http://)[^/\s]*@")


def plain(text: object) -> str:
    """Return words of others, from Git, YAML, a cluster or the name of a file, as one line that is safe to print.

    What a terminal, the log of a pipeline or the eye would take for something else is spelt out: control characters,
    line ends of every kind, characters that are not seen or turn the text around, and GitHub's workflow commands
    (`::name::` at the start of a line, `##[name]` anywhere). What an address holds before its host is left out.
    """
    shown = "".join(
        char if char.isprintable() else " " if unicodedata.category(char) == "Zs" else ascii(char)[1:-1]
        for char in str(text)
    )
    shown = _CREDENTIAL.sub("", shown).replace("##[", "#\\x23[")
    return f"\\x3a{shown.lstrip()[1:]}" if shown.lstrip().startswith("::") else shown


def fail(message: str) -> NoReturn:
    """Print one line that says what is wrong and how to mend it, and end with status 1."""
    sys.exit(f"{Path(sys.argv[0]).stem}: {plain(message)}")


def one_line(text: str) -> str:
    """Return the line of a program's complaint that says what is wrong."""
    # Some programs frame and colour what they say.
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    said = [line.strip("│╷╵ \t") for line in text.splitlines()]
    # An infrastructure program prints a heading, an empty line, and then the reason.
    for number, line in enumerate(said):
        if line.startswith("Error: ") and said[number + 1 : number + 2] == [""]:
            below = itertools.takewhile(lambda other: not re.match("(Error|Warning): ", other), said[number + 1 :])
            return plain(": ".join(filter(None, [line, " ".join(filter(None, below))]))[:400])
    lines = [line for line in said if line and not re.match(r"hint:|(Run|See) '", line)]
    told = [line for line in lines if re.match(r"([\w-]+: )?(error|fatal)", line, re.IGNORECASE)] or lines[-1:]
    return plain((told[0] if told else "no reason given")[:400])


def application(root: Path = ROOT) -> str:
    """Return the name of the one folder in apps/ that has overlays."""
    found = sorted(path.parent.name for path in root.glob("apps/*/overlays"))
    if len(found) != 1:
        fail(f"apps/ holds {len(found)} folders with overlays: there must be one")
    return found[0]


def watched_by_argocd(field: str, root: Path = ROOT) -> str:
    """Return the first field of a name of the Application in bootstrap/, as `repoURL`; nothing where there is none."""
    for path in sorted((root / "bootstrap").rglob("application.yaml")):
        if found := re.search(rf"""^ +{field}: *["']?([^\s"']+)""", path.read_text("utf-8"), re.MULTILINE):
            return found[1]
    return ""


@functools.cache
def argocd_namespace() -> str:
    """Return the namespace that Argo CD runs in, where all Applications are."""
    return watched_by_argocd("namespace") or "argocd"


@functools.cache
def main_branch() -> str:
    """Return the branch that Argo CD follows, which is the one that deployments are commits of."""
    return watched_by_argocd("targetRevision") or fail("bootstrap/ has no Application with a targetRevision")


def environments(root: Path = ROOT) -> list[str]:
    """Return the names of the environments, each an overlay with image tags, in the order of their promotion."""
    found = sorted(path.parent.name for path in root.glob(f"apps/{application(root)}/overlays/*/imagetags"))
    values = root / "terraform" / "platform" / "terraform.tfvars"
    text = values.read_text(encoding="utf-8") if values.exists() else ""
    listed = re.search(r"^environments\s*=\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    order = own_clusters(root) or re.findall(r'"([^"]*)"', listed[1] if listed else "")
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def own_clusters(root: Path = ROOT) -> list[str]:
    """Return the environments that have a cluster of their own, in their order; none where all share one."""
    path = root / "terraform" / "environments"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def services(root: Path = ROOT) -> list[str]:
    """Return the names of the services whose image is set by tag: folders with a Deployment or CronJob."""
    return sorted(_workloads(root))


def _workloads(root: Path) -> dict[str, Path]:
    base = root / "apps" / application(root) / "base"
    return {path.parent.name: path for kind in ("cronjob", "deployment") for path in base.glob(f"*/{kind}.yaml")}


@functools.cache
def images(root: Path = ROOT) -> dict[str, str]:
    """Return the image of each service as its Deployment or CronJob names it: the first without tag and digest."""
    found = {}
    for name, path in _workloads(root).items():
        text = path.read_text(encoding="utf-8")
        own = [image for image in _IMAGE.findall(text) if ":" not in image.rpartition("/")[2]]
        found[name] = own[0] if own else name
    return found


def has_sources(service: str) -> bool:
    """Tell whether a service is built here: src/ has its Dockerfile, or the empty folder of a submodule."""
    folder = ROOT / "src" / service
    return (folder / "Dockerfile").exists() or (folder.is_dir() and not any(folder.iterdir()))


def is_built_here(service: str) -> bool:
    """Tell whether the image of a service is built here, be it under the name of another one that has it too."""
    image_of = images()
    return any(has_sources(other) for other in image_of if image_of[other] == image_of.get(service))


def check_environment(name: str) -> str:
    """Return the name if there is such an environment, else end with the names there are."""
    known = environments()
    if name not in known:
        wrong = f"there is no environment {name!r}" if name else "no environment is named"
        fail(f"{wrong}: choose one of {', '.join(known)}")
    return name


def cluster_folder(environment: str) -> str:
    """Return the name of the cluster that runs an environment: its folder in clusters/, or nothing where none does."""
    found = sorted((ROOT / "clusters").glob(f"*/environments/{environment}.yaml"))
    return found[0].parts[-3] if found else ""


def kubectl(environment: str) -> list[str]:
    """Return how kubectl is called for an environment: where there are several clusters, with the context of its own.

    `az aks get-credentials` names a context after its cluster, as the folder in clusters/ is.
    """
    folders = [path for path in (ROOT / "clusters").iterdir() if path.is_dir()]
    own = cluster_folder(environment)
    return ["kubectl", "--context", own] if len(folders) > 1 and own else ["kubectl"]


def imagetags_path(environment: str) -> str:
    """Return the path of an environment's image tags, from the root of the repository."""
    return f"apps/{application()}/overlays/{environment}/imagetags/kustomization.yaml"


def watched(environment: str) -> list[str]:
    """Return the paths that Argo CD renders an environment from, as its Application lists them; for commands of git.

    Without the list, or the Application, everything is.
    """
    overlay = f"apps/{application()}/overlays/{environment}"
    for path in (ROOT / "clusters").glob(f"*/environments/{environment}.yaml"):
        found = re.search(
            r"^ +argocd[.]argoproj[.]io/manifest-generate-paths: *(.+)$", path.read_text("utf-8"), re.MULTILINE
        )
        entries = found[1].strip("\"' ").split(";") if found else []
        if entries:
            return [entry.strip("/") if entry.startswith("/") else normpath(f"{overlay}/{entry}") for entry in entries]
    return ["."]


def web_page(remote: str) -> str:
    """Return the https address of a remote without `.git`, and without the password or token that may be in it."""
    remote = remote.strip().rstrip("/").removesuffix(".git")
    if web := _WEB.fullmatch(remote):
        return "".join(web.groups())
    if not (ssh := _SSH.fullmatch(remote)):
        return remote  # A folder of this machine.
    host, path = ssh[1] or ssh[2], ssh[3]
    if host in _AZURE and path.count("/") == 3:
        _, organisation, project, name = path.split("/")
        return f"https://dev.azure.com/{organisation}/{project}/_git/{name}"
    return f"https://{_HOSTS.get(host, host)}/{path}"


def is_folder(address: str) -> bool:
    """Tell whether an address, as git or Copier takes it, is a folder of this machine."""
    return re.match(r"[\w+.-]+://|[^/]*:", address) is None


def request_page(web: str, branch: str, main: str) -> str:
    """Return the page that opens a pull request of a branch by hand."""
    page = next(page for host, page in _REQUESTS.items() if host in web)
    return f"{web}/{page.format(branch=branch, main=main)}"
