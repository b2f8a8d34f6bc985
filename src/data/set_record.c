/* Records of a training set.
 *
 *   entry      name, date, resolution f32, n_chain u32, chains, n_bond u32, bonds, n_atom u32, residues
 *   chain      id, type u32, alignment u32, then of a polymer: letters, n_modified u32, and for
 *              each position u32 and code; of a ligand: n_code u32, codes
 *   bond       two atoms: chain u32, residue u32, name
 *   residue    chain u32, residue u32, n u32, and for each atom name, x y z f32, occupancy f32
 *   text       bytes u32, the bytes, 0: so that a text can be used where it lies
 *
 * A cursor that runs past the end, or meets what cannot be, is spoiled and gives zeros from there on; one
 * look at the end is enough. Counts are checked against the bytes that are left before memory is taken. */
#include "data/set_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/le.h"

/* ---- Packing */

static void put_u32(of3_str *out, uint32_t v) {
  uint8_t bytes[4];
  of3_put_le(bytes, 4, v);
  of3_str_addn(out, (const char *)bytes, 4);
}

static void put_f32(of3_str *out, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  put_u32(out, bits);
}

static void put_bytes(of3_str *out, const char *text, size_t n) {
  put_u32(out, (uint32_t)n);
  of3_str_addn(out, text, n);
  of3_str_addn(out, "", 1);
}

static void put_text(of3_str *out, const char *text) { put_bytes(out, text, strlen(text)); }

static void pack_chain(const of3_query_chain *c, uint32_t alignment, of3_str *out) {
  put_text(out, c->id[0]);
  put_u32(out, (uint32_t)c->type);
  put_u32(out, alignment);
  if (c->type == OF3_LIGAND) {
    put_u32(out, (uint32_t)c->n_code);
    for (int k = 0; k < c->n_code; k++) put_text(out, c->code[k]);
    return;
  }
  put_bytes(out, c->sequence, (size_t)c->n_residue);
  put_u32(out, (uint32_t)c->n_modified);
  for (int k = 0; k < c->n_modified; k++) {
    put_u32(out, (uint32_t)c->modified[k].position);
    put_text(out, c->modified[k].code);
  }
}

static uint32_t chain_named(const of3_query *q, const char *id) {
  uint32_t k = 0;
  while (k + 1 < (uint32_t)q->n_chain && strcmp(q->chain[k].id[0], id) != 0) k++;
  return k;
}

static void pack_bond_atom(const of3_query *q, const of3_query_atom *a, of3_str *out) {
  put_u32(out, chain_named(q, a->chain));
  put_u32(out, (uint32_t)a->residue);
  put_text(out, a->name);
}

/* How many atoms from i on are of one residue. */
static int run_of(const of3_set_entry *e, int i) {
  int n = 1;
  while (i + n < e->n_atom && e->atom[i + n].chain == e->atom[i].chain &&
         e->atom[i + n].residue == e->atom[i].residue)
    n++;
  return n;
}

static void pack_atoms(const of3_set_entry *e, of3_str *out) {
  put_u32(out, (uint32_t)e->n_atom);
  for (int i = 0; i < e->n_atom;) {
    const int n = run_of(e, i);
    put_u32(out, (uint32_t)e->atom[i].chain);
    put_u32(out, (uint32_t)e->atom[i].residue);
    put_u32(out, (uint32_t)n);
    for (int k = 0; k < n; k++, i++) {
      put_text(out, e->atom[i].name);
      for (int d = 0; d < 3; d++) put_f32(out, e->atom[i].xyz[d]);
      put_f32(out, e->atom[i].occupancy);
    }
  }
}

void of3_set_pack_entry(const of3_set_entry *e, const uint32_t *alignment, of3_str *out) {
  put_text(out, e->query.name);
  put_text(out, e->released);
  put_f32(out, e->resolution);
  put_u32(out, (uint32_t)e->query.n_chain);
  for (int i = 0; i < e->query.n_chain; i++) pack_chain(&e->query.chain[i], alignment[i], out);
  put_u32(out, (uint32_t)e->query.n_bond);
  for (int i = 0; i < e->query.n_bond; i++) {
    pack_bond_atom(&e->query, &e->query.bond[i].a, out);
    pack_bond_atom(&e->query, &e->query.bond[i].b, out);
  }
  pack_atoms(e, out);
}

void of3_set_pack_texts(const of3_msa_text *text, int n, of3_str *out) {
  put_u32(out, (uint32_t)n);
  for (int i = 0; i < n; i++) {
    put_text(out, text[i].key);
    put_text(out, text[i].text);
  }
}

/* ---- Unpacking */

typedef struct cursor {
  const uint8_t *at, *end;
  of3_arena *arena;
  bool spoiled, memory;
} cursor;

static uint32_t get_u32(cursor *c) {
  if (c->spoiled || c->end - c->at < 4) {
    c->spoiled = true;
    return 0;
  }
  c->at += 4;
  return of3_le32(c->at - 4);
}

static float get_f32(cursor *c) {
  const uint32_t bits = get_u32(c);
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Where it lies; ends with a 0 and has none inside. */
static const char *get_text(cursor *c, size_t most, size_t *ret_n) {
  const uint32_t n = get_u32(c);
  if (c->spoiled || (size_t)(c->end - c->at) <= n || n > most || c->at[n] != 0 || memchr(c->at, 0, n)) {
    c->spoiled = true;
    *ret_n = 0;
    return "";
  }
  c->at += (size_t)n + 1;
  *ret_n = n;
  return (const char *)c->at - n - 1;
}

static const char *get_copy(cursor *c, size_t most) {
  size_t n;
  const char *text = get_text(c, most, &n);
  char *copy = of3_arena_strndup(c->arena, text, n);
  c->memory |= !copy;
  return copy ? copy : "";
}

static void get_fixed(cursor *c, char *out, size_t size) {
  size_t n;
  const char *text = get_text(c, size - 1, &n);
  memset(out, 0, size);
  memcpy(out, text, n);
}

/* A count of things that take at least `bytes` each. */
static int get_count(cursor *c, size_t bytes) {
  const uint32_t n = get_u32(c);
  if (c->spoiled || n > INT32_MAX || n > (size_t)(c->end - c->at) / bytes) {
    c->spoiled = true;
    return 0;
  }
  return (int)n;
}

static void *get_room(cursor *c, size_t count, size_t size) {
  void *room = of3_arena_alloc(c->arena, count, size);
  c->memory |= !room;
  return room;
}

static bool is_good(const cursor *c) { return !c->spoiled && !c->memory; }

static void get_codes(cursor *c, of3_query_chain *out) {
  out->n_code = out->n_residue = get_count(c, 5);
  out->code = get_room(c, (size_t)out->n_code, sizeof *out->code);
  c->spoiled |= out->n_code == 0;
  for (int k = 0; is_good(c) && k < out->n_code; k++) out->code[k] = get_copy(c, OF3_MAX_CODE);
}

static void get_sequence(cursor *c, of3_query_chain *out) {
  out->sequence = get_copy(c, OF3_MAX_RESIDUES);
  out->n_residue = (int)strlen(out->sequence);
  for (const char *s = out->sequence; *s; s++) c->spoiled |= *s < 'A' || *s > 'Z';
  out->n_modified = get_count(c, 9);
  out->modified = get_room(c, (size_t)out->n_modified, sizeof *out->modified);
  c->spoiled |= out->n_residue == 0;
  for (int k = 0; is_good(c) && k < out->n_modified; k++) {
    out->modified[k].position = (int)get_u32(c);
    out->modified[k].code = get_copy(c, OF3_MAX_CODE);
    c->spoiled |= out->modified[k].position < 1 || out->modified[k].position > out->n_residue ||
                  (k > 0 && out->modified[k].position <= out->modified[k - 1].position);
  }
}

static void get_chain(cursor *c, of3_query_chain *out, uint32_t *ret_alignment) {
  *out = (of3_query_chain){.n_id = 1, .id = get_room(c, 1, sizeof *out->id)};
  if (!is_good(c)) return;
  out->id[0] = get_copy(c, OF3_MAX_CHAIN_ID);
  const uint32_t type = get_u32(c);
  *ret_alignment = get_u32(c);
  c->spoiled |= !out->id[0][0] || type > OF3_LIGAND;
  out->type = c->spoiled ? OF3_LIGAND : (of3_molecule)type;
  if (out->type == OF3_LIGAND)
    get_codes(c, out);
  else
    get_sequence(c, out);
}

static int compare_ids(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Bonds name chains by their ids, of which no two may be the same. */
static void check_ids(cursor *c, const of3_query *q) {
  const char **id = get_room(c, (size_t)q->n_chain, sizeof *id);
  if (!is_good(c)) return;
  for (int i = 0; i < q->n_chain; i++) id[i] = q->chain[i].id[0];
  qsort(id, (size_t)q->n_chain, sizeof *id, compare_ids);
  for (int i = 1; i < q->n_chain; i++) c->spoiled |= strcmp(id[i], id[i - 1]) == 0;
}

static of3_query_atom get_bond_atom(cursor *c, const of3_query *q) {
  const uint32_t chain = get_u32(c), residue = get_u32(c);
  const of3_query_atom out = {.name = get_copy(c, 7), .residue = (int)(residue & INT32_MAX)};
  c->spoiled |= chain >= (uint32_t)q->n_chain || residue < 1 || residue > INT32_MAX;
  if (c->spoiled) return out;
  c->spoiled |= residue > (uint32_t)q->chain[chain].n_residue;
  return (of3_query_atom){.chain = q->chain[chain].id[0], .residue = (int)residue, .name = out.name};
}

static void get_bonds(cursor *c, of3_query *q) {
  const int n = get_count(c, 26);
  q->bond = get_room(c, (size_t)n, sizeof *q->bond);
  for (; is_good(c) && q->n_bond < n; q->n_bond++) {
    q->bond[q->n_bond].a = get_bond_atom(c, q);
    q->bond[q->n_bond].b = get_bond_atom(c, q);
  }
}

static void get_residue(cursor *c, int most, of3_set_entry *e) {
  const uint32_t chain = get_u32(c), residue = get_u32(c);
  const int n = get_count(c, 21);
  c->spoiled |= n < 1 || n > most - e->n_atom || chain >= (uint32_t)e->query.n_chain || residue < 1 ||
                residue > INT32_MAX;
  for (int k = 0; is_good(c) && k < n; k++) {
    of3_set_atom *a = &e->atom[e->n_atom++];
    a->chain = (int32_t)chain;
    a->residue = (int32_t)residue;
    get_fixed(c, a->name, sizeof a->name);
    for (int d = 0; d < 3; d++) a->xyz[d] = get_f32(c);
    a->occupancy = get_f32(c);
    for (int d = 0; d < 3; d++) c->spoiled |= !(a->xyz[d] > -1e6F && a->xyz[d] < 1e6F);
  }
}

static void get_atoms(cursor *c, of3_set_entry *e) {
  const int n = get_count(c, 21);
  e->atom = get_room(c, (size_t)n, sizeof *e->atom);
  while (is_good(c) && e->n_atom < n) get_residue(c, n, e);
}

static of3_status verdict(const cursor *c, of3_error *err) {
  if (c->memory) return of3_fail_memory(err, "an entry of a training set");
  return c->spoiled || c->at != c->end ? of3_fail(err, OF3_ERR_INPUT, "%s", "") : OF3_OK;
}

of3_status of3_set_unpack_entry(const uint8_t *bytes, size_t n, of3_arena *arena, of3_set_entry *out,
                                uint32_t **ret_alignment, of3_error *err) {
  cursor c = {.at = bytes, .end = bytes + n, .arena = arena};
  *out = (of3_set_entry){.query = {.use_msas = true, .use_main_msas = true, .use_paired_msas = true}};
  out->query.name = get_copy(&c, OF3_MAX_QUERY_NAME);
  get_fixed(&c, out->released, sizeof out->released);
  out->resolution = get_f32(&c);
  const int chains = get_count(&c, 17);
  c.spoiled |= chains < 1 || chains > OF3_MAX_CHAINS;
  if (c.spoiled) return verdict(&c, err);
  out->query.chain = get_room(&c, (size_t)chains, sizeof *out->query.chain);
  *ret_alignment = get_room(&c, (size_t)chains, sizeof **ret_alignment);
  for (; is_good(&c) && out->query.n_chain < chains; out->query.n_chain++)
    get_chain(&c, &out->query.chain[out->query.n_chain], &(*ret_alignment)[out->query.n_chain]);
  if (is_good(&c)) check_ids(&c, &out->query);
  if (is_good(&c)) get_bonds(&c, &out->query);
  if (is_good(&c)) get_atoms(&c, out);
  return verdict(&c, err);
}

of3_status of3_set_unpack_texts(const uint8_t *bytes, size_t n, of3_arena *arena, of3_msa_text **ret_text,
                                int *ret_n, of3_error *err) {
  cursor c = {.at = bytes, .end = bytes + n, .arena = arena};
  size_t length;
  *ret_n = get_count(&c, 10);
  *ret_text = get_room(&c, (size_t)*ret_n, sizeof **ret_text);
  for (int i = 0; is_good(&c) && i < *ret_n; i++) {
    (*ret_text)[i].key = get_text(&c, OF3_MAX_QUERY_NAME, &length);
    (*ret_text)[i].text = get_text(&c, UINT32_MAX, &length);
  }
  return verdict(&c, err);
}
