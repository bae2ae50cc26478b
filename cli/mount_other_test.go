//go:build unix && !linux

package cli_test

import "testing"

func mountSmall(*testing.T, string, string) error { return errNotMounted }

func mountReadOnly(*testing.T, string) error { return errNotMounted }
