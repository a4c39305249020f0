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

run "the_handover_is_the_chart_in_this_repository" {
  command = plan

  assert {
    condition     = endswith(helm_release.bootstrap.chart, "../../bootstrap")
    error_message = "The bootstrap chart must be the one in Git."
  }

  assert {
    condition     = fileexists("${helm_release.bootstrap.chart}/Chart.yaml")
    error_message = "The path must lead to the chart."
  }
}

run "the_handover_waits_for_argo_cd" {
  command = plan

  assert {
    condition     = strcontains(file("${path.module}/bootstrap.tf"), "depends_on = [helm_release.argocd]")
    error_message = "Installed before Argo CD its kinds are unknown; removed after it, its finalizer is never served."
  }
}

run "taking_the_application_down_gets_time" {
  command = plan

  assert {
    condition     = helm_release.bootstrap.timeout >= 900
    error_message = "Deleting everything that the Application brought takes minutes."
  }
}

run "the_default_project_is_taken_over" {
  command = plan

  assert {
    condition     = helm_release.bootstrap.take_ownership
    error_message = "Argo CD has made the project by then; Helm would refuse to touch it."
  }
}

run "there_is_exactly_one_application" {
  command = plan

  assert {
    condition     = length([for name in fileset("${helm_release.bootstrap.chart}/templates", "*.yaml") : name if yamldecode(file("${helm_release.bootstrap.chart}/templates/${name}")).kind == "Application"]) == 1
    error_message = "Whatever else there is comes from Git, through the one Application."
  }
}

run "the_application_follows_git_by_itself" {
  command = plan

  assert {
    condition     = yamldecode(file("${helm_release.bootstrap.chart}/templates/application.yaml")).spec.syncPolicy.automated.prune && yamldecode(file("${helm_release.bootstrap.chart}/templates/application.yaml")).spec.syncPolicy.automated.selfHeal
    error_message = "What Git no longer has must go, and what is changed by hand must come back."
  }
}

run "the_application_can_be_deleted_without_hanging" {
  command = plan

  assert {
    condition     = yamldecode(file("${helm_release.bootstrap.chart}/templates/application.yaml")).metadata.finalizers == ["resources-finalizer.argocd.argoproj.io/background"]
    error_message = "A foreground deletion can wait for ever."
  }
}

run "the_application_brings_applications_and_projects_only" {
  command = plan

  assert {
    condition     = sort([for allowed in yamldecode(file("${helm_release.bootstrap.chart}/templates/project.yaml")).spec.namespaceResourceWhitelist : allowed.kind]) == tolist(["AppProject", "Application"])
    error_message = "Anything else belongs to an Application with a project of its own."
  }

  assert {
    condition     = length(yamldecode(file("${helm_release.bootstrap.chart}/templates/project.yaml")).spec.clusterResourceWhitelist) == 0
    error_message = "The bootstrap project must not touch the cluster as a whole."
  }

  assert {
    condition     = yamldecode(file("${helm_release.bootstrap.chart}/templates/project.yaml")).spec.sourceRepos == [yamldecode(file("${helm_release.bootstrap.chart}/templates/application.yaml")).spec.source.repoURL]
    error_message = "The project must name this repository and no other."
  }
}

run "the_default_project_allows_nothing" {
  command = plan

  assert {
    condition     = length(yamldecode(file("${helm_release.bootstrap.chart}/templates/default-project.yaml")).spec.sourceRepos) + length(yamldecode(file("${helm_release.bootstrap.chart}/templates/default-project.yaml")).spec.destinations) == 0
    error_message = "An Application without a project of its own must get nowhere."
  }
}
