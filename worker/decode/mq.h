#ifndef TESSERA_MQ_H
#define TESSERA_MQ_H

// The arithmetic decoder (ISO/IEC 15444-1, annex C), all of which is compiled into the passes.
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// mq holds the registers of the arithmetic decoder (C.3), which are the top 16 bits of a
// and c; below them c has ct more that were read ahead.
typedef struct {
  uint64_t a, c;
  uint32_t ct;
  const uint8_t *bp, *last; // the byte read last, and the last that may be
} mq;

// Probability estimation (table C.2): Qe, next after MPS and after LPS, switch of sense.
static const struct {
  uint16_t qe;
  uint8_t mps, lps, sense;
} estimates[47] = {
    {0x5601, 1, 1, 1},   {0x3401, 2, 6, 0},   {0x1801, 3, 9, 0},   {0x0AC1, 4, 12, 0},  {0x0521, 5, 29, 0},
    {0x0221, 38, 33, 0}, {0x5601, 7, 6, 1},   {0x5401, 8, 14, 0},  {0x4801, 9, 14, 0},  {0x3801, 10, 14, 0},
    {0x3001, 11, 17, 0}, {0x2401, 12, 18, 0}, {0x1C01, 13, 20, 0}, {0x1601, 29, 21, 0}, {0x5601, 15, 14, 1},
    {0x5401, 16, 14, 0}, {0x5101, 17, 15, 0}, {0x4801, 18, 16, 0}, {0x3801, 19, 17, 0}, {0x3401, 20, 18, 0},
    {0x3001, 21, 19, 0}, {0x2801, 22, 19, 0}, {0x2401, 23, 20, 0}, {0x2201, 24, 21, 0}, {0x1C01, 25, 22, 0},
    {0x1801, 26, 23, 0}, {0x1601, 27, 24, 0}, {0x1401, 28, 25, 0}, {0x1201, 29, 26, 0}, {0x1101, 30, 27, 0},
    {0x0AC1, 31, 28, 0}, {0x09C1, 32, 29, 0}, {0x08A1, 33, 30, 0}, {0x0521, 34, 31, 0}, {0x0441, 35, 32, 0},
    {0x02A1, 36, 33, 0}, {0x0221, 37, 34, 0}, {0x0141, 38, 35, 0}, {0x0111, 39, 36, 0}, {0x0085, 40, 37, 0},
    {0x0049, 41, 38, 0}, {0x0025, 42, 39, 0}, {0x0015, 43, 40, 0}, {0x0009, 44, 41, 0}, {0x0005, 45, 42, 0},
    {0x0001, 45, 43, 0}, {0x5601, 46, 46, 0},
};

// A state is an estimate and a sense, numbered 2 * estimate + sense, in one word: Qe at the
// top, and at the bottom the number of its first entry in outcomes, which are four for each
// state: what comes after MPS, after LPS, and twice the same where nothing is scaled up.
enum { QE = 48, SENSE = 2 };
#define QE_MASK (UINT64_C(0xFFFF) << QE)
static uint64_t states[94], outcomes[4 * 94];

__attribute__((constructor)) static void fill_states(void) {
  for (int i = 0; i < 94; i++)
    states[i] = (uint64_t)estimates[i / 2].qe << QE | 4 * i;
  for (int i = 0; i < 94; i++) {
    int n = i / 2, sense = i % 2, lost = estimates[n].sense ? !sense : sense;
    outcomes[4 * i] = states[2 * estimates[n].mps + sense];
    outcomes[4 * i + 1] = states[2 * estimates[n].lps + lost];
    outcomes[4 * i + 2] = outcomes[4 * i + 3] = states[i];
  }
}

// six_in reads six bytes ahead if none is FF: what follows such a byte may carry into bits
// above, which must not have it before their time.
INLINE int six_in(mq *m) {
  uint64_t next;
  if (m->last - m->bp < (ptrdiff_t)sizeof(next) || *m->bp == 0xFF)
    return 0;
  memcpy(&next, m->bp + 1, sizeof(next));
  next = be64toh(next) >> 16;
  if ((~next - 0x010101010101) & next & 0x808080808080)
    return 0;
  m->bp += 6, m->c += next, m->ct = 48;
  return 1;
}

// byte_in is BYTEIN (C.3.4): two bytes FF stand after the segment, and are never passed.
INLINE void byte_in(mq *m) {
  uint64_t next = m->bp[1];
  if (six_in(m))
    return;
  if (__builtin_expect(*m->bp != 0xFF, 1)) {
    m->bp++, m->c += next << 40, m->ct = 8;
  } else if (next <= 0x8F) {
    m->bp++, m->c += next << 41, m->ct = 7;
  } else {
    m->c += UINT64_C(0xFF) << 40, m->ct = 8;
  }
}

static void mq_begin(mq *m, const uint8_t *data, size_t length) {
  m->bp = data, m->last = data + length + 1;
  m->c = (length == 0 ? UINT64_C(0xFF) : *data) << 48;
  byte_in(m);
  m->c <<= 7, m->ct -= 7, m->a = UINT64_C(0x8000) << 48;
}

// all_if is a mask of which the compiler does not know that a comparison would do: it would
// make branches of it, and half of them go another way than a processor foresees.
INLINE uint64_t all_if(int condition) {
  uint64_t mask = -(uint64_t)condition;
  __asm__("" : "+r"(mask));
  return mask;
}

// decide decodes one decision (C.3.2, C.3.3): LPS_EXCHANGE, MPS_EXCHANGE and RENORMD in one,
// without a branch but where bytes are read.
INLINE uint32_t decide(mq *m, uint64_t *context) {
  uint64_t s = *context, qe = s & QE_MASK, a = m->a - qe, c = m->c;
  uint64_t lower = all_if(c < qe), lost = lower ^ all_if(a < qe);
  a ^= (a ^ qe) & lower;
  c -= qe & ~lower;
  *context = outcomes[(uint16_t)s | (a >> 62 & 2) | (lost & 1)];
  uint32_t shift = __builtin_clzll(a);
  m->a = a << shift;
  while (__builtin_expect(shift > m->ct, 0)) {
    m->c = c << m->ct, shift -= m->ct;
    byte_in(m);
    c = m->c;
  }
  m->c = c << shift, m->ct -= shift;
  return (s >> SENSE ^ lost) & 1;
}

// decide_usual decodes one that is hardly ever LPS, where a branch costs less.
INLINE uint32_t decide_usual(mq *m, uint64_t *context) {
  uint64_t s = *context, qe = s & QE_MASK, a = m->a - qe;
  if (!(a >> 63 & (m->c >= qe)))
    return decide(m, context);
  m->a = a, m->c -= qe;
  return s >> SENSE & 1;
}

#endif
