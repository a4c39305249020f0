            withCredentials([
              usernamePassword(
                credentialsId: 'registry',
                usernameVariable: 'REGISTRY_USERNAME',
                passwordVariable: 'REGISTRY_PASSWORD',
              ),
            ]) {
              sh 'scripts/registry-login'
            }
