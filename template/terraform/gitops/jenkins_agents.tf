# What agents may be. Rootless BuildKit needs to make namespaces and to map users, which the default seccomp and AppArmor
# profiles and a container without privilege escalation can't: its container, of an official image by digest, may do these
# three. Everything else is what the pod security level `restricted` allows, or less.
# https://kubernetes.io/docs/concepts/security/pod-security-standards
# https://github.com/moby/buildkit/blob/master/docs/rootless.md
locals {
  buildkit_namespaces = ["jenkins-changes", "jenkins-release"]

  buildkit_image = "^(docker[.]io/)?moby/buildkit(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}$"

  agent_volumes = [
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
  ]

  agent_policy = [
    {
      apiVersion = "admissionregistration.k8s.io/v1"
      kind       = "ValidatingAdmissionPolicy"
      metadata   = { name = "agents-are-restricted" }
      spec = {
        failurePolicy = "Fail"
        matchConstraints = {
          resourceRules = [
            { apiGroups = [""], apiVersions = ["v1"], operations = ["CREATE", "UPDATE"], resources = ["pods", "pods/ephemeralcontainers"] },
          ]
        }
        variables = [
          { name = "pod", expression = "object.spec.?securityContext.orValue({})" },
          { name = "annotations", expression = "object.metadata.?annotations.orValue({})" },
          { name = "extra", expression = "object.spec.?initContainers.orValue([]) + object.spec.?ephemeralContainers.orValue([])" },
          { name = "containers", expression = "object.spec.containers + variables.extra" },
          { name = "builders", expression = "object.spec.containers.filter(c, c.?image.orValue('').matches('${local.buildkit_image}'))" },
          { name = "others", expression = "object.spec.containers.filter(c, !c.?image.orValue('').matches('${local.buildkit_image}')) + variables.extra" },
        ]
        validations = [
          {
            message = "An agent may not use the network, processes or memory of its node."
            expression = join(" && ", [
              for field in ["hostNetwork", "hostPID", "hostIPC"] : "!object.spec.?${field}.orValue(false)"
            ])
          },
          {
            message = "An agent may not run as a process of its node."
            expression = join(" && ", [
              "!variables.pod.?windowsOptions.?hostProcess.orValue(false)",
              "variables.containers.all(c, !c.?securityContext.?windowsOptions.?hostProcess.orValue(false))",
            ])
          },
          {
            message    = "An agent may have volumes of these kinds only: ${join(", ", local.agent_volumes)}."
            expression = "object.spec.?volumes.orValue([]).all(v, ${join(" || ", formatlist("has(v.%s)", local.agent_volumes))})"
          },
          {
            message    = "An agent may not take ports of its node."
            expression = "variables.containers.all(c, c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0))"
          },
          {
            message    = "An agent may not let its node ask other hosts."
            expression = "variables.containers.all(c, [c.?livenessProbe, c.?readinessProbe, c.?startupProbe, c.?lifecycle.?postStart, c.?lifecycle.?preStop].all(h, h.?httpGet.?host.orValue('') == '' && h.?tcpSocket.?host.orValue('') == ''))"
          },
          {
            message    = "A container of an agent may not be privileged."
            expression = "variables.containers.all(c, !c.?securityContext.?privileged.orValue(false))"
          },
          {
            message = "A container of an agent may not run as root: set runAsNonRoot."
            expression = join(" && ", [
              "variables.containers.all(c, c.?securityContext.?runAsNonRoot.orValue(variables.pod.?runAsNonRoot.orValue(false)))",
              "variables.pod.?runAsUser.orValue(1) != 0",
              "variables.containers.all(c, c.?securityContext.?runAsUser.orValue(1) != 0)",
            ])
          },
          {
            message    = "A container of an agent may not add capabilities."
            expression = "variables.containers.all(c, c.?securityContext.?capabilities.?add.orValue([]).size() == 0)"
          },
          {
            message    = "A container of an agent other than BuildKit's must drop all capabilities."
            expression = "variables.others.all(c, 'ALL' in c.?securityContext.?capabilities.?drop.orValue([]))"
          },
          {
            message    = "A container of an agent other than BuildKit's must set allowPrivilegeEscalation to false."
            expression = "variables.others.all(c, !c.?securityContext.?allowPrivilegeEscalation.orValue(true))"
          },
          {
            message = "A container of an agent other than BuildKit's must have a seccomp profile: set seccompProfile."
            expression = join(" && ", [
              "variables.pod.?seccompProfile.?type.orValue('') != 'Unconfined'",
              "variables.others.all(c, c.?securityContext.?seccompProfile.?type.orValue(variables.pod.?seccompProfile.?type.orValue('Unconfined')) != 'Unconfined')",
              "variables.annotations.all(key, !key.contains('seccomp.security.alpha.kubernetes.io/'))",
            ])
          },
          {
            message = "A container of an agent other than BuildKit's must keep its AppArmor profile."
            expression = join(" && ", [
              "variables.pod.?appArmorProfile.?type.orValue('') != 'Unconfined'",
              "variables.others.all(c, c.?securityContext.?appArmorProfile.?type.orValue('') != 'Unconfined')",
              "variables.annotations.all(key, !key.startsWith('container.apparmor.security.beta.kubernetes.io/') || variables.annotations[key] != 'unconfined' || variables.builders.exists(b, key.endsWith('/' + b.name)))",
            ])
          },
          {
            message    = "A container of an agent may not unmask /proc."
            expression = "variables.containers.all(c, c.?securityContext.?procMount.orValue('Default') == 'Default')"
          },
          {
            message = "An agent may not set SELinux options."
            expression = join(" && ", [
              "!variables.pod.?seLinuxOptions.hasValue()",
              "variables.containers.all(c, !c.?securityContext.?seLinuxOptions.hasValue())",
            ])
          },
          {
            message    = "An agent may not have a priority of the system: it would put the pods of others off their nodes."
            expression = "!object.spec.?priorityClassName.orValue('').startsWith('system-')"
          },
          {
            message    = "An agent may not set sysctls."
            expression = "variables.pod.?sysctls.orValue([]).size() == 0"
          },
        ]
      }
    },
    {
      apiVersion = "admissionregistration.k8s.io/v1"
      kind       = "ValidatingAdmissionPolicyBinding"
      metadata   = { name = "agents-are-restricted" }
      spec = {
        policyName        = "agents-are-restricted"
        validationActions = ["Deny"]
        matchResources = {
          namespaceSelector = {
            matchExpressions = [{ key = "kubernetes.io/metadata.name", operator = "In", values = local.buildkit_namespaces }]
          }
        }
      }
    },
  ]
}
