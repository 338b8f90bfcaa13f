#include "jp2.h"

#include <string.h>

// OpenJPEG hands the CIELab parameters of a colr box over in the place of an ICC
// profile of length 0: EnumCS, a default flag, then range and offset of L, a and b.
enum { ENUM_CIELAB = 14, LAB_DEFAULT = 0x44454600 };

static int is_lab(const opj_image_t *image) {
  uint32_t enumerated;
  if (!image->icc_profile_buf || image->icc_profile_len != 0)
    return 0;
  memcpy(&enumerated, image->icc_profile_buf, sizeof(enumerated));
  return enumerated == ENUM_CIELAB;
}

// lab_ranges follows ISO/IEC 15444-2, M.11.7.4.1: defaults depend on the bit depth.
static void lab_ranges(const opj_image_t *image, const int *from, double *lab) {
  uint32_t p[9];
  memcpy(p, image->icc_profile_buf, sizeof(p));
  if (p[1] != LAB_DEFAULT) {
    for (int i = 0; i < 6; i++)
      lab[i] = p[2 + i];
    return;
  }
  double a = (double)(1u << (image->comps[from[1]].prec - 1));
  double b = (double)(1u << (image->comps[from[2]].prec - 1)) * 0.75;
  double defaults[6] = {100, 0, 170, a, 200, b};
  memcpy(lab, defaults, sizeof(defaults));
}

static int icc_is(const opj_image_t *image, const char *space) {
  return image->icc_profile_len > 128 && memcmp(image->icc_profile_buf + 16, space, 4) == 0;
}

static int is_ycc(const opj_image_t *image, const int *from) {
  const opj_image_comp_t *y = &image->comps[from[0]], *cb = &image->comps[from[1]];
  if (image->color_space == OPJ_CLRSPC_SYCC || image->color_space == OPJ_CLRSPC_EYCC)
    return 1;
  // Nobody subsamples green and blue: files without a colour box mean YCC by this.
  return image->color_space != OPJ_CLRSPC_SRGB && y->dx == 1 && y->dy == 1 &&
         (cb->dx > 1 || cb->dy > 1);
}

static int model_of(const opj_image_t *image, const int *from, int colours) {
  if (colours < 3)
    return JP2_GRAY;
  if (is_lab(image))
    return JP2_LAB;
  if (colours >= 4 && (image->color_space == OPJ_CLRSPC_CMYK || icc_is(image, "CMYK")))
    return JP2_CMYK;
  if (image->color_space == OPJ_CLRSPC_GRAY || icc_is(image, "GRAY"))
    return JP2_GRAY;
  return is_ycc(image, from) ? JP2_YCC : JP2_RGB;
}

static int bands_of(int model) { return model == JP2_GRAY ? 1 : model == JP2_CMYK ? 4 : 3; }

int jp2_describe(jp2_reader *r, jp2_colour *c) {
  const opj_image_t *image = r->image;
  int all[JP2_MAX_BANDS], colours = 0, alpha = -1;
  memset(c, 0, sizeof(*c));
  for (uint32_t i = 0; i < image->numcomps; i++) {
    if (image->comps[i].alpha == 0 && colours < JP2_MAX_BANDS)
      all[colours++] = i;
    else if (alpha < 0 && (image->comps[i].alpha == 1 || image->comps[i].alpha == 2))
      alpha = i;
  }
  if (colours == 0)
    return -1;
  c->model = model_of(image, all, colours);
  c->bands = bands_of(c->model);
  // Without channel definitions one component too many is opacity by custom.
  if (alpha < 0 && colours == c->bands + 1)
    alpha = all[c->bands];
  memcpy(c->from, all, c->bands * sizeof(int));
  if (c->model == JP2_LAB)
    lab_ranges(image, c->from, c->lab);
  if (alpha >= 0) {
    c->alpha = 1;
    c->premultiplied = image->comps[alpha].alpha == 2;
    c->from[c->bands++] = alpha;
  }
  if (c->model != JP2_LAB) {
    c->icc = image->icc_profile_buf;
    c->icc_length = image->icc_profile_len;
  }
  return 0;
}
