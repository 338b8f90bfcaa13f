package s3

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// Event says that an object was created, replaced or deleted.
type Event struct {
	Bucket  string
	Key     string
	Removed bool
	ETag    string // "" where the store does not say
}

const (
	maxEventBytes = 1 << 20
	maxRecords    = 1000
)

// ParseEvents reads a bucket notification as MinIO and S3 send it. Kinds of events
// other than creation and removal are left out. Keys inside are form-encoded
// (Amazon S3, "Event message structure"), and MinIO does as Amazon does.
func ParseEvents(message []byte) ([]Event, error) {
	if len(message) > maxEventBytes {
		return nil, fmt.Errorf("bucket notification of %d bytes; %d are allowed", len(message), maxEventBytes)
	}
	var n notification
	if err := json.Unmarshal(message, &n); err != nil {
		return nil, fmt.Errorf("bucket notification is not JSON of the known form: %w", err)
	}
	if len(n.Records) > maxRecords {
		return nil, fmt.Errorf("bucket notification of %d records; %d are allowed", len(n.Records), maxRecords)
	}
	events := make([]Event, 0, len(n.Records))
	for i, r := range n.Records {
		e, relevant, err := r.event()
		if err != nil {
			return nil, fmt.Errorf("record %d of a bucket notification: %w", i, err)
		}
		if relevant {
			events = append(events, e)
		}
	}
	return events, nil
}

// notification is the part of the message that matters.
type notification struct {
	Records []eventRecord
}

type eventRecord struct {
	EventName string `json:"eventName"`
	S3        struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key  string `json:"key"`
			ETag string `json:"eTag"`
		} `json:"object"`
	} `json:"s3"`
}

// event: MinIO writes "s3:ObjectCreated:Put", Amazon "ObjectCreated:Put".
func (r eventRecord) event() (e Event, relevant bool, err error) {
	name := strings.TrimPrefix(r.EventName, "s3:")
	removed := strings.HasPrefix(name, "ObjectRemoved:") || strings.HasPrefix(name, "LifecycleExpiration:")
	if !removed && !strings.HasPrefix(name, "ObjectCreated:") {
		return Event{}, false, nil
	}
	key, err := url.QueryUnescape(r.S3.Object.Key)
	if err != nil {
		return Event{}, false, fmt.Errorf("key: %w", err)
	}
	if key == "" || r.S3.Bucket.Name == "" {
		return Event{}, false, fmt.Errorf("%s without bucket or key", name)
	}
	return Event{Bucket: r.S3.Bucket.Name, Key: key, Removed: removed, ETag: strings.Trim(r.S3.Object.ETag, `"`)}, true, nil
}
