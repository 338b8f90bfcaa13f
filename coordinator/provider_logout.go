package coordinator

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/oidc"
	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/session"
)

// asideTime bounds asking a provider on the side of a page that is shown in any case.
const asideTime = 3 * time.Second

// backchannelLogout takes a provider's word that somebody signed out there (R40). It is
// acknowledged when edges have been told.
func (c *Coordinator) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	provider := c.providers.set.Find(r.PathValue("provider"))
	if provider == nil {
		c.problem(w, r, http.StatusNotFound, "no-such-provider")
		return
	}
	if !c.readForm(w, r, 2*maxForm) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	ended, err := c.endByToken(r.Context(), provider, r.PostFormValue("logout_token"))
	if err != nil {
		c.refuseLogout(w, r, provider, err)
		return
	}
	c.log.InfoContext(r.Context(), "back-channel logout", "provider", provider.Name, "sessions", ended)
	w.WriteHeader(http.StatusOK)
}

func (c *Coordinator) endByToken(ctx context.Context, provider *oidc.Provider, raw string) (ended int, err error) {
	l, err := provider.VerifyLogout(ctx, raw)
	if err != nil {
		return 0, err
	}
	return c.people.LogoutByProvider(ctx, people.ProviderLogout{
		Provider: provider.Name, Issuer: provider.Issuer, SID: l.SID, Subject: l.Subject,
		All:   c.providers.settings[provider.Name].SidEndsAll,
		Token: session.HashOf(provider.Issuer + "\x00" + l.TokenID), Expires: l.Until,
	})
}

// refuseLogout answers the provider's program (Back-Channel Logout 1.0, 2.8). What is our
// fault, or passes, is 503, so that it is sent again.
func (c *Coordinator) refuseLogout(w http.ResponseWriter, r *http.Request, provider *oidc.Provider, err error) {
	c.log.WarnContext(r.Context(), "back-channel logout refused", "provider", provider.Name, "error", err)
	var refused *people.Error
	fault, isFault := asFault(err)
	if errors.As(err, &refused) || isFault && fault.Kind != oidc.Away {
		writeJSON(w, http.StatusBadRequest, encode(map[string]string{
			"error": "invalid_request", "error_description": "The logout token was refused. The log of this server says why.",
		}))
		return
	}
	w.Header().Set("Retry-After", "10")
	writeJSON(w, http.StatusServiceUnavailable, encode(map[string]string{"error": "temporarily_unavailable"}))
}

// providerSignOut is how somebody signs out of the provider of a session as well; the
// zero value if that is not offered (R41). It has to be asked for before the session ends.
func (c *Coordinator) providerSignOut(r *http.Request) web.SignedOut {
	sess, err := c.session(r)
	provider := c.providers.set.Find(sess.Provider)
	if err != nil || provider == nil || c.providers.settings[sess.Provider].KeepSignOut {
		return web.SignedOut{}
	}
	ctx, cancel := context.WithTimeout(r.Context(), asideTime)
	defer cancel()
	p, err := c.people.SessionOfProvider(ctx, sess.ID)
	if err != nil {
		c.log.WarnContext(ctx, "sign-out at the provider not offered", "provider", provider.Name, "error", err)
		return web.SignedOut{}
	}
	hint, err := c.providers.key.Open(p.IDToken, useIDToken+sess.ID)
	if err != nil {
		c.log.WarnContext(ctx, "the token of a session is sealed by another key; give all coordinators the same --token-key", "provider", provider.Name)
	}
	address, err := provider.EndSession(ctx, hint, c.base(r).String()+"/auth/signed-out")
	if err != nil || address == "" {
		return web.SignedOut{}
	}
	return web.SignedOut{Label: provider.Label, Address: address}
}
