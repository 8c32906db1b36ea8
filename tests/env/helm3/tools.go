//go:build tools

// Package tools pins Helm 3, with which the chart is tested.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
