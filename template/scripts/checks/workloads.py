"""What the cluster refuses, or never does, of workloads and their policies, and no schema tells."""

import ipaddress
import math
import re
from collections.abc import Iterator

from .documents import Map, Problem, Repository
from .objects import Environment, Workload, amount, environments, is_own_image

# What lets Argo CD replace a Job.
_REPLACED = ("argocd.argoproj.io/hook:", "helm.sh/hook:", "Force=true", "Replace=true")
# Of minutes, hours, days, months and days of the week; and how long a month lasts at most.
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_LAST_DAYS = dict.fromkeys(range(1, 13), 31) | dict.fromkeys((4, 6, 9, 11), 30) | {2: 29}


def check(repository: Repository) -> Iterator[Problem]:
    """Check every environment."""
    for environment in environments(repository):
        yield from _check_selectors(environment)
        for item in environment.workloads:
            yield from _check_jobs(item)
            yield from _check_containers(item)
            strategy = item.document.map("spec", "strategy")
            if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate"):
                what = "Kubernetes refuses rollingUpdate beside Recreate"
                yield Problem(*strategy.where("type"), f"{what}: write rollingUpdate: null, or remove it")
        for scaler in environment.of_kind("HorizontalPodAutoscaler"):
            least, most = scaler.at("spec", "minReplicas") or 1, scaler.at("spec", "maxReplicas")
            if isinstance(least, int) and isinstance(most, int) and least > most:
                yield Problem(*scaler.where("spec", "minReplicas"), f"is above maxReplicas, {most}: use at most that")
        for policy in environment.of_kind("NetworkPolicy"):
            for side, key in (("egress", "to"), ("ingress", "from")):
                for peer in (peer for rule in policy.maps("spec", side) for peer in rule.maps(key)):
                    yield from _check_range(peer.map("ipBlock"))


def _check_selectors(environment: Environment) -> Iterator[Problem]:
    """Each workload has pods of its own: two of one selector would take them from each other."""
    seen: dict[str, Workload] = {}
    for item in environment.workloads:
        labels = item.document.map("spec", "selector", "matchLabels")
        if not labels or item.document.maps("spec", "selector", "matchExpressions"):
            continue
        place = item.document.where("spec", "selector", "matchLabels")
        other = seen.setdefault(str(sorted(labels.items())), item)
        if not item.matches(labels):
            yield Problem(
                *place, f"selector of {item.kind} {item.name} is not in the labels of its pods: make them the same"
            )
        elif other is not item:
            what = f"{item.kind} {item.name} selects the pods of {other.kind} {other.name}"
            yield Problem(*place, f"{what}: give it and its pods a label of their own")


def _check_jobs(item: Workload) -> Iterator[Problem]:
    if item.kind in ("CronJob", "Job") and item.pod.get("restartPolicy") not in ("Never", "OnFailure"):
        yield Problem(
            *item.pod.where("restartPolicy"), f"{item.kind} {item.name} would not end: add restartPolicy: Never"
        )
    schedule = item.document.text("spec", "schedule")
    if item.kind == "CronJob" and not _comes(schedule):
        cure = 'write minute, hour, day, month and day of the week, as "0 3 * * *"'
        yield Problem(*item.document.where("spec", "schedule"), f"no time fits {schedule!r}: {cure}")
    notes = " ".join(f"{key}: {value}" for key, value in item.document.map("metadata", "annotations").items())
    if item.kind == "Job" and not any(one in notes for one in _REPLACED):
        for image in (one.where("image") for one in item.containers if is_own_image(one.get("image"))):
            what = f"the next release would change Job {item.name}, which Kubernetes refuses"
            yield Problem(*image, f"{what}: add the annotation argocd.argoproj.io/hook: Sync")


def _comes(schedule: str) -> bool:
    """Tell whether a date fits a schedule, as far as its numbers tell."""
    fields = schedule.split()
    if len(fields) != len(_BOUNDS):
        return schedule.startswith("@")
    numbers = [[int(one) for one in re.findall(r"(?<![/\d])\d+", field)] for field in fields]
    fits = all(low <= one <= high for (low, high), own in zip(_BOUNDS, numbers, strict=True) for one in own)
    days, months = (
        own if re.fullmatch(r"[\d,]+", field) else [] for field, own in zip(fields[2:4], numbers[2:4], strict=True)
    )
    alone = fields[4] in ("*", "?") and days and months
    return fits and not (alone and min(days) > max(_LAST_DAYS[month] for month in months))


def _check_containers(item: Workload) -> Iterator[Problem]:
    for container in item.containers:
        ports = [entry.text("name") for entry in container.maps("ports")]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            for at in ((probe, "httpGet", "port"), (probe, "tcpSocket", "port")):
                if container.text(*at) and container.text(*at) not in ports:
                    cure = f"use {' or '.join(ports)}" if ports else "add it to ports"
                    yield Problem(
                        *container.where(*at), f"{probe} asks port {container.text(*at)}, which is not there: {cure}"
                    )
        limits = container.map("resources", "limits")
        for key, asked in container.map("resources", "requests").items():
            if key in limits and amount(key, limits[key]) < amount(key, asked) < math.inf:
                what = f"container {container.get('name')} requests {asked} of {key}, and its limit is {limits[key]}"
                yield Problem(*limits.where(key), f"{what}: make it as much at least")


def _check_range(block: Map) -> Iterator[Problem]:
    for key, value in (("cidr", block.get("cidr")), *(("except", one) for one in block.texts("except"))):
        try:
            network = ipaddress.ip_interface(value).network if value is not None else None
        except ValueError:
            yield Problem(*block.where(key), f"{value} is no range of addresses: write one, as 10.20.0.0/16")
            return
        address, _, bits = str(value).partition("/")
        if network and (ipaddress.ip_address(address) != network.network_address or bits != str(network.prefixlen)):
            yield Problem(*block.where(key), f"the cluster refuses {value}: write {network}")
