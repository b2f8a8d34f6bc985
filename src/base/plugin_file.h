/* Plugins: shared libraries that are opened when they are asked for, so that the program needs neither their
 * libraries nor their language. A plugin exports one function without arguments that returns a table.
 *
 * Where it is: the file that the environment variable names, else the one beside the program (or the library
 * that of3 is part of), else the one in ../lib/of3. It stays open until the process ends. */
#ifndef OF3_BASE_PLUGIN_FILE_H
#define OF3_BASE_PLUGIN_FILE_H

#include <stddef.h>

#include "base/status.h"

typedef struct of3_plugin_file {
  const char *what;     /* for messages: "the MLX backend" */
  const char *one;      /* "a backend of of3" */
  const char *file;     /* "of3_mlx", without .so or .dylib */
  const char *variable; /* the environment variable that may name the file */
  const char *advice;   /* ends the sentences of errors */
  const char *entry;    /* the function */
} of3_plugin_file;

enum { OF3_PLUGIN_PATH = 4096 };

/* The file that an environment variable names, or NULL. */
const char *of3_plugin_file_named(const char *variable);

/* Calls the plugin's function; *ret_table is what it returns, path [size] becomes the file.
 * OF3_ERR_UNSUPPORTED: there is no plugin, or it does not load. */
OF3_MUST_CHECK of3_status of3_plugin_file_open(const of3_plugin_file *file, char *path, size_t size,
                                               const void **ret_table, of3_error *err);

/* Texts of the loader and of libraries may have several lines. Returns text. */
const char *of3_one_line(char *text);

#endif
