package edge

import (
	"fmt"
	"net/http"
	"strings"
)

// variesByStorage is added where the answer depends on what a browser keeps back.
const variesByStorage = "Sec-Fetch-Storage-Access, Origin"

// offerStorageAccess tells a browser that has our cookies, and its owner's leave to show
// them to the page around, to ask once more with them (Storage Access Headers, R45). It
// is asked of refusals alone, and of pages of the listed viewers: which pages a session
// was confirmed for stands in the very cookie that is kept back. The second request says
// "active", so there is no third.
func (e *Edge) offerStorageAccess(x *exchange, status int) {
	if len(e.viewers) == 0 || status != http.StatusUnauthorized {
		return
	}
	h := x.header()
	h["Vary"] = []string{variesByReader + ", " + variesByStorage}
	asked := x.r.Header
	origin := asked.Get("Origin")
	if asked.Get("Sec-Fetch-Site") != "cross-site" || asked.Get("Sec-Fetch-Storage-Access") != "inactive" || !e.viewers[origin] {
		return
	}
	h["Activate-Storage-Access"] = []string{`retry; allowed-origin="` + origin + `"`}
}

// parseViewers reads web origins in the one spelling that browsers send.
func parseViewers(origins []string) (map[string]bool, error) {
	viewers := map[string]bool{}
	for _, text := range origins {
		sites, err := parseSites([]string{text})
		if err != nil {
			return nil, fmt.Errorf("viewer origin %q: write scheme and host alone, such as https://viewer.example.org", text)
		}
		port := map[string]string{"http": ":80", "https": ":443"}[sites[0].scheme]
		viewers[strings.TrimSuffix(sites[0].url, port)] = true
	}
	return viewers, nil
}
