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

variables {
  high_availability = false
  argocd_sso = {
    client_id               = "88888888-8888-8888-8888-888888888888"
    host                    = "argocd.example.com"
    admin_group_object_ids  = ["99999999-9999-9999-9999-999999999999"]
    reader_group_object_ids = ["aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"]
  }
}

run "without_single_sign_on_nothing_of_it_is_set" {
  command = plan

  variables {
    argocd_sso = null
  }

  assert {
    condition     = length(helm_release.argocd.values) == 2 && !strcontains(join("", helm_release.argocd.values), "oidc.config")
    error_message = "Only the base values and the objects must be there."
  }
}

run "the_built_in_admin_is_off_once_people_sign_in" {
  command = plan

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).configs.cm["admin.enabled"] == false
    error_message = "Its password is stored in the cluster; nobody needs it any more."
  }
}

run "people_of_this_tenant_sign_in" {
  command = plan

  assert {
    condition     = yamldecode(yamldecode(helm_release.argocd.values[1]).configs.cm["oidc.config"]).issuer == "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0"
    error_message = "The issuer must be this tenant's, not that of all."
  }

  assert {
    condition     = yamldecode(yamldecode(helm_release.argocd.values[1]).configs.cm["oidc.config"]).clientID == "88888888-8888-8888-8888-888888888888"
    error_message = "The app registration must be the one given."
  }
}

run "argo_cd_proves_itself_without_a_secret" {
  command = plan

  assert {
    condition     = yamldecode(yamldecode(helm_release.argocd.values[1]).configs.cm["oidc.config"]).azure.useWorkloadIdentity
    error_message = "Workload identity must be used."
  }

  assert {
    condition     = !strcontains(helm_release.argocd.values[1], "clientSecret")
    error_message = "A client secret would be stored in the state."
  }
}

run "the_server_has_the_identity_that_it_proves" {
  command = plan

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).server.serviceAccount.annotations["azure.workload.identity/client-id"] == "88888888-8888-8888-8888-888888888888"
    error_message = "The service account must stand for the app registration."
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).server.podLabels["azure.workload.identity/use"] == "true"
    error_message = "Without the label the pod gets no token; it must be a text."
  }
}

run "groups_and_nobody_else_have_roles" {
  command = plan

  assert {
    condition = [for line in split("\n", trimspace(yamldecode(helm_release.argocd.values[1]).configs.rbac["policy.csv"])) : trimspace(line)] == [
      "g, \"99999999-9999-9999-9999-999999999999\", role:admin",
      "g, \"aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa\", role:readonly",
    ]
    error_message = "Each group must have its role, one a line."
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[0]).configs.rbac["policy.default"] == "" && !can(yamldecode(helm_release.argocd.values[1]).configs.rbac["policy.default"])
    error_message = "Whoever is in none of the groups must see nothing."
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).configs.rbac.scopes == "[groups]"
    error_message = "Roles go by group, not by what people may call themselves."
  }
}

run "entra_id_sends_people_back_to_the_host_given" {
  command = plan

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).global.domain == "argocd.example.com"
    error_message = "The redirect address is made of it."
  }
}

run "sign_in_works_through_a_port_forward_unless_told" {
  command = plan

  variables {
    argocd_sso = {
      client_id              = "88888888-8888-8888-8888-888888888888"
      admin_group_object_ids = ["99999999-9999-9999-9999-999999999999"]
    }
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).global.domain == yamldecode(helm_release.argocd.values[0]).global.domain
    error_message = "Argo CD is not exposed, so the host must be that of the port-forward."
  }
}

run "single_sign_on_goes_with_high_availability" {
  command = plan

  variables {
    high_availability = true
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).server.replicas >= 2 && yamldecode(helm_release.argocd.values[2]).configs.cm["admin.enabled"] == false
    error_message = "Both sets of values must be used."
  }
}

run "an_app_registration_by_name_is_refused" {
  command = plan

  variables {
    argocd_sso = {
      client_id              = "Argo CD"
      admin_group_object_ids = ["99999999-9999-9999-9999-999999999999"]
    }
  }

  expect_failures = [var.argocd_sso]
}

run "a_group_by_name_is_refused" {
  command = plan

  variables {
    argocd_sso = {
      client_id              = "88888888-8888-8888-8888-888888888888"
      admin_group_object_ids = ["platform-team"]
    }
  }

  expect_failures = [var.argocd_sso]
}

run "single_sign_on_without_an_administrator_is_refused" {
  command = plan

  variables {
    argocd_sso = {
      client_id              = "88888888-8888-8888-8888-888888888888"
      admin_group_object_ids = []
    }
  }

  expect_failures = [var.argocd_sso]
}

run "a_host_with_a_scheme_is_refused" {
  command = plan

  variables {
    argocd_sso = {
      client_id              = "88888888-8888-8888-8888-888888888888"
      host                   = "https://argocd.example.com"
      admin_group_object_ids = ["99999999-9999-9999-9999-999999999999"]
    }
  }

  expect_failures = [var.argocd_sso]
}
