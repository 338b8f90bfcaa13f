package coordinator

import (
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/unrouted"
	"github.com/tessera-iiif/tessera/coordinator/web"
	"github.com/tessera-iiif/tessera/internal/look"
)

func (c *Coordinator) routes(jsonAPI http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/login", c.getLogin)
	mux.HandleFunc("POST /auth/login", c.postLogin)
	mux.HandleFunc("GET /auth/logout", c.logout)
	mux.HandleFunc("GET /auth/signed-out", func(w http.ResponseWriter, r *http.Request) { c.pages.ShowSignedOut(w, r, web.SignedOut{}) })
	c.providerRoutes(mux)
	mux.HandleFunc("GET "+donePath, c.done)

	for _, access := range []string{"/auth/1/{service}/login", "/auth/2/{service}/access", "/auth/iiif-login"} {
		mux.HandleFunc("GET "+access, c.ofService(c.byKind(c.getAccess, c.getTerms)))
		mux.HandleFunc("POST "+access, c.ofService(c.byKind(c.postAccess, c.postTerms)))
	}
	mux.HandleFunc("GET /auth/1/{service}/token", c.ofService(c.token(auth1{})))
	mux.HandleFunc("GET /auth/iiif-token", c.ofService(c.token(auth1{})))
	mux.HandleFunc("GET /auth/2/{service}/token", c.ofService(c.token(auth2{})))
	mux.HandleFunc("GET /auth/1/{service}/logout", c.ofService(c.logout))
	mux.HandleFunc("GET /auth/2/{service}/logout", c.ofService(c.logout))

	mux.Handle("GET /auth/assets/", c.pages.Assets())
	mux.HandleFunc("POST /auth/scheme", look.ServeSwitch)
	mux.Handle("/auth/admin/api/v1/", jsonAPI)
	mux.Handle("GET /auth/admin", http.RedirectHandler("/auth/admin/", http.StatusSeeOther))
	c.accountRoutes(mux)
	c.adminRoutes(mux)
	return unrouted.Handler(mux, c.refuse)
}

// providerRoutes are those of signing in otherwise than by password.
func (c *Coordinator) providerRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /auth/oidc/{provider}/start", c.startSignIn)
	mux.HandleFunc("GET /auth/oidc/{provider}/callback", c.callback)
	mux.HandleFunc("POST /auth/oidc/{provider}/backchannel-logout", c.backchannelLogout)
	mux.HandleFunc("POST /auth/oidc/{provider}/link", c.forWays(c.postAddWay))
	mux.HandleFunc("POST /auth/find", c.findProvider)
	mux.HandleFunc("GET "+waysPath, c.forPerson(c.getWays))
	mux.HandleFunc("POST "+waysPath+"/remove", c.forWays(c.postRemoveWay))
}

// ofService turns requests for other auth services than ours away.
func (c *Coordinator) ofService(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ours := c.serviceOf(r); !ours {
			c.problem(w, r, http.StatusNotFound, "no-such-service")
			return
		}
		next(w, r)
	}
}

// done is where every form ends whose tab is to close.
func (c *Coordinator) done(w http.ResponseWriter, r *http.Request) {
	what := web.SignedIn
	if r.FormValue("of") == "terms" {
		what = web.Accepted
	}
	c.pages.ShowDone(w, r, web.Done{Deed: what, Waiter: waiterIn(r)})
}

// refuse answers requests that no route takes.
func (c *Coordinator) refuse(w http.ResponseWriter, r *http.Request, status int) {
	if status == http.StatusMethodNotAllowed {
		c.problem(w, r, status, "method", r.Method)
		return
	}
	c.problem(w, r, status, "no-such-page")
}

// problem draws an error page with a sentence of the catalogue.
func (c *Coordinator) problem(w http.ResponseWriter, r *http.Request, status int, code string, args ...any) {
	c.pages.ShowProblem(w, r, status, web.Problem{Sentence: wordsFor(r).Text("problem."+code, args...)})
}
