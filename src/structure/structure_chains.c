/* Chains of polymers, from the categories that list their residues. */
#include <string.h>

#include "structure/structure_parts.h"

chain_in *structure_find_chain(structure_in *s, const char *id) {
  if (s->last < s->n && strcmp(s->chain[s->last].of.id, id) == 0) return &s->chain[s->last];
  for (int i = 0; i < s->n; i++)
    if (strcmp(s->chain[i].of.id, id) == 0) {
      s->last = i;
      return &s->chain[i];
    }
  return NULL;
}

of3_status structure_add_chain(structure_in *s, const char *id, chain_in **out, of3_error *err) {
  if (s->n == STRUCTURE_MOST_CHAINS)
    return of3_fail(err, OF3_ERR_INPUT, "'%s': the file has more than %d chains", of3_cif_file_name(s->cif),
                    STRUCTURE_MOST_CHAINS);
  if (s->n == s->room) {
    const int room = s->room ? 2 * s->room : 16;
    chain_in *more = OF3_ARENA_NEW(s->scratch, chain_in, room);
    if (!more) return of3_fail_memory(err, "the chains of a structure");
    if (s->n) memcpy(more, s->chain, (size_t)s->n * sizeof *more);
    s->chain = more;
    s->room = room;
  }
  chain_in *c = &s->chain[s->n];
  *c = (chain_in){0};
  memcpy(c->of.id, id, strlen(id) + 1);
  s->last = s->n++;
  *out = c;
  return OF3_OK;
}

of3_status structure_reach_residue(structure_in *s, chain_in *c, int64_t n, of3_error *err) {
  if (n < 1 || n > STRUCTURE_MOST_RESIDUES)
    return of3_fail(err, OF3_ERR_INPUT, "'%s': chain %s has a residue of number %lld; 1 to %d were expected",
                    of3_cif_file_name(s->cif), c->of.id, (long long)n, STRUCTURE_MOST_RESIDUES);
  if (n > c->room) {
    const int room = (int)(n > 2 * c->room ? n + 16 : 2 * c->room);
    residue_in *more = OF3_ARENA_NEW(s->scratch, residue_in, room);
    if (!more) return of3_fail_memory(err, "the residues of a structure");
    if (c->n) memcpy(more, c->residue, (size_t)c->n * sizeof *more);
    c->residue = more;
    c->room = room;
  }
  for (; c->n < n; c->n++) c->residue[c->n].of.number = c->n + 1;
  return OF3_OK;
}

of3_status structure_open_columns(of3_cif *cif, const char *category, const char *const *item, int n,
                                  of3_cif_column *out, of3_error *err) {
  for (int i = 0; i < n; i++) OF3_TRY(of3_cif_column_open(cif, category, item[i], &out[i], err));
  return OF3_OK;
}

/* Of several residues on one number the first counts. */
static of3_status put_listed(structure_in *s, chain_in *chain, of3_cif_column *number, of3_cif_column *code,
                             int64_t r, of3_error *err) {
  char name[sizeof chain->residue->of.code];
  int64_t at;
  if (!of3_cif_get_integer(number, r, &at) || of3_cif_copy(code, r, name, sizeof name) >= sizeof name)
    return OF3_OK;
  OF3_TRY(structure_reach_residue(s, chain, at, err));
  chain->listed = chain->of.polymer = true;
  if (!chain->residue[at - 1].of.code[0]) memcpy(chain->residue[at - 1].of.code, name, sizeof name);
  return OF3_OK;
}

static of3_status read_scheme(structure_in *s, of3_error *err) {
  enum { ASYM, ENTITY, SEQ, MON, N };
  static const char *const items[N] = {"asym_id", "entity_id", "seq_id", "mon_id"};
  of3_cif_column c[N];
  OF3_TRY(structure_open_columns(s->cif, "pdbx_poly_seq_scheme", items, N, c, err));
  for (int64_t r = 0; r < c[ASYM].n_row; r++) {
    char id[OF3_STRUCTURE_ID];
    of3_cif_copy(&c[ASYM], r, id, sizeof id);
    chain_in *chain = structure_find_chain(s, id);
    if (!chain) OF3_TRY(structure_add_chain(s, id, &chain, err));
    of3_cif_copy(&c[ENTITY], r, chain->of.entity, sizeof chain->of.entity);
    OF3_TRY(put_listed(s, chain, &c[SEQ], &c[MON], r, err));
  }
  return OF3_OK;
}

/* The residues of an entity into a chain of it. */
static of3_status read_entity(structure_in *s, chain_in *chain, of3_error *err) {
  enum { ENTITY, SEQ, MON, N };
  static const char *const items[N] = {"entity_id", "num", "mon_id"};
  of3_cif_column c[N];
  OF3_TRY(structure_open_columns(s->cif, "entity_poly_seq", items, N, c, err));
  for (int64_t r = 0; r < c[ENTITY].n_row; r++)
    if (of3_cif_is(&c[ENTITY], r, chain->of.entity)) OF3_TRY(put_listed(s, chain, &c[SEQ], &c[MON], r, err));
  return OF3_OK;
}

/* Without a scheme: struct_asym and entity_poly_seq. */
static of3_status read_entities(structure_in *s, of3_error *err) {
  enum { ASYM, ENTITY, N };
  static const char *const items[N] = {"id", "entity_id"};
  of3_cif_column c[N];
  if (of3_cif_rows(s->cif, "entity_poly_seq") == 0) return OF3_OK;
  OF3_TRY(structure_open_columns(s->cif, "struct_asym", items, N, c, err));
  for (int64_t r = 0; r < c[ASYM].n_row; r++) {
    char id[OF3_STRUCTURE_ID];
    chain_in *chain = NULL;
    of3_cif_copy(&c[ASYM], r, id, sizeof id);
    if (structure_find_chain(s, id)) continue;
    OF3_TRY(structure_add_chain(s, id, &chain, err));
    of3_cif_copy(&c[ENTITY], r, chain->of.entity, sizeof chain->of.entity);
    OF3_TRY(read_entity(s, chain, err));
    if (!chain->listed) s->n--; /* no polymer */
  }
  return OF3_OK;
}

of3_status structure_read_polymers(structure_in *s, of3_error *err) {
  OF3_TRY(read_scheme(s, err));
  return s->n ? OF3_OK : read_entities(s, err);
}

of3_status structure_read_letters(structure_in *s, of3_structure_chain *c, of3_error *err) {
  of3_cif_column entity, code;
  c->letters = NULL;
  OF3_TRY(of3_cif_column_open(s->cif, "entity_poly", "entity_id", &entity, err));
  OF3_TRY(of3_cif_column_open(s->cif, "entity_poly", "pdbx_seq_one_letter_code_can", &code, err));
  for (int64_t r = 0; r < entity.n_row; r++) {
    of3_cif_slice text;
    size_t n = 0;
    if (!of3_cif_is(&entity, r, c->entity) || !of3_cif_get_text(&code, r, &text)) continue;
    for (size_t i = 0; i < text.n; i++) n += text.text[i] > ' ';
    if (n != (size_t)c->n_residue) continue;
    char *letters = OF3_ARENA_NEW(s->arena, char, n + 1);
    if (!letters) return of3_fail_memory(err, "the letters of a structure");
    n = 0;
    for (size_t i = 0; i < text.n; i++)
      if (text.text[i] > ' ') letters[n++] = text.text[i];
    c->letters = letters;
  }
  return OF3_OK;
}
