/* Atoms of a structure. atom_site is gone through twice:
 *
 *   locate   row -> chain and residue, kept in arrays [rows]; occupancies of alternative locations are summed
 *            up for each residue
 *   place    the rows of the chosen locations become atoms, in the order of chains, residues, rows: a
 * residue's rows need not lie together
 *
 * Polymers' residues are found by label_seq_id. A residue of another chain begins where author number
 * or insertion code change. A number outside the list of a chain's residues is an atom of another kind
 * of numbering: left out. */
#include <stdio.h>
#include <string.h>

#include "structure/structure_parts.h"

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
  SITE_B,
  SITE_SYMBOL,
  SITE_MODEL,
  SITE_ENTITY,
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
  char model[OF3_STRUCTURE_ID]; /* of the first atom */
  bool by_label;                /* label_asym_id and label_seq_id are there */
  int32_t *chain, *residue;     /* [n] where a row belongs; -1: nowhere */
} atom_site;

static of3_status open_atoms(structure_in *s, atom_site *out, of3_error *err) {
  static const char *const items[N_SITE] = {"label_asym_id",   "label_seq_id", "label_comp_id",
                                            "label_atom_id",   "label_alt_id", "Cartn_x",
                                            "Cartn_y",         "Cartn_z",      "occupancy",
                                            "B_iso_or_equiv",  "type_symbol",  "pdbx_PDB_model_num",
                                            "label_entity_id", "auth_asym_id", "auth_seq_id",
                                            "auth_comp_id",    "auth_atom_id", "pdbx_PDB_ins_code"};
  OF3_TRY(structure_open_columns(s->cif, "atom_site", items, N_SITE, out->column, err));
  out->n = of3_cif_rows(s->cif, "atom_site");
  if (!out->n)
    return of3_fail(err, OF3_ERR_INPUT, "'%s': the file has no atoms (category _atom_site)",
                    of3_cif_file_name(s->cif));
  of3_cif_column *c = out->column;
  out->by_label = c[SITE_ASYM].found && c[SITE_SEQ].found;
  if (!c[SITE_X].found || !c[SITE_Y].found || !c[SITE_Z].found)
    return of3_fail(err, OF3_ERR_INPUT, "'%s': _atom_site has no coordinates (Cartn_x, Cartn_y, Cartn_z)",
                    of3_cif_file_name(s->cif));
  if (!out->by_label && (!c[SITE_AUTH_ASYM].found || !c[SITE_AUTH_SEQ].found))
    return of3_fail(
        err, OF3_ERR_INPUT,
        "'%s': _atom_site has neither label_asym_id and label_seq_id nor auth_asym_id and auth_seq_id",
        of3_cif_file_name(s->cif));
  of3_cif_copy(&c[SITE_MODEL], 0, out->model, sizeof out->model);
  out->chain = OF3_ARENA_NEW(s->scratch, int32_t, out->n);
  out->residue = OF3_ARENA_NEW(s->scratch, int32_t, out->n);
  return out->chain && out->residue ? OF3_OK : of3_fail_memory(err, "the atoms of a structure");
}

static bool is_water(const char *code) {
  return strcmp(code, "HOH") == 0 || strcmp(code, "DOD") == 0 || strcmp(code, "WAT") == 0;
}

static size_t copy_either(atom_site *a, int label, int author, int64_t r, char *out, size_t size) {
  return of3_cif_copy(&a->column[a->column[label].found ? label : author], r, out, size);
}

/* ---- Locating */

static of3_status chain_of_atom(structure_in *s, atom_site *a, int64_t r, chain_in **out, of3_error *err) {
  char id[OF3_STRUCTURE_ID];
  of3_cif_copy(&a->column[a->by_label ? SITE_ASYM : SITE_AUTH_ASYM], r, id, sizeof id);
  *out = structure_find_chain(s, id);
  if (!*out) OF3_TRY(structure_add_chain(s, id, out, err));
  of3_structure_chain *c = &(*out)->of;
  if (!c->author[0]) copy_either(a, SITE_AUTH_ASYM, SITE_ASYM, r, c->author, sizeof c->author);
  if (!c->entity[0]) of3_cif_copy(&a->column[SITE_ENTITY], r, c->entity, sizeof c->entity);
  return OF3_OK;
}

/* Number of the residue of row r; 0: it is none of the chain. */
static int64_t number_of(atom_site *a, int64_t r, chain_in *chain) {
  char at[sizeof chain->last] = "", place[OF3_STRUCTURE_ID] = "", insertion[8] = "";
  int64_t number;
  if (!a->by_label) chain->of.polymer = true;
  if (a->by_label && of3_cif_get_integer(&a->column[SITE_SEQ], r, &number)) {
    chain->of.polymer = true;
    return number;
  }
  if (chain->listed) return 0;
  of3_cif_copy(&a->column[SITE_AUTH_SEQ], r, place, sizeof place);
  of3_cif_copy(&a->column[SITE_INSERTION], r, insertion, sizeof insertion);
  snprintf(at, sizeof at, "%s/%s", place, insertion);
  if (strcmp(at, chain->last) == 0) return chain->n;
  memcpy(chain->last, at, sizeof at);
  return chain->n + 1;
}

/* 0: none. */
static char alternative_of(atom_site *a, int64_t r) {
  of3_cif_slice s;
  return of3_cif_get_text(&a->column[SITE_ALT], r, &s) && s.n && s.text[0] != ' ' ? s.text[0] : 0;
}

static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

static void sum_occupancy(atom_site *a, int64_t r, occupancies *o) {
  const char letter = alternative_of(a, r);
  double occupancy = 1;
  int k = 0;
  if (!is_letter(letter)) return;
  of3_cif_get_real(&a->column[SITE_OCCUPANCY], r, &occupancy);
  while (k < o->n && o->letter[k] != letter) k++;
  if (k == o->n) {
    if (o->n == STRUCTURE_MOST_LETTERS) return;
    o->letter[o->n++] = letter;
  }
  o->sum[k] += occupancy;
}

static of3_status locate_row(structure_in *s, atom_site *a, int64_t r, of3_error *err) {
  chain_in *chain;
  char code[sizeof chain->residue->of.code];
  a->chain[r] = a->residue[r] = -1;
  if (a->column[SITE_MODEL].found && a->model[0] && !of3_cif_is(&a->column[SITE_MODEL], r, a->model))
    return OF3_OK;
  if (copy_either(a, SITE_COMP, SITE_AUTH_COMP, r, code, sizeof code) >= sizeof code || is_water(code))
    return OF3_OK;
  OF3_TRY(chain_of_atom(s, a, r, &chain, err));
  const int64_t number = number_of(a, r, chain);
  if (!number || (chain->listed && (number < 1 || number > chain->n))) return OF3_OK;
  OF3_TRY(structure_reach_residue(s, chain, number, err));
  a->chain[r] = (int32_t)(chain - s->chain);
  a->residue[r] = (int32_t)number - 1;
  sum_occupancy(a, r, &chain->residue[number - 1].occupancy);
  return OF3_OK;
}

/* ---- Placing */

static char best_alternative(const occupancies *o) {
  int best = 0;
  for (int k = 1; k < o->n; k++)
    if (o->sum[k] > o->sum[best] || (o->sum[k] == o->sum[best] && o->letter[k] < o->letter[best])) best = k;
  return o->n ? o->letter[best] : 0;
}

/* Leaves the row out if it is of another location; else the residue has one atom more. The code of a residue
 * is that of the first atom of the chosen location. */
static void choose_row(structure_in *s, atom_site *a, int64_t r) {
  if (a->chain[r] < 0) return;
  residue_in *in = &s->chain[a->chain[r]].residue[a->residue[r]];
  const char letter = alternative_of(a, r);
  int64_t author = 0;
  if (letter && letter != best_alternative(&in->occupancy)) {
    a->chain[r] = -1;
    return;
  }
  if (!in->occupancy.named) {
    copy_either(a, SITE_COMP, SITE_AUTH_COMP, r, in->of.code, sizeof in->of.code);
    of3_cif_get_integer(&a->column[SITE_AUTH_SEQ], r, &author);
    in->of.author = (int)author;
    of3_cif_copy(&a->column[SITE_INSERTION], r, in->of.insertion, sizeof in->of.insertion);
    in->occupancy.named = true;
  }
  in->of.n_atom++;
}

static void to_capitals(char *text) {
  for (; *text; text++)
    if (*text >= 'a' && *text <= 'z') *text = (char)(*text - 'a' + 'A');
}

/* false: the row has no coordinates, or no name that components have. */
static bool read_atom(atom_site *a, int64_t r, of3_structure_atom *out) {
  double x[3], occupancy = 1, b = 0;
  *out = (of3_structure_atom){0};
  if (copy_either(a, SITE_ATOM, SITE_AUTH_ATOM, r, out->name, sizeof out->name) >= sizeof out->name)
    return false;
  for (int d = 0; d < 3; d++) {
    if (!of3_cif_get_real(&a->column[SITE_X + d], r, &x[d])) return false;
    out->xyz[d] = (float)x[d];
  }
  of3_cif_get_real(&a->column[SITE_OCCUPANCY], r, &occupancy);
  of3_cif_get_real(&a->column[SITE_B], r, &b);
  out->occupancy = (float)occupancy;
  out->b_factor = (float)b;
  if (of3_cif_copy(&a->column[SITE_SYMBOL], r, out->element, sizeof out->element) >= sizeof out->element)
    out->element[0] = 0;
  to_capitals(out->element);
  return true;
}

static bool has_atom(const of3_structure *out, const of3_structure_residue *r, const char *name) {
  for (int i = 0; i < r->n_atom; i++)
    if (strcmp(out->atom[r->first_atom + i].name, name) == 0) return true;
  return false;
}

/* Of several atoms of one name in a residue the first counts. */
static void place_row(structure_in *s, atom_site *a, int64_t r, of3_structure *out) {
  if (a->chain[r] < 0) return;
  const of3_structure_chain *chain = &out->chain[a->chain[r]];
  of3_structure_residue *residue = &out->residue[chain->first_residue + a->residue[r]];
  of3_structure_atom atom;
  (void)s;
  if (!read_atom(a, r, &atom) || has_atom(out, residue, atom.name)) return;
  out->atom[residue->first_atom + residue->n_atom++] = atom;
}

/* Chains and residues as they will be handed out, with room for the atoms that were chosen. */
static of3_status take_arrays(structure_in *s, of3_structure *out, of3_error *err) {
  out->n_chain = s->n;
  for (int i = 0; i < s->n; i++) out->n_residue += s->chain[i].n;
  out->chain = OF3_ARENA_NEW(s->arena, of3_structure_chain, out->n_chain);
  out->residue = OF3_ARENA_NEW(s->arena, of3_structure_residue, out->n_residue);
  if (!out->chain || !out->residue) return of3_fail_memory(err, "the residues of a structure");
  int residue = 0;
  for (int i = 0; i < s->n; i++) {
    s->chain[i].of.first_residue = residue;
    s->chain[i].of.n_residue = s->chain[i].n;
    out->chain[i] = s->chain[i].of;
    for (int k = 0; k < s->chain[i].n; k++) {
      of3_structure_residue *r = &out->residue[residue++];
      *r = s->chain[i].residue[k].of;
      r->first_atom = out->n_atom;
      out->n_atom += r->n_atom;
      r->n_atom = 0; /* counted again while they are placed */
      if (!r->code[0]) memcpy(r->code, "UNK", sizeof "UNK");
    }
  }
  out->atom = OF3_ARENA_NEW(s->arena, of3_structure_atom, out->n_atom);
  return out->atom ? OF3_OK : of3_fail_memory(err, "the atoms of a structure");
}

/* Closes the gaps that rows without coordinates and repeated names have left. */
static void close_gaps(of3_structure *out) {
  int n = 0;
  for (int i = 0; i < out->n_residue; i++) {
    of3_structure_residue *r = &out->residue[i];
    memmove(out->atom + n, out->atom + r->first_atom, (size_t)r->n_atom * sizeof *out->atom);
    r->first_atom = n;
    n += r->n_atom;
  }
  out->n_atom = n;
}

of3_status structure_read_atoms(structure_in *s, of3_structure *out, of3_error *err) {
  atom_site a = {0};
  OF3_TRY(open_atoms(s, &a, err));
  for (int64_t r = 0; r < a.n; r++) {
    if (r % 4096 == 0) OF3_TRY(of3_go_on(s->opt_cancel, err));
    OF3_TRY(locate_row(s, &a, r, err));
  }
  for (int64_t r = 0; r < a.n; r++) choose_row(s, &a, r);
  OF3_TRY(take_arrays(s, out, err));
  for (int64_t r = 0; r < a.n; r++) place_row(s, &a, r, out);
  close_gaps(out);
  return OF3_OK;
}
