// Decoding of code-blocks: coefficient bits (ISO/IEC 15444-1, annex D).
#include "entropy.h"
#include "mq.h"

#include <stdlib.h>
#include <string.h>

// Numbers of contexts (table D.7 gives what they begin with).
enum { ZERO = 0, SIGN = 9, MAGNITUDE = 14, RUN = 17, UNIFORM = 18, CONTEXTS = 19 };

struct entropy_coder {
  uint64_t contexts[CONTEXTS]; // entries of states
  mq m;
  int w, h, plane, style;
  enum { SIGNIFICANCE, REFINEMENT, CLEANUP } pass; // the next
  const uint8_t *zero;                             // contexts of the sub-band
  int32_t *samples;
  uint32_t *flags;
  size_t flags_room;
};

static uint8_t zeros[4][512]; // contexts by the eight neighbours (table D.1)
static uint8_t signs[256];    // context, and in the top bit whether the sign is flipped (D.3)

static int bit(unsigned f, int i) { return f >> i & 1; }

// zero_context is table D.1. Neighbours are three rows of three bits, the middle unused.
static uint8_t zero_context(int band, unsigned f) {
  int h = bit(f, 3) + bit(f, 5), v = bit(f, 1) + bit(f, 7);
  int d = bit(f, 0) + bit(f, 2) + bit(f, 6) + bit(f, 8);
  if (band == ENTROPY_HH) {
    int hv = h + v > 2 ? 2 : h + v;
    return d == 0 ? hv : d == 1 ? 3 + hv : d == 2 ? 6 + (hv > 0) : 8;
  }
  if (band == ENTROPY_HL) {
    int t = h;
    h = v, v = t;
  }
  if (h == 2)
    return 8;
  if (h == 1)
    return v > 0 ? 7 : 5 + (d > 0);
  return v > 0 ? 2 + v : d > 1 ? 2 : d;
}

// Bits of the index of signs: whether a neighbour is significant, and negative.
enum { W_SIGN = 0, N_SIG, E_SIGN, W_SIG, N_SIGN, E_SIG, S_SIGN, S_SIG };

static int pull(unsigned f, int sig, int sign) { return bit(f, sig) * (1 - 2 * bit(f, sign)); }
static int clip(int v) { return v < -1 ? -1 : v > 1 ? 1 : v; }

// sign_context is tables D.2 and D.3.
static uint8_t sign_context(unsigned f) {
  int h = clip(pull(f, W_SIG, W_SIGN) + pull(f, E_SIG, E_SIGN));
  int v = clip(pull(f, N_SIG, N_SIGN) + pull(f, S_SIG, S_SIGN));
  int flip = h < 0 || (h == 0 && v < 0);
  if (flip)
    h = -h, v = -v;
  return (SIGN + (h == 0 ? v : 3 + v)) | flip << 7;
}

__attribute__((constructor)) static void fill_tables(void) {
  for (int band = 0; band < 4; band++)
    for (int f = 0; f < 512; f++)
      zeros[band][f] = zero_context(band, f);
  for (int f = 0; f < 256; f++)
    signs[f] = sign_context(f);
}

static void reset_contexts(entropy_coder *e) {
  for (int i = 0; i < CONTEXTS; i++)
    e->contexts[i] = states[0];
  e->contexts[UNIFORM] = states[2 * 46];
  e->contexts[RUN] = states[2 * 3];
  e->contexts[ZERO] = states[2 * 4];
}

// A word of flags tells of four samples of a column, those of one stripe. For the six rows
// around them there are three bits each, of which samples are significant: west, own and
// east. Then come the signs of the six and, for the four, whether they were refined before
// and whether this bit-plane has visited them. All that belongs to the next row is three
// bits further up, so that rows are numbered in steps of three.
enum {
  OWN = 4,      // is significant
  SIGN_ABOVE = 18,
  SIGN_OWN = 19,
  SIGN_BELOW = 22,
  SIGN_LAST = 31,
  REFINED = 20,
  VISITED = 21,
  AROUND = 0757, // the eight neighbours
};
#define FOUR 01111u // one bit for each row

// near tells which of the four samples have a significant neighbour.
INLINE uint32_t near(uint32_t f) {
  uint32_t sides = (f & 0x3FFFF) | (f & 0x3FFFF) >> 2, rows = sides | (f & 0x3FFFF) >> 1;
  return (rows | rows >> 6 | sides >> 3) & FOUR;
}

INLINE uint32_t sign_index(uint32_t f, uint32_t west, uint32_t east, int row) {
  uint32_t above = row == 0 ? f >> SIGN_ABOVE : f >> (SIGN_OWN + row - 3);
  return (f >> row & (1 << N_SIG | 1 << W_SIG | 1 << E_SIG | 1 << S_SIG)) |
         (west >> (SIGN_OWN + row) & 1) << W_SIGN | (east >> (SIGN_OWN + row) & 1) << E_SIGN |
         (above & 1) << N_SIGN | (f >> (SIGN_BELOW + row) & 1) << S_SIGN;
}

// place is where a pass is: at one column of one stripe.
typedef struct {
  uint32_t *flags;  // of the column, among those of its neighbours
  int32_t *samples; // the first of the column
  int stride;       // of flags
  int w;            // of samples
  int causal;       // the stripe above is not to know of this one
  int32_t value;    // of what becomes significant
} place;

// mark tells the neighbours that a sample is significant.
INLINE uint32_t mark(uint32_t f, const place *p, int row, uint32_t sign) {
  p->flags[-1] |= 1u << 5 << row;
  p->flags[1] |= 1u << 3 << row;
  if (row == 0 && !p->causal) {
    uint32_t *above = p->flags - p->stride;
    above[0] |= sign << SIGN_LAST | 1u << 16;
    above[-1] |= 1u << 17;
    above[1] |= 1u << 15;
  }
  if (row == 9) {
    uint32_t *below = p->flags + p->stride;
    below[0] |= sign << SIGN_ABOVE | 1u << 1;
    below[-1] |= 1u << 2;
    below[1] |= 1u << 0;
  }
  return f | (sign << SIGN_OWN | 1u << OWN) << row;
}

// rise decodes the sign of a sample that has become significant (D.3.2).
INLINE uint32_t rise(mq *m, uint64_t *contexts, uint32_t f, const place *p, int row) {
  uint32_t k = signs[sign_index(f, p->flags[-1], p->flags[1], row)];
  uint32_t sign = decide(m, &contexts[k & 127]) ^ k >> 7;
  p->samples[(unsigned)row / 3 * p->w] = sign ? -p->value : p->value;
  return mark(f, p, row, sign);
}

// first takes the first row off a set of them.
INLINE int first(uint32_t *rows) {
  int row = __builtin_ctz(*rows);
  *rows &= *rows - 1;
  return row;
}

INLINE place begin_place(const entropy_coder *e) {
  int32_t one = INT32_C(1) << e->plane;
  return (place){.flags = e->flags + e->w + 3, .samples = e->samples, .stride = e->w + 2, .w = e->w,
                 .causal = e->style & ENTROPY_VERTICAL, .value = one | one >> 1};
}

// next_stripe moves on from behind the last column of a stripe.
INLINE void next_stripe(place *p) { p->flags += 2, p->samples += 3 * p->w; }

// rows_of gives the rows that a stripe has.
INLINE uint32_t rows_of(const entropy_coder *e, int y) { return e->h - y >= 4 ? FOUR : FOUR >> 3 * (4 - (e->h - y)); }

// The three passes over a bit-plane (D.3.1, D.3.3, D.3.4). Registers are copied out of
// the coder so that compilers keep them in the processor's. They are part of entropy_word so
// as to be compiled as often as it is.
INLINE void significance(entropy_coder *e) {
  mq m = e->m;
  place p = begin_place(e);
  for (int y = 0; y < e->h; y += 4, next_stripe(&p)) {
    uint32_t rows = rows_of(e, y);
    for (int x = 0; x < e->w; x++, p.flags++, p.samples++) {
      uint32_t f = *p.flags, left = near(f) & ~(f >> OWN) & rows;
      if (left == 0)
        continue;
      do {
        int row = first(&left);
        f |= 1u << VISITED << row;
        if (decide(&m, &e->contexts[e->zero[f >> row & AROUND]])) {
          f = rise(&m, e->contexts, f, &p, row);
          left |= 8u << row & ~(f >> OWN) & rows;
        }
      } while (left);
      *p.flags = f;
    }
  }
  e->m = m;
}

INLINE void refinement(entropy_coder *e) {
  mq m = e->m;
  place p = begin_place(e);
  int32_t half = INT32_C(1) << e->plane >> 1;
  for (int y = 0; y < e->h; y += 4, next_stripe(&p))
    for (int x = 0; x < e->w; x++, p.flags++, p.samples++) {
      uint32_t f = *p.flags, left = f >> OWN & ~(f >> VISITED) & FOUR;
      if (left == 0)
        continue;
      uint32_t refined = f >> REFINED, others = near(f) & ~refined;
      *p.flags = f | left << REFINED;
      do {
        int row = first(&left);
        int context = (refined >> row & 1) << 1 | (others >> row & 1);
        int32_t *sample = &p.samples[(unsigned)row / 3 * p.w];
        int32_t more = decide(&m, &e->contexts[MAGNITUDE + context]) ? half : -half;
        *sample += *sample < 0 ? -more : more;
      } while (left);
    }
  e->m = m;
}

INLINE void cleanup(entropy_coder *e) {
  mq m = e->m;
  place p = begin_place(e);
  for (int y = 0; y < e->h; y += 4, next_stripe(&p)) {
    uint32_t rows = rows_of(e, y);
    for (int x = 0; x < e->w; x++, p.flags++, p.samples++) {
      uint32_t f = *p.flags, left = ~(f >> OWN | f >> VISITED) & rows;
      if (f == 0 && rows == FOUR) {
        if (!decide_usual(&m, &e->contexts[RUN]))
          continue;
        uint32_t high = decide(&m, &e->contexts[UNIFORM]);
        int row = 3 * (high << 1 | decide(&m, &e->contexts[UNIFORM]));
        f = rise(&m, e->contexts, f, &p, row);
        left &= ~1u << row;
      }
      while (left) {
        int row = first(&left);
        if (decide(&m, &e->contexts[e->zero[f >> row & AROUND]]))
          f = rise(&m, e->contexts, f, &p, row);
      }
      *p.flags = f & ~(FOUR << VISITED);
    }
  }
  if (e->style & ENTROPY_SEGSYM)
    for (int i = 0; i < 4; i++)
      decide(&m, &e->contexts[UNIFORM]); // the symbol itself is not looked at
  e->m = m;
}

entropy_coder *entropy_new(void) { return calloc(1, sizeof(entropy_coder)); }

void entropy_free(entropy_coder *e) {
  if (e)
    free(e->flags);
  free(e);
}

int entropy_begin(entropy_coder *e, int w, int h, int band, int planes, int style, int32_t *samples) {
  size_t n = (size_t)(w + 2) * ((h + 3) / 4 + 2);
  if (n > e->flags_room) {
    free(e->flags);
    e->flags = malloc(n * sizeof(*e->flags));
    e->flags_room = e->flags ? n : 0;
  }
  if (!e->flags)
    return -1;
  memset(e->flags, 0, n * sizeof(*e->flags));
  memset(samples, 0, (size_t)w * h * sizeof(*samples));
  e->w = w, e->h = h, e->plane = planes, e->style = style, e->pass = CLEANUP;
  e->zero = zeros[band], e->samples = samples;
  reset_contexts(e);
  return 0;
}

// MODERN compiles a function once more for processors that shift and count zeros in one
// instruction each, and has the loader choose: too early for sanitizers.
#if defined(__x86_64__) && defined(__GLIBC__) && __GNUC__ >= 12 && !defined(__SANITIZE_ADDRESS__)
#define MODERN __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define MODERN
#endif

MODERN void entropy_word(entropy_coder *e, const uint8_t *data, size_t length, int passes) {
  mq_begin(&e->m, data, length);
  for (; passes > 0 && e->plane > 0; passes--) {
    switch (e->pass) {
    case SIGNIFICANCE:
      significance(e), e->pass = REFINEMENT;
      break;
    case REFINEMENT:
      refinement(e), e->pass = CLEANUP;
      break;
    case CLEANUP:
      cleanup(e), e->pass = SIGNIFICANCE, e->plane--;
    }
    if (e->style & ENTROPY_RESET)
      reset_contexts(e);
  }
}
