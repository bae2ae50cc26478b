//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// isolate puts a command into a process group of its own, so that what it started ends
// with it when it is stopped.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
