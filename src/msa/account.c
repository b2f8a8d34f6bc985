#include "msa/account.h"

#include <string.h>

enum { FIRST_ROOM = 8 };

/* Room for one more of n elements; the old array stays in the arena. False: memory is out. */
static bool make_room(of3_account *a, void **array, int n, int *room, size_t size) {
  if (n < *room) return true;
  const int more = *room ? 2 * *room : FIRST_ROOM;
  void *larger = of3_arena_alloc(a->arena, (size_t)more, size);
  a->failed |= !larger;
  if (!larger) return false;
  if (n) memcpy(larger, *array, (size_t)n * size);
  *array = larger;
  *room = more;
  return true;
}

/* NULL stays NULL. */
static const char *keep(of3_account *a, const char *opt_text) {
  const char *kept = opt_text ? of3_arena_strdup(a->arena, opt_text) : NULL;
  a->failed |= opt_text && !kept;
  return kept;
}

of3_chain_account *of3_account_chain(of3_account *a, const char *id) {
  if (!a) return NULL;
  for (int i = 0; i < a->n; i++)
    if (strcmp(a->chain[i]->chain, id) == 0) return a->chain[i];
  of3_chain_account *c = OF3_ARENA_NEW(a->arena, of3_chain_account, 1);
  a->failed |= !c;
  if (!c || !make_room(a, (void **)&a->chain, a->n, &a->room, sizeof(of3_chain_account *))) return NULL;
  c->chain = keep(a, id);
  c->of = a;
  if (!c->chain) return NULL;
  return a->chain[a->n++] = c;
}

void of3_account_file(of3_chain_account *c, of3_file_account file) {
  if (!c || !make_room(c->of, (void **)&c->file, c->n_file, &c->room_file, sizeof file)) return;
  file.path = keep(c->of, file.path);
  file.key = keep(c->of, file.key);
  file.opt_why = keep(c->of, file.opt_why);
  c->file[c->n_file++] = file;
}

void of3_account_template(of3_chain_account *c, of3_template_account t) {
  if (!c || !make_room(c->of, (void **)&c->template_, c->n_template, &c->room_template, sizeof t)) return;
  t.name = keep(c->of, t.name);
  t.opt_why = keep(c->of, t.opt_why);
  c->template_[c->n_template++] = t;
}
