/* Ligands of an SDF file: entries, each a mol block up to "M  END" with data behind it, up to "$$$$". */
#include <string.h>

#include "base/str.h"
#include "dialect/ligand_list.h"
#include "msa/lines.h"

/* An entry on its way. */
typedef struct sdf_entry {
  const char *begin, *end; /* of its mol block; end NULL: "M  END" has not come yet */
  const char *title;
  size_t n_title;
  int line; /* of its first line */
  bool any; /* a line that is not blank */
} sdf_entry;

static bool begins_with(const char *line, size_t n, const char *with) {
  const size_t k = strlen(with);
  return n >= k && memcmp(line, with, k) == 0;
}

static of3_status end_entry(const sdf_entry *e, of3_ligand_list *out, of3_error *err) {
  size_t n = e->n_title, at = 0;
  if (!e->any) return OF3_OK;
  while (at < n && of3_is_space(e->title[at])) at++;
  while (n > at && of3_is_space(e->title[n - 1])) n--;
  of3_listed_ligand *l = &out->ligand[out->n++];
  *l = (of3_listed_ligand){.line = e->line};
  if (n > at) l->name = of3_arena_strndup(out->arena, e->title + at, n - at);
  if (e->end)
    l->sdf = of3_arena_strndup(out->arena, e->begin, (size_t)(e->end - e->begin));
  else
    l->error = "its entry ends without 'M  END': the file may have been cut off";
  return (n == at || l->name) && (l->sdf || l->error) ? OF3_OK : of3_fail_memory(err, out->file);
}

of3_status of3_ligand_list_sdf(const char *text, size_t size, of3_ligand_list *out, of3_error *err) {
  of3_lines lines = of3_lines_of(text, size);
  sdf_entry e = {.line = 0};
  const char *line;
  size_t n;
  for (int number = 1; of3_lines_next(&lines, &line, &n); number++) {
    if (begins_with(line, n, "$$$$")) {
      OF3_TRY(end_entry(&e, out, err));
      e = (sdf_entry){.line = 0};
      continue;
    }
    if (!e.line) e = (sdf_entry){.begin = line, .title = line, .n_title = n, .line = number};
    for (size_t k = 0; k < n && !e.any; k++) e.any = !of3_is_space(line[k]);
    if (!e.end && begins_with(line, n, "M  END")) e.end = line + n;
  }
  return end_entry(&e, out, err);
}
