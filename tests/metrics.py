"""What can be asked of each component that is scraped: metrics, with the labels that they are told apart by."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Component:
    """What answers a scrape: where that is known from, and the PodMonitor that has it asked, unless Azure does so anyway."""

    source: str
    metrics: dict[str, set[str]]
    monitor: str = ""
    # The version of the chart that installs it: one that is newer may ask for another look at the source.
    chart: str = ""
    # Of the scrape itself; `cluster` comes from Azure's collector.
    also: set[str] = field(default_factory=lambda: {"cluster", "job", "namespace", "pod"})


APPLICATION = {"namespace", "name", "project"}
CERTIFICATE = {"name", "namespace", "issuer_name", "issuer_kind", "issuer_group"}
POD = {"namespace", "pod", "uid", "container"}
VOLUME = {"namespace", "persistentvolumeclaim"}
COMPONENTS = {
    "argocd": Component(
        "https://github.com/argoproj/argo-cd/blob/v3.6.1/controller/metrics/metrics.go",
        {
            "argocd_app_info": {
                *APPLICATION,
                *(
                    "autosync_enabled",
                    "repo",
                    "dest_server",
                    "dest_namespace",
                    "sync_status",
                    "health_status",
                    "operation",
                    "phase",
                ),
            },
            "argocd_app_sync_total": {*APPLICATION, "dest_server", "phase", "dry_run"},
        },
        "argocd",
        "10.10.2",
    ),
    "cert-manager": Component(
        "https://github.com/cert-manager/cert-manager/tree/v1.21.2/internal/collectors",
        {
            "certmanager_certificate_expiration_timestamp_seconds": CERTIFICATE,
            "certmanager_certificate_ready_status": {*CERTIFICATE, "condition"},
        },
        "cert-manager",
        "v1.21.2",
    ),
    "external-secrets": Component(
        "https://github.com/external-secrets/external-secrets/blob/v2.14.0/pkg/controllers/externalsecret/esmetrics",
        {"externalsecret_status_condition": {"name", "namespace", "condition", "status"}},
        "external-secrets",
        "2.14.0",
    ),
    "services": Component(
        "template/src/backend/metrics.py",
        {
            "http_requests_total": {"method", "code", "service"},
            "http_request_duration_seconds_bucket": {"le", "service"},
            "http_request_duration_seconds_sum": {"service"},
            "http_request_duration_seconds_count": {"service"},
        },
        "services",
    ),
    # By default, and within the minimal ingestion profile:
    # https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-default
    "cadvisor": Component(
        "https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md",
        {"container_cpu_usage_seconds_total": POD, "container_memory_working_set_bytes": POD},
    ),
    "kube-state-metrics": Component(
        "https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics/workload",
        {
            "kube_deployment_status_replicas_ready": {"namespace", "deployment"},
            "kube_job_status_succeeded": {"namespace", "job_name"},
            "kube_pod_container_status_restarts_total": POD,
        },
    ),
    "kubelet": Component(
        "https://kubernetes.io/docs/reference/instrumentation/metrics/",
        {"kubelet_volume_stats_available_bytes": VOLUME, "kubelet_volume_stats_capacity_bytes": VOLUME},
    ),
}
KNOWN = {name: component for component in COMPONENTS.values() for name in component.metrics}

_WORD = re.compile(r"(?<!\w)(?P<name>[a-zA-Z_:][\w:]*)\s*(?P<braces>\{[^}]*\})?(?P<call>\s*\()?")
_KEYWORDS = {"and", "by", "group_left", "group_right", "ignoring", "offset", "on", "or", "unless", "without"}
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def labels_of(name: str) -> set[str]:
    """Return every label that a known metric has in Azure."""
    return KNOWN[name].metrics[name] | KNOWN[name].also


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of an expression, with the labels that it is chosen by."""
    bare = re.sub(r"\[[^]]*\]", "", _GROUPING.sub("", expression))
    for word in _WORD.finditer(bare):
        if not word["call"] and word["name"] not in _KEYWORDS:
            yield (
                word["name"],
                set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', word["braces"] or ""))),
            )


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression groups by."""
    return {label.strip() for found in _GROUPING.findall(expression) for label in found.split(",") if label.strip()}
