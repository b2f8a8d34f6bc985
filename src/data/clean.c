/* Clean-up of a structure: the steps on atoms and connections, and their order. */
#include "data/clean.h"

#include <string.h>

#include "data/clean_parts.h"

static void take_out(of3_structure_atom *a) { memset(a->name, 0, sizeof a->name); }

/* ---- Components and kinds of chains */

static bool has_no_description(const char *code) { return strcmp(code, "UNL") == 0; }

static of3_status find_components(cleaner *c, of3_error *err) {
  for (int i = 0; i < c->s->n_chain; i++) {
    const of3_structure_chain *chain = &c->s->chain[i];
    for (int k = chain->first_residue; k < chain->first_residue + chain->n_residue; k++) {
      const of3_structure_residue *r = &c->s->residue[k];
      c->chain_of[k] = i;
      for (int a = 0; a < r->n_atom; a++) c->residue_of[r->first_atom + a] = k;
      if (c->gone[i] || has_no_description(r->code)) continue;
      OF3_TRY(of3_component_find(c->library, r->code, &c->component[k], err));
      if (!c->component[k])
        return of3_fail(
            err, OF3_ERR_INPUT,
            "chain %s, residue %d: the component '%s' is neither built in nor in a dictionary that "
            "was given; 'of3 ccd build' makes one, --ccd names it",
            chain->id, r->number, r->code);
    }
  }
  return OF3_OK;
}

static of3_molecule kind_of(const of3_component *c) {
  switch (c ? (of3_link)c->link : OF3_LINK_NONE) {
  case OF3_LINK_PEPTIDE:
    return OF3_PROTEIN;
  case OF3_LINK_RNA:
    return OF3_RNA;
  case OF3_LINK_DNA:
    return OF3_DNA;
  default:
    return OF3_LIGAND;
  }
}

/* The kind that most atoms with coordinates are of; a chain of one residue that has any is a ligand. */
static void set_kinds(cleaner *c) {
  for (int i = 0; i < c->s->n_chain; i++) {
    const of3_structure_chain *chain = &c->s->chain[i];
    int n[4] = {0}, resolved = 0, best = 0;
    for (int k = chain->first_residue; k < chain->first_residue + chain->n_residue; k++) {
      n[kind_of(c->component[k])] += c->s->residue[k].n_atom;
      resolved += c->s->residue[k].n_atom > 0;
    }
    for (int k = 1; k < 4; k++)
      if (n[k] > n[best]) best = k;
    c->type[i] = chain->polymer && resolved > 1 ? (of3_molecule)best : OF3_LIGAND;
    if (resolved == 0) c->gone[i] = true;
  }
}

/* ---- Steps on atoms */

static void replace_selenium(cleaner *c) {
  for (int k = 0; k < c->s->n_residue; k++) {
    of3_structure_residue *r = &c->s->residue[k];
    if (strcmp(r->code, "MSE") != 0) continue;
    memcpy(r->code, "MET", sizeof "MET");
    c->counts->selenium++;
    of3_structure_atom *se = clean_atom_named(c, r, "SE");
    if (!se) continue;
    memcpy(se->name, "SD", sizeof "SD");
    memcpy(se->element, "S", sizeof "S");
  }
}

static void name_arginines(cleaner *c) {
  for (int k = 0; k < c->s->n_residue; k++) {
    const of3_structure_residue *r = &c->s->residue[k];
    if (strcmp(r->code, "ARG") != 0) continue;
    of3_structure_atom *one = clean_atom_named(c, r, "NH1"), *two = clean_atom_named(c, r, "NH2");
    const of3_structure_atom *cd = clean_atom_named(c, r, "CD");
    if (!one || !two || !cd || clean_distance2(two, cd) >= clean_distance2(one, cd)) continue;
    const of3_structure_atom kept = *one;
    *one = *two;
    *two = kept;
    memcpy(one->name, "NH1", sizeof "NH1");
    memcpy(two->name, "NH2", sizeof "NH2");
    c->counts->arginines++;
  }
}

/* What crystals are grown with (AF3 SI Table 9). */
static bool is_aid(const char *code) {
  static const char *const aids[] = {"SO4", "GOL", "EDO", "PO4", "ACT", "PEG", "DMS", "TRS",
                                     "PGE", "PG4", "FMT", "EPE", "MPD", "MES", "CD",  "IOD"};
  for (size_t i = 0; i < sizeof aids / sizeof *aids; i++)
    if (strcmp(code, aids[i]) == 0) return true;
  return false;
}

static void remove_aids(cleaner *c) {
  if (!strstr(c->s->method, "X-RAY DIFFRACTION")) return;
  for (int k = 0; k < c->s->n_residue; k++) {
    const of3_structure_residue *r = &c->s->residue[k];
    if (!r->n_atom || !is_aid(r->code)) continue;
    for (int a = 0; a < r->n_atom; a++) take_out(&c->s->atom[r->first_atom + a]);
    c->counts->aids++;
  }
}

static void remove_hydrogens(cleaner *c) {
  for (int a = 0; a < c->s->n_atom; a++) {
    of3_structure_atom *atom = &c->s->atom[a];
    if (strcmp(atom->element, "H") != 0 && strcmp(atom->element, "D") != 0) continue;
    take_out(atom);
    c->counts->hydrogens++;
  }
}

/* Atoms that components do not have, and the terminal ones of standard residues, which chains do not have. */
static void remove_foreign_atoms(cleaner *c) {
  for (int a = 0; a < c->s->n_atom; a++) {
    of3_structure_atom *atom = &c->s->atom[a];
    const int residue = c->residue_of[a];
    const of3_component *of = c->component[residue];
    const int k = of && clean_is_there(atom) ? of3_component_atom_named(of, atom->name) : -1;
    if (k >= 0 && !(of->standard && of3_component_loses(of, k, c->type[c->chain_of[residue]], false)))
      continue;
    c->counts->foreign_atoms += clean_is_there(atom) && k < 0;
    take_out(atom);
  }
}

/* ---- Connections */

static bool keep_link(const cleaner *c, const of3_structure_link *l) {
  const double longest = 2.4; /* Angstrom */
  const int a = c->residue_of[l->a], b = c->residue_of[l->b];
  const int chain_a = c->chain_of[a], chain_b = c->chain_of[b];
  if (a == b || c->gone[chain_a] || c->gone[chain_b]) return false;
  if (!clean_is_there(&c->s->atom[l->a]) || !clean_is_there(&c->s->atom[l->b])) return false;
  if (!l->covalent && chain_a != chain_b) return false;
  if (c->type[chain_a] != OF3_LIGAND && c->type[chain_b] != OF3_LIGAND) return false;
  return clean_distance2(&c->s->atom[l->a], &c->s->atom[l->b]) <= longest * longest;
}

static void filter_links(cleaner *c) {
  int kept = 0;
  for (int i = 0; i < c->s->n_link; i++) {
    if (keep_link(c, &c->s->link[i])) c->s->link[kept++] = c->s->link[i];
  }
  c->counts->connections = c->s->n_link - kept;
  c->s->n_link = kept;
}

/* ---- Closing the arrays */

/* Atoms that were taken out leave; connections follow theirs. Residues of ligands without atoms, and chains
 * that are gone, leave too, but for the entries of chains. */
static of3_status close_arrays(cleaner *c, of3_error *err) {
  of3_structure *s = c->s;
  int32_t *moved = OF3_ARENA_NEW(c->arena, int32_t, s->n_atom);
  int atoms = 0, residues = 0;
  if (!moved) return of3_fail_memory(err, "the clean-up of a structure");
  for (int i = 0; i < s->n_chain; i++) {
    of3_structure_chain *chain = &s->chain[i];
    const int first = chain->first_residue, end = first + chain->n_residue;
    chain->first_residue = residues;
    for (int k = first; k < end && !c->gone[i]; k++) {
      of3_structure_residue r = s->residue[k];
      const int from = r.first_atom, to = from + r.n_atom;
      r.first_atom = atoms;
      for (int a = from; a < to; a++)
        if (clean_is_there(&s->atom[a])) {
          moved[a] = atoms;
          s->atom[atoms++] = s->atom[a];
        }
      r.n_atom = atoms - r.first_atom;
      if (c->type[i] == OF3_LIGAND && r.n_atom == 0) continue;
      c->component[residues] = c->component[k];
      s->residue[residues++] = r;
    }
    chain->n_residue = residues - chain->first_residue;
  }
  for (int i = 0; i < s->n_link; i++) {
    s->link[i].a = moved[s->link[i].a];
    s->link[i].b = moved[s->link[i].b];
  }
  s->n_atom = atoms;
  s->n_residue = residues;
  return residues ? OF3_OK : of3_fail(err, OF3_ERR_INPUT, "nothing is left of the structure after clean-up");
}

/* ---- */

static of3_status cleaner_take_memory(cleaner *c, of3_error *err) {
  c->type = OF3_ARENA_NEW(c->arena, of3_molecule, c->s->n_chain);
  c->gone = OF3_ARENA_NEW(c->arena, bool, c->s->n_chain);
  c->with = OF3_ARENA_NEW(c->arena, bool, c->s->n_chain);
  c->component = OF3_ARENA_NEW(c->arena, const of3_component *, c->s->n_residue);
  c->chain_of = OF3_ARENA_NEW(c->arena, int32_t, c->s->n_residue);
  c->residue_of = OF3_ARENA_NEW(c->arena, int32_t, c->s->n_atom);
  return c->type && c->gone && c->with && c->component && c->chain_of && c->residue_of
             ? OF3_OK
             : of3_fail_memory(err, "the clean-up of a structure");
}

of3_status of3_structure_clean(of3_structure *s, const of3_library *library, of3_cancel *opt_cancel,
                               of3_arena *arena, of3_clean *out, of3_clean_counts *counts, of3_error *err) {
  cleaner c = {.s = s, .library = library, .opt_cancel = opt_cancel, .arena = arena, .counts = counts};
  *counts = (of3_clean_counts){0};
  OF3_TRY(cleaner_take_memory(&c, err));
  replace_selenium(&c);
  name_arginines(&c);
  remove_aids(&c);
  remove_hydrogens(&c);
  OF3_TRY(find_components(&c, err));
  set_kinds(&c);
  clean_small_chains(&c);
  clean_unknown_chains(&c);
  OF3_TRY(clean_clashing_chains(&c, err));
  remove_foreign_atoms(&c);
  clean_broken_chains(&c);
  filter_links(&c);
  OF3_TRY(close_arrays(&c, err));
  *out = (of3_clean){.structure = s, .type = c.type, .component = c.component};
  return of3_go_on(opt_cancel, err);
}
