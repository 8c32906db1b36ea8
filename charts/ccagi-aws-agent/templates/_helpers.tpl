{{- define "ccagi.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ccagi.fullname" -}}
{{- $name := include "ccagi.name" . }}
{{- $full := printf "%s-%s" .Release.Name $name }}
{{- if contains $name .Release.Name }}
{{- $full = .Release.Name }}
{{- else if hasPrefix (printf "%s-" .Release.Name) $name }}
{{- $full = $name }}
{{- end }}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ccagi.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ccagi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ccagi.labels" -}}
{{ include "ccagi.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ccagi-aws-agent
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "ccagi.serviceAccountName" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "ccagi.fullname" .) "default" }}
{{- .Values.serviceAccount.name | default $own }}
{{- end }}

{{- define "ccagi.image" -}}
{{- $name := list .Values.image.registry .Values.image.repository | compact | join "/" }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- /* The members of a group of roles: what a controller may do with the objects of one namespace, or of all. */}}
{{- define "ccagi.objectRules" -}}
- apiGroups: [aws.ccagi.io]
  resources: [awsresources]
  verbs: [get, list, watch, patch]
- apiGroups: [aws.ccagi.io]
  resources: [awsresources/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.rbac.readSecrets }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
{{- end }}

{{- define "ccagi.subjects" -}}
- kind: ServiceAccount
  name: {{ include "ccagi.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
