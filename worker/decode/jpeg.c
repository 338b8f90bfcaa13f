#include "jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

typedef struct {
  struct jpeg_error_mgr base; // first, so that libjpeg's pointer is ours
  jmp_buf back;
} error_mgr;

static void fail(j_common_ptr info) { longjmp(((error_mgr *)info->err)->back, 1); }
static void ignore(j_common_ptr info) {}

int jpeg_encode(const uint8_t *pixels, size_t stride, int width, int height, int bands,
                int quality, unsigned char **out, unsigned long *length) {
  struct jpeg_compress_struct c;
  error_mgr errors;
  *length = (unsigned long)width * height * bands / 2 + 4096;
  *out = NULL;
  unsigned char *own = malloc(*length), *grown = own;
  if (!own)
    return -1;
  c.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = fail;
  errors.base.output_message = ignore;
  if (setjmp(errors.back)) {
    // What libjpeg has grown cannot be told from what it has freed: it tells at the end
    // only. The one error is a lack of memory, after which the process is replaced.
    jpeg_destroy_compress(&c);
    free(own);
    return -1;
  }
  jpeg_create_compress(&c);
  jpeg_mem_dest(&c, &grown, length);
  c.image_width = width;
  c.image_height = height;
  c.input_components = bands;
  c.in_color_space = bands == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&c); // baseline, standard Huffman tables, 4:2:0
  jpeg_set_quality(&c, quality, TRUE);
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    JSAMPROW row = (JSAMPROW)(pixels + c.next_scanline * stride);
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  if (grown != own)
    free(own);
  *out = grown;
  return 0;
}

const char *jpeg_library_version(void) {
#ifdef LIBJPEG_TURBO_VERSION
  return "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION);
#else
  return "libjpeg " TEXT(JPEG_LIB_VERSION);
#endif
}
