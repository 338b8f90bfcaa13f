package e2e

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
)

// HTTP/2 without TLS, for proxies that are told to speak it.
func TestHTTP2(t *testing.T) {
	images, data := folders(t)
	writeJP2(t, images+"/squares.jp2", squares(), "-t", "256,256", "-n", "5")
	s := start(t, images, data, "--default-access", "open")
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			a, err := s.try(&http.Client{Transport: transport}, http.MethodGet, "/iiif/3/squares/"+strconv.Itoa(i*50)+",0,200,200/max/0/default.png")
			if err != nil || a.StatusCode != http.StatusOK || a.ProtoMajor != 2 || len(a.body) == 0 {
				t.Errorf("%v %+v", err, a.Response)
			}
		})
	}
	all.Wait()
}
