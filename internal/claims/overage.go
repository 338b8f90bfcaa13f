package claims

// withholding is which claims the provider left out for being too many (R53). Entra ID
// sends groups of at most 200 in a token; where there are more it says where to ask for
// them, or just that there are some. A list beside such a word would be part of the truth
// at best.
type withholding struct {
	all   bool            // it cannot be told which
	names map[string]bool // at the top level
}

// withheld reads _claim_names (OpenID Connect Core 1.0, 5.6.2) and hasgroups. Either of a
// shape that cannot be understood withholds everything.
func withheld(claims map[string]any) withholding {
	w := withholding{names: map[string]bool{}}
	if value, ok := claims["_claim_names"]; ok && value != nil {
		names, ok := value.(map[string]any)
		w.all = !ok
		for name := range names {
			w.names[name] = true
		}
	}
	if value, ok := claims["hasgroups"]; ok && value != nil && value != false && value != "false" {
		w.names["groups"] = true
	}
	return w
}

func (w withholding) covers(p path) bool { return w.all || w.names[p[0]] }
