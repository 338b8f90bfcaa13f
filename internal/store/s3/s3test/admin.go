package s3test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Admin fills a server and says who may do what there, with the keys that may do
// everything.
type Admin struct {
	endpoint string
	client   *minio.Client
}

// NewAdmin is for the server at an address, host:port.
func NewAdmin(address string) (*Admin, error) {
	client, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""), Region: "us-east-1"})
	return &Admin{"http://" + address, client}, err
}

// MakeBucket makes a bucket if there is none of that name.
func (a *Admin) MakeBucket(ctx context.Context, name string) error {
	if there, err := a.client.BucketExists(ctx, name); err != nil || there {
		return err
	}
	return a.client.MakeBucket(ctx, name, minio.MakeBucketOptions{})
}

// PutFile creates or replaces an object.
func (a *Admin) PutFile(ctx context.Context, bucket, key, path string) error {
	if _, err := a.client.FPutObject(ctx, bucket, key, path, minio.PutObjectOptions{}); err != nil {
		return fmt.Errorf("put %s into %s: %w", path, bucket, err)
	}
	return nil
}

// Remove deletes an object.
func (a *Admin) Remove(ctx context.Context, bucket, key string) error {
	return a.client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
}

// PutFolder puts every file below folder under its path there.
func (a *Admin) PutFolder(ctx context.Context, bucket, folder string) error {
	return fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return a.PutFile(ctx, bucket, path, filepath.Join(folder, filepath.FromSlash(path)))
	})
}

// User makes a user without any rights but those that bucket policies give. Only
// versitygw's are known here.
func (a *Admin) User(ctx context.Context, access, secret string) error {
	path, err := program("versitygw")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, "admin", "--access", AccessKey, "--secret", SecretKey, "--endpoint-url", a.endpoint,
		"create-user", "--access", access, "--secret", secret, "--role", "user")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("user %s: %w: %s", access, err, out)
	}
	return nil
}

// Allow grants a user rights to what each lists, "" being the bucket itself, and takes
// all others away.
func (a *Admin) Allow(ctx context.Context, bucket, user string, rights map[string]string) error {
	type statement struct {
		Effect, Principal, Action, Resource string
	}
	policy := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for action, below := range rights {
		resource := "arn:aws:s3:::" + bucket
		if below != "" {
			resource += "/" + below
		}
		policy.Statement = append(policy.Statement, statement{"Allow", user, action, resource})
	}
	text, err := json.Marshal(policy)
	if err != nil {
		return err
	}
	if err := a.client.SetBucketPolicy(ctx, bucket, string(text)); err != nil {
		return fmt.Errorf("policy %s: %w", text, err)
	}
	return nil
}
