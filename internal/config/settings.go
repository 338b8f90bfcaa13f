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
	Listen       string   `flag:"listen" default:":8080" help:"address of the public HTTP server"`
	OpsListen    string   `flag:"ops-listen" default:"127.0.0.1:9090" help:"address of /healthz, /readyz, /metrics, pprof and the log level; empty turns it off"`
	PublicURLs   []string `flag:"public-url" help:"base of every id and redirect, e.g. https://iiif.example.org; several allowed; unset: loopback hosts are echoed"`
	InsecureHTTP bool     `flag:"insecure-http" help:"allow an http public URL that is not loopback: cookies and images travel readable"`
	Data         string   `flag:"data" default:"./data" help:"folder of the database, the event store, caches and keys"`
	DB           string   `flag:"db" roles:"serve coordinator" secret:"true" help:"database of people and rights: sqlite:PATH, or postgres://USER@HOST/NAME for several coordinators; default sqlite:<data>/tessera.db"`
	Images       string   `flag:"images" help:"folder of images"`
	Manifests    string   `flag:"manifests" help:"folder of IIIF manifests; absent: generated manifests only"`
	Cache        string   `flag:"cache" help:"store of rendered results, dir:PATH; default dir:<data>/cache"`
	CacheBytes   Bytes    `flag:"cache-bytes" default:"10GiB" help:"bound of the result store"`
	MemoryCache  Bytes    `flag:"memory-cache-bytes" default:"256MiB" help:"bound of the edge's memory cache"`
	TrustedProxy []Prefix `flag:"trusted-proxies" help:"networks (CIDR) whose forwarding headers count; none by default"`
	DebugHeaders bool     `flag:"debug-headers" help:"send Server-Timing and X-Tessera-Worker to everybody, not to administrators alone"`
	SiteName     string   `flag:"site-name" default:"Tessera" help:"name of the institution, shown in sign-in texts and pages"`
	LogLevel     string   `flag:"log-level" default:"info" help:"debug, info, warn or error"`
	LogFormat    string   `flag:"log-format" default:"auto" help:"text, json, or auto: text on a terminal"`
	Decoders     int      `flag:"decoders" default:"0" help:"decoder processes of a worker; 0: number of cores"`
	DecoderPath  string   `flag:"decoder-path" help:"path of tessera-decoder; default: beside tessera"`
	DecoderBytes Bytes    `flag:"decoder-memory" default:"2GiB" help:"memory one decoder process may use"`
	DecodeTime   Duration `flag:"decode-timeout" default:"30s" help:"time after which a decode is ended"`
	Unsandboxed  bool     `flag:"insecure-decoder" help:"run decoders without a sandbox where the kernel offers none"`
	MaxWidth     int      `flag:"max-width" default:"0" help:"largest width of an answer in pixels; 0: none"`
	MaxHeight    int      `flag:"max-height" default:"0" help:"largest height of an answer in pixels; 0: none"`
	MaxArea      int64    `flag:"max-area" default:"128000000" help:"largest area of an answer in pixels"`
	Upscaling    bool     `flag:"upscaling" help:"offer sizes above the region's own (^ in Image API 3)"`
	RejectBox    bool     `flag:"reject-oversize-box" help:"refuse !w,h larger than the region, as the community validator reads it"`
	JPEGQuality  int      `flag:"jpeg-quality" default:"85" help:"quality of lossy answers, 1 to 100"`
	TileSize     int      `flag:"tile-size" default:"0" help:"tile size advertised in info.json; 0: chosen per file"`
	SlashSub     string   `flag:"slash-substitute" help:"one character that stands for / in identifiers"`
	Access       string   `flag:"default-access" default:"login" help:"open or login: images no rule names"`
	ManAccess    string   `flag:"manifest-access" default:"open" help:"open, or as-images"`
	TokenOpens   bool     `flag:"iiif-token-opens-images" help:"let IIIF access tokens open images, which the specifications forbid (the older stack did)"`
	Lease        Duration `flag:"lease" default:"60s" help:"how long restricted content outlives the coordinators"`
	SameSite     string   `flag:"cookie-same-site" default:"lax" help:"lax, or none for viewers on other sites (https only)"`
	TokenLife    Duration `flag:"token-lifetime" default:"300s" help:"life of an IIIF access token"`
	SessionIdle  Duration `flag:"session-idle" default:"8h" help:"a session ends after this long without a request"`
	SessionMax   Duration `flag:"session-max" default:"168h" help:"a session ends this long after sign-in"`
	AdminUser    string   `flag:"admin-user" default:"admin@localhost" help:"first administrator"`
	AdminPass    string   `flag:"admin-password" secret:"true" help:"password of the first administrator; made up and printed once when absent"`
	FirstRules   string   `flag:"initial-rules" help:"JSON file of rules, {\"items\": […]}, taken over while there are none yet"`
	Budget       Duration `flag:"request-timeout" default:"60s" help:"time a request may take until its first byte"`
	MaxInFlight  int      `flag:"max-in-flight" default:"512" help:"image requests under way at an edge; more are answered 503 at once"`
	Queue        int      `flag:"queue" default:"256" help:"jobs that may wait at a worker; more are refused at once"`
	OpenMaxAge   Duration `flag:"open-max-age" default:"24h" help:"how long caches may keep images open to everybody"`
	Drain        Duration `flag:"drain-timeout" default:"25s" help:"time for requests under way to finish at shutdown"`
}

// Bytes is an amount of memory or disk, written 10GiB, 256MiB, 4k or 1000000.
type Bytes int64

// Duration is a span of time as Go writes it: 300s, 1m30s, 8h.
type Duration = time.Duration

// Prefix is a network in CIDR form, or one address.
type Prefix = netip.Prefix
