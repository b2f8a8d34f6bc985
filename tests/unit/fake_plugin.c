/* Plugins that must be refused (test_mlx_open.c): FAKE_NAMELESS exports nothing, FAKE_STALE belongs to
 * another version of of3, FAKE_OTHER was built from other headers, FAKE_OLD finds an older MLX than it was
 * built with, FAKE_BROKEN cannot compute; none of these: a good one. */
#include "mlx/plugin.h"

#include <stdio.h>

#ifndef FAKE_NAMELESS
static const char *device(void) { return "cpu"; }

static uint64_t usable_memory(uint64_t machine) { return machine / 2; }

static bool works(char *why, size_t size) {
#ifdef FAKE_BROKEN
  return snprintf(why, size, "Failed to load the\ndefault metallib") < 0;
#else
  (void)why;
  return size > 0;
#endif
}

const of3_mlx_plugin *of3_mlx_plugin_entry(void);
const of3_mlx_plugin *of3_mlx_plugin_entry(void) {
  static const of3_mlx_plugin plugin = {
#ifdef FAKE_STALE
      .abi = OF3_MLX_ABI + 1,
#else
      .abi = OF3_MLX_ABI,
#endif
#ifdef FAKE_OTHER
      .interface = "0" OF3_MLX_INTERFACE,
#else
      .interface = OF3_MLX_INTERFACE,
#endif
      .compiled = "0.32.4",
#ifdef FAKE_OLD
      .loaded = "0.31.2",
#else
      .loaded = "0.32.9",
#endif
      .works = works,
      .device = device,
      .usable_memory = usable_memory,
  };
  return &plugin;
}
#endif
