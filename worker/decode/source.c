#include "source.h"

#include <string.h>

static void set_options(VipsOperation *op, source_options o) {
  GObject *object = G_OBJECT(op);
  // Pixels are read once, from top to bottom, by source_copy: nothing need be kept.
  g_object_set(object, "access", VIPS_ACCESS_SEQUENTIAL, "fail-on",
               o.lenient ? VIPS_FAIL_ON_NONE : VIPS_FAIL_ON_ERROR, NULL);
  if (strcmp(o.loader, "tiffload_buffer") == 0)
    g_object_set(object, "page", o.page, "subifd", o.subifd, NULL);
  if (strcmp(o.loader, "jpegload_buffer") == 0)
    g_object_set(object, "shrink", o.shrink, NULL);
  if (strcmp(o.loader, "webpload_buffer") == 0)
    g_object_set(object, "scale", o.scale, NULL);
}

int source_open(VipsImage **out, const void *data, size_t size, source_options o) {
  VipsOperation *op = vips_operation_new(o.loader);
  if (!op)
    return -1;
  VipsBlob *blob = vips_blob_new(NULL, data, size);
  g_object_set(op, "buffer", blob, NULL);
  vips_area_unref(VIPS_AREA(blob));
  set_options(op, o);
  int failed = vips_cache_operation_buildp(&op);
  if (!failed)
    g_object_get(op, "out", out, NULL);
  vips_object_unref_outputs(VIPS_OBJECT(op));
  g_object_unref(op);
  return failed;
}

static int bits_of(VipsImage *in) {
  int bits;
  if (vips_image_get_typeof(in, "bits-per-sample") == G_TYPE_INT &&
      vips_image_get_int(in, "bits-per-sample", &bits) == 0)
    return bits;
  return 8 * vips_format_sizeof(in->BandFmt);
}

void source_describe(VipsImage *in, source_facts *f) {
  f->width = in->Xsize;
  f->height = in->Ysize;
  f->bands = in->Bands;
  f->bits = bits_of(in);
  f->alpha = vips_image_hasalpha(in);
  f->gray = in->Bands - f->alpha == 1 && in->Coding == VIPS_CODING_NONE;
  f->orientation = vips_image_get_orientation(in);
}

static gboolean is_stored(VipsImage *in) {
  return in->BandFmt == VIPS_FORMAT_UCHAR || in->BandFmt == VIPS_FORMAT_USHORT;
}

static gboolean is_drawable(VipsImage *in) {
  if (in->Coding != VIPS_CODING_NONE || !is_stored(in))
    return FALSE;
  switch (in->Type) {
  case VIPS_INTERPRETATION_B_W:
  case VIPS_INTERPRETATION_sRGB:
  case VIPS_INTERPRETATION_RGB:
  case VIPS_INTERPRETATION_CMYK:
    return TRUE;
  case VIPS_INTERPRETATION_GREY16:
  case VIPS_INTERPRETATION_RGB16:
    return in->BandFmt == VIPS_FORMAT_USHORT;
  default:
    return FALSE;
  }
}

// is_levels tells pictures whose samples are mere levels from dark to bright. In those
// of the other colour spaces libvips knows a number means the same in every band format.
static gboolean is_levels(VipsImage *in) {
  switch (in->Type) {
  case VIPS_INTERPRETATION_MULTIBAND:
  case VIPS_INTERPRETATION_B_W:
  case VIPS_INTERPRETATION_sRGB:
  case VIPS_INTERPRETATION_RGB:
  case VIPS_INTERPRETATION_CMYK:
  case VIPS_INTERPRETATION_GREY16:
  case VIPS_INTERPRETATION_RGB16:
    return in->Coding == VIPS_CODING_NONE;
  default:
    return FALSE;
  }
}

// levels_of is the line that maps a band format onto 16 bits, signed char onto 8: integers
// by their range, and real numbers, as libvips has it outside scRGB, from 0 to 255.
static int levels_of(VipsBandFormat format, double *scale, double *offset) {
  *scale = 1, *offset = 0;
  switch (format) {
  case VIPS_FORMAT_UCHAR:
  case VIPS_FORMAT_USHORT:
    return 0;
  case VIPS_FORMAT_CHAR:
    *offset = 128;
    return 0;
  case VIPS_FORMAT_SHORT:
    *offset = 32768;
    return 0;
  case VIPS_FORMAT_INT:
    *offset = 32768; // and the scale of UINT
  case VIPS_FORMAT_UINT:
    *scale = 1.0 / 65536;
    return 0;
  case VIPS_FORMAT_FLOAT:
  case VIPS_FORMAT_DOUBLE:
    *scale = 257, *offset = 0.5;
    return 0;
  default:
    vips_error("tessera", "complex samples cannot be drawn");
    return -1;
  }
}

static VipsInterpretation plain_colour(VipsImage *in, VipsBandFormat format) {
  if (in->Type == VIPS_INTERPRETATION_CMYK)
    return in->Type;
  if (format == VIPS_FORMAT_UCHAR)
    return in->Bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  return in->Bands < 3 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16;
}

static int to_levels(VipsObject *scope, VipsImage *in, VipsImage **out) {
  VipsImage **t = (VipsImage **)vips_object_local_array(scope, 2);
  gboolean narrow = in->BandFmt == VIPS_FORMAT_UCHAR || in->BandFmt == VIPS_FORMAT_CHAR;
  VipsBandFormat format = narrow ? VIPS_FORMAT_UCHAR : VIPS_FORMAT_USHORT;
  double scale, offset;
  return levels_of(in->BandFmt, &scale, &offset) ||
         vips_linear1(in, &t[0], scale, offset, NULL) || vips_cast(t[0], &t[1], format, NULL) ||
         vips_copy(t[1], out, "interpretation", plain_colour(in, format), NULL);
}

// from_linear makes 16 bits of scRGB, and of opacity beside it, which libvips 8.14 takes
// for one from 0 to 255.
static int from_linear(VipsObject *scope, VipsImage *in, VipsImage **out) {
  VipsImage **t = (VipsImage **)vips_object_local_array(scope, 6);
  if (vips_extract_band(in, &t[0], 0, "n", 3, NULL) ||
      vips_colourspace(t[0], &t[1], VIPS_INTERPRETATION_RGB16, NULL))
    return -1;
  if (!vips_image_hasalpha(in))
    return vips_copy(t[1], out, NULL);
  return vips_extract_band(in, &t[2], 3, NULL) || vips_linear1(t[2], &t[3], 65535, 0.5, NULL) ||
         vips_cast_ushort(t[3], &t[4], NULL) || vips_bandjoin2(t[1], t[4], &t[5], NULL) ||
         vips_copy(t[5], out, "interpretation", VIPS_INTERPRETATION_RGB16, NULL);
}

static int to_standard_colour(VipsObject *scope, VipsImage *in, VipsImage **out) {
  gboolean gray = in->Bands - vips_image_hasalpha(in) == 1 && in->Coding == VIPS_CODING_NONE;
  VipsInterpretation as = gray ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  if (in->Type == VIPS_INTERPRETATION_scRGB ? from_linear(scope, in, out)
                                            : vips_colourspace(in, out, as, NULL))
    return -1;
  vips_image_remove(*out, VIPS_META_ICC_NAME); // it described the colours before
  return 0;
}

// to_drawable leaves gray, RGB and CMYK of 8 and 16 bits as they are, profile and all;
// other samples become the nearest of these, and whatever else libvips knows sRGB or gray.
static int to_drawable(VipsObject *scope, VipsImage *in, VipsImage **out) {
  if (is_drawable(in))
    return vips_copy(in, out, NULL);
  if (is_levels(in) ? to_levels(scope, in, out) : to_standard_colour(scope, in, out))
    return -1;
  if (is_drawable(*out))
    return 0;
  vips_error("tessera", "samples of this kind cannot be drawn");
  return -1; // the caller's scope owns *out
}

static int drawn_bands(VipsImage *in) {
  int colours = in->Type == VIPS_INTERPRETATION_CMYK ? 4 : in->Bands < 3 ? 1 : 3;
  return colours + (vips_image_hasalpha(in) ? 1 : 0);
}

static int box_shrink(VipsObject *scope, VipsImage *in, VipsImage **out, source_view v) {
  if (v.shrink_x == 1 && v.shrink_y == 1)
    return vips_copy(in, out, NULL);
  if (!vips_image_hasalpha(in))
    return vips_shrink(in, out, v.shrink_x, v.shrink_y, NULL);
  // Colours of transparent pixels must not bleed into the opaque ones.
  VipsImage **t = (VipsImage **)vips_object_local_array(scope, 4);
  // Left to itself libvips takes the opacity of CMYK of 16 bits for one of 8.
  double top = in->BandFmt == VIPS_FORMAT_USHORT ? 65535 : 255;
  return vips_premultiply(in, &t[0], "max_alpha", top, NULL) ||
         vips_shrink(t[0], &t[1], v.shrink_x, v.shrink_y, NULL) ||
         vips_unpremultiply(t[1], &t[2], "max_alpha", top, NULL) || vips_rint(t[2], &t[3], NULL) ||
         vips_cast(t[3], out, in->BandFmt, NULL);
}

static int narrow(VipsImage *in, VipsImage **out, source_view v) {
  if (v.wide || in->BandFmt == VIPS_FORMAT_UCHAR)
    return vips_copy(in, out, NULL);
  VipsInterpretation as = in->Type == VIPS_INTERPRETATION_GREY16  ? VIPS_INTERPRETATION_B_W
                          : in->Type == VIPS_INTERPRETATION_RGB16 ? VIPS_INTERPRETATION_sRGB
                                                                  : in->Type;
  VipsImage *high;
  if (vips_msb(in, &high, NULL))
    return -1;
  int failed = vips_copy(high, out, "interpretation", as, NULL);
  g_object_unref(high);
  return failed;
}

int source_draw(VipsImage *in, VipsImage **out, source_view v) {
  VipsObject *scope = VIPS_OBJECT(vips_image_new());
  VipsImage **t = (VipsImage **)vips_object_local_array(scope, 4);
  int failed = vips_extract_area(in, &t[0], v.left, v.top, v.width, v.height, NULL) ||
               to_drawable(scope, t[0], &t[1]) ||
               vips_extract_band(t[1], &t[2], 0, "n", drawn_bands(t[1]), NULL) ||
               box_shrink(scope, t[2], &t[3], v) || narrow(t[3], out, v);
  g_object_unref(scope);
  return failed ? -1 : 0;
}

#define COPY_ROWS 64

int source_copy(VipsImage *in, uint8_t *to, size_t stride) {
  size_t row = VIPS_IMAGE_SIZEOF_LINE(in);
  if (row > stride) {
    vips_error("tessera", "a row of %zu bytes does not fit %zu", row, stride);
    return -1;
  }
  VipsRegion *region = vips_region_new(in);
  int failed = 0;
  for (int y = 0; y < in->Ysize && !failed; y += COPY_ROWS) {
    VipsRect r = {0, y, in->Xsize, VIPS_MIN(COPY_ROWS, in->Ysize - y)};
    failed = vips_region_prepare(region, &r);
    for (int j = 0; j < r.height && !failed; j++)
      memcpy(to + (y + j) * stride, VIPS_REGION_ADDR(region, 0, y + j), row);
  }
  g_object_unref(region);
  return failed;
}

const void *source_icc(VipsImage *in, size_t *length) {
  const void *data;
  if (!vips_image_get_typeof(in, VIPS_META_ICC_NAME) ||
      vips_image_get_blob(in, VIPS_META_ICC_NAME, &data, length))
    return NULL;
  return data;
}
