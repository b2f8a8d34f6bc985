/* The runner YAML; a form feed separates a file of the cache from the one that counts more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A 0 follows each text, as it does in a file that was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { MOST_MEMORY = 16 << 20 };
  of3_settings settings;
  of3_error err;
  char *text = malloc(size + 1);
  of3_arena *arena = of3_arena_new(0);
  if (text && arena) {
    if (size) memcpy(text, data, size);
    text[size] = 0;
    of3_arena_limit(arena, MOST_MEMORY);
    char *second = memchr(text, '\f', size);
    of3_settings_file file[2] = {{"f", text, second ? (size_t)(second - text) : size}};
    if (second) {
      *second = 0;
      file[1] = (of3_settings_file){"g", second + 1, size - (size_t)(second + 1 - text)};
    }
    if (of3_settings_parse(file, second ? 2 : 1, NULL, arena, &settings, &err) == OF3_OK)
      if (settings.n_seed < 0 || settings.templates.slots < 1 || !settings.differences) abort();
  }
  of3_arena_free(arena);
  free(text);
  return 0;
}
