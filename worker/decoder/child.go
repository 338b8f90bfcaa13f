package decoder

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

const (
	startTime = 10 * time.Second       // for a child to report that it is ready
	stopTime  = 200 * time.Millisecond // for an idle child to exit by itself

	openFiles = 32 // the child's own, a task's file, and what libraries open as they load
)

// child is one decoder process. Its methods are for the slot that owns it.
type child struct {
	cmd    *exec.Cmd
	pid    int
	conn   *net.UnixConn
	reader *bufio.Reader
	exited chan struct{} // closed when the process is reaped and its last words logged
	killed bool
	tasks  int
	cpu    time.Duration // used so far, by its own account
}

// startChild starts a process and waits until it has confined itself. The process is
// killed when ctx ends.
func startChild(ctx context.Context, cfg Config, s *spawner) (*child, error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	c := &child{conn: ours, reader: bufio.NewReaderSize(ours, 64<<10), exited: make(chan struct{})}
	err = c.launch(ctx, cfg, theirs, s)
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	if err := c.greet(cfg); err != nil {
		c.kill()
		return nil, fmt.Errorf("%w (%s)", err, c.state())
	}
	return c, nil
}

func socketpair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket to a decoder: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "decoder")
	f := os.NewFile(uintptr(fds[0]), "worker")
	conn, err := net.FileConn(f) // a duplicate
	_ = f.Close()
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("socket to a decoder: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil
}

func (c *child) launch(ctx context.Context, cfg Config, theirs *os.File, s *spawner) error {
	c.cmd = exec.CommandContext(ctx, cfg.Path, cfg.childArguments("--serve")...)
	c.cmd.Env = childEnvironment
	c.cmd.ExtraFiles = []*os.File{theirs}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("decoder process: %w", err)
	}
	if err := s.run(c.cmd.Start); err != nil {
		return fmt.Errorf("decoder process: %w", err)
	}
	c.pid = c.cmd.Process.Pid
	go func() {
		defer close(c.exited)
		logLines(stderr, cfg.Log.With("pid", c.pid))
		_ = c.cmd.Wait() // the state is read from the process itself
	}()
	return nil
}

// greet bounds the child's resources and waits for its first words.
func (c *child) greet(cfg Config) error {
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_DATA:   uint64(cfg.MemoryBytes),
		unix.RLIMIT_NOFILE: openFiles,
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  0,
	} {
		if err := unix.Prlimit(c.pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil); err != nil {
			return fmt.Errorf("limit decoder process: %w", err)
		}
	}
	_ = c.conn.SetDeadline(time.Now().Add(startTime))
	hello, err := protocol.ReadReply(c.reader)
	if err != nil {
		return fmt.Errorf("decoder process said nothing: %w", err)
	}
	c.cpu = hello.CPU
	return nil
}

// allowCPU lets the child use so much more processor time; the kernel kills it after.
func (c *child) allowCPU(more time.Duration) error {
	seconds := uint64((c.cpu+more)/time.Second) + 2
	limit := unix.Rlimit{Cur: seconds, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(c.pid, unix.RLIMIT_CPU, &limit, nil); err != nil {
		return fmt.Errorf("limit decoder process: %w", err)
	}
	return nil
}

// send writes the request, with the descriptor of its file or followed by its stream.
func (c *child) send(j *job) error {
	frame, err := protocol.AppendFrame(nil, j.req)
	if err != nil {
		return err
	}
	if j.file == nil {
		both := net.Buffers{frame, j.stream} // a copy of the stream would be as large again
		_, err := both.WriteTo(c.conn)
		return err
	}
	raw, err := j.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("file of a task: %w", err)
	}
	var sent error
	// Inside Control the descriptor cannot be closed and reused by whoever owns the file.
	if err := raw.Control(func(fd uintptr) {
		_, _, sent = c.conn.WriteMsgUnix(frame, unix.UnixRights(int(fd)), nil)
	}); err != nil {
		return fmt.Errorf("file of a task: %w", err)
	}
	return sent
}

// usable tells whether the child may have another task.
func (c *child) usable(cfg Config) bool {
	return !c.killed && c.tasks < cfg.MaxTasks && (c.tasks == 0 || c.resident() <= cfg.MaxResident)
}

// resident is the memory that is the child's own, without files it shares. 0 if unknown.
func (c *child) resident() int64 {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.pid))
	if err != nil {
		return 0 // it has just died: the next task will tell
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(line), &size, &resident, &shared); err != nil {
		return 0
	}
	return (resident - shared) * int64(os.Getpagesize())
}

// stop ends the child: an idle one sees its socket close and leaves.
func (c *child) stop() {
	_ = c.conn.Close()
	select {
	case <-c.exited:
	case <-time.After(stopTime):
		c.kill()
	}
}

// kill ends the child at once and waits until it is gone.
func (c *child) kill() {
	c.killed = true
	_ = c.conn.Close()
	select {
	case <-c.exited: // its number may be another's by now
	default:
		_ = c.cmd.Process.Kill()
		<-c.exited
	}
}

// state says how the process ended, e.g. "signal: segmentation fault".
func (c *child) state() string {
	select {
	case <-c.exited:
		return c.cmd.ProcessState.String()
	default:
		return "running"
	}
}
