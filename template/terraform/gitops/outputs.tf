output "argocd_chart_version" {
  description = "Version of the argo-cd chart that runs."
  value       = helm_release.argocd.version
}
