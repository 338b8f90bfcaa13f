package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

const greetTime = 15 * time.Second

// greet looks at the bucket, and turns what goes wrong into what to do about it.
func (c *client) greet(ctx context.Context, l Location) error {
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	_, _, err := c.list(ctx, l.Prefix, "", 1)
	return c.advise(l, "s3:ListBucket", err)
}

// advise says what to do about a first call that failed; right is what it needs.
func (c *client) advise(l Location, right string, err error) error {
	if err == nil {
		return nil
	}
	at := c.core.EndpointURL().String()
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return fmt.Errorf("object storage at %s does not answer: %w; check the address (--s3-endpoint, http or https) and that the store runs", at, err)
	}
	switch answer.Code {
	case minio.NoSuchBucket:
		return fmt.Errorf("bucket %q does not exist at %s: create it, or name another one", l.Bucket, at)
	case minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch, "ExpiredToken", "InvalidToken", unknownUser:
		return fmt.Errorf("object storage at %s refuses the keys (%s): check --s3-access-key and --s3-secret-key", at, answer.Code)
	case minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "IllegalLocationConstraintException":
		return fmt.Errorf("bucket %q is in another region than %q (%s): set --s3-region", l.Bucket, c.where.region(), answer.Message)
	case minio.RequestTimeTooSkewed:
		return fmt.Errorf("the clocks of this machine and of object storage at %s differ too much: set them right", at)
	}
	switch {
	case errors.Is(err, errDenied):
		return fmt.Errorf("object storage at %s refuses access to %s: grant %s to these keys", at, l, right)
	case answer.StatusCode == http.StatusMovedPermanently || answer.StatusCode == http.StatusTemporaryRedirect:
		return fmt.Errorf("bucket %q is elsewhere: set --s3-region or --s3-endpoint to where it is", l.Bucket)
	}
	return fmt.Errorf("object storage at %s: %w", at, err)
}
