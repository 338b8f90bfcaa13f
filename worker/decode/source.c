#include "source.h"

#include <string.h>

static void set_options(VipsOperation *op, source_options o) {
  GObject *object = G_OBJECT(op);
  // Pixels are read once, from top to bottom, by source_copy: nothing need be kept.
  g_object_set(object, "access", VIPS_ACCESS_SEQUENTIAL, "fail-on", VIPS_FAIL_ON_ERROR, NULL);
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

static gboolean is_drawable(VipsImage *in) {
  if (in->Coding != VIPS_CODING_NONE)
    return FALSE;
  switch (in->Type) {
  case VIPS_INTERPRETATION_B_W:
  case VIPS_INTERPRETATION_sRGB:
  case VIPS_INTERPRETATION_RGB:
  case VIPS_INTERPRETATION_CMYK:
    return in->BandFmt == VIPS_FORMAT_UCHAR || in->BandFmt == VIPS_FORMAT_USHORT;
  case VIPS_INTERPRETATION_GREY16:
  case VIPS_INTERPRETATION_RGB16:
    return in->BandFmt == VIPS_FORMAT_USHORT;
  default:
    return FALSE;
  }
}

static int cast_multiband(VipsImage *in, VipsImage **out) {
  VipsInterpretation as = in->Bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  VipsImage *cast;
  if (vips_cast_uchar(in, &cast, NULL))
    return -1;
  int failed = vips_copy(cast, out, "interpretation", as, NULL);
  g_object_unref(cast);
  return failed;
}

static int to_standard_colour(VipsImage *in, VipsImage **out) {
  gboolean gray = in->Bands - vips_image_hasalpha(in) == 1 && in->Coding == VIPS_CODING_NONE;
  if (vips_colourspace(in, out, gray ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, NULL))
    return -1;
  vips_image_remove(*out, VIPS_META_ICC_NAME); // it described the colours before
  return 0;
}

// to_drawable leaves gray, RGB and CMYK of 8 and 16 bits as they are, profile and all;
// whatever else libvips knows becomes sRGB or gray.
static int to_drawable(VipsImage *in, VipsImage **out) {
  if (is_drawable(in))
    return vips_copy(in, out, NULL);
  return in->Type == VIPS_INTERPRETATION_MULTIBAND ? cast_multiband(in, out)
                                                   : to_standard_colour(in, out);
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
  return vips_premultiply(in, &t[0], NULL) ||
         vips_shrink(t[0], &t[1], v.shrink_x, v.shrink_y, NULL) ||
         vips_unpremultiply(t[1], &t[2], NULL) || vips_rint(t[2], &t[3], NULL) ||
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
               to_drawable(t[0], &t[1]) ||
               vips_extract_band(t[1], &t[2], 0, "n", drawn_bands(t[1]), NULL) ||
               box_shrink(scope, t[2], &t[3], v) || narrow(t[3], out, v);
  g_object_unref(scope);
  return failed ? -1 : 0;
}

#define COPY_ROWS 64

int source_copy(VipsImage *in, uint8_t *to, size_t stride) {
  VipsRegion *region = vips_region_new(in);
  size_t row = VIPS_IMAGE_SIZEOF_LINE(in);
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
