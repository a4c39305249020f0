"""Alerts say what is wrong and what to do, in rules that Azure takes; the dashboard can be read."""

import json
import re
from collections.abc import Iterator
from typing import Any

from .documents import Map, Problem, Repository

_RULES = re.compile(r"terraform/platform/alerts/[^/]+[.]ya?ml")
_DASHBOARD = "terraform/platform/dashboard.json"
# What ISO 8601 has too, and Azure asks for.
_DURATION = re.compile(r"[1-9][0-9]*[smh]")
# https://learn.microsoft.com/azure/azure-monitor/metrics/prometheus-rule-groups
_MOST = 20
_INTERVALS = {*(f"{minutes}m" for minutes in range(1, 16))}
_SEVERITIES = ("critical", "warning")


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at the rules and the dashboard."""
    groups: dict[str, str] = {}
    alerts: dict[str, str] = {}
    for path in [path for path in repository.files if _RULES.fullmatch(path)]:
        document = repository.first(path)
        found = document.maps("groups") if document else []
        if not found:
            yield Problem(path, 0, "has no groups of rules: add one, or remove the file")
        for group in found:
            yield from _named_once(path, group, "name", groups)
            yield from _inspect_group(path, group)
            for rule in group.maps("rules"):
                yield from _named_once(path, rule, "alert", alerts)
                yield from _inspect_rule(path, rule)
    if _DASHBOARD in repository.files:
        yield from _inspect_dashboard(repository.text(_DASHBOARD))


def _named_once(path: str, item: Map, key: str, seen: dict[str, str]) -> Iterator[Problem]:
    name = item.text(key)
    if not name:
        yield Problem(path, item.line, f"has no {key}: add one")
    elif name in seen:
        yield Problem(path, item.line_of(key), f"{name} is in {seen[name]} too: rename one")
    seen[name] = path


def _inspect_group(path: str, group: Map) -> Iterator[Problem]:
    rules = group.maps("rules")
    if not rules:
        yield Problem(path, group.line, f"the group {group.text('name')} has no rules: add one, or remove it")
    if len(rules) > _MOST:
        yield Problem(path, group.line_of("rules"), f"has {len(rules)} rules, Azure takes {_MOST} in a group: make two")
    if group.get("interval") not in _INTERVALS:
        yield Problem(path, group.line_of("interval"), "Azure evaluates rules every 1m to 15m: set interval to one")


def _inspect_rule(path: str, rule: Map) -> Iterator[Problem]:
    name = rule.text("alert")
    if not rule.text("expr").strip():
        yield Problem(path, rule.line_of("expr"), f"{name} has no expr, and would never fire: add one")
    if not _DURATION.fullmatch(str(rule.get("for"))):
        yield Problem(path, rule.line_of("for"), f"{name} does not say for how long: set for, as 5m or 1h")
    if rule.text("labels", "severity") not in _SEVERITIES:
        line, cure = rule.line_at("labels", "severity"), f"set it to {' or '.join(_SEVERITIES)}"
        yield Problem(path, line, f"{name} has no severity that is known: {cure}")
    for key, what in (("summary", "what is wrong"), ("description", "what to do about it")):
        if not rule.text("annotations", key).strip():
            line = rule.line_at("annotations", key)
            yield Problem(path, line, f"{name} does not say {what}: add {key} to its annotations")


def _inspect_dashboard(text: str) -> Iterator[Problem]:
    try:
        dashboard: Any = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        yield Problem(_DASHBOARD, line, f"is not JSON ({getattr(error, 'msg', error)}): mend it, or export it again")
        return
    panels = dashboard.get("panels") if isinstance(dashboard, dict) else None
    if not isinstance(panels, list) or not panels:
        yield Problem(_DASHBOARD, 0, "has no panels: export the dashboard as JSON, for sharing, and put that here")
        return
    seen: set[Any] = set()
    for panel in [panel for panel in panels if isinstance(panel, dict)]:
        title = panel.get("title", panel.get("id"))
        if panel.get("id") in seen:
            yield Problem(_DASHBOARD, 0, f"the panel {title!r} has the id of another one: give it one of its own")
        seen.add(panel.get("id"))
        for target in panel.get("targets", []):
            if "expr" in target and not str(target["expr"]).strip():
                yield Problem(_DASHBOARD, 0, f"the panel {title!r} asks for nothing: write an expr, or remove it")
