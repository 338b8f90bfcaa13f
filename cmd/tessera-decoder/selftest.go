//go:build cgo

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// attempt is one thing that a confined child must not be able to do.
type attempt struct {
	Name   string `json:"name"`
	Denied bool   `json:"denied"`
	Error  string `json:"error,omitempty"`
}

// trySandbox tries everything and tells how it went.
func trySandbox() []attempt {
	var attempts []attempt
	for _, try := range []struct {
		name string
		do   func() error
	}{
		{"open /etc/passwd", func() error { return open("/etc/passwd", unix.O_RDONLY) }},
		{"read the parent's environment", func() error { return open(fmt.Sprintf("/proc/%d/environ", os.Getppid()), unix.O_RDONLY) }},
		{"create a file", func() error { return open(os.TempDir()+"/tessera-selftest", unix.O_CREAT|unix.O_WRONLY) }},
		{"list a directory", func() error { return open("/", unix.O_RDONLY|unix.O_DIRECTORY) }},
		{"stat a file", func() error { var s unix.Stat_t; return unix.Stat("/etc/passwd", &s) }},
		{"internet socket", func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); return err }},
		{"unix socket", func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err }},
		{"connect", func() error { return unix.Connect(parentFD, &unix.SockaddrUnix{Name: "/run/x"}) }},
		{"listen", func() error { return unix.Listen(parentFD, 1) }},
		{"execve", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) }},
		{"ptrace", func() error { return unix.PtraceAttach(os.Getppid()) }},
		{"kill another process", func() error { return unix.Kill(os.Getppid(), 0) }},
		{"signal another process's thread", func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), 0) }},
		{"read another process's memory", readParent},
		{"new process", fork},
		{"io_uring", func() error { return call(unix.SYS_IO_URING_SETUP, 1, 0) }},
		{"bpf", func() error { return call(unix.SYS_BPF, 0, 0) }},
		{"keyctl", func() error { return call(unix.SYS_KEYCTL, 0, 0) }},
		{"userfaultfd", func() error { return call(unix.SYS_USERFAULTFD, 0, 0) }},
		{"mount", func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") }},
		{"unshare", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"raise own limits", func() error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: 1}) }},
	} {
		a := attempt{Name: try.name}
		if err := try.do(); err != nil {
			a.Error = err.Error()
			a.Denied = errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS)
		}
		attempts = append(attempts, a)
	}
	return attempts
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags, 0o600)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func call(number uintptr, a, b uintptr) error {
	if _, _, errno := unix.Syscall(number, a, b, 0); errno != 0 {
		return errno
	}
	return nil
}

func readParent() error {
	var b [8]byte
	local := []unix.Iovec{{Base: &b[0], Len: 8}}
	_, err := unix.ProcessVMReadv(os.Getppid(), local, []unix.RemoteIovec{{Base: 4096, Len: 8}}, 0)
	return err
}

// fork asks for a process in the way fork does; a child made by mistake ends at once.
func fork() error {
	pid, _, errno := unix.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		unix.Exit(0)
	}
	return nil
}
