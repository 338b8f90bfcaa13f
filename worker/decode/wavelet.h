#ifndef TESSERA_WAVELET_H
#define TESSERA_WAVELET_H

#include <stddef.h>
#include <stdint.h>

// wavelet_plane is a window on one sub-band or resolution, in its samples: int32_t where
// the wavelet is reversible, else float.
typedef struct {
  int32_t x0, y0, x1, y1;
  size_t stride; // samples from row to row
  void *samples; // of x0, y0
} wavelet_plane;

// wavelet_area is where a resolution begins and ends.
typedef struct {
  int32_t x0, y0, x1, y1;
} wavelet_area;

// wavelet_put writes a block of coefficients, as entropy_begin describes them, dequantised
// to where it falls on the plane; step is half the quantiser's. Samples are 16 bits where
// narrow, else 32.
void wavelet_put(const wavelet_plane *to, const void *samples, int narrow, int32_t x0, int32_t y0, int32_t x1,
                 int32_t y1, int reversible, float step);

// wavelet_narrow copies coefficients to 16 bits; -1 where one does not fit.
int wavelet_narrow(int16_t *to, const int32_t *from, size_t n);

// wavelet_stage is a resolution, the sub-bands LL, HL, LH and HH it is made of, and where it
// begins and ends. Sub-bands reach beyond it as far as it depends on them; rows of it are
// those wanted and those that they depend on in turn, which mean nothing afterwards.
typedef struct {
  wavelet_plane bands[4], to;
  wavelet_area all;
} wavelet_stage;

// wavelet_synthesise makes resolutions, each of which is a sub-band of the next (ISO/IEC
// 15444-1, F.3). Returns -1 where there is no memory.
int wavelet_synthesise(const wavelet_stage *stages, int n, int reversible);

// wavelet_colour undoes the component transform over three planes (annex G).
void wavelet_colour(const wavelet_plane planes[3], int reversible);

// wavelet_level shifts and clamps samples to what bits can hold, as integers: 28 bits at
// most, 20 of floats.
void wavelet_level(const wavelet_plane *plane, int bits, int is_signed, int reversible);

#endif
