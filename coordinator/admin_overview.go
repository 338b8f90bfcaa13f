package coordinator

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/catalogue"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/cluster"
)

// countUpTo is how far people and sign-ins are counted for the overview.
const countUpTo = 1000

// lookEvery is how often a browser with the overview open looks anew.
const lookEvery = 3 * time.Second

func (c *Coordinator) overviewPages() map[string]adminPage {
	return map[string]adminPage{"GET /auth/admin/{$}": c.getOverview}
}

func (c *Coordinator) getOverview(w http.ResponseWriter, r *http.Request, as people.Session) {
	page := web.Overview{Notices: web.Notices{Done: doneNotice(r)}, Refresh: int(lookEvery.Seconds())}
	revision, err := c.people.Revision(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Revision = revision
	var members []cluster.Member
	if page.Alone = c.members == nil; !page.Alone {
		members = c.members()
		page.Kinds = kindsOf(members, revision)
		page.Figures = append(page.Figures, figuresOf(members, revision)...)
	}
	figures, err := c.countPeople(r.Context())
	if err == nil {
		page.Attention, err = c.attention(r.Context(), members)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Figures = append(page.Figures, figures...)
	web.ShowAdmin(w, http.StatusOK, adminOf(as), page)
}

func (c *Coordinator) countPeople(ctx context.Context) ([]web.Number, error) {
	sessions, err := c.people.Sessions(ctx, people.SessionQuery{Limit: countUpTo + 1})
	if err != nil {
		return nil, err
	}
	users, err := c.people.CountUsers(ctx)
	if err != nil {
		return nil, err
	}
	signedIn := strconv.Itoa(len(sessions))
	if len(sessions) > countUpTo {
		signedIn = catalogue.Text("overview.many", countUpTo)
	}
	return []web.Number{
		{Label: catalogue.Text("overview.fig.signed-in"), Value: signedIn},
		{Label: catalogue.Text("overview.fig.users"), Value: strconv.Itoa(users)},
	}, nil
}

// attention is what an administrator should look at, and where.
func (c *Coordinator) attention(ctx context.Context, members []cluster.Member) (found []web.Attention, err error) {
	workers, aside := 0, 0
	for _, m := range members {
		if m.Worker != nil && !m.Silent {
			workers++
			aside = max(aside, m.Worker.SetAside)
		}
	}
	if c.members != nil && workers == 0 {
		found = append(found, web.Attention{Text: catalogue.Text("overview.attention.workers")})
	}
	if aside > 0 {
		found = append(found, web.Attention{
			Text: catalogue.Text("overview.attention.quarantine", aside), Path: "/auth/admin/images#quarantine",
			Link: catalogue.Text("overview.attention.quarantine.link"),
		})
	}
	found = append(found, c.failingProviders()...)
	set, err := c.people.Rules(ctx)
	if err != nil {
		return nil, err
	}
	warnings, err := c.people.Warnings(set.Document())
	if n := len(warnings); err == nil && n > 0 {
		found = append(found, web.Attention{
			Text: catalogue.Text("overview.attention.warnings", n), Path: rulesPath, Link: catalogue.Text("overview.attention.warnings.link"),
		})
	}
	return found, err
}

// failingProviders are those whose people cannot sign in, as far as this coordinator has
// found out.
func (c *Coordinator) failingProviders() (found []web.Attention) {
	for _, p := range c.providers.set.All() {
		if seen, err := c.providers.set.Status(p.Issuer); err == nil && seen.Failing && seen.Read.IsZero() {
			found = append(found, web.Attention{
				Text: catalogue.Text("overview.attention.provider", p.Label), Path: providersPath, Link: catalogue.Text("overview.attention.provider.link"),
			})
		}
	}
	return found
}

// figuresOf sums up a cluster.
func figuresOf(members []cluster.Member, revision int64) []web.Number {
	edges, workers, behind, rate, queue := 0, 0, 0, 0.0, time.Duration(0)
	for _, m := range members {
		switch {
		case m.Silent:
		case m.Edge != nil:
			edges, rate = edges+1, rate+m.Rate
			if m.Edge.Revision < revision {
				behind++
			}
		case m.Worker != nil:
			workers, queue = workers+1, max(queue, m.Worker.Queue)
		}
	}
	held := catalogue.Text("overview.fig.revision.all")
	if behind > 0 {
		held = catalogue.Text("overview.fig.revision.some")
	}
	return []web.Number{
		{Label: catalogue.Text("overview.fig.edges"), Value: strconv.Itoa(edges)},
		{Label: catalogue.Text("overview.fig.workers"), Value: strconv.Itoa(workers)},
		{Label: catalogue.Text("overview.fig.rate"), Value: rateText(rate)},
		{Label: catalogue.Text("overview.fig.queue"), Value: spanText(queue)},
		{Label: catalogue.Text("overview.fig.revision"), Value: strconv.FormatInt(revision, 10), Hint: held},
	}
}

func kindsOf(members []cluster.Member, revision int64) []web.Kind {
	kinds := []web.Kind{{Role: "edge", Heads: edgeHeads()}, {Role: "worker", Heads: workerHeads()}, {Role: "coordinator"}}
	for _, m := range members {
		for i := range kinds {
			if kinds[i].Role == m.Role {
				kinds[i].Parts = append(kinds[i].Parts, partOf(m, revision, kinds[i].Heads))
			}
		}
	}
	return kinds
}

func edgeHeads() []string {
	return []string{catalogue.Text("overview.requests"), catalogue.Text("overview.hits"), catalogue.Text("overview.revision")}
}

func workerHeads() []string {
	return []string{
		catalogue.Text("overview.slots"), catalogue.Text("overview.waiting"), catalogue.Text("overview.queue"), catalogue.Text("overview.rendered"),
		catalogue.Text("overview.kept"), catalogue.Text("overview.refused"), catalogue.Text("overview.set-aside"),
	}
}

func partOf(m cluster.Member, revision int64, heads []string) web.Part {
	p := web.Part{Name: m.Name, Version: m.Version, Up: spanText(m.Up), State: "good", StateText: catalogue.Text("overview.ok")}
	switch {
	case m.Silent:
		p.State, p.StateText = "bad", catalogue.Text("overview.silent", spanText(time.Since(m.Seen)))
	case m.Edge != nil && !m.Edge.Fresh:
		p.State, p.StateText = "warn", catalogue.Text("overview.behind")
	}
	switch {
	case m.Edge != nil:
		p.Numbers = edgeNumbers(m, revision)
	case m.Worker != nil:
		p.Numbers = workerNumbers(m)
	}
	for len(p.Numbers) < len(heads) { // a part of another version that tells less
		p.Numbers = append(p.Numbers, web.Number{})
	}
	for i := range p.Numbers {
		p.Numbers[i].Label = heads[i]
	}
	return p
}

func edgeNumbers(m cluster.Member, revision int64) []web.Number {
	held := catalogue.Text("overview.revision.current")
	if m.Edge.Revision < revision {
		held = catalogue.Text("overview.revision.behind", revision)
	}
	return []web.Number{
		{Value: countText(m.Edge.Requests), Hint: catalogue.Text("overview.per-second", rateText(m.Rate))},
		{Value: shareText(m.Edge.Hits, m.Edge.Images)},
		{Value: strconv.FormatInt(m.Edge.Revision, 10), Hint: held},
	}
}

func workerNumbers(m cluster.Member) []web.Number {
	w := m.Worker
	return []web.Number{
		{Value: catalogue.Text("overview.slots.of", w.Running, w.Slots)},
		{Value: strconv.Itoa(w.Waiting)},
		{Value: spanText(w.Queue)},
		{Value: countText(w.Asked), Hint: catalogue.Text("overview.per-second", rateText(m.Rate))},
		{Value: shareText(w.Hits, w.Asked)},
		{Value: countText(w.Refused)},
		{Value: strconv.Itoa(w.SetAside)},
	}
}

// countText parts thousands, so that a number can be read at a glance.
func countText(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u2009" + text[i:]
	}
	return text
}

func rateText(perSecond float64) string {
	if perSecond >= 10 || perSecond == 0 {
		return strconv.Itoa(int(math.Round(perSecond)))
	}
	return strconv.FormatFloat(perSecond, 'f', 1, 64)
}

func shareText(part, whole uint64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}

func spanText(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return catalogue.Text("span.days", int(d.Hours()/24))
	case d >= time.Hour:
		return catalogue.Text("span.hours", int(d.Hours()), int(d.Minutes())%60)
	case d >= 2*time.Minute:
		return catalogue.Text("span.minutes", int(d.Minutes()))
	case d >= time.Second || d == 0:
		return catalogue.Text("span.seconds", int(d.Seconds()))
	}
	return catalogue.Text("span.millis", max(1, d.Milliseconds()))
}
