//go:build tools

// Package tools names the command of Argo CD that the harness builds, so that `go mod tidy` keeps what it needs.
package tools

import _ "github.com/argoproj/argo-cd/v3/cmd"
