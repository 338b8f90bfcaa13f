// Package config holds every setting once: its name, type, default, meaning and
// bounds. A value comes from, in rising precedence, the default, a YAML file, the
// environment and the command line; unknown names are errors everywhere.
package config

import (
	"net/netip"
	"time"
)

// Settings are the values a process runs with. A field's tags are its manual:
// flag is its name on the command line and in the file (TESSERA_ + upper snake in
// the environment), help one sentence for people. Secrets are never printed.
type Settings struct {
	Listen       string   `flag:"listen" roles:"serve edge coordinator" default:":8080" help:"address of the public HTTP server"`
	OpsListen    string   `flag:"ops-listen" roles:"all" default:"127.0.0.1:9090" help:"address of /healthz, /readyz, /metrics, pprof and the log level; empty turns it off"`
	PublicURLs   []string `flag:"public-url" roles:"serve edge coordinator" help:"base of every id and redirect, e.g. https://iiif.example.org; several allowed; unset: loopback hosts are echoed"`
	InsecureHTTP bool     `flag:"insecure-http" roles:"serve edge coordinator" help:"allow an http public URL that is not loopback: cookies and images travel readable"`
	Data         string   `flag:"data" roles:"serve worker coordinator" default:"./data" help:"folder of the database, the event store, caches and keys"`
	DB           string   `flag:"db" roles:"serve coordinator" secret:"true" help:"database of people and rights: sqlite:PATH, or postgres://USER@HOST/NAME for several coordinators; default sqlite:<data>/tessera.db"`
	Images       string   `flag:"images" roles:"serve worker" help:"folder of images, or s3://bucket/prefix"`
	Manifests    string   `flag:"manifests" roles:"serve worker" help:"folder of IIIF manifests, or s3://bucket/prefix; absent: generated manifests only"`
	Cache        string   `flag:"cache" roles:"serve worker" help:"store of rendered results: dir:PATH, default dir:<data>/cache; or s3://bucket/prefix, which workers share besides"`
	CacheBytes   Bytes    `flag:"cache-bytes" roles:"serve worker" default:"10GiB" help:"bound of the result store on local disk"`
	S3Endpoint   string   `flag:"s3-endpoint" roles:"serve worker" help:"address of MinIO or any other S3, such as https://minio.example.org:9000; unset: Amazon's. AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN also count, below these"`
	S3Region     string   `flag:"s3-region" roles:"serve worker" default:"us-east-1" help:"region of the buckets"`
	S3AccessKey  string   `flag:"s3-access-key" roles:"serve worker" secret:"true" help:"key that images and manifests are read with"`
	S3SecretKey  string   `flag:"s3-secret-key" roles:"serve worker" secret:"true" help:"its secret"`
	S3Session    string   `flag:"s3-session-token" roles:"serve worker" secret:"true" help:"its token, where the key is temporary"`
	S3Recheck    Duration `flag:"s3-recheck" roles:"serve worker" default:"2s" help:"how long what is known of an object in S3 is taken to hold; object events end it at once; 0s: ask every time"`
	S3Events     string   `flag:"s3-events" roles:"worker" default:"minio.events" help:"NATS subject on which the object store says what has changed; empty: it says nothing"`
	ObjectCache  Bytes    `flag:"object-cache-bytes" roles:"serve worker" default:"10GiB" help:"bound of what is kept on local disk of objects read from S3; no image that has to be fetched whole may be larger"`
	CacheS3URL   string   `flag:"cache-s3-endpoint" roles:"serve worker" help:"like --s3-endpoint, for --cache s3://; default: the same"`
	CacheRegion  string   `flag:"cache-s3-region" roles:"serve worker" help:"like --s3-region, for --cache s3://; default: the same"`
	CacheAccess  string   `flag:"cache-s3-access-key" roles:"serve worker" secret:"true" help:"key that the shared result store is written with; default: that of the images"`
	CacheSecret  string   `flag:"cache-s3-secret-key" roles:"serve worker" secret:"true" help:"its secret"`
	MemoryCache  Bytes    `flag:"memory-cache-bytes" roles:"serve edge" default:"256MiB" help:"bound of the edge's memory cache"`
	TrustedProxy []Prefix `flag:"trusted-proxies" roles:"serve edge coordinator" help:"networks (CIDR) whose forwarding headers count; none by default"`
	DebugHeaders bool     `flag:"debug-headers" roles:"serve edge" help:"send Server-Timing and X-Tessera-Worker to everybody, not to administrators alone"`
	SiteName     string   `flag:"site-name" roles:"serve edge coordinator" default:"Tessera" help:"name of the institution, shown in sign-in texts and pages"`
	SiteLogo     string   `flag:"site-logo" roles:"serve edge coordinator" help:"file of the institution's logo, shown at the top of every page: SVG, PNG or WebP of 256 KiB at most (docs/branding.md)"`
	SiteLogoDark string   `flag:"site-logo-dark" roles:"serve edge coordinator" help:"file of the logo for dark pages; default: the same on a light plate"`
	SiteAccent   string   `flag:"site-accent" roles:"serve edge coordinator" help:"colour of links and buttons, such as #1f4e8c, with a contrast of 4.5 to 1 to light pages"`
	SiteDark     string   `flag:"site-accent-dark" roles:"serve edge coordinator" help:"the same for dark pages; default: made from --site-accent"`
	SiteLanguage string   `flag:"site-language" roles:"serve edge coordinator" default:"en" help:"language of pages for readers whose browser asks for none that is there: en, de, or one that --site-texts adds"`
	SiteTexts    string   `flag:"site-texts" roles:"serve edge coordinator" help:"JSON file of texts that differ from ours, or of other languages: {\"de\": {\"signin.lead\": \"…\"}}"`
	LogLevel     string   `flag:"log-level" roles:"all" default:"info" help:"debug, info, warn or error"`
	LogFormat    string   `flag:"log-format" roles:"all" default:"auto" help:"text, json, or auto: text on a terminal"`
	Decoders     int      `flag:"decoders" roles:"serve worker" default:"0" help:"decoder processes of a worker; 0: number of cores"`
	DecoderPath  string   `flag:"decoder-path" roles:"serve worker" help:"path of tessera-decoder; default: beside tessera"`
	DecoderBytes Bytes    `flag:"decoder-memory" roles:"serve worker" default:"2GiB" help:"memory one decoder process may use"`
	DecodeTime   Duration `flag:"decode-timeout" roles:"serve worker" default:"60s" help:"time after which a decode is ended"`
	Damaged      string   `flag:"damaged" roles:"serve worker" default:"refuse" help:"refuse, or best-effort: draw what can be decoded of damaged files, which is never kept as a result"`
	Unsandboxed  bool     `flag:"insecure-decoder" roles:"serve worker" help:"run decoders without a sandbox where the kernel offers none"`
	MaxWidth     int      `flag:"max-width" roles:"serve edge" default:"0" help:"largest width of an answer in pixels; 0: none"`
	MaxHeight    int      `flag:"max-height" roles:"serve edge" default:"0" help:"largest height of an answer in pixels; 0: none"`
	MaxArea      int64    `flag:"max-area" roles:"serve edge" default:"128000000" help:"largest area of an answer in pixels"`
	Upscaling    bool     `flag:"upscaling" roles:"serve edge" help:"offer sizes above the region's own (^ in Image API 3)"`
	RejectBox    bool     `flag:"reject-oversize-box" roles:"serve edge" help:"refuse !w,h larger than the region, as the community validator reads it"`
	JPEGQuality  int      `flag:"jpeg-quality" roles:"serve edge" default:"85" help:"quality of lossy answers, 1 to 100"`
	TileSize     int      `flag:"tile-size" roles:"serve edge" default:"0" help:"tile size advertised in info.json; 0: chosen per file"`
	SlashSub     string   `flag:"slash-substitute" roles:"serve edge coordinator" help:"one character that stands for / in identifiers"`
	Access       string   `flag:"default-access" roles:"serve edge coordinator" default:"login" help:"open or login: images no rule names"`
	ManAccess    string   `flag:"manifest-access" roles:"serve edge" default:"open" help:"open, or as-images"`
	TokenOpens   bool     `flag:"iiif-token-opens-images" roles:"serve edge" help:"let IIIF access tokens open images, which the specifications forbid (the older stack did)"`
	HookURL      string   `flag:"decision-hook-url" roles:"serve edge" help:"address of the site's own rights system, asked about images whose rule has the access hook, e.g. https://rights.example.org/decide"`
	HookEgress   []Prefix `flag:"decision-hook-egress" roles:"serve edge" help:"networks (CIDR) in which that system may be; none: public addresses alone"`
	HookTimeout  Duration `flag:"decision-hook-timeout" roles:"serve edge" default:"2s" help:"time for one answer of that system; without one the image is not shown"`
	Lease        Duration `flag:"lease" roles:"serve edge" default:"60s" help:"how long restricted content outlives the coordinators"`
	SameSite     string   `flag:"cookie-same-site" roles:"serve coordinator" default:"lax" help:"lax, or none for viewers on other sites (https only)"`
	Viewers      []string `flag:"viewer-origins" roles:"serve edge coordinator" help:"viewers on other sites, such as https://viewer.example.org, that may use a reader's session without being opened from here; several allowed"`
	TokenLife    Duration `flag:"token-lifetime" roles:"serve coordinator" default:"300s" help:"life of an IIIF access token"`
	SessionIdle  Duration `flag:"session-idle" roles:"serve coordinator" default:"8h" help:"a session ends after this long without a request"`
	SessionMax   Duration `flag:"session-max" roles:"serve coordinator" default:"168h" help:"a session ends this long after sign-in"`
	AuditKeep    Duration `flag:"audit-keep" roles:"serve coordinator" default:"8760h" help:"how long the record of sign-ins and changes is kept; 0s: for ever"`
	AuditGrants  int      `flag:"audit-grants" roles:"serve edge" default:"0" help:"one in so many images that a reader's rights opened is put on record; 0: none"`
	AuditDenials int      `flag:"audit-denials" roles:"serve edge" default:"0" help:"one in so many images that were refused is put on record; 0: none"`
	AdminUser    string   `flag:"admin-user" roles:"serve coordinator" default:"admin@localhost" help:"first administrator"`
	AdminPass    string   `flag:"admin-password" roles:"serve coordinator" secret:"true" help:"password of the first administrator; made up and printed once when absent"`
	FirstRules   string   `flag:"initial-rules" roles:"serve coordinator" help:"JSON file of rules, {\"items\": […]}, taken over while there are none yet"`
	Budget       Duration `flag:"request-timeout" roles:"serve edge" default:"90s" help:"time a request may take until its first byte"`
	MaxInFlight  int      `flag:"max-in-flight" roles:"serve edge" default:"512" help:"image requests under way at an edge; more are answered 503 at once"`
	Queue        int      `flag:"queue" roles:"serve worker" default:"256" help:"jobs that may wait at a worker; more are refused at once"`
	OpenMaxAge   Duration `flag:"open-max-age" roles:"serve edge" default:"24h" help:"how long caches may keep images open to everybody"`
	Drain        Duration `flag:"drain-timeout" roles:"all" default:"25s" help:"time for requests under way to finish at shutdown"`
	DrainDelay   Duration `flag:"drain-delay" roles:"edge coordinator" default:"2s" help:"time a process that is to stop still takes requests, for who sends them to notice"`
	Name         string   `flag:"name" roles:"edge worker coordinator" help:"name of this process in logs and X-Tessera-Worker; default: host name and process id"`
	NATS         []string `flag:"nats" roles:"edge worker coordinator" help:"servers of the NATS cluster, e.g. tls://nats-1:4222; several allowed"`
	NATSCreds    string   `flag:"nats-creds" roles:"edge worker coordinator" help:"file of this role's NATS credentials, as tessera nats-config writes it"`
	NATSCA       string   `flag:"nats-tls-ca" roles:"edge worker coordinator" help:"file of the certificate authority that NATS servers are checked against; absent: the machine's own"`
	OIDCIssuer   string   `flag:"oidc-issuer" roles:"serve coordinator" help:"OpenID provider whose people may sign in, e.g. https://login.example.edu/realms/main; it is named default in URLs. More of them, and all that can be said of each, in the file under oidc: (docs/sso.md)"`
	OIDCClientID string   `flag:"oidc-client-id" roles:"serve coordinator" help:"what the provider calls this server"`
	OIDCSecret   string   `flag:"oidc-client-secret" roles:"serve coordinator" secret:"true" help:"the secret it shares with this server"`
	OIDCLabel    string   `flag:"oidc-label" roles:"serve coordinator" help:"what people call the provider, shown on the sign-in button; default: its host"`
	TokenKey     string   `flag:"token-key" roles:"serve coordinator" secret:"true" help:"key that providers' tokens are encrypted with in the database: 32 bytes in base64, the same for all coordinators; default: made up and kept in <data>/keys"`
	EgressAllow  []string `flag:"egress-allow" roles:"serve edge coordinator" help:"hosts and networks (CIDR) that are not public and that this server may call nevertheless, such as a provider on your own network"`
	Coordinators []string `flag:"coordinator-url" roles:"edge" help:"where edges hand /auth/* to, e.g. http://coordinator-1:8080; several allowed"`

	// Providers come from the file alone, under oidc:.
	Providers []Provider
}

// Bytes is an amount of memory or disk, written 10GiB, 256MiB, 4k or 1000000.
type Bytes int64

// Duration is a span of time as Go writes it: 300s, 1m30s, 8h.
type Duration = time.Duration

// Prefix is a network in CIDR form, or one address.
type Prefix = netip.Prefix
