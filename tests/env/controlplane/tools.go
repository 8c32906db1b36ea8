//go:build tools

// Package controlplane pins the commands that tests, demo and benchmark run as
// their local control plane. It has no code of its own: the blank imports keep
// `go mod tidy` from dropping what the commands need.
package controlplane

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
)
