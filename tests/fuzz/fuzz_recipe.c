/* The training YAML. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "learn/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A 0 follows the text, as it does in a file that was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { MOST_MEMORY = 16 << 20 };
  of3_recipe recipe;
  of3_error err;
  char *text = malloc(size + 1);
  of3_arena *arena = of3_arena_new(0);
  if (text && arena) {
    if (size) memcpy(text, data, size);
    text[size] = 0;
    of3_arena_limit(arena, MOST_MEMORY);
    const of3_settings_file file = {"f", text, size};
    if (of3_recipe_parse(&file, NULL, arena, &recipe, &err) == OF3_OK) {
      if (recipe.n_train < 1 || of3_recipe_epoch(&recipe) < 1 || of3_recipe_last_step(&recipe) < 0) abort();
      for (int i = 0; i < recipe.n_train; i++)
        if (!recipe.train[i].file || recipe.train[i].budget < 4) abort();
    }
  }
  of3_arena_free(arena);
  free(text);
  return 0;
}
