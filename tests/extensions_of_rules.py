"""What each rule of scripts/checks could take for wrong and is right: scripts/validate has nothing to say of it.

An edit that is for some products only does nothing in others.
"""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.extensions import ACTION, DIGEST, Extension, Tree
from tests.extensions_of_variants import ASKED, POD, lines_of, namespace_of, port_of
from tests.extensions_of_years import (
    APPLICATION,
    ELSEWHERE,
    HERE,
    PROJECT,
    of_cluster,
    of_container,
    of_kustomization,
    of_objects,
    of_workflow_text,
    repository,
)


def _environments(tree: Tree) -> list[Path]:
    """Return the files of the Applications of environments."""
    return sorted(tree.root.glob("clusters/*/environments/*.yaml"))


def _edit(paths: list[Path], pattern: str, text: str | Callable[[re.Match[str]], str]) -> None:
    """Replace what a pattern finds in files, where it finds something."""
    for path in paths:
        path.write_text(re.sub(pattern, text, path.read_text(), flags=re.MULTILINE))


def _run_by(tree: Tree, name: str, line: str) -> None:
    """Add a target to the Makefile."""
    path = tree.root / "Makefile"
    path.write_text(path.read_text() + f"\n.PHONY: {name}\n{name}:\n{line}")


def _here(tree: Tree, folder: str, source: str = "") -> str:
    """Return a project and an Application that deploys a folder of this repository to a namespace of a team."""
    text = f"{PROJECT}{APPLICATION}  project: years\n  source:\n    repoURL: {repository(tree)}\n    targetRevision: main\n"
    return f"{text}    path: {folder}\n{source}  destination: {HERE}\n"


# Argo CD


def a_namespace_by_its_kustomization(tree: Tree, _: random.Random) -> None:
    """A Namespace under any name: kustomize gives it that of the kustomization."""
    for overlay in tree.overlays:
        _edit([overlay / "namespace.yaml"], r"^(  name:) .*", r"\1 namespace")


def applications_in_any_namespace(tree: Tree, _: random.Random) -> None:
    """Teams write Applications in their own namespaces, which Argo CD has been told to look into."""
    for cluster in tree.clusters:
        path = cluster / "kustomization.yaml"
        path.write_text(re.sub(r"(?m)^namespace: .*\n", "", path.read_text()))
        project, application = f"{PROJECT}{APPLICATION}".split("---\n")
        project = project.replace("sourceRepos", "sourceNamespaces: [team-a]\n  sourceRepos")
        application = application.replace("namespace: argocd", "namespace: team-a")
        tree.resource(
            cluster,
            "team.yaml",
            f"{project}---\n{application}  project: years\n  source: {ELSEWHERE}\n  destination: {HERE}\n",
        )
    for path in tree.root.glob("bootstrap/**/templates/project.yaml"):
        tree.insert(
            path, r"^  destinations:\n", "    - {server: 'https://kubernetes.default.svc', namespace: team-a}\n"
        )


def applications_by_prefixes(tree: Tree, _: random.Random) -> None:
    """One name in two folders, each of which puts its own in front of it."""
    for cluster in tree.clusters:
        for colour in ("blue", "green"):
            text = f"{PROJECT}{APPLICATION}  project: {colour}-years\n  source: {ELSEWHERE}\n  destination: {HERE}\n"
            tree.write(cluster / colour / "tools.yaml", text)
            tree.write(cluster / colour / "kustomization.yaml", f"namePrefix: {colour}-\nresources: [tools.yaml]\n")
            tree.insert(cluster / "kustomization.yaml", r"^resources:\n", f"  - {colour}\n")


def a_project_of_the_platform(tree: Tree, _: random.Random) -> None:
    """Projects come from the repository of a platform team, by an Application of this one."""
    text = f"{PROJECT.replace('team-*', tree.argocd)}{APPLICATION}  project: years\n"
    text += f"  source: {ELSEWHERE}\n  destination: {{server: 'https://kubernetes.default.svc', namespace: {tree.argocd}}}\n"
    of_cluster(
        "",
        text
        + f"{APPLICATION.replace('years', 'wiki')}  project: team-a\n  source: {ELSEWHERE}\n  destination: {HERE}\n",
    )(tree, random.Random(1))


def a_destination_by_its_name(tree: Tree, _: random.Random) -> None:
    """The cluster by its other name, beside a further one of the project."""
    for path in _environments(tree):
        rights = path.parents[1] / "projects" / path.name
        name = yaml.safe_load(path.read_text())["spec"]["destination"].get("namespace")
        if "server: https://kubernetes.default.svc" in path.read_text() and rights.exists():
            tree.insert(rights, r"^  destinations:\n", f"    - {{name: edge, namespace: {name}}}\n")
            _edit([path], r"server: https://kubernetes.default.svc", "name: in-cluster")


def the_newest_of_the_main_branch(tree: Tree, _: random.Random) -> None:
    _edit(_environments(tree), r"^(    targetRevision:) main$", r"\1 HEAD")


def an_address_in_other_letters(tree: Tree, _: random.Random) -> None:
    """The same repository, as Argo CD compares addresses: without regard to `.git` and to capitals."""
    for path in _environments(tree):
        _edit(
            [path],
            r'^(    repoURL: )"?([^"\n]*?)(?:\.git)?"?$',
            lambda one: f"{one[1]}{one[2].upper().replace('HTTPS:', 'https:')}.git",
        )


def an_application_of_a_branch(tree: Tree, _: random.Random) -> None:
    """A folder that only the branch of rendered manifests has."""
    of_cluster("", _here(tree, "tools/dev").replace("targetRevision: main", "targetRevision: rendered"))(
        tree, random.Random(1)
    )


def an_application_of_the_root(tree: Tree, _: random.Random) -> None:
    source = "    directory: {include: 'docs/dashboards/*.json'}\n"
    of_cluster("", _here(tree, ".", source))(tree, random.Random(1))


def a_path_with_a_dot(tree: Tree, _: random.Random) -> None:
    tree.write(tree.root / "tools/dev/flags.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    of_cluster("", _here(tree, "./tools/dev/"))(tree, random.Random(1))


def an_application_of_a_submodule(tree: Tree, _: random.Random) -> None:
    tree.write(tree.root / ".gitmodules", '[submodule "vendor"]\n\tpath = vendor\n\turl = https://example.com/x\n')
    of_cluster("", _here(tree, "vendor/monitoring"))(tree, random.Random(1))


def a_namespace_by_the_application(tree: Tree, _: random.Random) -> None:
    """A second Application of a folder, whose namespace it sets itself."""
    tree.write(
        tree.root / "apps/tools/dev/pod.yaml", f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{{POD}}}\n"
    )
    tree.write(tree.root / "apps/tools/dev/kustomization.yaml", "namespace: tools\nresources: [pod.yaml]\n")
    of_cluster("", _here(tree, "apps/tools/dev", "    kustomize: {namespace: team-a}\n"))(tree, random.Random(1))


def examples_below_plain_files(tree: Tree, _: random.Random) -> None:
    """A folder without a kustomization, of which Argo CD reads no folder below."""
    folder = tree.root / "apps/tools/manifests"
    tree.write(folder / "pod.yaml", f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{{POD}}}\n")
    tree.write(folder / "examples/class.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: example}\n")
    of_cluster("", _here(tree, "apps/tools/manifests"))(tree, random.Random(1))


def a_bootstrap_that_helm_fills_in(tree: Tree, _: random.Random) -> None:
    for path in tree.root.glob("bootstrap/**/templates/application.yaml"):
        tree.insert(path, r"^metadata:\n", "  labels: {release: '{{ .Release.Name }}'}\n")


def a_second_namespace_of_an_environment(tree: Tree, _: random.Random) -> None:
    """A namespace for jobs that the repository of another team deploys, by the project of the environment."""
    for path in tree.root.glob("clusters/*/projects/*.yaml"):
        server = re.search(r"- server: .*", path.read_text())
        if server:
            tree.insert(path, r"^  destinations:\n", f"    {server[0]}\n      namespace: batch-of-{path.stem}\n")


def an_application_in_parts(tree: Tree, _: random.Random) -> None:
    """What all Applications of some tools have in common, and a patch with the rest of each."""
    for cluster in tree.clusters:
        base = tree.root / "clusters/tools"
        text = f"{PROJECT}{APPLICATION}  project: years\n  source: {{repoURL: 'https://git.example.com/a', targetRevision: v1}}\n"
        tree.write(base / "tools.yaml", f"{text}  destination: {{namespace: team-a}}\n")
        tree.write(base / "kustomization.yaml", "resources: [tools.yaml]\n")
        patch = '[{"op": "add", "path": "/spec/source/path", "value": "a"}, {"op": "add", "path": "/spec/destination/name", "value": "in-cluster"}]'
        tree.write(
            cluster / "tools/kustomization.yaml",
            f"resources: [../../tools]\npatches:\n  - target: {{kind: Application, name: years}}\n    patch: '{patch}'\n",
        )
        tree.insert(cluster / "kustomization.yaml", r"^resources:\n", "  - tools\n")
    for path in tree.root.glob("bootstrap/**/templates/application.yaml"):
        tree.insert(path, r"manifest-generate-paths: [^;\n]*", ";../tools")


# Clusters and their values


def a_state_by_another_key(tree: Tree, _: random.Random) -> None:
    """States in a storage account of the environment, by keys that name no cluster."""
    for path in tree.root.glob("terraform/*/prod.azurerm.tfbackend"):
        _edit([path], r"^key = .*", f'key = "prod/{path.parent.name}.tfstate"')
    for path in tree.root.glob("terraform/gitops/prod.tfvars"):
        _edit([path], r"^(\s+key\s+=) .*", r'\1 "prod/platform.tfstate"')


def a_state_in_another_account(tree: Tree, _: random.Random) -> None:
    for path in [*tree.root.glob("terraform/platform/prod.tfvars"), *tree.root.glob("terraform/gitops/prod.tfvars")]:
        _edit([path], r"storage_account_name = \"st", 'storage_account_name = "stprod')


def a_registry_of_a_cluster(tree: Tree, _: random.Random) -> None:
    """Production has a registry of its own, which other Terraform code makes and images are copied to."""
    path = tree.root / "terraform/platform/prod.tfvars"
    if path.exists() and "registry_name" in path.read_text():
        _edit([path], r"^registry_name = .*", 'registry_name = "companyprod"')
        _edit([path], r"^registry_resource_group_name = .*", 'registry_resource_group_name = "rg-company"')
        text = (tree.app / "overlays/prod/imagetags/kustomization.yaml").read_text()
        for name in re.findall(r'name: "?([^"\n]*azurecr[^"\n]*)', text):
            if f'name: "{name}"' not in (tree.app / "overlays/prod/kustomization.yaml").read_text():
                entry = f'  - name: "{name}"\n    newName: companyprod.azurecr.io/{name.rpartition("/")[2]}\n'
                tree.section(tree.app / "overlays/prod/kustomization.yaml", "images", entry)


def a_report_from_a_replica(tree: Tree, _: random.Random) -> None:
    """A job that reads from a replica, and one that reads the database of another team."""
    for path in sorted(tree.root.glob("terraform/platform/*.tfvars"))[:1]:
        if found := re.search(r'^database_server_name = "(.*)"', path.read_text(), re.M):
            for number, host in enumerate((f"{found[1]}-replica", "billing")):
                job = f"apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: report{number}}}\nspec:\n  schedule: '@daily'\n  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, "
                env = f"env: [{{name: PGHOST, value: {host}.postgres.database.azure.com}}], "
                tree.resource(tree.base, f"report{number}.yaml", f"{job}{POD.replace(ASKED, env + ASKED)}}}}}}}}}\n")


def a_policy_for_the_whole_network(tree: Tree, _: random.Random) -> None:
    """The range of the network in place of the subnet of the database server, which is in it."""
    for path in tree.base.glob("*/*networkpolicy.yaml"):
        _edit([path], r"10\.100\.4\.0/27", "10.100.0.0/16")


def a_backup_by_a_full_name(tree: Tree, _: random.Random) -> None:
    name = namespace_of(tree.overlays[0])
    for path in tree.base.glob("database/backup.yaml"):
        _edit([path], r"value: database$", f"value: database.{name}.svc.cluster.local")


# Kustomize


def what_stays_on_the_machine(tree: Tree, _: random.Random) -> None:
    """An object that is there for a replacement alone: kustomize leaves it out of what it builds."""
    text = "apiVersion: example.com/v1\nkind: Settings\nmetadata: {name: all, annotations: {config.kubernetes.io/local-config: 'true'}}\nspec: {tier: web}\n"
    tree.resource(tree.base, "settings.yaml", text)


def an_object_that_is_written_in_a_comment(tree: Tree, _: random.Random) -> None:
    """A file that holds nothing until next week."""
    tree.resource(tree.base, "quota.yaml", "# apiVersion: v1\n# kind: ResourceQuota\n")


def a_laptop_with_its_own_settings(tree: Tree, _: random.Random) -> None:
    """An overlay of a laptop, with a file that Git passes over, passwords that protect nothing, and a patch to come."""
    folder = tree.app / "overlays/local"
    text = "resources:\n  - ../../base\n  - secret.yaml\nsecretGenerator:\n  - {name: database, literals: [password=postgres]}\n"
    text += "configMapGenerator:\n  - {name: mine, envs: [.env]}\n"
    tree.write(folder / "kustomization.yaml", text)
    tree.write(
        folder / "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: mail}\nstringData: {password: postgres}\n",
    )


def options_of_kustomize(tree: Tree, _: random.Random) -> None:
    """Argo CD lets kustomize read files of other folders."""
    for path in tree.root.glob("terraform/gitops/values/argocd.yaml"):
        path.write_text(
            path.read_text() + "\n# configs: cm:\n#   kustomize.buildOptions: --load-restrictor LoadRestrictionsNone\n"
        )


def a_volume_that_a_program_mounts(tree: Tree, _: random.Random) -> None:
    """A volume for a container that an admission webhook adds."""
    patch = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {tree.services[0]}}}\nspec: {{template: {{spec: {{volumes: [{{name: agent, emptyDir: {{sizeLimit: 1Mi}}}}]}}}}}}\n"
    tree.write(tree.overlays[0] / "agent.yaml", patch)
    tree.section(tree.overlays[0] / "kustomization.yaml", "patches", "  - path: agent.yaml\n")


# Pods, Services and policies

PEERS = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: peers}\nspec: {clusterIP: None, selector: {app: peers}, ports: [{name: tcp, port: 7000}]}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: peers-0}\nspec: {selector: {statefulset.kubernetes.io/pod-name: peers-0}, ports: [{port: 7000}]}\n"
    "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: peers}\nspec:\n  serviceName: peers\n  selector: {matchLabels: &peers {app: peers}}\n"
    f"  template: {{metadata: {{labels: *peers}}, spec: {{{POD.replace(ASKED, 'ports: [{containerPort: 7000}, {name: metrics, containerPort: 9187}], ' + ASKED)}}}}}\n"
)
RULES = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: years}\nspec:\n"
JOB = f"apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: audit}}\nspec:\n  schedule: '@daily'\n  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, {POD}}}}}}}}}\n"


def a_headless_service(tree: Tree, chance: random.Random) -> None:
    """Any port of the pods behind it can be called."""
    of_objects("", PEERS.split("---\n")[0] + "---\n" + PEERS.split("---\n")[2])(tree, chance)
    of_container("", "            - {name: STATISTICS, value: 'http://peers:9187/metrics'}\n")(tree, chance)


def a_policy_of_no_more_than_names(tree: Tree, _: random.Random) -> None:
    """Port 53 by the name that the pods of CoreDNS give it, or in a range."""
    path = tree.base / "networkpolicy.yaml"
    if path.exists():
        _edit([path], r"port: 53$", "port: dns")
        for other in tree.app.glob("base/*/*networkpolicy.yaml"):
            _edit([other], r"port: 53$", "port: dns")


def a_proxy_of_the_company(tree: Tree, chance: random.Random) -> None:
    """Pods reach the internet through a proxy, and policies let them out to that alone."""
    of_container(
        "",
        "            - {name: HTTPS_PROXY, value: 'http://proxy.corp.internal:3128'}\n            - {name: RATES, value: 'https://api.rates.io/v1'}\n",
    )(tree, chance)


def its_own_address_by_an_ingress(tree: Tree, chance: random.Random) -> None:
    """The address that a page gives to browsers, and one in a header."""
    of_container(
        "",
        "            - {name: VITE_BACKEND, value: 'https://api.goals.io'}\n            - {name: CONNECT_SRC, value: 'https://api.stripe.com'}\n",
    )(tree, chance)


def a_secret_by_terraform(tree: Tree, chance: random.Random) -> None:
    text = 'resource "kubernetes_secret_v1" "mail" {\n  metadata {\n    name      = "mail"\n    namespace = "team-a"\n  }\n}\n'
    tree.write(tree.root / "terraform/gitops/secrets.tf", text)
    entry = "            - {name: MAIL_TOKEN, valueFrom: {secretKeyRef: {name: mail, key: token}}}\n"
    of_container("", entry)(tree, chance)


def secrets_by_a_plugin(tree: Tree, _: random.Random) -> None:
    """Words that a plugin of Argo CD replaces by what a vault holds."""
    tree.resource(
        tree.base,
        "mail.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: mail, annotations: {avp.kubernetes.io/path: kv/data/mail}}\nstringData: {token: <token>}\n",
    )
    tree.allow("", "Secret")


def a_store_of_another_vault(tree: Tree, _: random.Random) -> None:
    """A store for the vault of another team, and one of ours for two namespaces, by names like those of the template."""
    for cluster in tree.clusters:
        folder = cluster / "external-secrets"
        if not (folder / "kustomization.yaml").exists():
            continue
        url = re.search(r"vaultUrl: .*", "".join(path.read_text() for path in folder.glob("key-vault-*.yaml")))[0]  # type: ignore[index]
        for name, where in (("payments", "vaultUrl: https://kv-payments.vault.azure.net"), ("tools", url)):
            store = f"apiVersion: external-secrets.io/v1\nkind: ClusterSecretStore\nmetadata: {{name: key-vault-{name}}}\nspec:\n"
            store += "  conditions: [{namespaces: [monitoring, team-a]}]\n  provider:\n    azurekv:\n"
            store += f"      {where}\n      authType: WorkloadIdentity\n      serviceAccountRef: {{name: eso, namespace: external-secrets}}\n"
            tree.resource(folder, f"{name}.yaml", store)


def a_store_of_the_platform(tree: Tree, chance: random.Random) -> None:
    """A store that the owners of the cluster have made for everybody, by a name like ours."""
    text = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: company}\nspec:\n"
    text += "  secretStoreRef: {name: key-vault-company, kind: ClusterSecretStore}\n  data: [{secretKey: a, remoteRef: {key: a}}]\n"
    of_objects("", text)(tree, chance)


# Gateways


def a_route_of_all_hosts(tree: Tree, _: random.Random) -> None:
    """A route that has its hosts from the listener: there is one for each environment, which lets in no other."""
    for path in sorted(tree.base.glob("*/httproute.yaml"))[:1]:
        route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: security}\nspec:\n"
        route += "  parentRefs: [{name: public, namespace: gateway}]\n"
        route += f"  rules: [{{matches: [{{path: {{type: Exact, value: /.well-known/security.txt}}}}], backendRefs: [{{name: {path.parent.name}, port: {port_of(tree, path.parent.name)}}}]}}]\n"
        tree.resource(tree.base, "security.yaml", route)


def _route(tree: Tree, overlay: Path, host: str, more: str = "", parent: str = "") -> None:
    for path in sorted(tree.base.glob("*/httproute.yaml"))[:1]:
        route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: more}\nspec:\n"
        route += f"  parentRefs: [{{name: public, namespace: gateway{parent}}}]\n  hostnames: ['{host}']\n"
        route += f"  rules: [{{{more}backendRefs: [{{name: {path.parent.name}, port: {port_of(tree, path.parent.name)}}}]}}]\n"
        tree.resource(overlay, "more.yaml", route)


def _hosts(tree: Tree) -> dict[str, str]:
    """Return the host of each environment by a listener of its name, behind the Gateway of the template."""
    text = "".join(path.read_text() for path in sorted(tree.root.glob("clusters/*/gateway/gateway.yaml")))
    return dict(re.findall(r'name: "https-([\w-]+)"\n +hostname: "(.*)"', text))


def hosts_wider_than_the_listener(tree: Tree, _: random.Random) -> None:
    """A route of every host of a domain gets those that a listener has."""
    for overlay in tree.overlays:
        if host := _hosts(tree).get(overlay.name):
            _route(tree, overlay, f"*.{host.partition('.')[2]}", "matches: [{path: {type: Exact, value: /status}}], ")
    for path in tree.root.glob("clusters/*/gateway/httproute.yaml"):
        for host in _hosts(tree).values():
            lines_of(tree, path, r"^  hostnames:\n", f"    - '*.{host.partition('.')[2]}'\n")


def a_host_by_a_header(tree: Tree, _: random.Random) -> None:
    """Requests with a header go to the other environment of a host."""
    for cluster in tree.clusters:
        hosts = [host for name, host in _hosts(tree).items() if (cluster / f"environments/{name}.yaml").exists()]
        overlays = [one for one in tree.overlays if (cluster / f"environments/{one.name}.yaml").exists()]
        if len(hosts) > 1 and len(overlays) > 1:
            own = _hosts(tree)[overlays[-1].name]
            _route(tree, overlays[0], own, "matches: [{headers: [{name: x-canary, value: 'yes'}]}], ")
            gateway = cluster / "gateway/gateway.yaml"
            text = gateway.read_text()
            name = (
                f'            matchLabels:\n              kubernetes.io/metadata.name: "{namespace_of(overlays[-1])}"\n'
            )
            gateway.write_text(text.replace(name, "            matchExpressions: [{key: team, operator: Exists}]\n"))


def a_host_without_tls(tree: Tree, _: random.Random) -> None:
    """A host for devices that speak no TLS, by the listener of plain HTTP."""
    for cluster in tree.clusters:
        gateway = cluster / "gateway/gateway.yaml"
        overlays = [one for one in tree.overlays if (cluster / f"environments/{one.name}.yaml").exists()]
        if gateway.exists() and overlays:
            text = "    - name: devices\n      port: 80\n      protocol: HTTP\n      hostname: devices.example.com\n      allowedRoutes: {namespaces: {from: All}}\n"
            tree.insert(gateway, r"^  listeners:\n", text)
            _route(tree, overlays[0], "devices.example.com", parent=", sectionName: devices")


def an_issuer_of_another_folder(tree: Tree, _: random.Random) -> None:
    """Issuers of the namespace of a Gateway, brought beside cert-manager."""
    for cluster in tree.clusters:
        gateway = cluster / "gateway/gateway.yaml"
        if gateway.exists():
            issuer = "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: company, namespace: gateway}\nspec: {ca: {secretName: ca}}\n"
            tree.write(cluster / "issuers/issuer.yaml", issuer)
            project = PROJECT.replace("team-*", "gateway")
            text = f"{project}{APPLICATION}  project: years\n  source:\n    repoURL: {repository(tree)}\n    targetRevision: main\n    path: clusters/{cluster.name}/issuers\n"
            tree.resource(cluster, "issuers.yaml", text + f"  destination: {HERE.replace('team-a', 'gateway')}\n")
            _edit([gateway], r"cert-manager.io/issuer: .*", "cert-manager.io/issuer: company")


# Scripts and pipelines


def commands_on_several_lines(tree: Tree, _: random.Random) -> None:
    """Scripts of an image and of a machine, whose names are in the second line of a command or behind a variable."""
    _run_by(
        tree, "seed", "\tkubectl exec deploy/web -- \\\n\t  scripts/seed --all\n\t$(COMPOSE) exec web scripts/seed\n"
    )


def scripts_by_other_programs(tree: Tree, _: random.Random) -> None:
    """A script without the right to run, which some program reads, or which gets that right first."""
    tree.write(tree.root / "scripts/load-test", "#!/usr/bin/env -S uv run\n")
    lines = "\tuv run scripts/load-test\n\tcat scripts/load-test\n\tbash -eu scripts/load-test\n\tchmod +x scripts/load-test && scripts/load-test\n"
    _run_by(tree, "load-test", lines)


GUEST = """\
name: Lint another repository
on: workflow_dispatch
permissions: {}
jobs:
  lint:
    runs-on: ubuntu-24.04
    steps:
      - uses: CHECKOUT
        with:
          repository: example-org/tools
          persist-credentials: false
      - run: scripts/lint-all
"""
GENERATED = """\
name: Generated
on:
  push:
    paths: [scripts/legacy, src/**]
permissions: {}
jobs:
  make:
    runs-on: ubuntu-24.04
    steps:
      - uses: CHECKOUT
        with:
          persist-credentials: false
      - run: make generator
"""


def a_service_with_its_own_workflow(tree: Tree, _: random.Random) -> None:
    """A service of another language, which its own workflow tests."""
    path = tree.root / ".github/workflows/check.yml"
    if path.exists() and (found := re.search(r'service: \["[\w-]+", ("[\w-]+")', path.read_text())):
        _edit([path], re.escape(f", {found[1]}"), "")
        name = found[1].strip('"')
        text = f"name: Check {name}\non:\n  pull_request:\n    paths: ['src/{name}/**']\npermissions: {{}}\njobs:\n  test:\n"
        text += f"    runs-on: ubuntu-24.04\n    steps:\n      - uses: {ACTION}\n        with:\n          persist-credentials: false\n      - run: make -C src/{name} test\n"
        tree.write(tree.root / f".github/workflows/check-{name}.yml", text)


def an_environment_outside_of_the_chain(tree: Tree, _: random.Random) -> None:
    """An environment that nothing is promoted to: people deploy to it by hand."""
    path = tree.root / ".github/workflows/promote.yml"
    if path.exists() and len(tree.overlays) == 2:
        path.write_text(
            re.sub(
                rf'(?s)(      to:.*?options: )\["{tree.overlays[-1].name}"\]',
                r'\1["' + tree.overlays[0].name + '"]',
                path.read_text(),
                count=1,
            )
        )


def no_previews(tree: Tree, _: random.Random) -> None:
    """Previews are no longer wanted."""
    if (tree.app / "preview").exists():
        shutil.rmtree(tree.app / "preview")
        (tree.root / ".github/workflows/preview.yml").unlink()
        for cluster in tree.clusters:
            for path in cluster.glob("preview*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            kustomization = cluster / "kustomization.yaml"
            kustomization.write_text(re.sub(r"(?m)^  - preview.*\n", "", kustomization.read_text()))


def more_jobs_for_pull_requests(tree: Tree, _: random.Random) -> None:
    """A job for forks too, which has no right to anything, and one that tells forks by other words."""
    path = tree.root / ".github/workflows/preview.yml"
    if path.exists():
        job = "  spell:\n    if: github.event.action != 'closed'\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ok\n"
        path.write_text(
            path.read_text()
            .replace("jobs:\n", f"jobs:\n{job}", 1)
            .replace(
                "github.event.pull_request.head.repo.full_name == github.repository",
                "!github.event.pull_request.head.repo.fork",
            )
        )


def a_signer_of_a_job(tree: Tree, _: random.Random) -> None:
    """An image that is no service's folder: a job runs it."""
    job = JOB.replace(f"a:1{DIGEST}", "ghcr.io/acme/reports")
    tree.resource(tree.base, "reports.yaml", job)
    for overlay in tree.overlays:
        path = overlay / "imagetags/kustomization.yaml"
        if path.exists():
            _edit([path], r"^images:.*\n", 'images:\n  - name: "ghcr.io/acme/reports"\n    newTag: "v1"\n')
    for path in tree.root.glob("scripts/signers.toml"):
        path.write_text(path.read_text() + '\n[reports]\nrepository = "acme/reports"\n')


def caches_of_two_teams(tree: Tree, _: random.Random) -> None:
    """Plain files for two namespaces, each with a Service for pods of the same label."""
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: cache}\nspec: {selector: {app: cache}, ports: [{port: 6379}]}\n"
    for cluster in tree.clusters:
        text = PROJECT
        for team in ("a", "b"):
            tree.write(cluster / f"cache-{team}/service.yaml", service)
            text += f"{APPLICATION.replace('years', f'cache-{team}')}  project: years\n  source:\n    repoURL: {repository(tree)}\n    targetRevision: main\n"
            text += f"    path: clusters/{cluster.name}/cache-{team}\n  destination: {HERE.replace('team-a', f'team-{team}')}\n"
        tree.resource(cluster, "caches.yaml", text)


def applications_in_a_list(tree: Tree, _: random.Random) -> None:
    for path in _environments(tree):
        text = path.read_text()
        path.write_text("apiVersion: v1\nkind: List\nitems:\n" + re.sub(r"(?m)^", "    ", text).replace("    ", "  - ", 1).rstrip(" ")
                        if text.startswith("apiVersion") else text)  # fmt: skip


def differences_that_argo_cd_passes_over(tree: Tree, chance: random.Random) -> None:
    """An autoscaler, and what it changes passed over for all Applications at once."""
    path = tree.root / "terraform/gitops/values/argocd.yaml"
    if path.exists() and not list(tree.app.glob("overlays/*/*-autoscaler.yaml")):
        text = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: years}\nspec:\n"
        text += "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: SERVICE}\n  minReplicas: 2\n  maxReplicas: 5\n"
        of_objects("", text)(tree, chance)
        path.write_text(
            path.read_text()
            + "\n#    resource.customizations.ignoreDifferences.apps_Deployment: |\n#      jsonPointers: [/spec/replicas]\n"
        )
        for file in _environments(tree):
            lines_of(tree, file, r"^    syncOptions:\n", "      - RespectIgnoreDifferences=true\n")


def _scale_by_keda(tree: Tree) -> None:
    text = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\nspec: {}\n"
    tree.resource(tree.base, "scaled.yaml", text)
    for path in tree.root.glob("clusters/*/projects/*.yaml"):
        tree.insert(path, r"namespaceResourceWhitelist:\n", "    - group: keda.sh\n      kind: ScaledObject\n")


def a_role_of_argo_cd(tree: Tree, _: random.Random) -> None:
    """A right of Argo CD beside those of its chart."""
    rbac = "rbac.authorization.k8s.io"
    if (tree.root / "terraform/gitops/values/argocd-automatic.yaml").exists():
        _scale_by_keda(tree)
        for path in tree.root.glob("bootstrap/**/templates/project.yaml"):
            entry = f"    - {{group: {rbac}, kind: ClusterRole}}\n    - {{group: {rbac}, kind: ClusterRoleBinding}}\n"
            text = path.read_text().replace("  clusterResourceWhitelist: []\n", "")
            path.write_text(text.replace("spec:\n", f"spec:\n  clusterResourceWhitelist:\n{entry}", 1))
        for cluster in tree.clusters:
            role = f"apiVersion: {rbac}/v1\nkind: ClusterRole\nmetadata: {{name: argocd-keda}}\nrules: [{{apiGroups: [keda.sh], resources: ['*'], verbs: ['*']}}]\n"
            role += f"---\napiVersion: {rbac}/v1\nkind: ClusterRoleBinding\nmetadata: {{name: argocd-keda}}\nroleRef: {{apiGroup: {rbac}, kind: ClusterRole, name: argocd-keda}}\n"
            tree.resource(
                cluster,
                "rights.yaml",
                role + "subjects: [{kind: ServiceAccount, name: argocd-application-controller, namespace: argocd}]\n",
            )


def an_example_of_a_secret(tree: Tree, _: random.Random) -> None:
    """A file that shows people what to write into the vault."""
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: mail}\nstringData: {password: change me}\n"
    tree.write(tree.overlays[0] / "mail.example.yaml", text)


def a_component_for_bad_days(tree: Tree, _: random.Random) -> None:
    """A component that nobody takes in today."""
    text = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {debug: 'true'}\n"
    tree.write(tree.base / "components/debug/kustomization.yaml", text)


def a_rollout_beside_its_deployment(tree: Tree, chance: random.Random) -> None:
    """The move from one to the other, with the same labels, as Argo Rollouts describes it."""
    deployment = yaml.safe_load((tree.base / tree.services[0] / "deployment.yaml").read_text())
    rollout = deployment | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    rollout["spec"]["strategy"] = {"canary": {}}
    of_objects("", yaml.safe_dump(rollout, sort_keys=False), ("argoproj.io", "Rollout"))(tree, chance)


# What is made elsewhere: by the platform's owners, by operators, or by code of one's own


def environments_without_a_namespace(tree: Tree, _: random.Random) -> None:
    """Only the Application says into which namespace an environment goes."""
    for overlay in tree.overlays:
        _edit([overlay / "kustomization.yaml"], r"^namespace: .*\n", "")


def applications_with_a_common_patch(tree: Tree, _: random.Random) -> None:
    """What deploys an environment is put together by kustomize: its folder is in a patch."""
    for path in _environments(tree):
        if found := re.search(r"^    path: (.*)\n", path.read_text(), re.MULTILINE):
            _edit([path], r"^    path: .*\n", "")
            operation = f'[{{"op": "add", "path": "/spec/source/path", "value": {found[1]}}}]'
            entry = f"  - target: {{kind: Application, name: .*-{path.stem}}}\n    patch: '{operation}'\n"
            tree.section(path.parents[1] / "kustomization.yaml", "patches", entry)


def applications_in_another_repository(tree: Tree, _: random.Random) -> None:
    """The platform's owners deploy all environments, from a repository of theirs."""
    for cluster in tree.clusters if len(tree.clusters) == 1 else []:
        for folder in ("environments", "projects"):
            shutil.rmtree(cluster / folder)
        kustomization = cluster / "kustomization.yaml"
        kustomization.write_text(re.sub(r"(?m)^  - (environments|projects)/.*\n", "", kustomization.read_text()))


def a_mirror_for_production(tree: Tree, _: random.Random) -> None:
    """A cluster without a way to the internet reads a mirror of this repository."""
    address = repository(tree)
    for cluster in tree.clusters[-1:] if len(tree.clusters) > 1 else []:
        paths = [*cluster.rglob("*.yaml"), *(tree.root / "bootstrap" / cluster.name).rglob("*.yaml")]
        _edit(paths, re.escape(address), "https://mirror.corp.internal/shop")


def one_vault_for_all_clusters(tree: Tree, _: random.Random) -> None:
    """A vault of the company, in which each environment has entries of its own."""
    for path in tree.root.glob("terraform/platform/*.tfvars"):
        if "key_vault = " in path.read_text() and path.stem != "terraform":
            _edit([path], r"^key_vault_name = .*", 'key_vault_name = "kv-company"')
            _edit([path], r'/vaults/[\w-]+"', '/vaults/kv-company"')
            _edit(list(tree.root.glob("clusters/*/*/key-vault-*.yaml")), r"https://kv-[\w-]+\.", "https://kv-company.")


def a_bootstrap_of_the_platform(tree: Tree, _: random.Random) -> None:
    """An Argo CD of others, whose owners hand the folder of a cluster over to it."""
    if (tree.root / "terraform/environments").exists():
        shutil.rmtree(tree.root / "bootstrap")


def a_state_in_another_backend(tree: Tree, _: random.Random) -> None:
    """State is kept by GitLab, HCP or S3."""
    if (tree.root / "terraform/environments").exists():
        for path in tree.root.glob("terraform/*/*.azurerm.tfbackend"):
            path.unlink()
        for path in tree.root.glob("terraform/gitops/*.tfvars"):
            path.write_text(re.sub(r"platform_state = \{[^}]*\}\n", "", path.read_text()))


def a_second_server_of_azure(tree: Tree, _: random.Random) -> None:
    """A report reads from a server under a name of the same form, which other code makes."""
    for path in sorted(tree.root.glob("terraform/platform/*.tfvars"))[:1]:
        if found := re.search(r'^database_server_name = "(psql-[\w-]+)-(\w+)"', path.read_text(), re.M):
            env = f"env: [{{name: PGHOST, value: {found[1]}-audit-{found[2]}.postgres.database.azure.com}}], "
            tree.resource(tree.base, "audit.yaml", JOB.replace(ASKED, env + ASKED))


def a_policy_for_two_databases(tree: Tree, _: random.Random) -> None:
    """The whole network is open on every port, and one database of another network on its own."""
    for path in tree.base.glob("*/*networkpolicy.yaml"):
        if "10.100.4.0/27" in path.read_text():
            _edit([path], r"10\.100\.4\.0/27", "192.168.7.0/24")
            wide = (
                RULES.replace("years", "network")
                + "  podSelector: {}\n  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]\n"
            )
            if not (tree.base / "wide.yaml").exists():
                tree.resource(tree.base, "wide.yaml", wide)


def a_database_by_an_operator(tree: Tree, _: random.Random) -> None:
    """CloudNativePG makes Services of its own beside the database of before, and the backup reads from one."""
    for path in tree.base.glob("database/backup.yaml"):
        _edit([path], r"value: database$", "value: goals-ro")
        text = "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: goals}\nspec: {instances: 3, storage: {size: 8Gi}}\n"
        tree.resource(tree.base, "goals.yaml", text)
        tree.allow("postgresql.cnpg.io", "Cluster")


def a_registry_of_the_company(tree: Tree, _: random.Random) -> None:
    """All images come from the registry of the company, and that of the template is on its way out."""
    for path in tree.root.glob("terraform/platform/*.tfvars"):
        if found := re.search(r'^registry_name = "(\w+)"', path.read_text(), re.M):
            _edit(list(tree.app.rglob("*.yaml")), rf"\b{found[1]}\.azurecr\.io", "companyimages.azurecr.io")


def a_migration_by_the_image_of_another(tree: Tree, _: random.Random) -> None:
    """Two services share a database, and the image of one of them holds the migrations."""
    texts = [(tree.base / name / "deployment.yaml").read_text() for name in tree.services]
    images = [re.search(r'^          image: "?([^"\n:@]+)"?$', text, re.MULTILINE) for text in texts]
    if len(images) > 1 and images[-1] and not (tree.base / tree.services[0] / "migration.yaml").exists():
        job = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {tree.services[0]}-migration, annotations: {{argocd.argoproj.io/hook: Sync}}}}\n"
        job += f"spec: {{template: {{spec: {{restartPolicy: Never, {POD.replace(f'a:1{DIGEST}', images[-1][1])}}}}}}}\n"
        tree.resource(tree.base, "moves.yaml", job)


def a_worker_that_rests(tree: Tree, _: random.Random) -> None:
    """An environment leaves a worker out for now: its tag stays, for the pipeline goes on setting it."""
    for path in tree.base.glob("thumbnails/*.yaml"):
        if path.name != "kustomization.yaml":
            one = yaml.safe_load(path.read_text())
            patch = f"$patch: delete, apiVersion: {one['apiVersion']}, kind: {one['kind']}, metadata: {{name: {one['metadata']['name']}}}"
            tree.section(tree.overlays[-1] / "kustomization.yaml", "patches", f"  - patch: '{{{patch}}}'\n")


def names_by_a_policy_of_the_cluster(tree: Tree, _: random.Random) -> None:
    """An AdminNetworkPolicy of the platform lets every pod ask for names."""
    for path in [tree.base / "networkpolicy.yaml", *tree.app.glob("preview/networkpolicy.yaml")]:
        if path.exists():
            path.write_text(re.sub(r"(?m)^  egress:\n(    .*\n)+", "  egress: []\n", path.read_text()))


def images_under_another_path(tree: Tree, _: random.Random) -> None:
    """Builds push below a folder, which overlays put into the names of images."""
    path = tree.root / ".github/workflows/build-service.yml"
    if path.exists() and "edge/gateway'" in path.read_text():
        _edit([path], r"edge/gateway'", "built/gateway'")
        for overlay in tree.overlays:
            image = re.search(r'image: "?([^"\n]*edge/gateway)', (tree.base / "gateway/deployment.yaml").read_text())[1]  # type: ignore[index]
            tree.section(
                overlay / "kustomization.yaml",
                "images",
                f"  - name: {image}\n    newName: {image.replace('edge/', 'built/')}\n",
            )


def rights_of_argo_cd_by_terraform(tree: Tree, _: random.Random) -> None:
    """A right of Argo CD on AKS Automatic that code of one's own gives it."""
    if (tree.root / "terraform/gitops/values/argocd-automatic.yaml").exists():
        text = 'resource "kubernetes_cluster_role_v1" "keda" {\n  metadata {\n    name = "argocd-keda"\n  }\n  rule {\n    api_groups = ["keda.sh"]\n    resources  = ["*"]\n    verbs      = ["*"]\n  }\n}\n'
        tree.write(tree.root / "terraform/gitops/keda.tf", text)
        _scale_by_keda(tree)


def a_secret_to_pull_by(tree: Tree, _: random.Random) -> None:
    """A program of the platform puts the secret to pull by into each namespace."""
    path = tree.base / tree.services[0] / "deployment.yaml"
    if "imagePullSecrets" not in path.read_text():
        _edit(
            [path],
            r"^      containers:\n",
            "      imagePullSecrets:\n        - name: company-registry\n      containers:\n",
        )


def scripts_that_may_be_missing(tree: Tree, _: random.Random) -> None:
    """A hook of one's own machine, a program that its target fetches, and history of what is gone."""
    lines = "\t@test ! -x scripts/local || scripts/local\n\tif [ -f scripts/after-test ]; then scripts/after-test; fi\n\tgit log -- scripts/legacy\n"
    _run_by(tree, "before", lines)
    path = tree.root / "Makefile"
    path.write_text(
        path.read_text()
        + "\nscripts/kustomize:\n\tcurl -fsSL -o scripts/kustomize https://example.com/kustomize\n\nbuild-all: scripts/kustomize\n\tscripts/kustomize build\n"
    )


def a_namespaced_store_of_the_platform(tree: Tree, chance: random.Random) -> None:
    """A store that the platform puts into each namespace."""
    text = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: company}\nspec:\n"
    text += "  secretStoreRef: {name: company-vault}\n  data: [{secretKey: a, remoteRef: {key: a}}]\n"
    of_objects("", text)(tree, chance)


def a_gateway_of_others_in_a_namespace_of_ours(tree: Tree, _: random.Random) -> None:
    """A Gateway for the network alone, which other code makes beside ours."""
    _route(tree, tree.overlays[0], "tools.corp.internal")
    _edit(list(tree.overlays[0].glob("more.yaml")), "name: public, namespace", "name: internal, namespace")


def a_redirect_of_an_environment(tree: Tree, _: random.Random) -> None:
    """The route that sends to HTTPS is beside that of the service."""
    for overlay in tree.overlays[:1]:
        if host := _hosts(tree).get(overlay.name):
            route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: to-https}\nspec:\n"
            route += (
                f"  parentRefs: [{{name: public, namespace: gateway, sectionName: http}}]\n  hostnames: ['{host}']\n"
            )
            route += "  rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}]\n"
            tree.resource(overlay, "to-https.yaml", route)
            for path in tree.root.glob("clusters/*/gateway/httproute.yaml"):
                _edit([path], rf'^    - "{re.escape(host)}"\n', "")
                _edit([path.with_name("gateway.yaml")], r"from: Same", "from: All")


def a_lock_of_another_stage(tree: Tree, _: random.Random) -> None:
    """A stage that brings the documents to a site, one build at a time."""
    path = tree.root / "Jenkinsfile"
    if path.exists():
        lines_of(
            tree,
            path,
            r"^  stages \{\n",
            "    stage('Site') {\n      steps {\n        lock('deploy-site') {\n          sh 'make site'\n        }\n      }\n    }\n",
        )


def production_by_promotion_alone(tree: Tree, _: random.Random) -> None:
    """Nobody deploys to production by hand."""
    name = tree.overlays[-1].name
    if len(tree.overlays) > 1:
        _edit(list(tree.root.glob(".github/workflows/deploy.yml")), rf'(options: \[.*), "{name}"\]', r"\1]")
        _edit(list(tree.root.glob("jenkins/deploy.Jenkinsfile")), rf"(choices: \[.*), '{name}'\]", r"\1]")


def where_calls_may_come_from(tree: Tree, _: random.Random) -> None:
    """The origin that a page has inside of the cluster, as its tests there call it."""
    names = [name for name in tree.services if port_of(tree, name)]
    if len(names) > 1:
        for name in names:
            other = next(one for one in names if one != name)
            tree.variable(
                tree.base / name / "deployment.yaml",
                f"            - name: CORS_ORIGIN\n              value: http://{other}:{port_of(tree, other)}\n",
            )


def an_autoscaler_that_others_settle(tree: Tree, chance: random.Random) -> None:
    """The owners of Argo CD have all Applications pass over replicas."""
    if not list(tree.app.glob("overlays/*/*-autoscaler.yaml")):
        text = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: years}\nspec:\n"
        text += "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: SERVICE}\n  minReplicas: 2\n  maxReplicas: 5\n"
        of_objects("", text)(tree, chance)
        for file in _environments(tree):
            lines_of(tree, file, r"^    syncOptions:\n", "      - RespectIgnoreDifferences=true\n")


def a_job_for_a_bad_day(tree: Tree, _: random.Random) -> None:
    """A Job that people start by hand, as a page says."""
    path = tree.base / tree.services[0] / "reindex.yaml"
    tree.write(
        path,
        f"apiVersion: batch/v1\nkind: Job\nmetadata: {{generateName: reindex-}}\nspec: {{template: {{spec: {{restartPolicy: Never, {POD}}}}}}}\n",
    )
    tree.write(
        tree.root / "docs/runbook.md",
        f"# When the index is broken\n\n    kubectl create -f {path.relative_to(tree.root)}\n",
    )


def a_stateful_set_without_names(tree: Tree, chance: random.Random) -> None:
    """One pod that a Service of another name is for: it needs no name of its own."""
    of_objects(
        "",
        PEERS.split("---\n")[0].replace("clusterIP: None, ", "")
        + "---\n"
        + PEERS.split("---\n")[2].replace("serviceName: peers", "serviceName: peers-headless"),
    )(tree, chance)


def a_service_in_another_matrix(tree: Tree, _: random.Random) -> None:
    """Services of another language have a workflow, whose matrix names them."""
    path = tree.root / ".github/workflows/check.yml"
    if path.exists() and (found := re.search(r'service: \["[\w-]+", ("[\w-]+")', path.read_text())):
        _edit([path], re.escape(f", {found[1]}"), "")
        text = "name: Check Java\non: pull_request\npermissions: {}\njobs:\n  test:\n    strategy:\n      matrix:\n"
        text += f"        service: [{found[1]}]\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: {ACTION}\n        with:\n"
        text += '          persist-credentials: false\n      - run: make -C "src/$SERVICE" test\n        env:\n          SERVICE: ${{ matrix.service }}\n'
        tree.write(tree.root / ".github/workflows/check-java.yml", text)


def an_address_over_ssh(tree: Tree, _: random.Random) -> None:
    """Argo CD reads by a deploy key, and the answer knows addresses over https alone."""
    address = repository(tree)
    host, path = re.fullmatch(r"https://([^/]+)/(.*?)(?:\.git)?", address).groups()  # type: ignore[union-attr]
    for folder in ("bootstrap", "clusters"):
        _edit(list((tree.root / folder).rglob("*.yaml")), rf"{re.escape(address)}(?=\W)", f"git@{host}:{path}.git")


def a_pod_for_most_stages(tree: Tree, _: random.Random) -> None:
    """Stages without an agent run in the pod of the pipeline."""
    path = tree.root / "Jenkinsfile"
    if path.exists():
        pod = re.search(r"agent \{\s*kubernetes \{[^}]*\}\s*\}", path.read_text())[0]  # type: ignore[index]
        name = re.search(r"container\('([^']*)'\)(?=[^}]*)", path.read_text().partition("container('jnlp')")[2])[1]  # type: ignore[index]
        _edit([path], r"^  agent none$", f"  {pod}")
        stage = f"    stage('Report') {{\n      steps {{\n        container('{name}') {{\n          sh 'make report'\n        }}\n      }}\n    }}\n"
        path.write_text(re.sub(r"(?m)^  \}\n(?=(  post|\}))", lambda end: stage + end[0], path.read_text(), count=1))


def a_route_of_two_gateways(tree: Tree, _: random.Random) -> None:
    """One route for a host outside and one inside, each by a Gateway of its own."""
    for cluster in tree.clusters:
        gateway = cluster / "gateway/gateway.yaml"
        overlays = [one for one in tree.overlays if (cluster / f"environments/{one.name}.yaml").exists()]
        if gateway.exists() and (host := _hosts(tree).get(overlays[0].name)):
            listener = "{name: https, port: 443, protocol: HTTPS, hostname: '*.corp.internal', allowedRoutes: {namespaces: {from: All}}}"
            text = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: inside}\n"
            tree.resource(
                cluster / "gateway",
                "inside.yaml",
                f"{text}spec: {{gatewayClassName: approuting-istio, listeners: [{listener}]}}\n",
            )
            _route(tree, overlays[0], host, "matches: [{path: {type: Exact, value: /status}}], ")
            more = overlays[0] / "more.yaml"
            _edit([more], r"parentRefs: \[", "parentRefs: [{name: inside, namespace: gateway}, ")
            _edit([more], r"hostnames: \[", "hostnames: ['tools.corp.internal', ")


EXTENSIONS: tuple[Extension, ...] = (
    *(a_service_in_another_matrix, an_address_over_ssh, a_pod_for_most_stages, a_route_of_two_gateways),
    *(environments_without_a_namespace, applications_with_a_common_patch, applications_in_another_repository),
    *(a_mirror_for_production, one_vault_for_all_clusters, a_bootstrap_of_the_platform),
    *(a_state_in_another_backend, a_second_server_of_azure, a_policy_for_two_databases),
    *(a_database_by_an_operator, a_registry_of_the_company, a_migration_by_the_image_of_another),
    *(a_worker_that_rests, names_by_a_policy_of_the_cluster, images_under_another_path),
    *(rights_of_argo_cd_by_terraform, a_secret_to_pull_by, scripts_that_may_be_missing),
    *(a_namespaced_store_of_the_platform, a_gateway_of_others_in_a_namespace_of_ours, a_redirect_of_an_environment),
    *(a_lock_of_another_stage, production_by_promotion_alone, where_calls_may_come_from),
    *(an_autoscaler_that_others_settle, a_job_for_a_bad_day, a_stateful_set_without_names),
    *(
        a_namespace_by_its_kustomization,
        applications_in_any_namespace,
        applications_by_prefixes,
        a_project_of_the_platform,
    ),
    *(
        a_destination_by_its_name,
        the_newest_of_the_main_branch,
        an_address_in_other_letters,
        an_application_of_a_branch,
    ),
    *(an_application_of_the_root, a_path_with_a_dot, an_application_of_a_submodule, a_namespace_by_the_application),
    *(examples_below_plain_files, a_bootstrap_that_helm_fills_in, a_second_namespace_of_an_environment),
    *(an_application_in_parts, a_state_by_another_key, a_state_in_another_account, a_registry_of_a_cluster),
    *(a_report_from_a_replica, a_policy_for_the_whole_network, a_backup_by_a_full_name, what_stays_on_the_machine),
    *(an_object_that_is_written_in_a_comment, a_laptop_with_its_own_settings, options_of_kustomize),
    *(a_volume_that_a_program_mounts, a_headless_service, a_policy_of_no_more_than_names, a_proxy_of_the_company),
    *(its_own_address_by_an_ingress, a_secret_by_terraform, secrets_by_a_plugin, a_store_of_another_vault),
    *(a_store_of_the_platform, a_route_of_all_hosts, hosts_wider_than_the_listener, a_host_by_a_header),
    *(a_host_without_tls, an_issuer_of_another_folder, commands_on_several_lines, scripts_by_other_programs),
    *(a_service_with_its_own_workflow, an_environment_outside_of_the_chain, no_previews, more_jobs_for_pull_requests),
    *(a_signer_of_a_job, caches_of_two_teams, applications_in_a_list),
    *(differences_that_argo_cd_passes_over, a_role_of_argo_cd, an_example_of_a_secret, a_component_for_bad_days),
    a_rollout_beside_its_deployment,
    of_kustomization(
        "a patch of every object of a kind",
        {},
        ("patches", '  - target: {kind: ReplicaSet}\n    patch: \'[{"op": "remove", "path": "/spec/replicas"}]\'\n'),
    ),
    of_objects("a Service of one pod of a StatefulSet", PEERS),
    of_objects(
        "a policy of the pods of a job",
        JOB + "---\n" + RULES + "  podSelector: {matchLabels: {batch.kubernetes.io/job-name: audit}}\n  ingress: []\n",
    ),
    of_objects(
        "a policy by a label of a mesh",
        RULES + "  podSelector: {matchLabels: {service.istio.io/canonical-name: SERVICE}}\n  ingress: []\n",
    ),
    of_objects(
        "a policy that lets in a load test",
        RULES
        + "  podSelector: {matchLabels: {app.kubernetes.io/name: SERVICE}}\n  ingress: [{from: [{podSelector: {matchLabels: {run: k6}}}]}]\n",
    ),
    of_objects(
        "a policy of every port",
        RULES
        + "  podSelector: {}\n  policyTypes: [Egress]\n  egress: [{ports: [{port: 1, endPort: 65535, protocol: UDP}]}]\n",
    ),
    of_objects(
        "a Service of another name with a port",
        "apiVersion: v1\nkind: Service\nmetadata: {name: legacy}\nspec: {type: ExternalName, externalName: db.corp.example.com, ports: [{port: 80}]}\n",
    ),
    of_container(
        "a ConfigMap of Istio",
        "            - {name: CA, valueFrom: {configMapKeyRef: {name: istio-ca-root-cert, key: root-cert.pem}}}\n",
    ),
    of_workflow_text("guest", GUEST),
    of_workflow_text("generated", GENERATED),
)
