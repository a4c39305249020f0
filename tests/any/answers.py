"""Strategies for answers: over the whole space of the questions in copier.yml, good and bad."""

import functools
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

from docs.tools.questions import SERVICE_SETTINGS
from tests import support

# What has a meaning of its own in YAML, HCL, shell, Docker, Jinja, workflows or paths.
HOSTILE_TEXTS = [
    "", " ", "-", "--", ".", "..", "../../etc", "/", "~", "*", "&a", "!x", "%", "@", "`id`", "|", ">", "#", "# x", ": ", "a: b",
    "- a", "[a", "{a", "]", "'", '"', "\\", "\\\\", "\n", "a\nb", "a\r\nb", "\t", "\x00", "\x1b[31m", "\x7f", "\x85", "\u2028",
    "\ufeff", "\ufffe", "\ud800", "é", "\uff45", "日本語", "\U0001f600", "a\u0301", "\u202e", "\u00a0", "${HOME}", "${", "$${a}", "$(id)",
    "%{ if true }", "{{ x }}", "{% x %}", "${{ github.token }}", "#{ project_name }#", "#% if true %#", "#| x |#", "}#", "%#",
    "1e5", "0123", "0x1F", "1_000", "1.5", ".inf", ".nan", "1:30", "12:30:45", "2026-01-01", "yes", "No", "on", "y", "null", "NULL",
    "~null", "true", "=", "<<", "!!str a", "!!python/object:os.system", "&a [*a]", "a" * 10_000, "a-" * 200, "1" * 400, "'; rm -rf /;'",
    '"; exit 1; #', "EOF", "a,b", ",", "a,,b", "a b", "A", "-a", "a-", "a--b", "--help", "con", "xn--a", "a.b", "a_b", "\\n", "$IFS",
]  # fmt: skip
HOSTILE = st.sampled_from(HOSTILE_TEXTS) | st.text(max_size=20)

# What a YAML file can hold where a text is expected.
_SCALARS = (
    HOSTILE
    | st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 83, -1, 80, 65536, 10**30, 1e5, 2.0, float("inf"), float("nan"), b"\xff", b"web"])
    | st.sampled_from([date(2026, 1, 1), datetime(2026, 1, 1, 12, 30)])
)
VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_SCALARS.filter(lambda key: key == key), inner, max_size=3)
        | st.sets(st.sampled_from(["dev", "prod", "web", ""]), max_size=2)
    ),
    max_leaves=4,
)


@functools.cache
def words() -> list[str]:
    """Return names that the product uses itself: an answer of the same name is where two things would meet."""
    files = [path for path in support.files(support.ROOT / "template") if "cache" not in str(path.parent)]
    texts = [path.read_text(encoding="utf-8") for path in files]
    found = {
        name for text in texts for name in re.findall(r"(?:name|namespace)\"?[:=] *\"?([a-z][a-z0-9-]{0,29})\b", text)
    }
    parts = {part.partition(".")[0] for path in files for part in path.parts}
    known = {
        "kube",
        "system",
        "public",
        "node-lease",
        "external",
        "secrets",
        "cert",
        "manager",
        "roles",
        "store",
        "secret",
        "aks",
    }
    return sorted(name for name in found | parts | known if re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", name))


def names(longest: int) -> st.SearchStrategy[str]:
    """Return labels of DNS; the template's own words are among them."""
    free = st.from_regex(rf"[a-z]([a-z0-9-]{{0,{longest - 2}}}[a-z0-9])?", fullmatch=True)
    common = st.sampled_from(["dev", "prod", "test", "web", "api", "frontend", "backend", "shop", "shop-dev"])
    return common | st.sampled_from(words()).filter(lambda word: len(word) <= longest) | free | st.just("a" * longest)


def _environments() -> st.SearchStrategy[Any]:
    several = st.lists(names(20), min_size=1, max_size=4, unique=True)
    return several | several.map(", ".join)


_IMAGES = st.from_regex(
    r"([a-z0-9]{1,8}(\.[a-z0-9]{2,5})?(:[0-9]{2,4})?/)?[a-z0-9]{1,9}([._/-]{1,2}[a-z0-9]{1,9}){0,3}", fullmatch=True
)
_PATHS = st.from_regex(r"/[A-Za-z0-9/._~-]{0,20}", fullmatch=True)
_VARIABLES = st.dictionaries(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
    | st.sampled_from(["PORT", "API_URL", "WEB_URL", "BACKEND_URL"]),
    HOSTILE | st.text(max_size=200),
    max_size=3,
)


_SCALES = st.builds(lambda least, more: {"min": least, "max": least + more}, st.integers(1, 9), st.integers(1, 9))
_SIZES = st.fixed_dictionaries({}, optional={"cpu": st.sampled_from(["50m", 2]), "memory": st.just("1Gi")}).filter(bool)
_RANGES = st.lists(st.sampled_from(["internet", "internet:443", "10.20.0.0/16", "10.1.2.3/32:5432"]), unique=True)
_TEXTS = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=40)


@st.composite
def _services(draw: Callable[..., Any]) -> Any:
    listed = draw(st.lists(names(40), min_size=1, max_size=4, unique=True))
    if draw(st.booleans()):
        return ", ".join(listed) if draw(st.booleans()) else listed
    return [draw(st.just(name) | _service(name, listed)) for name in listed]


def _service(name: str, listed: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    others = [other for other in listed if other != name]
    listener = st.fixed_dictionaries(
        {"name": st.just(name)},
        optional={
            "image": _IMAGES,
            "port": st.integers(1024, 65535),
            "health_path": _PATHS,
            "ready_path": _PATHS,
            "replicas": st.integers(1, 100) | _SCALES | st.just({"dev": 3}),
            "resources": _SIZES | st.just({"prod": {"cpu": "1", "memory": "1Gi"}}),
            "egress": _RANGES | _RANGES.map(lambda ranges: {"dev": ranges}),
            "config": st.dictionaries(st.from_regex(r"[a-z]{1,9}\.(json|toml)", fullmatch=True), _TEXTS, min_size=1),
            "public": st.booleans(),
            "calls": st.lists(st.sampled_from(others), unique=True) if others else st.just([]),
            "env": _VARIABLES,
            "user": st.integers(1, 2**31 - 1),
        },
    )
    common = {"name": st.just(name), "database": st.booleans(), "command": st.just(["run", "--all"])}
    healths = st.sampled_from([{"command": ["alive"]}, {"file": "/tmp/alive"}])
    worker = st.fixed_dictionaries(
        {**common, "port": st.just("none")},
        optional={"health": healths, "strategy": st.just("recreate"), "env": _VARIABLES},
    )
    schedules = st.sampled_from(["0 3 * * *", "@daily", "*/5 8-18 * * MON-FRI"])
    job = st.fixed_dictionaries({**common, "schedule": schedules}, optional={"env": _VARIABLES, "resources": _SIZES})
    return listener | worker | job


# What a person would answer. A question that isn't here gets its default, and everything hostile.
_PLAUSIBLE: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
    "project_name": lambda: names(30),
    "cluster_name": lambda: names(54),
    "region": lambda: st.sampled_from(["westeurope", "northeurope", "polandcentral", "eastus2"]),
    "git_repository": lambda: st.from_regex(
        r"https://(github\.com|[a-z0-9]{1,9}(\.[a-z]{2,4})?(:[0-9]{2,4})?)(/[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?){1,3}/[A-Za-z0-9._-]{1,20}",
        fullmatch=True,
    )
    | st.from_regex(r"https://dev\.azure\.com/[a-z]{1,9}(/([A-Za-z0-9.-]|%20){1,9})?/_git/[A-Za-z0-9._-]{1,20}", fullmatch=True),
    "branch": lambda: st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,9}(/[A-Za-z0-9_.-]{1,9})?", fullmatch=True),
    "environments": _environments,
    "services": _services,
    "registry_name": lambda: st.from_regex(r"[a-z0-9]{2,39}", fullmatch=True),
    "runner": lambda: st.sampled_from(["", "aks-runners", "self-hosted, linux"]),
    "names": lambda: st.dictionaries(
        st.sampled_from(["resource_group", "state_storage", "key_vault", "identities", "virtual_network"]),
        st.sampled_from(["{cluster}", "{project}-{environment}", "x{unique}{environment}", "x-{cluster}-{region}", "own"]),
        max_size=3,
    ),
    "tags": lambda: st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9 _-]{0,20}", fullmatch=True), HOSTILE, max_size=3),
    "domain": lambda: st.from_regex(r"([a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?\.){1,3}[a-z]{2,9}", fullmatch=True),
}  # fmt: skip


def plausible(name: str) -> st.SearchStrategy[Any]:
    """Return answers to a question that mostly are good ones."""
    spec = support.asked()[name]
    if spec.get("choices"):
        return st.sampled_from(sorted(support.choices(name)))
    if spec["type"] == "bool":
        return st.booleans()
    return _PLAUSIBLE[name]() if name in _PLAUSIBLE else st.just(spec["default"])


# The sample application's services among others.
_WITH_THE_SAMPLE = st.lists(names(40), max_size=2, unique=True).map(
    lambda others: [*[name for name in others if name not in ("frontend", "backend")], "frontend", "backend"]
)


@st.composite
def answer_sets(draw: Callable[..., Any], mistakes: int = 2) -> dict[Any, Any]:
    """Return answers to some of the questions, of which up to so many are anything at all."""
    questions = list(support.asked())
    data: dict[Any, Any] = {}
    for name in questions:
        if draw(st.integers(0, 2 if name == "sample_app" else 1)) == 0 or "choices" in support.asked()[name]:
            data[name] = draw(plausible(name))
    if data.get("previews") and draw(st.integers(0, 3)):
        # Few answers go with them.
        data |= {"ci": "github-actions", "cluster_layout": "shared", "registry": "acr", "database": "postgres"}
        data |= {"git_repository": "https://github.com/Example-Org/shop.gitops", "services": draw(_WITH_THE_SAMPLE)}
        data |= {"registry_name": "exampleregistry", "sample_app": True}
    for _ in range(draw(st.integers(0, mistakes)) if mistakes else 0):
        _mistake(draw, data, questions)
    return data


def _mistake(draw: Callable[..., Any], data: dict[Any, Any], questions: list[str]) -> None:
    kind = draw(st.integers(0, 9))
    services = data.get("services")
    if kind == 0:
        data[draw(HOSTILE)] = draw(VALUES)
    elif kind < 5 and isinstance(services, list) and (entries := [one for one in services if isinstance(one, dict)]):
        entry = draw(st.sampled_from(entries))
        entry[draw(st.sampled_from([*SERVICE_SETTINGS]) | HOSTILE)] = draw(VALUES)
    elif kind < 6:
        data["services"] = draw(st.lists(VALUES, max_size=3))
    elif kind < 7:
        data["environments"] = draw(st.lists(VALUES | names(20), max_size=3))
    else:
        data[draw(st.sampled_from(questions))] = draw(VALUES)
