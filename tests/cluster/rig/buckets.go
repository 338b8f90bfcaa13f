package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tessera-iiif/tessera/internal/store/s3/s3test"
)

// Buckets of a cluster in object storage.
const (
	ImageBucket    = "images"
	ManifestBucket = "manifests"
	resultBucket   = "results"
)

// Users of object storage. Each may do what a worker needs at one place, and no more.
const (
	reader = "worker-reads"
	writer = "worker-shares"
)

const eventSubject = "minio.events" // as nats-config has it

// layBuckets adds an S3 server, which tells NATS what changes. It starts empty.
func (c *Cluster) layBuckets(port int) error {
	dir, address := filepath.Join(c.cfg.Dir, "s3"), fmt.Sprintf("127.0.0.1:%d", port)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	path, args, env, err := s3test.Command(address, dir)
	if err != nil {
		return err
	}
	password, err := os.ReadFile(filepath.Join(c.natsDir(), "credentials", "storage.password"))
	if err != nil {
		return err
	}
	if c.admin, err = s3test.NewAdmin(address); err != nil {
		return err
	}
	c.endpoint = "http://" + address
	events := strings.Replace(c.servers[0], "://", "://storage:"+strings.TrimSpace(string(password))+"@", 1)
	c.add(&Process{
		Name: "s3", program: path, args: args, ready: c.endpoint + "/health",
		env: append(env, "VGW_EVENT_NATS_URL="+events, "VGW_EVENT_NATS_TOPIC="+eventSubject,
			"SSL_CERT_FILE="+filepath.Join(c.natsDir(), "ca.pem")), // it has no setting for a CA
		after: c.Process("nats-1"), then: c.fill,
	})
	return nil
}

// fill puts in what the folders have, and says who may do what.
func (c *Cluster) fill(ctx context.Context) error {
	for _, user := range []string{reader, writer} {
		if err := c.admin.User(ctx, user, secretOf(user)); err != nil {
			return err
		}
	}
	for _, b := range []struct{ bucket, folder string }{{ImageBucket, c.cfg.Images}, {ManifestBucket, c.cfg.Manifests}} {
		if err := c.admin.MakeBucket(ctx, b.bucket); err != nil {
			return err
		}
		if err := c.admin.Allow(ctx, b.bucket, reader, map[string]string{"s3:GetObject": "*", "s3:ListBucket": ""}); err != nil {
			return err
		}
		if b.folder == "" {
			continue
		}
		if err := c.admin.PutFolder(ctx, b.bucket, b.folder); err != nil {
			return err
		}
	}
	if err := c.admin.MakeBucket(ctx, resultBucket); err != nil {
		return err
	}
	return c.admin.Allow(ctx, resultBucket, writer, map[string]string{"s3:GetObject": "tiles/*", "s3:PutObject": "tiles/*"})
}

// secretOf belongs to a server on loopback that lives as long as the cluster.
func secretOf(user string) string { return user + "-secret" }

// places are the flags and keys that say what a worker reads and writes.
func (c *Cluster) places() (flags, env []string) {
	if !c.cfg.Buckets {
		flags = []string{"--images", c.cfg.Images}
		if c.cfg.Manifests != "" {
			flags = append(flags, "--manifests", c.cfg.Manifests)
		}
		return flags, nil
	}
	return []string{
		"--images", "s3://" + ImageBucket, "--manifests", "s3://" + ManifestBucket, "--cache", "s3://" + resultBucket + "/tiles",
		"--s3-endpoint", c.endpoint,
	}, []string{
		"TESSERA_S3_ACCESS_KEY=" + reader, "TESSERA_S3_SECRET_KEY=" + secretOf(reader),
		"TESSERA_CACHE_S3_ACCESS_KEY=" + writer, "TESSERA_CACHE_S3_SECRET_KEY=" + secretOf(writer),
	}
}

// Endpoint is the address of the S3 server, "" without Buckets.
func (c *Cluster) Endpoint() string { return c.endpoint }

// Storage is for who changes what is in the buckets. It is nil without Buckets.
func (c *Cluster) Storage() *s3test.Admin { return c.admin }
