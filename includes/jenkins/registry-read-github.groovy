        withCredentials([
          usernamePassword(
            credentialsId: 'registry-read',
            usernameVariable: 'REGISTRY_USERNAME',
            passwordVariable: 'REGISTRY_PASSWORD',
          ),
        ]) {
          sh 'scripts/registry-login'
        }
