package worker

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/tessera-iiif/tessera/internal/jp2/jp2test"
	"github.com/tessera-iiif/tessera/worker/decoder/decodertest"
	"github.com/tessera-iiif/tessera/worker/packets"
)

const exactW, exactH = 331, 277

// exactCase is one structure of JPEG 2000 file; make gives its bytes.
type exactCase struct {
	name string
	make func(t *testing.T) []byte
	// apart: for these reasons, and no others, some regions are left to the whole file.
	apart []packets.Reason
	stock bool // code-blocks are left to OpenJPEG
}

// byOpenJPEG says that it decodes the code-blocks.
func (c exactCase) byOpenJPEG() exactCase {
	c.stock = true
	return c
}

// compressed are structures as arguments of opj_compress.
func compressed(name, arguments string, apart ...packets.Reason) exactCase {
	return exactCase{name, func(t *testing.T) []byte {
		return decodertest.Read(t, decodertest.JP2(t, decodertest.Texture(exactW, exactH), strings.Fields(arguments)...))
	}, apart, false}
}

// raw are samples that no PNG holds; layout is what opj_compress -F takes after the size.
func raw(name, layout, arguments string, header ...[]byte) exactCase {
	return exactCase{name, func(t *testing.T) []byte {
		stream := rawStream(t, layout, arguments)
		if header == nil {
			return stream
		}
		return boxed(stream, layout[0]-'0', header...)
	}, nil, false}
}

func rawStream(t *testing.T, layout, arguments string) []byte {
	t.Helper()
	return compressRaw(t, 0, fmt.Sprintf("%d,%d,%s", exactW, exactH, layout), arguments)
}

// compressRaw is what jp2test.Compress says.
func compressRaw(t *testing.T, skip int, layout, arguments string) []byte {
	t.Helper()
	noise := rand.New(rand.NewPCG(1, 2))
	samples := make([]byte, exactW*exactH*10)
	for i := range samples {
		samples[i] = byte(i/exactW/3+i%exactW/2) ^ byte(noise.Uint32()&7)
	}
	path := decodertest.WriteFile(t, "samples.raw", samples[skip:])
	return decodertest.Read(t, decodertest.Compress(t, path, ".j2k", append([]string{"-F", layout}, strings.Fields(arguments)...)...))
}

func box(kind string, contents ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(contents)))
	return append(append(b, kind...), contents...)
}

// boxed puts a codestream into a JP2 file with these boxes after ihdr.
func boxed(stream []byte, components byte, header ...[]byte) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, exactH), exactW)
	head := slices.Concat(box("ihdr", append(ihdr, 0, components, 7, 7, 0, 0)...), slices.Concat(header...))
	return slices.Concat(box("jP  ", 0x0d, 0x0a, 0x87, 0x0a), box("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")...), box("jp2h", head...), box("jp2c", stream...))
}

func colourSpace(n byte) []byte { return box("colr", 1, 0, 0, 0, 0, 0, n) }

// palette has 256 entries of three colours.
func palette() []byte {
	entries := []byte{1, 0, 3, 7, 7, 7}
	for i := range 256 {
		entries = append(entries, byte(i*7), byte(255-i), byte(i*i))
	}
	return slices.Concat(box("pclr", entries...), box("cmap", 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 2))
}

// profiled has a Display P3 profile, made by libvips.
func profiled(t *testing.T) []byte {
	t.Helper()
	flat := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range flat.Pix {
		flat.Pix[i] = 0xFF
	}
	flat.SetNRGBA(1, 1, color.NRGBA{200, 60, 30, 255})
	tif := decodertest.WriteFile(t, "p3.tif", nil)
	decodertest.Run(t, "vips", "icc_transform", decodertest.WritePNG(t, flat), tif, "p3", "--input-profile", "srgb")
	text, err := exec.CommandContext(t.Context(), "vipsheader", "-f", "icc-profile-data", tif).Output()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(profile) < 128 {
		t.Fatalf("profile of %d bytes: %v", len(profile), err)
	}
	return boxed(rawStream(t, "3,8,u", "-n 4 -p RPCL -c [64,64] -b 32,32"), 3, box("colr", append([]byte{2, 0, 0}, profile...)...))
}

func exactCases() []exactCase {
	const small = "-n 4 -c [64,64],[64,64],[32,32] -b 16,16"
	opacity := box("cdef", 0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 3, 0, 3, 0, 1, 0, 0)
	premultiplied := box("cdef", 0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 3, 0, 3, 0, 2, 0, 0)
	swapped := box("cdef", 0, 3, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 1)
	cases := []exactCase{
		compressed("tiles found by TLM", "-t 96,64 -n 4 -p RPCL -PLT -TLM"),
		compressed("tiles found by TLM and walked", "-t 96,64 -n 4 -p RPCL -TLM -TP R"),
		compressed("many tiles, with a file of lower resolutions", "-t 32,32 -n 4 -p RPCL -PLT -TLM"),
		compressed("many tiles, followed", "-t 32,32 -n 4 -I -r 8 -PLT -EPH"),
		compressed("as opj_compress likes it", ""),
		compressed("recommended profile", "-p RPCL -t 128,128 -c [64,64],[64,64],[32,32] -b 32,32 -n 4 -PLT -TLM -I -r 8"),
		compressed("recommended profile, lossless", "-p RPCL -t 128,128 -c [64,64],[64,64],[32,32] -b 32,32 -n 4 -PLT -TLM"),
		compressed("tiles that do not halve", "-t 100,70 -n 4", packets.Region),
		compressed("passes that end their codewords, with contexts reset and causal", small+" -M 46 -r 8,1"),
		compressed("passes that end their codewords, in one layer", small+" -M 4"),
		raw("sampled by two, tiles that end between two samples", "3,8,u@1x1:2x2:2x2", "-mct 0 -n 2 -t 30,30"),
		compressed("tile-parts by resolution", "-t 128,128 -n 3 -TP R -p RPCL -PLT"),
		compressed("tile-parts by layer", "-TP L -p LRCP -r 30,10,2 -n 4"),
		compressed("layers", small+" -r 40,20,5 -p RPCL -PLT"),
		compressed("markers in packets", small+" -SOP -EPH -p PCRL"),
		compressed("EPH with PLT and layers", small+" -EPH -PLT -r 20,4 -p LRCP"),
		compressed("all styles of code-blocks", small+" -M 63 -r 8,1").byOpenJPEG(),
		compressed("image offset", small+" -d 37,53 -p RPCL"),
		compressed("image and tile offset", "-d 37,53 -T 11,13 -t 96,80 -n 3 -p PCRL -c [32,32] -b 16,16"),
		compressed("region of interest", small+" -ROI c=1,U=5").byOpenJPEG(),
		compressed("progression changes", "-n 4 -POC T1=0,0,1,2,3,RLCP/T1=2,0,1,4,3,CPRL -c [64,64] -b 16,16"),
		compressed("one level", "-n 2 -c [32,32] -b 16,16"),
		compressed("no levels", "-n 1 -c [32,32] -b 16,16"),
		raw("16 bits", "1,16,u", small+" -p RPCL"),
		raw("12 bits signed", "1,12,s", small),
		raw("4 bits", "1,4,u", small),
		raw("gray and nothing said", "1,8,u", small),
		raw("4:2:0 without colour box", "3,8,u@1x1:2x2:2x2", "-mct 0 -p RPCL "+small),
		raw("4:2:2 sYCC in tiles", "3,8,u@1x1:2x1:2x1", "-mct 0 -p PCRL -t 128,128 -n 3 -c [32,32] -b 16,16", colourSpace(18)),
		raw("sampling by three", "3,8,u@1x1:3x3:3x1", "-mct 0 -p CPRL "+small),
		raw("blue first", "3,8,u", "-mct 0 "+small, colourSpace(16), swapped).byOpenJPEG(),
		raw("opacity", "4,8,u", "-mct 0 "+small, colourSpace(16), opacity),
		raw("premultiplied opacity", "4,8,u", "-mct 0 "+small, colourSpace(16), premultiplied),
		raw("CMYK", "4,8,u", "-mct 0 "+small, colourSpace(12)),
		raw("CIELab", "3,8,u", "-mct 0 "+small, colourSpace(14)),
		raw("palette", "1,8,u", small, colourSpace(16), palette()).byOpenJPEG(),
		raw("palette in tiles", "1,8,u", "-t 64,64 -n 3", colourSpace(16), palette()).byOpenJPEG(),
		{"profile", profiled, nil, false},
		{"high throughput", func(t *testing.T) []byte { return decodertest.Read(t, "../internal/jp2/testdata/ht.j2c") }, nil, true},
	}
	for _, joined := range jp2test.Cases {
		cases = append(cases, exactCase{joined.Name, func(t *testing.T) []byte {
			return joined.Make(func(skip int, layout, options string) []byte { return compressRaw(t, skip, layout, options) })
		}, nil, false})
	}
	for _, order := range []string{"LRCP", "RLCP", "RPCL", "PCRL", "CPRL"} {
		cases = append(cases,
			compressed(order, small+" -p "+order),
			compressed(order+" lossy with PLT in tiles", "-p "+order+" -I -r 12 -PLT -t 128,128 -n 4 -c [32,32] -b 16,16"))
	}
	return cases
}
