// Synthesis of images from their sub-bands (ISO/IEC 15444-1, annexes E to G), in OpenJPEG's
// order of operations: floating point gives the very same bits.
#include "wavelet.h"

#include <stdlib.h>
#include <string.h>

// The loops below are plain so that compilers make vectors of them; products must not be
// fused with sums, which rounds otherwise.
#pragma GCC optimize("O3", "fp-contract=off", "no-trapping-math", "no-math-errno")

// Lifting constants of the 9/7 wavelet (table F.4). OpenJPEG scales high-pass samples by
// 2/K, and leaves the gain of their sub-bands out of the quantiser's step in turn.
#define ALPHA 1.586134342f
#define BETA 0.052980118f
#define GAMMA -0.882911075f
#define DELTA -0.443506852f
#define LOW 1.230174105f
#define HIGH 1.625732422f

static int32_t lesser(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

// sum adds integers as processors do: those of damaged files may be of any size.
static inline int32_t sum(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
static inline int32_t difference(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }

// The lifting steps: one row of samples, and those before and after it.
static void update53(int32_t *row, const int32_t *a, const int32_t *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    row[i] = difference(row[i], sum(sum(a[i], b[i]), 2) >> 2);
}
static void predict53(int32_t *row, const int32_t *a, const int32_t *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    row[i] = sum(row[i], sum(a[i], b[i]) >> 1);
}
static void lift97(float *row, const float *a, const float *b, size_t n, float by) {
  for (size_t i = 0; i < n; i++)
    row[i] = row[i] + (a[i] + b[i]) * by;
}
static void scale97(float *row, size_t n, float by) {
  for (size_t i = 0; i < n; i++)
    row[i] *= by;
}

// The lifting steps of either wavelet, in turn: which samples change, and how.
typedef enum { DELTA_STEP, GAMMA_STEP, BETA_STEP, ALPHA_STEP, UPDATE_STEP, PREDICT_STEP } step;

static void lift(step s, void *row, const void *a, const void *b, size_t n) {
  switch (s) {
  case DELTA_STEP:
    return lift97(row, a, b, n, DELTA);
  case GAMMA_STEP:
    return lift97(row, a, b, n, GAMMA);
  case BETA_STEP:
    return lift97(row, a, b, n, BETA);
  case ALPHA_STEP:
    return lift97(row, a, b, n, ALPHA);
  case UPDATE_STEP:
    return update53(row, a, b, n);
  case PREDICT_STEP:
    return predict53(row, a, b, n);
  }
}

// range is samples of one kind along a line: those at even places, which are low-pass, or
// those at odd ones, both numbered from the same origin in pairs.
typedef struct {
  int32_t begin, end;
} range;

static range low_of(int32_t from, int32_t to) { return (range){(from + 1) >> 1, (to + 1) >> 1}; }
static range high_of(int32_t from, int32_t to) { return (range){from >> 1, to >> 1}; }

// neighbours of sample n of one kind are two of the other, n + ahead the later one, or one
// twice at an end (F.3.7).
static void neighbours(int32_t n, int ahead, range others, int32_t *a, int32_t *b) {
  *a = n - 1 + ahead, *b = n + ahead;
  if (*a < others.begin)
    *a = *b;
  if (*b >= others.end)
    *b = *a;
}

// array is samples of one kind in a row, 32 bits each; element 0 is number range.begin.
typedef struct {
  int32_t *samples;
  range in;
} array;

static int32_t *at(const array *a, int32_t n) { return a->samples + (n - a->in.begin); }

// lift_line changes an array by the other.
static void lift_line(step s, const array *to, const array *by, int ahead) {
  int32_t a, b, inner = larger(to->in.begin, by->in.begin + 1 - ahead);
  int32_t outer = larger(inner, lesser(to->in.end, by->in.end - ahead));
  for (int32_t n = to->in.begin; n < to->in.end; n++) {
    if (n == inner && outer > inner) {
      lift(s, at(to, n), at(by, n - 1 + ahead), at(by, n + ahead), outer - inner);
      n = outer;
      if (n == to->in.end)
        break;
    }
    neighbours(n, ahead, by->in, &a, &b);
    lift(s, at(to, n), at(by, a), at(by, b), 1);
  }
}

static void synthesise_line(const array *low, const array *high, int reversible) {
  if (reversible) {
    lift_line(UPDATE_STEP, low, high, 0);
    lift_line(PREDICT_STEP, high, low, 1);
    return;
  }
  scale97((float *)low->samples, low->in.end - low->in.begin, LOW);
  scale97((float *)high->samples, high->in.end - high->in.begin, HIGH);
  lift_line(DELTA_STEP, low, high, 0);
  lift_line(GAMMA_STEP, high, low, 1);
  lift_line(BETA_STEP, low, high, 0);
  lift_line(ALPHA_STEP, high, low, 1);
}

static int32_t *row_of(const wavelet_plane *p, int32_t y) {
  return (int32_t *)p->samples + (ptrdiff_t)(y - p->y0) * (ptrdiff_t)p->stride;
}

// interleave takes low-pass and high-pass samples in turn for places [from, to).
static void interleave(int32_t *out, int32_t from, int32_t to, const array *low, const array *high) {
  int32_t x = from;
  if (x & 1)
    *out++ = *at(high, x++ >> 1);
  size_t pairs = x < to ? (size_t)(to - x) / 2 : 0;
  if (x < to) {
    const int32_t *l = at(low, x >> 1), *h = at(high, x >> 1);
    for (size_t i = 0; i < pairs; i++)
      out[2 * i] = l[i], out[2 * i + 1] = h[i];
  }
  if (x + 2 * (int32_t)pairs < to)
    out[2 * pairs] = *at(low, (to - 1) >> 1);
}

// only is a line of a single sample: it has no neighbour to tell it from (F.3.6).
static void only(int32_t *sample, int32_t place, int reversible) {
  if (place & 1 && reversible)
    *sample /= 2;
}

// across makes the row y of the result from those of two sub-bands.
static void across(const wavelet_plane *low, const wavelet_plane *high, const wavelet_plane *to, int32_t y,
                   array *l, array *h, int single, int reversible) {
  int32_t *out = row_of(to, y);
  if (single) {
    *out = *row_of(to->x0 & 1 ? high : low, y >> 1);
    only(out, to->x0, reversible);
    return;
  }
  memcpy(l->samples, row_of(low, y >> 1) + (l->in.begin - low->x0), sizeof(int32_t) * (l->in.end - l->in.begin));
  memcpy(h->samples, row_of(high, y >> 1) + (h->in.begin - high->x0), sizeof(int32_t) * (h->in.end - h->in.begin));
  synthesise_line(l, h, reversible);
  interleave(out, to->x0, to->x1, l, h);
}

// lift_down changes all rows at even places, or all at odd ones, by those between.
static void lift_down(step s, const wavelet_plane *p, int odd) {
  range own = odd ? high_of(p->y0, p->y1) : low_of(p->y0, p->y1);
  range others = odd ? low_of(p->y0, p->y1) : high_of(p->y0, p->y1);
  for (int32_t n = own.begin; n < own.end; n++) {
    int32_t a, b;
    neighbours(n, odd, others, &a, &b);
    lift(s, row_of(p, 2 * n + odd), row_of(p, 2 * a + !odd), row_of(p, 2 * b + !odd), p->x1 - p->x0);
  }
}

// down is the same as synthesise_line for all columns at once.
static void down(const wavelet_plane *p, int single, int reversible) {
  if (single) {
    for (int32_t x = p->x0; x < p->x1; x++)
      only(row_of(p, p->y0) + (x - p->x0), p->y0, reversible);
    return;
  }
  if (reversible) {
    lift_down(UPDATE_STEP, p, 0);
    lift_down(PREDICT_STEP, p, 1);
    return;
  }
  for (int32_t y = p->y0; y < p->y1; y++)
    scale97((float *)row_of(p, y), p->x1 - p->x0, y & 1 ? HIGH : LOW);
  lift_down(DELTA_STEP, p, 0);
  lift_down(GAMMA_STEP, p, 1);
  lift_down(BETA_STEP, p, 0);
  lift_down(ALPHA_STEP, p, 1);
}

// up makes one resolution. line has room for a row of it and for what that depends on.
static void up(const wavelet_stage *s, int32_t *line, int reversible) {
  array low = {line, {s->bands[0].x0, s->bands[0].x1}}, high = {NULL, {s->bands[1].x0, s->bands[1].x1}};
  high.samples = line + (low.in.end - low.in.begin);
  if (s->to.x0 >= s->to.x1)
    return; // tiles narrower than the wavelet is deep have resolutions without samples
  for (int32_t y = s->to.y0; y < s->to.y1; y++) {
    const wavelet_plane *row = &s->bands[y & 1 ? 2 : 0];
    across(&row[0], &row[1], &s->to, y, &low, &high, s->all.x1 - s->all.x0 == 1, reversible);
  }
  down(&s->to, s->all.y1 - s->all.y0 == 1, reversible);
}

int wavelet_synthesise(const wavelet_stage *stages, int n, int reversible) {
  int32_t most = 0;
  for (int i = 0; i < n; i++)
    most = larger(most, stages[i].bands[0].x1 - stages[i].bands[0].x0 + stages[i].bands[1].x1 - stages[i].bands[1].x0);
  int32_t *line = malloc(sizeof(*line) * (size_t)(most + 1));
  if (!line)
    return -1;
  for (int i = 0; i < n; i++)
    up(&stages[i], line, reversible);
  free(line);
  return 0;
}

#define PUT(name, type)                                                                                      \
  static void name(const wavelet_plane *to, const type *from, size_t stride, int32_t x0, int32_t y0,         \
                   int32_t x1, int32_t y1, int reversible, float step) {                                     \
    for (int32_t y = y0; y < y1; y++, from += stride) {                                                      \
      int32_t *out = row_of(to, y) + (x0 - to->x0);                                                          \
      if (reversible)                                                                                        \
        for (int32_t i = 0; i < x1 - x0; i++)                                                                \
          out[i] = from[i] / 2;                                                                              \
      else                                                                                                   \
        for (int32_t i = 0; i < x1 - x0; i++)                                                                \
          ((float *)out)[i] = (float)from[i] * step;                                                         \
    }                                                                                                        \
  }
PUT(put16, int16_t)
PUT(put32, int32_t)

void wavelet_put(const wavelet_plane *to, const void *samples, int narrow, int32_t x0, int32_t y0, int32_t x1,
                 int32_t y1, int reversible, float step) {
  int32_t left = larger(x0, to->x0), top = larger(y0, to->y0);
  int32_t right = lesser(x1, to->x1), bottom = lesser(y1, to->y1);
  size_t stride = x1 - x0, skip = (size_t)(top - y0) * stride + (left - x0);
  if (left >= right || top >= bottom)
    return;
  if (narrow)
    put16(to, (const int16_t *)samples + skip, stride, left, top, right, bottom, reversible, step);
  else
    put32(to, (const int32_t *)samples + skip, stride, left, top, right, bottom, reversible, step);
}

int wavelet_narrow(int16_t *to, const int32_t *from, size_t n) {
  int32_t beyond = 0;
  for (size_t i = 0; i < n; i++)
    to[i] = (int16_t)from[i], beyond |= from[i] ^ (int16_t)from[i];
  return beyond ? -1 : 0;
}

static void colour53(int32_t *y, int32_t *u, int32_t *v, size_t n) {
  for (size_t i = 0; i < n; i++) {
    int32_t g = difference(y[i], sum(u[i], v[i]) >> 2);
    y[i] = sum(v[i], g), v[i] = sum(u[i], g), u[i] = g;
  }
}

static void colour97(float *y, float *u, float *v, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float r = y[i] + v[i] * 1.402f, g = y[i] - u[i] * 0.34413f - v[i] * 0.71414f, b = y[i] + u[i] * 1.772f;
    y[i] = r, u[i] = g, v[i] = b;
  }
}

void wavelet_colour(const wavelet_plane p[3], int reversible) {
  for (int32_t y = p->y0; y < p->y1; y++) {
    void *a = row_of(&p[0], y), *b = row_of(&p[1], y), *c = row_of(&p[2], y);
    if (reversible)
      colour53(a, b, c, p->x1 - p->x0);
    else
      colour97(a, b, c, p->x1 - p->x0);
  }
}

static void level53(int32_t *row, size_t n, int32_t half, int32_t shift) {
  for (size_t i = 0; i < n; i++)
    row[i] = lesser(larger(row[i], -half), half - 1) + shift;
}

// level97 rounds half to even: no float near ROUND has a fraction.
#define ROUND 12582912.0f
static void level97(float *row, size_t n, int32_t half, int32_t shift) {
  float least = (float)-half, most = (float)(half - 1);
  for (size_t i = 0; i < n; i++) {
    float v = row[i] > least ? row[i] : least; // which NaN becomes
    v = v < most ? v : most;
    ((int32_t *)row)[i] = (int32_t)(v + ROUND - ROUND) + shift;
  }
}

void wavelet_level(const wavelet_plane *p, int bits, int is_signed, int reversible) {
  int32_t half = INT32_C(1) << (bits - 1), shift = is_signed ? 0 : half;
  for (int32_t y = p->y0; y < p->y1; y++)
    if (reversible)
      level53(row_of(p, y), p->x1 - p->x0, half, shift);
    else
      level97((float *)row_of(p, y), p->x1 - p->x0, half, shift);
}
