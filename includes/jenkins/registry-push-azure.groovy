            container('azure-cli') {
              sh 'scripts/with-azure scripts/registry-login'
            }
