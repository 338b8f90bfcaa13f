package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// What JPEG 2000 tiles take of their files, and why some take all, can be read at /metrics.
func TestPacketMetrics(t *testing.T) {
	images, data := folders(t)
	picture := gradient(700, 500)
	writeJP2(t, images+"/halves.jp2", picture, "-t", "128,128", "-n", "4", "-PLT")
	writeJP2(t, images+"/odd.jp2", picture, "-t", "100,70", "-n", "4", "-PLT")
	s := start(t, images, data, "--default-access", "open")
	width := 0
	// tile asks for another answer each time: while there is no index yet they are made of the
	// whole file.
	tile := func(id string) {
		width++
		if a := s.get(fmt.Sprintf("/iiif/3/%s/0,0,512,400/%d,25/0/default.png", id, width)); a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", id, a.Status)
		}
	}
	const prefix, whole = "tessera_worker_", `tessera_worker_packet_fallbacks_total{reason="region"}`
	s.eventually("tiles are made of packets", func() bool {
		tile("halves")
		return s.metric(prefix+"packet_tiles_total") > 0
	})
	for _, name := range []string{"source_bytes_total", "source_ranges_total", "index_builds_total"} {
		if n := s.metric(prefix + name); n <= 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
	if n := s.metric(whole); n != 0 {
		t.Errorf("%v regions of the whole file", n)
	}
	s.eventually("tiles that do not halve are decoded from the whole file", func() bool {
		tile("odd")
		return s.metric(whole) > 0
	})
}
