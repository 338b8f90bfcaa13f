package config

import (
	"strings"
	"testing"
)

func TestRolesRefuseWhatTheyMustNotHave(t *testing.T) {
	const bus = " --nats nats://127.0.0.1:4222 --nats-creds x"
	edge, worker, coordinator := bus+" --coordinator-url http://127.0.0.1:8081", bus+" --images x", bus+" --trusted-proxies 127.0.0.1"
	for _, c := range []struct {
		role      Role
		args, env string
		file      string
		want      string
	}{
		{Edge, edge, "", "", ""},
		{Edge, edge + " --images x", "", "", "--images (from flag) is not for an edge"},
		{Edge, edge, "TESSERA_MANIFESTS=x", "", "TESSERA_MANIFESTS (from environment) is not for an edge"},
		{Edge, edge, "", "admin-password: secret", "admin-password (from file) is not for an edge"},
		{Edge, edge, "", "data: x", "data (from file)"},
		{Edge, edge, "AWS_SECRET_ACCESS_KEY=c4n4ry", "", "AWS_SECRET_ACCESS_KEY (from environment) is the key of a bucket"},
		{Coordinator, coordinator, "AWS_ACCESS_KEY_ID=x", "", "AWS_ACCESS_KEY_ID"},
		{Worker, worker, "AWS_ACCESS_KEY_ID=x", "", ""},
		{Edge, bus, "", "", "--coordinator-url http"},
		{Edge, "--coordinator-url http://c:8080", "", "", "--nats tls"},
		{Edge, bus + " --coordinator-url http://c:8080/auth", "", "", "scheme and host alone"},
		{Edge, "--coordinator-url http://c --nats nats://u:c4n4ry@h", "", "", "--nats-creds"},
		{Edge, edge + " --name 'a'", "", "", "letters, digits"},
		{Worker, worker, "", "", ""},
		{Worker, worker + " --public-url https://a.example", "", "", "--public-url (from flag)"},
		{Worker, worker, "TESSERA_COORDINATOR_URL=http://c", "", "TESSERA_COORDINATOR_URL"},
		{Worker, bus, "", "", "--images FOLDER"},
		{Coordinator, coordinator, "", "", ""},
		{Coordinator, coordinator + " --cache dir:x", "", "", "--cache (from flag)"},
		{Coordinator, bus, "", "", "--trusted-proxies"},
		{Serve, "--images x", "", "", ""},
		{Serve, "--images x" + bus, "", "", "--nats (from flag)"},
	} {
		t.Run(string(c.role)+c.args+c.env+c.file, func(t *testing.T) {
			args := strings.Fields(c.args)
			if c.file != "" {
				args = append(args, "--config", write(t, c.file))
			}
			var env []string
			if c.env != "" {
				env = []string{c.env}
			}
			l, err := LoadFor(c.role, args, env, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = l.Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "c4n4ry") {
				t.Errorf("%v shows a password", err)
			}
		})
	}
}

// What holds keys or people is not an edge's, whoever adds the setting.
func TestEdgesHoldNoKeys(t *testing.T) {
	for _, s := range All() {
		if s.Of(Edge) && (s.Secret || strings.HasPrefix(s.Name, "s3") || s.Name == "db" || s.Name == "images") {
			t.Errorf("an edge may have --%s", s.Name)
		}
	}
}

func TestPrintShowsTheRolesOwn(t *testing.T) {
	l, err := LoadFor(Edge, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	_ = l.Print(&out)
	if strings.Contains(out.String(), "\nimages:") || !strings.Contains(out.String(), "coordinator-url:") {
		t.Errorf("an edge's settings: %s", &out)
	}
}

func TestDefaultName(t *testing.T) {
	if name := DefaultName(); !isName(name) {
		t.Errorf("%q is no name", name)
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add("nats://127.0.0.1:4222")
	f.Add("http://a:b@c/")
	f.Fuzz(func(t *testing.T, raw string) {
		s := Settings{NATS: []string{raw}, Coordinators: []string{raw}}
		_ = s.validateCluster()
		if isServer(raw, "http", "https") && strings.ContainsAny(raw, "@?#") {
			t.Errorf("%q is taken for scheme and host", raw)
		}
	})
}
