package jp2

import (
	"fmt"
	"strings"
	"testing"
)

// encodings spans what opj_compress can be asked for.
var encodings = []struct {
	name, options string
	w, h, chans   int
}{
	{"defaults", "", 97, 61, 3},
	{"gray", "", 97, 61, 1},
	{"LRCP", "-p LRCP -n 3", 97, 61, 3},
	{"RLCP", "-p RLCP -n 4", 97, 61, 3},
	{"RPCL", "-p RPCL -n 5", 97, 61, 3},
	{"PCRL", "-p PCRL -n 6", 97, 61, 3},
	{"CPRL", "-p CPRL -n 1", 97, 61, 3},
	{"lossy", "-I -r 10", 97, 61, 3},
	{"layers", "-r 40,20,5", 97, 61, 3},
	{"tiles", "-t 32,16 -n 3", 97, 61, 3},
	{"one tile larger than the image", "-t 128,128", 97, 61, 3},
	{"precincts", "-c [64,64],[32,32] -b 16,16", 97, 61, 3},
	{"uneven precincts", "-c [64,32],[16,32] -b 8,16 -n 4", 97, 61, 3},
	{"tile-parts", "-TP R -p RPCL -t 64,64", 97, 61, 3},
	{"SOP", "-SOP", 97, 61, 3},
	{"EPH", "-EPH", 97, 61, 3},
	{"PLT TLM", "-PLT -TLM -t 64,64", 97, 61, 3},
	{"all styles", "-M 63", 97, 61, 3},
	{"bypass", "-M 1", 97, 61, 1},
	{"vertical, segmentation", "-M 40", 97, 61, 1},
	{"code-blocks", "-b 4,1024", 97, 61, 1},
	{"subsampled", "-s 2,2", 97, 61, 3},
	{"origin", "-d 13,7", 97, 61, 3},
	{"origins and tiles", "-d 13,7 -T 5,6 -t 32,32 -n 3", 97, 61, 3},
	{"guard bits", "-GuardBits 4", 97, 61, 3},
	{"no colour transform", "-mct 0", 97, 61, 3},
	{"upshift", "-ROI c=1,U=5", 97, 61, 3},
	{"progression changes", "-n 6 -POC T1=0,0,1,5,3,CPRL/T1=5,0,1,6,3,LRCP", 97, 61, 3},
	{"comment", "-C tessera", 97, 61, 1},
}

// TestAsOpenJPEG holds every field of the main header against opj_dump's view.
func TestAsOpenJPEG(t *testing.T) {
	for _, e := range encodings {
		for _, ext := range []string{"jp2", "j2k"} {
			t.Run(e.name+" "+ext, func(t *testing.T) {
				path, data := encode(t, picture(t, e.w, e.h, e.chans), "out."+ext, e.options)
				want := tool(t, "opj_dump", "-i", path)
				want = want[strings.Index(want, "Image info"):]
				got := dump(mustParse(t, data))
				if !strings.HasPrefix(want, got) {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// dump writes a header as opj_dump does.
func dump(h *Header) string {
	var b strings.Builder
	cs, s := &h.Codestream, &h.Codestream.Size
	fmt.Fprintf(&b, "Image info {\n\t x0=%d, y0=%d\n\t x1=%d, y1=%d\n\t numcomps=%d\n", s.XOsiz, s.YOsiz, s.Xsiz, s.Ysiz, len(s.Components))
	for i, c := range s.Components {
		fmt.Fprintf(&b, "\t\t component %d {\n\t\t dx=%d, dy=%d\n\t\t prec=%d\n\t\t sgnd=%d\n\t}\n", i, c.DX, c.DY, c.Bits, flag(c.Signed, 1))
	}
	p := &cs.Params
	fmt.Fprintf(&b, "}\nCodestream info from main header: {\n\t tx0=%d, ty0=%d\n\t tdx=%d, tdy=%d\n\t tw=%d, th=%d\n", s.XTOsiz, s.YTOsiz, s.XTsiz, s.YTsiz, s.Columns(), s.Rows())
	fmt.Fprintf(&b, "\t default tile {\n\t\t csty=%s\n\t\t prg=%s\n\t\t numlayers=%d\n\t\t mct=%x\n",
		hex(custom(&p.Components[0])|flag(p.SOP, 2)|flag(p.EPH, 4)), hex(int(p.Progression)), p.Layers, flag(p.MCT, 1))
	for i := range p.Components {
		dumpComponent(&b, i, &p.Components[i])
	}
	fmt.Fprintf(&b, "\t }\n}\nCodestream index from main header: {\n\t Main header start position=%d\n\t Main header end position=%d\n\t Marker list: {\n", cs.Offset, cs.Tiles)
	for _, seg := range append([]Segment{{SOC, cs.Offset, 2}}, cs.Segments...) {
		fmt.Fprintf(&b, "\t\t type=%#x, pos=%d, len=%d\n", uint16(seg.Marker), seg.Offset, seg.Length)
	}
	return b.String() + "\t }\n"
}

func dumpComponent(b *strings.Builder, i int, c *ComponentParams) {
	fmt.Fprintf(b, "\t\t comp %d {\n\t\t\t csty=%s\n\t\t\t numresolutions=%d\n\t\t\t cblkw=2^%d\n\t\t\t cblkh=2^%d\n\t\t\t cblksty=%s\n\t\t\t qmfbid=%d\n\t\t\t preccintsize (w,h)=",
		i, hex(custom(c)), c.Levels+1, c.BlockX, c.BlockY, hex(int(c.Blocks)), flag(c.Reversible, 1))
	for _, p := range c.Precincts {
		fmt.Fprintf(b, "(%d,%d) ", p.X, p.Y)
	}
	fmt.Fprintf(b, "\n\t\t\t qntsty=%d\n\t\t\t numgbits=%d\n\t\t\t stepsizes (m,e)=", c.Quant.Style, c.Quant.Guard)
	for _, step := range c.Quant.Steps {
		m, e := step&0x7FF, step>>11
		if c.Quant.Style == Unquantised {
			m, e = 0, step>>3
		}
		fmt.Fprintf(b, "(%d,%d) ", m, e)
	}
	fmt.Fprintf(b, "\n\t\t\t roishift=%d\n\t\t }\n", c.Shift)
}

// hex is C's %#x, which gives zero no prefix.
func hex(n int) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", n)
}

func flag(set bool, bit int) int {
	if set {
		return bit
	}
	return 0
}

// custom is the flag for precinct sizes other than the largest.
func custom(c *ComponentParams) int {
	for _, p := range c.Precincts {
		if p != (Precinct{15, 15}) {
			return 1
		}
	}
	return 0
}
