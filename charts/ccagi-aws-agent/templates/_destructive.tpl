{{- /* A CEL list of what of an AwsResource, under the name of a CEL variable, destroys data. */}}
{{- define "ccagi.destructive" -}}
({{ . }}.spec.?deletionPolicy.orValue('') == 'Delete' && (has({{ . }}.spec.s3Bucket) || has({{ . }}.spec.dynamoDbTable) || has({{ . }}.spec.rdsInstance)) ? ['deletionPolicy: Delete'] : []) +
({{ . }}.spec.?s3Bucket.forceDestroy.orValue(false) ? ['s3Bucket.forceDestroy: true'] : []) +
({{ . }}.spec.?rdsInstance.skipFinalSnapshot.orValue(false) ? ['rdsInstance.skipFinalSnapshot: true'] : [])
{{- end }}

{{- /* The binding that puts a policy into force everywhere. Takes the root and the policy's own name. */}}
{{- define "ccagi.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "ccagi.fullname" .root }}-{{ .policy }}
  labels:
    {{- include "ccagi.labels" .root | nindent 4 }}
spec:
  policyName: {{ include "ccagi.fullname" .root }}-{{ .policy }}
  validationActions: [Deny]
{{- end }}
