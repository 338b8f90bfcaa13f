package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

type explanation struct {
	Allowed bool   `json:"allowed"`
	Outcome string `json:"outcome"`
	Rule    string `json:"rule"`
	Access  string `json:"access"`
	Reason  string `json:"reason"`
}

func explain(ctx, _ context.Context, env environment) error {
	flags, c := apiFlags("explain", env)
	who := flags.String("user", "", "e-mail address; empty: somebody not signed in")
	image := flags.String("image", "", "identifier")
	if _, err := arrange(ctx, flags, c, env); err != nil {
		return err
	}
	if *image == "" {
		return usageError{errors.New("say which image: --image IDENTIFIER")}
	}
	var answer explanation
	if _, err := c.call(ctx, http.MethodGet, "/explain?"+url.Values{"user": {*who}, "image": {*image}}.Encode(), "", nil, &answer); err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) { fmt.Fprintln(w, answer.Reason) })
}
