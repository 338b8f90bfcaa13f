package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/tessera-iiif/tessera/internal/jp2"
	"github.com/tessera-iiif/tessera/worker/packets"
)

// errNotInspected ends the process with status 1 after all files were told of.
var errNotInspected = errors.New("some files could not be inspected")

// inspect tells how JPEG 2000 files are made, and what tiles of them cost.
func inspect(ctx, _ context.Context, env environment) error {
	flags := pflag.NewFlagSet("inspect", pflag.ContinueOnError)
	flags.SetOutput(env.stdout)
	asJSON := flags.Bool("json", false, "print JSON: a list with an object for each file")
	if err := flags.Parse(env.args); errors.Is(err, pflag.ErrHelp) {
		return err
	} else if err != nil {
		return usageError{err}
	}
	if flags.NArg() == 0 {
		return usageError{errors.New("say which files: tessera inspect IMAGE… [--json]")}
	}
	var reports []inspection
	failed := false
	for _, path := range flags.Args() {
		if err := ctx.Err(); err != nil {
			return err
		}
		report := inspectFile(path)
		failed = failed || report.Error != nil
		reports = append(reports, report)
		if !*asJSON {
			report.print(env.stdout)
		}
	}
	if *asJSON {
		if err := printJSON(env.stdout, reports); err != nil {
			return err
		}
	}
	if failed {
		return errNotInspected
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// inspection is what is told of one file. Fields are added, and never change their meaning.
type inspection struct {
	File      string          `json:"file"`
	Error     *fault          `json:"error,omitempty"` // why nothing more can be told
	Picture   *pictureFacts   `json:"picture,omitempty"`
	Structure *structureFacts `json:"structure,omitempty"`
	Index     *indexFacts     `json:"index,omitempty"`
	Tiles     []tileCost      `json:"tiles,omitempty"`
	Advice    []string        `json:"advice,omitempty"`
}

// fault is a reason, and where in the file it is found.
type fault struct {
	Reason string `json:"reason"`
	Part   string `json:"part,omitempty"`   // marker or box
	Offset *int64 `json:"offset,omitempty"` // of that, in bytes
}

func faultOf(err error) *fault {
	var at *jp2.Error
	if errors.As(err, &at) {
		return &fault{Reason: at.Reason, Part: at.Part, Offset: &at.Offset}
	}
	return &fault{Reason: err.Error()}
}

func (f *fault) String() string {
	if f.Offset == nil {
		return f.Reason
	}
	return fmt.Sprintf("%s at byte %d: %s", f.Part, *f.Offset, f.Reason)
}

func inspectFile(path string) inspection {
	f, err := os.Open(path)
	if err != nil {
		return inspection{File: path, Error: faultOf(err)}
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a file")
	}
	if err != nil {
		return inspection{File: path, Error: faultOf(err)}
	}
	return inspectReader(path, f, info.Size())
}

func inspectReader(name string, r io.ReaderAt, size int64) inspection {
	report := inspection{File: name}
	h, err := jp2.ReadHeader(r, size, jp2.DefaultBudget())
	if err != nil {
		report.Error = faultOf(err)
		return report
	}
	report.Picture = pictureOf(h, size)
	x, err := jp2.BuildIndex(r, size, h, jp2.DefaultBudget())
	if err == nil {
		err = packets.ForeseeRefusal(x, size)
	}
	if err == nil {
		report.Tiles = tileCosts(x, h, size)
	}
	report.Index = indexOf(x, err)
	report.Structure = structureOf(h, x)
	report.Advice = adviceOn(h, report)
	return report
}
