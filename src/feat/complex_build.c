/* From a query to its molecules (chem/complex.h): arrays of chains, residues, atoms and bonds, in the order
 * of the query's entries, of their copies, of residues, of atoms.
 *
 *   query entry  "MKV", ids A, B     component of each letter, found once (find_components)
 *                                      |
 *   complex      chain    A        B
 *                residue  M K V    M K V        residue.first_atom, n_atom: its part of the atoms
 *                atom     N CA ..  ..           without those that a residue loses in a chain (OXT)
 *                bond     inside residues, then links between neighbours: C to N, O3' to P
 *
 * Sizes are counted first and all arrays are taken from one arena. What a letter stands for, which atoms it
 * has and how it is linked is data (chem/component.h); nothing here knows an amino acid or a base.
 * Identifiers of chains are ranks: of the id, of what the chain is of, of the copy. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "chem/component.h"
#include "feat/complex_parts.h"
#include "feat/ligand_names.h"

void of3_complex_free(of3_complex *c) {
  of3_arena_free(c->arena);
  *c = (of3_complex){0};
}

/* What an entry of the query is made of, found once for all of its copies. */
typedef struct build_chain {
  const of3_query_chain *query;
  const of3_component **component; /* [n_residue] */
  bool *modified;                  /* [n_residue]: named by its code, not by a letter */
  int64_t n_atom, n_bond;          /* of one copy; bonds at most */
} build_chain;

static of3_status no_component(const of3_library *opt_library, const char *chain, const char *code,
                               of3_error *err) {
  if (opt_library && opt_library->opt_date)
    return of3_fail(
        err, OF3_ERR_INPUT,
        "chain %s: the component '%s' is not in the dictionary, whose newest component is of %s; 'of3 "
        "ccd build' makes a newer one, --user-ccd adds components of your own",
        chain, code, opt_library->opt_date);
  return of3_fail(err, OF3_ERR_INPUT,
                  "chain %s: the component '%s' is neither built in nor in a dictionary that was given; 'of3 "
                  "ccd build' makes one, --ccd names it",
                  chain, code);
}

static of3_status find_component(const of3_library *opt_library, const char *chain, const char *code,
                                 const of3_log *log, const of3_component **out, of3_error *err) {
  OF3_TRY(of3_component_find(opt_library, code, out, err));
  if (!*out) return no_component(opt_library, chain, code, err);
  if ((*out)->n_atom == 0)
    return of3_fail(err, OF3_ERR_INPUT, "chain %s: the component '%s' has no atoms but hydrogen", chain,
                    code);
  if ((*out)->n_conformer > 0 || (opt_library && opt_library->embed)) return OF3_OK;
  if (!(*out)->ideal)
    return of3_fail(err, OF3_ERR_INPUT, "chain %s: the component '%s' has no coordinates to start from",
                    chain, code);
  of3_logf(log, OF3_LOG_INFO, "chain %s: the reference conformer of '%s' has the dictionary's coordinates",
           chain, code);
  return OF3_OK;
}

/* How many parts without bonds between them the component has. */
static int count_parts(const of3_component *c, int *root) {
  int parts = c->n_atom;
  for (int i = 0; i < c->n_atom; i++) root[i] = i;
  for (int b = 0; b < c->n_bond; b++) {
    int i = c->bond[b].a, j = c->bond[b].b;
    while (root[i] != i) i = root[i] = root[root[i]];
    while (root[j] != j) j = root[j] = root[root[j]];
    parts -= i != j;
    root[i] = j;
  }
  return parts;
}

/* The component of a ligand that is given by SMILES or a file. */
static of3_status find_ligand(const of3_query_chain *c, const char *name, const of3_library *opt_library,
                              const of3_log *log, of3_arena *scratch, const of3_component **out,
                              of3_error *err) {
  const of3_ligand_source source = {
      .name = name, .opt_smiles = c->smiles, .path = c->sdf_path, .opt_block = c->sdf_text};
  if (!opt_library || !opt_library->ligand)
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "chain %s: nothing here reads SMILES and SDF files", c->id[0]);
  if (opt_library->ligand(opt_library->user, &source, out, err) != OF3_OK)
    return of3_prefix(err, "chain %s", c->id[0]);
  int *root = OF3_ARENA_NEW(scratch, int, (*out)->n_atom);
  if (!root) return of3_fail_memory(err, "a ligand");
  const int parts = count_parts(*out, root);
  if (parts > 1)
    of3_logf(log, OF3_LOG_WARN,
             "chain %s: the ligand '%.100s' has %d unconnected parts, which stay together as one ligand; a "
             "counter-ion is usually left out, or given as a chain of its own",
             c->id[0], c->smiles ? c->smiles : c->sdf_path, parts);
  return OF3_OK;
}

/* name: of a ligand that has no code. */
static of3_status find_components(const of3_query_chain *c, const char *name, const of3_library *opt_library,
                                  const of3_log *log, of3_arena *scratch, build_chain *out, of3_error *err) {
  *out = (build_chain){.query = c,
                       .component = OF3_ARENA_NEW(scratch, const of3_component *, c->n_residue),
                       .modified = OF3_ARENA_NEW(scratch, bool, c->n_residue)};
  if (!out->component || !out->modified) return of3_fail_memory(err, "a complex");
  if (of3_query_is_own_ligand(c))
    OF3_TRY(find_ligand(c, name, opt_library, log, scratch, &out->component[0], err));
  for (int k = 0; k < c->n_code; k++)
    OF3_TRY(find_component(opt_library, c->id[0], c->code[k], log, &out->component[k], err));
  for (int k = 0; c->type != OF3_LIGAND && k < c->n_residue; k++)
    out->component[k] = &of3_standard_residues[of3_letter_class(c->type, c->sequence[k])];
  for (int i = 0; i < c->n_modified; i++) {
    const int k = c->modified[i].position - 1;
    out->modified[k] = true;
    OF3_TRY(find_component(opt_library, c->id[0], c->modified[i].code, log, &out->component[k], err));
  }
  for (int k = 0; k < c->n_residue; k++) {
    const of3_component *from = out->component[k];
    for (int a = 0; a < from->n_atom; a++)
      out->n_atom += !of3_component_loses(from, a, c->type, out->modified[k]);
    out->n_bond += from->n_bond + 1; /* and one to the next residue, of the last to the first */
  }
  return OF3_OK;
}

static of3_status complex_build_take_memory(const of3_query *q, const build_chain *chain, of3_complex *out,
                                            of3_error *err) {
  int64_t atoms = 0, bonds = 0;
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    out->n_chain += c->n_id;
    out->n_residue += c->n_id * c->n_residue;
    atoms += c->n_id * chain[i].n_atom;
    bonds += c->n_id * chain[i].n_bond;
  }
  bonds += q->n_bond;
  enum { MOST_ATOMS = 100000000 };
  if (atoms > MOST_ATOMS)
    return of3_fail(err, OF3_ERR_INPUT, "the query has %lld atoms; at most %d are allowed", (long long)atoms,
                    MOST_ATOMS);
  out->n_atom = (int)atoms;
  out->chain = OF3_ARENA_NEW(out->arena, of3_chain, out->n_chain);
  out->residue = OF3_ARENA_NEW(out->arena, of3_residue, out->n_residue);
  out->atom = OF3_ARENA_NEW(out->arena, of3_atom, out->n_atom);
  out->bond = OF3_ARENA_NEW(out->arena, of3_bond, bonds);
  out->name = of3_arena_strdup(out->arena, q->name);
  return out->chain && out->residue && out->atom && out->bond && out->name
             ? OF3_OK
             : of3_fail_memory(err, "a complex");
}

/* How far the arrays are filled. */
typedef struct filled {
  int residue, atom;
} filled;

/* HETATM: all names but those of 22 amino acids and 8 nucleotides. */
static bool is_hetero(const of3_component *c) {
  if (strcmp(c->code, "SEC") == 0 || strcmp(c->code, "PYL") == 0) return false;
  return !c->standard || c->restype == OF3_CLASS_UNK || c->restype == OF3_CLASS_N ||
         c->restype == OF3_CLASS_DN;
}

static void put_atoms(const of3_component *c, of3_molecule type, bool modified, int residue, of3_complex *out,
                      filled *at) {
  for (int i = 0; i < c->n_atom; i++) {
    if (of3_component_loses(c, i, type, modified)) continue;
    const of3_component_atom *from = &c->atom[i];
    of3_atom *to = &out->atom[at->atom++];
    *to = (of3_atom){.charge = from->charge,
                     .hydrogens = from->hydrogens,
                     .neighbours = from->neighbours,
                     .residue = residue,
                     .component_atom = i};
    memcpy(to->name, from->name, sizeof from->name);
    memcpy(to->element, from->element, sizeof from->element);
  }
}

static void put_bonds_inside(const of3_residue *r, of3_complex *out) {
  for (int b = 0; b < r->component->n_bond; b++) {
    const of3_component_bond *from = &r->component->bond[b];
    const int i = of3_residue_atom(out, r, from->a), j = of3_residue_atom(out, r, from->b);
    if (i >= 0 && j >= 0)
      out->bond[out->n_bond++] = (of3_bond){i, j, from->order, from->aromatic, OF3_BOND_INSIDE};
  }
}

static void put_chain(const build_chain *b, int chain, of3_complex *out, filled *at) {
  for (int k = 0; k < b->query->n_residue; k++) {
    const of3_component *comp = b->component[k];
    of3_residue *r = &out->residue[at->residue];
    *r = (of3_residue){.component = comp,
                       .number = k + 1,
                       .chain = chain,
                       .first_atom = at->atom,
                       .hetero = is_hetero(comp),
                       .standard = comp->standard && b->query->type != OF3_LIGAND};
    memcpy(r->name, comp->code, sizeof comp->code);
    put_atoms(comp, b->query->type, b->modified[k], at->residue++, out, at);
    r->n_atom = at->atom - r->first_atom;
    put_bonds_inside(r, out);
  }
}

/* Letters that stand for nothing that the kind of molecule has. */
static void warn_unknown(const of3_query *q, const of3_query_chain *c, const of3_log *log) {
  static const char *const known[] = {"20 amino acids", "bases A, C, G, U", "bases A, C, G, T"};
  if (c->type == OF3_LIGAND) return;
  int modified = 0; /* the letter at such a position says nothing */
  const of3_component *unknown = &of3_standard_residues[of3_letter_class(c->type, 0)];
  int n = 0;
  char first = 0;
  for (int k = 0; k < c->n_residue; k++)
    if (modified < c->n_modified && c->modified[modified].position == k + 1)
      modified++;
    else if (c->sequence[k] != unknown->letter &&
             of3_letter_class(c->type, c->sequence[k]) == unknown->restype && n++ == 0)
      first = c->sequence[k];
  if (n)
    of3_logf(log, OF3_LOG_WARN,
             "query '%s', chain %s: %d letter%s outside the %s (the first is '%c') become%s %s%s", q->name,
             c->id[0], n, n > 1 ? "s" : "", known[c->type], first, n > 1 ? "" : "s", unknown->code,
             c->type == OF3_RNA && first == 'T'   ? "; for U write U, or give the chain as DNA"
             : c->type == OF3_DNA && first == 'U' ? "; for T write T, or give the chain as RNA"
                                                  : "");
}

/* A chain of bases only is hardly a protein. */
static void warn_bases(const of3_query *q, const of3_query_chain *c, const of3_log *log) {
  enum { SHORT = 12 }; /* such peptides are made */
  static const char bases[] = "ACGTUN";
  int kinds = 0;
  if (c->type != OF3_PROTEIN || c->n_residue < SHORT || c->sequence[strspn(c->sequence, bases)]) return;
  for (const char *b = bases; *b; b++) kinds += strchr(c->sequence, *b) != NULL;
  if (kinds > 2)
    of3_logf(log, OF3_LOG_WARN,
             "query '%s', chain %s: all letters are bases of DNA or RNA, but it is folded as a protein",
             q->name, c->id[0]);
}

/* 1 + rank of text among the distinct entries of a sorted list. */
static int rank_of(const char *text, const char *const *sorted, int n) {
  const char *const *hit = bsearch(&text, sorted, (size_t)n, sizeof *sorted, of3_text_order);
  return hit ? (int)(hit - sorted) + 1 : 0;
}

static int distinct(const char **text, int n) {
  int kept = 0;
  qsort(text, (size_t)n, sizeof *text, of3_text_order);
  for (int i = 0; i < n; i++)
    if (kept == 0 || strcmp(text[kept - 1], text[i]) != 0) text[kept++] = text[i];
  return kept;
}

/* asym_id: rank of the id; entity_id: rank of the key, whatever the kind of the molecule; sym_id: copies of
 * an entity counted in file order. */
static of3_status number_chains(of3_complex *out, of3_error *err) {
  size_t n = (size_t)out->n_chain;
  const char **id = malloc(n * sizeof *id), **key = malloc(n * sizeof *key);
  int *copies = calloc(n + 1, sizeof *copies);
  bool ok = id && key && copies;
  for (size_t i = 0; ok && i < n; i++) {
    id[i] = out->chain[i].id;
    key[i] = out->chain[i].key;
  }
  int n_id = ok ? distinct(id, out->n_chain) : 0, n_key = ok ? distinct(key, out->n_chain) : 0;
  for (int i = 0; ok && i < out->n_chain; i++) {
    of3_chain *c = &out->chain[i];
    c->asym_id = rank_of(c->id, id, n_id);
    c->entity_id = rank_of(c->key, key, n_key);
    c->sym_id = ++copies[c->entity_id];
  }
  free(id);
  free(key);
  free(copies);
  return ok ? OF3_OK : of3_fail_memory(err, "the numbers of the chains");
}

/* What tells the molecule of a chain from others: of codes all, with commas between them. */
static char *key_of(const of3_query_chain *c, of3_arena *arena) {
  if (c->type != OF3_LIGAND) return of3_arena_strdup(arena, c->sequence);
  if (!c->n_code) return of3_arena_strdup(arena, c->smiles ? c->smiles : c->sdf_path);
  char *key = OF3_ARENA_NEW(arena, char, (size_t)c->n_code *(OF3_MAX_CODE + 1)), *at = key;
  for (int k = 0; key && k < c->n_code; k++) {
    const size_t n = strlen(c->code[k]);
    memcpy(at, c->code[k], n);
    at += n;
    *at++ = k + 1 < c->n_code ? ',' : 0;
  }
  return key;
}

static of3_status put_chains(const of3_query *q, const build_chain *built, const of3_log *log,
                             of3_complex *out, of3_error *err) {
  filled at = {0};
  int chain = 0;
  for (int i = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    char *key = key_of(c, out->arena);
    if (!key) return of3_fail_memory(err, "a complex");
    warn_unknown(q, c, log);
    warn_bases(q, c, log);
    for (int k = 0; k < c->n_id; k++, chain++) {
      char *id = of3_arena_strdup(out->arena, c->id[k]);
      if (!id) return of3_fail_memory(err, "a complex");
      out->chain[chain] = (of3_chain){.id = id,
                                      .sequence = c->type == OF3_LIGAND ? NULL : key,
                                      .key = key,
                                      .cyclic = c->cyclic,
                                      .number_shift = c->number_shift,
                                      .type = c->type,
                                      .first_residue = at.residue,
                                      .n_residue = c->n_residue};
      put_chain(&built[i], chain, out, &at);
    }
  }
  of3_complex_put_links(log, out);
  OF3_TRY(of3_complex_put_bonds(q, log, out, err));
  return number_chains(out, err);
}

of3_status of3_query_library(const of3_query *q, const of3_log *log, const of3_library **opt_library,
                             of3_error *err) {
  const of3_library *l = *opt_library;
  if (!q->components) return OF3_OK;
  if (!l || !l->with)
    return of3_fail(err, OF3_ERR_UNSUPPORTED, "nothing here reads the components that the query describes");
  return l->with(l->user, "the query's text of components", q->components, log, opt_library, err);
}

static of3_status find_all(const of3_query *q, const of3_library *opt_library, const of3_log *log,
                           of3_arena *scratch, build_chain *chain, of3_error *err) {
  of3_status status = OF3_OK;
  char(*name)[8] = of3_query_ligand_names(q);
  if (!name) return of3_fail_memory(err, "a complex");
  for (int i = 0; status == OF3_OK && i < q->n_chain; i++)
    status = find_components(&q->chain[i], name[i], opt_library, log, scratch, &chain[i], err);
  free(name);
  return status;
}

static of3_status build_within(const of3_query *q, const of3_library *opt_library, const of3_log *log,
                               of3_arena *scratch, of3_complex *out, of3_error *err) {
  build_chain *chain = OF3_ARENA_NEW(scratch, build_chain, q->n_chain);
  if (!chain) return of3_fail_memory(err, "a complex");
  OF3_TRY(of3_query_library(q, log, &opt_library, err));
  out->opt_library = opt_library;
  OF3_TRY(find_all(q, opt_library, log, scratch, chain, err));
  OF3_TRY(complex_build_take_memory(q, chain, out, err));
  return put_chains(q, chain, log, out, err);
}

of3_status of3_complex_build(const of3_query *q, const of3_library *opt_library, const of3_log *log,
                             of3_complex *out, of3_error *err) {
  *out = (of3_complex){.arena = of3_arena_new(0)};
  of3_arena *scratch = of3_arena_new(0);
  of3_status st = out->arena && scratch ? build_within(q, opt_library, log, scratch, out, err)
                                        : of3_fail_memory(err, "a complex");
  of3_arena_free(scratch);
  if (st != OF3_OK) of3_complex_free(out);
  return st;
}
