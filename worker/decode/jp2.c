#include "jp2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Reads go from the caller's memory straight to OpenJPEG; a larger stream buffer
// would only copy more of every tile-part twice.
#define STREAM_BUFFER (32 * 1024)

// HIGH_THROUGHPUT is the code-block style flag of ISO/IEC 15444-15.
#define HIGH_THROUGHPUT 0x40

static void note(const char *message, void *user) {
  jp2_reader *r = user;
  size_t used = strlen(r->error);
  size_t n = strcspn(message, "\n");
  if (n == 0 || used + n + 3 > sizeof(r->error))
    return;
  snprintf(r->error + used, sizeof(r->error) - used, "%s%.*s", used ? "; " : "", (int)n, message);
}

static void ignore(const char *message, void *user) {}

static OPJ_SIZE_T stream_read(void *to, OPJ_SIZE_T n, void *user) {
  jp2_reader *r = user;
  size_t left = r->size - r->pos;
  if (left == 0)
    return (OPJ_SIZE_T)-1;
  if (n > left)
    n = left;
  memcpy(to, r->data + r->pos, n);
  r->pos += n;
  return n;
}

static OPJ_OFF_T stream_skip(OPJ_OFF_T n, void *user) {
  jp2_reader *r = user;
  if (n < 0)
    return -1;
  if ((uint64_t)n > r->size - r->pos)
    n = r->size - r->pos;
  r->pos += n;
  return n;
}

static OPJ_BOOL stream_seek(OPJ_OFF_T to, void *user) {
  jp2_reader *r = user;
  if (to < 0 || (uint64_t)to > r->size)
    return OPJ_FALSE;
  r->pos = to;
  return OPJ_TRUE;
}

static int open_stream(jp2_reader *r) {
  r->stream = opj_stream_create(STREAM_BUFFER, OPJ_TRUE);
  if (!r->stream)
    return -1;
  opj_stream_set_user_data(r->stream, r, NULL);
  opj_stream_set_user_data_length(r->stream, r->size);
  opj_stream_set_read_function(r->stream, stream_read);
  opj_stream_set_skip_function(r->stream, stream_skip);
  opj_stream_set_seek_function(r->stream, stream_seek);
  return 0;
}

static int open_codec(jp2_reader *r, int boxed, int strict, int threads) {
  r->codec = opj_create_decompress(boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
  if (!r->codec)
    return -1;
  opj_set_error_handler(r->codec, note, r);
  opj_set_warning_handler(r->codec, ignore, NULL);
  opj_set_info_handler(r->codec, ignore, NULL);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!opj_setup_decoder(r->codec, &parameters) ||
      !opj_decoder_set_strict_mode(r->codec, strict ? OPJ_TRUE : OPJ_FALSE))
    return -1;
  if (threads > 1)
    opj_codec_set_threads(r->codec, threads); // without them it is only slower
  return 0;
}

static int describe_header(jp2_reader *r, jp2_header *h) {
  opj_codestream_info_v2_t *info = opj_get_cstr_info(r->codec);
  if (!info)
    return -1;
  opj_image_t *image = r->image;
  h->x0 = image->x0, h->y0 = image->y0, h->x1 = image->x1, h->y1 = image->y1;
  h->tx0 = info->tx0, h->ty0 = info->ty0, h->tdx = info->tdx, h->tdy = info->tdy;
  h->tiles = info->tw * info->th;
  h->components = image->numcomps;
  h->levels = 32;
  for (uint32_t i = 0; i < image->numcomps; i++) {
    opj_image_comp_t *c = &image->comps[i];
    opj_tccp_info_t *coding = &info->m_default_tile_info.tccp_info[i];
    uint32_t levels = coding->numresolutions - 1;
    h->high_throughput |= (coding->cblksty & HIGH_THROUGHPUT) != 0;
    h->levels = levels < h->levels ? levels : h->levels;
    h->depth = c->prec > h->depth ? c->prec : h->depth;
    uint32_t step = c->dx > c->dy ? c->dx : c->dy;
    h->max_step = step > h->max_step ? step : h->max_step;
  }
  opj_destroy_cstr_info(&info);
  return 0;
}

int jp2_open(jp2_reader *r, const void *data, size_t size, int boxed, int strict, int threads, jp2_header *h) {
  memset(r, 0, sizeof(*r));
  memset(h, 0, sizeof(*h));
  r->data = data;
  r->size = size;
  if (open_stream(r) || open_codec(r, boxed, strict, threads) || !opj_read_header(r->stream, r->codec, &r->image) ||
      r->image->numcomps == 0)
    return -1;
  return describe_header(r, h);
}

int jp2_reduce(jp2_reader *r, uint32_t levels) {
  return opj_set_decoded_resolution_factor(r->codec, levels) ? 0 : -1;
}

int jp2_decode(jp2_reader *r, uint32_t x0, uint32_t y0, uint32_t x1, uint32_t y1) {
  if (!opj_set_decode_area(r->codec, r->image, x0, y0, x1, y1) ||
      !opj_decode(r->codec, r->stream, r->image))
    return -1;
  for (uint32_t i = 0; i < r->image->numcomps; i++)
    if (!r->image->comps[i].data) {
      note("a component has no data", r);
      return -1;
    }
  return 0;
}

int jp2_resize(jp2_reader *r, uint32_t component, uint32_t x0, uint32_t y0, uint32_t w, uint32_t h) {
  opj_image_comp_t *c = &r->image->comps[component];
  opj_image_data_free(c->data);
  c->data = opj_image_data_alloc(sizeof(OPJ_INT32) * ((size_t)w * h > 0 ? (size_t)w * h : 1));
  c->x0 = x0, c->y0 = y0, c->w = w, c->h = h, c->factor = 0;
  return c->data ? 0 : -1;
}

void jp2_fill(jp2_reader *r, uint32_t component, const wavelet_plane *from) {
  opj_image_comp_t *c = &r->image->comps[component];
  for (int32_t y = from->y0; y < from->y1; y++)
    memcpy(c->data + (size_t)(y - c->y0) * c->w + (from->x0 - c->x0),
           (const int32_t *)from->samples + (size_t)(y - from->y0) * from->stride,
           sizeof(OPJ_INT32) * (from->x1 - from->x0));
}

void jp2_close(jp2_reader *r) {
  if (r->image)
    opj_image_destroy(r->image);
  if (r->codec)
    opj_destroy_codec(r->codec);
  if (r->stream)
    opj_stream_destroy(r->stream);
  memset(r, 0, sizeof(*r));
}
