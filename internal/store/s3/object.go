package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/tessera-iiif/tessera/internal/store"
	"github.com/tessera-iiif/tessera/internal/tile"
)

// pin names one version of one object: what every read of it must be of.
type pin struct {
	key  string // in the bucket, prefix and all
	etag string // strong
	size int64
	id   string // version id, where the bucket keeps versions
}

// version is the pin as the rest of the program sees it: opaque, since it reaches
// clients in ETags.
func (p pin) version() string {
	facts := binary.LittleEndian.AppendUint64(nil, uint64(p.size))
	sum := sha256.Sum256(append(facts, p.etag+"\x00"+p.id...))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

var errWeak = tile.Fail(tile.Unsupported, "The image store gives this object no strong version.",
	errors.New("a weak ETag, or none: parts of the object cannot be read safely; use a store, or a proxy before it, that keeps ETags strong"))

// head looks an object up by its key in the bucket.
func (c *client) head(ctx context.Context, key string) (p pin, err error) {
	err = c.call(ctx, c.timeout, func(ctx context.Context) error {
		info, err := c.core.StatObject(ctx, c.bucket, key, minio.StatObjectOptions{})
		p = pin{key: key, etag: info.ETag, size: info.Size, id: info.VersionID}
		return err
	})
	if err == nil && (p.etag == "" || strings.HasPrefix(p.etag, "W/")) {
		return pin{}, errWeak
	}
	if err == nil && p.size < 0 {
		return pin{}, falsehood("an object without a size")
	}
	return p, err
}

// read fills b with the bytes at off of the very version that p names.
func (c *client) read(ctx context.Context, p pin, off int64, b []byte) error {
	return c.call(ctx, c.bodyTime(int64(len(b))), func(ctx context.Context) error {
		var o minio.GetObjectOptions
		o.Set("If-Match", `"`+p.etag+`"`)
		o.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+int64(len(b))-1))
		body, info, header, err := c.core.GetObject(ctx, c.bucket, p.key, o)
		if err != nil {
			return err
		}
		defer body.Close()
		if err := p.check(header, info.Size, off, int64(len(b))); err != nil {
			return err
		}
		return readExactly(body, b)
	})
}

// check refuses an answer to a range request that is anything else than this range
// of this version, before a byte of it is used.
func (p pin) check(h http.Header, length, off, n int64) error {
	switch etag := strings.Trim(h.Get("ETag"), `"`); {
	case etag == "":
		return falsehood("part of an object without an ETag")
	case etag != p.etag:
		return errReplaced // by a store that knows no If-Match
	case length >= 0 && length != n:
		return falsehood(fmt.Sprintf("%d bytes for a range of %d", length, n))
	}
	switch got := h.Get("Content-Range"); {
	case got == "" && off == 0 && n == p.size:
		return nil // all of it was asked for
	case got == "":
		return falsehood("the whole object for a range of it")
	case got != fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, p.size) && got != fmt.Sprintf("bytes %d-%d/*", off, off+n-1):
		return falsehood(fmt.Sprintf("range %q for bytes %d-%d of %d", got, off, off+n-1, p.size))
	}
	return nil
}

// readExactly fills b from a body that must end there.
func readExactly(body io.Reader, b []byte) error {
	if n, err := io.ReadFull(body, b); err != nil {
		return failure{fmt.Errorf("the answer ends after %d of %d bytes: %w", n, len(b), err)}
	}
	var more [1]byte
	if n, _ := body.Read(more[:]); n > 0 {
		return falsehood("more bytes than were asked for")
	}
	return nil
}

// get reads a whole object of at most limit bytes, of whatever version it has.
func (c *client) get(ctx context.Context, key string, limit int64) (b []byte, err error) {
	err = c.call(ctx, c.bodyTime(limit), func(ctx context.Context) (err error) {
		b, err = c.getOnce(ctx, key, limit)
		return err
	})
	return b, err
}

var errTooLarge = errors.New("the object is larger than allowed")

func (c *client) getOnce(ctx context.Context, key string, limit int64) ([]byte, error) {
	body, info, _, err := c.core.GetObject(ctx, c.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	switch {
	case info.Size < 0:
		return nil, falsehood("an object without a size")
	case info.Size > limit:
		return nil, answered{errTooLarge}
	}
	b := make([]byte, info.Size)
	return b, readExactly(body, b)
}

// put writes a whole object.
func (c *client) put(ctx context.Context, key string, body []byte, media string) error {
	return c.call(ctx, c.bodyTime(int64(len(body))), func(ctx context.Context) error {
		o := minio.PutObjectOptions{ContentType: media}
		_, err := c.core.PutObject(ctx, c.bucket, key, bytes.NewReader(body), int64(len(body)), "", "", o)
		return err
	})
}

// list names what is in a folder (ending "/", or "") and begins with begin, at most
// limit of it; more tells that there is more.
func (c *client) list(ctx context.Context, folder, begin string, limit int) (names []store.Name, more bool, err error) {
	pages := int64(limit/listPage + 1)
	err = c.call(ctx, c.bodyTime(pages*slowest), func(ctx context.Context) (err error) {
		names, more, err = c.listOnce(ctx, folder, begin, limit)
		return err
	})
	return names, more, err
}

const listPage = 1000 // the most that S3 gives at once

func (c *client) listOnce(ctx context.Context, folder, begin string, limit int) (names []store.Name, more bool, err error) {
	owner := false
	o := minio.ListObjectsOptions{Prefix: folder + begin, MaxKeys: min(limit+1, listPage), FetchOwner: &owner}
	for info := range c.core.ListObjectsIter(ctx, c.bucket, o) {
		if info.Err != nil {
			return nil, false, info.Err
		}
		name, ok := strings.CutPrefix(info.Key, folder)
		if !ok {
			return nil, false, falsehood("a listing of another folder")
		}
		if name == "" {
			continue // some tools mark folders with an empty object
		}
		if len(names) == limit {
			return names, true, nil
		}
		name, isFolder := strings.CutSuffix(name, "/")
		names = append(names, store.Name{Name: name, IsFolder: isFolder, Bytes: info.Size})
	}
	return names, false, ctx.Err()
}
