package iiifurl

// Version is a major version of the Image API.
type Version int

// The versions this package speaks: 2.1 and 3.0.
const (
	V2 Version = 2
	V3 Version = 3
)

func (v Version) check() error {
	if v != V2 && v != V3 {
		return notFound("This server speaks versions 2 and 3 of the IIIF Image API.")
	}
	return nil
}

// Request is a well-formed image request. Requests that say the same in other
// spellings of their numbers (007 for 7, .5 for 0.5) are equal with ==.
type Request struct {
	Version  Version
	Region   Region
	Size     Size
	Rotation Rotation
	Quality  Quality
	Format   string // letters and digits; whether the server can write it is not asked here
}

// maxParameter bounds each parameter, in bytes after decoding.
const maxParameter = 128

// ParseRequest reads the four parameters of an image request, already decoded;
// file is the last of them, "default.jpg". The error is 400, or 404 for a
// version other than 2 and 3.
func ParseRequest(v Version, region, size, rotation, file string) (Request, error) {
	if err := v.check(); err != nil {
		return Request{}, err
	}
	if max(len(region), len(size), len(rotation), len(file)) > maxParameter {
		return Request{}, errLongParameter
	}
	r := Request{Version: v}
	var err error
	if r.Region, err = parseRegion(region); err != nil {
		return Request{}, err
	}
	if r.Size, err = parseSize(v, size); err != nil {
		return Request{}, err
	}
	if r.Rotation, err = parseRotation(rotation); err != nil {
		return Request{}, err
	}
	if r.Quality, r.Format, err = parseFile(file); err != nil {
		return Request{}, err
	}
	return r, nil
}

var errLongParameter = badRequest("A part of the address is too long. Region, size, rotation and file name have %d characters at most.", maxParameter)

// String is the request as it stands in a URL, "full/max/0/default.jpg". Parsing
// it again gives an equal Request.
func (r Request) String() string {
	b := make([]byte, 0, 96)
	b = append(r.Region.appendTo(b), '/')
	b = append(r.Size.appendTo(b), '/')
	b = append(r.Rotation.appendTo(b), '/')
	b = append(b, r.Quality...)
	b = append(b, '.')
	return string(append(b, r.Format...))
}

// Source is what resolving needs to know of an image.
type Source struct {
	Width, Height int  // pixels after orientation, at most ten digits each
	Gray          bool // the image has no colour: its default quality is gray
}

// Resolve turns the request into pixels of this image. Both versions are
// resolved by the rules of the Version they were parsed for; a size full or max
// shrinks to the limits. The error is 400 where the image or the limits do not
// permit the request, 501 where enlarging was asked for and is not offered.
func (r Request) Resolve(src Source, lim Limits) (Resolved, error) {
	if src.Width <= 0 || src.Height <= 0 {
		return Resolved{}, badRequest("This image has no pixels to show.")
	}
	if max(src.Width, src.Height) > maxSide {
		return Resolved{}, badRequest("This image is larger than an address can describe.")
	}
	region, err := r.Region.resolve(src)
	if err != nil {
		return Resolved{}, err
	}
	w, h, err := r.Size.resolve(r.Version, region, lim)
	if err != nil {
		return Resolved{}, err
	}
	mirror, degrees := r.Rotation.resolve()
	return Resolved{
		Region: region, Width: w, Height: h, Mirror: mirror, Degrees: degrees,
		Quality: src.quality(r.Quality), Format: r.Format,
	}, nil
}
