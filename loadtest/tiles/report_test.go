package main

import (
	"fmt"
	"strings"
	"testing"
)

// lines are measurements of rounds whose servers have the given requests a second.
func lines(kind, other string, rates ...[2]int) string {
	var out strings.Builder
	for i, r := range rates {
		for j, server := range []string{"tessera", other} {
			fmt.Fprintf(&out, `{"kind":%q,"picture":"untiled-lossy","server":%q,"round":%d,"requests":%d,"seconds":1,"p50_ms":%d,"cpu_seconds":1}`+"\n", kind, server, i+1, r[j], 1000/r[j])
		}
	}
	return out.String()
}

// circumstances are two measurements of one round, with the given requests a second, the
// one of 40 sign-ins that took a second of a processor.
func circumstances(kind, one, other string, a, b int) string {
	line := `{"kind":%q,"server":%q,"round":1,"requests":%d,"seconds":1,"p50_ms":%g,"p95_ms":1,"cpu_seconds":%d,"sign_ins":%d}` + "\n"
	return fmt.Sprintf(line, kind, one, a, 1000/float64(a), 2, 40) + fmt.Sprintf(line, kind, other, b, 1000/float64(b), 1, 0)
}

func table(t *testing.T, measurements string) string {
	t.Helper()
	r, err := readResults(strings.NewReader(measurements))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	r.table(&out)
	return out.String()
}

func TestVerdicts(t *testing.T) {
	memory := func(peak int) string {
		return fmt.Sprintf(`{"kind":"memory","server":"tessera","requests":600,"seconds":9,"peak_bytes":%d}`, peak)
	}
	for name, c := range map[string]struct{ measurements, want string }{
		"the median of rounds counts": {lines("cold", "iipimage", [2]int{300, 100}, [2]int{10, 100}, [2]int{280, 100}), "PASS  cold tiles, untiled-lossy: 2.80x"},
		"slower than the peer":        {lines("cold", "iipimage", [2]int{80, 100}), "MISS  cold tiles, untiled-lossy: 0.80x"},
		"warm just enough":            {lines("warm", "bare", [2]int{80, 100}, [2]int{81, 100}), "PASS  warm tiles: 0.81x"},
		"warm too slow":               {lines("warm", "bare", [2]int{79, 100}), "MISS  warm tiles: 0.79x"},
		"signed in, just enough":      {circumstances("signed", "signed-in", "open", 90, 100), "PASS  warm tiles of a signed-in reader: 0.90x"},
		"signed in, too slow":         {circumstances("signed", "signed-in", "open", 89, 100), "MISS  warm tiles of a signed-in reader: 0.89x"},
		"sign-ins hardly felt":        {circumstances("crowd", "sign-ins", "quiet", 100, 119), "PASS  warm tiles while people sign in: 1.19x"},
		"sign-ins felt":               {circumstances("crowd", "sign-ins", "quiet", 100, 121), "MISS  warm tiles while people sign in: 1.21x"},
		"what a sign-in costs":        {circumstances("crowd", "sign-ins", "quiet", 100, 119), "each takes 25 ms of a processor, so 40 a second and core"},
		"memory within":               {memory(499_000_000), "PASS  memory: 499 MB"},
		"memory above":                {memory(501_000_000), "MISS  memory: 501 MB"},
	} {
		if got := table(t, c.measurements); !strings.Contains(got, c.want) {
			t.Errorf("%s: no %q in\n%s", name, c.want, got)
		}
	}
}

func TestRoundsAreNotMixed(t *testing.T) {
	r, err := readResults(strings.NewReader(lines("cold", "iipimage", [2]int{100, 50}, [2]int{30, 10}) + lines("warm", "bare", [2]int{1, 1})))
	if err != nil {
		t.Fatal(err)
	}
	got := r.ratios("cold", "tessera", "iipimage", func(ours, theirs measurement) float64 { return ours.rate() / theirs.rate() })
	if fmt.Sprint(got) != "[2 3]" {
		t.Errorf("%v", got)
	}
}

func TestResultsAreChecked(t *testing.T) {
	for _, text := range []string{"{", `{"kind":"cold","requests":0,"seconds":1}`, `{"kind":"cold","requests":5}`} {
		if _, err := readResults(strings.NewReader(text)); err == nil {
			t.Errorf("%s is taken for a measurement", text)
		}
	}
}
