# Agents are pods of this cluster: the cluster signs the tokens of their service accounts, which are made in
# ../gitops/jenkins.tf.
locals {
  ci_system = "jenkins"
  ci_issuer = azurerm_kubernetes_cluster.this.oidc_issuer_url

  ci_subjects = {
    plan  = "system:serviceaccount:jenkins-infrastructure:plan"
    apply = "system:serviceaccount:jenkins-infrastructure:apply"
  }

  # Deploy works inside the cluster with its own service account and needs nothing of Azure.
  ci_deploy_roles = {}
  deploy_user     = "system:serviceaccount:jenkins-release:deploy"
}
