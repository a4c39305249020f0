{{- /* What the cluster gets beside, from terraform/gitops. */ -}}
{{- range .Values.objects }}
---
{{ toYaml . }}
{{- end }}
