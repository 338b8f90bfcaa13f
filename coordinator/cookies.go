package coordinator

import (
	"net/http"

	"github.com/tessera-iiif/tessera/coordinator/people"
)

// cookieNames of one scheme. The prefix __Host- makes browsers refuse the cookie
// from anywhere but this very host over https.
type cookieNames struct{ session, admin string }

func namesFor(secure bool) cookieNames {
	if secure {
		return cookieNames{session: "__Host-tessera_session", admin: "__Host-tessera_admin"}
	}
	return cookieNames{session: "tessera_session", admin: "tessera_admin"}
}

// cookie makes a cookie that ends with the browser; what it opens ends earlier if
// the session does. SameSite=None and Strict are for https alone.
func (c *Coordinator) cookie(secure bool, name, value string) *http.Cookie {
	sameSite := http.SameSiteLaxMode
	if secure {
		sameSite = c.sameSite
		if name == namesFor(secure).admin {
			sameSite = http.SameSiteStrictMode
		}
	}
	return &http.Cookie{Name: name, Value: value, Path: "/", Secure: secure, HttpOnly: true, SameSite: sameSite}
}

func (c *Coordinator) setCookies(w http.ResponseWriter, r *http.Request, in people.SignedIn) {
	secure := c.isSecure(r)
	names := namesFor(secure)
	http.SetCookie(w, c.cookie(secure, names.session, in.Secret))
	if in.AdminSecret != "" {
		http.SetCookie(w, c.cookie(secure, names.admin, in.AdminSecret))
	} else if cookieValue(r, names.admin) != "" {
		http.SetCookie(w, c.dropped(secure, names.admin))
	}
}

func (c *Coordinator) dropCookies(w http.ResponseWriter, r *http.Request) {
	secure := c.isSecure(r)
	names := namesFor(secure)
	http.SetCookie(w, c.dropped(secure, names.session))
	http.SetCookie(w, c.dropped(secure, names.admin))
}

func (c *Coordinator) dropped(secure bool, name string) *http.Cookie {
	cookie := c.cookie(secure, name, "")
	cookie.MaxAge = -1
	return cookie
}

func cookieValue(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// sessionSecret is the session cookie's value, "" if there is none.
func (c *Coordinator) sessionSecret(r *http.Request) string {
	return cookieValue(r, namesFor(c.isSecure(r)).session)
}
