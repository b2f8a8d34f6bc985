/* Plugins that must be refused (test_mlx_open.c): FAKE_NAMELESS exports nothing, FAKE_STALE belongs to
 * another version of of3, FAKE_OTHER was built from other headers, FAKE_OLD finds an older MLX than it was
 * built with, FAKE_BROKEN cannot compute; none of these: a good one. */
#include "tensor/plugin.h"

#include <stdio.h>

#ifndef FAKE_NAMELESS
static int count_devices(const of3_backend *b) {
  (void)b;
  return 2;
}

static of3_status open_device(of3_device *d, of3_error *err) {
  (void)err;
  d->name = "fake";
  d->version = "0.32.9";
  d->memory = (uint64_t)d->index + 1;
  return OF3_OK;
}

static bool works(char *why, size_t size) {
#ifdef FAKE_BROKEN
  return snprintf(why, size, "Failed to load the\ndefault metallib") < 0;
#else
  (void)why;
  return size > 0;
#endif
}

const of3_plugin *of3_plugin_entry(void);
const of3_plugin *of3_plugin_entry(void) {
  static const of3_backend f32 = {
      .name = "mlx", .isa = "", .count_devices = count_devices, .open_device = open_device};
  static const of3_plugin plugin = {
#ifdef FAKE_STALE
      .abi = OF3_PLUGIN_ABI + 1,
#else
      .abi = OF3_PLUGIN_ABI,
#endif
#ifdef FAKE_OTHER
      .interface = "0" OF3_PLUGIN_INTERFACE,
#else
      .interface = OF3_PLUGIN_INTERFACE,
#endif
      .compiled = "0.32.4",
#ifdef FAKE_OLD
      .loaded = "0.31.2",
#else
      .loaded = "0.32.9",
#endif
      .works = works,
      .backend = {[OF3_F32] = &f32},
  };
  return &plugin;
}
#endif
