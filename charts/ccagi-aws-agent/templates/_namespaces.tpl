{{- /* A CEL expression: whether the object's namespace is one that a rule about namespaces means. Takes the rule as a CEL expression. Needs the variable labels. */}}
{{- define "ccagi.namespaceIn" -}}
(object.metadata.namespace in {{ . }}.?names.orValue([])
|| has({{ . }}.selector)
  && {{ . }}.selector.?matchLabels.orValue({}).all(key,
    key in variables.labels && variables.labels[key] == {{ . }}.selector.matchLabels[key])
  && {{ . }}.selector.?matchExpressions.orValue([]).all(one,
    one.operator == 'In' ? one.key in variables.labels && variables.labels[one.key] in one.?values.orValue([])
    : one.operator == 'NotIn' ? !(one.key in variables.labels && variables.labels[one.key] in one.?values.orValue([]))
    : one.operator == 'Exists' ? one.key in variables.labels
    : one.operator == 'DoesNotExist' ? !(one.key in variables.labels)
    : false))
{{- end }}
