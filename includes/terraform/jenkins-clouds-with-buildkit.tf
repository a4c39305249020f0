            name = "jenkins-${cloud}"
            # Every other level refuses rootless BuildKit; there jenkins_agents.tf refuses what `restricted` does, but for it.
            labels = { "pod-security.kubernetes.io/enforce" = contains(local.buildkit_namespaces, "jenkins-${cloud}") ? "privileged" : "restricted" }
