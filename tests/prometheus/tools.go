//go:build tools

package main

// Pins the module in which the definitions of ServiceMonitor and PrometheusRule come.
import _ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
