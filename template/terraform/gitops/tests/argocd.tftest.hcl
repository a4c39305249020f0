mock_provider "azurerm" {}

mock_provider "helm" {}

override_data {
  target = data.terraform_remote_state.platform
  values = {
    outputs = {
      platform = {
        cluster_name               = "aks-shop"
        resource_group_name        = "rg-aks-shop"
        tenant_id                  = "11111111-1111-1111-1111-111111111111"
        applications               = ["shop-dev", "shop-prod"]
        external_secrets_client_id = "66666666-6666-6666-6666-666666666666"
        deploy_user                = "77777777-7777-7777-7777-777777777777"
      }
    }
  }
}

override_data {
  target = data.azurerm_kubernetes_cluster.this
  values = {
    kube_config = [
      {
        host                   = "https://aks-shop.example.invalid:443"
        cluster_ca_certificate = "bm90IGEgY2VydGlmaWNhdGU="
        client_certificate     = ""
        client_key             = ""
        username               = ""
        password               = ""
      },
    ]
  }
}

run "argo_cd_is_the_version_pinned_here" {
  command = plan

  assert {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", helm_release.argocd.version))
    error_message = "A range would install whatever is newest on the day."
  }

  assert {
    condition     = helm_release.argocd.repository == "https://argoproj.github.io/argo-helm" && helm_release.argocd.chart == "argo-cd"
    error_message = "The chart must be the Argo project's."
  }
}

run "argo_cd_lives_where_its_applications_are" {
  command = plan

  assert {
    condition     = helm_release.argocd.namespace == "argocd" && helm_release.argocd.create_namespace
    error_message = "Everything in Git expects the namespace argocd."
  }
}

run "a_failed_installation_is_taken_back" {
  command = plan

  assert {
    condition     = helm_release.argocd.atomic
    error_message = "A half-installed release would stop the next run."
  }
}

run "a_push_that_nobody_tells_of_is_found_within_a_minute" {
  command = plan

  assert {
    condition     = yamldecode(helm_release.argocd.values[0]).configs.cm["timeout.reconciliation"] == "30s"
    error_message = "The default takes up to three minutes."
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[0]).configs.cm["timeout.reconciliation.jitter"] == "0s"
    error_message = "Jitter comes on top."
  }
}

run "who_has_no_role_sees_nothing" {
  command = plan

  assert {
    condition     = yamldecode(helm_release.argocd.values[0]).configs.rbac["policy.default"] == ""
    error_message = "The default role must be empty."
  }

  assert {
    condition     = !contains(keys(yamldecode(helm_release.argocd.values[0]).configs.cm), "users.anonymous.enabled")
    error_message = "Anonymous access must stay off, as it is by default."
  }
}

run "no_one_opens_a_shell_through_argo_cd" {
  command = plan

  assert {
    condition     = !yamldecode(helm_release.argocd.values[0]).configs.cm["exec.enabled"]
    error_message = "The web terminal must be off."
  }
}

run "argo_cd_brings_no_identity_provider" {
  command = plan

  assert {
    condition     = !yamldecode(helm_release.argocd.values[0]).dex.enabled
    error_message = "Dex must be off."
  }
}

run "every_component_is_limited" {
  command = plan

  assert {
    condition     = alltrue([for name in ["applicationSet", "controller", "redis", "redisSecretInit", "repoServer", "server"] : yamldecode(helm_release.argocd.values[0])[name].resources.limits.memory != null && yamldecode(helm_release.argocd.values[0])[name].resources.requests.cpu != null])
    error_message = "Requests and a memory limit are needed for each component."
  }
}

run "every_component_of_the_replicated_cache_is_limited" {
  command = plan

  variables {
    high_availability = true
  }

  assert {
    condition     = alltrue([for name in ["haproxy", "redis", "sentinel"] : yamldecode(helm_release.argocd.values[1])["redis-ha"][name].resources.limits.memory != null && yamldecode(helm_release.argocd.values[1])["redis-ha"][name].resources.requests.cpu != null])
    error_message = "Requests and a memory limit are needed for each container of it."
  }
}

run "no_component_is_reached_from_outside" {
  command = plan

  assert {
    condition     = !can(yamldecode(helm_release.argocd.values[0]).server.service) && !can(yamldecode(helm_release.argocd.values[0]).server.ingress) && !can(yamldecode(helm_release.argocd.values[0]).server.httproute)
    error_message = "Argo CD can change everything in the cluster: it has no public address."
  }
}

run "traffic_between_components_is_limited" {
  command = plan

  assert {
    condition     = !can(yamldecode(helm_release.argocd.values[0]).global.networkPolicy)
    error_message = "The chart's network policies must stay on, as they are by default."
  }
}

run "health_of_each_object_is_kept_in_the_application" {
  command = plan

  assert {
    condition     = contains(yamldecode(helm_release.argocd.values[0]).controller.extraArgs, "--persist-resource-health")
    error_message = "scripts/wait-healthy reads it there."
  }
}

run "a_small_cluster_runs_one_of_each" {
  command = plan

  variables {
    high_availability = false
  }

  assert {
    condition     = length(helm_release.argocd.values) == 2
    error_message = "The values for production must not be used."
  }
}

run "a_production_cluster_outlives_a_node" {
  command = plan

  variables {
    high_availability = true
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[1])["redis-ha"].enabled
    error_message = "The cache must be replicated."
  }

  assert {
    condition     = alltrue([for name in ["applicationSet", "repoServer", "server"] : yamldecode(helm_release.argocd.values[1])[name].replicas >= 2])
    error_message = "Stateless components need replicas."
  }
}
