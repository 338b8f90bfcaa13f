package edge

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/internal/iiif"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

// personalPrefix marks the secrets of personal access tokens.
const personalPrefix = "tpat_"

// maxSecret bounds what is hashed and looked up; ours are far shorter.
const maxSecret = 256

// purpose is what a credential is shown for.
type purpose int

const (
	forContent purpose = iota // image bytes and whatever else cookies open
	forStatus                 // info.json, where a viewer shows its access token of Auth 1.0
	forProbe                  // the probe, where it shows the one of Authorization Flow 2.0
)

// visitor is who asks, as far as it can be told.
type visitor struct {
	authz.Principal
	unsure bool   // a credential was shown that nobody could be asked about
	faulty string // why a provider's token that was shown does not count; "" for none
}

// visitor finds the principal of a request: the bearer token where it counts for the
// purpose, else the session cookie. Unknown and malformed credentials are those of
// nobody, never an error: viewers are known to send "undefined".
func (e *Edge) visitor(ctx context.Context, x *exchange, p purpose) visitor {
	who := visitor{Principal: authz.Principal{Addr: x.client}}
	if found, err := e.byAccessToken(ctx, bearer(x.r)); err == nil {
		who.Principal, who.Addr = found, x.client
		return who
	} else {
		e.doubt(x, &who, err)
	}
	for _, c := range e.credentials(x, p) {
		found, err := e.cfg.Keeper.Find(ctx, c.kind, c.secret)
		switch {
		case err == nil && e.accepts(found, p):
			who = visitor{Principal: found.Principal}
			who.Addr = x.client
			return who
		case err != nil && !errors.Is(err, session.ErrUnknown):
			who.unsure = true
		}
	}
	return who
}

// accepts turns down access tokens of other sites' services, and those of the other
// flow: a token of version 2 opens no description, one of version 1 satisfies no probe.
// Which of our own services gave it makes no difference: it stands for the same reader.
func (e *Edge) accepts(c session.Credential, p purpose) bool {
	if c.Kind != session.KindIIIF {
		return true
	}
	if _, ours := iiif.ParseService(e.cfg.ServiceName, c.Service); !ours {
		return false
	}
	switch p {
	case forStatus:
		return c.Flow == session.Auth1
	case forProbe:
		return c.Flow == session.Auth2
	}
	return true // only where a setting lets tokens open images
}

// shown is a credential as it came.
type shown struct {
	kind   session.Kind
	secret string
}

func (e *Edge) credentials(x *exchange, p purpose) []shown {
	var found []shown
	switch secret := bearer(x.r); {
	case secret == "" || len(secret) > maxSecret:
	case strings.HasPrefix(secret, personalPrefix):
		found = append(found, shown{session.KindPersonal, secret})
	case p != forContent || e.cfg.IIIFTokenOpensImages:
		found = append(found, shown{session.KindIIIF, secret})
	}
	if secret := cookie(x.r.Header["Cookie"], cookieName(x.site)); secret != "" {
		found = append(found, shown{session.KindSession, secret})
	}
	return found
}

func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return secret
}

// cookieName has the prefix that makes browsers refuse the cookie from anybody but
// this very host over https; over plain http, which is loopback, none would be kept.
func cookieName(s site) string {
	if s.scheme == "https" {
		return "__Host-tessera_session"
	}
	return "tessera_session"
}

// cookie finds one cookie without parsing the others, on every tile's way.
func cookie(lines []string, name string) string {
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if key == name && len(value) <= maxSecret {
				return strings.Trim(value, `"`)
			}
		}
	}
	return ""
}
