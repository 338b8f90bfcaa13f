package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// dialWait is how long a process may start before its NATS server does.
const dialWait = 30 * time.Second

var errDenied = errors.New("the NATS server denies what this role needs")

// DialConfig says how to join the bus.
type DialConfig struct {
	URL   string // of one NATS server or several, separated by commas
	Name  string // whose connection it is, for people: letters, digits, "-" and "_"
	Role  Role
	Creds string // path of the nkey seed of a user with the rights of Role
	CA    string // path of the PEM certificates the servers are checked against; "" for the system's
	Log   *slog.Logger
}

// Dial connects to a NATS server or cluster, waiting for it until ctx ends, and at
// most 30 s. An error says what to change.
func Dial(ctx context.Context, cfg DialConfig) (*Conn, error) {
	id, options, err := cfg.prepare()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	for attempt := 0; ; attempt++ {
		c, err := connect(id, cfg.URL, cfg.Log, options...)
		if err == nil || isLasting(err) {
			return c, err
		}
		if attempt == 0 {
			cfg.Log.Info("waiting for NATS", "error", err)
		}
		select {
		case <-time.After(reconnectWait + rand.N(reconnectWait)): //nolint:gosec // spreads load, guards nothing
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (cfg DialConfig) prepare() (identity, []nats.Option, error) {
	if cfg.Role != RoleEdge && cfg.Role != RoleWorker && cfg.Role != RoleCoordinator {
		return identity{}, nil, fmt.Errorf("role on the bus %q: edge, worker or coordinator", cfg.Role)
	}
	secure, err := checkURLs(cfg.URL)
	if err != nil {
		return identity{}, nil, err
	}
	var options []nats.Option
	if cfg.CA != "" {
		secure = true
		options = append(options, nats.RootCAs(cfg.CA))
	}
	if secure {
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	} else {
		// A server on loopback must not lead us to others in plain text.
		options = append(options, nats.IgnoreDiscoveredServers())
	}
	id, err := readCredentials(cfg.Creds)
	if err != nil {
		return identity{}, nil, err
	}
	id.name, id.role = cfg.Name, cfg.Role
	return id, options, nil
}

// checkURLs tells whether TLS is asked for, and refuses plain text off loopback:
// tiles and rights would travel readable and changeable.
func checkURLs(list string) (secure bool, err error) {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		switch {
		case err != nil || u.Hostname() == "" || (u.Scheme != "nats" && u.Scheme != "tls"):
			return false, fmt.Errorf("address of NATS %q: write tls://HOST:4222, or several with commas between, as --nats", redacted(u, one))
		case u.User != nil:
			return false, fmt.Errorf("address of NATS %q: leave user and password out; --nats-creds names the file with the credentials", u.Redacted())
		case u.Scheme == "nats" && !isLoopback(u.Hostname()):
			return false, fmt.Errorf("address of NATS %q: off this machine TLS is required: write tls://%s, and name the certificates to trust with --nats-tls-ca", one, u.Host)
		}
		secure = secure || u.Scheme == "tls"
	}
	return secure, nil
}

// redacted keeps a password out of a message, even one in a malformed address.
func redacted(u *url.URL, raw string) string {
	if u != nil {
		return u.Redacted()
	}
	return raw[strings.LastIndexByte(raw, '@')+1:]
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// readCredentials takes the user from the seed: its public key.
func readCredentials(path string) (identity, error) {
	const what = "credentials for NATS: %w; `tessera nats-config` makes them, --nats-creds names the file"
	if path == "" {
		return identity{}, fmt.Errorf(what, errors.New("none given"))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return identity{}, fmt.Errorf(what, err)
	}
	key, err := nkeys.ParseDecoratedNKey(data)
	if err != nil {
		return identity{}, fmt.Errorf(what, fmt.Errorf("%s holds no nkey seed", path))
	}
	user, err := key.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(user) {
		return identity{}, fmt.Errorf(what, fmt.Errorf("the seed in %s is not a user's", path))
	}
	return identity{user: user, auth: nats.Nkey(user, key.Sign)}, nil
}

// isLasting tells errors that waiting does not mend.
func isLasting(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted) || errors.Is(err, errDenied) || errors.Is(err, errName) ||
		errors.Is(err, nats.ErrAuthorization) || errors.Is(err, os.ErrNotExist) || errors.Is(err, nats.ErrSecureConnWanted)
}
