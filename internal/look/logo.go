package look

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/image/webp"
)

// Bounds of a logo.
const (
	maxLogo      = 256 << 10 // bytes
	maxLogoPixel = 2000      // a side
)

// Logo is a picture that stands for a site.
type Logo struct {
	Type          string // its media type
	body          []byte
	width, height float64
}

// ReadLogo reads a PNG, WebP or SVG file. Errors are sentences without the file's name.
func ReadLogo(path string) (*Logo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	body, err := io.ReadAll(io.LimitReader(f, maxLogo+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return NewLogo(body)
}

// NewLogo checks what a logo file holds, by its content and not by its name.
func NewLogo(body []byte) (*Logo, error) {
	l := &Logo{body: body}
	switch {
	case len(body) > maxLogo:
		return nil, fmt.Errorf("is larger than %d KiB; every page loads it, so make it smaller", maxLogo>>10)
	case bytes.HasPrefix(body, []byte("\x89PNG\r\n\x1a\n")):
		l.Type = "image/png"
		return l, l.readPNG()
	case len(body) > 12 && string(body[:4]) == "RIFF" && string(body[8:12]) == "WEBP":
		l.Type = "image/webp"
		return l, l.readWebP()
	case bytes.Contains(body[:min(len(body), 4096)], []byte("<svg")):
		l.Type = "image/svg+xml"
		return l, l.readSVG()
	}
	return nil, errors.New("is neither PNG nor WebP nor SVG; save it as one of these")
}

var errDamaged = errors.New("is damaged; save it anew")

// readPNG decodes the picture once: browsers tell nobody that they could not.
func (l *Logo) readPNG() error {
	size, err := png.DecodeConfig(bytes.NewReader(l.body))
	if err != nil {
		return errDamaged
	}
	if err := l.measure(float64(size.Width), float64(size.Height)); err != nil {
		return err
	}
	if _, err := png.Decode(bytes.NewReader(l.body)); err != nil {
		return errDamaged
	}
	return nil
}

func (l *Logo) readWebP() error {
	size, err := webp.DecodeConfig(bytes.NewReader(l.body))
	if err != nil {
		return errDamaged
	}
	return l.measure(float64(size.Width), float64(size.Height))
}

func (l *Logo) measure(width, height float64) error {
	if width > maxLogoPixel || height > maxLogoPixel {
		return fmt.Errorf("has more than %d pixels a side; make it smaller", maxLogoPixel)
	}
	l.width, l.height = width, height
	return nil
}

const svgSpace = "http://www.w3.org/2000/svg"

// readSVG refuses what would not be drawn as it was meant. That drawings can do no harm
// is the business of the policy they are served with.
func (l *Logo) readSVG() error {
	in := xml.NewDecoder(bytes.NewReader(l.body))
	for first := true; ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) && !first {
			return nil
		}
		if err != nil {
			return fmt.Errorf("is no SVG that browsers can read (%w); save it as plain SVG", err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if err := checkElement(element); err != nil {
			return err
		}
		if first {
			if l.width, l.height, err = sizeOf(element); err != nil {
				return err
			}
			first = false
		}
	}
}

func checkElement(e xml.StartElement) error {
	if strings.EqualFold(e.Name.Local, "script") {
		return errScript
	}
	for _, a := range e.Attr {
		if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") {
			return errScript
		}
	}
	return nil
}

var errScript = errors.New("has a script in it, which no browser runs in a logo; save it as plain SVG")

// sizeOf reads the proportions from viewBox, or else from width and height.
func sizeOf(root xml.StartElement) (width, height float64, err error) {
	if root.Name.Local != "svg" || root.Name.Space != svgSpace {
		return 0, 0, fmt.Errorf("is no SVG: it has to begin with <svg xmlns=%q>", svgSpace)
	}
	at := map[string]string{}
	for _, a := range root.Attr {
		at[a.Name.Local] = a.Value
	}
	width, height = number(at["width"]), number(at["height"])
	if box := strings.FieldsFunc(at["viewBox"], func(r rune) bool { return r == ' ' || r == ',' }); len(box) == 4 {
		width, height = number(box[2]), number(box[3])
	}
	if !(width > 0 && height > 0) {
		return 0, 0, errors.New("does not say how large it is: give its svg element a viewBox, such as viewBox=\"0 0 240 60\"")
	}
	return width, height, nil
}

func number(text string) float64 {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "px"), 64)
	if err != nil || math.IsInf(n, 0) {
		return 0
	}
	return n
}

// isWide tells whether a logo has room for the name in it.
func (l *Logo) isWide() bool { return l.width >= 2*l.height }

// fitsIcon tells whether a logo can be made out in the tab of a browser.
func (l *Logo) fitsIcon() bool {
	return l != nil && l.width <= 1.5*l.height && l.height <= 1.5*l.width
}
