// Package iiifurl reads, judges and writes the URLs of the IIIF Image API,
// versions 2.1 and 3.0.
//
// Work goes in three steps, each a pure function:
//
//	target, err := iiifurl.ParsePath(iiifurl.V3, "maps%2F1890/full/1000,/0/default.jpg")
//	resolved, err := target.Request.Resolve(source, limits)
//	canonical := resolved.Canonical(iiifurl.V3, source, limits)
//
// Parsing needs no image: it turns the escaped path into a [Target] whose
// identifier has been decoded exactly once and whose [Request] is well formed.
// Resolving needs the size of the image and the server's [Limits]: it turns the
// request into pixels, a [Resolved], or says why that cannot be. The canonical
// form is the one spelling all equal requests share.
//
// Every refusal is an *[Error]: an HTTP status and a sentence for the person who
// typed the URL.
//
// # Numbers
//
// The grammar is read digit by digit: no sign, exponent, blank, hexadecimal or
// "NaN" gets through. Pixels are whole numbers of one to ten digits. Percentages
// and degrees are decimals of at most nine significant digits before the point;
// ten digits after it are kept exactly, and a number with more is rounded up to
// the tenth. All arithmetic on them is in integers.
//
// # Rounding
//
// Both edges of a percentage region are rounded to the nearest pixel of the same
// grid, so neighbours abut without gap or overlap. A side computed from the
// aspect ratio is rounded to the nearest pixel. Neither ever falls below one
// pixel, nor does a size exceed a bound because of rounding. The exception is a
// size of version 2 that computes to nothing: that specification asks for an error.
package iiifurl
