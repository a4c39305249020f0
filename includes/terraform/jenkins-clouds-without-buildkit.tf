            name   = "jenkins-${cloud}"
            labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
