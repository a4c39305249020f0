"""Worked answers for docs/questions.md; a test generates each product and looks for what is promised."""

# Whole sets: a title, and the answers as YAML.
SETS = {
    "Your own images, without the sample": """\
git_repository: https://github.com/contoso/shop
project_name: shop
services:
  - name: web
    public: true
    port: 3000
  - name: orders
    health_path: /healthz
registry: ghcr
registry_name: contoso
sample_app: false
""",
    "For production, at a domain of your own": """\
git_repository: https://github.com/contoso/shop
project_name: shop
services: [web, orders]
size: production
database: azure
environments: [dev, test, prod]
expose: gateway
domain: shop.contoso.com
monitoring: true
""",
    "Jenkins and GitLab": """\
git_repository: https://gitlab.contoso.com/retail/shop
project_name: shop
ci: jenkins
registry: acr
registry_name: contosoimages
""",
}

# By question: an answer as YAML, and what it gives. Each word in backticks is a path or a text of the product.
EXAMPLES: dict[str, list[tuple[str, str]]] = {
    "project_name": [("shop", "`apps/shop`, and the namespaces `shop-dev` and `shop-prod`")],
    "git_repository": [("https://github.com/contoso/shop", "Argo CD watches `https://github.com/contoso/shop`")],
    "services": [
        ("[web, orders]", "`apps/goal-tracker/base/web` and `apps/goal-tracker/base/orders`; `web` is public"),
        ("[{name: web, port: 3000}, {name: orders, replicas: 3}]", "`containerPort: 3000`, and `replicas: 3`"),
        ("[{name: web, env: {LOG_LEVEL: debug}}, orders]", "the variable `LOG_LEVEL` in the pods of `web`"),
    ],
    "environments": [
        (
            "[dev, test, prod]",
            "`apps/goal-tracker/overlays/test` as well: pushes land in `dev`, then `test`, then `prod`",
        ),
        ("[live]", "one namespace, `goal-tracker-live`, and nothing to promote"),
    ],
    "cluster_name": [("aks-shop", "`clusters/aks-shop`, and the resource group `rg-aks-shop`")],
    "region": [("northeurope", "`northeurope` in `terraform/platform/terraform.tfvars`")],
    "registry_name": [("contosoimages", "images such as `contosoimages.azurecr.io/frontend`")],
    "branch": [("trunk", "`targetRevision: trunk` in each Application, and jobs of the pipeline for `trunk` alone")],
    "runner": [("aks-runners", "`runs-on: aks-runners` in every job of the workflows")],
    "private": [("[ingress]", "an address of the network: `azure-load-balancer-internal-subnet: load-balancers`")],
    "domain": [("shop.contoso.com", "`shop.contoso.com` for prod, `dev.shop.contoso.com` for dev")],
    "code_owners": [("@contoso/platform", "`CODEOWNERS`, which asks `@contoso/platform` for a review")],
}
# What an answer needs beside it.
BESIDE = {"domain": {"expose": "gateway"}}
