/* The data block at hand as both readers fill it: categories, their columns, and memory within the limit. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <strings.h>

#include "base/str.h"
#include "cif/cif_parts.h"

of3_status of3_cif_over_limit(const of3_cif *c, of3_error *err) {
  return of3_fail(err, OF3_ERR_MEMORY, "'%.200s' needs more than the %.1f MB that may be used to read it",
                  c->name, (double)c->most * 1e-6);
}

of3_status of3_cif_not_text(const of3_cif *c, of3_error *err) {
  return of3_fail(err, OF3_ERR_INPUT, "'%.200s' is neither a CIF text nor a BinaryCIF file", c->name);
}

of3_status of3_cif_grow(of3_cif *c, void **array, size_t *room, size_t need, size_t size, of3_error *err) {
  if (need <= *room) return OF3_OK;
  size_t more = *room > need - need / 2 ? *room + *room / 2 : need + need / 2 + 16;
  if (more > c->most / size || c->most - c->taken < (more - *room) * size) {
    more = need;
    if (more > c->most / size || c->most - c->taken < (more - *room) * size)
      return of3_cif_over_limit(c, err);
  }
  void *grown = realloc(*array, more * size);
  if (!grown) return of3_fail_memory(err, c->name);
  c->taken += (more - *room) * size;
  *array = grown;
  *room = more;
  return OF3_OK;
}

static bool cif_same_name(of3_cif_slice a, of3_cif_slice b) {
  return a.n == b.n && strncasecmp(a.text, b.text, a.n) == 0;
}

void of3_cif_clear(of3_cif *c) {
  c->n_category = c->n_item = 0;
  c->n_cell = 0;
  c->block = (cif_span){0};
}

int of3_cif_find_category(const of3_cif *c, of3_cif_slice name) {
  for (int i = c->n_category - 1; i >= 0; i--)
    if (cif_same_name(cif_slice(c, c->category[i].name), name)) return i;
  return -1;
}

int of3_cif_find_item(const of3_cif *c, int category, of3_cif_slice name) {
  for (int i = c->category[category].first_item; i >= 0; i = c->item[i].next)
    if (cif_same_name(cif_slice(c, c->item[i].name), name)) return i;
  return -1;
}

of3_status of3_cif_add_category(of3_cif *c, cif_span name, int *ret_category, of3_error *err) {
  if (c->n_category == CIF_MOST_CATEGORIES)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has more than %d categories in a data block", c->name,
                    CIF_MOST_CATEGORIES);
  size_t room = (size_t)c->category_room;
  OF3_TRY(of3_cif_grow(c, (void **)&c->category, &room, (size_t)c->n_category + 1, sizeof *c->category, err));
  c->category_room = (int)room;
  c->category[c->n_category] = (cif_category){.name = name, .first_item = -1, .last_item = -1};
  *ret_category = c->n_category++;
  return OF3_OK;
}

of3_status of3_cif_add_item(of3_cif *c, int category, cif_span name, cif_item **ret_item, of3_error *err) {
  if (c->n_item == CIF_MOST_ITEMS)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has more than %d columns in a data block", c->name,
                    CIF_MOST_ITEMS);
  size_t room = (size_t)c->item_room;
  OF3_TRY(of3_cif_grow(c, (void **)&c->item, &room, (size_t)c->n_item + 1, sizeof *c->item, err));
  c->item_room = (int)room;
  cif_category *k = &c->category[category];
  if (of3_cif_find_item(c, category, cif_slice(c, name)) >= 0)
    return of3_fail(err, OF3_ERR_INPUT, "'%.200s' has the column '%.*s' of the category '%.*s' twice",
                    c->name, (int)(name.n < 60 ? name.n : 60), c->base + name.at,
                    (int)(k->name.n < 60 ? k->name.n : 60), c->base + k->name.at);
  c->item[c->n_item] = (cif_item){.name = name, .next = -1};
  if (k->last_item < 0)
    k->first_item = c->n_item;
  else
    c->item[k->last_item].next = c->n_item;
  k->last_item = c->n_item;
  k->n_item++;
  *ret_item = &c->item[c->n_item++];
  return OF3_OK;
}
