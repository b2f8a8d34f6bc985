/* Plugins that must be refused (test_mlx_open.c): FAKE_NAMELESS exports nothing, FAKE_STALE belongs to
 * another version of of3, FAKE_OLD finds an older MLX than it was built with; none of these: a good one. */
#include "mlx/plugin.h"

#ifndef FAKE_NAMELESS
static const char *device(void) { return "cpu"; }

const of3_mlx_plugin *of3_mlx_plugin_entry(void);
const of3_mlx_plugin *of3_mlx_plugin_entry(void) {
  static const of3_mlx_plugin plugin = {
#ifdef FAKE_STALE
      .abi = OF3_MLX_ABI + 1,
#else
      .abi = OF3_MLX_ABI,
#endif
      .operations = OF3_N_OP,
      .context = sizeof(of3_ctx),
      .table = sizeof(of3_backend),
      .compiled = "0.32.4",
#ifdef FAKE_OLD
      .loaded = "0.31.2",
#else
      .loaded = "0.32.9",
#endif
      .device = device,
  };
  return &plugin;
}
#endif
