/* Reading of template structures. Chains are made first, from the categories that list their residues; where
 * there are none they grow while atoms are read. Atoms are gone through twice: once for the occupancies of
 * alternative locations, once for the coordinates of those that were chosen. */
#include "template/structure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chem/component.h"
#include "cif/cif.h"

enum { MOST_NAME = 8, MOST_ID = 32, MOST_ALTERNATIVES = 8, MOST_RESIDUES = 100000, MOST_CHAINS = 100000 };

/* Occupancies of the alternative locations of a residue, in the order of the file. */
typedef struct occupancies {
  int n;
  char letter[MOST_ALTERNATIVES];
  double sum[MOST_ALTERNATIVES];
  bool named; /* its name is that of an atom that was read */
} occupancies;

typedef struct chain_in {
  of3_template_chain *of;
  char id[MOST_ID], author[MOST_ID], entity[MOST_ID];
  int room;
  bool listed; /* residues come from a list */
  occupancies *occupancy;
  char last[MOST_ID]; /* author number and insertion code of the residue read last */
} chain_in;

typedef struct structure_in {
  of3_cif *cif;
  of3_arena *arena;
  int n, room;
  chain_in *chain;
  int last; /* chain found last */
} structure_in;

/* ---- Chains and their residues */

static chain_in *find_chain(structure_in *s, const char *id) {
  if (s->last < s->n && strcmp(s->chain[s->last].id, id) == 0) return &s->chain[s->last];
  for (int i = 0; i < s->n; i++)
    if (strcmp(s->chain[i].id, id) == 0) {
      s->last = i;
      return &s->chain[i];
    }
  return NULL;
}

static of3_status add_chain(structure_in *s, const char *id, chain_in **out, of3_error *err) {
  if (s->n == MOST_CHAINS) return of3_fail(err, OF3_ERR_INPUT, "the file has too many chains");
  if (s->n == s->room) {
    const int room = s->room ? 2 * s->room : 16;
    chain_in *more = OF3_ARENA_NEW(s->arena, chain_in, room);
    if (!more) return of3_fail_memory(err, "the chains of a template");
    if (s->n) memcpy(more, s->chain, (size_t)s->n * sizeof *more);
    s->chain = more;
    s->room = room;
  }
  chain_in *c = &s->chain[s->n];
  *c = (chain_in){.of = OF3_ARENA_NEW(s->arena, of3_template_chain, 1)};
  if (!c->of) return of3_fail_memory(err, "the chains of a template");
  memcpy(c->id, id, strlen(id) + 1);
  s->last = s->n++;
  *out = c;
  return OF3_OK;
}

/* Makes residues up to number `n`. */
static of3_status reach_residue(structure_in *s, chain_in *c, int64_t n, of3_error *err) {
  if (n < 1 || n > MOST_RESIDUES)
    return of3_fail(err, OF3_ERR_INPUT, "chain %s has a residue of number %lld; 1 to %d were expected", c->id,
                    (long long)n, MOST_RESIDUES);
  if (n > c->room) {
    const int room = (int)(n > 2 * c->room ? n + 64 : 2 * c->room);
    of3_template_residue *residue = OF3_ARENA_NEW(s->arena, of3_template_residue, room);
    occupancies *occupancy = OF3_ARENA_NEW(s->arena, occupancies, room);
    if (!residue || !occupancy) return of3_fail_memory(err, "the residues of a template");
    if (c->of->n) {
      memcpy(residue, c->of->residue, (size_t)c->of->n * sizeof *residue);
      memcpy(occupancy, c->occupancy, (size_t)c->of->n * sizeof *occupancy);
    }
    c->of->residue = residue;
    c->occupancy = occupancy;
    c->room = room;
  }
  if (n > c->of->n) c->of->n = (int)n;
  return OF3_OK;
}

static void set_name(of3_template_residue *r, const char *name) {
  const of3_component *standard = of3_standard_residue(name);
  memcpy(r->name, name, strlen(name) + 1);
  r->standard = standard != NULL;
  r->restype = standard ? standard->restype : OF3_CLASS_UNK;
}

static of3_status open_columns(of3_cif *cif, const char *category, const char *const *item, int n,
                               of3_cif_column *out, of3_error *err) {
  for (int i = 0; i < n; i++) OF3_TRY(of3_cif_column_open(cif, category, item[i], &out[i], err));
  return OF3_OK;
}

/* pdbx_poly_seq_scheme: the residues of every chain. Of several on one number the first counts. */
static of3_status read_scheme(structure_in *s, of3_error *err) {
  enum { ASYM, ENTITY, SEQ, MON, N };
  static const char *const items[N] = {"asym_id", "entity_id", "seq_id", "mon_id"};
  of3_cif_column c[N];
  OF3_TRY(open_columns(s->cif, "pdbx_poly_seq_scheme", items, N, c, err));
  for (int64_t r = 0; r < c[ASYM].n_row; r++) {
    char id[MOST_ID], name[MOST_NAME];
    int64_t number;
    of3_cif_copy(&c[ASYM], r, id, sizeof id);
    if (!of3_cif_get_integer(&c[SEQ], r, &number) || of3_cif_copy(&c[MON], r, name, sizeof name) >= MOST_NAME)
      continue;
    chain_in *chain = find_chain(s, id);
    if (!chain) OF3_TRY(add_chain(s, id, &chain, err));
    of3_cif_copy(&c[ENTITY], r, chain->entity, sizeof chain->entity);
    OF3_TRY(reach_residue(s, chain, number, err));
    chain->listed = true;
    if (!chain->of->residue[number - 1].name[0]) set_name(&chain->of->residue[number - 1], name);
  }
  return OF3_OK;
}

/* The residues of an entity into a chain of it. */
static of3_status read_entity(structure_in *s, chain_in *chain, of3_error *err) {
  enum { ENTITY, SEQ, MON, N };
  static const char *const items[N] = {"entity_id", "num", "mon_id"};
  of3_cif_column c[N];
  OF3_TRY(open_columns(s->cif, "entity_poly_seq", items, N, c, err));
  for (int64_t r = 0; r < c[ENTITY].n_row; r++) {
    char name[MOST_NAME];
    int64_t number;
    if (!of3_cif_is(&c[ENTITY], r, chain->entity) || !of3_cif_get_integer(&c[SEQ], r, &number) ||
        of3_cif_copy(&c[MON], r, name, sizeof name) >= MOST_NAME)
      continue;
    OF3_TRY(reach_residue(s, chain, number, err));
    chain->listed = true;
    if (!chain->of->residue[number - 1].name[0]) set_name(&chain->of->residue[number - 1], name);
  }
  return OF3_OK;
}

/* Without a scheme: struct_asym and entity_poly_seq. */
static of3_status read_entities(structure_in *s, of3_error *err) {
  enum { ASYM, ENTITY, N };
  static const char *const items[N] = {"id", "entity_id"};
  of3_cif_column c[N];
  if (of3_cif_rows(s->cif, "entity_poly_seq") == 0) return OF3_OK;
  OF3_TRY(open_columns(s->cif, "struct_asym", items, N, c, err));
  for (int64_t r = 0; r < c[ASYM].n_row; r++) {
    char id[MOST_ID];
    chain_in *chain = NULL;
    of3_cif_copy(&c[ASYM], r, id, sizeof id);
    if (find_chain(s, id)) continue;
    OF3_TRY(add_chain(s, id, &chain, err));
    of3_cif_copy(&c[ENTITY], r, chain->entity, sizeof chain->entity);
    OF3_TRY(read_entity(s, chain, err));
    if (!chain->listed) s->n--; /* no polymer */
  }
  return OF3_OK;
}

/* ---- Atoms */

enum {
  SITE_ASYM,
  SITE_SEQ,
  SITE_COMP,
  SITE_ATOM,
  SITE_ALT,
  SITE_X,
  SITE_Y,
  SITE_Z,
  SITE_OCCUPANCY,
  SITE_MODEL,
  SITE_AUTH_ASYM,
  SITE_AUTH_SEQ,
  SITE_AUTH_COMP,
  SITE_AUTH_ATOM,
  SITE_INSERTION,
  N_SITE
};

typedef struct atom_site {
  of3_cif_column column[N_SITE];
  int64_t n;
  char model[MOST_ID]; /* of the first atom */
  bool by_label;       /* label_asym_id and label_seq_id are there */
} atom_site;

static of3_status open_atoms(of3_cif *cif, atom_site *out, of3_error *err) {
  static const char *const items[N_SITE] = {
      "label_asym_id", "label_seq_id", "label_comp_id", "label_atom_id", "label_alt_id",
      "Cartn_x",       "Cartn_y",      "Cartn_z",       "occupancy",     "pdbx_PDB_model_num",
      "auth_asym_id",  "auth_seq_id",  "auth_comp_id",  "auth_atom_id",  "pdbx_PDB_ins_code"};
  OF3_TRY(open_columns(cif, "atom_site", items, N_SITE, out->column, err));
  out->n = of3_cif_rows(cif, "atom_site");
  if (!out->n) return of3_fail(err, OF3_ERR_INPUT, "the file has no atoms (category _atom_site)");
  of3_cif_column *c = out->column;
  out->by_label = c[SITE_ASYM].found && c[SITE_SEQ].found;
  if (!c[SITE_X].found || !c[SITE_Y].found || !c[SITE_Z].found)
    return of3_fail(err, OF3_ERR_INPUT, "_atom_site has no coordinates (Cartn_x, Cartn_y, Cartn_z)");
  if (!out->by_label && (!c[SITE_AUTH_ASYM].found || !c[SITE_AUTH_SEQ].found))
    return of3_fail(err, OF3_ERR_INPUT,
                    "_atom_site has neither label_asym_id and label_seq_id nor auth_asym_id and auth_seq_id");
  of3_cif_copy(&c[SITE_MODEL], 0, out->model, sizeof out->model);
  return OF3_OK;
}

static bool is_water(const char *name) {
  return strcmp(name, "HOH") == 0 || strcmp(name, "DOD") == 0 || strcmp(name, "WAT") == 0;
}

static size_t copy_either(atom_site *a, int label, int author, int64_t r, char *out, size_t size) {
  return of3_cif_copy(&a->column[a->column[label].found ? label : author], r, out, size);
}

/* Number of the residue of atom r, 0: it is none of a polymer. Where there are no label numbers a residue
 * begins where author number or insertion code change. */
static int64_t number_of(atom_site *a, int64_t r, chain_in *chain, const char *name) {
  int64_t number = 0;
  if (a->by_label) return of3_cif_get_integer(&a->column[SITE_SEQ], r, &number) ? number : 0;
  char at[MOST_ID] = "", place[MOST_ID - 8] = "", insertion[4] = "";
  if (is_water(name)) return 0;
  of3_cif_copy(&a->column[SITE_AUTH_SEQ], r, place, sizeof place);
  of3_cif_copy(&a->column[SITE_INSERTION], r, insertion, sizeof insertion);
  snprintf(at, sizeof at, "%s/%s", place, insertion);
  if (strcmp(at, chain->last) == 0) return chain->of->n;
  memcpy(chain->last, at, sizeof at);
  return chain->of->n + 1;
}

/* What each pass does with an atom of a residue. */
typedef void take_atom(atom_site *a, int64_t r, const char *name, of3_template_residue *residue,
                       occupancies *o);

/* '\0': none. Others than letters are never taken, as in the reference. */
static char alternative_of(atom_site *a, int64_t r) {
  of3_cif_slice s;
  return of3_cif_get_text(&a->column[SITE_ALT], r, &s) && s.n && s.text[0] != ' ' ? s.text[0] : 0;
}

static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

static void sum_occupancy(atom_site *a, int64_t r, const char *name, of3_template_residue *residue,
                          occupancies *o) {
  const char letter = alternative_of(a, r);
  double occupancy = 1;
  int k = 0;
  (void)name;
  (void)residue;
  if (!is_letter(letter)) return;
  of3_cif_get_real(&a->column[SITE_OCCUPANCY], r, &occupancy);
  while (k < o->n && o->letter[k] != letter) k++;
  if (k == o->n) {
    if (o->n == MOST_ALTERNATIVES) return;
    o->letter[o->n++] = letter;
  }
  o->sum[k] += occupancy;
}

static char best_alternative(const occupancies *o) {
  int best = 0;
  for (int k = 1; k < o->n; k++)
    if (o->sum[k] > o->sum[best] || (o->sum[k] == o->sum[best] && o->letter[k] < o->letter[best])) best = k;
  return o->n ? o->letter[best] : 0;
}

static void place_atom(atom_site *a, int64_t r, const char *name, of3_template_residue *residue,
                       occupancies *o) {
  static const char *const atoms[OF3_N_TEMPLATE_ATOM] = {"N", "CA", "C", "CB"};
  const char letter = alternative_of(a, r);
  char atom[MOST_NAME];
  double x[3];
  if (letter && letter != best_alternative(o)) return;
  if (!o->named) set_name(residue, name);
  o->named = true;
  if (copy_either(a, SITE_ATOM, SITE_AUTH_ATOM, r, atom, sizeof atom) >= MOST_NAME) return;
  for (int k = 0; k < OF3_N_TEMPLATE_ATOM; k++) {
    if (strcmp(atom, atoms[k]) != 0 || residue->found & 1U << k) continue;
    for (int d = 0; d < 3; d++)
      if (!of3_cif_get_real(&a->column[SITE_X + d], r, &x[d])) return;
    for (int d = 0; d < 3; d++) residue->atom[k][d] = (float)x[d];
    residue->found |= (uint8_t)(1U << k);
  }
}

/* The chain of atom r. */
static of3_status chain_of_atom(structure_in *s, atom_site *a, int64_t r, chain_in **out, of3_error *err) {
  char id[MOST_ID];
  of3_cif_copy(&a->column[a->by_label ? SITE_ASYM : SITE_AUTH_ASYM], r, id, sizeof id);
  *out = find_chain(s, id);
  if (!*out) OF3_TRY(add_chain(s, id, out, err));
  if (!(*out)->author[0]) copy_either(a, SITE_AUTH_ASYM, SITE_ASYM, r, (*out)->author, MOST_ID);
  return OF3_OK;
}

/* A number outside the list of a chain's residues is an atom of another kind of numbering: left out. */
static of3_status walk_atoms(structure_in *s, atom_site *a, take_atom *take, of3_error *err) {
  for (int i = 0; i < s->n; i++) s->chain[i].last[0] = 0;
  for (int64_t r = 0; r < a->n; r++) {
    chain_in *chain;
    char name[MOST_NAME];
    if (a->column[SITE_MODEL].found && a->model[0] && !of3_cif_is(&a->column[SITE_MODEL], r, a->model))
      continue;
    if (copy_either(a, SITE_COMP, SITE_AUTH_COMP, r, name, sizeof name) >= MOST_NAME) continue;
    OF3_TRY(chain_of_atom(s, a, r, &chain, err));
    const int64_t number = number_of(a, r, chain, name);
    if (!number || (chain->listed && (number < 1 || number > chain->of->n))) continue;
    OF3_TRY(reach_residue(s, chain, number, err));
    take(a, r, name, &chain->of->residue[number - 1], &chain->occupancy[number - 1]);
  }
  return OF3_OK;
}

static of3_status read_atoms(structure_in *s, of3_error *err) {
  atom_site a = {0};
  OF3_TRY(open_atoms(s->cif, &a, err));
  OF3_TRY(walk_atoms(s, &a, sum_occupancy, err));
  if (!a.by_label) /* numbered anew */
    for (int i = 0; i < s->n; i++)
      if (!s->chain[i].listed) s->chain[i].of->n = 0;
  return walk_atoms(s, &a, place_atom, err);
}

/* ---- Letters */

static char letter_of(const of3_template_residue *r) {
  static const char amino[] = "ARNDCQEGHILKMFPSTWYVX";
  static const char *const parents[][2] = {{"MSE", "M"}, {"SEP", "S"}, {"TPO", "T"}, {"PTR", "Y"},
                                           {"HYP", "P"}, {"CSO", "C"}, {"MLY", "K"}, {"KCX", "K"}};
  static const char bases[] = "AGCUNAGCTN";
  if (r->standard && r->restype < sizeof amino - 1) return amino[r->restype];
  if (r->standard && r->restype <= OF3_CLASS_DN) return bases[r->restype - sizeof amino + 1];
  for (size_t i = 0; i < sizeof parents / sizeof *parents; i++)
    if (strcmp(r->name, parents[i][0]) == 0) return parents[i][1][0];
  return 'X';
}

/* entity_poly.pdbx_seq_one_letter_code_can, if it has as many letters as there are residues. */
static of3_status set_letters(structure_in *s, chain_in *chain, of3_error *err) {
  of3_cif_column entity, code;
  of3_template_chain *c = chain->of;
  OF3_TRY(of3_cif_column_open(s->cif, "entity_poly", "entity_id", &entity, err));
  OF3_TRY(of3_cif_column_open(s->cif, "entity_poly", "pdbx_seq_one_letter_code_can", &code, err));
  c->letters = OF3_ARENA_NEW(s->arena, char, (size_t)c->n + 1);
  if (!c->letters) return of3_fail_memory(err, "the letters of a template");
  for (int i = 0; i < c->n; i++) c->letters[i] = letter_of(&c->residue[i]);
  for (int64_t r = 0; r < entity.n_row; r++) {
    of3_cif_slice text;
    size_t n = 0;
    if (!of3_cif_is(&entity, r, chain->entity) || !of3_cif_get_text(&code, r, &text)) continue;
    for (size_t i = 0; i < text.n; i++) n += text.text[i] > ' ';
    if (n != (size_t)c->n) continue;
    n = 0;
    for (size_t i = 0; i < text.n; i++)
      if (text.text[i] > ' ') c->letters[n++] = text.text[i];
  }
  return OF3_OK;
}

/* ---- */

static of3_status finish_chains(structure_in *s, of3_template_structure *out, of3_error *err) {
  *out = (of3_template_structure){.chain = OF3_ARENA_NEW(s->arena, of3_template_chain, s->n)};
  if (!out->chain) return of3_fail_memory(err, "the chains of a template");
  for (int i = 0; i < s->n; i++) {
    chain_in *c = &s->chain[i];
    if (!c->of->n) continue; /* water, ligands */
    for (int k = 0; k < c->of->n; k++)
      if (!c->of->residue[k].name[0]) set_name(&c->of->residue[k], "UNK");
    OF3_TRY(set_letters(s, c, err));
    c->of->id = of3_arena_strdup(s->arena, c->id);
    c->of->author = of3_arena_strdup(s->arena, c->author);
    if (!c->of->id || !c->of->author) return of3_fail_memory(err, "the chains of a template");
    out->chain[out->n++] = *c->of;
  }
  return OF3_OK;
}

static of3_status structure_fill(structure_in *s, of3_template_structure *out, of3_error *err) {
  bool found = false;
  OF3_TRY(of3_cif_next(s->cif, &found, err));
  if (!found) return of3_fail(err, OF3_ERR_INPUT, "the file has no data block");
  OF3_TRY(read_scheme(s, err));
  if (!s->n) OF3_TRY(read_entities(s, err));
  OF3_TRY(read_atoms(s, err));
  return finish_chains(s, out, err);
}

of3_status of3_template_structure_read(const char *path, size_t most, of3_arena *arena,
                                       of3_template_structure *out, of3_error *err) {
  structure_in s = {.arena = arena};
  *out = (of3_template_structure){0};
  OF3_TRY(of3_cif_open(path, most, &s.cif, err));
  of3_status status = structure_fill(&s, out, err);
  of3_cif_close(s.cif);
  return status == OF3_OK ? OF3_OK : of3_prefix(err, "'%s'", path);
}
