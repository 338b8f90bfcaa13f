//go:build cgo

// Command tessera-decoder decodes and encodes images for a Tessera worker, which starts
// it: it is no program for people. It confines itself before it reads a byte of any
// image, does one task at a time, and may be killed at any moment.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/tessera-iiif/tessera/worker/decode"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// parentFD is the socket that the worker passes on.
const parentFD = 3

type options struct {
	serve, check, version, selftest bool
	json, insecure, faults          bool
}

// The C libraries stay on the main thread: its malloc arena is the one that memory_tune
// bounds, and libvips keeps caches per thread.
func init() { runtime.LockOSThread() }

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err != nil {
		return protocol.ExitUsage
	}
	if err := o.do(stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return exitCode(err)
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("tessera-decoder", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.serve, "serve", false, "do the tasks that arrive on descriptor 3")
	flags.BoolVar(&o.check, "check", false, "check libraries and sandbox, and report")
	flags.BoolVar(&o.version, "version", false, "print the versions of the libraries in use")
	flags.BoolVar(&o.selftest, "selftest-sandbox", false, "try what the sandbox must deny, and report")
	flags.BoolVar(&o.json, "json", false, "report as JSON")
	flags.BoolVar(&o.insecure, "insecure", false, "run without a sandbox where the kernel offers none")
	flags.BoolVar(&o.faults, "fault-injection", false, "obey requests to crash, for tests")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if !o.serve && !o.check && !o.version && !o.selftest || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "tessera-decoder is started by tessera; see --help for its checks")
		return o, errors.New("usage")
	}
	return o, nil
}

// exit is an error with the status the parent knows it by.
type exit struct {
	code int
	error
}

func exitCode(err error) int {
	var e exit
	if errors.As(err, &e) {
		return e.code
	}
	return 1
}

func (o options) do(stdout io.Writer) error {
	if err := decode.Start(); err != nil {
		return exit{protocol.ExitLibrary, err}
	}
	if o.version {
		return print(stdout, o.json, protocol.Report{Versions: decode.Versions()})
	}
	sandbox, err := confine(o.insecure)
	if err != nil {
		return exit{protocol.ExitSandbox, err}
	}
	switch {
	case o.selftest:
		return json.NewEncoder(stdout).Encode(trySandbox())
	case o.check:
		formats, err := decode.Formats()
		if err != nil {
			return exit{protocol.ExitLibrary, err}
		}
		return print(stdout, o.json, protocol.Report{Versions: decode.Versions(), Formats: formats, Sandbox: sandbox})
	}
	return serve(o.faults)
}

func print(to io.Writer, asJSON bool, r protocol.Report) error {
	if asJSON {
		return json.NewEncoder(to).Encode(r)
	}
	_, err := fmt.Fprintf(to, "libvips %s\nOpenJPEG %s\n%s\n", r.Versions.Vips, r.Versions.OpenJPEG, r.Versions.JPEG)
	if err == nil && r.Formats != nil {
		_, err = fmt.Fprintf(to, "writes %v\nseccomp %t, Landlock ABI %d\n", r.Formats, r.Sandbox.Seccomp, r.Sandbox.Landlock)
	}
	return err
}
