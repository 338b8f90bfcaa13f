package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

type explanation struct {
	User    string `json:"user"`
	Image   string `json:"image"`
	Allowed bool   `json:"allowed"`
	Outcome string `json:"outcome"`
	Rule    string `json:"rule"`
	Access  string `json:"access"`
	Public  bool   `json:"public"`
	Reason  string `json:"reason"`
	Changes string `json:"changes,omitempty"`
	Terms   string `json:"terms,omitempty"`

	Matches []authz.Match `json:"matches"`
}

func explain(ctx, _ context.Context, env environment) error {
	return withClient(ctx, env, explainImage)
}

func explainImage(ctx context.Context, c *client) error {
	flags := c.flags("explain")
	who := flags.String("user", "", "e-mail address; empty: somebody not signed in")
	image := flags.String("image", "", "identifier")
	address := flags.String("address", "", "address of the reader's computer, such as 192.0.2.7")
	at := flags.String("at", "", "instant, such as 2030-01-01T00:00:00Z; empty: now")
	if _, err := parse(flags, c.env.args); err != nil {
		return err
	}
	if *image == "" {
		return usageError{errors.New("say which image: --image IDENTIFIER")}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	var e explanation
	if _, err := c.call(ctx, http.MethodGet, "/explain?"+url.Values{"user": {*who}, "image": {*image}, "address": {*address}, "at": {*at}}.Encode(), "", nil, &e); err != nil {
		return err
	}
	return c.print(e, e.write)
}

// write says what is decided, by which rule, and why.
func (e explanation) write(w io.Writer) {
	table(w, func(w io.Writer) {
		fmt.Fprintf(w, "outcome\t%s\n", e.Outcome)
		fmt.Fprintf(w, "rule\t%s\n", cmp.Or(e.Rule, "none names this image; the default decides"))
		fmt.Fprintf(w, "access\t%s\n", e.Access)
		fmt.Fprintf(w, "why\t%s\n", e.Reason)
		if e.Terms != "" {
			fmt.Fprintf(w, "terms\t%s\n", e.Terms)
		}
		if e.Changes != "" {
			fmt.Fprintf(w, "holds until\t%s\n", e.Changes)
		}
		for _, m := range e.Matches {
			fmt.Fprintf(w, "rule %s\t%s\n", m.Rule, m.Note)
		}
	})
}
