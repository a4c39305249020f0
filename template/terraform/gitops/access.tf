# What the deploy pipeline may do in the cluster: tell Argo CD to look now, and see why a rollout fails. It changes
# nothing by itself; what runs is decided by Git alone.
locals {
  deploy_user = { kind = "User", apiGroup = "rbac.authorization.k8s.io", name = local.platform.deploy_user }

  deploy_access = [
    {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "Role"
      metadata   = { name = "deploy", namespace = "argocd" }
      rules = [
        {
          apiGroups     = ["argoproj.io"]
          resources     = ["applications"]
          resourceNames = local.platform.applications
          verbs         = ["get", "list", "watch", "patch"]
        },
      ]
    },
    {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "RoleBinding"
      metadata   = { name = "deploy", namespace = "argocd" }
      roleRef    = { apiGroup = "rbac.authorization.k8s.io", kind = "Role", name = "deploy" }
      subjects   = [local.deploy_user]
    },
    {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "ClusterRole"
      metadata   = { name = "deploy-diagnose" }
      rules = [
        { apiGroups = [""], resources = ["events", "pods"], verbs = ["get", "list", "watch"] },
        { apiGroups = ["apps"], resources = ["deployments", "replicasets", "statefulsets"], verbs = ["get", "list", "watch"] },
      ]
    },
    # For the whole cluster, since the applications' namespaces are made later, by Argo CD.
    {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "ClusterRoleBinding"
      metadata   = { name = "deploy-diagnose" }
      roleRef    = { apiGroup = "rbac.authorization.k8s.io", kind = "ClusterRole", name = "deploy-diagnose" }
      subjects   = [local.deploy_user]
    },
    # `patch` alone would let the pipeline point an Application at another repository, or start a sync of any revision.
    {
      apiVersion = "admissionregistration.k8s.io/v1"
      kind       = "ValidatingAdmissionPolicy"
      metadata   = { name = "deploy-refreshes-only" }
      spec = {
        failurePolicy = "Fail"
        matchConstraints = {
          resourceRules = [
            { apiGroups = ["argoproj.io"], apiVersions = ["*"], operations = ["UPDATE"], resources = ["applications"] },
          ]
        }
        matchConditions = [
          { name = "is-the-deploy-identity", expression = "request.userInfo.username == '${local.platform.deploy_user}'" },
        ]
        variables = [
          { name = "now", expression = "object.metadata.?annotations.orValue({})" },
          { name = "before", expression = "oldObject.metadata.?annotations.orValue({})" },
        ]
        validations = [
          {
            message    = "The deploy identity may not change the spec of an Application."
            expression = "object.spec == oldObject.spec"
          },
          {
            message    = "The deploy identity may not start or change an operation of an Application."
            expression = "has(object.operation) == has(oldObject.operation) && (!has(object.operation) || object.operation == oldObject.operation)"
          },
          {
            message    = "The deploy identity may not change the status of an Application."
            expression = "has(object.status) == has(oldObject.status) && (!has(object.status) || object.status == oldObject.status)"
          },
          {
            message = "The deploy identity may not change labels, finalizers or owners of an Application."
            expression = join(" && ", [
              "object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({})",
              "object.metadata.?finalizers.orValue([]) == oldObject.metadata.?finalizers.orValue([])",
              "object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([])",
            ])
          },
          {
            message = "The only annotation that the deploy identity may change is argocd.argoproj.io/refresh."
            expression = join(" && ", [
              "variables.now.all(key, key == 'argocd.argoproj.io/refresh' || (key in variables.before && variables.before[key] == variables.now[key]))",
              "variables.before.all(key, key == 'argocd.argoproj.io/refresh' || key in variables.now)",
            ])
          },
        ]
      }
    },
    {
      apiVersion = "admissionregistration.k8s.io/v1"
      kind       = "ValidatingAdmissionPolicyBinding"
      metadata   = { name = "deploy-refreshes-only" }
      spec       = { policyName = "deploy-refreshes-only", validationActions = ["Deny"] }
    },
  ]
}
