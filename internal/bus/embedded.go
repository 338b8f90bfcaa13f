package bus

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	startTimeout        = 5 * time.Second
	jetStreamMaxStore   = 1 << 30
	jetStreamMaxMemory  = 64 << 20
	serverPingInterval  = 20 * time.Second
	serverWriteDeadline = 5 * time.Second
)

// Config is how an embedded server is set up.
type Config struct {
	Dir string // where JetStream keeps its files; made if absent
	Log *slog.Logger
}

// Embedded is a NATS server inside this process, and for this process alone.
type Embedded struct {
	server *server.Server
	users  *users
	log    *slog.Logger
}

// StartEmbedded starts a server and returns once it takes connections. An error
// says what to change.
func StartEmbedded(cfg Config) (*Embedded, error) {
	if err := checkDir(cfg.Dir); err != nil {
		return nil, err
	}
	known := &users{rights: make(map[string]*server.User)}
	s, err := server.NewServer(cfg.options(known))
	if err != nil {
		return nil, fmt.Errorf("set up the NATS server: %w", err)
	}
	bridge := &logBridge{log: cfg.Log}
	s.SetLogger(bridge, false, false)
	s.Start()
	if err := bridge.fatal(); err != nil {
		stop(s)
		return nil, fmt.Errorf("start the NATS server in %s: %w", cfg.Dir, err)
	}
	if !s.ReadyForConnections(startTimeout) {
		stop(s)
		return nil, fmt.Errorf("the NATS server was not ready after %s", startTimeout)
	}
	return &Embedded{server: s, users: known, log: cfg.Log}, nil
}

// checkDir finds out beforehand what the server would only report in passing.
func checkDir(dir string) error {
	if dir == "" {
		return errors.New("the NATS server needs a directory: set --data")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("cannot make the directory of the NATS server: %w; make it, or point --data at one this user may write", err)
	}
	probe, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return fmt.Errorf("cannot write to the directory of the NATS server: %w; let this user write to it, or change --data", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (cfg Config) options(known *users) *server.Options {
	return &server.Options{
		ServerName: "tessera", DontListen: true, CustomClientAuthentication: known,
		NoSigs: true, NoLog: true, DisableJetStreamBanner: true,
		JetStream: true, StoreDir: cfg.Dir,
		JetStreamMaxStore: jetStreamMaxStore, JetStreamMaxMemory: jetStreamMaxMemory,
		PingInterval: serverPingInterval, WriteDeadline: serverWriteDeadline,
	}
}

// Connect makes a connection inside the process, with the rights of role and no
// others. name says whose it is: letters, digits, "-" and "_".
func (e *Embedded) Connect(role Role, name string) (*Conn, error) {
	if !isWord(name) {
		return nil, fmt.Errorf("%w %q: use letters, digits, - and _", errName, name)
	}
	user, password := e.users.add(role, name)
	id := identity{name: name, role: role, user: user, auth: nats.UserInfo(user, password)}
	return connect(id, "", e.log, nats.InProcessServer(e.server))
}

// users are who may connect to an embedded server: each connection is a user of its
// own, as each process is at a cluster.
type users struct {
	mu     sync.Mutex
	rights map[string]*server.User
}

func (u *users) add(role Role, name string) (user, password string) {
	user, password = name+"-"+newToken(), newToken()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rights[user] = &server.User{Username: user, Password: password, Permissions: role.Rights(user, DefaultEvents).permissions()}
	return user, password
}

// Check implements server.Authentication.
func (u *users) Check(c server.ClientAuthentication) bool {
	u.mu.Lock()
	user := u.rights[c.GetOpts().Username]
	u.mu.Unlock()
	if user == nil || subtle.ConstantTimeCompare([]byte(user.Password), []byte(c.GetOpts().Password)) != 1 {
		return false
	}
	c.RegisterUser(user)
	return true
}

// Close ends the server and all connections to it.
func (e *Embedded) Close() { stop(e.server) }

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}
