"""What people add to a product by hand, as they should: scripts/validate has nothing to say of it."""

import random
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import yaml

from tests import pages

Extension = Callable[["Tree", random.Random], None]
DIGEST = "@sha256:" + "0f" * 32
ACTION = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
SAFE = """\
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
resources:
  requests:
    cpu: 10m
    memory: 32Mi
  limits:
    memory: 64Mi
"""
POD_SAFE = """\
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  seccompProfile:
    type: RuntimeDefault
"""


class Tree:
    """A product, and how people write in it."""

    def __init__(self, root: Path) -> None:
        """Look at what there is."""
        self.root = root
        self.app = next((root / "apps").iterdir())
        self.base = self.app / "base"
        self.overlays = sorted((self.app / "overlays").iterdir())
        self.clusters = sorted((root / "clusters").iterdir())
        found = sorted(self.base.glob("*/deployment.yaml"))
        self.services = [path.parent.name for path in found]

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def insert(self, path: Path, pattern: str, text: str) -> None:
        """Write a text behind what a pattern finds first."""
        old = path.read_text(encoding="utf-8")
        new = re.sub(pattern, lambda match: match[0] + text, old, count=1, flags=re.MULTILINE)
        assert new != old, (path, pattern)
        path.write_text(new, encoding="utf-8")

    def resource(self, folder: Path, name: str, text: str) -> None:
        """Add an object to a kustomization."""
        self.write(folder / name, text)
        self.insert(folder / "kustomization.yaml", r"^resources:\n", f"  - {name}\n")

    def section(self, path: Path, key: str, entry: str) -> None:
        """Add an entry to a list of a kustomization that may not be there yet."""
        if re.search(rf"^{key}:\n", path.read_text(encoding="utf-8"), re.MULTILINE):
            self.insert(path, rf"^{key}:\n", entry)
        else:
            path.write_text(path.read_text(encoding="utf-8") + f"{key}:\n{entry}", encoding="utf-8")

    def allow(self, group: str, kind: str) -> None:
        """Let the project of the application bring a kind, and that of its previews, where there are any."""
        for path in [
            *self.root.glob("clusters/*/projects/*.yaml"),
            *self.root.glob("clusters/*/preview-projects/pro*"),
        ]:
            text = path.read_text(encoding="utf-8")
            whitelist = yaml.safe_load(text)["spec"]["namespaceResourceWhitelist"]
            if {"group": group, "kind": kind} not in whitelist:
                self.insert(path, r"namespaceResourceWhitelist:\n", f'    - group: "{group}"\n      kind: {kind}\n')

    def deployment(self, chance: random.Random) -> Path:
        return self.base / chance.choice(self.services) / "deployment.yaml"

    def variable(self, path: Path, text: str) -> None:
        """Add a variable to the container of a Deployment."""
        if "          env:\n" not in path.read_text(encoding="utf-8"):
            text = "          env:\n" + text
            self.insert(path, r"^          image: .*\n", text)
        else:
            self.insert(path, r"^          env:\n", text)


def container(name: str, image: str, more: str = "", indent: int = 0) -> str:
    text = f'- name: {name}\n  image: "{image}"\n{textwrap.indent(more + SAFE, "  ")}'
    return textwrap.indent(text, " " * indent)


def a_service(tree: Tree, chance: random.Random) -> None:
    name = f"extra{chance.randrange(100)}"
    if (tree.base / name).exists():
        return
    http = "httpGet:\n    path: /health\n    port: web\n"
    probes = "".join(f"{probe}:\n  {http}" for probe in ("startupProbe", "readinessProbe", "livenessProbe"))
    containers = container(name, name, f"ports:\n  - name: web\n    containerPort: 9000\n{probes}", 8)
    tree.write(
        tree.base / name / "deployment.yaml",
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: 1\n  selector:\n"
        f"    matchLabels: &labels\n      app: {name}\n  template:\n    metadata:\n      labels: *labels\n    spec:\n"
        + textwrap.indent(POD_SAFE, "      ")
        + "      containers:\n"
        + containers,
    )
    tree.write(
        tree.base / name / "service.yaml",
        f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector:\n    app: {name}\n  ports:\n"
        "    - port: 80\n      targetPort: web\n",
    )
    tree.write(tree.base / name / "kustomization.yaml", "resources:\n  - deployment.yaml\n  - service.yaml\n")
    tree.insert(tree.base / "kustomization.yaml", r"^resources:\n", f"  - {name}\n")
    for overlay in tree.overlays:
        entry = f'  - name: "{name}"\n    newName: "registry.example.com/{name}"\n'
        tree.section(overlay / "kustomization.yaml", "images", entry)
        tree.insert(
            overlay / "imagetags/kustomization.yaml", r"^images:.*\n", f'  - name: "{name}"\n    newTag: "v1"\n'
        )


def a_config_map(tree: Tree, _: random.Random) -> None:
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: flags\ndata:\n  colour: blue\n  TOKEN_TTL: "60"\n'
    tree.resource(tree.base, "flags.yaml", text)


def a_generator(tree: Tree, chance: random.Random) -> None:
    tree.write(tree.base / "settings/app.properties", "a=b\n")
    tree.write(tree.base / "settings/values.yaml", "colour: blue\n")
    entry = "  - name: settings\n    files:\n      - settings/app.properties\n      - conf.yaml=settings/values.yaml\n"
    tree.section(tree.base / "kustomization.yaml", "configMapGenerator", entry)
    text = "            - name: COLOUR\n              valueFrom:\n"
    text += "                configMapKeyRef:\n                  name: settings\n                  key: colour\n"
    tree.variable(tree.deployment(chance), text)


def a_cron_job(tree: Tree, chance: random.Random) -> None:
    own = re.search(r'image: "?([^"\s]+)"?$', (tree.base / tree.services[0] / "deployment.yaml").read_text(), re.M)
    image = chance.choice([f"busybox:1.37{DIGEST}", own[1] if own else ""])
    tree.resource(
        tree.base,
        "report.yaml",
        "# Every night.\napiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: report\nspec:\n"
        '  schedule: "0 3 * * *"\n  concurrencyPolicy: Forbid\n  jobTemplate:\n    spec:\n      template:\n'
        "        spec:\n          restartPolicy: Never\n"
        + textwrap.indent(POD_SAFE, " " * 10)
        + "          containers:\n"
        + container("report", image, "", 12),
    )


def a_variable(tree: Tree, chance: random.Random) -> None:
    name, value = chance.choice(
        [
            *(("LOG_LEVEL", "debug"), ("PASSWORD_FILE", "/run/secrets/password"), ("TOKEN_TTL", "3600")),
            *(("TOKEN_URL", "https://login.example.com/token"), ("CACHE_URL", "redis://localhost:6379")),
            *(("API", "https://api.example.com:8443/v1"), ("SECRET_NAME", "shop"), ("EMPTY", "")),
        ]
    )
    text = f'            - name: {name}\n              value: "{value}"\n'
    path = tree.deployment(chance)
    if f"name: {name}\n" not in path.read_text(encoding="utf-8"):
        tree.variable(path, text)


def a_sidecar(tree: Tree, chance: random.Random) -> None:
    ports = "ports:\n  - name: metrics\n    containerPort: 9113\n"
    text = container("exporter", f"nginx/exporter:1.4{DIGEST}", chance.choice(["", ports]), 8)
    path = tree.deployment(chance)
    if "name: exporter" not in path.read_text(encoding="utf-8"):
        tree.insert(path, r"^          volumeMounts:\n(            .*\n)+", text)


def an_init_container(tree: Tree, chance: random.Random) -> None:
    path = tree.deployment(chance)
    if "initContainers" not in path.read_text(encoding="utf-8"):
        safe = "securityContext:\n  allowPrivilegeEscalation: false\n  capabilities:\n    drop: [ALL]\n"
        text = f"      initContainers:\n        - name: wait\n          image: busybox:1.37{DIGEST}\n"
        tree.insert(path, r"^      terminationGracePeriodSeconds: \d+\n", text + textwrap.indent(safe, " " * 10))


def an_autoscaler(tree: Tree, chance: random.Random) -> None:
    name = chance.choice(tree.services)
    folder = tree.base / name
    if (folder / "hpa.yaml").exists():
        return
    tree.resource(
        folder,
        "hpa.yaml",
        f"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: {name}\nspec:\n"
        f"  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: {name}\n  minReplicas: 2\n"
        "  maxReplicas: 5\n  metrics:\n    - type: Resource\n      resource:\n        name: cpu\n        target:\n"
        "          type: Utilization\n          averageUtilization: 70\n",
    )
    path = folder / "deployment.yaml"
    path.write_text(re.sub(r"^  replicas: \d+\n", "", path.read_text(), count=1, flags=re.M))
    for overlay in tree.overlays:
        path = overlay / "kustomization.yaml"
        text = re.sub(rf'^  - name: "{name}"\n    count: \d+\n', "", path.read_text(), flags=re.M)
        path.write_text(re.sub(r"^replicas:\n(?!  - )", "", text, flags=re.M))


def an_ingress(tree: Tree, chance: random.Random) -> None:
    name = chance.choice(tree.services)
    port = yaml.safe_load((tree.base / name / "service.yaml").read_text())["spec"]["ports"][0]["port"]
    tree.resource(
        tree.base,
        "ingress.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: intern\nspec:\n  ingressClassName: nginx\n"
        "  rules:\n    - host: intern.example.com\n      http:\n        paths:\n          - path: /\n"
        "            pathType: Prefix\n            backend:\n              service:\n"
        f"                name: {name}\n                port:\n                  number: {port}\n",
    )
    tree.allow("networking.k8s.io", "Ingress")


def a_policy(tree: Tree, chance: random.Random) -> None:
    name = chance.choice(tree.services)
    tree.resource(
        tree.base,
        "scrape.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: scrape\nspec:\n  podSelector:\n"
        f"    matchLabels:\n      app.kubernetes.io/name: {name}\n  policyTypes: [Ingress, Egress]\n  ingress:\n"
        "    - from:\n        - namespaceSelector:\n            matchLabels:\n"
        "              kubernetes.io/metadata.name: monitoring\n  egress:\n    - to:\n        - ipBlock:\n"
        "            cidr: 0.0.0.0/0\n            except: [10.0.0.0/8]\n      ports:\n        - port: 443\n",
    )


def a_workflow(tree: Tree, _: random.Random) -> None:
    if (tree.root / ".github").exists():
        tree.write(
            tree.root / ".github/workflows/nightly.yml",
            "name: Nightly\non:\n  schedule:\n    - cron: '0 3 * * *'\n  workflow_dispatch:\n    inputs:\n      level:\n"
            "        type: choice\n        options: [info, debug]\npermissions: {}\njobs:\n  report:\n"
            "    runs-on: ubuntu-24.04\n    permissions:\n      contents: read\n    steps:\n"
            f"      - uses: {ACTION}\n        with:\n          persist-credentials: false\n"
            '      - run: echo "$LEVEL ${{ github.sha }}"\n        env:\n          LEVEL: ${{ inputs.level }}\n'
            f'      - uses: "docker://alpine:3.22{DIGEST}"\n',
        )


def infrastructure(tree: Tree, _: random.Random) -> None:
    tree.write(
        tree.root / "terraform/platform/cache.tf",
        '# A cache: see "docs".\nvariable "cache_sku" {\n  type    = string\n  default = "Basic"\n}\n\n'
        'locals {\n  cache = "redis-${replace(var.cluster_name, "-", "")}-${try({ a = "}" }.a, "x")}"\n'
        '  text  = <<-EOT\n    not closed: " ( {\n  EOT\n  quoted = "a \\" b # c"\n}\n',
    )


def values(tree: Tree, _: random.Random) -> None:
    for path in (tree.root / "terraform/platform").glob("*.tfvars"):
        text = '\nmaintenance = { hours = 6 } # longer\noperator_object_ids = [\n  "00000000-0000-0000-0000-000000000000",\n]\n'
        path.write_text(path.read_text() + text)


def documents(tree: Tree, _: random.Random) -> None:
    tree.write(tree.root / "docs/notes.md", "Notes\n=======\n\n`postgres://user:password@host/db`, scripts/nothing\n")
    tree.write(tree.root / "docs/mkdocs.yml", "site_name: x\nmarkdown_extensions:\n  - a: !!python/name:a.b\n")
    tree.write(tree.root / ".env.example", "DATABASE_URL=postgres://user:password@localhost/db\n")
    tree.write(
        tree.root / ".github/CODEOWNERS" if (tree.root / ".github").exists() else tree.root / "CODEOWNERS", "* @x\n"
    )
    tree.write(tree.root / "renovate.json", '{"extends": ["config:recommended"]}\n')
    tree.write(tree.root / ".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = https://example.com/x\n')
    (tree.root / "docs/logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")


def scripts(tree: Tree, _: random.Random) -> None:
    bash = '#!/usr/bin/env bash\nset -euo pipefail\nlist=(a b)\n[[ ${#list[@]} -gt 1 ]] && echo "${list[0]}"\n'
    tree.write(tree.root / "scripts/seed-data", bash).chmod(0o755)
    python = (
        '"""Seeds."""\nimport json, os.path as p\nfrom gitops import imagetags\nfrom gitops.imagetags import parse\n'
    )
    tree.write(tree.root / "scripts/report.py", "#!/usr/bin/env python3\n" + python)
    tree.write(tree.root / "scripts/tools/build.js", "export const x = `${1}`;\n")
    tree.write(tree.root / "scripts/README.md", "# Scripts\n")
    path = tree.root / "Makefile"
    path.write_text(path.read_text() + "\n.PHONY: seed\nseed:\n\t@scripts/seed-data && python3 scripts/report.py\n")


def a_chart(tree: Tree, _: random.Random) -> None:
    for cluster in tree.clusters:
        text = (
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata:\n  name: monitoring\n  namespace: argocd\n"
        )
        text += "spec:\n  sourceRepos: ['*']\n  destinations:\n    - server: '*'\n      namespace: 'monitor*'\n"
        text += "  clusterResourceWhitelist:\n    - group: '*'\n      kind: '*'\n---\n"
        text += (
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: prometheus\n  namespace: argocd\n"
        )
        text += "  annotations:\n    argocd.argoproj.io/sync-wave: '5'\nspec:\n  project: monitoring\n  sources:\n"
        text += (
            "    - repoURL: https://prometheus-community.github.io/helm-charts\n      chart: kube-prometheus-stack\n"
        )
        text += "      targetRevision: 70.0.0\n      helm:\n        valueFiles:\n"
        text += "          - $values/clusters/monitoring.yaml\n  destination:\n"
        text += "    server: https://kubernetes.default.svc\n    namespace: monitoring\n  syncPolicy:\n"
        text += "    automated: {}\n    syncOptions: [CreateNamespace=true]\n"
        tree.resource(cluster, "prometheus.yaml", text)
        tree.write(cluster / "values/prometheus.yaml", "grafana:\n  adminPassword: null\n  enabled: true\n")


def own_chart(tree: Tree, _: random.Random) -> None:
    folder = tree.root / "charts/job"
    tree.write(folder / "Chart.yaml", "apiVersion: v2\nname: job\nversion: 0.1.0\n")
    tree.write(folder / "values.yaml", "image: x\n")
    tree.write(
        folder / "templates/job.yaml",
        "{{- if .Values.image }}\nkind: Job\nspec: {{ toYaml . | nindent 2 }}\n{{ end }}\n",
    )


def a_role(tree: Tree, chance: random.Random) -> None:
    rbac = "rbac.authorization.k8s.io"
    tree.resource(
        tree.base,
        "reader.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: reader\n---\n"
        f"apiVersion: {rbac}/v1\nkind: Role\nmetadata:\n  name: reader\nrules:\n  - apiGroups: ['']\n"
        "    resources: [pods]\n    verbs: [get]\n---\n"
        f"apiVersion: {rbac}/v1\nkind: RoleBinding\nmetadata:\n  name: reader\nroleRef:\n  apiGroup: {rbac}\n"
        "  kind: Role\n  name: reader\nsubjects:\n  - kind: ServiceAccount\n    name: reader\n",
    )
    tree.allow(rbac, "Role")
    tree.allow(rbac, "RoleBinding")
    tree.insert(tree.deployment(chance), r"^    spec:\n", "      serviceAccountName: reader\n")


def patches(tree: Tree, chance: random.Random) -> None:
    name, overlay = chance.choice(tree.services), chance.choice(tree.overlays)
    tree.write(
        overlay / "cpu.yaml",
        "- op: replace\n  path: /spec/template/spec/containers/0/resources/requests/cpu\n  value: 100m\n",
    )
    tree.write(
        overlay / "memory.yaml",
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n"
        f"      containers:\n        - name: {name}\n          resources:\n            limits:\n"
        "              memory: 1Gi\n      volumes:\n        - $patch: delete\n          name: unused\n",
    )
    entry = "  - path: cpu.yaml\n    target:\n      kind: Deployment\n      name: .*\n  - path: memory.yaml\n"
    entry += f"  - target:\n      kind: Deployment\n      name: {name}|other\n    patch: |-\n      - op: add\n"
    entry += "        path: /metadata/annotations\n        value: {a: b}\n"
    tree.section(overlay / "kustomization.yaml", "patches", entry)


def a_renamed_patch(tree: Tree, chance: random.Random) -> None:
    overlay = chance.choice(tree.overlays)
    for path in overlay.glob("database-secret.yaml"):
        path.rename(overlay / "secret-entry.yaml")
        text = (overlay / "kustomization.yaml").read_text()
        (overlay / "kustomization.yaml").write_text(text.replace("database-secret.yaml", "secret-entry.yaml"))


def a_component(tree: Tree, chance: random.Random) -> None:
    folder = tree.app / "components/debug"
    tree.write(
        folder / "kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n  - target:\n      kind: Deployment\n"
        "    patch: |-\n      - op: add\n        path: /metadata/labels/debug\n        value: 'true'\n",
    )
    overlay = chance.choice(tree.overlays)
    tree.insert(overlay / "kustomization.yaml", r"^components:\n", "  - ../../components/debug\n")
    for path in tree.root.glob(f"clusters/*/environments/{overlay.name}.yaml"):
        tree.insert(path, r"manifest-generate-paths: [^;]*", ";../../components/debug")


def an_overlay_object(tree: Tree, chance: random.Random) -> None:
    overlay = chance.choice(tree.overlays)
    tree.resource(
        overlay, "quota.yaml", "apiVersion: v1\nkind: ResourceQuota\nmetadata:\n  name: q\nspec:\n  hard: {pods: '9'}\n"
    )
    tree.allow("", "ResourceQuota")
    tree.write(overlay / "sites.json", "{}\n")
    tree.section(overlay / "kustomization.yaml", "configMapGenerator", "  - name: sites\n    files: [sites.json]\n")


def anchors(tree: Tree, _: random.Random) -> None:
    tree.write(
        tree.root / "docs/compose.yaml",
        "x-base: &base\n  image: x\n  restart: always\nservices:\n  a:\n    <<: *base\n    restart: 'no'\n  b: *base\n",
    )


def monitors(tree: Tree, chance: random.Random) -> None:
    name = chance.choice(tree.services)
    tree.resource(
        tree.base,
        "servicemonitor.yaml",
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata:\n  name: all\nspec:\n  selector:\n"
        f"    matchLabels:\n      app.kubernetes.io/name: {name}\n  endpoints:\n    - port: http\n",
    )
    tree.allow("monitoring.coreos.com", "ServiceMonitor")


def an_application_set(tree: Tree, _: random.Random) -> None:
    for path in tree.root.glob("bootstrap/**/templates/project.yaml"):
        if "kind: ApplicationSet" not in path.read_text(encoding="utf-8"):
            allowed = "    - group: argoproj.io\n      kind: ApplicationSet\n"
            tree.insert(path, r"namespaceResourceWhitelist:\n", allowed)
    for cluster in tree.clusters:
        text = (
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata:\n  name: teams\n  namespace: argocd\nspec:\n"
        )
        text += "  sourceRepos: ['*']\n  destinations:\n    - server: https://kubernetes.default.svc\n      namespace: team-*\n---\n"
        text += "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata:\n  name: teams\n  namespace: argocd\nspec:\n"
        text += "  goTemplate: true\n  generators:\n    - list:\n        elements:\n          - team: a\n            url: https://x\n"
        text += (
            "  template:\n    metadata:\n      name: '{{ .team }}'\n    spec:\n      project: teams\n      source:\n"
        )
        text += (
            "        repoURL: '{{ .url }}'\n        targetRevision: '{{ .team }}'\n        path: 'teams/{{ .team }}'\n"
        )
        text += "      destination:\n        server: https://kubernetes.default.svc\n        namespace: '{{ .team }}'\n"
        tree.resource(cluster, "teams.yaml", text)


def a_secret(tree: Tree, _: random.Random) -> None:
    """As docs/services.md says."""
    example = pages.example(tree.root, "services.md", "Add a secret")
    previews_show_it = (tree.app / "preview").exists() and len(tree.overlays) == 1
    if not previews_show_it:
        example.apply(tree.root)


EVERY: tuple[Extension, ...] = (
    *(a_service, a_config_map, a_generator, a_cron_job, a_variable, a_sidecar, an_init_container, an_autoscaler),
    *(an_ingress, a_policy, a_workflow, infrastructure, values, documents, scripts, a_chart, own_chart, a_role),
    *(patches, a_renamed_patch, a_component, an_overlay_object, anchors, monitors, an_application_set, a_secret),
)


def extend(root: Path, seed: int, count: int = 8) -> list[str]:
    """Add some of it to a product; return the names of what was added."""
    chance = random.Random(seed)
    chosen = chance.sample(EVERY, count)
    tree = Tree(root)
    for extension in chosen:
        extension(tree, chance)
    return [extension.__name__ for extension in chosen]
