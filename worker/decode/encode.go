//go:build cgo

package decode

import (
	"github.com/davidbyttow/govips/v2/vips"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
	"github.com/tessera-iiif/tessera/worker/decoder/protocol"
)

// encoders by name of output. None writes metadata: answers are sRGB by definition.
var encoders = map[string]func(*vips.ImageRef, protocol.Request) ([]byte, error){
	"jpg":  exportJPEG,
	"png":  exportPNG,
	"webp": exportWebP,
	"gif":  exportGIF,
	"tif":  exportTIFF,
	"jp2":  exportJP2,
	"avif": exportAVIF,
}

// isExact tells what must be stored without loss where the format can: lossy codes bring
// grays between black and white.
func isExact(req protocol.Request) bool { return req.Quality == iiifurl.Bitonal }

// exportJPEG writes what encodeJPEG writes.
func exportJPEG(im *vips.ImageRef, req protocol.Request) ([]byte, error) {
	quality := req.JPEG
	if isExact(req) {
		quality = 100 // as near as it gets
	}
	body, _, err := im.ExportJpeg(&vips.JpegExportParams{
		StripMetadata: true, Quality: quality, SubsampleMode: vips.VipsForeignSubsampleOn,
	})
	return body, err
}

func exportPNG(im *vips.ImageRef, req protocol.Request) ([]byte, error) {
	params := &vips.PngExportParams{StripMetadata: true, Compression: 4, Filter: vips.PngFilterSub}
	if isExact(req) {
		params.Bitdepth, params.Filter = 1, vips.PngFilterNone
	}
	body, _, err := im.ExportPng(params)
	return body, err
}

func exportWebP(im *vips.ImageRef, req protocol.Request) ([]byte, error) {
	body, _, err := im.ExportWebp(&vips.WebpExportParams{
		StripMetadata: true, Quality: req.JPEG, Lossless: isExact(req), ReductionEffort: 4,
	})
	return body, err
}

func exportGIF(im *vips.ImageRef, _ protocol.Request) ([]byte, error) {
	body, _, err := im.ExportGIF(&vips.GifExportParams{Effort: 4, Bitdepth: 8, Dither: 1})
	return body, err
}

func exportTIFF(im *vips.ImageRef, _ protocol.Request) ([]byte, error) {
	body, _, err := im.ExportTiff(&vips.TiffExportParams{
		StripMetadata: true, Compression: vips.TiffCompressionLzw, Predictor: vips.TiffPredictorHorizontal,
		TileWidth: 256, TileHeight: 256,
	})
	return body, err
}

func exportJP2(im *vips.ImageRef, req protocol.Request) ([]byte, error) {
	body, _, err := im.ExportJp2k(&vips.Jp2kExportParams{
		Quality: req.JPEG, Lossless: isExact(req), TileWidth: 512, TileHeight: 512, SubsampleMode: vips.VipsForeignSubsampleOff,
	})
	return body, err
}

func exportAVIF(im *vips.ImageRef, req protocol.Request) ([]byte, error) {
	body, _, err := im.ExportAvif(&vips.AvifExportParams{
		StripMetadata: true, Quality: req.JPEG, Lossless: isExact(req), Bitdepth: 8, Effort: 2,
	})
	return body, err
}
