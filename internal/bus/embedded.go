package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
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
	Dir    string // where JetStream keeps its files; made if absent
	Listen string // loopback host:port for other processes to connect to; "" for none
	Log    *slog.Logger
}

// Embedded is a NATS server inside this process.
type Embedded struct {
	server *server.Server
	log    *slog.Logger
}

// StartEmbedded starts a server and returns once it takes connections. An error
// says what to change.
func StartEmbedded(cfg Config) (*Embedded, error) {
	if err := checkDir(cfg.Dir); err != nil {
		return nil, err
	}
	options, err := cfg.options()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
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
	return &Embedded{server: s, log: cfg.Log}, nil
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

func (cfg Config) options() (*server.Options, error) {
	o := &server.Options{
		ServerName: "tessera", DontListen: cfg.Listen == "",
		NoSigs: true, NoLog: true, DisableJetStreamBanner: true,
		JetStream: true, StoreDir: cfg.Dir,
		JetStreamMaxStore: jetStreamMaxStore, JetStreamMaxMemory: jetStreamMaxMemory,
		PingInterval: serverPingInterval, WriteDeadline: serverWriteDeadline,
	}
	if cfg.Listen == "" {
		return o, nil
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("NATS listen address %q: want host:port", cfg.Listen)
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return nil, fmt.Errorf("NATS listen address %q: the embedded server knows no accounts and listens on loopback only; run a NATS cluster for several machines", cfg.Listen)
	}
	o.Host = host
	if o.Port, err = strconv.Atoi(port); err != nil || o.Port < 0 || o.Port > 65535 {
		return nil, fmt.Errorf("NATS listen address %q: want a port from 0 to 65535", cfg.Listen)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	return o, nil
}

// Connect makes a connection inside the process. name says whose it is: letters,
// digits, "-" and "_".
func (e *Embedded) Connect(name string) (*Conn, error) {
	return connect(name, "", e.log, nats.InProcessServer(e.server))
}

// URL is where other processes connect; "" when it does not listen.
func (e *Embedded) URL() string {
	if a, ok := e.server.Addr().(*net.TCPAddr); ok {
		return "nats://" + a.String()
	}
	return ""
}

// Close ends the server and all connections to it.
func (e *Embedded) Close() { stop(e.server) }

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}
