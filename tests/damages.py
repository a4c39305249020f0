"""What is done to valid products, and what scripts/validate must say of it.

Of each damage: the file, a pattern in it and its replacement, and words of the line that must be said.
"""

from collections.abc import Callable
from pathlib import Path

from tests.validation import replace

APP = "apps/goal-tracker"
CLUSTER = "clusters/aks-goal-tracker"
FRONTEND = f"{APP}/base/frontend"
STORE = f"{CLUSTER}/external-secrets/key-vault-dev.yaml"
DEV = f"{APP}/overlays/dev"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"

# What is done to a valid product, and the line that must be said of it: path, pattern -> replacement, words.
DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a script that does not exist": (
        ".github/workflows/deploy.yml",
        "scripts/deploy",
        "scripts/depoly",
        "calls scripts/depoly, which does not exist",
    ),
    "a Service targets a port the container lacks": (
        f"{FRONTEND}/service.yaml",
        "targetPort: http",
        "targetPort: web",
        "no container has port 'web'",
    ),
    "a Service selects nothing": (
        f"{FRONTEND}/service.yaml",
        'selector:\n    app.kubernetes.io/name: "frontend"',
        'selector:\n    app: "frontend"',
        "Service frontend selects no pod",
    ),
    "a budget selects nothing": (
        f"{FRONTEND}/poddisruptionbudget.yaml",
        'matchLabels:\n      app.kubernetes.io/name: "frontend"',
        'matchLabels:\n      app: "x"',
        "PodDisruptionBudget frontend selects no pod",
    ),
    "a policy opens a port that nothing has": (
        f"{APP}/base/backend/networkpolicy.yaml",
        "port: postgres",
        "port: mysql",
        "no container has port 'mysql'",
    ),
    "an address names another port": (
        f"{FRONTEND}/deployment.yaml",
        "http://backend:8080",
        "http://backend:8081",
        "BACKEND_URL: the Service backend has no port 8081",
    ),
    "an address names a Service that does not exist": (
        f"{FRONTEND}/deployment.yaml",
        "http://backend:8080",
        "http://api:8080",
        "BACKEND_URL names the Service api, which does not exist",
    ),
    "a secret that nothing makes": (
        f"{APP}/base/backend/deployment.yaml",
        "name: database\n                  key",
        "name: db\n                  key",
        "comes from the Secret db, which no ExternalSecret makes",
    ),
    "an image that may change under its tag": (
        f"{APP}/base/database/statefulset.yaml",
        "@sha256:[0-9a-f]{64}",
        "",
        "may change under its tag",
    ),
    "a resource that does not exist": (
        f"{APP}/base/kustomization.yaml",
        '- "backend"',
        '- "backend"\n  - queue',
        "names 'queue', which does not exist",
    ),
    "a file that no kustomization names": (
        f"{FRONTEND}/kustomization.yaml",
        "  - networkpolicy.yaml\n",
        "",
        "is not named in",
    ),
    "a folder that no kustomization names": (
        f"{APP}/base/kustomization.yaml",
        '  - "backend"\n',
        "",
        "does not name the folder backend",
    ),
    "an image that gets the tag of a service": (
        f"{APP}/base/database/statefulset.yaml",
        "image: postgres:",
        "image: exampleorggoaltracker.azurecr.io/backend:",
        "gets the tag that apps/goal-tracker/overlays/dev/imagetags/kustomization.yaml sets for exampleorg",
    ),
    "an image without a tag": (
        f"{DEV}/imagetags/kustomization.yaml",
        '  - name: "[^"]*/backend"\n    newTag: .*\n',
        "",
        "has no tag of exampleorggoaltracker.azurecr.io/backend: add it, as newTag: unreleased, or name tag and",
    ),
    "a tag of a misspelt image": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"[^"]*/backend"',
        '"queue"',
        "has no tag of exampleorggoaltracker.azurecr.io/backend",
    ),
    "a builder of no service": (
        "scripts/signers.toml",
        "#   .cache.\n#   unsigned",
        "[cache]\nunsigned",
        "names cache, which is no service",
    ),
    "a builder who is not said": (
        "scripts/signers.toml",
        "#   .cache.\n#   unsigned = .*",
        '[backend]\nrepository = ""',
        'backend: give it repository = "OWNER/NAME" or unsigned = "REASON", one of the two',
    ),
    "builders in no TOML": (
        "scripts/signers.toml",
        "#   .cache.\n",
        "[cache\n",
        "scripts/signers.toml: is not valid TOML",
    ),
    "the tag latest": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"unreleased"',
        '"latest"',
        "the tag 'latest' names no version",
    ),
    "a tag that is a number": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"unreleased"',
        "1234567",
        "kustomization.yaml:6: 1234567 is not a text, quote it",
    ),
    "a tag with a space": (f"{DEV}/imagetags/kustomization.yaml", '"unreleased"', '"v 3"', "is not an image tag"),
    "tags that are not taken in": (
        f"{DEV}/kustomization.yaml",
        "components:\n  - imagetags\n",
        "",
        "components does not name imagetags",
    ),
    "something else in the file of tags": (
        f"{DEV}/imagetags/kustomization.yaml",
        "images:",
        "namespace: x\nimages:",
        "'namespace' does not belong here",
    ),
    "an Application that deploys elsewhere": (
        f"{CLUSTER}/environments/dev.yaml",
        'namespace: "goal-tracker-dev"',
        'namespace: "goal-tracker-prod"',
        "deploys to goal-tracker-prod, but apps/goal-tracker/overlays/dev is of goal-tracker-dev",
    ),
    "an Application of a folder that does not exist": (
        f"{CLUSTER}/environments/dev.yaml",
        "overlays/dev",
        "overlays/qa",
        "the folder apps/goal-tracker/overlays/qa does not exist",
    ),
    "an Application of another repository": (
        f"{CLUSTER}/environments/dev.yaml",
        "repoURL: .*",
        "repoURL: https://github.com/example-org/other",
        "sourceRepos does not allow https://github.com/example-org/other: add it",
    ),
    "a project that does not allow a namespace": (
        f"{CLUSTER}/projects/dev.yaml",
        '    - server: .*\n      namespace: "goal-tracker-dev"\n',
        "",
        "does not allow the namespace goal-tracker-dev",
    ),
    "an Application under another name": (
        f"{CLUSTER}/environments/dev.yaml",
        '  name: "goal-tracker-dev"',
        '  name: "goal-tracker-devel"',
        "scripts look for goal-tracker-dev: make that the name",
    ),
    "a registry that images do not come from": (
        "terraform/platform/terraform.tfvars",
        'registry_name = ".*"',
        'registry_name = "other"',
        "registry_name is not exampleorggoaltracker.azurecr.io, which apps/goal-tracker/overlays/dev/imagetags/",
    ),
    "an address with a domain that names another port": (
        f"{FRONTEND}/deployment.yaml",
        "http://backend:8080",
        "http://backend.goal-tracker-dev.svc:8081",
        "BACKEND_URL: the Service backend has no port 8081",
    ),
    "an address with a domain that names a Service that does not exist": (
        f"{FRONTEND}/deployment.yaml",
        "http://backend:8080",
        "http://bckend.goal-tracker-dev.svc.cluster.local:8080",
        "BACKEND_URL names the Service bckend, which does not exist",
    ),
    "tags of one image twice": (
        f"{DEV}/imagetags/kustomization.yaml",
        r'(  - name: "[^"]*/backend"\n    newTag: "unreleased"\n)',
        r"\1\1",
        "azurecr.io/backend is there twice, remove one",
    ),
    "a project of another environment": (
        f"{CLUSTER}/environments/dev.yaml",
        'project: "goal-tracker-dev"',
        'project: "goal-tracker-prod"',
        "lets goal-tracker-dev into goal-tracker-prod: keep goal-tracker-dev alone",
    ),
    "a project of every namespace": (
        f"{CLUSTER}/projects/dev.yaml",
        'namespace: "goal-tracker-dev"',
        'namespace: "*"',
        "lets goal-tracker-dev into *: keep goal-tracker-dev alone",
    ),
    "a project that reaches Argo CD": (
        f"{CLUSTER}/projects/dev.yaml",
        r"destinations:\n",
        r"\g<0>    - {server: https://kubernetes.default.svc, namespace: argocd}\n",
        "lets goal-tracker-dev into argocd: keep goal-tracker-dev alone",
    ),
    "a project of the nodes' own namespace": (
        f"{CLUSTER}/projects/dev.yaml",
        r"destinations:\n",
        r"\g<0>    - {server: https://kubernetes.default.svc, namespace: 'kube-*'}\n",
        "lets goal-tracker-dev into kube-*: keep goal-tracker-dev alone",
    ),
    "an overlay of another environment's": (
        f"{DEV}/kustomization.yaml",
        r"  - \.\./\.\./base\n",
        "  - ../prod\n",
        "a change in ../prod, ../prod/imagetags would not be deployed",
    ),
    "a namespace that no kustomization names": (
        f"{DEV}/kustomization.yaml",
        "  - namespace.yaml\n",
        "",
        "overlays/dev/namespace.yaml: is not named in",
    ),
    "a project that does not exist": (
        f"{CLUSTER}/environments/dev.yaml",
        'project: "goal-tracker-dev"',
        "project: default",
        "there is no AppProject default",
    ),
    "an environment that Terraform does not know": (
        "terraform/platform/terraform.tfvars",
        r'"dev", ',
        "",
        "environment dev is in apps/*/overlays but not in terraform/platform/terraform.tfvars",
    ),
    "an environment that the workflow offers and is not there": (
        ".github/workflows/deploy.yml",
        r'options: \["dev", ',
        'options: ["test", ',
        "test is no environment: use dev, prod",
    ),
    "another vault than Terraform makes": (
        STORE,
        "https://kv-",
        "https://vk-",
        "is not the vault kv-goal-tracker-",
    ),
    "a key that is there twice": (
        f"{FRONTEND}/service.yaml",
        "kind: Service",
        "kind: Service\nkind: Service",
        "the key 'kind' is there twice",
    ),
    "a wrong indent": (f"{FRONTEND}/service.yaml", "  selector:", " selector:", "is not valid YAML"),
    "a merge conflict": (
        f"{DEV}/kustomization.yaml",
        "components:",
        "<<<<<<< HEAD\ncomponents:\n=======\n>>>>>>> theirs",
        "has a merge conflict",
    ),
}

# The same with the product of another answer set.
DAMAGES_BESIDE_A_SERVER_OF_AZURE = {
    "a Deployment that names another database server": (
        f"{APP}/base/backend/deployment.yaml",
        "value: psql-",
        "value: sqlp-",
        "is not the server psql-goal-tracker-",
    ),
    "a job that names another database server": (
        f"{CLUSTER}/database-roles/cronjob.yaml",
        "value: psql-",
        "value: sqlp-",
        "is not the server psql-goal-tracker-",
    ),
    "a policy for another range than the database server's": (
        f"{APP}/base/backend/networkpolicy.yaml",
        r"10\.100\.4\.0/27",
        "10.100.5.0/27",
        "10.100.5.0/27 is not database_subnet of terraform/platform/terraform.tfvars",
    ),
}


ROUTED = "apps/goal-tracker/base/frontend/httproute.yaml"
GATEWAY = f"{CLUSTER}/gateway/gateway.yaml"

# The same for a product that is reached through a gateway.
GATEWAY_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "two environments of one host": (
        f"{DEV}/hosts.yaml",
        "dev.shop.example.com",
        "shop.example.com",
        "HTTPRoute frontend of apps/goal-tracker/overlays/dev has / of shop.example.com already: give it another path",
    ),
    "a host without a listener": (
        f"{DEV}/hosts.yaml",
        "dev.shop.example.com",
        "test.shop.example.com",
        "no listener covers test.shop.example.com: add one in clusters/aks-goal-tracker/gateway/gateway.yaml",
    ),
    "a listener of another environment": (
        GATEWAY,
        '"goal-tracker-dev"',
        '"goal-tracker-prod"',
        "the listener of dev.shop.example.com does not let in goal-tracker-dev",
    ),
    "a listener of its own namespace only": (
        GATEWAY,
        "from: Selector",
        "from: Same",
        "the listener of dev.shop.example.com does not let in goal-tracker-dev",
    ),
    "a host that stays on plain HTTP": (
        f"{CLUSTER}/gateway/httproute.yaml",
        '    - "dev.shop.example.com"\n',
        "",
        "does not send dev.shop.example.com from HTTP to HTTPS",
    ),
    "a route to a Gateway that does not exist": (
        ROUTED,
        "name: public",
        "name: publc",
        "there is no Gateway publc in the namespace gateway",
    ),
    "a route to a listener that does not exist": (
        f"{CLUSTER}/gateway/httproute.yaml",
        "sectionName: http",
        "sectionName: web",
        "the Gateway has no listener web: use http",
    ),
    "a route to a Service that does not exist": (
        ROUTED,
        'kind: Service\n          name: "frontend"',
        'kind: Service\n          name: "front"',
        "there is no Service front: fix the name, or add it",
    ),
    "a route to a port that the Service lacks": (
        ROUTED,
        "port: 3000",
        "port: 80",
        "the Service frontend has no port 80: use 3000",
    ),
    "an issuer that does not exist": (
        GATEWAY,
        "issuer: letsencrypt",
        "issuer: letsencrypt-staging",
        "there is no Issuer letsencrypt-staging beside this Gateway",
    ),
    "an address that Terraform does not make": (
        GATEWAY,
        '"pip-aks-goal-tracker-gateway"',
        '"pip-other"',
        "is not the address pip-aks-goal-tracker-gateway of terraform/platform/terraform.tfvars",
    ),
    "a Gateway in a misspelt namespace": (
        ROUTED,
        "namespace: gateway",
        "namespace: gatewy",
        "there is no Gateway public in the namespace gatewy: fix parentRefs",
    ),
    "a policy that lets in another namespace than the Gateway's": (
        f"{FRONTEND}/networkpolicy.yaml",
        "name: gateway",
        "name: gatway",
        "no NetworkPolicy lets the Gateway reach frontend: add its namespace to ingress of the policy",
    ),
    "an address in another group": (
        GATEWAY,
        '"rg-aks-goal-tracker"',
        '"rg-other"',
        "is not the group rg-aks-goal-tracker of terraform/platform/terraform.tfvars",
    ),
}


# The same for a product of Jenkins.
JENKINS_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a script that does not exist": (
        "Jenkinsfile",
        "scripts/deploy",
        "scripts/depoly",
        "calls scripts/depoly, which does not exist",
    ),
    "a script of another pipeline that does not exist": (
        "jenkins/apply.Jenkinsfile",
        "scripts/with-azure",
        "scripts/with-azrue",
        "calls scripts/with-azrue, which does not exist",
    ),
    "a pod that does not exist": (
        "Jenkinsfile",
        "agents/build.yaml",
        "agents/built.yaml",
        "yamlFile names jenkins/agents/built.yaml, which does not exist",
    ),
    "a container that the pod lacks": (
        "Jenkinsfile",
        r"container\('buildkit'\)",
        "container('kaniko')",
        "no pod of this pipeline has a container kaniko",
    ),
    "a default container that the pod lacks": (
        "jenkins/apply.Jenkinsfile",
        "defaultContainer 'azure-cli'",
        "defaultContainer 'tools'",
        "no pod of this pipeline has a container tools",
    ),
    "a second service account": (
        "jenkins/deploy.Jenkinsfile",
        "defaultContainer 'tools'",
        "defaultContainer 'tools'\n      serviceAccount 'apply'",
        "names a service account too",
    ),
    "an agent of main where branches run": (
        "Jenkinsfile",
        r"cloud 'release'\n +yamlFile 'jenkins/agents/build",
        "yamlFile 'jenkins/agents/build",
        "names no cloud, so it starts where branches run and push is not",
    ),
    "a rollback of an environment that is not there": (
        "jenkins/rollback.Jenkinsfile",
        "'dev', ",
        "'test', ",
        "there is no environment test: choose one of dev, prod",
    ),
    "a deployment to an environment that is not there": (
        "jenkins/deploy.Jenkinsfile",
        "'dev', ",
        "'test', ",
        "there is no environment test: choose one of dev, prod",
    ),
    "a release to an environment that is not there": (
        "Jenkinsfile",
        'scripts/deploy "dev"',
        'scripts/deploy "test"',
        "there is no environment test",
    ),
}


OWN = "terraform/platform/prod.tfvars"

CLUSTER_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "an environment without a cluster": (
        "terraform/environments",
        "prod\n",
        "prod\nstaging\n",
        "terraform/platform/staging.tfvars: is missing: add it",
    ),
    "a cluster whose environment is in no order": (
        "terraform/environments",
        "prod\n",
        "",
        "terraform/gitops/prod.tfvars: is of no environment in terraform/environments",
    ),
    "values of another environment": (OWN, r'\["prod"\]', '["dev"]', 'environments is not ["prod"]'),
    "a registry that is somewhere else": (
        "terraform/registry/terraform.tfvars",
        'resource_group_name = ".*"',
        'resource_group_name = "rg-other"',
        "terraform/platform/dev.tfvars:37: registry_resource_group_name is not rg-other",
    ),
    "a registry of another repository": (
        "terraform/registry/terraform.tfvars",
        'github_repository = ".*"',
        'github_repository = "a/b"',
        "github_repository is not a/b, as elsewhere in terraform/: make them the same",
    ),
    "a cluster that is there twice": (
        OWN,
        "aks-goal-tracker-prod",
        "aks-goal-tracker-dev",
        "clusters/aks-goal-tracker-dev/environments/prod.yaml: is missing",
    ),
    "a cluster that has no folder": (
        OWN,
        "aks-goal-tracker-prod",
        "aks-goal-tracker-live",
        "clusters/aks-goal-tracker-live/environments/prod.yaml: is missing",
    ),
    "the vault of another cluster": (
        "clusters/aks-goal-tracker-prod/external-secrets/key-vault-prod.yaml",
        "kv-prod-",
        "kv-dev-",
        "is not the vault kv-prod-",
    ),
    "a bootstrap that hands over another cluster": (
        "bootstrap/aks-goal-tracker-prod/templates/application.yaml",
        'path: "clusters/aks-goal-tracker-prod"',
        'path: "clusters/aks-goal-tracker-dev"',
        "does not hand over clusters/aks-goal-tracker-prod",
    ),
    "a bootstrap that hands over nothing": (
        "bootstrap/aks-goal-tracker-prod/templates/application.yaml",
        r"(?s)\A.*\Z",
        "",
        "is missing: add it, without it Argo CD of that cluster knows nothing of Git",
    ),
    "a state without a place": (
        "terraform/gitops/prod.azurerm.tfbackend",
        r"(?s)\A.*\Z",
        "",
        'write key = "aks-goal-tracker-prod/gitops.tfstate"',
    ),
    "a state that is another cluster's": (
        "terraform/platform/prod.azurerm.tfbackend",
        "tracker-prod",
        "tracker-dev",
        "does not keep the state of aks-goal-tracker-prod apart from others",
    ),
    "Argo CD on another platform": (
        "terraform/gitops/prod.tfvars",
        "tracker-prod",
        "tracker-dev",
        "platform_state is not that of aks-goal-tracker-prod",
    ),
    "a project of another cluster's environment": (
        "clusters/aks-goal-tracker-prod/projects/prod.yaml",
        'namespace: "goal-tracker-prod"',
        'namespace: "goal-tracker-dev"',
        "does not allow the namespace goal-tracker-prod",
    ),
}

SERVER_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "the administrator's password in an environment": (
        "apps/shop/overlays/dev/database-secret.yaml",
        "dev-database-password",
        "database-administrator-password",
        "dev may not read database-administrator-password: add it to environment_secrets",
    ),
    "an environment by the store of the job that makes roles": (
        "apps/shop/overlays/dev/secret-store.yaml",
        "key-vault-dev",
        "database-roles",
        "the store database-roles does not let shop-dev in: write key-vault-dev",
    ),
    "pods that use the server of another cluster": (
        "apps/shop/overlays/prod/database-host.yaml",
        "psql-shop-prod-",
        "psql-shop-dev-",
        "is not the server psql-shop-prod-",
    ),
    "an address of another cluster": (
        "clusters/aks-shop-prod/gateway/gateway.yaml",
        "pip-aks-shop-prod",
        "pip-aks-shop-dev",
        "is not the address pip-aks-shop-prod-gateway of terraform/platform/prod.tfvars",
    ),
    "a host whose cluster has no listener": (
        "apps/shop/overlays/staging/hosts.yaml",
        "staging.shop",
        "test.shop",
        "add one in clusters/aks-shop-staging/gateway/gateway.yaml",
    ),
}


PREVIEWS = f"{CLUSTER}/previews.yaml"
PREVIEW_PROJECTS = f"{CLUSTER}/preview-projects.yaml"
PREVIEW_PROJECT = f"{CLUSTER}/preview-projects/project.yaml"
PREVIEW = f"{APP}/preview"
PREVIEW_WORKFLOW = ".github/workflows/preview.yml"

PREVIEWS_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "previews of a commit that a fork may have": (
        PREVIEWS,
        r"refs/previews/\{\{ .number \}\}",
        "{{ .head_sha }}",
        "previews.yaml:32: {{ .head_sha }} may be what a fork has written: write targetRevision: refs/previews/",
    ),
    "previews of a branch whose name a fork may have": (
        PREVIEWS,
        r"refs/previews/\{\{ .number \}\}",
        "{{ .branch }}",
        "previews.yaml:32: {{ .branch }} may be what a fork has written: write targetRevision: refs/previews/",
    ),
    "previews of every pull request": (
        PREVIEWS,
        r"          labels:\n            - preview\n",
        "",
        "every pull request would be shown, whoever it is from: add labels",
    ),
    "previews of another repository's pull requests": (
        PREVIEWS,
        'repo: "goal-tracker"',
        'repo: "shop"',
        "follows the pull requests of Example-Org/shop, not of https://github.com/Example-Org/goal-tracker",
    ),
    "previews that stay": (
        PREVIEWS,
        r"      finalizers:\n.*\n.*\n",
        "",
        "what a preview has made would outlive its pull request: add the finalizer",
    ),
    "previews in a namespace of another name": (
        PREVIEWS,
        r"          namespace: \"goal-tracker-pr-",
        '          namespace: "goal-tracker-preview-',
        "is not the destination goal-tracker-pr-{{ .number }}: make them the same",
    ),
    "previews of a folder that is not there": (
        PREVIEWS,
        'path: "apps/goal-tracker/preview',
        'path: "apps/goal-tracker/previews',
        "previews.yaml:33: the folder apps/goal-tracker/previews does not exist: add it",
    ),
    "previews in an environment": (
        PREVIEW_PROJECT,
        r"destinations:\n",
        r'\g<0>    - server: https://kubernetes.default.svc\n      namespace: "goal-tracker-prod"\n',
        "lets previews into goal-tracker-pr, which is not theirs: remove it",
    ),
    "previews in each other's namespaces": (
        PREVIEW_PROJECTS,
        r"(namespace\n +value:) \"goal-tracker-pr-.*",
        r'\1 "goal-tracker-pr-*"',
        "does not keep each preview in its namespace: set /spec/destinations/0/namespace to goal-tracker-pr-{{ .number }}",
    ),
    "previews of one project": (
        PREVIEWS,
        r"project: \"goal-tracker-pr-\{\{ .number \}\}\"",
        'project: "goal-tracker-pr"',
        "goal-tracker-pr is not the destination goal-tracker-pr-{{ .number }}: make them the same",
    ),
    "previews whose projects nobody makes": (
        PREVIEW_PROJECT,
        'name: "goal-tracker-pr"\n  namespace: argocd',
        'name: "goal-tracker-preview"\n  namespace: argocd',
        "nothing makes the project goal-tracker-pr of each preview: add an ApplicationSet that does",
    ),
    "previews that write their own rights": (
        PREVIEW_PROJECTS,
        "targetRevision: main",
        'targetRevision: "refs/previews/{{ .number }}"',
        "previews would write their own rights at refs/previews/{{ .number }}: write targetRevision: main",
    ),
    "previews that change any namespace": (
        PREVIEW_PROJECT,
        r"      name: \"goal-tracker-pr\"\n",
        "",
        "allows every Namespace of the cluster: add name, with that of its own",
    ),
    "previews that change roles": (
        PREVIEW_PROJECT,
        r"clusterResourceWhitelist:\n",
        r"\g<0>    - group: rbac.authorization.k8s.io\n      kind: ClusterRole\n",
        "lets previews change every ClusterRole of the cluster: keep Namespace alone, with their name",
    ),
    "previews that come from anywhere": (
        PREVIEW_PROJECT,
        "sourceRepos:\n",
        'sourceRepos:\n    - "*"\n',
        "lets previews come from *: keep https://github.com/Example-Org/goal-tracker alone",
    ),
    "a kind that previews lack the right to": (
        PREVIEW_PROJECT,
        r"    - group: policy\n      kind: PodDisruptionBudget\n",
        "",
        "preview-projects/project.yaml does not allow the kind PodDisruptionBudget: add it to namespaceResourceWhitelist",
    ),
    "a preview whose namespace stays": (
        f"{PREVIEW}/kustomization.yaml",
        r"  - path: namespace.yaml\n    target:\n      kind: Namespace\n",
        "",
        "keeps the namespace when its pull request is closed: add a patch that removes its annotations",
    ),
    "a preview that reads the vault": (
        f"{PREVIEW}/kustomization.yaml",
        r"  - path: database-secret.yaml\n",
        "",
        "ExternalSecret database reads a vault that lets no preview in: add a patch of database with a generator",
    ),
    "a service that previews pull from the environments' registry": (
        f"{PREVIEW}/kustomization.yaml",
        r"  - name: \"[^\"]*/backend\"\n    newName: .*\n",
        "",
        "images does not take backend from the previews' registry: add name: exampleorggoaltracker.azurecr.io/backend",
    ),
    "a preview of images that nobody builds": (
        f"{PREVIEW}/kustomization.yaml",
        r"newName: \"goaltrackerpreviews\w+[.]",
        'newName: "exampleorggoaltracker.',
        "is not where previews are built: write goaltrackerpreviews",
    ),
    "a build of previews for forks": (
        PREVIEW_WORKFLOW,
        r"\n      && github.event.pull_request.head.repo.full_name == github.repository",
        "",
        "preview.yml:25: the job build runs for forks as well: add && github.event.pull_request.head.repo.full_name ==",
    ),
    "a build of previews for forks alone": (
        PREVIEW_WORKFLOW,
        r"full_name == github.repository",
        "full_name != github.repository",
        "preview.yml:25: the job build runs for forks as well: add && github.event.pull_request.head.repo.full_name ==",
    ),
    "a build of previews with the rights of main": (
        PREVIEW_WORKFLOW,
        "  pull_request:",
        "  pull_request_target:",
        "pull_request_target gives forks the rights of this repository: make it pull_request",
    ),
    "a build of previews that pushes to the environments": (
        PREVIEW_WORKFLOW,
        r"LOCAL_REGISTRY: \"\w+",
        'LOCAL_REGISTRY: "exampleorggoaltracker',
        "pushes previews to exampleorggoaltracker: write goaltrackerpreviews",
    ),
}


MIGRATION_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a migration that no policy lets out": (
        "apps/goals/base/backend/migration-networkpolicy.yaml",
        "name: database",
        "name: frontend",
        "DB_HOST calls database, but no NetworkPolicy lets backend-migration do so",
    ),
    "a migration that the database does not let in": (
        "apps/goals/base/database/networkpolicy.yaml",
        '"backend-migration"',
        '"backend"',
        "DB_HOST calls database, but no NetworkPolicy lets backend-migration in",
    ),
}

AUTOMATIC = "apps/bakery"
AUTOMATIC_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a request that AKS raises": (
        f"{AUTOMATIC}/base/frontend/deployment.yaml",
        "cpu: 100m",
        "cpu: 0.05",
        "container frontend requests 0.05 cpu, and AKS Automatic gives it more: write at least 100m",
    ),
    "no request of memory": (
        f"{AUTOMATIC}/base/backend/deployment.yaml",
        r"^ *memory: 128Mi\n",
        "",
        "container backend requests no memory, and AKS Automatic gives it more: write at least 100Mi",
    ),
    "pods that nothing keeps apart": (
        f"{AUTOMATIC}/base/backend/deployment.yaml",
        "topologySpreadConstraints:",
        "spread:",
        "AKS Automatic spreads the pods of Deployment backend by a rule of its own",
    ),
    "a kind that Argo CD may not make": (
        f"{AUTOMATIC}/base/frontend/service.yaml",
        r"\Z",
        "---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: x\nspec: {}\n",
        "is a ScaledObject of keda.sh, to which Argo CD has no right: add keda.sh to apiGroups in",
    ),
}
NETWORK_DAMAGES = {
    "a gateway of another address": (
        "clusters/aks-ledger/gateway/gateway.yaml",
        "10.100.4.132",
        "10.100.4.133",
        "is not the address 10.100.4.132 of terraform/platform/terraform.tfvars: make them the same",
    ),
}


DAMAGED = {
    "defaults": DAMAGES,
    "automatic": AUTOMATIC_DAMAGES,
    "everything-in-the-network": NETWORK_DAMAGES,
    "sample-with-worker-and-migration": MIGRATION_DAMAGES,
    "gateway-with-two-environments": GATEWAY_DAMAGES,
    "jenkins-with-acr-on-gitlab": JENKINS_DAMAGES,
    "database-of-azure": DAMAGES_BESIDE_A_SERVER_OF_AZURE,
    "cluster-per-environment": CLUSTER_DAMAGES,
    "previews": PREVIEWS_DAMAGES,
    "cluster-per-environment-with-gateway-and-database-of-azure": SERVER_DAMAGES,
}


Edit = Callable[[Path], None]
BACKEND = f"{APP}/base/backend"
DATABASE = f"{APP}/base/database"
ENVIRONMENT = f"{CLUSTER}/environments/dev.yaml"
DEPLOY = ".github/workflows/deploy.yml"
RELEASE = ".github/workflows/release.yml"
TFVARS = "terraform/platform/terraform.tfvars"
KEY = "-----BEGIN " + "PRIVATE KEY-----\nMIIE\n-----END " + "PRIVATE KEY-----\n"


def deleted(name: str) -> Edit:
    return lambda product: (product / name).unlink()


def added(name: str, text: str | bytes) -> Edit:
    def edit(product: Path) -> None:
        path = product / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return edit


def named(kustomization: str, name: str) -> Edit:
    """Name a file in the resources of a kustomization."""
    return replace(kustomization, r"^resources:\n", f"resources:\n  - {name}\n")


def both(*edits: Edit) -> Edit:
    def edit(product: Path) -> None:
        for one in edits:
            one(product)

    return edit


def resource(folder: str, name: str, text: str) -> Edit:
    return both(added(f"{folder}/{name}", text), named(f"{folder}/kustomization.yaml", name))


def to_crlf(product: Path) -> None:
    path = product / "scripts/roll-out"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def to_latin(product: Path) -> None:
    path = product / FRONTEND / "service.yaml"
    path.write_bytes(path.read_bytes() + "# Grüße\n".encode("latin-1"))


def object_of(version: str, kind: str, rest: str, name: str = "extra") -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{rest}"


SCALER = """\
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: %s
  minReplicas: 1
  maxReplicas: 3
"""
INGRESS = """\
spec:
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: %s
                port:
                  number: %s
"""

# Edits of one text: path, pattern -> replacement, words; for the default product.
EDITS: dict[str, tuple[str, str, str, str]] = {
    "a policy for the port of before": (
        f"{BACKEND}/networkpolicy.yaml",
        "port: http",
        "port: 9090",
        "BACKEND_URL calls backend, but no NetworkPolicy lets frontend in: add frontend to ingress of the policy",
    ),
    "a Makefile that calls what is gone": (
        "Makefile",
        "scripts/rollback",
        "scripts/roll-back",
        "calls scripts/roll-back, which does not exist: add it or fix the name",
    ),
    "a script that calls what is gone": (
        "scripts/deploy",
        "scripts/bump-image",
        "scripts/bump-images",
        "calls scripts/bump-images, which does not exist: add it or fix the name",
    ),
    "an operation that does nothing": (
        f"{DEV}/database-secret.yaml",
        "- op: replace\n  path",
        "- path",
        "dev may not read database-password: add it to environment_secrets",
    ),
    "a key that its Secret lacks": (
        f"{BACKEND}/deployment.yaml",
        "key: password",
        "key: passwd",
        "the Secret database has no key passwd: use one of password",
    ),
    "a Secret that lacks a key": (
        f"{DATABASE}/externalsecret.yaml",
        "secretKey: password",
        "secretKey: pass",
        "deployment.yaml:85: the Secret database has no key password: use one of pass",
    ),
    # Ports
    "a container on another port": (
        f"{BACKEND}/deployment.yaml",
        "name: http\n              containerPort",
        "name: web\n              containerPort",
        f"{BACKEND}/service.yaml:14: no container has port 'http': use one of web, 8080",
    ),
    # Kinds and fields
    # Safety
    # Roll-out
    # Network
    "a policy that keeps out a caller": (
        f"{BACKEND}/networkpolicy.yaml",
        r'name: "frontend"',
        "name: database",
        "BACKEND_URL calls backend, but no NetworkPolicy lets frontend in: add frontend to ingress of the policy",
    ),
    "a policy that keeps in a caller": (
        f"{FRONTEND}/networkpolicy.yaml",
        r"  egress:\n(    .*\n)+",
        "  egress: []\n",
        "BACKEND_URL calls backend, but no NetworkPolicy lets frontend do so: add backend to egress of its policy",
    ),
    "a policy that keeps the database to itself": (
        f"{DATABASE}/networkpolicy.yaml",
        r"  ingress:\n(    .*\n)+",
        "  ingress: []\n",
        "DB_HOST calls database, but no NetworkPolicy lets backend in: add backend to ingress of the policy of database",
    ),
    "a policy on no pod": (
        f"{BACKEND}/networkpolicy.yaml",
        r'podSelector:\n    matchLabels:\n      app.kubernetes.io/name: "backend"',
        "podSelector:\n    matchLabels:\n      app: backend",
        "NetworkPolicy backend selects no pod: fix its labels, or remove it",
    ),
    "a direction without effect": (
        f"{BACKEND}/networkpolicy.yaml",
        "    - Egress\n",
        "",
        "policyTypes lacks Egress, so that egress has no effect: add it",
    ),
    "nobody from outside": (
        f"{FRONTEND}/networkpolicy.yaml",
        r"    - ports:\n",
        "    - from:\n        - podSelector: {}\n      ports:\n",
        "no NetworkPolicy lets anybody from outside reach frontend: add an ingress rule without `from` to its policy",
    ),
    # Kustomize
    "a patch of an object that is not there": (
        f"{DEV}/kustomization.yaml",
        "kind: ExternalSecret\n      name: database",
        "kind: ExternalSecret\n      name: postgres",
        "the patch changes nothing: there is no ExternalSecret postgres: fix its kind or name",
    ),
    "an image without a registry": (
        f"{APP}/base/backend/deployment.yaml",
        'image: "[^"]*/backend"',
        "image: backend",
        "image backend names no registry: write it in full",
    ),
    # Tags
    "a tag in powers of ten": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"unreleased"',
        "1234e5",
        "kustomization.yaml:6: 1234e5 is not a text, quote it",
    ),
    "a tag in octal": (
        f"{DEV}/imagetags/kustomization.yaml",
        '"unreleased"',
        "0123",
        "kustomization.yaml:6: 0123 is not a text, quote it",
    ),
    "a digest that is cut off": (
        f"{DEV}/imagetags/kustomization.yaml",
        '(newTag: "unreleased")',
        r'\1\n    digest: "sha256:0123"',
        "is not a digest: give sha256: and 64 hexadecimal digits",
    ),
    "a container without an image": (
        f"{FRONTEND}/deployment.yaml",
        '          image: "[^"]*/frontend"\n',
        "",
        "container frontend has no image: fix its name, as a patch",
    ),
    # Argo CD
    "an Application of another branch": (
        ENVIRONMENT,
        "targetRevision: main",
        "targetRevision: develop",
        "follows develop, but pipelines write to bootstrap's main: make them the same",
    ),
    "a bootstrap of another branch": (
        "bootstrap/templates/application.yaml",
        "targetRevision: main",
        "targetRevision: master",
        "follows main, but pipelines write to bootstrap's master: make them the same",
    ),
    "a bootstrap of a folder that does not exist": (
        "bootstrap/templates/application.yaml",
        'path: "clusters/aks-goal-tracker"',
        'path: "clusters/aks-other"',
        "application.yaml:18: the folder clusters/aks-other does not exist: add it, or remove the Application",
    ),
    "a project that does not allow the repository": (
        f"{CLUSTER}/projects/dev.yaml",
        r'sourceRepos:\n    - ".*"',
        "sourceRepos:\n    - https://github.com/example-org/other",
        "sourceRepos does not allow https://github.com/example-org/goal-tracker: add it",
    ),
    "a project that does not allow a chart": (
        f"{CLUSTER}/add-ons-project.yaml",
        r"    - https://charts.external-secrets.io\n",
        "",
        "sourceRepos does not allow https://charts.external-secrets.io: add it",
    ),
    "a project that does not allow a cluster": (
        f"{CLUSTER}/projects/dev.yaml",
        r"(destinations:\n    - server:) \S+",
        r"\1 https://other.example.com",
        "does not allow the server https://kubernetes.default.svc for goal-tracker-dev: add it to destinations",
    ),
    "a project that does not allow a kind": (
        f"{CLUSTER}/projects/dev.yaml",
        r"    - group: policy\n      kind: PodDisruptionBudget\n",
        "",
        "does not allow the kind PodDisruptionBudget: add it to namespaceResourceWhitelist, with the group 'policy'",
    ),
    "a database that goes when it leaves Git": (
        f"{DATABASE}/statefulset.yaml",
        "sync-options: Prune=false,Delete=false",
        "sync-options: Delete=false",
        "statefulset.yaml:11: StatefulSet database holds data, which would go with it: add Prune=false to",
    ),
    "a namespace that goes with its Application": (
        f"{DEV}/namespace.yaml",
        r"  annotations:\n(    .*\n)+?(?=  labels)",
        "",
        "Namespace goal-tracker-dev holds data, which would go with it: add Prune=false,Delete=false to",
    ),
    "a guard that is misspelt": (
        f"{DATABASE}/statefulset.yaml",
        "Prune=false",
        "Prune=no",
        "StatefulSet database holds data, which would go with it: add Prune=false to its annotation",
    ),
    "another namespace": (
        f"{DEV}/kustomization.yaml",
        'namespace: "goal-tracker-dev"',
        'namespace: "goal-tracker-prod"',
        "deploys to goal-tracker-dev, but apps/goal-tracker/overlays/dev is of goal-tracker-prod: make them the same",
    ),
    # Secrets
    "the secret of another environment": (
        f"{DEV}/database-secret.yaml",
        "dev-database-password",
        "prod-database-password",
        "database-secret.yaml:4: dev may not read prod-database-password: write dev-database-password",
    ),
    "the secret of another environment in other letters": (
        f"{DEV}/database-secret.yaml",
        "dev-database-password",
        "secret/PROD-database-password",
        "dev may not read PROD-database-password: add it to environment_secrets in terraform/platform/terraform.tfvars",
    ),
    "the store of another environment": (
        f"{DEV}/secret-store.yaml",
        "key-vault-dev",
        "key-vault-prod",
        "secret-store.yaml:4: the store key-vault-prod does not let goal-tracker-dev in: write key-vault-dev",
    ),
    "the store of another environment for an entry": (
        f"{DATABASE}/externalsecret.yaml",
        "    - secretKey: password\n",
        """    - secretKey: password
      sourceRef:
        storeRef:
          kind: ClusterSecretStore
          name: key-vault-prod
""",
        "the store key-vault-prod does not let goal-tracker-dev in: write key-vault-dev",
    ),
    "the store of another environment for all entries": (
        f"{DATABASE}/externalsecret.yaml",
        "  data:\n",
        """  dataFrom:
    - extract:
        key: prod-database-password
      sourceRef:
        storeRef:
          kind: ClusterSecretStore
          name: key-vault-prod
  data:
""",
        "the store key-vault-prod does not let goal-tracker-dev in: write key-vault-dev",
    ),
    "the secret of another environment as a whole": (
        f"{DATABASE}/externalsecret.yaml",
        "  data:\n",
        "  dataFrom:\n    - extract:\n        key: prod-database-password\n  data:\n",
        "externalsecret.yaml:21: dev may not read prod-database-password: write dev-database-password",
    ),
    "every secret of the vault": (
        f"{DATABASE}/externalsecret.yaml",
        "  data:\n",
        "  dataFrom:\n    - find:\n        name:\n          regexp: .*\n  data:\n",
        "no store may list the vault: name each secret in data instead",
    ),
    "a secret that the environment may not read": (
        "terraform/platform/terraform.tfvars",
        r'"dev-database-password"',
        '"dev-other"',
        "dev may not read dev-database-password: add it to environment_secrets in terraform/platform/terraform.tfvars",
    ),
    "the secrets of no environment": (
        "terraform/platform/terraform.tfvars",
        r'  "dev"  = ',
        '  "qa" = [],\n  "dev"  = ',
        "environment_secrets names qa, which is no environment: remove it",
    ),
    "a secret for every namespace": (
        f"{DATABASE}/externalsecret.yaml",
        "kind: ExternalSecret",
        "kind: ClusterExternalSecret",
        "ClusterExternalSecret is a kind that External Secrets has turned off here",
    ),
    "a secret that is written to the vault": (
        f"{DATABASE}/externalsecret.yaml",
        "kind: ExternalSecret",
        "kind: PushSecret",
        "PushSecret is a kind that External Secrets has turned off here",
    ),
    "a store that does not let in an environment": (
        STORE,
        r'        - "goal-tracker-dev"\n',
        "",
        "key-vault-dev.yaml:8: does not let goal-tracker-dev read secrets: add it to namespaces",
    ),
    "a store for two environments": (
        STORE,
        r'(        - "goal-tracker-)dev"\n',
        r'\1dev"\n\1prod"\n',
        "does not let in exactly one namespace: name it in namespaces, and no other",
    ),
    "a store for whoever has a label": (
        STORE,
        r"    - namespaces:\n",
        "    - namespaceSelector: {}\n      namespaces:\n",
        "does not let in exactly one namespace: name it in namespaces, and no other",
    ),
    "a store for everybody": (
        STORE,
        r"(?s)  conditions:.*(  provider:)",
        r"\1",
        "does not let in exactly one namespace: name it in namespaces, and no other",
    ),
    "a store that is lent to another environment": (
        STORE,
        '- "goal-tracker-dev"',
        '- "goal-tracker-prod"',
        "lets goal-tracker-prod read the secrets of goal-tracker-dev: write goal-tracker-dev",
    ),
    "a store that signs in as that of another environment": (
        STORE,
        r'(serviceAccountRef:\n\s+name:) "key-vault-dev"',
        r'\1 "key-vault-prod"',
        "signs in as key-vault-prod: write key-vault-dev",
    ),
    "a store that does not exist": (
        f"{DEV}/secret-store.yaml",
        "key-vault-dev",
        "key-vault-dve",
        "there is no ClusterSecretStore key-vault-dve: use one of key-vault-dev, key-vault-prod",
    ),
    "a ConfigMap that does not exist": (
        f"{FRONTEND}/deployment.yaml",
        r"          resources:\n",
        "          envFrom:\n            - configMapRef:\n                name: settings\n          resources:\n",
        "refers to the ConfigMap settings, which does not exist: add it, or a configMapGenerator",
    ),
    "a service account that does not exist": (
        f"{FRONTEND}/deployment.yaml",
        "serviceAccountName: .*",
        "serviceAccountName: web",
        "refers to the ServiceAccount web, which does not exist: add it",
    ),
    "a claim that does not exist": (
        f"{FRONTEND}/deployment.yaml",
        r"emptyDir:\n            sizeLimit: 64Mi",
        "persistentVolumeClaim:\n            claimName: files",
        "refers to the PersistentVolumeClaim files, which does not exist: add it",
    ),
    # Terraform
    # Answers
    "another region than was answered": (
        TFVARS,
        'location = "westeurope"',
        'location = "northeurope"',
        ".copier-answers.yml:22: region: westeurope is not northeurope, the location in",
    ),
    "an answer of an environment that is not there": (
        ".copier-answers.yml",
        "^- prod\n",
        "- prod\n- test\n",
        ".copier-answers.yml:10: environments: there is no folder apps/goal-tracker/overlays/test: write back",
    ),
    "an answer of a service that is not there": (
        ".copier-answers.yml",
        "^- backend\n",
        "- backends\n",
        "services: there is no folder apps/goal-tracker/base/backends: write back what it was",
    ),
    "an answer of another project": (
        ".copier-answers.yml",
        "project_name: goal-tracker",
        "project_name: tracker",
        "project_name: there is no folder apps/tracker: write back what it was",
    ),
    "updates from another template": (
        ".copier-answers.yml",
        "^_src_path: .*",
        "_src_path: gh:evil/template",
        "_src_path: is not the template in scripts/updates/origin.yaml: write back what it was",
    ),
    "updates that begin with a branch of the template": (
        ".copier-answers.yml",
        "^_src_path:",
        "_commit: main\n_src_path:",
        "_commit: main is no version of a template: write back what it was",
    ),
    "an answer of another repository": (
        ".copier-answers.yml",
        "example-org/goal-tracker",
        "other/goal-tracker",
        "git_repository: is not https://github.com/example-org/goal-tracker, which bootstrap/",
    ),
    # Workflows
    "a release to an environment that is not there": (
        RELEASE,
        'environment: "dev"',
        'environment: "test"',
        "there is no environment test: use one of dev, prod",
    ),
    "a promotion from nowhere": (
        ".github/workflows/promote.yml",
        r'\["dev"\]',
        '["test"]',
        "test is no environment: use dev, prod",
    ),
    "a GitHub environment that make up does not close": (
        RELEASE,
        "environment: push",
        "environment: images",
        "GitHub opens images to every branch: add it to .github/environments",
    ),
    "a GitHub environment that left the table": (
        ".github/environments",
        "^deploy main.*\n",
        "",
        "GitHub opens deploy to every branch: add it to .github/environments",
    ),
    "a job that signs in to Azure without an environment": (
        DEPLOY,
        "    environment: deploy\n",
        "",
        "Azure refuses a job without a GitHub environment: name one of deploy, infrastructure",
    ),
    "a service that a workflow does not build": (
        ".github/workflows/check.yml",
        r', "backend"\]',
        "]",
        "src/backend is not among the services: add it, so that it is checked",
    ),
    # Commands
    # What only deleting a line showed
    "a bootstrap that its project does not allow": (
        "bootstrap/templates/project.yaml",
        "    - server: https://kubernetes.default.svc\n      namespace: argocd\n",
        "    - server: https://kubernetes.default.svc\n      namespace: default\n",
        "does not allow the namespace argocd: add it to destinations",
    ),
    "a secret of no store": (
        f"{DATABASE}/externalsecret.yaml",
        r"    kind: ClusterSecretStore\n",
        "",
        "there is no SecretStore key-vault-dev: add kind: ClusterSecretStore",
    ),
    # Dockerfiles
    # Texts
    "a tab": (
        f"{FRONTEND}/service.yaml",
        "  selector:",
        "\tselector:",
        "service.yaml:9: is not valid YAML: found a tab character that violates indentation: fix this line or the one above, indented with spaces",
    ),
    "a conflict in a script": (
        "scripts/deploy",
        "^set -eu",
        "<<<<<<< HEAD\nset -eu\n=======\nset -e\n>>>>>>> theirs",
        "scripts/deploy:5: has a merge conflict: choose a side and remove the markers",
    ),
}


def recorded(version: str, commit: str) -> Edit:
    """Record a version of the template, and a commit beside it."""

    def edit(product: Path) -> None:
        for name, line in (
            (".copier-answers.yml", f"_commit: {version}"),
            ("scripts/updates/origin.yaml", f"commit: {commit}"),
        ):
            with (product / name).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")

    return edit


# Edits of other kinds, for the default product.
OTHERS: dict[str, tuple[Edit, str]] = {
    "a script that is not executable": (
        lambda product: (product / "scripts/rollback").chmod(0o644),
        "calls scripts/rollback, which is not executable: chmod +x scripts/rollback",
    ),
    "a commit of the template that is a branch": (
        recorded("v1.2.3", "main"),
        "scripts/updates/origin.yaml:6: commit: is not that of v1.2.3, the version in .copier-answers.yml: write back",
    ),
    "a commit of the template that is of another version": (
        recorded("v1.2.3-4-g0123456", "7" * 33 + "0123456"),
        "commit: is not that of v1.2.3-4-g0123456, the version in .copier-answers.yml: write back what it was",
    ),
    "a script that is gone": (deleted("scripts/refresh"), "calls scripts/refresh, which does not exist"),
    "a file that is not UTF-8": (to_latin, f"{FRONTEND}/service.yaml: is not UTF-8: save it as UTF-8"),
    "a Service that is gone": (
        deleted(f"{FRONTEND}/service.yaml"),
        f"{FRONTEND}/kustomization.yaml:7: names 'service.yaml', which does not exist: add it or remove",
    ),
    "tags that are gone": (
        deleted(f"{DEV}/imagetags/kustomization.yaml"),
        f"{DEV}/imagetags/kustomization.yaml: is missing: restore it from history, scripts/bump-image needs it",
    ),
    "an Application that is gone": (
        both(deleted(ENVIRONMENT), replace(f"{CLUSTER}/kustomization.yaml", r"  - environments/dev.yaml\n", "")),
        f"{DEV}/kustomization.yaml: no Application in clusters/ deploys it: add one, or remove it",
    ),
    "a policy that is gone": (
        both(
            deleted(f"{BACKEND}/networkpolicy.yaml"),
            replace(f"{BACKEND}/kustomization.yaml", r"  - networkpolicy.yaml\n", ""),
        ),
        "BACKEND_URL calls backend, but no NetworkPolicy lets frontend in: add frontend to ingress of the policy",
    ),
    "a file in a folder that no kustomization names": (
        added(f"{FRONTEND}/more/configmap.yaml", object_of("v1", "ConfigMap", "data: {}\n")),
        f"{FRONTEND}/more/configmap.yaml: is not named in {FRONTEND}/kustomization.yaml, so it has no effect",
    ),
    "an Application that nothing brings": (
        added(f"{CLUSTER}/other.yaml", object_of("v1", "ConfigMap", "data: {}\n")),
        f"{CLUSTER}/other.yaml: is not named in {CLUSTER}/kustomization.yaml, so it has no effect",
    ),
    "a Secret in clear": (
        resource(f"{APP}/base", "secret.yaml", object_of("v1", "Secret", "stringData:\n  password: hunter2\n")),
        f"{APP}/base/secret.yaml:1: Secret extra is in clear: keep it in Key Vault, with an ExternalSecret",
    ),
    "a Secret in clear in an overlay": (
        resource(DEV, "secret.yaml", object_of("v1", "Secret", "data:\n  password: aHVudGVyMg==\n")),
        f"{DEV}/secret.yaml:1: Secret extra is in clear: keep it in Key Vault, with an ExternalSecret",
    ),
    "a generated Secret": (
        replace(f"{DEV}/kustomization.yaml", r"\Z", "secretGenerator:\n  - name: x\n    literals: [a=b]\n"),
        "Secret x is in clear: keep it in Key Vault, with an ExternalSecret",
    ),
    "an autoscaler of nothing": (
        resource(f"{APP}/base", "hpa.yaml", object_of("autoscaling/v2", "HorizontalPodAutoscaler", SCALER % "front")),
        "hpa.yaml:9: there is no Deployment front to scale: fix scaleTargetRef, or add it",
    ),
    "a component that Argo CD does not watch": (
        both(
            added(
                f"{APP}/components/debug/kustomization.yaml", f"{COMPONENT}resources:\n  - ../../../../shared/queue\n"
            ),
            added("shared/queue/kustomization.yaml", "resources:\n  - queue.yaml\n"),
            added("shared/queue/queue.yaml", object_of("v1", "ConfigMap", "data: {}\n")),
            replace(f"{DEV}/kustomization.yaml", "components:\n", "components:\n  - ../../components/debug\n"),
        ),
        f"{CLUSTER}/environments/dev.yaml:7: a change in ../../components/debug, ../../../../shared/queue would not be "
        "deployed: write .;../../base;../../components/debug;../../../../shared/queue",
    ),
    "a file elsewhere that Argo CD does not watch": (
        both(
            added("shared/patches/debug.yaml", "- op: add\n  path: /metadata/labels/debug\n  value: yes please\n"),
            replace(
                f"{DEV}/kustomization.yaml",
                "patches:\n",
                "patches:\n  - path: ../../../../shared/patches/debug.yaml\n    target:\n      kind: Service\n",
            ),
        ),
        "would not be deployed: write .;../../base;../../../../shared/patches",
    ),
    "an autoscaler beside replicas": (
        resource(
            f"{APP}/base", "hpa.yaml", object_of("autoscaling/v2", "HorizontalPodAutoscaler", SCALER % "frontend")
        ),
        f"{DEV}/kustomization.yaml: Argo CD would undo what the autoscaler in {APP}/base/hpa.yaml does: make its",
    ),
    "an Ingress of a Service that is not there": (
        resource(f"{APP}/base", "ingress.yaml", object_of("networking.k8s.io/v1", "Ingress", INGRESS % ("front", 80))),
        "there is no Service front: fix the name, or add it",
    ),
    "an Ingress of a port that is not there": (
        resource(
            f"{APP}/base", "ingress.yaml", object_of("networking.k8s.io/v1", "Ingress", INGRESS % ("frontend", 81))
        ),
        "the Service frontend has no port 81: use 80",
    ),
    "a kind that the project does not allow": (
        resource(f"{APP}/base", "role.yaml", object_of("rbac.authorization.k8s.io/v1", "Role", "rules: []\n")),
        "does not allow the kind Role: add it to namespaceResourceWhitelist, with the group 'rbac.authorization.k8s.io'",
    ),
    "a volume that goes with its Application": (
        resource(
            f"{APP}/base",
            "claim.yaml",
            object_of(
                "v1",
                "PersistentVolumeClaim",
                "spec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Gi\n",
            ),
        ),
        "PersistentVolumeClaim extra holds data, which would go with it: add Prune=false,Delete=false",
    ),
}


def patched(overlay: str, text: str, entry: str = "") -> Edit:
    """Add a patch in a file of its own to an overlay."""
    return both(
        added(f"{overlay}/patch.yaml", text),
        replace(f"{overlay}/kustomization.yaml", r"^patches:\n", f"patches:\n  - path: patch.yaml\n{entry}"),
    )


def of_pods(text: str, kind: str = "Deployment", name: str = "frontend") -> str:
    """Return a patch of the pods of a workload."""
    indented = "".join(f"      {line}\n" for line in text.splitlines())
    return object_of("apps/v1", kind, f"spec:\n  template:\n    spec:\n{indented}", name)


# Patches that kustomize takes and that change nothing, or something else than was meant.
PATCHES: dict[str, tuple[Edit, str]] = {
    "a target by an expression that hits nothing": (
        patched(
            DEV, "- {op: remove, path: /spec/replicas}\n", "    target: {kind: Deployment, name: frontned|backned}\n"
        ),
        "the patch changes nothing: there is no Deployment frontned|backned: fix its kind or name, or remove it",
    ),
    "a misspelt container in a patch": (
        patched(DEV, of_pods("containers:\n  - name: fronted\n    env:\n      - name: A\n        value: b")),
        f"{DEV}/patch.yaml:9: container fronted has no image: fix its name, as a patch adds what is not there, or add image",
    ),
    "a misspelt container in a patch that is written in place": (
        replace(
            f"{DEV}/kustomization.yaml",
            r"^patches:\n",
            "patches:\n  - patch: |-\n"
            + "".join(f"      {line}\n" for line in of_pods("containers:\n  - name: x").splitlines()),
        ),
        f"{DEV}/kustomization.yaml:25: container x has no image: fix its name",
    ),
    "a misspelt container in a patch of many": (
        patched(DEV, of_pods("containers:\n  - name: web", name="any"), "    target:\n      kind: Deployment\n"),
        "patch.yaml:9: container web has no image: fix its name",
    ),
    "a misspelt container that is to run before the others": (
        patched(DEV, of_pods("initContainers:\n  - name: migrate\n    env: []")),
        "patch.yaml:9: container migrate has no image: fix its name",
    ),
    "a misspelt container in a component": (
        both(
            added(f"{APP}/components/debug/kustomization.yaml", f"{COMPONENT}patches:\n  - path: debug.yaml\n"),
            added(f"{APP}/components/debug/debug.yaml", of_pods("containers:\n  - name: fronted")),
            replace(f"{DEV}/kustomization.yaml", "components:\n", "components:\n  - ../../components/debug\n"),
        ),
        "debug.yaml:9: container fronted has no image: fix its name",
    ),
    "a patch of a misspelt object": (
        patched(DEV, of_pods("containers: []", name="fronted")),
        f"{DEV}/patch.yaml:1: the patch changes nothing: there is no Deployment fronted: fix its kind or name",
    ),
    "a patch of another kind": (
        patched(DEV, of_pods("containers: []", "StatefulSet")),
        "the patch changes nothing: there is no StatefulSet frontend: fix its kind or name",
    ),
    "a target of another group": (
        patched(
            DEV,
            "- op: remove\n  path: /spec/replicas\n",
            "    target:\n      group: extensions\n      kind: Deployment\n      name: frontend\n",
        ),
        "the patch changes nothing: there is no Deployment frontend: fix its kind or name",
    ),
}


PORTAL = "apps/portal"

PUBLIC_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "two routes of one path": (
        f"{PORTAL}/overlays/dev/hosts.yaml",
        '"admin.dev.portal',
        '"dev.portal',
        "HTTPRoute shop of apps/portal/overlays/dev has / of dev.portal.contoso.example already: give it another path, or a",
    ),
}


LONG_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "an image that is pushed elsewhere": (
        ".github/workflows/build-service.yml",
        "edge/gateway' ",
        "edge/other' ",
        "pushes gateway to ghcr.io/example-org/edge/other, but apps/platform/base/gateway/deployment.yaml pulls",
    ),
    "a service that is gone": (
        "apps/platform/base/kustomization.yaml",
        r'  - "orders"\n',
        "",
        "apps/platform/base/kustomization.yaml:2: does not name the folder orders: add it to resources",
    ),
}


SHOP = "apps/shop"

KIND_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a variable that no environment has an entry for": (
        "terraform/platform/terraform.tfvars",
        r', "STRIPE_KEY"\]',
        "]",
        "dev may not read dev-stripe-key: add it to environment_secrets in terraform/platform/terraform.tfvars",
    ),
    "an entry that is misspelt": (
        f"{SHOP}/overlays/dev/api-secrets.yaml",
        "dev-stripe-key",
        "dev-strip-key",
        "api-secrets.yaml:4: dev may not read dev-strip-key: write dev-stripe-key",
    ),
    "a variable that its Secret lacks": (
        f"{SHOP}/base/api/externalsecret.yaml",
        "secretKey: .STRIPE_KEY.",
        "secretKey: STRIPE_TOKEN",
        "the Secret api has no key STRIPE_KEY: use one of MAIL_PASSWORD, STRIPE_TOKEN",
    ),
    "variables without their Secret": (
        f"{SHOP}/base/nightly/kustomization.yaml",
        "  - externalsecret.yaml\n",
        "",
        "comes from the Secret nightly, which no ExternalSecret makes",
    ),
    "a value that nobody has set and pods get": (
        f"{SHOP}/base/nightly/externalsecret.yaml",
        r"(?s)    template:.*(?=  data:)",
        "",
        "externalsecret.yaml:13: gives pods what dev-stripe-key holds before anybody has set it",
    ),
    "a worker with an account that nobody made": (
        f"{SHOP}/base/mailer/deployment.yaml",
        'serviceAccountName: "mailer"',
        'serviceAccountName: "mail"',
        "refers to the ServiceAccount mail, which does not exist: add it",
    ),
    "a Service in front of nothing that listens": (
        f"{SHOP}/base/api/service.yaml",
        'app.kubernetes.io/name: "api"\n  ports',
        'app.kubernetes.io/name: "mailer"\n  ports',
        "no container has port 'http'",
    ),
    "a job that no environment has an image of": (
        f"{SHOP}/base/nightly/cronjob.yaml",
        'image: ".*"',
        'image: "acmeshop.azurecr.io/report"',
        "has no tag of acmeshop.azurecr.io/report: add it",
    ),
    "a job under another name than its patch": (
        f"{SHOP}/overlays/dev/web-settings.yaml",
        'name: "web"\nspec',
        'name: "wbe"\nspec',
        "the patch changes nothing: there is no Deployment wbe",
    ),
    "an autoscaler of nothing": (
        f"{SHOP}/overlays/prod/web-autoscaler.yaml",
        'kind: Deployment\n    name: "web"',
        'kind: Deployment\n    name: "wbe"',
        "there is no Deployment wbe to scale",
    ),
    "outgoing traffic of pods that are not there": (
        f"{SHOP}/overlays/prod/api-egress.yaml",
        'name: "api"\n  policyTypes',
        'name: "apis"\n  policyTypes',
        "NetworkPolicy api-egress selects no pod",
    ),
    "a file under another name than its ConfigMap": (
        f"{SHOP}/base/web/deployment.yaml",
        'configMap:\n            name: "web"',
        'configMap:\n            name: "site"',
        "refers to the ConfigMap site, which does not exist",
    ),
    "a file that is not there": (
        f"{SHOP}/base/web/kustomization.yaml",
        "config/settings.toml",
        "config/setings.toml",
        "config/setings.toml",
    ),
}


IDENTITY_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "an identity that the environment may not read": (
        "terraform/platform/terraform.tfvars",
        '"dev-web-azure-client-id", ',
        "",
        "dev may not read dev-web-azure-client-id: add it to environment_secrets",
    ),
    "an identity of another environment": (
        "apps/pictures/overlays/dev/web-identity.yaml",
        "dev-web",
        "prod-web",
        "dev may not read prod-web-azure-client-id: write dev-web-azure-client-id",
    ),
    "an identity that the cluster gives no token": (
        "apps/pictures/base/web/migration.yaml",
        "workload.identity/use",
        "workload.identity/used",
        'the cluster gives Job web-migration no token for Azure: add azure.workload.identity/use: "true" to its pods',
    ),
    "an identity whose account has another name": (
        "apps/pictures/base/web/deployment.yaml",
        'serviceAccountName: "web"',
        'serviceAccountName: "thumbnails"',
        "signs in to Azure as thumbnails: write serviceAccountName: web",
    ),
    "an identity that terraform/platform does not make": (
        "terraform/platform/terraform.tfvars",
        'service_identities = \\["web", ',
        "service_identities = [",
        "web has an identity here, but not in service_identities of terraform/platform/terraform.tfvars: add it",
    ),
}

BACKUP = "apps/goal-tracker/base/database/backup.yaml"
PLATFORM = "terraform/platform/terraform.tfvars"

BACKUP_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a backup of another database host": (
        BACKUP,
        "value: database\n",
        "value: databases\n",
        "PGHOST is databases, which is no Service",
    ),
    "a backup that the database does not let in": (
        BACKUP,
        r"(name: database-from-backup\n(?:.*\n)+?.*port:) postgres",
        r"\1 5433",
        "no NetworkPolicy lets database-backup in",
    ),
    "a backup with no identity": (
        PLATFORM,
        r'service_identities = \["database-backup"\]',
        "service_identities = []",
        "database-backup has an identity here, but not in service_identities",
    ),
    "a backup that may not read who it is": (
        PLATFORM,
        ', "dev-database-backup-azure-client-id"',
        "",
        "dev may not read dev-database-backup-azure-client-id: add it to environment_secrets",
    ),
    "a backup into another storage account": (
        PLATFORM,
        'storage_account_name = "backup',
        'storage_account_name = "backups',
        "is not the storage account backups",
    ),
}


JOB = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: seed\nspec:\n  template:\n    spec:\n      containers:\n"

# What the cluster refuses, and no schema tells.
WORKLOAD_DAMAGES: dict[str, tuple[str, str, str, str]] = {
    "a worker with the labels of another": (
        f"{SHOP}/base/mailer/deployment.yaml",
        r'(?s)(matchLabels:\n      app.kubernetes.io/name: )"mailer"(.*?labels:\n        app.kubernetes.io/name: )"mailer"',
        r'\1"thumbnails"\2"thumbnails"',
        "Deployment thumbnails selects the pods of Deployment mailer: give it and its pods a label of their own",
    ),
    "a Job that a release would change": (
        f"{SHOP}/base/api/networkpolicy.yaml",
        r"\Z",
        f"---\n{JOB}        - {{name: seed, image: acmeshop.azurecr.io/api}}\n      restartPolicy: Never\n",
        "the next release would change Job seed, which Kubernetes refuses: add the annotation argocd.argoproj.io/hook",
    ),
    "a probe of another port": (
        f"{SHOP}/base/api/deployment.yaml",
        r"(readinessProbe:\n.*\n.*\n +port:) http",
        r"\1 web",
        "readinessProbe asks port web, which is not there: use http",
    ),
}


def every() -> dict[tuple[str, str], tuple[Edit, str]]:
    """Return each damage by answer set and name: what is done, and words of the line that must be said."""
    tables = {answers: [table] for answers, table in DAMAGED.items()}
    tables["defaults"] += [EDITS, BACKUP_DAMAGES]
    tables["services-in-the-long-form"] = [LONG_DAMAGES]
    tables["gateway-with-four-environments"] = [PUBLIC_DAMAGES]
    tables["services-of-every-kind"] = [KIND_DAMAGES, WORKLOAD_DAMAGES]
    tables["identities-in-azure"] = [IDENTITY_DAMAGES]
    found: dict[tuple[str, str], tuple[Edit, str]] = {}
    for answers, dictionaries in tables.items():
        for table in dictionaries:
            for name, (path, pattern, replacement, words) in table.items():
                assert (answers, name) not in found, name
                found[answers, name] = replace(path, pattern, replacement), words
    return found | {("defaults", name): damage for name, damage in (OTHERS | PATCHES).items()}
