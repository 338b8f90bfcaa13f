package password

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	// taskTime is when a helper that has not answered is ended. The dearest hashes from
	// elsewhere take a minute on a busy machine.
	taskTime = 2 * time.Minute

	// lower is how much less of the processor a helper is given than who serves images:
	// about a quarter where both want all of it. Less would keep people waiting on machines
	// that are busy with something else.
	lower, lowest = 5, 19
)

// helpers are processes that hash, one for each slot, started when they are first needed.
type helpers struct {
	command []string
	idle    chan *helper
}

func newHelpers(command []string, most int) *helpers {
	if len(command) == 0 {
		return nil
	}
	return &helpers{command: command, idle: make(chan *helper, most)}
}

// do has a task done. A helper that was ended, for want of memory perhaps, is replaced
// once: nothing is lost with it.
func (h *helpers) do(t task) (outcome, error) {
	var errs []error
	for range 2 {
		one, err := h.take()
		if err != nil {
			return outcome{}, err
		}
		o, err := one.do(t)
		if err == nil {
			h.idle <- one
			return o, nil
		}
		one.end()
		errs = append(errs, err)
	}
	return outcome{}, fmt.Errorf("the process that hashes passwords does not answer: %w", errors.Join(errs...))
}

func (h *helpers) take() (*helper, error) {
	select {
	case one := <-h.idle:
		return one, nil
	default:
		return start(h.command)
	}
}

// end ends those that have nothing to do; nobody may be using one.
func (h *helpers) end() {
	for h != nil {
		select {
		case one := <-h.idle:
			one.end()
		default:
			return
		}
	}
}

// helper is one process. It ends with its input, and so with this process.
type helper struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	tasks    *gob.Encoder
	outcomes *gob.Decoder
}

func start(command []string) (*helper, error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // this program; it serves many requests
	cmd.Env = []string{}                            // it needs none of our secrets
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startLow(cmd); err != nil {
		return nil, fmt.Errorf("start a process to hash passwords: %w", err)
	}
	return &helper{cmd: cmd, in: in, tasks: gob.NewEncoder(in), outcomes: gob.NewDecoder(out)}, nil
}

// startLow starts a process at low priority. Linux gives each thread its own, which
// processes take from the thread that starts them: here one that ends with that, because
// it could not get back what it gave up.
func startLow(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		if now, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err == nil {
			nice := min(20-now+lower, lowest)                      // getpriority(2): the system call gives 20 less that
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice) // where it is forbidden it hashes as fast as others work
		}
		started <- cmd.Start()
	}()
	return <-started
}

func (h *helper) do(t task) (o outcome, err error) {
	late := time.AfterFunc(taskTime, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	if err := h.tasks.Encode(t); err != nil {
		return o, err
	}
	return o, h.outcomes.Decode(&o)
}

func (h *helper) end() {
	_ = h.in.Close()
	_ = h.cmd.Process.Kill() // it has nothing to do
	_ = h.cmd.Wait()
}
