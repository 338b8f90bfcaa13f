package iiif

import (
	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// Description is everything image information is made from.
type Description struct {
	ID       string         // base URI exactly as the client sees it, without trailing slash
	Image    tile.Image     // width and height must be positive
	Limits   iiifurl.Limits // of the answers to this client
	TileSize int            // side in pixels, see [TileSize]; 0: chosen for the file
	Formats  []string       // formats offered; jpg and png are understood
	Auth     *Auth          // nil: open to everybody
}

// limits are written as they bind. maxHeight may not stand without maxWidth (Image
// API 3.0 section 5.2), so a lone height limit comes with the width of the image,
// which is no narrower than any answer unless enlarging is on.
type limits struct {
	MaxWidth  int   `json:"maxWidth,omitempty"`
	MaxHeight int   `json:"maxHeight,omitempty"`
	MaxArea   int64 `json:"maxArea,omitempty"`
}

func limitsOf(d Description) limits {
	l := limits{d.Limits.MaxWidth, d.Limits.MaxHeight, d.Limits.MaxArea}
	if l.MaxHeight > 0 && l.MaxWidth == 0 {
		l.MaxWidth = d.Image.Width
	}
	return l
}

// enlarges tells whether enlarging can be advertised: the specification wants a limit
// with it, or ^max would have no size.
func (d Description) enlarges() bool {
	return d.Limits.Upscaling && (d.Limits.MaxWidth > 0 || d.Limits.MaxArea > 0)
}

// extraFormats leaves out what level 2 has anyway.
func (d Description) extraFormats() []string {
	var extra []string
	for _, f := range d.Formats {
		if f != "jpg" && f != "png" {
			extra = append(extra, f)
		}
	}
	return extra
}

type info3 struct {
	Context  any    `json:"@context"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Protocol string `json:"protocol"`
	Profile  string `json:"profile"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	limits
	Sizes          []imageSize    `json:"sizes,omitempty"`
	Tiles          []tiling       `json:"tiles"`
	ExtraQualities []string       `json:"extraQualities"`
	ExtraFormats   []string       `json:"extraFormats,omitempty"`
	ExtraFeatures  []string       `json:"extraFeatures"`
	Service        []authService2 `json:"service,omitempty"`
}

// Info3 is the info.json of Image API 3.0 (section 5), with the services of
// Authorization Flow 2.0 where d.Auth is set.
func Info3(d Description) []byte {
	doc := info3{
		Context: contexts(contextImage3), ID: d.ID, Type: "ImageService3",
		Protocol: imageProtocol, Profile: "level2",
		Width: d.Image.Width, Height: d.Image.Height, limits: limitsOf(d),
		ExtraQualities: []string{"color", "gray", "bitonal"}, // level 2 lists only default
		ExtraFormats:   d.extraFormats(),
		ExtraFeatures:  []string{"mirroring", "rotationArbitrary", "canonicalLinkHeader", "profileLinkHeader"},
	}
	doc.Sizes, doc.Tiles = pyramid(d)
	if d.Image.Gray {
		doc.ExtraQualities = []string{"gray", "bitonal"}
	}
	if d.enlarges() {
		doc.ExtraFeatures = append(doc.ExtraFeatures, "sizeUpscaling")
	}
	if d.Auth != nil {
		doc.Context = contexts(contextImage3, contextAuth2)
		doc.Service = []authService2{probeService(*d.Auth)}
	}
	return marshal(doc)
}

type info2 struct {
	Context  string         `json:"@context"`
	ID       string         `json:"@id"`
	Protocol string         `json:"protocol"`
	Width    int            `json:"width"`
	Height   int            `json:"height"`
	Sizes    []imageSize    `json:"sizes,omitempty"`
	Tiles    []tiling       `json:"tiles"`
	Profile  []any          `json:"profile"` // the level's URI, then an extras2
	Service  []authService1 `json:"service,omitempty"`
}

// extras2 is what the server does beyond the level, and the limits, which version 2
// keeps in the profile.
type extras2 struct {
	Formats   []string `json:"formats,omitempty"`
	Qualities []string `json:"qualities"`
	Supports  []string `json:"supports"`
	limits
}

// Info2 is the info.json of Image API 2.1 (section 5), with the services of
// Authentication 1.0 where d.Auth is set.
func Info2(d Description) []byte {
	doc := info2{
		Context: contextImage2, ID: d.ID, Protocol: imageProtocol,
		Width: d.Image.Width, Height: d.Image.Height,
		Profile: []any{ProfileImage2, extrasOf(d)},
	}
	doc.Sizes, doc.Tiles = pyramid(d)
	if d.Auth != nil {
		doc.Service = []authService1{cookieService(*d.Auth, withContext)}
	}
	return marshal(doc)
}

func extrasOf(d Description) extras2 {
	extras := extras2{
		Formats:   d.extraFormats(),
		Qualities: []string{"color", "gray"}, // bitonal is in level 2 of version 2
		Supports:  []string{"regionSquare", "mirroring", "rotationArbitrary", "canonicalLinkHeader", "profileLinkHeader"},
		limits:    limitsOf(d),
	}
	if d.Image.Gray {
		extras.Qualities = []string{"gray"}
	}
	if d.enlarges() {
		extras.Supports = append(extras.Supports, "sizeAboveFull")
	}
	return extras
}
