// Package jp2 reads JPEG 2000 files without decoding a pixel: the boxes of JP2, JPX
// and JPH files (ISO/IEC 15444-1 annex I, 15444-2 annex M, 15444-15 annex D) and the
// headers of the codestream inside (15444-1 annex A). It is pure, imports only the
// standard library, and is written for hostile bytes: every count and size is held
// against a [Budget] before anything is allocated or looped over.
package jp2
