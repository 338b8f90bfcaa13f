package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
}

func explain(ctx, _ context.Context, env environment) error {
	return withClient(ctx, env, explainImage)
}

func explainImage(ctx context.Context, c *client) error {
	flags := c.flags("explain")
	who := flags.String("user", "", "e-mail address; empty: somebody not signed in")
	image := flags.String("image", "", "identifier")
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
	if _, err := c.call(ctx, http.MethodGet, "/explain?"+url.Values{"user": {*who}, "image": {*image}}.Encode(), "", nil, &e); err != nil {
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
	})
}
