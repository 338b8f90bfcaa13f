#ifndef TESSERA_SOURCE_H
#define TESSERA_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <vips/vips.h>

// source_options say which of the pictures in a file to open, and how small.
typedef struct {
  const char *loader; // libvips operation: "tiffload_buffer", ...
  int page;           // TIFF
  int subifd;         // TIFF, -1: none
  int shrink;         // JPEG: 1, 2, 4 or 8
  double scale;       // WebP
  int lenient;        // draw what can be read of a damaged file
} source_options;

// source_facts describe an opened picture, before orientation.
typedef struct {
  int width, height;
  int bands, bits, gray, alpha;
  int orientation; // EXIF, 1 to 8
} source_facts;

// source_view is what is drawn of a picture: an area, box-shrunk by whole numbers.
typedef struct {
  int left, top, width, height;
  int shrink_x, shrink_y;
  int wide; // keep 16 bits
} source_view;

// All int functions answer 0 for success; libvips' error buffer has the reason.
int source_open(VipsImage **out, const void *data, size_t size, source_options o);
void source_describe(VipsImage *in, source_facts *f);
int source_draw(VipsImage *in, VipsImage **out, source_view v);
int source_copy(VipsImage *in, uint8_t *to, size_t stride);
const void *source_icc(VipsImage *in, size_t *length);

#endif
