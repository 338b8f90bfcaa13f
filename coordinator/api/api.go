// Package api is the coordinator's JSON API for administrators, described by its
// own openapi.json.
package api

import (
	"context"
	_ "embed" // the file below
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/tessera-iiif/tessera/coordinator/people"
	"github.com/tessera-iiif/tessera/coordinator/unrouted"
	"github.com/tessera-iiif/tessera/internal/cluster"
	"github.com/tessera-iiif/tessera/internal/session"
	"github.com/tessera-iiif/tessera/pkg/authz"
)

//go:embed openapi.json
var description []byte

// Prefix is where the API lives.
const Prefix = "/auth/admin/api/v1"

// Config of the API. Every field but Members is needed.
type Config struct {
	People   *people.Service
	Session  func(*http.Request) (people.Session, error) // the administrator's, by cookie
	FromHere func(*http.Request) bool                    // the request was made on one of our own pages
	Members  func() []cluster.Member                     // nil: nobody tells how the cluster is
	Forget   func(context.Context, people.Actor, cluster.Purge) error
	Fallback authz.Access
	LinkURL  func(r *http.Request, secret string) string // of the page that takes a sign-in link
	Log      *slog.Logger

	Unmatched     func(context.Context, authz.Document) (Unmatched, error)
	Providers     func(*http.Request) (Providers, error)
	CheckProvider func(r *http.Request, actor people.Actor, name string) (Provider, error)
}

type server struct{ Config }

// call handles a request of an administrator.
type call func(w http.ResponseWriter, r *http.Request, actor people.Actor) error

func (s *server) calls() map[string]call {
	return map[string]call{
		"GET /users":                         s.listUsers,
		"POST /users":                        s.createUser,
		"GET /users/{id}":                    s.getUser,
		"PATCH /users/{id}":                  s.updateUser,
		"DELETE /users/{id}":                 s.deleteUser,
		"POST /users/{id}/sign-in-link":      s.createLink,
		"GET /users/{id}/sign-in-link":       s.getLink,
		"DELETE /users/{id}/sign-in-link":    s.revokeLink,
		"GET /groups":                        s.listGroups,
		"GET /groups/{name}":                 s.getGroup,
		"PATCH /groups/{name}":               s.renameGroup,
		"DELETE /groups/{name}":              s.deleteGroup,
		"GET /groups/{name}/members":         s.listMembers,
		"PUT /groups/{name}/members/{id}":    s.addMember,
		"DELETE /groups/{name}/members/{id}": s.removeMember,
		"GET /rules":                         s.getRules,
		"PUT /rules":                         s.putRules,
		"GET /items":                         s.listItems,
		"POST /items":                        s.changeItems,
		"GET /items/{id}/access":             s.getItem,
		"PUT /items/{id}/access":             s.putItem,
		"DELETE /items/{id}/access":          s.deleteItem,
		"GET /sessions":                      s.listSessions,
		"DELETE /sessions":                   s.endSessions,
		"DELETE /sessions/{id}":              s.endSession,
		"GET /visits":                        s.listVisits,
		"DELETE /visits/{id}":                s.endVisit,
		"GET /tokens":                        s.listTokens,
		"POST /tokens":                       s.createToken,
		"DELETE /tokens/{id}":                s.deleteToken,
		"GET /audit":                         s.listAudit,
		"GET /audit/verify":                  s.verifyAudit,
		"GET /explain":                       s.explain,
		"GET /cluster":                       s.getCluster,
		"GET /providers":                     s.listProviders,
		"POST /providers/{name}/check":       s.checkProvider,
		"POST /purge":                        s.purge,
	}
}

// New makes the handler of everything below Prefix.
func New(c Config) http.Handler {
	s := &server{c}
	mux := http.NewServeMux()
	for pattern, handle := range s.calls() {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+Prefix+path, s.forAdmin(handle))
	}
	mux.HandleFunc("GET "+Prefix+"/openapi.json", describe)
	return unrouted.Handler(mux, refuse)
}

func describe(w http.ResponseWriter, _ *http.Request) {
	setHeaders(w.Header(), "application/json")
	_, _ = w.Write(description)
}

// forAdmin finds out who calls and answers errors.
func (s *server) forAdmin(handle call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		actor, err := s.authenticate(r)
		if err == nil {
			err = handle(w, r, actor)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

var (
	errUnauthorized = &people.Error{Kind: people.Denied, Code: "unauthorized"}
	errScope        = &people.Error{Kind: people.Forbidden, Code: "token-scope"}
	errNotAdmin     = &people.Error{Kind: people.Forbidden, Code: "not-admin"}
	errCrossSite    = &people.Error{Kind: people.Forbidden, Code: "cross-site"}
)

// authenticate accepts an administrator's personal access token, or her cookie
// and, where something may change, proof that our own page sent it.
func (s *server) authenticate(r *http.Request) (people.Actor, error) {
	if r.Header.Get("Authorization") != "" {
		return s.byToken(r)
	}
	sess, err := s.Session(r)
	if errors.Is(err, session.ErrUnknown) {
		return people.Actor{}, errUnauthorized
	}
	if err != nil {
		return people.Actor{}, err
	}
	if !onlyReads(r) && !s.FromHere(r) {
		return people.Actor{}, errCrossSite
	}
	return s.People.ActorOf(sess), nil
}

func (s *server) byToken(r *http.Request) (people.Actor, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return people.Actor{}, errUnauthorized
	}
	token, err := s.People.PersonalTokenBySecret(r.Context(), strings.TrimSpace(secret))
	if errors.Is(err, session.ErrUnknown) {
		return people.Actor{}, errUnauthorized
	}
	if err != nil {
		return people.Actor{}, err
	}
	if !token.User.Admin {
		return people.Actor{}, errNotAdmin
	}
	if !people.Allows(token, scopeFor(r)) {
		return people.Actor{}, errScope
	}
	return people.Actor{UserID: token.User.ID}, nil
}

func onlyReads(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// scopeFor is what a token has to allow for a request.
func scopeFor(r *http.Request) string {
	if onlyReads(r) {
		return people.ScopeAdminRead
	}
	return people.ScopeAdmin
}
