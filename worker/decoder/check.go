package decoder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// checkTime is much more than a check takes: a machine that starts everything at once
// may be slow at first.
const checkTime = time.Minute

// loaderFailed is the exit status of a program whose libraries are missing.
const loaderFailed = 127

// check runs the child's check of itself.
func check(ctx context.Context, cfg Config) (protocol.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, cfg.Path, append(cfg.childArguments("--check"), "--json")...)
	cmd.Env = childEnvironment
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{to: &stdout}, &limited{to: &stderr}
	if err := cmd.Run(); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return protocol.Report{}, fmt.Errorf("the decoder program %s takes longer than %s to check itself: is the machine overloaded, or the file another program?", cfg.Path, checkTime)
		}
		return protocol.Report{}, explainCheck(cfg.Path, err, stderr.String())
	}
	var report protocol.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || len(report.Formats) == 0 {
		return protocol.Report{}, fmt.Errorf("%s is not the decoder of this version: build both with `make build`", cfg.Path)
	}
	return report, nil
}

// explainCheck names the fix.
func explainCheck(path string, err error, stderr string) error {
	said, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	var exit *exec.ExitError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("the decoder program %s is missing: build it with `make build`, or say with --decoder-path where it is", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the decoder program %s cannot be run: make it executable with `chmod +x`, or say with --decoder-path where it is: %w", path, err)
	case !errors.As(err, &exit):
		return fmt.Errorf("the decoder program %s cannot be run: %w", path, err)
	}
	switch exit.ExitCode() {
	case loaderFailed:
		return fmt.Errorf("the decoder needs libraries that are not installed (%s): install them with `apt-get install libvips42 libopenjp2-7`", said)
	case protocol.ExitSandbox:
		return fmt.Errorf("the decoder cannot be confined on this system (%s): use a kernel and container profile that allow seccomp, or start with --insecure-decoder to run without", said)
	case protocol.ExitLibrary:
		return fmt.Errorf("the decoder's libraries do not work (%s): reinstall them with `apt-get install --reinstall libvips42 libopenjp2-7`", said)
	}
	return fmt.Errorf("the decoder program %s fails its self check (%w): %s", path, err, said)
}

// limited keeps the first bytes written to it.
type limited struct{ to *bytes.Buffer }

const limitedBytes = 64 << 10

func (l *limited) Write(p []byte) (int, error) {
	l.to.Write(p[:min(len(p), max(0, limitedBytes-l.to.Len()))])
	return len(p), nil
}
