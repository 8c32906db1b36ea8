{{- define "ccagi.arguments" -}}
- run
- --health-address=0.0.0.0:{{ .Values.health.port }}
- --metrics-address={{ .Values.metrics.enabled | ternary (printf "0.0.0.0:%v" .Values.metrics.port) "0" }}
- --log={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
- --drift-period={{ .Values.reconcile.resyncPeriod }}
- --concurrency={{ .Values.reconcile.maxConcurrent }}
- --reconcile-timeout={{ .Values.reconcile.timeout }}
- --poll-period={{ .Values.reconcile.pollPeriod }}
- --backoff-base={{ .Values.reconcile.backoffBase }}
- --backoff-max={{ .Values.reconcile.backoffMax }}
- --aws-budget-share={{ .Values.aws.budgetShare }}
- --prices={{ .Values.cost.prices }}
{{- with .Values.clusterId }}
- --cluster-id={{ . }}
{{- end }}
{{- with .Values.watch.namespaces }}
- --watch-namespaces={{ join "," . }}
- --read-only-accounts
{{- end }}
{{- with .Values.watch.labelSelector }}
- --watch-selector={{ . }}
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect
- --leader-election-namespace={{ .Release.Namespace }}
- --leader-election-id={{ include "ccagi.fullname" . }}
- --leader-election-lease-duration={{ .Values.leaderElection.leaseDuration }}
- --leader-election-renew-deadline={{ .Values.leaderElection.renewDeadline }}
- --leader-election-retry-period={{ .Values.leaderElection.retryPeriod }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{- define "ccagi.environment" -}}
- name: HOSTNAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- with .Values.aws.region }}
- {name: AWS_REGION, value: {{ . | quote }}}
{{- end }}
{{- with .Values.aws.endpointUrl }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- with .Values.aws.credentials.secretName }}
{{- range $key := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ $key }}
  valueFrom: {secretKeyRef: {name: {{ $.Values.aws.credentials.secretName }}, key: {{ $key }}}}
{{- end }}
{{- end }}
{{- with .Values.tracing.otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
