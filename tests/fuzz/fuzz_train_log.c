/* What a training log is continued from, and drawn from: the records of an event file, and tables of steps.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plot/charts.h"
#include "train/event_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  of3_picture *picture;
  of3_str svg = {0};
  of3_error err;
  if (of3_event_kept(data, size, 1000) > size) abort();
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = 0;
  if (of3_chart_training("run", text, text, &picture, &err) == OF3_OK) {
    if (of3_picture_svg(picture, &svg, &err) != OF3_OK) abort();
    of3_str_free(&svg);
    of3_picture_free(picture);
  }
  free(text);
  return 0;
}
