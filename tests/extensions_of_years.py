"""What a product has gathered after some years, as it should: scripts/validate has nothing to say of it."""

import random
import re

import yaml

from tests.extensions import ACTION, DIGEST, WORKFLOW, Extension, Tree, of_file, of_operator

POD = "securityContext: {runAsNonRoot: true}"


def of_objects(name: str, text: str, *kinds: tuple[str, str]) -> Extension:
    """Return what adds objects of the application, in a file; its project lets in their kinds."""

    def add(tree: Tree, _: random.Random) -> None:
        written = text.replace("SERVICE", tree.services[0]).replace("DIGEST", DIGEST.partition(":")[2])
        tree.resource(tree.base, "years.yaml", written)
        for group, kind in kinds:
            tree.allow(group, kind)

    add.__name__ = name
    return add


def of_kustomization(name: str, files: dict[str, str], *sections: tuple[str, str]) -> Extension:
    """Return what adds sections to an overlay, and files beside it."""

    def add(tree: Tree, _: random.Random) -> None:
        overlay, service = tree.overlays[0], tree.services[0]
        for file, text in files.items():
            tree.write(overlay / file, text.replace("SERVICE", service).replace("DIGEST", DIGEST.partition(":")[2]))
        for key, entry in sections:
            path = overlay / "kustomization.yaml"
            entry = entry.replace("SERVICE", service)
            if entry.startswith("  "):
                tree.section(path, key, entry)
            else:
                path.write_text(path.read_text() + f"{key}: {entry}\n")

    add.__name__ = name
    return add


def of_workflow_text(name: str, text: str) -> Extension:
    def add(tree: Tree, _: random.Random) -> None:
        if (tree.root / ".github").exists():
            tree.write(tree.root / f".github/workflows/{name}.yml", text.replace("CHECKOUT", ACTION))

    add.__name__ = f"workflow {name}"
    return add


def of_cluster(name: str, text: str) -> Extension:
    """Return what adds objects of Argo CD to each cluster."""

    def add(tree: Tree, _: random.Random) -> None:
        for path in tree.root.glob("bootstrap/**/templates/project.yaml"):
            if "kind: ApplicationSet" in text and "kind: ApplicationSet" not in path.read_text():
                tree.insert(
                    path, r"namespaceResourceWhitelist:\n", "    - group: argoproj.io\n      kind: ApplicationSet\n"
                )
        for cluster in tree.clusters:
            tree.resource(cluster, "years.yaml", text.replace("REPOSITORY", repository(tree)))

    add.__name__ = name
    return add


def repository(tree: Tree) -> str:
    bootstrap = next(tree.root.glob("bootstrap/**/templates/application.yaml")).read_text()
    return re.search(r'repoURL: "?([^"\n]*)', bootstrap)[1]  # type: ignore[index]


def of_pods(name: str, pods: str, key: str = "terminationGracePeriodSeconds") -> Extension:
    """Return what adds settings to the pods of a Deployment."""

    def add(tree: Tree, _: random.Random) -> None:
        path = tree.base / tree.services[0] / "deployment.yaml"
        tree.insert(path, rf"^      {key}: .*\n", pods.replace("DIGEST", DIGEST.partition(":")[2]))

    add.__name__ = name
    return add


def of_container(name: str, text: str) -> Extension:
    def add(tree: Tree, _: random.Random) -> None:
        tree.variable(tree.base / tree.services[0] / "deployment.yaml", text.replace("SERVICE", tree.services[0]))

    add.__name__ = name
    return add


PROJECT = (
    "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: years, namespace: argocd}\nspec:\n"
    "  sourceRepos: ['*']\n  destinations: [{server: '*', namespace: 'team-*'}]\n"
)
SET = "---\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: years, namespace: argocd}\nspec:\n"
APPLICATION = SET.replace("ApplicationSet", "Application")
ELSEWHERE = "{repoURL: https://git.example.com/a, targetRevision: v1, path: a}"
HERE = "{server: https://kubernetes.default.svc, namespace: team-a}"
SCHEMA = '{"definitions": {"v1.Foo": {"type": "object"}}}\n'


def images_of_the_base(tree: Tree, _: random.Random) -> None:
    """Short names in the base, which it gives their registry, and a tag with a digest there."""
    first = tree.services[0]
    path = tree.base / first / "deployment.yaml"
    image = re.search(r'^          image: "?([^"\n]+)', path.read_text(), re.M)[1]  # type: ignore[index]
    path.write_text(path.read_text().replace(f'"{image}"', "short"))
    cache = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: cache}}\nspec: {{containers: [{{name: a, image: redis}}], {POD}}}\n"
    tree.resource(tree.base, "cache.yaml", cache)
    tree.allow("", "Pod")
    entry = f"  - name: short\n    newName: {image}\n  - name: redis\n    newTag: '8'\n    digest: {DIGEST[1:]}\n"
    tree.section(tree.base / "kustomization.yaml", "images", entry)


def an_image_of_an_overlay(tree: Tree, _: random.Random) -> None:
    cache = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: cache}}\nspec: {{containers: [{{name: a, image: redis}}], {POD}}}\n"
    tree.resource(tree.base, "cache.yaml", cache)
    tree.allow("", "Pod")
    for folder in [*tree.overlays, tree.app / "preview"]:
        if folder.exists():
            tree.section(
                folder / "kustomization.yaml", "images", f"  - name: redis\n    newTag: '8'\n    digest: {DIGEST[1:]}\n"
            )


def labels_of_every_template(tree: Tree, _: random.Random) -> None:
    """A label that only the kustomization gives to pods of CronJobs, or by fields of its own."""
    tree.insert(
        tree.base / "kustomization.yaml",
        r"^labels:\n",
        "  - pairs: {team: web}\n    includeTemplates: true\n"
        "  - pairs: {tier: back}\n    fields: [{path: spec/template/metadata/labels, create: true, kind: Deployment}]\n",
    )
    job = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: audit}\nspec:\n  schedule: '@daily'\n  jobTemplate:\n"
    job += f"    spec: {{template: {{spec: {{restartPolicy: Never, {POD}, containers: [{{name: a, image: 'a:1{DIGEST}'}}]}}}}}}\n"
    policy = (
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: NAME}\nspec:\n  podSelector:\n"
    )
    team = policy.replace("NAME", "team") + "    matchLabels: {team: web}\n  ingress: []\n"
    tier = policy.replace("NAME", "tier") + "    matchLabels: {tier: back}\n  ingress: []\n"
    tree.resource(tree.base, "audit.yaml", job + team + tier)


def a_patch_in_json(tree: Tree, _: random.Random) -> None:
    overlay, name = tree.overlays[0], tree.services[0]
    tree.write(
        overlay / "tier.json",
        '[{"op": "add", "path": "/spec/template/spec/nodeSelector", "value": {"pool": "spot"}},\n'
        ' {"op": "add", "path": "/spec/template/metadata/labels/example.com~1tier", "value": "web"}]\n',
    )
    entry = f"  - path: tier.json\n    target: {{kind: Deployment, name: {name}}}\n"
    tree.section(overlay / "kustomization.yaml", "patches", entry)
    policy = f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}-tier}}\nspec:\n"
    tree.resource(overlay, "tier.yaml", policy + "  podSelector: {matchLabels: {example.com/tier: web}}\n")


def operations_of_every_kind(tree: Tree, _: random.Random) -> None:
    """A port that is copied, moved and named anew."""
    name, overlay = tree.services[0], tree.overlays[0]
    if "          ports:\n" not in (tree.base / name / "deployment.yaml").read_text():
        return
    service = f"apiVersion: v1\nkind: Service\nmetadata: {{name: more-ports}}\nspec:\n  selector: {{app.kubernetes.io/name: {name}}}\n"
    tree.resource(overlay, "more-ports.yaml", service + "  ports: [{port: 9901, targetPort: admin}]\n")
    entry = f"  - target: {{kind: Deployment, name: {name}}}\n    patch: |-\n      - op: copy\n"
    entry += "        from: /spec/template/spec/containers/0/ports/0\n        path: /spec/template/spec/containers/0/ports/-\n"
    entry += "      - {op: test, path: /kind, value: Deployment}\n"
    entry += "      - {op: replace, path: /spec/template/spec/containers/0/ports/0/name, value: admin}\n"
    entry += "      - {op: move, from: /metadata/labels, path: /metadata/annotations}\n"
    tree.section(overlay / "kustomization.yaml", "patches", entry)


def what_other_fields_have_made(tree: Tree, _: random.Random) -> None:
    """Patches of what labels and annotations have made before, and a ConfigMap that is merged."""
    name, overlay = tree.services[0], tree.overlays[0]
    base = tree.base / "kustomization.yaml"
    base.write_text(base.read_text() + "commonAnnotations: {team: web}\n")
    entry = f"  - target: {{kind: Deployment, name: {name}}}\n    patch: |-\n"
    entry += "      - {op: replace, path: /spec/template/metadata/annotations/team, value: shop}\n"
    entry += "      - {op: remove, path: /metadata/labels/app.kubernetes.io~1part-of}\n"
    tree.section(overlay / "kustomization.yaml", "patches", entry)
    entry = "  - {name: flags, literals: [A=b]}\n"
    tree.section(base, "configMapGenerator", entry)
    tree.section(
        overlay / "kustomization.yaml", "configMapGenerator", entry.replace("flags,", "flags, behavior: merge,")
    )


def the_same_elsewhere(tree: Tree, _: random.Random) -> None:
    """A second Application of an overlay, in a cluster of another region."""
    for cluster in tree.clusters[:1]:
        for path in cluster.glob(f"environments/{tree.overlays[0].name}.yaml"):
            text = path.read_text()
            name = re.search(r'^  name: "?([\w-]+)', text, re.M)[1]  # type: ignore[index]
            tree.resource(cluster, "elsewhere.yaml", text.replace(f'  name: "{name}"', f'  name: "{name}-eu"', 1))


def ports_by_a_patch(tree: Tree, _: random.Random) -> None:
    """A second port of a container and of its Service, merged by their numbers."""
    name, overlay = tree.services[0], tree.overlays[0]
    if not (tree.base / name / "service.yaml").exists():
        return
    patch = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    spec:\n      containers:\n"
    patch += f"        - name: {name}\n          ports: [{{name: admin, containerPort: 9901}}]\n---\n"
    patch += f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  ports: [{{name: admin, port: 9901, targetPort: admin}}]\n"
    tree.write(overlay / "ports.yaml", patch)
    tree.section(overlay / "kustomization.yaml", "patches", "  - path: ports.yaml\n")


def a_replaced_image(tree: Tree, _: random.Random) -> None:
    """The image of a Deployment that runs before its pods, by a replacement."""
    name = tree.services[0]
    path = tree.base / name / "deployment.yaml"
    text = "      initContainers: [{name: warm, image: REPLACED, securityContext: {allowPrivilegeEscalation: false}}]\n"
    if "initContainers" in path.read_text():
        return
    tree.insert(path, r"^      terminationGracePeriodSeconds: \d+\n", text)
    entry = f"  - source: {{kind: Deployment, name: {name}, fieldPath: 'spec.template.spec.containers.0.image'}}\n"
    entry += f"    targets:\n      - select: {{kind: Deployment, name: {name}}}\n"
    entry += "        fieldPaths: ['spec.template.spec.initContainers.[name=warm].image']\n"
    tree.section(tree.base / "kustomization.yaml", "replacements", entry)


def another_name(tree: Tree, _: random.Random) -> None:
    """A Service under another name, by a patch that may change it."""
    name, overlay = tree.services[0], tree.overlays[0]
    service = f"apiVersion: v1\nkind: Service\nmetadata: {{name: before}}\nspec:\n  selector: {{app.kubernetes.io/name: {name}}}\n"
    tree.resource(overlay, "before.yaml", service + "  clusterIP: None\n")
    entry = "  - target: {kind: Service, name: before}\n    options: {allowNameChange: true}\n    patch: |-\n"
    entry += "      apiVersion: v1\n      kind: Service\n      metadata: {name: after}\n"
    tree.section(overlay / "kustomization.yaml", "patches", entry)
    claims = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: peers}\nspec:\n  serviceName: after\n  selector: &all {matchLabels: {app: peers}}\n"
    claims += f"  template: {{metadata: {{labels: {{app: peers}}}}, spec: {{{POD}, containers: [{{name: a, image: 'a:1{DIGEST}'}}]}}}}\n"
    tree.resource(overlay, "peers.yaml", claims)


def a_second_gateway(tree: Tree, _: random.Random) -> None:
    """A Gateway for colleagues, with an address of its own, and a host that leads to Argo CD."""
    for cluster in tree.clusters:
        if (cluster / "gateway/kustomization.yaml").exists():
            text = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: internal\nspec:\n"
            text += "  gatewayClassName: approuting-istio\n  infrastructure:\n    annotations:\n"
            text += "      service.beta.kubernetes.io/azure-load-balancer-internal: 'true'\n"
            text += "      service.beta.kubernetes.io/azure-load-balancer-ipv4: 10.100.0.200\n"
            text += "      service.beta.kubernetes.io/azure-pip-name: pip-internal\n"
            text += "  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]\n"
            tree.resource(cluster / "gateway", "internal.yaml", text)
            route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: argocd}\nspec:\n"
            route += "  parentRefs: [{name: internal}]\n  hostnames: [argocd.corp.example.com]\n"
            route += "  rules: [{backendRefs: [{name: argocd-server, namespace: argocd, port: 80}]}]\n"
            tree.resource(cluster / "gateway", "argocd.yaml", route)


def a_route_of_a_listener(tree: Tree, _: random.Random) -> None:
    """A route that has its host from the listener, one of several backends, and one of another method."""
    for path in sorted(tree.base.glob("*/httproute.yaml"))[:1]:
        name = path.parent.name
        port = yaml.safe_load((path.parent / "service.yaml").read_text())["spec"]["ports"][0]["port"]
        for overlay in tree.overlays:
            gateway = next(tree.root.glob("clusters/*/gateway/gateway.yaml")).read_text()
            if f'"https-{overlay.name}"' in gateway:
                route = (
                    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: by-listener}\nspec:\n"
                )
                route += f"  parentRefs: [{{name: public, namespace: gateway, sectionName: 'https-{overlay.name}'}}]\n  rules:\n"
                route += "    - matches: [{path: {type: PathPrefix, value: /admin}, method: POST, headers: [{name: a, value: b}]}]\n"
                route += f"      backendRefs: [{{name: {name}, port: {port}, weight: 90}}, {{name: {name}, port: {port}, weight: 10}}]\n"
                route += "    - matches: [{path: {type: Exact, value: /old}}]\n"
                route += "      filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /new}}}]\n"
                tree.resource(overlay, "by-listener.yaml", route)


def a_folder_of_applications(tree: Tree, _: random.Random) -> None:
    """Applications that an Application brings, from plain files that name no namespace."""
    for cluster in tree.clusters:
        tree.write(cluster / "teams/a.yaml", f"{PROJECT}{APPLICATION}".replace(", namespace: argocd", "") + "  project: years\n"
                   f"  source: {ELSEWHERE}\n  destination: {HERE}\n")  # fmt: skip
        text = PROJECT.replace("years", "teams").replace("team-*", tree.argocd)
        text += f"{APPLICATION.replace('years', 'teams')}  project: teams\n  source:\n    repoURL: {repository(tree)}\n"
        text += f"    targetRevision: main\n    path: clusters/{cluster.name}/teams\n"
        text += f"  destination: {{server: 'https://kubernetes.default.svc', namespace: {tree.argocd}}}\n"
        tree.resource(cluster, "teams.yaml", text)


def what_clusters_share(tree: Tree, _: random.Random) -> None:
    """A folder of Applications that the folder of each cluster takes in, of a project that each cluster has."""
    common = tree.root / "clusters/common"
    tree.write(common / "kustomization.yaml", "resources: [tools.yaml, project.yaml]\n")
    tree.write(common / "project.yaml", PROJECT)
    text = APPLICATION.removeprefix("---\n").replace("years", "tools")
    tree.write(common / "tools.yaml", f"{text}  project: own\n  source: {ELSEWHERE}\n  destination: {HERE}\n")
    for cluster in tree.clusters:
        tree.insert(cluster / "kustomization.yaml", r"^resources:\n", "  - ../common\n")
        more = (
            PROJECT.replace("years", "own")
            + f"{APPLICATION}  project: years\n  source: {ELSEWHERE}\n  destination: {HERE}\n"
        )
        tree.resource(cluster, "own.yaml", more)
    for path in tree.root.glob("bootstrap/**/templates/application.yaml"):
        tree.insert(path, r"manifest-generate-paths: [^;\n]*", ";../common")


def one_set_for_all_environments(tree: Tree, _: random.Random) -> None:
    """The Applications of the environments of a cluster, made by one ApplicationSet."""
    for path in tree.root.glob("bootstrap/**/templates/project.yaml"):
        if "kind: ApplicationSet" not in path.read_text():
            tree.insert(
                path, r"namespaceResourceWhitelist:\n", "    - group: argoproj.io\n      kind: ApplicationSet\n"
            )
    for cluster in tree.clusters if len(tree.clusters) == 1 else ():
        name = tree.app.name
        for path in sorted(cluster.glob("environments/*.yaml")):
            path.unlink()
            kustomization = cluster / "kustomization.yaml"
            kustomization.write_text(re.sub(rf'  - "?environments/{path.name}"?\n', "", kustomization.read_text()))
        text = SET.removeprefix("---\n") + "  goTemplate: true\n  generators:\n    - git:\n"
        text += f"        repoURL: {repository(tree)}\n        revision: main\n        directories: [{{path: 'apps/{name}/overlays/*'}}]\n"
        text += f"  template:\n    metadata: {{name: '{name}-{{{{ .path.basename }}}}'}}\n    spec:\n"
        text += f"      project: '{name}-{{{{ .path.basename }}}}'\n      source: {{repoURL: '{repository(tree)}', targetRevision: main, path: '{{{{ .path.path }}}}'}}\n"
        text += f"      destination: {{server: 'https://kubernetes.default.svc', namespace: '{name}-{{{{ .path.basename }}}}'}}\n"
        tree.resource(cluster, "environments.yaml", text)


def a_chart_in_every_environment(tree: Tree, _: random.Random) -> None:
    """A cache in the namespace of each environment by an ApplicationSet, and a service that calls it."""
    project = PROJECT.replace("team-*", f"{tree.app.name}-*")
    text = f"{project}{SET}  generators: [{{matrix: {{generators: [{{list: {{elements: [{{env: dev}}]}}}}, {{clusters: {{}}}}]}}}}]\n"
    text += "  template:\n    metadata: {name: 'cache-{{env}}'}\n    spec:\n      project: years\n"
    text += "      source: {repoURL: 'https://charts.example.com', chart: redis, targetRevision: 20.1.0}\n"
    text += f"      destination: {{name: '{{{{name}}}}', namespace: '{tree.app.name}-{{{{env}}}}'}}\n"
    of_cluster("", text)(tree, random.Random(1))
    line = "            - name: CACHE_URL\n              value: http://redis-master:6379\n"
    tree.variable(tree.base / tree.services[0] / "deployment.yaml", line)


def values_of_one_s_own(tree: Tree, _: random.Random) -> None:
    """Values for all clusters, and some that only a person's run takes in."""
    tree.write(tree.root / "terraform/platform/common.tfvars", 'tags = { team = "web" }\n')
    tree.write(tree.root / "terraform/platform/team.auto.tfvars", 'tags = { team = "web", "cost centre" = 7 }\n')
    tree.write(tree.root / "terraform/platform/more.auto.tfvars.json", '{"log_retention_days": 60}\n')
    tree.write(tree.root / "terraform/gitops/common.tfvars", "debug = false\n")
    tree.write(
        tree.root / "terraform/platform/moves.tf",
        "moved {\n  from = azurerm_a.b\n  to   = azurerm_a.c[0]\n}\n\nimport {\n  for_each = local.zones\n  to = azurerm_a.d[each.key]\n"
        '  id = "/subscriptions/${var.a}"\n}\n\nremoved {\n  from = module.old\n  lifecycle { destroy = false }\n}\n\n'
        'module "zone" {\n  for_each = toset(["a", "b"])\n  source   = "../modules/zone"\n  name     = each.key\n}\n',
    )
    tree.write(tree.root / "terraform/modules/zone/main.tf", 'variable "name" { type = string }\n')
    tree.write(tree.root / "terraform/landing-zone/terraform.tfvars", 'environments = ["hub"]\ncluster_name = "hub"\n')


def with_windows_line_ends(tree: Tree, _: random.Random) -> None:
    """Files that an editor has saved with CRLF and a byte order mark."""
    for path in [
        *(tree.overlays[0] / "kustomization.yaml", tree.base / tree.services[0] / "deployment.yaml"),
        *tree.root.glob("terraform/platform/*.tfvars"), *tree.root.glob("terraform/environments"),
        *tree.root.glob(".github/environments"), *tree.root.glob("clusters/*/environments/*.yaml"),
        *tree.root.glob("scripts/signers.toml"), tree.overlays[0] / "imagetags/kustomization.yaml",
    ]:  # fmt: skip
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    deployment = tree.base / tree.services[0] / "deployment.yaml"
    deployment.write_bytes(b"\xef\xbb\xbf" + deployment.read_bytes())
    tree.write(tree.base / "notes für morgen.txt", "a\n")
    tree.resource(tree.base, "Flaggen für Übung.yml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: flaggen}\n")


def links(tree: Tree, _: random.Random) -> None:
    """A link to a file, one to a folder, one to nowhere, and a pointer of Git LFS."""
    (tree.root / "docs/application.yaml").symlink_to("../apps/README.yaml")
    (tree.root / "docs/apps").symlink_to("../apps")
    (tree.root / "docs/gone.yaml").symlink_to("nowhere.yaml")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid {DIGEST[1:]}\nsize 12345\n"
    tree.write(tree.root / "docs/video.mp4", pointer)
    tree.write(tree.root / "tests/data/large.yaml", pointer)
    tree.write(tree.root / ".gitattributes", "*.mp4 filter=lfs diff=lfs merge=lfs -text\n")


def a_submodule(tree: Tree, _: random.Random) -> None:
    """A base in another repository, which a checkout need not have and Argo CD has."""
    path = f"apps/{tree.app.name}/vendor"
    tree.write(tree.root / ".gitmodules", f'[submodule "vendor"]\n\tpath = {path}\n\turl = https://example.com/x\n')
    tree.insert(tree.base / "kustomization.yaml", r"^resources:\n", "  - ../vendor/monitoring\n")
    for application in [
        *tree.root.glob("clusters/*/environments/*.yaml"),
        *tree.root.glob("clusters/*/previews*.yaml"),
    ]:
        if "manifest-generate-paths" in application.read_text():
            tree.insert(application, r"manifest-generate-paths: [^\n]*", ";../../vendor/monitoring")


def a_second_application(tree: Tree, _: random.Random) -> None:
    """A second application, whose images others build."""
    for cluster in tree.clusters[:1]:
        folder, environment = tree.root / "apps/tools", tree.overlays[0].name
        if not (cluster / f"environments/{environment}.yaml").exists():
            return
        pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, image: 'a:1{DIGEST}'}}]}}\n"
        tree.write(folder / environment / "pod.yaml", pod)
        tree.write(folder / environment / "kustomization.yaml", "namespace: team-tools\nresources: [pod.yaml]\n")
        text = f"{PROJECT}{APPLICATION}  project: years\n  source:\n    repoURL: {repository(tree)}\n    targetRevision: main\n"
        text = text.replace("team-*", "team-tools") + f"    path: apps/tools/{environment}\n"
        text += "  destination: {server: 'https://kubernetes.default.svc', namespace: team-tools}\n"
        tree.resource(cluster, "tools.yaml", text)


def a_readme_of_workflows(tree: Tree, _: random.Random) -> None:
    if (tree.root / ".github").exists():
        tree.write(tree.root / ".github/workflows/README.md", "Runs scripts/generated of another repository.\n")
        tree.write(tree.root / ".github/ISSUE_TEMPLATE/bug.yml", "name: Bug\nbody: [{type: input, id: a}]\n")
        tree.write(
            tree.root / ".github/dependabot.yml", "version: 2\nupdates: [{package-ecosystem: npm, directory: /}]\n"
        )


def scripts_by_parts_of_names(tree: Tree, _: random.Random) -> None:
    path = tree.root / "Makefile"
    lines = "\n.PHONY: years\nyears:\n\tscripts/build-$(SERVICE)\n\tscripts/migrate-$${ENVIRONMENT}\n"
    lines += "\tkubectl exec deploy/web -- scripts/seed\n\tdocker run --rm web scripts/seed\n"
    path.write_text(path.read_text() + lines)
    if (tree.root / ".github").exists():
        text = WORKFLOW.format(on="push", runner="ubuntu-24.04")
        text += "      - run: scripts/migrate-${{ github.ref_name }}\n"
        tree.write(tree.root / ".github/workflows/parts.yml", text)


def a_page_about_conflicts(tree: Tree, _: random.Random) -> None:
    text = "# Merging\n\nGit shows:\n\n```text\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> branch\n```\n"
    tree.write(tree.root / "docs/merging.md", text)


def sources_of_programs(tree: Tree, _: random.Random) -> None:
    """YAML that the build of a program fills in, or its tests are to refuse."""
    folder = tree.root / "src" / tree.services[0]
    tree.write(folder / "src/main/resources/application.yml", "app:\n  version: @project.version@\n")
    tree.write(folder / "config/database.yml", "<% if ENV['A'] %>\nproduction:\n  a: <%= ENV['B'] %>\n<% end %>\n")
    tree.write(tree.root / "tests/fixtures/twice.yaml", "a: 1\na: 2\n")
    tree.write(
        tree.root / "helmfile/helmfile.yaml", 'releases:\n{{ range list "a" "b" }}\n  - name: {{ . }}\n{{ end }}\n'
    )


STATEFUL = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: peers}\nspec: {clusterIP: None, selector: {app: peers}, ports: [{name: tcp, port: 7000}]}\n"
    "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: peers\nspec:\n"
    "  serviceName: peers\n  podManagementPolicy: Parallel\n  selector: {matchLabels: &peers {app: peers}}\n"
    "  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Delete}\n"
    "  template: {metadata: {labels: *peers}, spec: {containers: [{name: a, image: 'a:1@sha256:DIGEST', ports: [{containerPort: 7000}]}]}}\n"
    "  volumeClaimTemplates: [{metadata: {name: cache}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]\n"
)
SERVICES = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: legacy}\nspec: {type: ExternalName, externalName: db.corp.example.com}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: printer}\nspec: {ports: [{port: 9100}]}\n---\n"
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: printer-1, labels: {kubernetes.io/service-name: printer}}\n"
    "addressType: IPv4\nports: [{port: 9100}]\nendpoints: [{addresses: [192.0.2.9]}]\n"
)
DAEMON = (
    "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: logs}\nspec:\n  selector: {matchLabels: {app: logs}}\n  template:\n"
    "    metadata: {labels: {app: logs}}\n    spec:\n      initContainers:\n"
    "        - {name: proxy, image: 'a:1@sha256:DIGEST', restartPolicy: Always, ports: [{name: metrics, containerPort: 2020}],"
    " startupProbe: {httpGet: {port: metrics}}}\n"
    "      containers: [{name: a, image: 'b:1@sha256:DIGEST', livenessProbe: {grpc: {port: 9000}}, envFrom: [{prefix: A_, configMapRef: {name: none, optional: true}}]}]\n"
    "      volumes: [{name: model, image: {reference: 'registry.example.com/model:1', pullPolicy: IfNotPresent}},"
    " {name: token, projected: {sources: [{serviceAccountToken: {path: token}}, {downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}}]}},"
    " {name: scratch, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}}]\n"
)
POLICIES = (
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: ranges}\nspec:\n"
    "  podSelector: {matchExpressions: [{key: app.kubernetes.io/name, operator: In, values: [SERVICE]}]}\n  policyTypes: [Egress]\n  egress:\n"
    "    - to: [{ipBlock: {cidr: '2001:DB8:0::/48', except: ['2001:db8:0:1::/64']}}]\n      ports: [{port: 32000, endPort: 32768, protocol: TCP}]\n"
    "    - to: [{namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}, podSelector: {matchLabels: {app: elsewhere}}}]\n      ports: [{port: amqp}]\n"
)
RUNNER = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: spawn}\nrules: [{apiGroups: [batch], resources: [jobs], verbs: [create, delete]}]\n---\n"
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: executors}\nspec:\n"
    "  podSelector: {matchLabels: {spark-role: executor}}\n  ingress: [{from: [{podSelector: {matchLabels: {spark-role: driver}}}]}]\n"
)
GENERATED = (
    "apiVersion: generators.external-secrets.io/v1alpha1\nkind: Password\nmetadata: {name: session}\nspec: {length: 42, noUpper: false, allowRepeat: true}\n---\n"
    "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: session}\nspec:\n  refreshInterval: '0'\n  target:\n    name: session-key\n"
    "    template: {engineVersion: v2, type: Opaque, data: {config.ini: 'key = {{ .password }}'}}\n"
    "  dataFrom: [{sourceRef: {generatorRef: {apiVersion: generators.external-secrets.io/v1alpha1, kind: Password, name: session}},"
    " rewrite: [{regexp: {source: a, target: b}}]}]\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: uses}\nspec: {containers: [{name: a, image: 'a:1@sha256:DIGEST', envFrom: [{secretRef: {name: session-key}}]}]}\n"
)
PARAMETERS = ("apiVersion: monitoring.coreos.com/v1alpha1\nkind: AlertmanagerConfig\nmetadata: {name: a}\nspec:\n  route:\n    matchers:\n"
              "      - name: severity\n        matchType: =\n        value: page\n")  # fmt: skip

LOGIN = """\
name: Own login
on: {push: {branches: [main]}}
permissions: {id-token: write}
jobs:
  a:
    runs-on: {group: large, labels: [x64]}
    concurrency: {group: a, cancel-in-progress: true}
    defaults: {run: {shell: 'pwsh -File {0}', working-directory: tools}}
    services: {db: {image: 'postgres:17', ports: ['5432:5432']}}
    steps:
      - uses: azure/login@a457da9ea143d694b1b9c7c869ebb04ebe844ef5 # v2.3.0
        with: {creds: '${{ secrets.LEGACY_CREDENTIALS }}'}
      - uses: azure/login@a457da9ea143d694b1b9c7c869ebb04ebe844ef5 # v2.3.0
        with: {client-id: '${{ vars.DATA_TEAM_CLIENT_ID }}', tenant-id: a, subscription-id: b}
"""
REUSED = """\
name: Scan
on:
  workflow_call:
    inputs: {environment: {type: string, default: hub}}
    outputs: {a: {value: '${{ jobs.scan.outputs.a }}'}}
jobs:
  scan:
    strategy: {fail-fast: false, max-parallel: 2, matrix: {service: [SERVICE, postgres, redis], exclude: [{service: redis}], include: [{service: b, extra: 1}]}}
    runs-on: ${{ matrix.os || 'ubuntu-24.04' }}
    outputs: {a: b}
    timeout-minutes: ${{ fromJSON('5') }}
    container: {image: 'a:1', credentials: {username: a, password: '${{ secrets.A }}'}}
    steps: [{uses: ./.github/actions/own, with: {a: b}}]
  other:
    uses: example-org/workflows/.github/workflows/deploy.yml@v1
    with: {environment: elsewhere}
    secrets: inherit
"""


def a_reused_workflow(tree: Tree, _: random.Random) -> None:
    if (tree.root / ".github").exists():
        sources = [path.parent.name for path in tree.root.glob("src/*/Dockerfile")] or ["a"]
        tree.write(tree.root / ".github/workflows/scan.yml", REUSED.replace("SERVICE", sources[0]))
        tree.write(
            tree.root / ".github/actions/own/action.yml",
            "name: a\nruns: {using: composite, steps: [{run: echo, shell: bash}]}\n",
        )


def generators_of(name: str, generator: str, more: str = "") -> Extension:
    template = f"  template:\n    metadata: {{name: 'a-{{{{name}}}}'}}\n    spec:\n      project: years\n      source: {ELSEWHERE}\n"
    template += "      destination: {name: '{{name}}', namespace: team-a}\n"
    return of_cluster(f"ApplicationSet by {name}", f"{PROJECT}{SET}  generators: [{generator}]\n{template}{more}")


GENERATORS = {
    "clusters": "{clusters: {selector: {matchLabels: {env: prod}}, values: {a: b}}}",
    "files": "{git: {repoURL: 'https://git.example.com/a', revision: main, files: [{path: 'a/**/config.json'}]}}",
    "merge": "{merge: {mergeKeys: [server], generators: [{clusters: {}}, {list: {elements: [{server: a}]}}]}}",
    "organisation": "{scmProvider: {github: {organization: a, allBranches: true}, filters: [{repositoryMatch: '^svc-'}]}}",
    "requests of another repository": "{pullRequest: {gitlab: {project: '7', labels: [preview]}}}",
    "decisions": "{clusterDecisionResource: {configMapRef: a, name: b, requeueAfterSeconds: 180}}",
    "a plugin": "{plugin: {configMapRef: {name: a}, input: {parameters: {a: b}}}}",
}

CONTAINERS = {
    "a host of hostAliases": ("            - name: LEGACY_URL\n              value: http://legacy:8080\n",
                              "      hostAliases: [{ip: 192.0.2.7, hostnames: [legacy]}]\n"),
    "a host of a search domain": ("            - name: LEGACY_URL\n              value: http://legacy:8080\n",
                                  "      dnsConfig: {searches: [corp.example.com]}\n"),
    "a proxy by Istio": ("", "      initContainers: [{name: istio-proxy, image: auto}]\n"),
}  # fmt: skip


def with_pods(name: str, variable: str, pods: str) -> Extension:
    def add(tree: Tree, chance: random.Random) -> None:
        path = tree.base / tree.services[0] / "deployment.yaml"
        if "initContainers" not in path.read_text() or "initContainers" not in pods:
            of_pods("", pods)(tree, chance)
        if variable:
            tree.variable(path, variable)

    add.__name__ = name
    return add


def its_own_address(tree: Tree, _: random.Random) -> None:
    """A service that tells others by which address it is called, and whose words for tokens look like addresses."""
    for name in tree.services:
        service = tree.base / name / "service.yaml"
        if service.exists():
            port = yaml.safe_load(service.read_text())["spec"]["ports"][0]["port"]
            line = f"            - name: ADVERTISED_URL\n              value: http://{name}:{port}\n"
            tree.variable(tree.base / name / "deployment.yaml", line)


def names_that_look_like_addresses(tree: Tree, _: random.Random) -> None:
    for name, value in (
        ("CORS_ORIGIN", "https://partner.example.com"), ("OIDC_AUDIENCE", "https://api.example.com"),
        ("ALLOWED_ORIGINS", "https://app.example.com"), ("PUBLIC_URL", "https://www.example.com/shop"),
        ("JWT_AUD", "https://graph.example.com/.default"), ("OAUTH_REDIRECT_URI", "https://www.example.com/callback"),
    ):  # fmt: skip
        line = f"            - name: {name}\n              value: {value}\n"
        tree.variable(tree.base / tree.services[0] / "deployment.yaml", line)


EXTENSIONS: tuple[Extension, ...] = (
    *(images_of_the_base, an_image_of_an_overlay, labels_of_every_template, a_patch_in_json, operations_of_every_kind),
    *(what_other_fields_have_made, the_same_elsewhere),
    *(ports_by_a_patch, a_replaced_image, another_name, a_second_gateway, a_route_of_a_listener),
    *(a_folder_of_applications, what_clusters_share, one_set_for_all_environments, a_chart_in_every_environment),
    *(values_of_one_s_own, with_windows_line_ends, links, a_submodule, a_second_application),
    *(a_readme_of_workflows, scripts_by_parts_of_names, a_page_about_conflicts, sources_of_programs, a_reused_workflow),
    *(its_own_address, names_that_look_like_addresses),
    *(generators_of(*row) for row in GENERATORS.items()),
    *(with_pods(name, *row) for name, row in CONTAINERS.items()),
    of_objects("a StatefulSet of one's own", STATEFUL),
    of_objects("Services without pods", SERVICES, ("discovery.k8s.io", "EndpointSlice")),
    of_objects("a DaemonSet", DAEMON, ("apps", "DaemonSet")),
    of_objects("policies by ranges", POLICIES),
    of_objects("pods that a program starts", RUNNER, ("rbac.authorization.k8s.io", "Role")),
    of_objects("a generated secret", GENERATED, ("generators.external-secrets.io", "Password"), ("", "Pod")),
    of_objects("a value that is an equals sign", PARAMETERS, ("monitoring.coreos.com", "AlertmanagerConfig")),
    of_objects(
        "a document behind a comment", "# A comment.\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    ),
    of_kustomization(
        "configurations and openapi",
        {
            "names.yaml": "nameReference: [{kind: ConfigMap, fieldSpecs: [{kind: Foo, path: spec/a}]}]\n",
            "schema.json": SCHEMA,
        },
        ("configurations", "  - names.yaml\n"),
        ("buildMetadata", "[managedByLabel]"),
        ("sortOptions", "{order: fifo}"),
    ),
    of_kustomization(
        "generators with options",
        {"a.env": "A=b\n", "mit leerzeichen.txt": "x\n"},
        ("generatorOptions", "{disableNameSuffixHash: true, labels: {a: b}, annotations: {c: d}}"),
        (
            "configMapGenerator",
            "  - {name: a, envs: [a.env], literals: [B=c], options: {immutable: true}}\n"
            "  - {name: b, files: ['k.txt=mit leerzeichen.txt']}\n",
        ),
    ),
    of_kustomization(
        "targets by expressions",
        {},
        (
            "patches",
            "  - target: {group: apps, version: v1, kind: Deployment|StatefulSet, name: '(?i)SER.*|[[:alpha:]]+.*'}\n"
            '    patch: \'[{"op": "add", "path": "/metadata/annotations/a.b~1c~0d", "value": "1"}]\'\n'
            "  - target: {kind: Deployment, annotationSelector: 'a in (b)'}\n    patch: |-\n      - {op: test, path: /kind, value: Deployment}\n",
        ),
    ),
    of_kustomization("a prefix of names", {}, ("nameSuffix", "-v2")),
    of_cluster(
        "a project with windows and roles",
        PROJECT + "  clusterResourceWhitelist: [{group: '', kind: Namespace}]\n  orphanedResources: {warn: false}\n"
        "  syncWindows: [{kind: deny, schedule: '0 22 * * 5', duration: 56h, applications: ['*'], timeZone: Europe/Berlin, manualSync: true}]\n"
        "  roles: [{name: ci, policies: ['p, proj:years:ci, applications, sync, years/*, allow'], groups: [a]}]\n"
        f"{APPLICATION}  project: years\n  destination: {{name: in-cluster, namespace: team-a}}\n  sources:\n"
        f"    - {{repoURL: REPOSITORY, targetRevision: main, ref: values}}\n    - {ELSEWHERE}\n"
        "    - {repoURL: registry.example.com/charts, chart: web, targetRevision: '~1.2', helm: {valueFiles: [$values/a.yaml], parameters: [{name: a, value: b}]}}\n",
    ),
    of_cluster(
        "a set with a patch of its template",
        f"{PROJECT}{SET}  goTemplate: true\n  goTemplateOptions: [missingkey=error]\n  generators: [{{clusters: {{}}}}]\n"
        "  strategy: {type: RollingSync, rollingSync: {steps: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}\n"
        "  templatePatch: |\n    spec:\n      {{- if .a }}\n      syncPolicy: {automated: {}}\n      {{- end }}\n"
        f"  template:\n    metadata: {{name: '{{{{ .name }}}}'}}\n    spec: {{project: years, source: {ELSEWHERE}, destination: {{server: '{{{{ .server }}}}', namespace: team-a}}}}\n",
    ),
    of_workflow_text("own-login", LOGIN),
    of_operator(
        "gateway.networking.k8s.io/v1alpha2",
        "TCPRoute",
        "{parentRefs: [{name: a, namespace: b, sectionName: tcp}], rules: [{backendRefs: [{name: other, port: 5432}]}]}",
    ),
    of_operator(
        "gateway.networking.k8s.io/v1",
        "BackendTLSPolicy",
        "{targetRefs: [{group: '', kind: Service, name: SERVICE}], validation: {hostname: a, wellKnownCACertificates: System}}",
    ),
    of_operator(
        "argoproj.io/v1alpha1",
        "AnalysisTemplate",
        "{args: [{name: a}], metrics: [{name: a, provider: {job: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'b:1@sha256:DIGEST'}]}}}}}}]}",
    ),
    of_file("docs/runbook with spaces & ümläuts.yaml", "a: &a {b: c}\nd: *a\n"),
    of_file(".devcontainer/devcontainer.json", '// Comments are allowed here.\n{"image": "a"}\n'),
    of_file(
        ".sops.yaml", "creation_rules: [{path_regex: .*, azure_keyvault: 'https://kv.vault.azure.net/keys/a/b'}]\n"
    ),
    of_file("scripts/report.rb", "puts `scripts/none`\n"),
)
