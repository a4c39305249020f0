"""No secret is in Git: neither as an object, nor in a variable, nor as a key or a password in an address."""

import re
from collections.abc import Iterator

from .documents import Map, Problem, Repository
from .objects import KUSTOMIZATIONS

_CURE = "keep it in Key Vault, with an ExternalSecret"
_NAME = re.compile(
    r"(?:.*[_.-])?(password|passwd|pwd|secret|token|api_?key|private_?key|access_?key|client_?secret)(?:_?\d+)?",
    re.IGNORECASE,
)
# What it is, how it begins, and how it goes on.
_FORMS = (
    ("a private key", "PRIVATE KEY-----", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    *(
        ("a token of GitHub", begin, re.compile(rf"\b{begin}\w{{36,}}\b"))
        for begin in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_")
    ),
    ("a key of a storage account", "AccountKey=", re.compile(r"\bAccountKey=[A-Za-z0-9+/]{40,}")),
    ("a key of AWS", "AKIA", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("a token of Slack", "xox", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}")),
)
_ADDRESS = re.compile(
    r"\b(?!docker:|oci:)[a-z][a-z0-9+.]*://[^\s:/@\"'<>{}$]+:(?P<password>[^\s/@\"'<>{}$()*]+)@[\w.-]+"
)
# Where an address with a password is one that is used, not an example.
_USED = re.compile(r"(apps|bootstrap|clusters|terraform|scripts)/.*|[.]github/.*|(.*/)?([.]env|Jenkinsfile)")
_EXAMPLES = re.compile(r".*/(tests?|examples?|docs?)/.*|.*[.](md|example|sample|dist|tftest[.]hcl)")
_TFVARS = re.compile(r'^\s*(?P<name>\w+)\s*=\s*"(?P<value>[^"]+)"', re.MULTILINE)


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every file by itself."""
    for folder in ("apps/", "bootstrap/", "clusters/"):
        for path, document in repository.below(folder):
            yield from _inspect_object(path, document)
    for path, lists in repository.lists.items():
        if path.startswith(("apps/", "clusters/")):
            yield from _inspect_variables(path, lists)
    for path in repository.files:
        yield from _inspect_text(path, repository.text(path))


def _inspect_text(path: str, text: str) -> Iterator[Problem]:
    for what, begin, form in _FORMS:
        if begin in text and (found := form.search(text)):
            line = text.count("\n", 0, found.start()) + 1
            yield Problem(path, line, f"holds {what}: make a new one, {_CURE}, and remove it here")
    if "://" in text and _USED.fullmatch(path) and not _EXAMPLES.fullmatch(path):
        for address in _ADDRESS.finditer(text):
            line = text.count("\n", 0, address.start()) + 1
            yield Problem(path, line, f"has an address with a password in clear: {_CURE}")
    if path.endswith(".tfvars"):
        for value in _TFVARS.finditer(text):
            if _is_secret(value["name"], value["value"]):
                line = text.count("\n", 0, value.start("name")) + 1
                yield Problem(path, line, f"{value['name']} looks like a secret in clear: keep it in Key Vault")


def _is_secret(name: str, value: str) -> bool:
    """Tell whether a variable holds a secret: by its name, and not the path or address of one."""
    return bool(value) and bool(_NAME.fullmatch(name)) and not re.match(r"/|\$|[a-z][a-z0-9+.]*://", value)


def _inspect_object(path: str, document: Map) -> Iterator[Problem]:
    kind, name = document.text("kind"), document.at("metadata", "name")
    if kind == "Secret" and (document.get("data") or document.get("stringData")):
        yield Problem(path, document.line, f"Secret {name} is in clear: {_CURE}")
    elif kind == "List":
        for item in document.maps("items"):
            yield from _inspect_object(path, item)
    elif kind == "ConfigMap":
        data = document.at("data")
        for key, value in data.items() if isinstance(data, Map) else ():
            if isinstance(value, str) and "\n" not in value and _is_secret(str(key), value):
                yield Problem(path, data.line_of(key), f"{key} looks like a secret in clear: {_CURE}")
    if path.rpartition("/")[2] in KUSTOMIZATIONS:
        for generator in document.maps("secretGenerator"):
            yield Problem(path, generator.line, f"Secret {generator.get('name')} is in clear: {_CURE}")
        for generator in document.maps("configMapGenerator"):
            for literal in generator.texts("literals"):
                key, _, value = literal.partition("=")
                if _is_secret(key, value):
                    line = generator.line_of("literals")
                    yield Problem(path, line, f"{key} looks like a secret in clear: {_CURE}")
    yield from _inspect_variables(path, document)


def _inspect_variables(path: str, value: object, depth: int = 0) -> Iterator[Problem]:
    """Look at the variables of containers, wherever they are: in an object, a patch or values of a chart."""
    for entry in value.maps("env") if isinstance(value, Map) else ():
        if _is_secret(entry.text("name"), entry.text("value")):
            line = entry.line_of("value")
            yield Problem(path, line, f"{entry.get('name')} looks like a secret in clear: {_CURE}")
    inner = value.values() if isinstance(value, Map) else value if isinstance(value, list) else ()
    for item in inner if depth < 20 else ():
        yield from _inspect_variables(path, item, depth + 1)
