
    stage('Build') {
      when {
        beforeAgent true
        branch '#{ branch }#'
      }
      agent {
        kubernetes {
          cloud 'release'
          yamlFile 'jenkins/agents/build.yaml'
        }
      }
      options {
        timeout(time: 90, unit: 'MINUTES')
      }
      stages {
        // After a checkout and by Git, because Jenkins' own list of changes (`changeset`) is empty before it, and in a
        // build that is run again.
        stage('Compare') {
          steps {
            script {
              def source = checkout scm
              def byHand = currentBuild.getBuildCauses('hudson.model.Cause$UserIdCause')
              env.TAG = "sha-${source.GIT_COMMIT}"
              env.BASE = source.GIT_PREVIOUS_SUCCESSFUL_COMMIT ?: ''
              // The one with Python.
              container('cosign') {
                // A build started by hand builds everything.
                withEnv(["COMPARED=${byHand ? '' : '--released #{ environment_list[0] }#'}"]) {
                  env.SERVICES = sh(script: 'scripts/changed-services $COMPARED', returnStdout: true).trim()
                }
                // In the first build of all nothing is known to have changed.
                env.MERGED = env.BASE ? sh(script: 'scripts/changed-environments "$BASE"', returnStdout: true) : ''
              }
            }
          }
        }
        stage('Build and push') {
          when {
            expression { (env.SERVICES ?: '') != '' }
          }
          environment {
            IMAGE_CACHE = 'type=registry'
          }
          steps {
#% include "includes/jenkins/registry-push-" ~ registry_spec.sign_in ~ ".groovy" %#
            container('buildkit') {
              script {
                def images = sh(script: 'scripts/build-images "$TAG" $SERVICES', returnStdout: true)
                env.IMAGES = images.trim().replace('\n', ' ')
              }
            }
          }
        }
        stage('Sign') {
          when {
            expression { (env.IMAGES ?: '') != '' }
          }
          environment {
            COSIGN_KEY = 'azurekms://#{ key_vault_name }#.vault.azure.net/image-signing'
          }
          steps {
            container('cosign') {
              sh 'scripts/sign-images $IMAGES'
            }
          }
        }
      }
    }

    stage('Deploy') {
      when {
        beforeAgent true
        expression { (env.IMAGES ?: '') != '' }
      }
      agent {
        kubernetes {
          cloud 'release'
          yamlFile 'jenkins/agents/deploy.yaml'
          defaultContainer 'tools'
        }
      }
      steps {
        container('jnlp') {
          checkout scm
        }
#% include "includes/jenkins/registry-read-" ~ registry_spec.sign_in ~ ".groovy" %#
        lock('deploy-#{ environment_list[0] }#') {
          // What hangs would hold up every deployment.
          timeout(time: 60, unit: 'MINUTES') {
            withCredentials([gitUsernamePassword(credentialsId: 'git')]) {
              sh 'scripts/deploy "#{ environment_list[0] }#" $IMAGES'
            }
          }
        }
      }
    }

    stage('Roll out') {
      when {
        beforeAgent true
        expression { (env.MERGED ?: '').contains('"') }
      }
      agent {
        kubernetes {
          cloud 'release'
          yamlFile 'jenkins/agents/deploy.yaml'
          defaultContainer 'tools'
        }
      }
      steps {
        container('jnlp') {
          checkout scm
        }
#% include "includes/jenkins/registry-read-" ~ registry_spec.sign_in ~ ".groovy" %#
        script {
          for (environment in (env.MERGED ?: '').tokenize('[",]\n')) {
            // One that does not become healthy does not keep the others from being followed.
            catchError(catchInterruptions: false) {
              lock("deploy-${environment}") {
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
