#define _GNU_SOURCE
#include "vips.h"

#include <dlfcn.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <vips/vips.h>

void vips_tessera_allow_loaders(void) {
  static const char *allowed[] = {
      "VipsForeignLoadTiffBuffer",
      "VipsForeignLoadJpegBuffer",
      "VipsForeignLoadPngBuffer",
      "VipsForeignLoadWebpBuffer",
  };
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++)
    vips_operation_block_set(allowed[i], FALSE);
}

void vips_tessera_load_avif(void) {
  Dl_info libvips;
  char path[4096];
  if (!dladdr((void *)vips_init, &libvips) || !libvips.dli_fname)
    return;
  const char *slash = strrchr(libvips.dli_fname, '/');
  if (!slash)
    return;
  int n = snprintf(path, sizeof(path), "%.*s/vips-modules-%d.%d/vips-heif.so",
                   (int)(slash - libvips.dli_fname), libvips.dli_fname, vips_version(0),
                   vips_version(1));
  if (n < (int)sizeof(path) && g_file_test(path, G_FILE_TEST_EXISTS))
    g_module_open(path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
}

// Tile-parts and int32 tile buffers of several megabytes come and go with every task:
// mapping them anew costs a page fault per 4 KiB, a third of the time on large files.
void memory_tune(void) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_ARENA_MAX, 2);
}

// KEEP is free memory worth keeping: the working set of the tiles decoded together.
#define KEEP ((size_t)96 << 20)

void memory_give_back(void) {
  if (mallinfo2().fordblks > KEEP)
    malloc_trim(KEEP);
}

void die_by_signal(void) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU};
  for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
    signal(faults[i], SIG_DFL);
}

void fault_crash(void) { raise(SIGSEGV); }

void fault_exhaust(void) {
  for (;;)
    memset(malloc(16 << 20), 1, 16 << 20);
}
