// Package cluster is what the parts of a cluster tell of themselves, for those who look
// after it. Nothing decides by it: who may do what, and where work goes, is settled
// elsewhere, and a state that is wrong or missing harms nobody but its reader.
package cluster

import (
	"encoding/json"
	"errors"
	"time"
)

// State is one process at a moment, with counts since its start.
type State struct {
	Role    string        `json:"role"` // edge, worker or coordinator
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Up      time.Duration `json:"up"`           // since its start
	Now     time.Time     `json:"now,omitzero"` // by its own clock

	Edge   *Edge   `json:"edge,omitempty"`
	Worker *Worker `json:"worker,omitempty"`
}

// Edge is what an edge has done, and what it knows.
type Edge struct {
	Revision int64  `json:"revision"` // of the rights that it holds
	Fresh    bool   `json:"fresh"`    // recent enough to show restricted content
	Requests uint64 `json:"requests"` // answered
	Images   uint64 `json:"images"`   // of these, pictures
	Hits     uint64 `json:"hits"`     // of these, from its memory

	Issuers []Issuer `json:"issuers,omitempty"` // whose access tokens it takes
}

// Issuer is what an edge has of a provider whose access tokens count.
type Issuer struct {
	URL     string    `json:"url"`
	Keys    int       `json:"keys"`
	Read    time.Time `json:"read,omitzero"` // the last time that it could read them
	Failing bool      `json:"failing"`       // it could not the last time
}

// Worker is a worker's load, and what it has done.
type Worker struct {
	Slots       int           `json:"slots"`
	Running     int           `json:"running"`
	Waiting     int           `json:"waiting"`
	Queue       time.Duration `json:"queue"`   // that renderings wait for a slot, lately
	Asked       uint64        `json:"asked"`   // renderings
	Hits        uint64        `json:"hits"`    // of these, made before
	Decodes     uint64        `json:"decodes"` // begun
	Refused     uint64        `json:"refused"` // busy
	Quarantined []string      `json:"quarantined,omitempty"`
	SetAside    int           `json:"setAside"` // in quarantine, of which Quarantined names some
}

// MaxNamed is how many images in quarantine a worker names.
const MaxNamed = 50

// maxState bounds a state on the wire, in bytes.
const maxState = 256 << 10

var errState = errors.New("not the state of a part of the cluster")

// Parse reads a state. role is whose subject it came on, which only that role may write.
func Parse(role string, data []byte) (State, error) {
	var s State
	if len(data) > maxState || json.Unmarshal(data, &s) != nil || s.Role != role || s.Name == "" {
		return State{}, errState
	}
	if s.Worker != nil && len(s.Worker.Quarantined) > MaxNamed {
		s.Worker.Quarantined = s.Worker.Quarantined[:MaxNamed]
	}
	return s, nil
}

// Purge says what is to be forgotten: one of the three.
type Purge struct {
	Image  string `json:"image,omitempty"`  // an identifier, with or without extension
	Prefix string `json:"prefix,omitempty"` // of identifiers
	All    bool   `json:"all,omitempty"`
}

// Valid tells whether exactly one of the three is said.
func (p Purge) Valid() bool {
	said := 0
	for _, b := range []bool{p.Image != "", p.Prefix != "", p.All} {
		if b {
			said++
		}
	}
	return said == 1 && len(p.Image)+len(p.Prefix) <= 4096
}
