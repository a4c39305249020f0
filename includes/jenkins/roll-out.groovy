
    stage('Roll out') {
      when {
        beforeAgent true
        branch '#{ branch }#'
      }
      agent {
        kubernetes {
          cloud 'release'
          yamlFile 'jenkins/agents/deploy.yaml'
          defaultContainer 'tools'
        }
      }
      steps {
        // By Git, after a checkout: Jenkins' own list of changes (`changeset`) is empty before it.
        container('jnlp') {
          script {
            def source = checkout scm
            env.BASE = source.GIT_PREVIOUS_SUCCESSFUL_COMMIT ?: ''
          }
        }
        script {
          // In the first build of all nothing is known to have changed.
          env.MERGED = env.BASE ? sh(script: 'scripts/changed-environments "$BASE"', returnStdout: true) : ''
        }
#% include "includes/jenkins/registry-read-" ~ registry_spec.sign_in ~ ".groovy" %#
        script {
          for (environment in (env.MERGED ?: '').tokenize('[",]\n')) {
            // One that does not become healthy does not keep the others from being followed.
            catchError(catchInterruptions: false) {
              lock("deploy-${environment}") {
                // What hangs would hold up every deployment.
                timeout(time: 60, unit: 'MINUTES') {
                  withCredentials([gitUsernamePassword(credentialsId: 'git')]) {
                    withEnv(["ENVIRONMENT=${environment}"]) {
                      sh 'scripts/roll-out "$ENVIRONMENT" HEAD "$BASE"'
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
