package coordinator

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/catalogue"
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
	say := wordsFor(r)
	revision, err := c.people.Revision(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Revision = revision
	var members []cluster.Member
	if page.Alone = c.members == nil; !page.Alone {
		members = c.members()
		page.Kinds = kindsOf(members, revision, say)
		page.Figures = append(page.Figures, figuresOf(members, revision, say)...)
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
	c.pages.ShowAdmin(w, r, http.StatusOK, adminOf(as), page)
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
	say := catalogue.From(ctx)
	signedIn := strconv.Itoa(len(sessions))
	if len(sessions) > countUpTo {
		signedIn = say.Text("overview.many", countUpTo)
	}
	return []web.Number{
		{Label: say.Text("overview.fig.signed-in"), Value: signedIn},
		{Label: say.Text("overview.fig.users"), Value: strconv.Itoa(users)},
	}, nil
}

// attention is what an administrator should look at, and where.
func (c *Coordinator) attention(ctx context.Context, members []cluster.Member) (found []web.Attention, err error) {
	say, workers, aside := catalogue.From(ctx), 0, 0
	var off []string // whose clocks are
	for _, m := range members {
		if m.IsOff() && !m.Silent {
			off = append(off, m.Role+" "+m.Name)
		}
		if m.Worker != nil && !m.Silent {
			workers++
			aside = max(aside, m.Worker.SetAside)
		}
	}
	if c.members != nil && workers == 0 {
		found = append(found, web.Attention{Text: say.Text("overview.attention.workers")})
	}
	if aside > 0 {
		found = append(found, web.Attention{
			Text: say.Text("overview.attention.quarantine", aside), Path: "/auth/admin/images#quarantine",
			Link: say.Text("overview.attention.quarantine.link"),
		})
	}
	if len(off) > 0 {
		found = append(found, web.Attention{Text: say.Text("overview.attention.clocks", named(off, say))})
	}
	found = append(found, c.failingProviders(say)...)
	set, err := c.people.Rules(ctx)
	if err != nil {
		return nil, err
	}
	warnings, err := c.people.Warnings(set.Document(), say)
	if n := len(warnings); err == nil && n > 0 {
		found = append(found, web.Attention{
			Text: say.Text("overview.attention.warnings", n), Path: rulesPath, Link: say.Text("overview.attention.warnings.link"),
		})
	}
	return found, err
}

// failingProviders are those whose people cannot sign in, as far as this coordinator has
// found out.
func (c *Coordinator) failingProviders(say *catalogue.Words) (found []web.Attention) {
	for _, p := range c.providers.set.All() {
		if seen, err := c.providers.set.Status(p.Issuer); err == nil && seen.Failing && seen.Read.IsZero() {
			found = append(found, web.Attention{
				Text: say.Text("overview.attention.provider", p.Label), Path: providersPath, Link: say.Text("overview.attention.provider.link"),
			})
		}
	}
	return found
}

// figuresOf sums up a cluster.
func figuresOf(members []cluster.Member, revision int64, say *catalogue.Words) []web.Number {
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
	held := say.Text("overview.fig.revision.all")
	if behind > 0 {
		held = say.Text("overview.fig.revision.some")
	}
	return []web.Number{
		{Label: say.Text("overview.fig.edges"), Value: strconv.Itoa(edges)},
		{Label: say.Text("overview.fig.workers"), Value: strconv.Itoa(workers)},
		{Label: say.Text("overview.fig.rate"), Value: rateText(rate)},
		{Label: say.Text("overview.fig.queue"), Value: spanText(queue, say)},
		{Label: say.Text("overview.fig.revision"), Value: strconv.FormatInt(revision, 10), Hint: held},
	}
}

func kindsOf(members []cluster.Member, revision int64, say *catalogue.Words) []web.Kind {
	kinds := []web.Kind{{Role: "edge", Heads: edgeHeads(say)}, {Role: "worker", Heads: workerHeads(say)}, {Role: "coordinator"}}
	for _, m := range members {
		for i := range kinds {
			if kinds[i].Role == m.Role {
				kinds[i].Parts = append(kinds[i].Parts, partOf(m, revision, kinds[i].Heads, say))
			}
		}
	}
	return kinds
}

func edgeHeads(say *catalogue.Words) []string {
	return []string{say.Text("overview.requests"), say.Text("overview.hits"), say.Text("overview.revision")}
}

func workerHeads(say *catalogue.Words) []string {
	return []string{
		say.Text("overview.slots"), say.Text("overview.waiting"), say.Text("overview.queue"), say.Text("overview.rendered"),
		say.Text("overview.kept"), say.Text("overview.refused"), say.Text("overview.set-aside"),
	}
}

func partOf(m cluster.Member, revision int64, heads []string, say *catalogue.Words) web.Part {
	p := web.Part{Name: m.Name, Version: m.Version}
	switch {
	case m.Silent:
		p.State, p.StateText = "bad", say.Text("overview.silent", spanText(time.Since(m.Seen), say))
	case m.Edge != nil && !m.Edge.Fresh:
		p.State, p.StateText = "warn", say.Text("overview.behind")
	case m.IsOff() && m.Ahead > 0:
		p.State, p.StateText = "warn", say.Text("overview.clock.ahead", spanText(m.Ahead, say))
	case m.IsOff():
		p.State, p.StateText = "warn", say.Text("overview.clock.behind", spanText(-m.Ahead, say))
	default:
		p.State, p.StateText, p.Up = "good", say.Text("overview.ok"), spanText(m.Up, say)
	}
	switch {
	case m.Edge != nil:
		p.Numbers = edgeNumbers(m, revision, say)
	case m.Worker != nil:
		p.Numbers = workerNumbers(m, say)
	}
	for len(p.Numbers) < len(heads) { // a part of another version that tells less
		p.Numbers = append(p.Numbers, web.Number{})
	}
	for i := range p.Numbers {
		p.Numbers[i].Label = heads[i]
	}
	return p
}

func edgeNumbers(m cluster.Member, revision int64, say *catalogue.Words) []web.Number {
	held := say.Text("overview.revision.current")
	if m.Edge.Revision < revision {
		held = say.Text("overview.revision.behind", revision)
	}
	return []web.Number{
		{Value: countText(m.Edge.Requests), Hint: say.Text("overview.per-second", rateText(m.Rate))},
		{Value: shareText(m.Edge.Hits, m.Edge.Images)},
		{Value: strconv.FormatInt(m.Edge.Revision, 10), Hint: held},
	}
}

func workerNumbers(m cluster.Member, say *catalogue.Words) []web.Number {
	w := m.Worker
	return []web.Number{
		{Value: say.Text("overview.slots.of", w.Running, w.Slots)},
		{Value: strconv.Itoa(w.Waiting)},
		{Value: spanText(w.Queue, say)},
		{Value: countText(w.Asked), Hint: say.Text("overview.per-second", rateText(m.Rate))},
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

func spanText(d time.Duration, say *catalogue.Words) string {
	switch {
	case d >= 48*time.Hour:
		return say.Text("span.days", int(d.Hours()/24))
	case d >= time.Hour:
		return say.Text("span.hours", int(d.Hours()), int(d.Minutes())%60)
	case d >= 2*time.Minute:
		return say.Text("span.minutes", int(d.Minutes()))
	case d >= time.Second || d == 0:
		return say.Text("span.seconds", int(d.Seconds()))
	}
	return say.Text("span.millis", max(1, d.Milliseconds()))
}
