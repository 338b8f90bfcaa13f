package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// What is wanted at least (ratios) or at most (bytes, and what sign-ins may do to tiles).
const (
	warmFloor   = 0.8
	signedFloor = 0.9
	signInLimit = 1.2 // times as long as without sign-ins
	memoryLimit = 500_000_000
)

// floors are for each structure of picture: of cold tiles by the second, and of traces by
// the megapixel in tiles of 256. 0: none.
var floors = []struct {
	picture     string
	cold, trace float64
}{{"untiled-lossy", 2.5, 4}, {"untiled-lossless", 3, 4}, {"untiled-lrcp", 3, 4}, {"tiled-1024", 1.1, 0}, {"tiled-256", 2, 0}}

// report prints the table of a file of measurements: tiles report FILE.
func report(_ context.Context, args []string) (err error) {
	if len(args) != 1 {
		return errors.New("usage: tiles report FILE")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	results, err := readResults(f)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	results.table(out)
	return out.Flush()
}

type results []measurement

func readResults(r io.Reader) (results, error) {
	var all results
	for d := json.NewDecoder(r); ; {
		var m measurement
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("couldn't read the measurements: %w", err)
		case m.Requests < 1 || m.Seconds <= 0:
			return nil, errors.New("a measurement without requests")
		}
		all = append(all, m)
	}
}

func (r results) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "round\tserver\trequests/s\tp50 ms\tp95 ms\tKB each\tCPU ms each\tpeak MB\tMpx/s\tCPU ms/Mpx\tview ms\t\n")
	for _, kind := range []string{"cold", "trace", "warm", "signed", "crowd", "memory"} {
		for _, m := range r {
			if m.Kind == kind {
				m.row(t)
			}
		}
	}
	_ = t.Flush()
	fmt.Fprintln(w)
	r.verdicts(w)
}

func (m measurement) row(w io.Writer) {
	each := func(sum float64) float64 { return sum / float64(m.Requests) }
	label, peak := fmt.Sprintf("%s %d", m.Kind, m.Round), "-"
	if m.Picture != "" {
		label = fmt.Sprintf("%s %s %d", m.Kind, m.Picture, m.Round)
	}
	if m.Side > 0 {
		label = fmt.Sprintf("%s %s/%d %d", m.Kind, m.Picture, m.Side, m.Round)
	}
	if m.Peak > 0 {
		peak = fmt.Sprintf("%.0f", float64(m.Peak)/1e6)
	}
	area := "-\t-\t-"
	if m.Pixels > 0 {
		area = fmt.Sprintf("%.2f\t%.0f\t%.0f", m.pixelRate()/1e6, m.CPU*1e9/float64(m.Pixels), m.View)
	}
	fmt.Fprintf(w, "%s\t%s\t%.1f\t%.2f\t%.2f\t%.1f\t%.3f\t%s\t%s\t\n", label, m.Server,
		m.rate(), m.P50, m.P95, each(float64(m.Bytes))/1e3, each(m.CPU)*1e3, peak, area)
}

// pixelRate is in pixels delivered a second.
func (m measurement) pixelRate() float64 { return float64(m.Pixels) / m.Seconds }

// picture is the part of the results that is about one structure.
func (r results) picture(name string) (part results) {
	for _, m := range r {
		if m.Picture == name {
			part = append(part, m)
		}
	}
	return part
}

func rate(ours, theirs measurement) float64 { return ours.rate() / theirs.rate() }

// cold compares cold tiles of one structure.
func (r results) cold(w io.Writer, picture string, floor float64) {
	ratios := r.ratios("cold", "tessera", "iipimage", rate)
	if len(ratios) == 0 {
		return
	}
	x := median(ratios)
	fmt.Fprintf(w, "%s  cold tiles, %s: %.2fx the requests/s of iipimage (wanted %.1fx; rounds %.2f)\n", verdict(x >= floor), picture, x, floor, ratios)
	p50 := r.ratios("cold", "tessera", "iipimage", func(ours, theirs measurement) float64 { return theirs.P50 / ours.P50 })
	cpu := r.ratios("cold", "tessera", "iipimage", func(ours, theirs measurement) float64 { return theirs.CPU / ours.CPU })
	fmt.Fprintf(w, "      %.2fx as fast at the median tile, %.2fx the tiles for the same processor time\n", median(p50), median(cpu))
	fmt.Fprintf(w, "      before the clock the file was looked into: %.0f ms of processor time, iipimage %.0f ms\n", r.prepared("tessera"), r.prepared("iipimage"))
}

// prepared is the median processor time in milliseconds that a server took to look into
// the file.
func (r results) prepared(server string) float64 {
	var all []float64
	for _, m := range r {
		if m.Kind == "cold" && m.Server == server {
			all = append(all, m.Prepared*1e3)
		}
	}
	return median(all)
}

// trace compares traces through one structure, in tiles of each size.
func (r results) trace(w io.Writer, picture string, floor float64) {
	for _, side := range r.sides() {
		part := r.side(side)
		ratios := part.ratios("trace", "tessera", "iipimage", func(ours, theirs measurement) float64 { return ours.pixelRate() / theirs.pixelRate() })
		if len(ratios) == 0 {
			continue
		}
		x, label, wanted := median(ratios), "    ", "compared only"
		if side == tileSide && floor > 0 {
			label, wanted = verdict(x >= floor), fmt.Sprintf("wanted %.1fx", floor)
		}
		fmt.Fprintf(w, "%s  traces, %s in tiles of %d: %.2fx the pixels/s of iipimage (%s; rounds %.2f)\n", label, picture, side, x, wanted, ratios)
		view := part.ratios("trace", "tessera", "iipimage", func(ours, theirs measurement) float64 { return theirs.View / ours.View })
		cpu := part.ratios("trace", "tessera", "iipimage", func(ours, theirs measurement) float64 { return theirs.CPU / ours.CPU })
		fmt.Fprintf(w, "      the median view complete %.2fx as fast, %.2fx the pixels for the same processor time\n", median(view), median(cpu))
	}
}

// sides are the sizes of tiles that were measured, ascending.
func (r results) sides() (all []int) {
	for _, m := range r {
		if m.Side > 0 && !slices.Contains(all, m.Side) {
			all = append(all, m.Side)
		}
	}
	slices.Sort(all)
	return all
}

func (r results) side(side int) (part results) {
	for _, m := range r {
		if m.Side == side {
			part = append(part, m)
		}
	}
	return part
}

// verdicts compares the medians over rounds with what is wanted.
func (r results) verdicts(w io.Writer) {
	for _, floor := range floors {
		r.picture(floor.picture).cold(w, floor.picture, floor.cold)
	}
	for _, floor := range floors {
		r.picture(floor.picture).trace(w, floor.picture, floor.trace)
	}
	if ratios := r.ratios("warm", "tessera", "bare", rate); len(ratios) > 0 {
		x := median(ratios)
		fmt.Fprintf(w, "%s  warm tiles: %.2fx the requests/s of a bare net/http handler (wanted %.1fx; rounds %.2f)\n", verdict(x >= warmFloor), x, warmFloor, ratios)
	}
	r.signed(w)
	r.signIns(w)
	for _, m := range r {
		if m.Kind == "memory" {
			fmt.Fprintf(w, "%s  memory: %.0f MB at most for the process tree over %d tiles (wanted < %d MB)\n", verdict(m.Peak < memoryLimit), float64(m.Peak)/1e6, m.Requests, memoryLimit/1_000_000)
		}
	}
}

// signed compares tiles that only a signed-in reader gets with open ones.
func (r results) signed(w io.Writer) {
	ratios := r.ratios("signed", "signed-in", "open", rate)
	if len(ratios) == 0 {
		return
	}
	x := median(ratios)
	fmt.Fprintf(w, "%s  warm tiles of a signed-in reader: %.2fx the requests/s of open ones (wanted %.1fx; rounds %.2f)\n", verdict(x >= signedFloor), x, signedFloor, ratios)
	cpu := r.ratios("signed", "signed-in", "open", func(signed, open measurement) float64 { return open.CPU / signed.CPU })
	fmt.Fprintf(w, "      %.2fx the tiles for the same processor time (rounds %.2f)\n", median(cpu), cpu)
}

// signIns tells what sign-ins do to tiles, and what they cost themselves.
func (r results) signIns(w io.Writer) {
	p50 := r.ratios("crowd", "sign-ins", "quiet", func(busy, quiet measurement) float64 { return busy.P50 / quiet.P50 })
	if len(p50) == 0 {
		return
	}
	p95 := r.ratios("crowd", "sign-ins", "quiet", func(busy, quiet measurement) float64 { return busy.P95 / quiet.P95 })
	x, y := median(p50), median(p95)
	fmt.Fprintf(w, "%s  warm tiles while people sign in: %.2fx the median time of a tile, %.2fx its 95th percentile (wanted at most %.1fx; rounds %.2f, %.2f)\n",
		verdict(max(x, y) <= signInLimit), x, y, signInLimit, p50, p95)
	var rates, times []float64
	for _, m := range r {
		if m.SignIns > 0 {
			rates, times = append(rates, m.SignInRate), append(times, m.SignIn)
		}
	}
	cost := r.ratios("crowd", "sign-ins", "quiet", func(busy, quiet measurement) float64 {
		return (busy.CPU - quiet.CPU) * 1e3 / float64(busy.SignIns)
	})
	fmt.Fprintf(w, "      %.0f sign-ins a second, the median one in %.0f ms; each takes %.0f ms of a processor, so %.0f a second and core\n",
		median(rates), median(times), median(cost), 1e3/median(cost))
}

func verdict(met bool) string {
	if met {
		return "PASS"
	}
	return "MISS"
}

// ratios pairs measurements of one server, or under one circumstance, with another's of
// the same round.
func (r results) ratios(kind, one, other string, of func(ours, theirs measurement) float64) []float64 {
	var all []float64
	for _, ours := range r {
		for _, theirs := range r {
			if ours.Kind == kind && theirs.Kind == kind && ours.Server == one && theirs.Server == other && ours.Round == theirs.Round {
				all = append(all, of(ours, theirs))
			}
		}
	}
	return all
}

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
