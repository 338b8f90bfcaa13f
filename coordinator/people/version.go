package people

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// AnyVersion lets a change go on whatever there is.
const AnyVersion = ""

// Version names the state of a user, so that of two administrators who read the same
// state the second to write can be told.
func Version(u User) string {
	text, err := json.Marshal([]any{u.ID, u.Email, u.Name, append([]string{}, u.Groups...), u.Admin, u.Active, u.Updated.Truncate(time.Millisecond).UnixMilli()})
	if err != nil {
		panic("people: " + err.Error()) // strings, booleans and a number
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// checkVersion refuses a change that was made up from another state.
func checkVersion(u User, expected string) error {
	if expected != AnyVersion && expected != Version(u) {
		return &Error{Kind: Precondition, Code: "user-changed"}
	}
	return nil
}
