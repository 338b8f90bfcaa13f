package natsconf

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nats-io/nkeys"
	"github.com/tessera-iiif/tessera/internal/bus"
	"golang.org/x/crypto/bcrypt"
)

const (
	credentials  = "credentials"
	seedExt      = ".seed"
	passwordFile = credentials + "/storage.password"
	accountsFile = "accounts.conf"
	storageName  = "storage"
)

// known is what the servers know of users: nothing that must be kept secret.
type known struct {
	users []user
	// storage is the bcrypt hash of the password of the user that an object store
	// publishes as. Not a key, because some stores take user and password alone.
	storage string
}

// user is one process.
type user struct {
	name string
	role bus.Role
	key  string // public
}

// secrets reads the secrets that are there and makes up the others.
func (cfg Config) secrets() (known, []file, error) {
	var k known
	var files []file
	for _, p := range cfg.processes() {
		seed, key, err := cfg.seed(p.name)
		if err != nil {
			return known{}, nil, err
		}
		p.key = key
		k.users = append(k.users, p)
		files = append(files, file{credentials + "/" + p.name + seedExt, private, seed})
	}
	password, err := cfg.password()
	if err != nil {
		return known{}, nil, err
	}
	k.storage, err = cfg.hash(password)
	return k, append(files, file{passwordFile, private, []byte(password + "\n")}), err
}

// processes are all users but the store's, without keys.
func (cfg Config) processes() (out []user) {
	for _, r := range []struct {
		role bus.Role
		n    int
	}{{bus.RoleEdge, cfg.Edges}, {bus.RoleWorker, cfg.Workers}, {bus.RoleCoordinator, cfg.Coordinators}} {
		for i := range r.n {
			out = append(out, user{name: fmt.Sprintf("%s-%d", r.role, i+1), role: r.role})
		}
	}
	return out
}

func (cfg Config) seed(name string) (seed []byte, key string, err error) {
	path := filepath.Join(cfg.Dir, credentials, name+seedExt)
	seed, err = os.ReadFile(path)
	var pair nkeys.KeyPair
	switch {
	case errors.Is(err, fs.ErrNotExist):
		pair, seed, err = makeSeed()
	case err == nil:
		pair, err = nkeys.ParseDecoratedNKey(seed)
	}
	if err == nil {
		key, err = pair.PublicKey()
	}
	if err == nil && !nkeys.IsValidPublicUserKey(key) {
		err = errors.New("not the seed of a user")
	}
	if err != nil {
		return nil, "", fmt.Errorf("credentials %s: %w; delete the file to have others made", path, err)
	}
	return seed, key, nil
}

func makeSeed() (nkeys.KeyPair, []byte, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, nil, err
	}
	seed, err := pair.Seed()
	return pair, append(seed, '\n'), err
}

func (cfg Config) password() (string, error) {
	data, err := os.ReadFile(filepath.Join(cfg.Dir, passwordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return rand.Text() + rand.Text(), nil
	}
	if err != nil {
		return "", fmt.Errorf("password of the object store: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

var bcryptHash = regexp.MustCompile(`\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}`)

// hash keeps the hash that is there if it is the password's: a new one would differ
// by its salt.
func (cfg Config) hash(password string) (string, error) {
	// A file that is not there holds no hash.
	accounts, _ := os.ReadFile(filepath.Join(cfg.Dir, accountsFile))
	if old := bcryptHash.Find(accounts); old != nil && bcrypt.CompareHashAndPassword(old, []byte(password)) == nil {
		return string(old), nil
	}
	made, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return "", fmt.Errorf("%s: %w; delete the file to have another made", passwordFile, err)
	}
	return string(made), nil
}
