package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/sony/gobreaker/v2"
)

const (
	connectTime = 3 * time.Second
	answerTime  = 10 * time.Second // until the first byte of an answer
	slowest     = 256 << 10        // bytes per second below which a body is given up
	connections = 64               // to one store at a time; further calls wait in turn
)

func init() {
	// minio-go sleeps after a failed last attempt too. Its retries are off here (see
	// client.call), so the sleep would only be added to every failure.
	minio.DefaultRetryUnit = time.Nanosecond
}

// client is one account's way to one bucket.
type client struct {
	core    minio.Core
	where   Account
	bucket  string
	wire    *http.Transport
	timeout time.Duration
	breaker *gobreaker.CircuitBreaker[struct{}]
	retries *allowance
	counts  counts
}

func newClient(a Account, bucket string, timeout time.Duration) (*client, error) {
	host, secure, err := a.endpoint()
	if err != nil {
		return nil, err
	}
	timeout = cmp.Or(timeout, answerTime)
	c := &client{where: a, bucket: bucket, wire: transport(timeout), timeout: timeout, breaker: newBreaker(), retries: newAllowance()}
	core, err := minio.NewCore(host, &minio.Options{
		Creds:  credentials.NewStaticV4(a.AccessKey, a.SecretKey, a.SessionToken),
		Secure: secure,
		// Without a region minio-go asks for the bucket's, which needs a right of its own.
		Region:     a.region(),
		Transport:  &meter{next: c.wire, counts: &c.counts},
		MaxRetries: 1,
	})
	if err != nil {
		return nil, err
	}
	c.core = *core
	return c, nil
}

func transport(answer time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   connectTime,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: answer,
		ExpectContinueTimeout: time.Second,
		MaxConnsPerHost:       connections,
		MaxIdleConnsPerHost:   connections,
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true, // an object's own encoding is not ours to undo
		ForceAttemptHTTP2:     false,
	}
}

// close lets go of idle connections.
func (c *client) close() { c.wire.CloseIdleConnections() }

// bodyTime is how long a call that moves n bytes may take.
func (c *client) bodyTime(n int64) time.Duration {
	return c.timeout + time.Duration(n/slowest)*time.Second
}

// call does op within limit, and once or twice again where that may help and is
// allowed for.
func (c *client) call(ctx context.Context, limit time.Duration, op func(context.Context) error) error {
	c.retries.earn()
	for attempt := 0; ; attempt++ {
		err := c.attempt(ctx, limit, op)
		if attempt == maxRetries || !worthRetrying(err) || !c.retries.spend() {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		c.counts.retries.Add(1)
	}
}

// attempt does op once, unless the store is being left alone.
func (c *client) attempt(ctx context.Context, limit time.Duration, op func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := c.breaker.Execute(func() (struct{}, error) {
		within, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		err := classify(op(within))
		switch {
		case err == nil:
		case ctx.Err() != nil:
			err = ctx.Err() // the caller's end, which says nothing about the store
		case within.Err() != nil:
			err = failure{errSlow}
		}
		return struct{}{}, err
	})
	switch {
	case err == gobreaker.ErrOpenState || err == gobreaker.ErrTooManyRequests: //nolint:errorlint // given as they are
		c.counts.refused.Add(1)
		return failure{errLeftAlone}
	case isFailure(err):
		c.counts.failures.Add(1)
	}
	return err
}
