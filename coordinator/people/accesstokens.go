package people

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tessera-iiif/tessera/coordinator/db"
	"github.com/tessera-iiif/tessera/internal/session"
)

// TokenService is who issues IIIF access tokens for what: each flow has a service of
// its own under the same name.
type TokenService struct {
	Flow session.Flow
	Name string
}

// String is the service's path below /auth/, and how it is stored.
func (t TokenService) String() string { return strconv.Itoa(int(t.Flow)) + "/" + t.Name }

// parseTokenService reads what String wrote. What older versions stored named no flow;
// such a token is of no flow, and so accepted nowhere for its last minutes.
func parseTokenService(text string) TokenService {
	flow, name, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(flow)
	if err != nil {
		return TokenService{Name: text}
	}
	return TokenService{Flow: session.Flow(n), Name: name}
}

// IssueAccessToken gives an IIIF access token of a session for one origin ("" for
// clients that are no browsers) and one token service. cookie is the secret by which
// the session was found. A token that still has half its life is given again, so that
// tabs and reloads do not each get one of their own. Errors: *Error of kind Busy when
// the session holds too many.
func (s *Service) IssueAccessToken(ctx context.Context, sess Session, cookie, origin string, service TokenService) (secret string, life time.Duration, err error) {
	now := s.Now().Truncate(time.Millisecond) // as precisely as it is stored
	token := db.AccessToken{Session: sess, Origin: origin, Service: service.String(), Expires: now.Add(s.TokenLife)}
	if sess.Expires.Before(token.Expires) {
		token.Expires = sess.Expires
	}
	again, err := s.findAccessToken(ctx, s.DB.Reader, &token, now)
	if err == nil && !again {
		err = s.update(ctx, func(tx *db.Tx) error { return s.insertAccessToken(ctx, tx, &token, cookie, now) })
	}
	if err != nil {
		return "", 0, err
	}
	return accessSecret(cookie, token), token.Expires.Sub(now), nil
}

// findAccessToken makes of a token to be issued one that was, if that lasts.
func (s *Service) findAccessToken(ctx context.Context, r db.Reader, token *db.AccessToken, now time.Time) (found bool, err error) {
	latest, err := r.AccessTokenExpires(ctx, token.Session.ID, token.Origin, token.Service)
	if err != nil {
		return false, err
	}
	if latest.Before(token.Expires) && latest.Sub(now) < s.TokenLife/2 {
		return false, nil
	}
	token.Expires = latest
	return true, nil
}

func (s *Service) insertAccessToken(ctx context.Context, tx *db.Tx, token *db.AccessToken, cookie string, now time.Time) error {
	// Another request of the same viewer may have come first.
	if found, err := s.findAccessToken(ctx, tx.Reader, token, now); found || err != nil {
		return err
	}
	held, err := tx.InsertAccessToken(ctx, session.HashOf(accessSecret(cookie, *token)), *token)
	if err == nil && held > maxAccessTokens {
		return &Error{Kind: Busy, Code: "busy", RetryAfter: s.TokenLife / 2}
	}
	return err
}

// accessSecret derives a token from the cookie of its session, so that it can be given
// again although only its hash is kept. It tells nothing about the cookie.
func accessSecret(cookie string, token db.AccessToken) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	fmt.Fprintf(mac, "access token\x00%s\x00%s\x00%d", token.Origin, token.Service, token.Expires.UnixMilli())
	return prefixAccess + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
