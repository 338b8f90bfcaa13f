#include "blocks.h"

#include <stdlib.h>

// MOST is how many samples a code-block has at most (ISO/IEC 15444-1, table A.18).
#define MOST 4096

static void put(const block *b, const void *samples, int narrow) {
  wavelet_put(&b->to, samples, narrow, b->x0, b->y0, b->x1, b->y1, b->reversible, b->step);
}

static int decode(entropy_coder *coder, block *b, int32_t *samples) {
  int w = b->x1 - b->x0, h = b->y1 - b->y0;
  size_t n = (size_t)w * h;
  if (entropy_begin(coder, w, h, b->band, b->planes, b->style, samples))
    return -1;
  for (int32_t i = 0; i < b->word_count; i++)
    entropy_word(coder, b->words[i].data, b->words[i].length, b->words[i].passes);
  put(b, samples, 0);
  if (b->keep)
    b->samples = malloc(n * sizeof(*b->samples) + b->keep);
  if (b->samples && wavelet_narrow(b->samples, samples, n)) {
    free(b->samples); // seldom: deep images
    b->samples = NULL;
  }
  return 0;
}

int blocks_decode(block *blocks, int32_t n, int32_t *next) {
  entropy_coder *coder = entropy_new();
  int32_t *samples = malloc(MOST * sizeof(*samples)), i;
  int failed = coder && samples ? 0 : -1;
  while (!failed && (i = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < n)
    if (blocks[i].samples)
      put(&blocks[i], blocks[i].samples, 1);
    else
      failed = decode(coder, &blocks[i], samples);
  free(samples);
  entropy_free(coder);
  return failed;
}
