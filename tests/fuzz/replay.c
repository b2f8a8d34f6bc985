/* Runs a fuzz target on every file of a folder: the corpus replays in any build, without a fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return 0;
  fseek(f, 0, SEEK_END);
  long n = ftell(f);
  rewind(f);
  uint8_t *data = malloc(n > 0 ? (size_t)n : 1);
  size_t got = data && n > 0 ? fread(data, 1, (size_t)n, f) : 0;
  fclose(f);
  LLVMFuzzerTestOneInput(data, got);
  free(data);
  return 1;
}

int main(int argc, char **argv) {
  int done = 0;
  DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
  for (struct dirent *e; d && (e = readdir(d));) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
    if (e->d_name[0] != '.') done += replay(path);
  }
  if (d) closedir(d);
  printf("%d inputs replayed\n", done);
  return done ? 0 : 1;
}
