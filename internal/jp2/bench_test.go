package jp2

import (
	"bytes"
	"testing"
)

// benchFile has some 5,000 packets in one tile, with PLT or without.
func benchFile(b *testing.B, options string) []byte {
	b.Helper()
	_, data := encode(b, picture(b, 1024, 1024, 3), "out.j2k", "-p RPCL -n 3 -c [32,32],[32,32] -b 16,16 -I -r 20 "+options)
	return data
}

func BenchmarkReadHeader(b *testing.B) {
	data := benchFile(b, "-PLT")
	for b.Loop() {
		if _, err := parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildIndex(b *testing.B) {
	for name, options := range map[string]string{"PLT": "-PLT", "packet headers": ""} {
		b.Run(name, func(b *testing.B) {
			data := benchFile(b, options)
			b.ReportAllocs()
			for b.Loop() {
				mustIndex(b, data)
			}
		})
	}
}

func BenchmarkParseIndex(b *testing.B) {
	stored := store(b, mustIndex(b, benchFile(b, "-PLT")))
	b.ReportAllocs()
	for b.Loop() {
		x, err := ParseIndex(stored, DefaultBudget())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := x.layoutOf(0); err != nil {
			b.Fatal(err)
		}
	}
}

var tileOf256 = Rect{512, 256, 768, 512}

func BenchmarkPlan(b *testing.B) {
	x := mustIndex(b, benchFile(b, "-PLT"))
	if _, err := x.layoutOf(0); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Plan(tileOf256, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSynthesise(b *testing.B) {
	data := benchFile(b, "-PLT")
	plan, err := mustIndex(b, data).Plan(tileOf256, 1)
	if err != nil {
		b.Fatal(err)
	}
	src := bytes.NewReader(data)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plan.Synthesise(src); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTile is all that the engine does for one tile of a file whose index is at hand.
func BenchmarkTile(b *testing.B) {
	data := benchFile(b, "-PLT")
	x := mustIndex(b, data)
	src := bytes.NewReader(data)
	b.ReportAllocs()
	for b.Loop() {
		plan, err := x.Plan(tileOf256, 1)
		if err != nil {
			b.Fatal(err)
		}
		if plan.Ranges(16<<10) == nil {
			b.Fatal("nothing to read")
		}
		if _, err := plan.SynthesiseFile(src); err != nil {
			b.Fatal(err)
		}
	}
}
