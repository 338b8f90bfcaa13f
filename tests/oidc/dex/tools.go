//go:build tools

// Package dex pins the OpenID provider Dex, which tests run as a process of its own. It
// is a module of its own so that what Dex needs is not needed by the server.
package dex

import _ "github.com/dexidp/dex/cmd/dex" // the program
