#ifndef TESSERA_JP2_H
#define TESSERA_JP2_H

#include <openjpeg.h>
#include <stdint.h>

#include "wavelet.h"

// jp2_reader is one OpenJPEG codec over a JPEG 2000 file in memory.
typedef struct {
  const uint8_t *data;
  size_t size, pos;
  opj_codec_t *codec;
  opj_stream_t *stream;
  opj_image_t *image;
  char error[512]; // OpenJPEG's own words, first complaint first
} jp2_reader;

// jp2_header is what the main header says; sizes in reference grid units.
typedef struct {
  uint32_t x0, y0, x1, y1;     // image area
  uint32_t tx0, ty0, tdx, tdy; // tile grid
  uint32_t tiles;
  uint32_t components;
  uint32_t levels; // decomposition levels that every component has
  uint32_t depth;  // of the deepest component
  uint32_t max_step; // largest XRsiz or YRsiz
  int high_throughput; // some component has blocks of part 15
} jp2_header;

// The colour models a decoded image is stored in.
enum { JP2_GRAY = 1, JP2_RGB, JP2_YCC, JP2_CMYK, JP2_LAB };

#define JP2_MAX_BANDS 5

// jp2_colour says how decoded components become interleaved bands.
typedef struct {
  int model, bands, alpha; // alpha: 1 when the last band is one
  int premultiplied;
  int from[JP2_MAX_BANDS]; // component of each band
  double lab[6];           // range and offset of L, a and b
  const uint8_t *icc;      // lives as long as the image
  uint32_t icc_length;
} jp2_colour;

// jp2_target is an interleaved picture; bytes per sample is 1 or 2.
typedef struct {
  uint8_t *pixels;
  size_t stride; // bytes
  int sample_bytes;
} jp2_target;

// All int functions answer 0 for success; r->error then holds the reason.
// Strict refuses damaged code-blocks and short tile-parts; otherwise gray stands for them.
int jp2_open(jp2_reader *r, const void *data, size_t size, int boxed, int strict, int threads, jp2_header *h);
int jp2_reduce(jp2_reader *r, uint32_t levels);
int jp2_decode(jp2_reader *r, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1);
int jp2_describe(jp2_reader *r, jp2_colour *c);

// jp2_resize makes room in a component for other samples than were decoded: w by h, from
// x0, y0 on in its own grid. jp2_fill copies such to where they belong.
int jp2_resize(jp2_reader *r, uint32_t component, uint32_t x0, uint32_t y0, uint32_t w, uint32_t h);
void jp2_fill(jp2_reader *r, uint32_t component, const wavelet_plane *from);
void jp2_close(jp2_reader *r);

// jp2_store copies the decoded area, whose reduced top left corner on the reference
// grid is x, y, to column dx and row dy of t; w by h pixels.
int jp2_store(jp2_reader *r, const jp2_colour *c, jp2_target t, uint32_t x, uint32_t y,
              uint32_t dx, uint32_t dy, uint32_t w, uint32_t h, uint32_t reduce);

#endif
