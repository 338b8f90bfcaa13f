#ifndef TESSERA_JPEG_H
#define TESSERA_JPEG_H

#include <stddef.h>
#include <stdint.h>

// jpeg_encode writes a baseline JPEG, 4:2:0 where there is colour, of 1 (gray) or 3
// (RGB) interleaved bands. 0 for success; *out is then to be freed.
int jpeg_encode(const uint8_t *pixels, size_t stride, int width, int height, int bands,
                int quality, unsigned char **out, unsigned long *length);

const char *jpeg_library_version(void);

#endif
