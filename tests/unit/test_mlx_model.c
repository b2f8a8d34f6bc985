/* A closed model gives its weights back, whether its engine goes on or not: MLX holds no more after the
 * second of two models, opened one after the other, than after the first. With the argument in_place the
 * device takes mapped memory (shared_pages.cpp): MLX holds none of their matrices. Exits with 77 where there
 * is no MLX. */
#include <stdio.h>
#include <string.h>

#include "mlx/open.h"
#include "of3.h"

static const char checkpoint[] = "examples/demo/of3-demo.safetensors";

/* Bytes that MLX held at most while a model was opened. */
static of3_status open_and_close(const of3_device *mlx, of3_engine *engine, size_t *held, uint64_t *weights,
                                 of3_error *err) {
  of3_model *model = NULL;
  mlx->backend->held(mlx, true);
  of3_status status = of3_model_open(engine, checkpoint, &model, err);
  *held = mlx->backend->held(mlx, false).most;
  if (status == OF3_OK) *weights = of3_model_describe(model)->weight_bytes;
  of3_model_close(model);
  return status;
}

int main(int argc, char **argv) {
  const bool in_place = argc > 1 && strcmp(argv[1], "in_place") == 0;
  of3_engine_options o = of3_engine_defaults();
  of3_engine *engine = NULL;
  of3_error err = {0};
  const of3_backend *backend;
  of3_device mlx;
  size_t held[2] = {0};
  uint64_t weights = 0;
  if (of3_mlx_backend(OF3_BF16, &backend, &err) != OF3_OK ||
      of3_device_open(&mlx, backend, 0, &err) != OF3_OK) {
    printf("skipped: %s\n", err.text);
    return 77;
  }
  o.backend = "mlx";
  o.dtype = "bf16"; /* as the file has them */
  of3_status status = of3_engine_open(&o, NULL, &engine, &err);
  for (int i = 0; i < 2 && status == OF3_OK; i++)
    status = open_and_close(&mlx, engine, &held[i], &weights, &err);
  of3_engine_close(engine);
  printf("%zu bytes held for the first model, %zu for the second, weights are %llu%s%s\n", held[0], held[1],
         (unsigned long long)weights, *err.text ? ": " : "", err.text);
  const bool as_expected = in_place ? held[0] < weights / 4 : held[0] > weights / 2;
  return status != OF3_OK || !as_expected || held[1] > held[0] + weights / 4;
}
