/* Backends in plugins: shared libraries that are opened when they are asked for, so that the program needs
 * neither their libraries nor their language. A plugin exports of3_plugin_entry, which gives a table; it
 * brings its own copy of the few C functions that it calls.
 *
 *   of3_plugin_open    the file that the kind's environment variable names, else the one beside the program
 * (or the library that of3 is part of), else the one in ../lib/of3
 *
 * A plugin is refused unless it was built from the headers that the program was built from, its library has
 * the minor version that it was built with, and it can compute. It stays open until the process ends, as
 * threads of its library do. */
#ifndef OF3_TENSOR_PLUGIN_H
#define OF3_TENSOR_PLUGIN_H

#include "tensor/backend.h"

enum { OF3_PLUGIN_ABI = 5, OF3_PLUGIN_TYPES = OF3_F16 + 1 };

typedef struct of3_plugin {
  /* Both sides must agree on these before anything else is looked at. */
  uint32_t abi;          /* OF3_PLUGIN_ABI: changes with this struct */
  const char *interface; /* OF3_PLUGIN_INTERFACE: hash of the headers that both were built from */
  const char *compiled;  /* version of the library's headers, "0.32.4" */
  const char *loaded;    /* version of the library that was found */
  /* The rest may be used if the versions agree. */
  bool (*works)(char *why, size_t size);        /* adds two numbers on a device; or says why it cannot */
  const of3_backend *backend[OF3_PLUGIN_TYPES]; /* by the type of products; NULL: not served */
} of3_plugin;

#define OF3_PLUGIN_ENTRY "of3_plugin_entry"
typedef const of3_plugin *of3_plugin_entry_function(void);

/* What the program knows of a plugin before it opens it. */
typedef struct of3_plugin_kind {
  const char *library;  /* through which it computes, for messages: "MLX" */
  const char *file;     /* "of3_mlx", without .so or .dylib */
  const char *variable; /* the environment variable that may name the file */
  const char *advice;   /* ends the sentences of errors: "see docs/apple.md, or use --backend cpu" */
} of3_plugin_kind;

/* The file that the environment variable names, or NULL. Read nowhere else. */
const char *of3_plugin_named(const of3_plugin_kind *kind);

/* The backend of a type of products. OF3_ERR_UNSUPPORTED: there is no plugin, or it or its library does not
 * fit. */
OF3_MUST_CHECK of3_status of3_plugin_open(const of3_plugin_kind *kind, of3_dtype dtype,
                                          const of3_backend **ret_backend, of3_error *err);

#endif
