#ifndef TESSERA_ENTROPY_H
#define TESSERA_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

// entropy_coder is working memory for one code-block at a time.
typedef struct entropy_coder entropy_coder;

entropy_coder *entropy_new(void);
void entropy_free(entropy_coder *);

// Code-block styles that change how passes are read (ISO/IEC 15444-1, table A.19).
enum { ENTROPY_RESET = 2, ENTROPY_VERTICAL = 8, ENTROPY_SEGSYM = 32 };

// Sub-bands by the contexts that they share (table D.1): LL and LH are alike.
enum { ENTROPY_LL = 0, ENTROPY_HL = 1, ENTROPY_LH = 2, ENTROPY_HH = 3 };

// entropy_begin makes ready for a block of w by h samples, 4096 at most and 1024 in a side,
// whose first bit-plane is planes, counted from 1. Samples hold the coefficients: twice the
// quantiser's index, and half a step of the last bit-plane decoded.
int entropy_begin(entropy_coder *, int w, int h, int band, int planes, int style, int32_t *samples);

// entropy_word decodes the passes of one codeword segment, behind which two bytes FF stand.
// Like every decoder it goes on with ones where the segment ends early.
void entropy_word(entropy_coder *, const uint8_t *data, size_t length, int passes);

#endif
