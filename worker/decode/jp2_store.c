#include "jp2.h"

#include <math.h>

// band_row is one component's samples that fall on one row of the target.
typedef struct {
  const OPJ_INT32 *samples;
  uint32_t width; // samples there are
  uint32_t first; // column of samples[0] in the component's own reduced grid
  uint32_t step;  // XRsiz
  int32_t lift;   // makes signed samples positive
  uint32_t prec;
} band_row;

static uint32_t level(int32_t sample, const band_row *b, uint32_t bits) {
  int64_t top = (INT64_C(1) << b->prec) - 1;
  int64_t v = (int64_t)sample + b->lift;
  v = v < 0 ? 0 : v > top ? top : v;
  if (b->prec == bits)
    return v;
  if (b->prec > bits)
    return v >> (b->prec - bits);
  return (v * ((1 << bits) - 1) + top / 2) / top;
}

static uint32_t column(const band_row *b, uint32_t x) {
  uint32_t at = x / b->step;
  at = at > b->first ? at - b->first : 0;
  return at < b->width ? at : b->width - 1;
}

static void store8(const band_row *b, uint8_t *to, int bands, uint32_t x, uint32_t w) {
  if (b->step == 1 && b->prec == 8 && b->lift == 0 && x >= b->first &&
      x - b->first + w <= b->width) {
    const OPJ_INT32 *s = b->samples + (x - b->first);
    for (uint32_t i = 0; i < w; i++, to += bands)
      *to = s[i] < 0 ? 0 : s[i] > 255 ? 255 : s[i];
    return;
  }
  for (uint32_t i = 0; i < w; i++, to += bands)
    *to = level(b->samples[column(b, x + i)], b, 8);
}

static void store16(const band_row *b, uint16_t *to, int bands, uint32_t x, uint32_t w) {
  for (uint32_t i = 0; i < w; i++, to += bands)
    *to = level(b->samples[column(b, x + i)], b, 16);
}

static int clamp(double v, int top) { return v <= 0 ? 0 : v >= top ? top : (int)(v + 0.5); }

// ycc_to_rgb is the inverse of sYCC (IEC 61966-2-1, amendment 1): full range BT.601.
static void ycc_to_rgb(double y, double cb, double cr, int top, int rgb[3]) {
  double half = (top + 1) / 2;
  cb -= half, cr -= half;
  rgb[0] = clamp(y + 1.402 * cr, top);
  rgb[1] = clamp(y - 0.344136 * cb - 0.714136 * cr, top);
  rgb[2] = clamp(y + 1.772 * cb, top);
}

#define YCC_ROW(name, type, top)                                                                   \
  static void name(type *p, int bands, uint32_t w) {                                               \
    for (uint32_t i = 0; i < w; i++, p += bands) {                                                 \
      int rgb[3];                                                                                  \
      ycc_to_rgb(p[0], p[1], p[2], top, rgb);                                                      \
      p[0] = rgb[0], p[1] = rgb[1], p[2] = rgb[2];                                                 \
    }                                                                                              \
  }
YCC_ROW(ycc_row8, uint8_t, 255)
YCC_ROW(ycc_row16, uint16_t, 65535)

#define STRAIGHTEN_ROW(name, type, top)                                                            \
  static void name(type *p, int bands, uint32_t w) {                                               \
    for (uint32_t i = 0; i < w; i++, p += bands) {                                                 \
      uint32_t a = p[bands - 1];                                                                   \
      for (int b = 0; b < bands - 1 && a > 0; b++) {                                               \
        uint64_t v = ((uint64_t)p[b] * (top) + a / 2) / a;                                         \
        p[b] = v > (top) ? (top) : v;                                                              \
      }                                                                                            \
    }                                                                                              \
  }
STRAIGHTEN_ROW(straighten_row8, uint8_t, 255)
STRAIGHTEN_ROW(straighten_row16, uint16_t, 65535)

// lab_row writes what TIFF calls CIELab at 16 bits: L from 0 to 65535, a and b signed
// in 256ths. The samples already span 16 bits.
static void lab_row(uint16_t *p, int bands, uint32_t w, const double *lab, const band_row *rows) {
  for (uint32_t i = 0; i < w; i++, p += bands)
    for (int b = 0; b < 3; b++) {
      double top = (double)((INT64_C(1) << rows[b].prec) - 1);
      double v = (p[b] / 65535.0 - lab[2 * b + 1] / top) * lab[2 * b];
      double coded = b == 0 ? v * 655.35 : v * 256;
      p[b] = (uint16_t)(int32_t)lrint(fmin(fmax(coded, b ? -32768 : 0), b ? 32767 : 65535));
    }
}

static int pick_row(const opj_image_comp_t *comp, uint32_t y, uint32_t reduce, band_row *b) {
  uint32_t mask = (UINT32_C(1) << reduce) - 1;
  if (comp->w == 0 || comp->h == 0 || comp->prec == 0 || comp->prec > 31)
    return -1;
  // OpenJPEG leaves x0 and y0 of a component at full resolution.
  uint32_t first = (comp->y0 >> reduce) + ((comp->y0 & mask) != 0);
  uint32_t row = y / comp->dy;
  row = row > first ? row - first : 0;
  row = row < comp->h ? row : comp->h - 1;
  b->samples = comp->data + (size_t)row * comp->w;
  b->width = comp->w;
  b->first = (comp->x0 >> reduce) + ((comp->x0 & mask) != 0);
  b->step = comp->dx;
  b->lift = comp->sgnd ? INT32_C(1) << (comp->prec - 1) : 0;
  b->prec = comp->prec;
  return 0;
}

static void convert_row(const jp2_colour *c, const band_row *rows, void *to, uint32_t w,
                        int wide) {
  if (c->model == JP2_YCC)
    wide ? ycc_row16(to, c->bands, w) : ycc_row8(to, c->bands, w);
  if (c->model == JP2_LAB)
    lab_row(to, c->bands, w, c->lab, rows);
  if (c->premultiplied)
    wide ? straighten_row16(to, c->bands, w) : straighten_row8(to, c->bands, w);
}

int jp2_store(jp2_reader *r, const jp2_colour *c, jp2_target t, uint32_t x, uint32_t y,
              uint32_t dx, uint32_t dy, uint32_t w, uint32_t h, uint32_t reduce) {
  int wide = t.sample_bytes == 2;
  for (uint32_t j = 0; j < h; j++) {
    uint8_t *to = t.pixels + (dy + j) * t.stride + (size_t)dx * c->bands * t.sample_bytes;
    band_row rows[JP2_MAX_BANDS];
    for (int b = 0; b < c->bands; b++) {
      if (c->from[b] >= (int)r->image->numcomps ||
          pick_row(&r->image->comps[c->from[b]], y + j, reduce, &rows[b]))
        return -1;
      if (wide)
        store16(&rows[b], (uint16_t *)to + b, c->bands, x, w);
      else
        store8(&rows[b], to + b, c->bands, x, w);
    }
    convert_row(c, rows, to, w, wide);
  }
  return 0;
}
