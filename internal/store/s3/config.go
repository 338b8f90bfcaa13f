// Package s3 is MinIO, Amazon S3 or any other object storage of that kind: a
// store.Source, and a store of results that workers share.
//
// Whatever is read of an object is pinned to one version by its ETag, and every
// answer is checked against what was asked for: a store that lies, stutters or lets
// an object be replaced in mid-read costs an error, never wrong bytes. Calls are
// bounded in time and tried again sparingly; a store that is down is left alone for
// a while.
package s3

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Account is where a bucket is and who asks there.
type Account struct {
	Endpoint     string // http://host:port or https://…; "" stands for Amazon's own
	Region       string // "" stands for us-east-1
	AccessKey    string
	SecretKey    string
	SessionToken string // "" but for temporary keys
}

// Location is a bucket, and what the keys that matter there begin with.
type Location struct {
	Bucket string
	Prefix string // "", or ends with "/"
}

// Within makes the location of a folder in a bucket.
func Within(bucket, folder string) Location {
	folder = strings.Trim(folder, "/")
	if folder != "" {
		folder += "/"
	}
	return Location{Bucket: bucket, Prefix: folder}
}

func (l Location) String() string { return "s3://" + l.Bucket + "/" + l.Prefix }

// Config is what a Source is made of. Account, Location, Copies and Log are needed.
type Config struct {
	Account  Account
	Location Location
	Copies   *Copies // may be shared by several sources
	// Recheck is how long what was found out about an object is taken to hold; 0 has
	// the store asked every time. Objects that turn out to have been replaced, and
	// those of which Forget hears, are looked up anew at once.
	Recheck time.Duration
	Timeout time.Duration // for the store to begin an answer; 0: ten seconds
	Log     *slog.Logger
}

// endpoint takes an account's address apart.
func (a Account) endpoint() (host string, secure bool, err error) {
	if a.Endpoint == "" {
		if a.region() == "us-east-1" {
			return "s3.amazonaws.com", true, nil
		}
		return "s3." + a.Region + ".amazonaws.com", true, nil
	}
	u, err := url.Parse(a.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return "", false, fmt.Errorf("S3 address %q: write scheme and host alone, such as https://minio.example.org:9000", a.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

func (a Account) region() string { return cmp.Or(a.Region, "us-east-1") }
