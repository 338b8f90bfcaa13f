package config

import (
	"strings"
	"testing"
)

func TestParseS3(t *testing.T) {
	for place, want := range map[string][2]string{
		"s3://masters": {"masters", ""}, "s3://masters/": {"masters", ""}, "s3://my.bucket-1/a/b c/": {"my.bucket-1", "a/b c"},
	} {
		bucket, prefix, err := ParseS3(place)
		if err != nil || bucket != want[0] || prefix != want[1] {
			t.Errorf("%s: %q, %q, %v", place, bucket, prefix, err)
		}
	}
	for _, place := range []string{"", "s3://", "s3:///x", "s3:masters", "S3://masters", "s3://Masters", "s3://a", "s3://b_b/x", "s3://masters/a//b", "s3://masters/../x", "s3://masters/a/./b", `s3://masters/a\b`, "/masters"} {
		if bucket, prefix, err := ParseS3(place); err == nil {
			t.Errorf("%q became %q, %q", place, bucket, prefix)
		}
	}
}

func TestValidateS3(t *testing.T) {
	const keys = " --s3-access-key k --s3-secret-key s"
	for _, c := range []struct{ args, want string }{
		{"--images s3://masters/maps" + keys, ""},
		{"--images s3://masters --manifests s3://masters/manifests --cache s3://tiles" + keys, ""},
		{"--images x --cache s3://tiles --cache-s3-access-key k --cache-s3-secret-key s", ""},
		{"--images s3://Masters" + keys, "--images s3://Masters: write s3://bucket"},
		{"--images x --cache s3://tiles/../x" + keys, "--cache s3://tiles/../x: write a prefix"},
		{"--images s3://masters", "AWS_ACCESS_KEY_ID"},
		{"--images s3://masters --s3-access-key k", "--s3-secret-key"},
		{"--images s3://masters --s3-endpoint minio:9000" + keys, "--s3-endpoint minio:9000: write scheme and host"},
		{"--images s3://masters --cache-s3-access-key k" + keys, "belong together"},
		{"--images x --s3-recheck 2h", "s3-recheck"},
		{"--images x --s3-events a..b", "words of letters"},
		{"--images x --s3-events minio.*", "words of letters"},
		{"--images x --s3-events tessera.job.render", "Tessera's own"},
	} {
		t.Run(c.args, func(t *testing.T) {
			l, err := Load(strings.Fields(c.args), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = l.Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// Amazon's variables count only where object storage is used, below all that is
// Tessera's own, and never half a pair of keys.
func TestAmazonsVariables(t *testing.T) {
	environ := []string{
		"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token",
		"AWS_DEFAULT_REGION=eu-central-1", "AWS_ENDPOINT_URL=https://minio.example.org", "AWS_ENDPOINT_URL_S3=https://s3.example.org",
	}
	for _, c := range []struct {
		args string
		want S3Account
	}{
		{"--images s3://masters", S3Account{"https://s3.example.org", "eu-central-1", "id", "secret", "token"}},
		{"--images s3://masters --s3-access-key k --s3-secret-key s", S3Account{"https://s3.example.org", "eu-central-1", "k", "s", ""}},
		{"--images s3://masters --s3-endpoint http://127.0.0.1:1 --s3-region us-east-1", S3Account{"http://127.0.0.1:1", "us-east-1", "id", "secret", "token"}},
		{"--images /masters", S3Account{"", "us-east-1", "", "", ""}},
	} {
		l, err := Load(strings.Fields(c.args), environ, nil)
		if err != nil || l.Sources() != c.want {
			t.Errorf("%s: %+v, %v", c.args, l.Sources(), err)
		}
	}
	l, _ := Load(strings.Fields("--images s3://m --cache s3://c --cache-s3-access-key ck --cache-s3-secret-key cs --cache-s3-endpoint http://cache"), environ, nil)
	if want := (S3Account{"http://cache", "eu-central-1", "ck", "cs", ""}); l.SharedResults() != want {
		t.Errorf("results: %+v", l.SharedResults())
	}
	l, _ = Load(strings.Fields("--images s3://m --cache s3://c"), environ, nil)
	if l.SharedResults() != l.Sources() {
		t.Errorf("results: %+v; want those of the images", l.SharedResults())
	}
	var out strings.Builder
	_ = l.Print(&out)
	for _, secret := range []string{": id ", " secret ", "token "} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("print shows %q:\n%s", secret, out.String())
		}
	}
}

func FuzzParseS3(f *testing.F) {
	f.Add("s3://masters/maps/1890")
	f.Fuzz(func(t *testing.T, place string) {
		bucket, prefix, err := ParseS3(place)
		if err != nil {
			return
		}
		again, rest, err := ParseS3("s3://" + bucket + "/" + prefix)
		if err != nil || again != bucket || rest != prefix || strings.Contains("/"+prefix+"/", "/../") {
			t.Errorf("%q: %q, %q, %v", place, bucket, prefix, err)
		}
	})
}
