#ifndef TESSERA_BLOCKS_H
#define TESSERA_BLOCKS_H

#include "entropy.h"
#include "wavelet.h"

// codeword is one codeword segment, as entropy_word takes it.
typedef struct {
  const uint8_t *data;
  uint32_t length, passes;
} codeword;

// block is a code-block and where its coefficients go.
typedef struct {
  int32_t x0, y0, x1, y1; // in its sub-band
  int band, planes, style, reversible;
  float step; // half the quantiser's
  wavelet_plane to;
  const codeword *words;
  int32_t word_count;
  int16_t *samples; // kept from before; or else what it was decoded to, to be freed
  int keep;         // give those, with room for so many bytes after them, if they fit 16 bits
} block;

// blocks_decode has one thread take its share of n blocks, of which *next is the first that
// nobody has taken. Returns -1 where there is no memory.
int blocks_decode(block *blocks, int32_t n, int32_t *next);

#endif
