/* JSON that servers send. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "server/server_parts.h"

enum { MOST_STATE_MEMORY = 1 << 24, MOST_ENTRIES_MEMORY = 512 << 20 };

/* NULL: it is no JSON, or takes too much. Ownership: json_decref. */
static json_t *read_json(const char *text, size_t size, size_t most) {
  of3_error ignored;
  json_error_t error;
  return text && of3_json_check(text, size, most, NULL, &ignored) == OF3_OK
             ? of3_json_load(text, size, &error)
             : NULL;
}

/* ---- A ticket */

void of3_answer_set_status(server_state *s, const char *status) {
  snprintf(s->status, sizeof s->status, "%s", status);
}

void of3_answer_state(const char *text, size_t size, server_state *out) {
  json_t *root = read_json(text, size, MOST_STATE_MEMORY);
  const char *status = json_string_value(json_object_get(root, "status"));
  const char *id = json_string_value(json_object_get(root, "id"));
  if (status) of3_answer_set_status(out, status);
  if (id && of3_ticket_is_one(id)) snprintf(out->ticket, sizeof out->ticket, "%s", id);
  json_decref(root);
}

/* ---- Names of chains */

/* "label author", a line each. */
static void take_entity(const json_t *entity, of3_str *out) {
  const json_t *ids = json_object_get(entity, "rcsb_polymer_entity_container_identifiers");
  const json_t *label = json_object_get(ids, "asym_ids"), *author = json_object_get(ids, "auth_asym_ids");
  for (size_t k = 0; k < json_array_size(label) && k < json_array_size(author); k++) {
    const char *l = json_string_value(json_array_get(label, k)),
               *a = json_string_value(json_array_get(author, k));
    if (l && a && !l[strcspn(l, " \n")] && !a[strcspn(a, " \n")]) of3_str_addf(out, "%s %s\n", l, a);
  }
}

/* Entries without a name, or with one that the PDB cannot have, are left out. */
static of3_status take_entry(const json_t *entry, of3_arena *arena, server_entry *out, bool *ret_is,
                             of3_error *err) {
  const char *id = json_string_value(json_object_get(entry, "rcsb_id"));
  const json_t *entities = json_object_get(entry, "polymer_entities");
  of3_str text = {0};
  *ret_is = id && strlen(id) < sizeof out->id;
  if (!*ret_is) return OF3_OK;
  for (size_t k = 0; k <= strlen(id); k++)
    out->id[k] = id[k] >= 'A' && id[k] <= 'Z' ? (char)(id[k] - 'A' + 'a') : id[k];
  for (size_t k = 0; k < json_array_size(entities); k++) take_entity(json_array_get(entities, k), &text);
  out->names = text.failed ? NULL : of3_arena_strdup(arena, text.text ? text.text : "");
  of3_str_free(&text);
  return out->names ? OF3_OK : of3_fail_memory(err, "names of chains");
}

of3_status of3_answer_entries(const char *text, size_t size, of3_arena *arena, server_entry **ret_entry,
                              int *ret_n, of3_error *err) {
  json_t *root = read_json(text, size, MOST_ENTRIES_MEMORY);
  const json_t *list = json_object_get(json_object_get(root, "data"), "entries");
  const size_t n = json_array_size(list);
  server_entry *entry = OF3_ARENA_NEW(arena, server_entry, n);
  of3_status status = entry ? OF3_OK : of3_fail_memory(err, "names of chains");
  *ret_entry = entry;
  *ret_n = json_is_array(list) ? 0 : -1;
  for (size_t k = 0; k < n && status == OF3_OK; k++) {
    bool is = false;
    status = take_entry(json_array_get(list, k), arena, &entry[*ret_n], &is, err);
    *ret_n += is;
  }
  json_decref(root);
  return status;
}
