package coordinator

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/web"
)

// A page that sends Cross-Origin-Opener-Policy cuts the tie between its window and whoever
// opened it: to a viewer, the tab it opened for signing in is closed the moment a provider
// with such pages is visited in it (H-020). Those providers go into a window of their own,
// opened by a click in the tab, which waits meanwhile. The window has lost sight of the tab
// as well, so its last page, which is ours again, calls the tab by name (H-021). Without a
// script, or where a browser keeps the window from opening, the tab itself goes there.

const (
	donePath    = "/auth/done"
	waiterField = "waiter"
)

// waiterLength is that of rand.Text, and waiterLetters its alphabet.
const (
	waiterLength  = 26
	waiterLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// waiterIn is the page that waits for the window in which a request was made, "" for none.
func waiterIn(r *http.Request) string {
	name := r.FormValue(waiterField)
	if len(name) != waiterLength || strings.Trim(name, waiterLetters) != "" {
		return ""
	}
	return name
}

// doneFor is the page that closes its window, and tells the one that waits for it.
func doneFor(waiter string) string {
	if waiter == "" {
		return donePath
	}
	return donePath + "?" + url.Values{waiterField: {waiter}}.Encode()
}

// wait makes a page in a viewer's tab wait for the windows of providers, if there may be
// any, and then go on to a path. A window of that kind opens no further one.
func (p *providers) wait(j journey, then string) web.Wait {
	if j.Waiter != "" {
		return web.Wait{}
	}
	for _, s := range p.settings {
		if s.Popup && !s.Hidden {
			return web.Wait{Name: rand.Text(), Then: then}
		}
	}
	return web.Wait{}
}

// apart is the address that leads to a provider in a window of its own, "" if it needs
// none or nobody waits.
func (p *providers) apart(name string, j journey, wait web.Wait) string {
	if !p.settings[name].Popup || wait.Name == "" {
		return ""
	}
	j.Waiter = wait.Name
	return j.start(name)
}

// showWayTo leads somebody on to the provider of her address.
func (c *Coordinator) showWayTo(w http.ResponseWriter, r *http.Request, name string, j journey) {
	onward := web.Onward{Sentence: wordsFor(r).Text("onward.provider", c.providers.set.Find(name).Label), Next: j.start(name)}
	if j.Window && j.Waiter == "" && c.providers.settings[name].Popup {
		onward.Wait = web.Wait{Name: rand.Text(), Then: donePath}
		onward.Apart = c.providers.apart(name, j, onward.Wait)
	}
	c.pages.ShowOnward(w, r, onward)
}
