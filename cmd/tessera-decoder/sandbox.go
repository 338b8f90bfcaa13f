//go:build cgo

package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// confine gives up, for all threads and for good, whatever decoding does not need. All
// libraries are loaded by now; nothing is opened, connected or started any more. When
// insecure, what the kernel does not offer is done without.
func confine(insecure bool) (s protocol.Sandbox, err error) {
	if s.Landlock, err = denyFiles(); err != nil && !insecure {
		return s, fmt.Errorf("landlock: %w", err)
	}
	if err = filterSystemCalls(); err != nil && !insecure {
		return s, fmt.Errorf("seccomp: %w", err)
	}
	s.Seccomp = err == nil
	return s, nil
}

// denyFiles has Landlock deny everything it knows: files, network, signals to others. It
// answers the ABI version in force, 0 where the kernel has no Landlock: the filter of
// system calls denies the same by itself.
func denyFiles() (int, error) {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return 0, nil //nolint:nilerr // an error means that there is none
	}
	return abi, landlock.V6.BestEffort().Restrict()
}

// allowed is what the Go runtime, glibc, glib and the codecs call once they are loaded:
// memory, threads, time, and traffic over descriptors that are already there.
var allowed = []string{
	"read", "write", "readv", "writev", "pread64", "recvmsg", "lseek", "fstat", "close", "fcntl",
	"mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "mincore",
	"futex", "set_robust_list", "get_robust_list", "rseq", "membarrier", "sched_yield", "sched_getaffinity",
	"gettid", "getpid", "exit", "exit_group", "restart_syscall",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getrusage",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "pipe2", "poll", "ppoll",
	"getrandom", "sysinfo", "uname", "getcpu",
}

// unknown is what libraries try first and do without where it is not implemented.
var unknown = []string{"clone3", "sched_setattr", "sched_getattr", "statx", "rseq_slice_yield"}

func filterSystemCalls() error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	has := func(name string) bool { _, ok := info.SyscallNames[name]; return ok }
	known := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !has(n) })
	}
	return seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno, // EPERM
			Syscalls: []seccomp.SyscallGroup{
				{Names: known(allowed), NamesWithCondtions: conditional(), Action: seccomp.ActionAllow},
				{Names: known(unknown), Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
			},
		},
	})
}

// conditional calls: new threads but no new processes, signals to this process alone,
// names for threads and mappings.
func conditional() []seccomp.NameWithConditions {
	only := func(name string, c seccomp.Condition) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{Name: name, Conditions: seccomp.ArgumentConditions{c}}
	}
	self := seccomp.Condition{Operation: seccomp.Equal, Value: uint64(os.Getpid())}
	return []seccomp.NameWithConditions{
		only("clone", seccomp.Condition{Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}),
		only("tgkill", self),
		only("prctl", seccomp.Condition{Operation: seccomp.Equal, Value: unix.PR_SET_NAME}),
		only("prctl", seccomp.Condition{Operation: seccomp.Equal, Value: unix.PR_SET_VMA}),
	}
}
