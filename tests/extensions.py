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
        self.app = min(root.glob("apps/*/overlays")).parent
        self.base = self.app / "base"
        self.overlays = sorted((self.app / "overlays").iterdir())
        self.clusters = sorted(path.parent for path in root.glob("clusters/*/kustomization.yaml"))
        found = sorted(self.base.glob("*/deployment.yaml"))
        self.services = [path.parent.name for path in found]
        folder = next((root / "clusters").glob("*/kustomization.yaml")).read_text(encoding="utf-8")
        self.argocd = re.findall(r"(?m)^namespace: ([\w-]+)", folder)[0]

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = text.replace("namespace: argocd\n", f"namespace: {self.argocd}\n")
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

    def allow_argocd(self, group: str) -> None:
        """Give Argo CD the right to a group, where it has rights by groups."""
        path, groups = self.root / "terraform/gitops/values/argocd-automatic.yaml", "apiGroups: &groups\n"
        if group and path.exists() and f"- {group}\n" not in path.read_text(encoding="utf-8"):
            self.insert(path, groups, f"          - {group}\n")

    def allow(self, group: str, kind: str) -> None:
        """Let the project of the application bring a kind, and that of its previews, where there are any."""
        self.allow_argocd(group)
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
    tree.write(tree.base / "settings/values.yaml", "colour: {{ .Colour }}\n")
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
        "audit.yaml",
        "# Every night.\napiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: audit\nspec:\n"
        '  schedule: "0 3 * * *"\n  concurrencyPolicy: Forbid\n  jobTemplate:\n    spec:\n      template:\n'
        "        spec:\n          restartPolicy: Never\n"
        + textwrap.indent(POD_SAFE, " " * 10)
        + "          containers:\n"
        + container("audit", image, "", 12),
    )


def a_job_and_a_worker(tree: Tree, chance: random.Random) -> None:
    """A hook and a Deployment that nobody calls, by the image of a service, with what goes along."""
    text = tree.deployment(chance).read_text()
    [image] = re.findall(r'^          image: "?([^"\n]+)', text, re.MULTILINE)[:1]
    pods = textwrap.indent(f"{POD_SAFE}containers:\n{container('consume', image)}", " " * 6)
    job = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: seed\n  annotations:\n    argocd.argoproj.io/hook: PostSync\n"
    job += f"spec:\n  template:\n    spec:\n      restartPolicy: OnFailure\n{pods}"
    labels = "{app: consume}"
    worker = f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: consume\nspec:\n  selector:\n    matchLabels: {labels}\n"
    worker += f"  template:\n    metadata:\n      labels: {labels}\n    spec:\n{pods}"
    budget = (
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: consume\nspec:\n  minAvailable: 50%\n"
    )
    budget += f"  selector:\n    matchLabels: {labels}\n"
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: consume\nspec:\n  podSelector:\n"
    )
    policy += f"    matchLabels: {labels}\n  policyTypes: [Egress]\n  egress:\n    - to:\n        - ipBlock: {{cidr: 2001:db8::/32}}\n"
    tree.resource(tree.base, "consume.yaml", "---\n".join((job, worker, budget, policy)))


def a_variable(tree: Tree, chance: random.Random) -> None:
    name, value = chance.choice(
        [
            *(("LOG_LEVEL", "debug"), ("PASSWORD_FILE", "/run/secrets/password"), ("TOKEN_TTL", "3600")),
            *(("TOKEN_URL", "https://login.corp.internal/token"), ("CACHE_URL", "redis://localhost:6379")),
            *(("API", "https://api.corp.internal:8443/v1"), ("SECRET_NAME", "shop"), ("EMPTY", "")),
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
    if (folder / "hpa.yaml").exists() or any(tree.app.glob(f"overlays/*/{name}-autoscaler.yaml")):
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
    listening = [name for name in tree.services if (tree.base / name / "service.yaml").exists()]
    if not listening:
        return
    name = chance.choice(listening)
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
    path = tree.deployment(chance)
    text = path.read_text(encoding="utf-8")
    if "azure.workload.identity/use" not in text:  # Azure trusts the account that such a service has.
        tree.write(path, re.sub(r"serviceAccountName: .*", "serviceAccountName: reader", text))


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
    tree.write(overlay / "merges.md", "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> branch\n")
    tree.section(
        overlay / "kustomization.yaml", "configMapGenerator", "  - name: sites\n    files: [sites.json, merges.md]\n"
    )


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
    _setting, *by_hand = (
        one for one in pages.examples(tree.root / "docs" / "services.md") if one.title == "Add a secret"
    )
    previews_show_it = (tree.app / "preview").exists() and len(tree.overlays) == 1
    for example in by_hand if not previews_show_it else ():
        example.apply(tree.root)


# Custom resources of operators: apiVersion, kind, spec in flow style. The project of the application lets them in.
RESOURCES: tuple[tuple[str, str, str], ...] = (
    ("acid.zalan.do/v1", "postgresql", "{teamId: a, numberOfInstances: 1, postgresql: {version: '17'}}"),
    ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "{targetRef: {apiVersion: apps/v1, kind: Deployment, name: SERVICE}}"),
    ("bitnami.com/v1alpha1", "SealedSecret", "{encryptedData: {password: AgBy3i4OJSWK}, template: {metadata: {name: added}}}"),
    ("cert-manager.io/v1", "Certificate", "{secretName: tls, dnsNames: [a.example.com], issuerRef: {name: ours, kind: Issuer}}"),
    ("cilium.io/v2", "CiliumNetworkPolicy", "{endpointSelector: {}, egress: [{toFQDNs: [{matchName: api.example.com}]}]}"),
    ("dapr.io/v1alpha1", "Component", "{type: state.redis, version: v1, metadata: [{name: redisHost, value: 'cache:6379'}]}"),
    ("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", "{version: 9.1.0, nodeSets: [{name: default, count: 1}]}"),
    ("eventing.knative.dev/v1", "Trigger", "{broker: default, subscriber: {ref: {apiVersion: v1, kind: Service, name: SERVICE}}}"),
    ("flagger.app/v1beta1", "Canary", "{targetRef: {apiVersion: apps/v1, kind: Deployment, name: SERVICE}, service: {port: 80}}"),
    ("gateway.networking.k8s.io/v1", "GRPCRoute", "{parentRefs: [{name: shared, namespace: ingress}], rules: []}"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute", "{parentRefs: [{kind: Service, name: SERVICE, port: 80}], rules: []}"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "{interval: 10m, chart: {spec: {chart: redis, version: 20.1.0}}}"),
    ("k8s.mariadb.com/v1alpha1", "MariaDB", "{rootPasswordSecretKeyRef: {name: root, key: password, generate: true}}"),
    ("k8s.nginx.org/v1", "VirtualServer", "{host: a.example.com, upstreams: [{name: a, service: SERVICE, port: 80}]}"),
    ("kafka.strimzi.io/v1beta2", "KafkaTopic", "{partitions: 3, replicas: 3}"),
    ("keda.sh/v1alpha1", "ScaledJob", "{jobTargetRef: {template: {spec: {containers: [{name: a, image: b}]}}}, triggers: []}"),
    ("keda.sh/v1alpha1", "ScaledObject", "{scaleTargetRef: {name: SERVICE}, triggers: [{type: cron, metadata: {start: 0 8 * * *}}]}"),
    ("keda.sh/v1alpha1", "TriggerAuthentication", "{podIdentity: {provider: azure-workload}}"),
    ("kyverno.io/v1", "Policy", "{rules: [{name: a, match: {any: [{resources: {kinds: [Pod]}}]}}]}"),
    ("linkerd.io/v1alpha2", "ServiceProfile", "{routes: [{name: GET /, condition: {method: GET, pathRegex: /}}]}"),
    ("minio.min.io/v2", "Tenant", "{pools: [{servers: 1, volumesPerServer: 1}]}"),
    ("mongodbcommunity.mongodb.com/v1", "MongoDBCommunity", "{members: 3, type: ReplicaSet, version: 8.0.0}"),
    ("monitoring.coreos.com/v1", "PodMonitor", "{selector: {matchLabels: {app: a}}, podMetricsEndpoints: [{port: metrics}]}"),
    ("monitoring.coreos.com/v1", "PrometheusRule", "{groups: [{name: a, rules: [{alert: A, expr: up == 0}]}]}"),
    ("networking.istio.io/v1", "DestinationRule", "{host: SERVICE, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}"),
    ("networking.istio.io/v1", "ServiceEntry", "{hosts: [api.example.com], ports: [{number: 443, name: https, protocol: TLS}]}"),
    ("networking.istio.io/v1", "VirtualService", "{hosts: [SERVICE], http: [{route: [{destination: {host: SERVICE, port: {number: 80}}}]}]}"),
    ("opentelemetry.io/v1beta1", "OpenTelemetryCollector", "{mode: sidecar, config: {receivers: {otlp: {protocols: {grpc: {}}}}}}"),
    ("policy.linkerd.io/v1beta3", "Server", "{podSelector: {matchLabels: {app: a}}, port: http}"),
    ("postgresql.cnpg.io/v1", "Cluster", "{instances: 3, storage: {size: 1Gi}}"),
    ("rabbitmq.com/v1beta1", "RabbitmqCluster", "{replicas: 1}"),
    ("redis.redis.opstreelabs.in/v1beta2", "Redis", "{kubernetesConfig: {image: 'redis:8'}}"),
    ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", "{provider: azure, secretObjects: [{secretName: a, type: Opaque}]}"),
    ("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "{type: kv-v2, mount: kv, path: a, destination: {create: true, name: a}}"),
    ("security.istio.io/v1", "AuthorizationPolicy", "{action: ALLOW, rules: [{from: [{source: {namespaces: [a]}}]}]}"),
    ("security.istio.io/v1", "PeerAuthentication", "{mtls: {mode: STRICT}}"),
    ("serving.knative.dev/v1", "Service", "{template: {spec: {containers: [{image: 'ghcr.io/a/b:1@sha256:DIGEST'}]}}}"),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", "{source: {persistentVolumeClaimName: data-database-0}}"),
    ("tekton.dev/v1", "Pipeline", "{tasks: [{name: a, taskRef: {name: b}}]}"),
    ("traefik.io/v1alpha1", "IngressRoute", "{routes: [{match: Host(`a.example.com`), kind: Rule, services: [{name: SERVICE, port: 80}]}]}"),
    ("velero.io/v1", "Schedule", "{schedule: 0 3 * * *, template: {includedNamespaces: [a]}}"),
    ("argoproj.io/v1alpha1", "AnalysisTemplate", "{metrics: [{name: a, provider: {prometheus: {query: up}}}]}"),
)  # fmt: skip

# Values of variables that look like what they are not.
VARIABLES = (
    *(("MAX_TOKEN", "4096"), ("TOKEN_BUDGET", "100k"), ("PASSWORD_MIN_LENGTH", "12"), ("SECRET", "false")),
    *(
        ("API_KEY", "from-header"),
        ("PROXY", "http://user:pass@proxy.corp.internal:3128"),
        ("CACHE", "redis://cache.other:6379"),
    ),
)

# Patches of a Deployment that add something, by what stands in `spec.template.spec`.
ADDED = {
    "a container": "containers:\n  - name: proxy\n    image: 'envoy:1.35@sha256:DIGEST'\n",
    "a variable": "containers:\n  - name: SERVICE\n    env:\n      - name: ADDED\n        value: a\n",
    "a volume": "containers:\n  - name: SERVICE\n    volumeMounts:\n      - name: more\n        mountPath: /more\n"
    "volumes:\n  - name: more\n    emptyDir: {}\n",
    "a volume before its mount": "volumes:\n  - name: more\n    emptyDir: {}\n"
    "containers:\n  - name: SERVICE\n    volumeMounts:\n      - name: more\n        mountPath: /more\n",
    "what is deleted": "containers:\n  - name: none\n    $patch: delete\n",
    "a container that runs before": "initContainers:\n  - name: wait\n    image: 'busybox:1.37@sha256:DIGEST'\n",
    "tolerations": "tolerations:\n  - key: spot\n    operator: Exists\nnodeSelector: {pool: spot}\n",
}

# Files beside the product: the path, and what it holds.
FILES: dict[str, str] = {
    "azure-pipelines.yml": "trigger: [main]\npool: {vmImage: ubuntu-latest}\nsteps:\n  - script: make validate\n",
    ".gitlab-ci.yml": "validate:\n  image: python:3.14\n  script:\n    - make validate\n    - !reference [.a, script]\n",
    ".circleci/config.yml": "version: 2.1\njobs:\n  a:\n    docker: [{image: cimg/base:2026.01}]\n    steps: [checkout]\n",
    ".pre-commit-config.yaml": "repos:\n  - repo: local\n    hooks: [{id: a, name: a, entry: make validate, language: system}]\n",
    ".tool-versions": "terraform 1.17.0\n",
    "Taskfile.yml": "version: '3'\ntasks:\n  a:\n    cmds: [make validate]\n",
    "Tiltfile": "k8s_yaml(kustomize('apps'))\n",
    "compose.yaml": "services:\n  cache:\n    image: redis:latest\n    environment: {REDIS_PASSWORD: local}\n",
    "skaffold.yaml": "apiVersion: skaffold/v4beta13\nkind: Config\nmetadata: {name: a}\n",
    "docs/adr/0001-begin.md": "# Begin\n\n=======\n\nCalls scripts/nothing.\n",
    "tests/load/k6.js": "export default function () {}\n",
    "tests/manifests/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: b}]}\n",
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "charts/web/templates/a.yaml": "{{- range .Values.a }}\nkind: A\n{{- end }}\n",
    "apps/README.md": "# Applications\n",
    "policies/require.rego": "package main\n",
    "scripts/backup.sh": '#!/bin/bash\nset -euo pipefail\npg_dump "$1"\n',
    "scripts/seed.py": "import json\nprint(json.dumps({}))\n",
    "scripts/tools/go.mod": "module a\n",
    "terraform/modules/cache/main.tf": 'resource "azurerm_redis_cache" "a" {\n  name = var.name\n}\n',
    "terraform/dns/main.tf": 'locals {\n  text = <<EOT\n  { "(\n  EOT\n}\n',
    "packer/node.pkr.hcl": 'source "azure-arm" "a" {}\n',
    "jenkins/nightly.Jenkinsfile": "pipeline { agent any\n environment { A = credentials('a') }\n}\n// credentialsId: 'a'\n",
    "k8s/legacy/deployment.yaml": "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}\n",
}
WORKFLOW = (
    "name: A\non: {on}\npermissions: {{}}\njobs:\n  a:\n    runs-on: {runner}\n    steps:\n      - run: make validate\n"
)
# What starts a workflow of one's own, where it runs, and what it asks for.
WORKFLOWS = {
    "self-hosted": ("push", "[self-hosted, linux, x64, gpu]"),
    "a-group": ("push", "{group: large, labels: [ubuntu-24.04-16core]}"),
    "scale-set": ("workflow_call", "arc-runner-set"),
    "expression": ("[pull_request, merge_group]", "${{ vars.RUNNER || 'ubuntu-24.04' }}"),
    "matrix": ("push", "ubuntu-24.04\n    strategy:\n      matrix: {service: [frontend, backend]}"),
    "own-environment": ("push", "ubuntu-24.04\n    environment: docs"),
    "pages": ("push", "ubuntu-24.04\n    environment: github-pages\n    permissions: {id-token: write, pages: write}"),
    "other-services": ("push", "ubuntu-24.04\n    strategy:\n      matrix: {service: [postgres, redis]}"),
    "one-environment": (
        "\n  workflow_dispatch:\n    inputs:\n      environment: {type: choice, options: [dev]}", "ubuntu-24.04"
    ),
    "between-some": (
        "\n  workflow_dispatch:\n    inputs:\n      from: {type: choice, options: [dump, dev]}\n"
        "      to: {type: choice, options: [dev]}", "ubuntu-24.04"
    ),
    "paths": (
        "\n  push:\n    paths:\n      - scripts/generate\n      - '!scripts/legacy'",
        "${{ hashFiles('scripts/lock') && 'a' || 'b' }}\n    env:\n      path: scripts/node_modules",
    ),
    "own-inputs": (
        "\n  workflow_dispatch:\n    inputs:\n      environment: {type: choice, options: [blue, green]}", "ubuntu-24.04"
    ),
    "another-from": ("\n  workflow_dispatch:\n    inputs:\n      from: {type: choice, options: [a, b]}", "ubuntu-24.04"),
}  # fmt: skip


def of_operator(version: str, kind: str, spec: str) -> Extension:
    """Return what adds a custom resource, with the Service and the Secret that its operator makes used by a Deployment."""

    def add(tree: Tree, _: random.Random) -> None:
        text = spec.replace("SERVICE", tree.services[0]).replace("DIGEST", DIGEST.partition(":")[2])
        tree.resource(
            tree.base, "custom.yaml", f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: added\nspec: {text}\n"
        )
        tree.allow(version.partition("/")[0], kind)

    add.__name__ = f"{kind} of {version}"
    return add


def of_file(path: str, text: str) -> Extension:
    def add(tree: Tree, _: random.Random) -> None:
        tree.write(tree.root / path, text)

    add.__name__ = path
    return add


def of_workflow(name: str, on: str, runner: str) -> Extension:
    def add(tree: Tree, _: random.Random) -> None:
        if (tree.root / ".github").exists():
            tree.write(tree.root / f".github/workflows/{name}.yml", WORKFLOW.format(on=on, runner=runner))

    add.__name__ = f"workflow {name}"
    return add


def of_variable(name: str, value: str) -> Extension:
    def add(tree: Tree, chance: random.Random) -> None:
        tree.variable(tree.deployment(chance), f'            - name: {name}\n              value: "{value}"\n')

    add.__name__ = f"{name}={value}"
    return add


def of_patch(name: str, text: str) -> Extension:
    def add(tree: Tree, chance: random.Random) -> None:
        service = chance.choice(tree.services)
        pods = textwrap.indent(text.replace("SERVICE", service).replace("DIGEST", DIGEST.partition(":")[2]), " " * 6)
        patch = f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {service}\nspec:\n  template:\n    spec:\n{pods}"
        overlay = chance.choice(tree.overlays)
        tree.write(overlay / "more.yaml", patch)
        tree.section(overlay / "kustomization.yaml", "patches", "  - path: more.yaml\n")

    add.__name__ = f"a patch that adds {name}"
    return add


def a_rollout(tree: Tree, chance: random.Random) -> None:
    """A Deployment turned into a Rollout, with what Argo Rollouts wants; kustomize scales none."""
    name = chance.choice(tree.services)
    path = tree.base / name / "deployment.yaml"
    text = path.read_text().replace(
        "apiVersion: apps/v1\nkind: Deployment", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout"
    )
    canary = "  strategy:\n    canary:\n      steps:\n        - setWeight: 20\n        - pause: {}\n"
    path.write_text(re.sub(r"  strategy:\n(    .*\n)+", canary, text))
    for file in [*tree.app.glob("overlays/*/kustomization.yaml"), *tree.app.glob("preview/kustomization.yaml")]:
        scaled = re.sub(rf'  - name: "{name}"\n    count: \d+\n', "", file.read_text())
        file.write_text(re.sub(r"^replicas:\n(?!  - )", "", scaled, flags=re.M))
    tree.allow("argoproj.io", "Rollout")


def a_rollout_by_reference(tree: Tree, chance: random.Random) -> None:
    name = chance.choice(tree.services)
    of_operator(
        "argoproj.io/v1alpha1", "Rollout", f"{{workloadRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}}}"
    )(tree, chance)


def what_an_operator_makes(tree: Tree, chance: random.Random) -> None:
    """A database of an operator, whose Service and Secret no file has."""
    of_operator("postgresql.cnpg.io/v1", "Cluster", "{instances: 1, storage: {size: 1Gi}}")(tree, chance)
    text = (
        "            - name: QUEUE_URL\n              value: http://added-rw:5432\n            - name: QUEUE_PASSWORD\n"
    )
    text += "              valueFrom:\n                secretKeyRef:\n                  name: added-app\n                  key: password\n"
    tree.variable(tree.deployment(chance), text)


def a_sealed_secret(tree: Tree, chance: random.Random) -> None:
    spec = "{encryptedData: {token: AgBy}}"
    of_operator("bitnami.com/v1alpha1", "SealedSecret", spec)(tree, chance)
    text = "            - name: QUEUE_TOKEN\n              valueFrom:\n                secretKeyRef:\n"
    tree.variable(tree.deployment(chance), text + "                  name: added\n                  key: token\n")


def a_chart_beside_the_services(tree: Tree, _: random.Random) -> None:
    """A chart that an Application brings into the namespace of an environment, and a service that calls it."""
    for path in tree.root.glob(f"clusters/*/environments/{tree.overlays[0].name}.yaml"):
        text = path.read_text()
        name, project = re.search(r'namespace: "([\w-]+)"', text)[1], re.search(r'project: "([\w-]+)"', text)[1]  # type: ignore[index]
        chart = (
            f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: cache\n  namespace: argocd\nspec:\n"
            f"  project: {project}\n  source:\n    repoURL: https://charts.example.com\n    chart: redis\n"
            f"    targetRevision: 20.1.0\n  destination:\n    server: https://kubernetes.default.svc\n    namespace: {name}\n"
        )
        tree.resource(path.parents[1], "cache.yaml", chart)
        [rights] = path.parents[1].glob(f"projects/{path.name}")
        tree.insert(rights, r"sourceRepos:\n", "    - https://charts.example.com\n")


def a_chart_in_kustomize(tree: Tree, _: random.Random) -> None:
    for overlay in tree.overlays:
        entry = (
            "  - name: redis\n    repo: https://charts.example.com\n    version: 20.1.0\n    valuesFile: redis.yaml\n"
        )
        tree.section(overlay / "kustomization.yaml", "helmCharts", entry)
        tree.write(overlay / "redis.yaml", "auth: {enabled: false}\n")


def a_remote_base(tree: Tree, _: random.Random) -> None:
    tree.insert(
        tree.base / "kustomization.yaml", r"^resources:\n", "  - github.com/example/monitoring//base?ref=v1.2.3\n"
    )


def a_deprecated_kustomization(tree: Tree, _: random.Random) -> None:
    tree.write(tree.overlays[0] / "old.yaml", "- op: test\n  path: /kind\n  value: Service\n")
    entry = "  - path: old.yaml\n    target: {version: v1, kind: Service, name: SERVICE}\n".replace(
        "SERVICE", tree.services[0]
    )
    tree.section(tree.overlays[0] / "kustomization.yaml", "patchesJson6902", entry)


def transformers(tree: Tree, _: random.Random) -> None:
    text = "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: a}\nlabels: {team: a}\n"
    tree.write(tree.overlays[0] / "labels.yaml", text + "fieldSpecs: [{path: metadata/labels, create: true}]\n")
    tree.section(tree.overlays[0] / "kustomization.yaml", "transformers", "  - labels.yaml\n")


def labels_of_pods(tree: Tree, _: random.Random) -> None:
    """A label that a policy selects pods by, and that only the kustomization gives them."""
    tree.insert(tree.base / "kustomization.yaml", r"^labels:\n", "  - pairs: {team: web}\n    includeTemplates: true\n")
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: team\nspec:\n  podSelector:\n"
    tree.resource(tree.base, "team.yaml", policy + "    matchLabels: {team: web}\n  ingress: []\n")


def a_heredoc(tree: Tree, _: random.Random) -> None:
    for path in (tree.root / "terraform/platform").glob("*.tfvars"):
        text = 'notes = <<-EOT\n  } "not closed" = [\n  environments = ["other"]\n  EOT\nlong = <<EOT\n"\nEOT\n'
        path.write_text(text + path.read_text())


def an_expression(tree: Tree, _: random.Random) -> None:
    for path in (tree.root / "terraform/platform").glob("*.tfvars"):
        path.write_text(path.read_text() + "\nretention = 24 * 60\n")


def another_database(tree: Tree, chance: random.Random) -> None:
    """A service that talks to somebody else's Postgres."""
    text = "            - name: LEGACY_HOST\n              value: postgres.example.com\n"
    tree.variable(tree.deployment(chance), text)
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: legacy\nspec:\n  podSelector: {}\n"
    )
    policy += (
        "  policyTypes: [Egress]\n  egress:\n    - to: [{ipBlock: {cidr: 192.0.2.7/32}}]\n      ports: [{port: 5432}]\n"
    )
    tree.resource(tree.base, "legacy.yaml", policy)


def another_store(tree: Tree, _: random.Random) -> None:
    """A store of one's own for a vault of one's own."""
    for cluster in tree.clusters:
        if (cluster / "external-secrets/kustomization.yaml").exists():
            store = "apiVersion: external-secrets.io/v1\nkind: ClusterSecretStore\nmetadata:\n  name: team\nspec:\n  provider:\n"
            store += "    azurekv:\n      vaultUrl: https://kv-team.vault.azure.net\n      authType: WorkloadIdentity\n"
            tree.resource(cluster / "external-secrets", "team.yaml", store)


def ports_that_no_container_lists(tree: Tree, chance: random.Random) -> None:
    name = chance.choice(tree.services)
    text = f"apiVersion: v1\nkind: Service\nmetadata:\n  name: debug\nspec:\n  selector:\n    app.kubernetes.io/name: {name}\n"
    tree.resource(tree.base, "debug.yaml", text + "  ports:\n    - port: 6060\n")


def another_application(tree: Tree, _: random.Random) -> None:
    """A second application of its own folder, rendered from plain files."""
    tree.write(tree.root / "apps/tools/manifests/job.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n")


def a_list_of_another_kind(tree: Tree, chance: random.Random) -> None:
    item = "  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: listed}\n    data: {colour: blue}\n"
    tree.resource(tree.base, "listed.yaml", "apiVersion: v1\nkind: ConfigMapList\nitems:\n" + item)
    text = "            - name: COLOUR\n              valueFrom:\n                configMapKeyRef: {name: listed, key: colour}\n"
    tree.variable(tree.deployment(chance), text)


def a_secret_by_sops(tree: Tree, _: random.Random) -> None:
    """A generator decrypts a file that only its own file names."""
    generator = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: mail}\nfiles: [mail.enc.yaml]\n"
    tree.write(tree.base / "ksops.yaml", generator)
    secret = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: mail}\nstringData: {key: 'ENC[AES256_GCM,data:x,type:str]'}\n"
    )
    tree.write(tree.base / "mail.enc.yaml", secret + "sops: {version: 3.11.0}\n")
    tree.section(tree.base / "kustomization.yaml", "generators", "  - ksops.yaml\n")


def a_policy_for_pods_of_an_operator(tree: Tree, chance: random.Random) -> None:
    """Pods that cert-manager starts to prove a name, and those of a Prometheus, beside what selects them."""
    of_operator("cert-manager.io/v1", "Issuer", "{acme: {solvers: [{http01: {ingress: {}}}]}}")(tree, chance)
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: solver}\nspec:\n  podSelector:\n"
    policy += "    matchLabels: {acme.cert-manager.io/http01-solver: 'true'}\n  ingress: [{}]\n"
    tree.resource(tree.base, "solver.yaml", policy)


def the_service_of_a_prometheus(tree: Tree, chance: random.Random) -> None:
    of_operator("monitoring.coreos.com/v1", "Prometheus", "{replicas: 1}")(tree, chance)
    text = "            - name: METRICS_URL\n              value: http://prometheus-operated:9090\n"
    tree.variable(tree.deployment(chance), text)


def a_script_of_another_folder(tree: Tree, _: random.Random) -> None:
    tree.write(tree.root / "tools/load/scripts/run", "#!/bin/sh\n")
    path = tree.root / "Makefile"
    path.write_text(path.read_text() + "\n.PHONY: load\nload:\n\tcd tools/load && ./scripts/run\n")


def a_release_that_stays(tree: Tree, _: random.Random) -> None:
    """A folder of this repository that follows a tag: no pipeline writes to it."""
    tree.write(tree.root / "apps/tools/manifests/flags.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    bootstrap = next(tree.root.glob("bootstrap/**/templates/application.yaml")).read_text()
    address = re.search(r"repoURL: (.*)", bootstrap)[1]  # type: ignore[index]
    for cluster in tree.clusters:
        text = (
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata:\n  name: tools\n  namespace: argocd\nspec:\n"
        )
        text += "  sourceRepos: ['*']\n  destinations:\n    - server: '*'\n      namespace: tools\n---\n"
        text += "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: tools\n  namespace: argocd\n"
        text += f"spec:\n  project: tools\n  source:\n    repoURL: {address}\n    path: apps/tools/manifests\n"
        text += "    targetRevision: v1.4.0\n  destination:\n    server: https://kubernetes.default.svc\n    namespace: tools\n"
        tree.resource(cluster, "tools.yaml", text)


def a_host_of_somebody_elses_gateway(tree: Tree, _: random.Random) -> None:
    """The same host in each environment, behind a Gateway that only their clusters know."""
    for path in sorted(tree.base.glob("*/httproute.yaml"))[:1]:
        port = yaml.safe_load((path.parent / "service.yaml").read_text())["spec"]["ports"][0]["port"]
        route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: intern}\nspec:\n"
        route += "  parentRefs: [{name: intern, namespace: intern}]\n  hostnames: [goals.example.com]\n"
        route += f"  rules: [{{backendRefs: [{{name: {path.parent.name}, port: {port}}}]}}]\n"
        tree.resource(tree.base, "intern.yaml", route)


MORE: tuple[Extension, ...] = (
    *(a_list_of_another_kind, a_secret_by_sops, a_policy_for_pods_of_an_operator, the_service_of_a_prometheus),
    *(a_script_of_another_folder, a_release_that_stays, a_host_of_somebody_elses_gateway),
    *(of_operator(*row) for row in RESOURCES),
    *(of_file(*row) for row in FILES.items()),
    *(of_workflow(name, *row) for name, row in WORKFLOWS.items()),
    *(of_variable(*row) for row in VARIABLES),
    *(of_patch(*row) for row in ADDED.items()),
    *(a_rollout, a_rollout_by_reference, what_an_operator_makes, a_sealed_secret, a_chart_beside_the_services),
    *(a_chart_in_kustomize, a_remote_base, a_deprecated_kustomization, transformers, labels_of_pods, a_heredoc),
    *(an_expression, another_database, another_store, ports_that_no_container_lists, another_application),
)


EVERY: tuple[Extension, ...] = (
    *(
        a_service,
        a_config_map,
        a_generator,
        a_cron_job,
        a_job_and_a_worker,
        a_variable,
        a_sidecar,
        an_init_container,
        an_autoscaler,
    ),
    *(an_ingress, a_policy, a_workflow, infrastructure, values, documents, scripts, a_chart, own_chart, a_role),
    *(patches, a_renamed_patch, a_component, an_overlay_object, anchors, monitors, an_application_set, a_secret),
)


def extend(root: Path, seed: int, count: int = 8) -> list[str]:
    """Add some of it to a product; return the names of what was added."""
    chance = random.Random(seed)
    chosen = chance.sample(EVERY, count)
    tree = Tree(root)
    if not tree.services:  # Most of it is for a Deployment.
        return []
    for extension in chosen:
        extension(tree, chance)
    return [extension.__name__ for extension in chosen]
