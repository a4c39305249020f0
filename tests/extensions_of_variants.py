"""What owners of products of every kind change by hand, as they may: scripts/validate has nothing to say of it.

An edit that is for some products only does nothing in others.
"""

import random
import re
import shutil
from pathlib import Path

import yaml

from tests.extensions import DIGEST, Extension, Tree, of_file, of_operator
from tests.extensions_of_years import (
    APPLICATION,
    ELSEWHERE,
    HERE,
    PROJECT,
    SET,
    of_cluster,
    of_container,
    of_kustomization,
    of_objects,
    of_workflow_text,
    repository,
)

# Answer sets that differ in what they have.
VARIANTS = (
    *("defaults", "services-of-every-kind", "previews", "jenkins-with-acr-on-gitlab", "automatic"),
    *("cluster-per-environment-with-gateway-and-database-of-azure", "existing-clusters-of-environments"),
    *("signed-images-on-jenkins", "services-in-the-long-form", "quay-with-a-service-of-another-repository"),
)
ASKED = "resources: {requests: {cpu: 100m, memory: 128Mi}}"
POD = f"containers: [{{name: a, image: 'a:1{DIGEST}', {ASKED}}}]"


def bring(tree: Tree, group: str, kind: str) -> None:
    """Let the bootstrap Application bring a kind."""
    for path in tree.root.glob("bootstrap/**/templates/project.yaml"):
        if f"kind: {kind}\n" not in path.read_text():
            entry = f'    - group: "{group}"\n      kind: {kind}\n'
            tree.insert(path, r"namespaceResourceWhitelist:\n", entry)


def lines_of(tree: Tree, path: Path, pattern: str, text: str) -> None:
    """Write a text behind what a pattern finds first, where there is such a file."""
    if path.exists() and re.search(pattern, path.read_text(), re.MULTILINE):
        tree.insert(path, pattern, text)


def port_of(tree: Tree, name: str) -> int:
    """Return the port of a Service; 0 where there is none."""
    path = tree.base / name / "service.yaml"
    return int(yaml.safe_load(path.read_text())["spec"]["ports"][0]["port"]) if path.exists() else 0


def namespace_of(overlay: Path) -> str:
    return str(yaml.safe_load((overlay / "kustomization.yaml").read_text())["namespace"])


# Argo CD


def repositories_without_credentials(tree: Tree, _: random.Random) -> None:
    """A public repository of charts, and a cluster that Argo CD enters by workload identity, as it wants them: in Secrets."""
    bring(tree, "", "Secret")
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: charts, labels: {argocd.argoproj.io/secret-type: repository}}\n"
    )
    text += "stringData: {type: helm, name: charts, url: registry.example.com/charts, enableOCI: 'true'}\n---\n"
    text += "apiVersion: v1\nkind: Secret\nmetadata: {name: edge, labels: {argocd.argoproj.io/secret-type: cluster}}\n"
    text += 'stringData:\n  name: edge\n  server: https://edge.hcp.westeurope.azmk8s.io\n  config: |\n    {"execProviderConfig":'
    text += (
        ' {"command": "argocd-k8s-auth", "args": ["azure"], "apiVersion": "client.authentication.k8s.io/v1beta1"},\n'
    )
    text += '     "tlsClientConfig": {"insecure": false, "caData": "LS0tLS1C"}}\n'
    for cluster in tree.clusters:
        tree.resource(cluster, "repositories.yaml", text)


def an_environment_that_does_more(tree: Tree, _: random.Random) -> None:
    """Notifications, windows, labels and differences to be passed over, of the Application and project of an environment."""
    for path in tree.root.glob("clusters/*/environments/*.yaml"):
        tree.insert(path, r"^  annotations:\n", "    notifications.argoproj.io/subscribe.on-degraded.slack: team\n")
        tree.insert(
            path,
            r"^spec:\n",
            "  info: [{name: runbook, value: 'https://wiki.example.com'}]\n"
            "  ignoreDifferences: [{group: '*', kind: '*', managedFieldsManagers: [kyverno]}]\n"
            if "ignoreDifferences" not in path.read_text()
            else "  info: [{name: a, value: b}]\n",
        )
    for path in tree.root.glob("clusters/*/projects/*.yaml"):
        window = "  syncWindows: [{kind: deny, schedule: '0 22 * * 5', duration: 56h, applications: ['*'], manualSync: true}]\n"
        tree.insert(
            path,
            r"^spec:\n",
            window + "  roles: [{name: reader, policies: [], groups: [a]}]\n  orphanedResources: {warn: true}\n",
        )


def a_namespace_that_is_denied(tree: Tree, _: random.Random) -> None:
    for path in tree.root.glob("clusters/*/projects/*.yaml"):
        tree.insert(path, r"^  destinations:\n", "    - {server: '*', namespace: '!kube-system'}\n")


def another_application_of_the_project(tree: Tree, _: random.Random) -> None:
    """A cache beside an environment, in a namespace of its own, by the same project."""
    for path in list(tree.root.glob("clusters/*/environments/*.yaml"))[:1]:
        project = re.search(r'project: "([\w-]+)"', path.read_text())[1]  # type: ignore[index]
        rights = path.parents[1] / "projects" / path.name
        tree.insert(
            rights,
            r"^  destinations:\n",
            f"    - {{server: 'https://kubernetes.default.svc', namespace: {project}-cache}}\n",
        )
        tree.insert(rights, r"sourceRepos:\n", "    - https://git.example.com/a\n")
        text = f"{APPLICATION.removeprefix('---').lstrip()}  project: {project}\n  source: {ELSEWHERE}\n  destination: {HERE}\n"
        tree.resource(path.parents[1], "cache.yaml", text.replace("team-a", f"{project}-cache"))


def tools_by_an_image_updater(tree: Tree, _: random.Random) -> None:
    """A folder of plain objects, whose parameters a program writes into Git beside them."""
    folder = tree.root / "apps/tools/dev"
    tree.write(folder / "pod.yaml", f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{{POD}}}\n")
    tree.write(folder / "kustomization.yaml", "resources: [pod.yaml]\n")
    tree.write(folder / ".argocd-source-tools.yaml", "kustomize: {images: ['a=a:2']}\n")
    text = f"{PROJECT}{APPLICATION}  project: years\n  source:\n    repoURL: REPOSITORY\n    targetRevision: main\n    path: apps/tools/dev\n"
    of_cluster("", f"{text}  destination: {HERE}\n")(tree, random.Random(1))


def an_autoscaler_that_owns_a_field(tree: Tree, _: random.Random) -> None:
    """An autoscaler whose field Argo CD passes over by the name of who writes it."""
    name = tree.services[0]
    if (tree.base / name / "hpa.yaml").exists() or any(tree.app.glob(f"overlays/*/{name}-autoscaler.yaml")):
        return
    of_objects(
        "",
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: SERVICE}\nspec:\n  maxReplicas: 4\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: SERVICE}\n",
    )(tree, random.Random(1))
    for path in tree.root.glob("clusters/*/environments/*.yaml"):
        text = path.read_text()
        entry = "    - {group: apps, kind: Deployment, managedFieldsManagers: [kube-controller-manager]}\n"
        if "ignoreDifferences:" in text:
            tree.insert(path, r"^  ignoreDifferences:\n", entry)
        else:
            tree.insert(path, r"^spec:\n", f"  ignoreDifferences:\n{entry}")
        if "RespectIgnoreDifferences" not in text:
            tree.insert(path, r"^    syncOptions:\n", "      - RespectIgnoreDifferences=true\n")


def a_cluster_of_tools(tree: Tree, _: random.Random) -> None:
    """A cluster without an environment, which other Terraform code makes."""
    if len(tree.clusters) > 1:
        project = PROJECT.replace("team-*", tree.argocd).replace("years", "hub")
        folder = tree.root / "clusters/aks-hub"
        own = f"{PROJECT}{APPLICATION}  project: years\n  source: {ELSEWHERE}\n  destination: {HERE}\n"
        tree.write(folder / "grafana.yaml", own)
        tree.write(folder / "kustomization.yaml", f"namespace: {tree.argocd}\nresources: [grafana.yaml]\n")
        chart = tree.root / "bootstrap/aks-hub"
        tree.write(chart / "Chart.yaml", "apiVersion: v2\nname: bootstrap\nversion: 0.1.0\n")
        text = f"{project}{APPLICATION.replace('years', 'aks-hub').replace('argocd', tree.argocd)}  project: hub\n  source:\n"
        text += f"    repoURL: {repository(tree)}\n    targetRevision: {branch(tree)}\n    path: clusters/aks-hub\n"
        text += f"  destination: {{server: 'https://kubernetes.default.svc', namespace: {tree.argocd}}}\n"
        tree.write(
            chart / "templates/application.yaml", text.replace("namespace: argocd}", f"namespace: {tree.argocd}}}")
        )


def branch(tree: Tree) -> str:
    bootstrap = next(tree.root.glob("bootstrap/**/templates/application.yaml")).read_text()
    return re.search(r'targetRevision: "?([^"\n]*)', bootstrap)[1]  # type: ignore[index]


# Kustomize


def an_overlay_for_a_laptop(tree: Tree, _: random.Random) -> None:
    """An overlay that is no environment: nobody deploys it, and no pipeline knows it."""
    folder = tree.app / "overlays/local"
    tree.write(folder / "kustomization.yaml", "namespace: local\nresources:\n  - ../../base\n  - namespace.yaml\n")
    tree.write(folder / "namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: local}\n")


def jobs_by_a_folder(tree: Tree, _: random.Random) -> None:
    """Hooks that the kustomization of their folder makes so, and a claim that it keeps."""
    image = re.search(
        r'^          image: "?([^"\n]+)', (tree.base / tree.services[0] / "deployment.yaml").read_text(), re.M
    )[1]  # type: ignore[index]
    job = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: seed}}\nspec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: a, image: '{image}', {ASKED}}}]}}}}}}\n"
    tree.write(tree.base / "jobs/seed.yaml", job)
    tree.write(
        tree.base / "jobs/kustomization.yaml",
        "resources: [seed.yaml]\ncommonAnnotations: {argocd.argoproj.io/hook: PostSync}\n",
    )
    claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: uploads}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
    tree.write(tree.base / "claims/uploads.yaml", claim)
    tree.write(
        tree.base / "claims/kustomization.yaml",
        "resources: [uploads.yaml]\ncommonAnnotations: {argocd.argoproj.io/sync-options: 'Prune=false,Delete=false'}\n",
    )
    tree.insert(tree.base / "kustomization.yaml", r"^resources:\n", "  - jobs\n  - claims\n")


def files_of_other_programs(tree: Tree, _: random.Random) -> None:
    """What other programs read beside the objects of a service."""
    folder = tree.base / tree.services[0]
    tree.write(
        folder / "catalog-info.yaml",
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: a}\nspec: {type: service}\n",
    )
    tree.write(folder / "score.yaml", "apiVersion: score.dev/v1b1\nmetadata: {name: a}\ncontainers: {a: {image: .}}\n")
    tree.write(tree.base / "skaffold.yaml", "apiVersion: skaffold/v4beta13\nkind: Config\nmetadata: {name: a}\n")
    tree.write(
        tree.base / "tests/kyverno-test.yaml",
        "apiVersion: cli.kyverno.dev/v1alpha1\nkind: Test\nmetadata: {name: a}\npolicies: []\n",
    )
    tree.write(
        tree.overlays[0] / "chainsaw-test.yaml",
        "apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test\nmetadata: {name: a}\nspec: {steps: []}\n",
    )
    for cluster in tree.clusters:
        tree.write(cluster / "kind.yaml", "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\nname: a\n")


def other_names_of_kustomizations(tree: Tree, _: random.Random) -> None:
    names = ("kustomization.yml", "Kustomization")
    for name, new in zip(tree.services, names, strict=False):
        (tree.base / name / "kustomization.yaml").rename(tree.base / name / new)


def a_namespace_with_a_quota(tree: Tree, _: random.Random) -> None:
    path = tree.overlays[0] / "namespace.yaml"
    tree.write(
        path,
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: all}\nspec: {hard: {pods: '40'}}\n---\n"
        + path.read_text(),
    )
    tree.allow("", "ResourceQuota")


def dialects(tree: Tree, _: random.Random) -> None:
    """One file with an anchor, a merge, an end of document, flow style, tabs in a text, and a key of another script."""
    text = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: &meta\n  name: dialect\n  annotations: {? a : 'b'}\ndata:\n  Makefile: |\n"
    text += "    all:\n    \techo\n  prüfung: \"ä\\u00e4\"\n  long: >-\n    a\n\n    b\n  on: 'yes'\n...\n---\n# nothing\n---\n"
    text += '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flow"}, "data": {"a": "b"}}\n'
    tree.resource(tree.base, "dialect.yaml", text)
    tree.write(tree.base / "flags.json", '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "json"}}\n')
    tree.insert(tree.base / "kustomization.yaml", r"^resources:\n", "  - ./flags.json\n")


def a_template_in_terraform(tree: Tree, _: random.Random) -> None:
    """Files that Terraform fills in, and modules, roots and tests of one's own."""
    text = "#cloud-config\nusers:\n%{ for user in users ~}\n  - name: ${user}\n%{ endfor ~}\n"
    tree.write(tree.root / "terraform/modules/runner/cloud-init.yaml", text)
    tree.write(
        tree.root / "terraform/modules/runner/main.tf",
        'locals {\n  init = templatefile("${path.module}/cloud-init.yaml", { users = [] })\n}\n',
    )
    tree.write(tree.root / "terraform/hub/main.tf", 'terraform {\n  backend "s3" {}\n}\n')
    tree.write(tree.root / "terraform/hub/prod.s3.tfbackend", 'bucket = "a"\n')
    tree.write(tree.root / "terraform/platform/override.tf.json", '{"locals": {"own": true}}\n')
    tree.write(tree.root / "terraform/modules/runner/tests/a.tftest.hcl", 'run "a" {\n  command = plan\n}\n')
    tree.write(tree.root / "helmfile.yaml", 'releases:\n{{- range list "a" "b" }}\n  - name: {{ . }}\n{{- end }}\n')


# Workloads


def a_migration_by_a_tool(tree: Tree, _: random.Random) -> None:
    """A Job named like that of a service, which brings the database up by a program of its own."""
    name = tree.services[0]
    if not (tree.base / name / "migration.yaml").exists():
        job = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}-migration, annotations: {{argocd.argoproj.io/hook: PreSync}}}}\n"
        job += f"spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: a, image: 'flyway/flyway:11{DIGEST}', {ASKED}}}]}}}}}}\n"
        tree.resource(tree.base, "flyway.yaml", job)


def a_scaled_job(tree: Tree, _: random.Random) -> None:
    """A job of KEDA with an image of our own, whose tag the overlays set."""
    job = "apiVersion: keda.sh/v1alpha1\nkind: ScaledJob\nmetadata: {name: convert}\nspec:\n  triggers: []\n"
    job += "  jobTargetRef: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: registry.example.com/convert}]}}}\n"
    tree.resource(tree.base, "convert.yaml", job)
    tree.allow("keda.sh", "ScaledJob")
    for overlay in tree.overlays:
        path = overlay / "imagetags/kustomization.yaml"
        tree.insert(path, r"^images:.*\n", "  - name: registry.example.com/convert\n    newTag: v1\n")


def a_claim_of_a_stateful_set(tree: Tree, _: random.Random) -> None:
    text = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: files}\nspec:\n  selector: {matchLabels: {app: files}}\n"
    text += f"  template: {{metadata: {{labels: {{app: files}}}}, spec: {{{POD}}}}}\n"
    text += "  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}}]\n"
    text += "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: prune}\nspec:\n  schedule: '0 3 * * SUN'\n  timeZone: Europe/Berlin\n"
    text += f"  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, {POD}, volumes: [{{name: data, persistentVolumeClaim: {{claimName: data-files-0}}}}]}}}}}}}}\n"
    tree.resource(tree.base, "files.yaml", text)


def a_secret_of_two_entries(tree: Tree, _: random.Random) -> None:
    """One Secret that two ExternalSecrets fill, the second one by merging, from a store of the namespace."""
    store = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: own}\nspec: {provider: {azurekv: {vaultUrl: 'https://kv-team.vault.azure.net', authType: WorkloadIdentity, serviceAccountRef: {name: default}}}}\n"
    one = "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: NAME}\nspec:\n  secretStoreRef: {name: own, kind: SecretStore}\n"
    one += "  target: {name: both, creationPolicy: POLICY}\n  data: [{secretKey: KEY, remoteRef: {key: KEY}}]\n"
    text = store + one.replace("NAME", "first").replace("POLICY", "Owner").replace("KEY", "user")
    text += one.replace("NAME", "second").replace("POLICY", "Merge").replace("KEY", "token")
    text += "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: all}\nspec:\n  secretStoreRef: {name: own}\n"
    text += "  dataFrom: [{extract: {key: a}, rewrite: [{regexp: {source: '(.*)', target: 'a_$1'}}]}, {find: {name: {regexp: '^a'}}}]\n"
    tree.resource(tree.base, "both.yaml", text)
    tree.allow("external-secrets.io", "SecretStore")
    entry = "            - {name: FIRST, valueFrom: {secretKeyRef: {name: both, key: KEY}}}\n"
    path = tree.base / tree.services[0] / "deployment.yaml"
    for key in ("user", "token"):
        tree.variable(path, entry.replace("KEY", key).replace("FIRST", f"OWN_{key.upper()}"))


def authorities_of_the_company(tree: Tree, _: random.Random) -> None:
    """Certificates that trust-manager writes into every namespace."""
    bundle = "apiVersion: trust.cert-manager.io/v1alpha1\nkind: Bundle\nmetadata: {name: company-ca}\nspec: {sources: [{useDefaultCAs: true}], target: {configMap: {key: ca.crt}}}\n"
    rights = PROJECT + "  clusterResourceWhitelist: [{group: trust.cert-manager.io, kind: Bundle}]\n"
    for cluster in tree.clusters:
        tree.write(cluster / "trust/bundle.yaml", bundle)
        tree.write(cluster / "trust/kustomization.yaml", "resources: [bundle.yaml]\n")
        text = f"{rights}{APPLICATION}  project: years\n  source:\n    repoURL: REPOSITORY\n    targetRevision: main\n"
        text += f"    path: clusters/{cluster.name}/trust\n  destination: {HERE}\n"
        tree.resource(cluster, "trust.yaml", text.replace("REPOSITORY", repository(tree)))
    tree.allow_argocd("trust.cert-manager.io")
    lines_of(
        tree,
        tree.base / tree.services[0] / "deployment.yaml",
        r"^      volumes:\n",
        "        - name: ca\n          configMap: {name: company-ca}\n",
    )


def every_right_of_argo_cd(tree: Tree, chance: random.Random) -> None:
    """Argo CD may change objects of every group: it has a role that says so."""
    path = tree.root / "terraform/gitops/values/argocd-automatic.yaml"
    if path.exists():
        path.write_text(re.sub(r"apiGroups: &groups\n( +- .*\n)+", 'apiGroups: &groups ["*"]\n', path.read_text()))
    of_objects("", "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: a}\nspec: {instances: 1}\n")(
        tree, chance
    )
    for rights in [*tree.root.glob("clusters/*/projects/*.yaml"), *tree.root.glob("clusters/*/preview-projects/pro*")]:
        tree.insert(rights, r"namespaceResourceWhitelist:\n", "    - group: postgresql.cnpg.io\n      kind: Cluster\n")


# Network


def a_policy_for_several(tree: Tree, _: random.Random) -> None:
    """One policy for two services that call a third, which it lets do so by an expression."""
    if len(tree.services) < 2:
        return
    called, caller = tree.services[0], tree.services[1]
    port = port_of(tree, called)
    if not port:
        return
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: several}\nspec:\n"
    policy += f"  podSelector: {{matchExpressions: [{{key: app.kubernetes.io/name, operator: In, values: [{caller}, {called}]}}]}}\n"
    policy += "  policyTypes: [Egress, Ingress]\n  egress: [{to: [{podSelector: {}}]}]\n  ingress: [{from: [{podSelector: {}}]}]\n"
    tree.resource(tree.base, "several.yaml", policy)
    text = f"            - name: OTHER_URL\n              value: http://{called}:{port}\n"
    tree.variable(tree.base / caller / "deployment.yaml", text)


def a_route_of_a_mesh(tree: Tree, _: random.Random) -> None:
    """A route between services, which no Gateway sees."""
    for name in tree.services[:1]:
        if port := port_of(tree, name):
            route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: mesh}\nspec:\n"
            route += f"  parentRefs: [{{group: '', kind: Service, name: {name}, port: {port}}}]\n"
            route += f"  rules: [{{backendRefs: [{{name: {name}, port: {port}}}], timeouts: {{request: 5s}}}}]\n"
            tree.resource(tree.base, "mesh.yaml", route)
            tree.allow("gateway.networking.k8s.io", "HTTPRoute")


def addresses_that_are_shown(tree: Tree, _: random.Random) -> None:
    """Addresses that pages link to, and nothing calls."""
    for name, value in (
        ("DOCS_URL", "https://docs.example.com/guide"),
        ("SUPPORT_LINK", "https://help.example.com"),
        ("EXTERNAL_URL", "https://grafana.example.com"),
        ("CDN_URL", "https://cdn.example.com/assets"),
        ("TERMS_URL", "https://www.example.com/terms"),
        ("BASE_URL", "https://app.contoso.example/"),
        ("XML_NAMESPACE", "http://schemas.example.org/invoice/v2"),
        ("HOMEPAGE", "https://www.iana.org/"),
    ):
        tree.variable(
            tree.base / tree.services[0] / "deployment.yaml",
            f"            - name: {name}\n              value: {value}\n",
        )


def a_gateway_for_colleagues(tree: Tree, _: random.Random) -> None:
    """A Gateway with plain HTTP inside of the network, a route of it with a host, and one for all of its hosts."""
    for cluster in tree.clusters:
        if not (cluster / "gateway/kustomization.yaml").exists():
            return
        text = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: internal}\nspec:\n  gatewayClassName: approuting-istio\n"
        text += "  infrastructure: {annotations: {service.beta.kubernetes.io/azure-load-balancer-internal: 'true'}}\n"
        text += "  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]\n"
        tree.resource(cluster / "gateway", "internal.yaml", text)
    for path in sorted(tree.base.glob("*/httproute.yaml"))[:1]:
        name = path.parent.name
        route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: NAME}\nspec:\n  parentRefs: [{name: internal, namespace: gateway}]\n"
        rules = f"  rules: [{{matches: [{{path: {{type: PathPrefix, value: /PATH}}}}], backendRefs: [{{name: {name}, port: {port_of(tree, name)}}}]}}]\n"
        text = route.replace("NAME", "colleagues") + "  hostnames: [NAMESPACE.corp.example]\n" + rules
        for overlay in tree.overlays:
            tree.resource(
                overlay,
                "colleagues.yaml",
                text.replace("NAMESPACE", overlay.name).replace("PATH", "a")
                + "---\n"
                + route.replace("NAME", "everybody")
                + rules.replace("PATH", overlay.name),
            )


def redirects_of_one_s_own(tree: Tree, _: random.Random) -> None:
    """A second redirect, for a host that has gone, and all hosts by an asterisk."""
    for cluster in tree.clusters:
        path = cluster / "gateway/httproute.yaml"
        if path.exists():
            redirect = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: old}\nspec:\n  parentRefs: [{name: public, sectionName: http}]\n"
            redirect += "  hostnames: [old.example.com]\n  rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: new.example.com}}]}]\n"
            tree.resource(cluster / "gateway", "old.yaml", redirect)
            host = min(re.findall(r'- "([^"]+)"', path.read_text()), key=len)
            text = re.sub(
                r"hostnames:\n( +- .*\n)+", f"hostnames:\n    - '{host}'\n    - '*.{host}'\n", path.read_text()
            )
            path.write_text(text)


def the_same_host_in_two_regions(tree: Tree, _: random.Random) -> None:
    """Two clusters of one host, which Front Door or Traffic Manager chooses between."""
    if len(tree.clusters) < 2 or not (tree.clusters[0] / "gateway").exists():
        return
    for overlay in tree.overlays:
        [cluster] = [one for one in tree.clusters if (one / f"environments/{overlay.name}.yaml").exists()]
        files = [overlay / "hosts.yaml", cluster / "gateway/gateway.yaml", cluster / "gateway/httproute.yaml"]
        for path in files:
            path.write_text(
                re.sub(r"(dev[.]|staging[.])?shop[.]contoso[.]example", "www.contoso.example", path.read_text())
            )


def more_routes(tree: Tree, chance: random.Random) -> None:
    """Routes of other kinds, a set of listeners, and a host by an asterisk."""
    text = "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: grpc}\nspec: {parentRefs: [{name: public, namespace: gateway}], hostnames: [grpc.example.com], rules: [{backendRefs: [{name: SERVICE, port: 9000}]}]}\n"
    text += "---\napiVersion: gateway.networking.k8s.io/v1\nkind: TLSRoute\nmetadata: {name: tls}\nspec: {parentRefs: [{name: public, namespace: gateway, sectionName: tls}], hostnames: [db.example.com], rules: [{backendRefs: [{name: SERVICE, port: 9000}]}]}\n"
    text += "---\napiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {name: more}\nspec: {parentRef: {name: public, namespace: gateway}, listeners: [{name: a, hostname: a.example.com, port: 443, protocol: HTTPS}]}\n"
    text += "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: listed}\nspec: {parentRefs: [{kind: ListenerSet, name: more, sectionName: a}], hostnames: [a.example.com], rules: [{backendRefs: [{name: elsewhere, namespace: other, port: 80}]}]}\n"
    text += "---\napiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: grant}\nspec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: other}], to: [{group: '', kind: Service}]}\n"
    kinds = ("GRPCRoute", "TLSRoute", "ListenerSet", "HTTPRoute", "ReferenceGrant")
    of_objects("", text, *(("gateway.networking.k8s.io", kind) for kind in kinds))(tree, chance)


# Secrets


def a_store_for_add_ons(tree: Tree, _: random.Random) -> None:
    """A store of our vault for two namespaces of add-ons, and what one of them reads, in plain files."""
    for cluster in tree.clusters:
        folder = cluster / "external-secrets"
        if not (folder / "kustomization.yaml").exists():
            continue
        url = re.search(r"vaultUrl: .*", "".join(path.read_text() for path in folder.glob("key-vault-*.yaml")))[0]  # type: ignore[index]
        store = "apiVersion: external-secrets.io/v1\nkind: ClusterSecretStore\nmetadata: {name: add-ons}\nspec:\n  conditions: [{namespaces: [monitoring, team-a]}]\n"
        store += f"  provider:\n    azurekv:\n      {url}\n      authType: WorkloadIdentity\n      serviceAccountRef: {{name: eso-add-ons, namespace: external-secrets}}\n"
        tree.resource(folder, "add-ons.yaml", store)
        secret = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: grafana, namespace: team-a}\nspec:\n"
        secret += "  secretStoreRef: {name: add-ons, kind: ClusterSecretStore}\n  data: [{secretKey: a, remoteRef: {key: grafana}}]\n"
        tree.write(cluster / "grafana/secret.yaml", secret)
        text = f"{PROJECT}{APPLICATION}  project: years\n  source:\n    repoURL: {repository(tree)}\n    targetRevision: main\n    path: clusters/{cluster.name}/grafana\n"
        tree.resource(cluster, "grafana.yaml", f"{text}  destination: {HERE}\n")


def a_store_of_the_company(tree: Tree, chance: random.Random) -> None:
    """A store that the owners of an existing cluster give to everybody."""
    if "existing = {\n  cluster " in "".join(
        path.read_text() for path in tree.root.glob("terraform/platform/*.tfvars")
    ):
        secret = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: licence}\nspec:\n"
        secret += "  secretStoreRef: {name: contoso-shared, kind: ClusterSecretStore}\n  data: [{secretKey: a, remoteRef: {key: licence}}]\n"
        of_objects("", secret)(tree, chance)


def a_store_of_all_clusters(tree: Tree, chance: random.Random) -> None:
    """A store in a folder that the clusters share."""
    common = tree.root / "clusters/common"
    store = "apiVersion: external-secrets.io/v1\nkind: ClusterSecretStore\nmetadata: {name: team}\nspec: {provider: {azurekv: {vaultUrl: 'https://kv-team.vault.azure.net', authType: WorkloadIdentity}}}\n"
    for cluster in tree.clusters:
        if (cluster / "external-secrets/kustomization.yaml").exists():
            tree.write(common / "store.yaml", store)
            tree.write(common / "kustomization.yaml", "resources: [store.yaml]\n")
            tree.insert(cluster / "external-secrets/kustomization.yaml", r"^resources:\n", "  - ../../common\n")
            for application in cluster.glob("secret-store.yaml"):
                lines_of(tree, application, r"manifest-generate-paths: [^;\n]*", ";../../common")
    if common.exists():
        secret = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: licence}\nspec:\n"
        secret += "  secretStoreRef: {name: team, kind: ClusterSecretStore}\n  data: [{secretKey: a, remoteRef: {key: licence}}]\n"
        of_objects("", secret)(tree, chance)


def secrets_that_are_pushed(tree: Tree, chance: random.Random) -> None:
    """PushSecrets, turned on, with a store of one's own."""
    there = False
    for cluster in tree.clusters:
        path = cluster / "external-secrets.yaml"
        if path.exists():
            there = True
            path.write_text(re.sub(r"(createPushSecret|processPushSecret): false", r"\1: true", path.read_text()))
    if there:
        text = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: out}\nspec: {provider: {azurekv: {vaultUrl: 'https://kv-out.vault.azure.net'}}}\n"
        text += "---\napiVersion: external-secrets.io/v1alpha1\nkind: PushSecret\nmetadata: {name: out}\nspec: {secretStoreRefs: [{name: out, kind: SecretStore}], selector: {secret: {name: tls}}}\n"
        of_objects("", text, ("external-secrets.io", "SecretStore"), ("external-secrets.io", "PushSecret"))(
            tree, chance
        )


def a_preview_of_one_s_own(tree: Tree, _: random.Random) -> None:
    """A namespace with an annotation of a mesh, and a secret that previews have from a store of made-up values."""
    path = tree.overlays[0] / "namespace.yaml"
    tree.insert(path, r"^  annotations:\n", "    linkerd.io/inject: enabled\n")
    folder = tree.app / "preview"
    if folder.exists():
        at = "argocd.argoproj.io~1sync-options"
        tree.write(folder / "namespace.yaml", f"- op: remove\n  path: /metadata/annotations/{at}\n")
        text = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: made-up}\nspec: {provider: {fake: {data: [{key: a, value: b}]}}}\n"
        text += "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: mail}\nspec: {secretStoreRef: {name: made-up, kind: SecretStore}, data: [{secretKey: a, remoteRef: {key: a}}]}\n"
        tree.resource(folder, "mail.yaml", text)
        tree.allow("external-secrets.io", "SecretStore")


# Databases and Azure


def a_replica_to_read_from(tree: Tree, _: random.Random) -> None:
    text = "            - name: READ_HOST\n              value: psql-shop-replica.postgres.database.azure.com\n"
    text += "            - name: PGHOST\n              value: reports.corp.example.com\n"
    path = tree.base / tree.services[0] / "deployment.yaml"
    if "PGHOST" not in path.read_text():
        tree.variable(path, text)


def another_backup(tree: Tree, _: random.Random) -> None:
    """A job that copies files into a storage account of another team."""
    job = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: archive}\nspec:\n  schedule: '@weekly'\n  jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure,\n"
    job += f"    containers: [{{name: a, image: 'rclone/rclone:1{DIGEST}', {ASKED}, env: [{{name: RCLONE_AZUREBLOB_ACCOUNT, value: archive}}]}}]}}}}}}}}\n"
    tree.resource(tree.base, "archive.yaml", job)


def another_region(tree: Tree, _: random.Random) -> None:
    """The cluster of one environment is in another region."""
    for path in sorted(tree.root.glob("terraform/platform/prod.tfvars")):
        path.write_text(re.sub(r"^location = .*", 'location = "northeurope"', path.read_text(), flags=re.M))


# Pipelines


def a_page_of_one_s_own(tree: Tree, _: random.Random) -> None:
    """A README of the owners, and a credential for a step that they have added."""
    tree.write(tree.root / "README.md", "# Our platform\n\nSee the wiki.\n")
    lines_of(
        tree,
        tree.root / "Jenkinsfile",
        r"^  stages \{\n",
        "    stage('Scan') {\n      agent { label 'windows' }\n      steps {\n        withCredentials([string(credentialsId: 'sonar', variable: 'SONAR')]) {\n"
        "          sh 'sonar'\n        }\n      }\n    }\n    stage('Matrix') {\n      matrix {\n        axes { axis { name 'A'; values 'x', 'y' } }\n"
        "        agent { kubernetes { inheritFrom 'maven'; defaultContainer 'maven' } }\n        stages { stage('a') { steps { container('maven') { sh 'mvn' } } } }\n      }\n    }\n",
    )
    path = tree.root / "Jenkinsfile"
    if path.exists():
        path.write_text("@Library('company@v3') _\n\n" + path.read_text())


def sources_that_are_no_service(tree: Tree, _: random.Random) -> None:
    """A monorepo: a load test in an image, Bazel, Nx, packages and protocols."""
    tree.write(tree.root / "src/loadtest/Dockerfile", f"FROM grafana/k6:1{DIGEST}\n")
    for path in (
        "src/BUILD.bazel",
        "MODULE.bazel",
        "nx.json",
        "pnpm-workspace.yaml",
        "go.work",
        "Cargo.toml",
        "src/lib/package.json",
    ):
        tree.write(tree.root / path, "" if path.endswith(("bazel", "work", "toml")) else "{}\n")
    tree.write(tree.root / "src/proto/buf.yaml", "version: v2\n")
    tree.write(tree.root / "src/lib/scripts/release", "#!/bin/sh\n")


SCRIPTS = """\
name: Scripts
on: [push]
permissions: {}
jobs:
  other:
    runs-on: ubuntu-24.04-arm
    defaults: {run: {working-directory: tools}}
    steps:
      - uses: CHECKOUT
        with: {persist-credentials: false, repository: example-org/tools, path: tools}
      - run: scripts/release --all
      - run: ./scripts/notify
        working-directory: other
      - run: git show origin/main:scripts/legacy
      - run: curl -fsS https://example.com/scripts/install | sh
"""
IDENTITIES = """\
name: Report
on: {schedule: [{cron: '0 6 * * 1'}], merge_group: {}}
permissions: {id-token: write}
concurrency: {group: report, cancel-in-progress: false, queue: max}
jobs:
  report:
    runs-on: [self-hosted, arm64]
    steps:
      - uses: azure/login@532459ea530d8321f2fb9bb10d1e0bcf23869a43 # v3.0.0
        with: {client-id: '${{ vars.AZURE_REPORTING_CLIENT_ID }}', tenant-id: a, subscription-id: b}
"""


def scripts_that_are_read(tree: Tree, _: random.Random) -> None:
    """A file that others source, a list of packages, and one that only a message names."""
    tree.write(tree.root / "scripts/common", 'log() { echo "$*"; }\n')
    tree.write(tree.root / "scripts/packages", "jq\n")
    tree.write(
        tree.root / "scripts/run-all",
        '#!/bin/sh\nset -eu\n. scripts/common\ncat scripts/packages\n. "$(dirname "$0")/common"\n',
    ).chmod(0o755)
    path = tree.root / "Makefile"
    text = "\n.PHONY: packages\npackages:\n\t. scripts/common; xargs apt-get install <scripts/packages\n\tnode scripts/packages\n"
    text += "\t@echo 'scripts/old is gone: see the wiki'\n"
    path.write_text(path.read_text() + text)


# Everywhere


def _everywhere(tree: Tree, old: str, new: str) -> None:
    """Rename an environment in all files and folders that speak of it."""
    word = re.compile(
        rf"(?<![/\w]){old}(?![\w/])|(?<=-){old}(?=/)|(?<=overlays/){old}\b|(?<=environments/){old}\b|(?<=projects/){old}\b"
    )
    for path in sorted(tree.root.rglob("*"), reverse=True):
        name = str(path.relative_to(tree.root))
        if name.startswith(("src/", "docs/", "scripts/")) or path.is_symlink():
            continue
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            changed = word.sub(new, text.replace("/dev/null", "/d/null")).replace("/d/null", "/dev/null")
            if changed != text:
                path.write_text(changed)
        if re.search(rf"(^|-){old}(\.|$)", path.name):
            path.rename(path.with_name(re.sub(rf"(^|-){old}(?=\.|$)", rf"\g<1>{new}", path.name)))


def an_environment_under_another_name(tree: Tree, _: random.Random) -> None:
    _everywhere(tree, "prod", "live")


def two_environments_of_one(tree: Tree, _: random.Random) -> None:
    """Production in two halves, each with its folder, Application, project, store and entries."""
    if len(tree.clusters) > 1 or (tree.clusters[0] / "gateway").exists() or len(tree.overlays) < 2:
        return
    _everywhere(tree, "prod", "prod-eu")
    for path in sorted(tree.root.rglob("*")):
        if (
            path.exists()
            and re.search(r"prod-eu", path.name)
            and not str(path.relative_to(tree.root)).startswith(("src", "docs"))
        ):
            copy = path.with_name(path.name.replace("prod-eu", "prod-us"))
            if path.is_dir():
                shutil.copytree(path, copy)
            elif "prod-us" not in str(path.parent):
                shutil.copy(path, copy)
            for file in [copy, *copy.rglob("*")]:
                if file.is_file():
                    file.write_text(file.read_text().replace("prod-eu", "prod-us"))
    for path in [
        *tree.root.glob("clusters/*/kustomization.yaml"),
        *tree.root.glob("clusters/*/external-secrets/kustomization.yaml"),
        *tree.root.glob("terraform/platform/*.tfvars"),
        tree.root / ".copier-answers.yml",
        *tree.root.glob(".github/workflows/*.yml"),
        *tree.root.glob("jenkins/*.Jenkinsfile"),
        tree.root / ".github/environments",
    ]:
        if path.exists():
            text = re.sub(r"^( *- .*)prod-eu(.*)$", r"\1prod-eu\2\n\1prod-us\2", path.read_text(), flags=re.M)
            text = re.sub(
                r'^(  )"prod-eu"( = .*)$', lambda m: m[0] + "\n" + m[0].replace("prod-eu", "prod-us"), text, flags=re.M
            )
            text = re.sub(r"""(["']?)prod-eu\1(?=[\]])""", r"\1prod-eu\1, \1prod-us\1", text)
            text = re.sub(
                r"^(prod-eu.*)$", lambda m: m[0] + "\n" + m[0].replace("prod-eu", "prod-us"), text, flags=re.M
            )
            path.write_text(text)


# What is taken away, moved and named anew


def _without(*paths: Path) -> None:
    """Remove files and folders, and what names them in the kustomization beside them."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        for kustomization in (
            [path.parent / "kustomization.yaml"] if (path.parent / "kustomization.yaml").exists() else []
        ):
            text = kustomization.read_text()
            kustomization.write_text(re.sub(rf'^ *- "?{re.escape(path.name)}"?\n', "", text, flags=re.M))


def no_policies(tree: Tree, _: random.Random) -> None:
    """Policies are somebody else's concern: of Cilium, or of a mesh."""
    entry = "  - target: {kind: NetworkPolicy}\n    patch: |-\n      $patch: delete\n      kind: NetworkPolicy\n      metadata: {name: any}\n"
    for overlay in tree.overlays if not (tree.app / "preview").exists() else ():
        tree.section(overlay / "kustomization.yaml", "patches", entry)


def no_terraform(tree: Tree, _: random.Random) -> None:
    """The code of the infrastructure, and its workflow, are in another repository."""
    for path in (tree.root / "terraform", tree.root / ".github/workflows/terraform.yml"):
        _without(path) if path.exists() else None


def no_answers(tree: Tree, _: random.Random) -> None:
    _without(tree.root / ".copier-answers.yml")


def no_sources(tree: Tree, _: random.Random) -> None:
    """Sources are in repositories of their own, and documents in a wiki."""
    for name in ("src", "docs", "README.md", "AGENTS.md"):
        _without(tree.root / name)


def fewer_workflows(tree: Tree, _: random.Random) -> None:
    for name in ("rollback", "promote", "template-update", "build-service"):
        _without(tree.root / f".github/workflows/{name}.yml")


def no_disruption_budgets(tree: Tree, _: random.Random) -> None:
    _without(*tree.base.glob("*/poddisruptionbudget.yaml"))


def no_backups(tree: Tree, _: random.Random) -> None:
    """Backups by the disks' snapshots."""
    if (tree.base / "database/backup.yaml").exists() and not (tree.app / "preview").exists():
        _without(tree.base / "database/backup.yaml")
        for overlay in tree.overlays:
            _without(overlay / "database-backup.yaml")
            path = overlay / "kustomization.yaml"
            path.write_text(
                re.sub(r"  - path: database-backup.yaml\n", "", path.read_text()).replace(
                    '"database|database-backup"', "database"
                )
            )


def other_namespaces(tree: Tree, _: random.Random) -> None:
    """Namespaces by the rules of a company."""
    for overlay in tree.overlays:
        old = namespace_of(overlay)
        if (tree.root / "terraform").exists():
            for path in [*overlay.rglob("*.yaml"), *tree.root.glob("clusters/**/*.yaml")]:
                text = path.read_text()
                path.write_text(
                    re.sub(
                        rf"""(namespaces?(?:\.name|"?\]?)?: *"?|- "?|cluster.local/|metadata.name: "?|^  name: "?|^      name: "?){old}("?)$""",
                        rf"\g<1>ns-{old}\g<2>",
                        text,
                        flags=re.M,
                    )
                )
    for path in [*tree.root.glob("clusters/*/environments/*.yaml"), *tree.root.glob("clusters/*/projects/*.yaml")]:
        text = path.read_text()
        path.write_text(re.sub(r'^  name: "?ns-([\w-]+)"?$', r'  name: "\1"', text, count=1, flags=re.M))


def another_branch(tree: Tree, _: random.Random) -> None:
    old = branch(tree)
    for path in [*tree.root.glob("clusters/**/*.yaml"), *tree.root.glob("bootstrap/**/*.yaml")]:
        path.write_text(
            re.sub(
                rf'targetRevision: "?{re.escape(old)}"?$', "targetRevision: production", path.read_text(), flags=re.M
            )
        )


def another_address(tree: Tree, _: random.Random) -> None:
    old = repository(tree)
    for path in [
        *tree.root.glob("clusters/**/*.yaml"),
        *tree.root.glob("bootstrap/**/*.yaml"),
        tree.root / ".copier-answers.yml",
    ]:
        if (tree.app / "preview").exists():
            return
        path.write_text(path.read_text().replace(old, "ssh://git@git.corp.example:7999/team/shop.git"))


def a_registry_for_production(tree: Tree, _: random.Random) -> None:
    """Production pulls from a registry of its own, to which images are copied."""
    overlay = tree.overlays[-1]
    if (tree.app / "preview").exists():  # Of the same images.
        return
    for entry in yaml.safe_load((overlay / "imagetags/kustomization.yaml").read_text())["images"]:
        name = entry["name"]
        text = (overlay / "kustomization.yaml").read_text()
        if f'name: "{name}"' not in text:
            tree.section(
                overlay / "kustomization.yaml",
                "images",
                f'  - name: "{name}"\n    newName: registry.example.com/prod/{name.rpartition("/")[2]}\n',
            )


def a_sidecar_of_our_own(tree: Tree, _: random.Random) -> None:
    """A second image of our own in the pods of a service, whose tag overlays set."""
    path = tree.base / tree.services[0] / "deployment.yaml"
    tree.insert(
        path, r"^      containers:\n", f"        - {{name: proxy, image: registry.example.com/proxy, {ASKED}}}\n"
    )
    for overlay in tree.overlays:
        tree.insert(
            overlay / "imagetags/kustomization.yaml",
            r"^images:.*\n",
            "  - name: registry.example.com/proxy\n    newTag: v1\n",
        )


def a_service_in_one_file(tree: Tree, _: random.Random) -> None:
    """A service of others' image, in one file beside those of the template, with a name of the cluster in its address."""
    text = (
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: search}\nimagePullSecrets: [{name: search-pull}]\n---\n"
    )
    text += "apiVersion: v1\nkind: Service\nmetadata: {name: search}\nspec: {selector: {app: search}, ports: [{name: http, port: 9200}]}\n---\n"
    text += "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: search}\nspec:\n  selector: {matchLabels: &l {app: search, tier: data}}\n  template:\n    metadata: {labels: *l}\n"
    text += f"    spec:\n      serviceAccountName: search\n      containers: [{{name: a, image: 'search:3{DIGEST}', {ASKED}, ports: [{{containerPort: 9200}}], readinessProbe: {{httpGet: {{port: 9200, path: /}}}}}}]\n---\n"
    text += "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: search}\nspec: {podSelector: {matchLabels: {app: search}}, ingress: [{ports: [{port: 9200}]}]}\n"
    tree.resource(tree.base, "search.yaml", text)


def hosts_by_an_asterisk(tree: Tree, _: random.Random) -> None:
    """One listener for all hosts of an environment, by a certificate of DNS, and a second host of a route."""
    for cluster in tree.clusters:
        path = cluster / "gateway/gateway.yaml"
        if not path.exists():
            continue
        text = path.read_text()
        host = re.findall(r'hostname: "(.+)"', text)[-1]
        text = text.replace(f'hostname: "{host}"', f'hostname: "*.{host.partition(".")[2]}"').replace(
            "cert-manager.io/issuer:", "cert-manager.io/cluster-issuer:"
        )
        path.write_text(text)
        for hosts in tree.app.glob("overlays/*/hosts.yaml"):
            lines = re.sub(
                rf'^( *)- "?{re.escape(host)}"?$',
                rf'\g<0>\n\1- "www.{host.partition(".")[2]}"',
                hosts.read_text(),
                flags=re.M,
            )
            hosts.write_text(lines)
        redirect = cluster / "gateway/httproute.yaml"
        redirect.write_text(
            redirect.read_text().replace(f'- "{host}"', f'- "{host}"\n    - "www.{host.partition(".")[2]}"')
        )


def no_redirect(tree: Tree, _: random.Random) -> None:
    for cluster in tree.clusters:
        _without(cluster / "gateway/httproute.yaml") if (cluster / "gateway").exists() else None


def a_listener_more(tree: Tree, _: random.Random) -> None:
    """A second port, and one whose TLS the pods end."""
    for cluster in tree.clusters:
        path = cluster / "gateway/gateway.yaml"
        if path.exists():
            text = "    - {name: mqtt, port: 8883, protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {kinds: [{kind: TLSRoute}], namespaces: {from: All}}}\n"
            text += "    - {name: https-any, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: any}]}, allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: team, operator: Exists}]}}}}\n"
            tree.insert(path, r"^  listeners:\n", text)


def cluster_wide_objects(tree: Tree, _: random.Random) -> None:
    """A folder of policies for the whole cluster, and of objects in several namespaces, to no namespace of its own."""
    text = "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: corp}\nspec: {ca: {secretName: ca}}\n---\n"
    text += "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: labels}\nspec: {rules: []}\n---\n"
    text += "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: team-a}\n---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: a, namespace: team-b}\nspec: {limits: []}\n"
    rights = PROJECT + "  clusterResourceWhitelist: [{group: '*', kind: '*'}]\n"
    for group in ("kyverno.io",):
        tree.allow_argocd(group)
    for cluster in tree.clusters:
        tree.write(cluster / "policies/all.yaml", text)
        tree.write(cluster / "policies/kustomization.yaml", "resources: [all.yaml]\n")
        application = f"{rights}{APPLICATION}  project: years\n  source:\n    repoURL: {repository(tree)}\n    targetRevision: main\n"
        application += (
            f"    path: clusters/{cluster.name}/policies\n  destination: {{server: 'https://kubernetes.default.svc'}}\n"
        )
        tree.resource(cluster, "policies.yaml", application)


def values_in_other_words(tree: Tree, _: random.Random) -> None:
    """Comments of every kind, a comma at the end, keys with and without quotes, and more secrets than are asked for."""
    for path in tree.root.glob("terraform/platform/*.tfvars"):
        text = re.sub(r"^environments = \[(.*)\]", r"environments = [\n  \1, # all\n]", path.read_text(), flags=re.M)
        text = re.sub(r'^  "(\w+)"( +)= \[', r'  \1\2= ["\1-more", ', text, flags=re.M)
        path.write_text("/* Ours.\n   environments = [] */\n// And more.\n" + text)


def a_workflow_of_the_template_changed(tree: Tree, _: random.Random) -> None:
    """Runners of ARM, the address of an environment, and services from a file."""
    for path in tree.root.glob(".github/workflows/*.yml"):
        text = path.read_text()
        if path.name == "check.yml":
            text = re.sub(r"service: \[.*\]", "service: ${{ fromJSON(vars.SERVICES) }}", text)
        text = re.sub(r"runs-on: ubuntu-24.04$", "runs-on: ubuntu-24.04-arm", text, flags=re.M)
        text = re.sub(
            r"^    environment: (\w+)$",
            r"    environment:\n      name: \1\n      url: https://example.com",
            text,
            flags=re.M,
        )
        path.write_text(text)


def agents_changed(tree: Tree, _: random.Random) -> None:
    """Another container for a stage, and one more label, in the pods of Jenkins."""
    for path in tree.root.glob("jenkins/agents/check.yaml"):
        tree.insert(
            path, r"^  containers:\n", f"    - {{name: node, image: 'node:24{DIGEST}', command: [sleep, infinity]}}\n"
        )
        lines_of(
            tree,
            tree.root / "Jenkinsfile",
            r"^            sh 'make validate'\n",
            "            container('node') {\n              sh 'npm ci'\n            }\n",
        )


def addresses_of_every_kind(tree: Tree, _: random.Random) -> None:
    for name, value in (
        ("KAFKA", "kafka-0.kafka:9092,kafka-1.kafka:9092"),
        ("JDBC_URL", "jdbc:postgresql://db.corp.example.com:5432/a"),
        ("OTHER_NAMESPACE", "http://api.other.svc.cluster.local:8080"),
        ("SHORT", "http://api.other:8080/x?y=z"),
        ("PROXY", "socks5://proxy.local:1080"),
        ("IPV6", "http://[2001:db8::1]:8080"),
        ("SOCKET", "unix:///run/a.sock"),
        ("LISTEN", "http://0.0.0.0:8080"),
        ("REDIS", "rediss://cache.svc:6380/0"),
        ("TEMPLATE", "http://$(A):8080"),
        ("REGEX", "https?://[a-z]+:80"),
        ("PORT_ONLY", ":8080"),
        ("NO_PROXY", "localhost,.svc,10.0.0.0/8"),
        ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000000"),
        ("DSN", "https://key@o1.ingest.de.sentry.io/1"),
    ):
        path = tree.base / tree.services[0] / "deployment.yaml"
        if f"name: {name}\n" not in path.read_text():
            tree.variable(path, f'            - name: {name}\n              value: "{value}"\n')


def a_config_by_hand(tree: Tree, _: random.Random) -> None:
    """A ConfigMap that nobody may change, under a name with a number, and one of a component for all of its variables."""
    name = tree.services[0]
    tree.resource(
        tree.base,
        "config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-7}\nimmutable: true\ndata: {a: b}\n",
    )
    tree.write(
        tree.app / "components/flags/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nconfigMapGenerator: [{name: flags, literals: [A=b], options: {disableNameSuffixHash: true}}]\n",
    )
    tree.section(tree.base / "kustomization.yaml", "components", "  - ../components/flags\n")
    for path in [*tree.root.glob("clusters/*/environments/*.yaml"), *tree.root.glob("clusters/*/previews.yaml")]:
        lines_of(tree, path, r"manifest-generate-paths: [^;\n]*", ";../../components/flags")
    path = tree.base / name / "deployment.yaml"
    tree.insert(
        path,
        r"^          image: .*\n",
        "          envFrom: [{configMapRef: {name: flags}}, {prefix: X_, configMapRef: {name: config-7}}]\n",
    )


def state_of_another_subscription(tree: Tree, _: random.Random) -> None:
    for path in tree.root.glob("terraform/platform/prod.tfvars"):
        path.write_text(
            path.read_text()
            + '\napi_server_authorized_ip_ranges = ["203.0.113.0/24"]\ntags = { "cost-centre" = "42" }\n'
        )


def labels_with_selectors(tree: Tree, _: random.Random) -> None:
    """Labels that go into selectors too, of a product that nobody has deployed yet."""
    tree.insert(tree.base / "kustomization.yaml", r"^labels:\n", "  - pairs: {tier: web}\n    includeSelectors: true\n")
    path = tree.overlays[0] / "kustomization.yaml"
    path.write_text(path.read_text() + "commonLabels: {owner: team-a}\n")


def patches_of_applications(tree: Tree, _: random.Random) -> None:
    """What all Applications of a cluster get by a patch, and an object of the bootstrap chart that Helm fills in."""
    for cluster in tree.clusters:
        entry = "  - target: {kind: Application}\n    patch: |-\n      - {op: add, path: /spec/info, value: [{name: team, value: web}]}\n"
        entry += "      - {op: replace, path: /spec/revisionHistoryLimit, value: 3}\n"
        tree.section(cluster / "kustomization.yaml", "patches", entry)
    for path in tree.root.glob("bootstrap/**/templates/application.yaml"):
        tree.write(
            path.with_name("more.yaml"),
            "{{- if .Values.more }}\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {{ .Release.Name }}\n{{- end }}\n",
        )


def pods_by_another_template(tree: Tree, _: random.Random) -> None:
    """A stage in pods of a template of the controller, to which a file adds something."""
    if (tree.root / "Jenkinsfile").exists():
        tree.write(
            tree.root / "jenkins/agents/more.yaml", "apiVersion: v1\nkind: Pod\nspec: {nodeSelector: {disk: ssd}}\n"
        )
        stage = "    stage('Java') {\n      agent {\n        kubernetes {\n          inheritFrom 'java'\n          yamlFile 'jenkins/agents/more.yaml'\n"
        stage += "          yamlMergeStrategy merge()\n          defaultContainer 'maven'\n        }\n      }\n      steps {\n        container('maven') { sh 'mvn' }\n      }\n    }\n"
        tree.insert(tree.root / "Jenkinsfile", r"^  stages \{\n", stage)


def pods_by_expressions(tree: Tree, _: random.Random) -> None:
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: batch}\nspec:\n  selector: {matchLabels: {app: batch}, matchExpressions: [{key: track, operator: In, values: [a, b]}]}\n"
    text += f"  template: {{metadata: {{labels: {{app: batch, track: a}}}}, spec: {{{POD}}}}}\n---\n"
    text += "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: batch}\nspec: {podSelector: {matchLabels: {app: batch}}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{to: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [x]}]}}]}]}\n"
    tree.resource(tree.base, "batch.yaml", text)


def an_entry_of_more_kinds(tree: Tree, _: random.Random) -> None:
    """A certificate of the vault, and a Secret whose entries a template makes beside those that it asks for."""
    for overlay in tree.overlays:
        path = overlay / "secret-store.yaml"
        store = re.search(r"key-vault-[\w-]+", path.read_text()) if path.exists() else None
        if store and not (tree.app / "preview").exists():
            text = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: web-tls}\nspec:\n"
            text += f"  secretStoreRef: {{name: {store[0]}, kind: ClusterSecretStore}}\n  target: {{name: web-tls-7, template: {{type: kubernetes.io/tls, mergePolicy: Merge, data: {{ca.crt: a}}}}}}\n"
            text += "  data: [{secretKey: tls.crt, remoteRef: {key: cert/web-tls}}, {secretKey: tls.key, remoteRef: {key: key/web-tls}}]\n---\n"
            text += f"apiVersion: v1\nkind: Pod\nmetadata: {{name: tls}}\nspec: {{{POD}, volumes: [{{name: v, secret: {{secretName: web-tls-7, items: [{{key: tls.crt, path: a}}, {{key: ca.crt, path: b}}]}}}}]}}\n"
            tree.resource(overlay, "web-tls.yaml", text)
            tree.allow("", "Pod")


BLUE_GREEN = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: web-preview}\nspec: {selector: {app: blue}, ports: [{port: 80, targetPort: 8080, appProtocol: http}]}\n---\n"
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: blue}\nspec:\n  selector: {matchLabels: {app: blue}}\n"
    "  strategy: {blueGreen: {activeService: web-preview, prePromotionAnalysis: {templates: [{templateName: smoke}]}}}\n"
    "  template: {metadata: {labels: {app: blue}}, spec: {containers: [{name: a, image: 'a:1@sha256:DIGEST', resources: {requests: {cpu: 100m, memory: 128Mi}}}]}}\n---\n"
    "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: smoke}\nspec:\n  metrics:\n"
    "    - {name: a, provider: {job: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'curl:8@sha256:DIGEST'}]}}}}}}\n"
)
PROMETHEUS = (
    "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: own}\nspec:\n  replicas: 1\n"
    "  containers: [{name: prometheus, resources: {requests: {cpu: 100m, memory: 400Mi}}}]\n"
)
SECRET_CLASS = (
    "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: vault}\nspec: {provider: azure,"
    " secretObjects: [{secretName: from-vault, type: Opaque, data: [{key: a, objectName: b}]}]}\n---\n"
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: reads}\nspec:\n  selector: {matchLabels: {app: reads}}\n  template:\n"
    "    metadata: {labels: {app: reads}}\n    spec:\n      containers: [{name: a, image: 'a:1@sha256:DIGEST', resources: {requests: {cpu: 100m, memory: 128Mi}},"
    " env: [{name: A, valueFrom: {secretKeyRef: {name: from-vault, key: a}}}]}]\n"
    "      volumes: [{name: v, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: vault}}}]\n"
)
BUDGETS = (
    "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: all}\nspec: {maxUnavailable: 1, unhealthyPodEvictionPolicy: AlwaysAllow, selector: {matchExpressions: [{key: app.kubernetes.io/name, operator: Exists}]}}\n---\n"
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: of-queue}\nspec: {minReplicas: 1, maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: of-queue},"
    " metrics: [{type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: '30'}}}], behavior: {scaleDown: {policies: [{type: Percent, value: 10, periodSeconds: 60}]}}}\n---\n"
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: of-queue}\nspec:\n  selector: {matchLabels: {app: of-queue}}\n  template:\n    metadata: {labels: {app: of-queue}}\n"
    "    spec: {containers: [{name: a, image: 'a:1@sha256:DIGEST', resources: {requests: {cpu: 100m, memory: 128Mi}}}]}\n"
)
INDEXED = (
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: train, labels: {kueue.x-k8s.io/queue-name: gpu}}\nspec:\n  completionMode: Indexed\n  completions: 4\n  parallelism: 2\n  suspend: true\n"
    "  backoffLimitPerIndex: 1\n  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [42]}}]}\n  ttlSecondsAfterFinished: 600\n"
    "  template: {spec: {restartPolicy: Never, subdomain: train, containers: [{name: a, image: 'a:1@sha256:DIGEST', resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {nvidia.com/gpu: 1}}}]}}\n"
)
DIRECT = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: direct, annotations: {service.beta.kubernetes.io/azure-load-balancer-internal: 'true'}}\n"
    "spec: {type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8], externalTrafficPolicy: Local, selector: {app: direct}, ports: [{name: a, port: 443, targetPort: 8443}, {name: b, port: 5353, protocol: UDP, targetPort: 5353}]}\n---\n"
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: direct}\nspec:\n  selector: {matchLabels: {app: direct}}\n  template:\n    metadata: {labels: {app: direct}}\n"
    "    spec: {containers: [{name: a, image: 'a:1@sha256:DIGEST', resources: {requests: {cpu: 100m, memory: 128Mi}}}]}\n---\n"
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: direct}\nspec: {podSelector: {matchLabels: {app: direct}}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 8443}, {port: 5353, protocol: UDP}]}]}\n"
)
REMOTE = "  - https://github.com/example/monitoring//base?ref=v1.2.3&timeout=90s\n  - github.com/example/crds\n  - git@github.com:example/policies?ref=main\n  - https://raw.githubusercontent.com/a/b/v1/c.yaml\n"
PATCHES = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: SERVICE}\nspec:\n  template:\n    spec:\n"
    "      securityContext: {$patch: replace, runAsNonRoot: true, runAsUser: 1000}\n      containers:\n        - name: SERVICE\n          ports: [{$patch: replace}, {name: http, containerPort: 3000}]\n"
)
VOLUME = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: SERVICE}\nspec: {template: {METAspec: {volumes: [{name: raw, ephemeral: {volumeClaimTemplate: {spec: {volumeMode: Block, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}]MORE}}}\n"
INJECTED = VOLUME.replace(
    "METAs", "metadata: {annotations: {dapr.io/enabled: 'true', dapr.io/volume-mounts: 'raw:/raw'}}, s"
).replace("MORE", "")
DEVICE = VOLUME.replace("METAs", "s").replace(
    "MORE", ", containers: [{name: SERVICE, volumeDevices: [{name: raw, devicePath: /dev/raw}]}]"
)

EXTENSIONS: tuple[Extension, ...] = (
    *(repositories_without_credentials, an_environment_that_does_more, a_namespace_that_is_denied),
    *(
        another_application_of_the_project,
        tools_by_an_image_updater,
        an_autoscaler_that_owns_a_field,
        a_cluster_of_tools,
    ),
    *(an_overlay_for_a_laptop, jobs_by_a_folder, files_of_other_programs, other_names_of_kustomizations),
    *(a_namespace_with_a_quota, dialects, a_template_in_terraform, a_migration_by_a_tool, a_scaled_job),
    *(a_claim_of_a_stateful_set, a_secret_of_two_entries, authorities_of_the_company, every_right_of_argo_cd),
    *(
        a_policy_for_several,
        a_route_of_a_mesh,
        addresses_that_are_shown,
        a_gateway_for_colleagues,
        redirects_of_one_s_own,
    ),
    *(the_same_host_in_two_regions, more_routes, a_store_for_add_ons, a_store_of_the_company, a_store_of_all_clusters),
    *(secrets_that_are_pushed, a_preview_of_one_s_own, a_replica_to_read_from, another_backup, another_region),
    *(a_page_of_one_s_own, sources_that_are_no_service, scripts_that_are_read),
    *(an_environment_under_another_name, two_environments_of_one, labels_with_selectors, patches_of_applications),
    *(pods_by_another_template, pods_by_expressions, an_entry_of_more_kinds),
    *(no_policies, no_terraform, no_answers, no_sources, fewer_workflows, no_disruption_budgets, no_backups),
    *(other_namespaces, another_branch, another_address, a_registry_for_production, a_sidecar_of_our_own),
    *(a_service_in_one_file, hosts_by_an_asterisk, no_redirect, a_listener_more, cluster_wide_objects),
    *(values_in_other_words, a_workflow_of_the_template_changed, agents_changed, addresses_of_every_kind),
    *(a_config_by_hand, state_of_another_subscription),
    of_workflow_text("own-scripts", SCRIPTS),
    of_workflow_text("own-identity", IDENTITIES),
    of_objects("a Rollout of two colours", BLUE_GREEN, ("argoproj.io", "Rollout"), ("argoproj.io", "AnalysisTemplate")),
    of_objects("a Prometheus with sizes", PROMETHEUS, ("monitoring.coreos.com", "Prometheus")),
    of_objects("a secret by a volume", SECRET_CLASS, ("secrets-store.csi.x-k8s.io", "SecretProviderClass")),
    of_objects("budgets and autoscalers", BUDGETS),
    of_objects("a Job of many parts", INDEXED),
    of_objects("a load balancer inside", DIRECT),
    of_objects(
        "a Crossplane claim",
        "apiVersion: platform.example.org/v1\nkind: Queue\nmetadata: {name: a}\nspec: {writeConnectionSecretToRef: {name: a}}\n",
        ("platform.example.org", "Queue"),
    ),
    of_objects(
        "an object of Azure",
        "apiVersion: cache.azure.com/v1api20241101\nkind: Redis\nmetadata: {name: a}\nspec: {owner: {armId: /subscriptions/a}, operatorSpec: {secrets: {hostName: {name: a, key: b}}}}\n",
        ("cache.azure.com", "Redis"),
    ),
    of_kustomization("bases of other hosts", {}, ("resources", REMOTE)),
    of_kustomization("directives of patches", {"directives.yaml": PATCHES}, ("patches", "  - path: directives.yaml\n")),
    of_kustomization(
        "a volume for what a program adds", {"injected.yaml": INJECTED}, ("patches", "  - path: injected.yaml\n")
    ),
    of_kustomization("a device", {"device.yaml": DEVICE}, ("patches", "  - path: device.yaml\n")),
    of_kustomization(
        "a patch of the old kind",
        {"old.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: SERVICE}\nspec: {minReadySeconds: 5}\n"},
        ("patchesStrategicMerge", "  - old.yaml\n"),
    ),
    of_kustomization(
        "variables of kustomize",
        {},
        ("vars", "  - {name: SVC, objref: {apiVersion: apps/v1, kind: Deployment, name: SERVICE}}\n"),
    ),
    of_kustomization("a prefix", {}, ("namePrefix", "eu-")),
    of_cluster(
        "a project by other ways to write an address",
        PROJECT.replace("'*'], ", "'*'], ").replace(
            "sourceRepos: ['*']", "sourceRepos: ['https://git.example.com/a.git']"
        )
        + f"{APPLICATION}  project: years\n  source: {ELSEWHERE}\n  destination: {HERE}\n",
    ),
    of_cluster(
        "a project by braces",
        PROJECT.replace("team-*", "team-{a,b}").replace(
            "sourceRepos: ['*']", "sourceRepos: ['https://git.example.com/{a,b}']"
        )
        + f"{APPLICATION}  project: years\n  source: {ELSEWHERE}\n  destination: {HERE}\n",
    ),
    of_cluster(
        "a hydrated Application",
        f"{PROJECT}{APPLICATION}  project: years\n  sourceHydrator:\n    drySource: {{repoURL: REPOSITORY, path: apps/tools/dry, targetRevision: HEAD}}\n"
        f"    syncSource: {{targetBranch: environments/dev, path: tools}}\n  destination: {HERE}\n",
    ),
    of_cluster(
        "a set by a patch",
        f"{PROJECT}{SET}  goTemplate: true\n  generators: [{{matrix: {{generators: [{{git: {{repoURL: REPOSITORY, revision: HEAD, files: [{{path: 'apps/*/config.yaml'}}]}}}}, {{clusters: {{}}}}]}}}}]\n"
        "  templatePatch: |\n    spec:\n      source: {repoURL: REPOSITORY, targetRevision: HEAD, path: '{{ .path.path }}'}\n"
        f"  template: {{metadata: {{name: 'a-{{{{ .name }}}}'}}, spec: {{project: years, destination: {{name: '{{{{ .name }}}}', namespace: 'team-{{{{ .team }}}}'}}}}}}\n",
    ),
    of_container(
        "a field of the pod",
        "            - {name: NODE, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}\n            - {name: OTLP, value: 'http://$(NODE):4317'}\n            - {name: ANY, value: '0.0.0.0:8080'}\n",
    ),
    of_operator("karpenter.azure.com/v1beta1", "AKSNodeClass", "{imageFamily: Ubuntu}"),
    of_operator("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", "{subject: {namespaces: {}}}"),
    of_operator("resource.k8s.io/v1", "ResourceClaimTemplate", "{spec: {devices: {requests: [{name: gpu}]}}}"),
    of_operator(
        "ray.io/v1",
        "RayCluster",
        "{workerGroupSpecs: [{groupName: a, template: {spec: {containers: [{name: a, image: 'ray:2'}]}}}]}",
    ),
    of_operator(
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
        "{replicatedJobs: [{name: a, template: {spec: {template: {spec: {containers: [{name: a, image: b}]}}}}}]}",
    ),
    of_file(".vscode/settings.json", '// Ours.\n{"yaml.schemas": {}}\n'),
    of_file(".devcontainer/docker-compose.yml", "services:\n  dev: {build: ., volumes: ['..:/w:cached']}\n"),
    of_file("mkdocs.yml", "site_name: !ENV [SITE, ours]\nplugins: [search]\n"),
    of_file(".github/ISSUE_TEMPLATE/config.yml", "blank_issues_enabled: false\n"),
    of_file("lefthook.yml", "pre-push: {commands: {validate: {run: make validate}}}\n"),
    of_file("apps/OWNERS", "approvers: [a]\n"),
    of_file("docs/merge.md", "# Merges\n\n~~~text\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> branch\n~~~\n"),
    of_file("tests/fixtures/merge.txt", "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> branch\n"),
)
