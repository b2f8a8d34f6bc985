/* What of3_mlx.so and the C program know of each other. The plugin is C++20 on MLX's C++ interface and brings
 * its own copy of the few C functions it calls; the program needs neither MLX nor C++. */
#ifndef OF3_MLX_PLUGIN_H
#define OF3_MLX_PLUGIN_H

#include <stdint.h>

#include "tensor/backend.h"

enum { OF3_MLX_ABI = 4 };

typedef struct of3_mlx_plugin {
  /* Both sides must agree on these before anything else is looked at. */
  uint32_t abi;          /* OF3_MLX_ABI: changes with this struct */
  const char *interface; /* OF3_MLX_INTERFACE: hash of the headers that both were built from */
  const char *compiled;  /* MLX version of the headers, "0.32.4" */
  const char *loaded;    /* MLX version of the library that was found */
  /* The rest may be used if the versions agree. */
  bool (*works)(char *why, size_t size);       /* adds two numbers on the device; or says why it cannot */
  const of3_backend *backend[3];               /* f32, bf16, f16, by of3_dtype */
  const char *(*device)(void);                 /* "cpu", "metal", "cuda": where MLX computes here */
  uint64_t (*usable_memory)(uint64_t machine); /* open.h */
  of3_held (*held)(bool restart);              /* open.h */
} of3_mlx_plugin;

#define OF3_MLX_ENTRY "of3_mlx_plugin_entry"
typedef const of3_mlx_plugin *of3_mlx_entry(void);

#endif
