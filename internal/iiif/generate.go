package iiif

import (
	"strconv"

	"github.com/tessera-iiif/tessera/internal/tile"
	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

// Sides in pixels of the still images that a manifest names for clients that know no
// image services. They never wait for, or are refused, the full size.
const (
	bodySide      = 1024
	thumbnailSide = 256
)

// Sequence is a list of images to be read as one thing.
type Sequence struct {
	ID     string // address of the manifest
	Label  string // in no particular language, e.g. a folder's name
	Images []Page // at least one, as the Presentation API demands
}

// Page is one image of a sequence. Images that the reader may not see belong into the
// list as well: their services say how to get in.
type Page struct {
	Label    string         // in no particular language
	Image    tile.Image     // width and height must be positive
	Service2 string         // base URI of the image under Image API 2.1
	Service3 string         // base URI of the image under Image API 3.0
	Limits   iiifurl.Limits // of the answers to the readers of the manifest
	Auth     *Auth          // nil: open to everybody
}

type manifest3 struct {
	Context any         `json:"@context"`
	ID      string      `json:"id"`
	Type    string      `json:"type"`
	Label   languageMap `json:"label"`
	Items   []canvas3   `json:"items"`
}

type canvas3 struct {
	ID        string      `json:"id"`
	Type      string      `json:"type"`
	Label     languageMap `json:"label"`
	Width     int         `json:"width"`
	Height    int         `json:"height"`
	Thumbnail []still     `json:"thumbnail"`
	Items     []page3     `json:"items"`
}

type page3 struct {
	ID    string        `json:"id"`
	Type  string        `json:"type"`
	Items []annotation3 `json:"items"`
}

type annotation3 struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Motivation string `json:"motivation"`
	Body       still  `json:"body"`
	Target     string `json:"target"`
}

// still is an image of one size.
type still struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Format  string `json:"format"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Service []any  `json:"service,omitempty"`
}

type imageService2 struct {
	ID      string         `json:"@id"`
	Type    string         `json:"@type"`
	Profile string         `json:"profile"`
	Service []authService1 `json:"service,omitempty"`
}

type imageService3 struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Profile string         `json:"profile"`
	Service []authService2 `json:"service,omitempty"`
}

// Generate writes a Presentation API 3.0 manifest with one canvas for each image.
func Generate(m Sequence) []byte {
	doc := manifest3{
		Context: contexts(contextPresentation3), ID: m.ID, Type: "Manifest",
		Label: verbatim(m.Label), Items: make([]canvas3, 0, len(m.Images)),
	}
	for _, p := range m.Images {
		doc.Items = append(doc.Items, p.canvas())
		if p.Auth != nil {
			doc.Context = contexts(contextPresentation3, contextAuth2)
		}
	}
	return marshal(doc)
}

// canvas takes its ids from the image, not from its place in the list, so that what
// readers attach to a canvas stays with the image when the list grows.
func (p Page) canvas() canvas3 {
	id := p.Service3 + "/canvas"
	body := p.still(bodySide)
	body.Service = p.services()
	return canvas3{
		ID: id, Type: "Canvas", Label: verbatim(p.Label),
		Width: p.Image.Width, Height: p.Image.Height,
		Thumbnail: []still{p.still(thumbnailSide)},
		Items: []page3{{
			ID: id + "/page", Type: "AnnotationPage",
			Items: []annotation3{{
				ID: id + "/painting", Type: "Annotation", Motivation: "painting",
				Body: body, Target: id,
			}},
		}},
	}
}

// services puts version 2 first. Most viewers use the first image service they know,
// many look at no other, and the sign-in that today's Mirador and Universal Viewer
// know is Authentication 1.0, which belongs to version 2. Clients of Authorization
// Flow 2.0 choose by type and find theirs second.
func (p Page) services() []any {
	v2 := imageService2{ID: p.Service2, Type: "ImageService2", Profile: ProfileImage2}
	v3 := imageService3{ID: p.Service3, Type: "ImageService3", Profile: "level2"}
	if p.Auth != nil {
		v2.Service = []authService1{cookieService(*p.Auth, withType)}
		v3.Service = []authService2{probeService(*p.Auth)}
	}
	return []any{v2, v3}
}

// still is the whole image within a square of the given side and the limits, at its
// canonical address.
func (p Page) still(side int) still {
	w, h := boxed(p.Limits, side).Largest(p.Image.Width, p.Image.Height)
	size := strconv.Itoa(w) + "," + strconv.Itoa(h)
	if maxW, maxH := p.Limits.Largest(p.Image.Width, p.Image.Height); w == maxW && h == maxH {
		size = "max"
	}
	return still{
		ID: p.Service3 + "/full/" + size + "/0/default.jpg", Type: "Image",
		Format: tile.MediaTypes["jpg"], Width: w, Height: h,
	}
}

// boxed narrows limits to a square of the given side.
func boxed(l iiifurl.Limits, side int) iiifurl.Limits {
	w, h := sideLimits(l)
	l.MaxWidth, l.MaxHeight = narrower(w, side), narrower(h, side)
	return l
}

func narrower(limit, side int) int {
	if limit == 0 {
		return side
	}
	return min(limit, side)
}
