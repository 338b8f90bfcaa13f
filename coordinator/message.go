package coordinator

import (
	"net/http"

	"github.com/tessera-iiif/tessera/internal/catalogue"
	"github.com/tessera-iiif/tessera/internal/session"
)

// refusal is why there is no access token; both protocols have words for it.
type refusal string

const (
	invalidRequest refusal = "invalidRequest"
	invalidOrigin  refusal = "invalidOrigin"
	missing        refusal = "missing"    // no cookie came
	invalid        refusal = "invalid"    // it stands for nothing
	expired        refusal = "expired"    // it stands for nothing any more
	unaccepted     refusal = "unaccepted" // the terms are not, or not in this version
	unavailable    refusal = "unavailable"
)

// status is for clients that are no browsers; "" is success.
func (f refusal) status() int {
	switch f {
	case "":
		return http.StatusOK
	case invalidRequest, invalidOrigin:
		return http.StatusBadRequest
	case unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusUnauthorized
}

// voice has the words of refusals: version 1 of the protocol wants those of the reader
// (C-007), version 2 every language there is (D-006).
type voice struct {
	book   *catalogue.Book
	reader *catalogue.Words
	site   string // as people know its address
}

func (v voice) sentence(why refusal) string {
	return v.reader.Text("token."+string(why), v.fill(why)...)
}

func (v voice) languages(key string, args ...any) map[string][]string {
	all := map[string][]string{}
	for language, sentence := range v.book.Each(key, args...) {
		all[language] = []string{sentence}
	}
	return all
}

func (v voice) fill(why refusal) []any {
	if why == missing {
		return []any{v.site}
	}
	return nil
}

// protocol is a version of the specification: the shape of its messages.
type protocol interface {
	flow() session.Flow
	hasDirect() bool // whether clients that are no browsers get bare JSON
	success(messageID string, g grant) any
	failure(messageID string, why refusal, say voice) any
}

// auth1 is IIIF Authentication API 1.0.
type auth1 struct{}

var names1 = map[refusal]string{missing: "missingCredentials", invalid: "invalidCredentials", expired: "invalidCredentials", unaccepted: "missingCredentials"}

// message1 goes without messageId to clients that sent none.
type message1 struct {
	MessageID   string `json:"messageId,omitempty"`
	AccessToken string `json:"accessToken,omitempty"`
	ExpiresIn   int    `json:"expiresIn,omitempty"`
	Error       string `json:"error,omitempty"`
	Description string `json:"description,omitempty"`
}

func (auth1) flow() session.Flow { return session.Auth1 }

func (auth1) hasDirect() bool { return true }

func (auth1) success(messageID string, g grant) any {
	return message1{MessageID: messageID, AccessToken: g.token, ExpiresIn: g.seconds()}
}

func (auth1) failure(messageID string, why refusal, say voice) any {
	return message1{MessageID: messageID, Error: nameIn(names1, why), Description: say.sentence(why)}
}

// auth2 is IIIF Authorization Flow API 2.0.
type auth2 struct{}

var names2 = map[refusal]string{missing: "missingAspect", invalid: "invalidAspect", expired: "expiredAspect", unaccepted: "missingAspect"}

type message2 struct {
	Context     string              `json:"@context"`
	Type        string              `json:"type"`
	AccessToken string              `json:"accessToken,omitempty"`
	ExpiresIn   int                 `json:"expiresIn,omitempty"`
	Profile     string              `json:"profile,omitempty"`
	MessageID   string              `json:"messageId"`
	Heading     map[string][]string `json:"heading,omitempty"`
	Note        map[string][]string `json:"note,omitempty"`
}

const context2 = "http://iiif.io/api/auth/2/context.json"

func (auth2) flow() session.Flow { return session.Auth2 }

func (auth2) hasDirect() bool { return false }

func (auth2) success(messageID string, g grant) any {
	return message2{
		Context: context2, Type: "AuthAccessToken2", AccessToken: g.token, ExpiresIn: g.seconds(), MessageID: messageID,
	}
}

func (auth2) failure(messageID string, why refusal, say voice) any {
	return message2{
		Context: context2, Type: "AuthAccessTokenError2", Profile: nameIn(names2, why), MessageID: messageID,
		Heading: say.languages("token.heading"), Note: say.languages("token."+string(why), say.fill(why)...),
	}
}

func nameIn(names map[refusal]string, why refusal) string {
	if name, ok := names[why]; ok {
		return name
	}
	return string(why)
}

// seconds is at least one: both specifications want a positive number.
func (g grant) seconds() int { return max(1, int(g.life.Seconds())) }
