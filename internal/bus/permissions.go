package bus

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Role says what a process is to the others on the bus.
type Role string

// The roles. Storage is not one of ours: it is the user that an object store
// publishes its events as.
const (
	RoleEdge        Role = "edge"
	RoleWorker      Role = "worker"
	RoleCoordinator Role = "coordinator"
	RoleStorage     Role = "storage"
)

// Roles lists every role.
func Roles() []Role { return []Role{RoleEdge, RoleWorker, RoleCoordinator, RoleStorage} }

// DefaultEvents is the subject of an object store's events unless a setting names
// another.
const DefaultEvents = "minio.events"

// Placeholders of the table.
const (
	ownUser   = "{user}"
	allEvents = "{events}"
)

// Rights are the subjects a user may publish and subscribe to; what is not listed is
// refused. A subscription "subject group" is allowed in that queue group alone.
type Rights struct{ Publish, Subscribe []string }

// table is the one source of what each role may do: the embedded server, generated
// configuration and tests are made from it. Nobody is given allow_responses: it lets
// whoever asks choose a subject that the answerer may then write.
//
//   - Only edges ask, and each reads its own inbox alone. Coordinators ask workers for
//     lists, to show administrators what there is, and for nothing else.
//   - Only workers and coordinators answer, into inboxes of those who ask and nowhere
//     else: workers below job, coordinators below authority. A worker sees inboxes in
//     its jobs, and must not be able to answer a question about people by their pattern,
//     nor a coordinator's question to JetStream.
//     They hear questions as one of their queue group, so that none listens in on
//     what others are asked, and credit for their own streams alone.
//   - Only coordinators tell revisions, say what is to be forgotten, and use JetStream.
//   - Everybody tells how it is, for itself alone; only coordinators hear it.
//   - Workers tell one another what they are at, each below its own name: none ends another's
//     turn.
//   - Only edges tell what they showed and refused, and one coordinator hears it.
//
// Trap: "*" in a right to subscribe also lets through a ">" in its place, so nobody
// may publish below such a subject what not everybody in the group may hear.
var table = map[Role]Rights{
	RoleEdge: {
		Publish:   []string{"tessera.job.*", "tessera.authority.*", "tessera.cancel.*", "tessera.flow.*.*.*", sightingSubject, ownState(RoleEdge)},
		Subscribe: []string{inboxRoot + "edge." + ownUser + ".>", revisionSubject, purgeSubject},
	},
	RoleWorker: {
		Publish:   []string{jobs.answers(), listAnswers, ownState(RoleWorker), turnRoot + ownUser},
		Subscribe: []string{"tessera.job.* " + queueGroup, "tessera.cancel.job", "tessera.flow." + ownUser + ".>", allEvents, purgeSubject, turnRoot + "*"},
	},
	RoleCoordinator: {
		Publish: []string{
			authority.answers(), revisionSubject, "$JS.API.>", "$KV.>",
			jobs.subject(kindList), jobs.cancelSubject(), purgeSubject, ownState(RoleCoordinator),
		},
		Subscribe: []string{
			"tessera.authority.* " + queueGroup, "tessera.cancel.authority", "tessera.flow." + ownUser + ".>",
			inboxRoot + "coordinator." + ownUser + ".>", // answers of JetStream, and lists
			stateRoot + "*.*", sightingSubject + " " + queueGroup,
		},
	},
	RoleStorage: {Publish: []string{allEvents}},
}

func ownState(r Role) string { return stateRoot + string(r) + "." + ownUser }

// Rights gives what a user of role r may do. user is one word of a subject, events
// the subject of an object store's events.
func (r Role) Rights(user, events string) Rights {
	fill := strings.NewReplacer(ownUser, user, allEvents, events)
	each := func(subjects []string) (out []string) {
		for _, s := range subjects {
			out = append(out, fill.Replace(s))
		}
		return out
	}
	return Rights{Publish: each(table[r].Publish), Subscribe: each(table[r].Subscribe)}
}

// ParseEvents checks the subject of an object store's events; "" is the default.
func ParseEvents(subject string) (string, error) {
	if subject == "" {
		return DefaultEvents, nil
	}
	for word := range strings.SplitSeq(subject, ".") {
		if !isWord(word) {
			return "", fmt.Errorf("subject of events %q: use words of letters, digits, - and _, joined by dots", subject)
		}
	}
	if strings.HasPrefix(subject, "tessera.") {
		return "", fmt.Errorf("subject of events %q: subjects below tessera. are Tessera's own; take another, such as %s", subject, DefaultEvents)
	}
	return subject, nil
}

// permissions are r as the server understands them. An empty list of what is
// allowed would allow everything there.
func (r Rights) permissions() *server.Permissions {
	return &server.Permissions{Publish: allow(r.Publish), Subscribe: allow(r.Subscribe)}
}

func allow(subjects []string) *server.SubjectPermission {
	if len(subjects) == 0 {
		return &server.SubjectPermission{Deny: []string{">"}}
	}
	return &server.SubjectPermission{Allow: subjects}
}
