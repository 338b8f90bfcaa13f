package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// Origin says where a value came from.
type Origin string

// The origins, weakest first.
const (
	FromDefault Origin = "default"
	FromFile    Origin = "file"
	FromEnv     Origin = "environment"
	FromFlag    Origin = "flag"
)

// Setting describes one field of Settings.
type Setting struct {
	Name, Env, Default, Help string
	Secret                   bool
	Roles                    []Role // that may have it
	index                    int
}

// All lists the settings in the order of the manual.
func All() []Setting {
	t := reflect.TypeFor[Settings]()
	all := make([]Setting, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, ok := f.Tag.Lookup("flag")
		if !ok {
			continue // has more to say than fits a flag
		}
		all = append(all, Setting{
			Name: name, Env: "TESSERA_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")),
			Default: f.Tag.Get("default"), Help: f.Tag.Get("help"),
			Secret: f.Tag.Get("secret") == "true", Roles: parseRoles(f.Tag.Get("roles")), index: i,
		})
	}
	return all
}

// Loaded is a set of values with the origin of each.
type Loaded struct {
	Settings
	Role    Role
	origins []Origin
	keys    []string // names of variables that hold somebody's keys and are none of the role's
	Args    []string // what was left on the command line
}

// environment names that belong to the command line tools, not to Settings
var otherEnv = []string{"TESSERA_TOKEN", "TESSERA_SERVER", "TESSERA_USER", "TESSERA_PASSWORD", "TESSERA_CONFIG"}

// Load reads all sources for a process that is everything.
func Load(args, environ []string, usage io.Writer) (*Loaded, error) {
	return LoadFor(Serve, args, environ, usage)
}

// LoadFor reads all sources for a process of the role. environ has the form of
// os.Environ. usage, if not nil, receives the list of flags when -h or --help is among
// args, with pflag.ErrHelp. Settings that the role must not have are Validate's business.
func LoadFor(role Role, args, environ []string, usage io.Writer) (*Loaded, error) {
	l := &Loaded{Role: role, origins: make([]Origin, reflect.TypeFor[Settings]().NumField()), keys: strayKeys(role, environ)}
	for _, s := range All() {
		if err := l.assign(s, s.Default, FromDefault); s.Default != "" && err != nil {
			return nil, err
		}
		l.origins[s.index] = FromDefault
	}
	flags := flagSet(role, usage)
	if err := flags.Parse(args); err != nil {
		return nil, flagError(err)
	}
	l.Args = flags.Args()
	file, err := flags.GetString("config")
	if err != nil {
		return nil, err
	}
	if file == "" {
		file = lookup(environ, "TESSERA_CONFIG")
	}
	err = errors.Join(l.readFile(file), l.readEnv(environ), l.readFlags(flags))
	return l, errors.Join(err, l.readAWS(environ), l.flaggedProvider())
}

func flagError(err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return fmt.Errorf("%w; `tessera serve --help` lists the settings", err)
}

func flagSet(role Role, usage io.Writer) *pflag.FlagSet {
	flags := pflag.NewFlagSet("tessera "+string(role), pflag.ContinueOnError)
	if usage == nil {
		usage = io.Discard
	}
	flags.SetOutput(usage)
	flags.SortFlags = false
	flags.String("config", "", "YAML file of settings, named as the flags are")
	for _, s := range All() {
		switch reflect.TypeFor[Settings]().Field(s.index).Type.Kind() {
		case reflect.Bool:
			flags.Bool(s.Name, false, s.Help)
		case reflect.Slice:
			flags.StringSlice(s.Name, nil, s.Help)
		default:
			flags.String(s.Name, s.Default, s.Help)
		}
		flags.Lookup(s.Name).Hidden = !s.Of(role)
	}
	return flags
}

func (l *Loaded) assign(s Setting, text string, from Origin) error {
	if err := set(reflect.ValueOf(&l.Settings).Elem().Field(s.index), text); err != nil {
		return fmt.Errorf("%s (from %s): %w", s.Name, from, err)
	}
	l.origins[s.index] = from
	return nil
}

func (l *Loaded) readFile(path string) error {
	if path == "" {
		return nil
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read the settings: %w", err)
	}
	var values map[string]yaml.Node
	if err := yaml.Unmarshal(body, &values); err != nil {
		return fmt.Errorf("%s is not a list of settings such as `listen: :8080`: %w", path, err)
	}
	all, errs := All(), []error(nil)
	for name, node := range values {
		if name == providersKey {
			errs = append(errs, l.readProviders(path, node))
			continue
		}
		i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("%s:%d: no setting is called %q%s", path, node.Line, name, suggest(name)))
			continue
		}
		text, err := scalar(node)
		if err == nil {
			err = l.assign(all[i], text, FromFile)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", path, node.Line, err))
		}
	}
	return errors.Join(errs...)
}

// scalar folds a YAML value or list of values into the text form set reads.
func scalar(node yaml.Node) (string, error) {
	if node.Kind == yaml.ScalarNode {
		if node.Tag == "!!null" {
			return "", nil
		}
		return node.Value, nil
	}
	if node.Kind != yaml.SequenceNode {
		return "", errors.New("a value or a list of values is wanted here")
	}
	items := make([]string, len(node.Content))
	for i, item := range node.Content {
		if item.Kind != yaml.ScalarNode {
			return "", errors.New("a list of plain values is wanted here")
		}
		items[i] = item.Value
	}
	return strings.Join(items, ","), nil
}

func (l *Loaded) readEnv(environ []string) error {
	all, errs := All(), []error(nil)
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "TESSERA_") || slices.Contains(otherEnv, name) {
			continue
		}
		i := slices.IndexFunc(all, func(s Setting) bool { return s.Env == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("environment: no setting is called %s", name))
			continue
		}
		errs = append(errs, l.assign(all[i], value, FromEnv))
	}
	return errors.Join(errs...)
}

func (l *Loaded) readFlags(flags *pflag.FlagSet) error {
	var errs []error
	for _, s := range All() {
		f := flags.Lookup(s.Name)
		if f == nil || !f.Changed {
			continue
		}
		text := f.Value.String()
		if sv, ok := f.Value.(pflag.SliceValue); ok {
			text = strings.Join(sv.GetSlice(), ",")
		}
		errs = append(errs, l.assign(s, text, FromFlag))
	}
	return errors.Join(errs...)
}

func lookup(environ []string, name string) string {
	for _, pair := range environ {
		if k, v, _ := strings.Cut(pair, "="); k == name {
			return v
		}
	}
	return ""
}

// suggest names the setting that shares the longest beginning with a misspelt one.
func suggest(name string) string {
	best, length := "", 3
	for _, s := range All() {
		n := 0
		for n < len(name) && n < len(s.Name) && name[n] == s.Name[n] {
			n++
		}
		if n > length {
			best, length = s.Name, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
