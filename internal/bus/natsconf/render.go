package natsconf

import (
	"bytes"
	"embed"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"github.com/tessera-iiif/tessera/internal/bus"
)

//go:embed templates
var templates embed.FS

var parsed = template.Must(template.New("").Funcs(template.FuncMap{"list": list}).ParseFS(templates, "templates/*"))

// render makes what is read by servers and people: nothing secret.
func render(cfg Config, k known) ([]file, error) {
	accounts, err := execute("accounts.conf", accountsView(cfg, k))
	if err != nil {
		return nil, err
	}
	files := []file{{accountsFile, public, accounts}}
	for i := range cfg.Nodes {
		text, err := execute("server.conf", serverView(cfg, i))
		if err != nil {
			return nil, err
		}
		files = append(files, file{nodeName(i) + ".conf", public, text})
	}
	readme, err := execute("README.md", readmeView(cfg))
	return append(files, file{"README.md", public, readme}), err
}

func execute(name string, view any) ([]byte, error) {
	var out bytes.Buffer
	if err := parsed.ExecuteTemplate(&out, name, view); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return out.Bytes(), nil
}

type account struct {
	Name, Key, Hash string
	Rights          bus.Rights
}

func accountsView(cfg Config, k known) (out []account) {
	for _, u := range k.users {
		out = append(out, account{Name: u.name, Key: u.key, Rights: u.role.Rights(u.key, cfg.Events)})
	}
	return append(out, account{Name: storageName, Hash: k.storage, Rights: bus.RoleStorage.Rights(storageName, cfg.Events)})
}

// list writes what is allowed. Nothing listed would allow everything, so it becomes
// a refusal of everything.
func list(subjects []string) string {
	if len(subjects) == 0 {
		return `{ deny: ">" }`
	}
	quoted := make([]string, len(subjects))
	for i, s := range subjects {
		quoted[i] = strconv.Quote(s)
	}
	return "{ allow: [" + strings.Join(quoted, ", ") + "] }"
}

type serverText struct {
	Name, Bind, Advertise, Store string
	Port, Monitor                int
	Cert, Key                    string // shown to clients
	Cluster                      *clusterText
}

type clusterText struct {
	Port          int
	Advertise     string
	Cert, Key, CA string
	Routes        []string // of all nodes: a server knows itself
}

func serverView(cfg Config, i int) serverText {
	n, name := cfg.Nodes[i], nodeName(i)
	made := func(file string) string { return filepath.Join(cfg.As, file) }
	v := serverText{
		Name: name, Port: n.Port, Monitor: n.Monitor, Advertise: address(n.Host, n.Port),
		Store: filepath.Join(cfg.Store, name), Cert: made(name + ".pem"), Key: made(name + ".key"),
	}
	if n.Host == "localhost" || net.ParseIP(n.Host).IsLoopback() {
		v.Bind = n.Host
	}
	if len(cfg.Nodes) > 1 {
		v.Cluster = &clusterText{Port: n.ClusterPort, Advertise: address(n.Host, n.ClusterPort), Cert: v.Cert, Key: v.Key, CA: made(caCert)}
		for _, other := range cfg.Nodes {
			v.Cluster.Routes = append(v.Cluster.Routes, "nats-route://"+address(other.Host, other.ClusterPort))
		}
	}
	if cfg.Cert != "" {
		v.Cert, v.Key = cfg.Cert, cfg.Key
	}
	return v
}

func address(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

type readmeText struct {
	As, URLs, First, Events string
	OwnCA                   bool
	Servers                 []string
}

func readmeView(cfg Config) readmeText {
	v := readmeText{As: cfg.As, First: address(cfg.Nodes[0].Host, cfg.Nodes[0].Port), Events: cfg.Events, OwnCA: cfg.Cert == ""}
	var urls []string
	for i, n := range cfg.Nodes {
		v.Servers = append(v.Servers, nodeName(i))
		urls = append(urls, "tls://"+address(n.Host, n.Port))
	}
	v.URLs = strings.Join(urls, ",")
	return v
}
