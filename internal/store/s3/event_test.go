package s3

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// As MinIO sends it over NATS.
const minioPut = `{"EventName":"s3:ObjectCreated:Put","Key":"masters/a/b c.jp2","Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"","eventTime":"2026-02-12T20:18:48.121Z","eventName":"s3:ObjectCreated:Put","userIdentity":{"principalId":"minioadmin"},"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"masters","ownerIdentity":{"principalId":"minioadmin"},"arn":"arn:aws:s3:::masters"},"object":{"key":"a%2Fb+c.jp2","size":12,"eTag":"9a0364b9e99bb480dd25e1f0284c8555","contentType":"image/jp2","sequencer":"1893F9C9E9B2D7A0"}}}]}`

func TestParseEvents(t *testing.T) {
	record := func(name, key string) string {
		return fmt.Sprintf(`{"eventName":%q,"s3":{"bucket":{"name":"b"},"object":{"key":%q}}}`, name, key)
	}
	for name, c := range map[string]struct {
		message string
		want    []Event
	}{
		"MinIO":             {minioPut, []Event{{Bucket: "masters", Key: "a/b c.jp2", ETag: "9a0364b9e99bb480dd25e1f0284c8555"}}},
		"Amazon":            {`{"Records":[` + record("ObjectCreated:CompleteMultipartUpload", "x/Gr%C3%B6%C3%9Fe.tif") + `]}`, []Event{{Bucket: "b", Key: "x/Größe.tif"}}},
		"removed":           {`{"Records":[` + record("s3:ObjectRemoved:DeleteMarkerCreated", "a%2Bb.jp2") + `]}`, []Event{{Bucket: "b", Key: "a+b.jp2", Removed: true}}},
		"expired":           {`{"Records":[` + record("s3:LifecycleExpiration:Delete", "a.jp2") + `]}`, []Event{{Bucket: "b", Key: "a.jp2", Removed: true}}},
		"several":           {`{"Records":[` + record("ObjectCreated:Put", "1") + "," + record("ObjectRemoved:Delete", "2") + `]}`, []Event{{Bucket: "b", Key: "1"}, {Bucket: "b", Key: "2", Removed: true}}},
		"read":              {`{"Records":[` + record("s3:ObjectAccessed:Get", "a") + `]}`, nil},
		"Amazon's own test": {`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, nil},
	} {
		got, err := ParseEvents([]byte(c.message))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	for name, message := range map[string]string{
		"nothing":       "",
		"not JSON":      "s3:ObjectCreated:Put",
		"bad escape":    `{"Records":[` + record("ObjectCreated:Put", "%zz") + `]}`,
		"no key":        `{"Records":[` + record("ObjectCreated:Put", "") + `]}`,
		"too many":      `{"Records":[` + strings.Repeat("{},", maxRecords) + `{}]}`,
		"too long":      `{"Records":[]}` + strings.Repeat(" ", maxEventBytes),
		"another shape": `{"Records":{"eventName":"ObjectCreated:Put"}}`,
	} {
		if got, err := ParseEvents([]byte(message)); err == nil {
			t.Errorf("%s: %+v; want an error", name, got)
		}
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(minioPut))
	f.Add([]byte(`{"Records":[{"eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"b"},"object":{"key":"a+b%2fc","eTag":"\"e\""}}}]}`))
	f.Fuzz(func(t *testing.T, message []byte) {
		events, err := ParseEvents(message)
		if err != nil && events != nil || len(events) > maxRecords {
			t.Errorf("%d events, %v", len(events), err)
		}
		for _, e := range events {
			again, err := ParseEvents([]byte(fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":%q}}}]}`, url.QueryEscape(e.Key))))
			if e.Key == "" || e.Bucket == "" || err != nil || again[0].Key != e.Key {
				t.Errorf("%+v, again %+v, %v", e, again, err)
			}
		}
	})
}
