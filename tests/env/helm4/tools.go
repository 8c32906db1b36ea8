//go:build tools

// Package tools pins Helm 4, with which the chart is tested.
package tools

import _ "helm.sh/helm/v4/cmd/helm"
