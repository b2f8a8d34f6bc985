/* DockQ of pairs of polymer chains (Basu and Wallner, PLoS ONE 11 (2016) e0161879), averaged for each pair of
 * kinds over chains and samples, plainly and by the number of native contacts.
 *
 *   DockQ = (fnat + 1 / (1 + (lRMSD / 8.5)^2) + 1 / (1 + (iRMSD / 1.5)^2)) / 3
 *
 *   fnat    of the pairs of residues nearer than 5 Angstrom in the truth, those that are so in the structure
 *   lRMSD   of the backbone of the smaller chain, after the larger one was superposed
 *   iRMSD   of the backbone of residues within 10 Angstrom of the other chain, superposed
 *
 * A pair of chains whose interface has no backbone is left out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "train/metric_parts.h"

#define CONTACT 5.0
#define FACE    10.0
#define L_SCALE 8.5
#define I_SCALE 1.5
enum { N_POLYMER_KIND = OF3_KIND_DNA + 1 };

/* The resolved atoms of a chain. */
typedef struct docked {
  int n, n_residue;
  int32_t *atom, *residue; /* [n]; residue 0 .. n_residue - 1 */
  bool *backbone;          /* [n] */
} docked;

typedef struct docking {
  const of3_metric_case *c;
  of3_arena *arena;
  docked side[2];
  bool *native, *found; /* [residues of side 0, residues of side 1] */
  bool *near[2];        /* [n_residue] in the interface */
} docking;

static bool is_backbone(const uint8_t name[OF3_NAME_CHARS]) {
  static const char backbone[][OF3_NAME_CHARS + 1] = {"N   ", "CA  ", "C   ", "O   ", "P   ", "OP1 ",
                                                      "OP2 ", "O5' ", "C5' ", "C4' ", "O4' ", "C3' ",
                                                      "O3' ", "C2' ", "O2' ", "C1' "};
  char text[OF3_NAME_CHARS];
  for (int k = 0; k < OF3_NAME_CHARS; k++) text[k] = (char)(name[k] + ' ');
  for (size_t i = 0; i < sizeof backbone / sizeof *backbone; i++)
    if (memcmp(text, backbone[i], OF3_NAME_CHARS) == 0) return true;
  return false;
}

/* Residues are numbered as they come; atoms of one residue_index are of one residue wherever they stand. */
static int number_of(const of3_features *f, docked *d, int32_t residue_index) {
  for (int i = d->n - 1; i >= 0; i--)
    if (f->residue_index[f->atom_to_token_index[d->atom[i]]] == residue_index) return d->residue[i];
  return d->n_residue++;
}

static bool list_side(docking *k, int asym_id, docked *out) {
  const of3_features *f = k->c->f;
  *out = (docked){.atom = OF3_ARENA_NEW(k->arena, int32_t, f->n_atom),
                  .residue = OF3_ARENA_NEW(k->arena, int32_t, f->n_atom),
                  .backbone = OF3_ARENA_NEW(k->arena, bool, f->n_atom)};
  if (!out->atom || !out->residue || !out->backbone) return false;
  for (int a = 0; a < f->n_atom; a++) {
    const int token = f->atom_to_token_index[a];
    if (f->asym_id[token] != asym_id || k->c->resolved[a] == 0 || f->atom_mask[a] == 0) continue;
    const int residue = number_of(f, out, f->residue_index[token]);
    out->atom[out->n] = a;
    out->residue[out->n] = residue;
    out->backbone[out->n++] = is_backbone(f->ref_atom_name_chars + (size_t)OF3_NAME_CHARS * (size_t)a);
  }
  return true;
}

static void find_contacts(docking *k) {
  const docked *a = &k->side[0], *b = &k->side[1];
  for (int i = 0; i < a->n; i++)
    for (int j = 0; j < b->n; j++) {
      const int64_t p = 3 * (int64_t)a->atom[i], q = 3 * (int64_t)b->atom[j];
      const int pair = a->residue[i] * b->n_residue + b->residue[j];
      const double truth = of3_metric_distance2(k->c->truth + p, k->c->truth + q);
      k->native[pair] |= truth < CONTACT * CONTACT;
      k->found[pair] |= of3_metric_distance2(k->c->x + p, k->c->x + q) < CONTACT * CONTACT;
      if (truth >= FACE * FACE) continue;
      k->near[0][a->residue[i]] = true;
      k->near[1][b->residue[j]] = true;
    }
}

/* The backbone of a side, or of its interface, into atom; how many atoms. */
static int backbone_of(const docking *k, int side, bool of_face, int32_t *atom) {
  const docked *d = &k->side[side];
  int n = 0;
  for (int i = 0; i < d->n; i++)
    if (d->backbone[i] && (!of_face || k->near[side][d->residue[i]])) atom[n++] = d->atom[i];
  return n;
}

/* The score of the two sides whose contacts are known, and the number of native ones; false: there is none.
 */
static bool dockq_score(docking *k, int32_t *atom, double *ret_score, double *ret_native) {
  const int pairs = k->side[0].n_residue * k->side[1].n_residue, larger = k->side[0].n < k->side[1].n;
  double native = 0, again = 0;
  for (int i = 0; i < pairs; i++) {
    native += k->native[i];
    again += k->native[i] && k->found[i];
  }
  if (native == 0) return false;
  int n = backbone_of(k, larger, false, atom), m = backbone_of(k, !larger, false, atom + n);
  const double l = of3_metric_rmsd_after(k->c, atom, n, atom + n, m) / L_SCALE;
  n = backbone_of(k, 0, true, atom);
  m = backbone_of(k, 1, true, atom + n);
  if (n == 0 || m == 0) return false;
  const double i = of3_metric_rmsd_after(k->c, atom, n + m, atom, n + m) / I_SCALE;
  *ret_score = (again / native + 1 / (1 + l * l) + 1 / (1 + i * i)) / 3;
  *ret_native = native;
  return true;
}

typedef struct kind_sums {
  double n, score, native, weighted;
} kind_sums;

static of3_status add_chains(const of3_metric_case *c, int asym_a, int asym_b, kind_sums *sums,
                             of3_error *err) {
  docking k = {.c = c, .arena = of3_arena_new(0)};
  double score, native;
  bool ok = k.arena && list_side(&k, asym_a, &k.side[0]) && list_side(&k, asym_b, &k.side[1]);
  int32_t *atom = NULL;
  if (ok) {
    const size_t pairs = (size_t)k.side[0].n_residue * (size_t)k.side[1].n_residue;
    k.native = OF3_ARENA_NEW(k.arena, bool, pairs);
    k.found = OF3_ARENA_NEW(k.arena, bool, pairs);
    for (int s = 0; s < 2; s++) k.near[s] = OF3_ARENA_NEW(k.arena, bool, k.side[s].n_residue);
    atom = OF3_ARENA_NEW(k.arena, int32_t, k.side[0].n + k.side[1].n);
    ok = k.native && k.found && k.near[0] && k.near[1] && atom;
  }
  if (ok) find_contacts(&k);
  if (ok && dockq_score(&k, atom, &score, &native)) {
    sums->n++;
    sums->score += score;
    sums->native += native;
    sums->weighted += native * score;
  }
  of3_arena_free(k.arena);
  return ok ? OF3_OK : of3_fail_memory(err, "DockQ");
}

/* kind [n_asym + 1]: of chains with resolved standard residues; the last of protein, RNA, DNA that a chain
 * has. */
static void list_chains(const of3_metric_case *c, int n_asym, int *kind) {
  for (int a = 0; a <= n_asym; a++) kind[a] = -1;
  for (int a = 0; a < c->f->n_atom; a++) {
    const int token = c->f->atom_to_token_index[a], of = (int)of3_metric_kind_of(c->f, token);
    int *chain = &kind[c->f->asym_id[token]];
    if (c->resolved[a] != 0 && c->f->atom_mask[a] != 0 && of < N_POLYMER_KIND && of > *chain) *chain = of;
  }
}

static of3_status add_sample(const of3_metric_case *c, int n_asym, int *kind,
                             kind_sums sums[N_POLYMER_KIND][N_POLYMER_KIND], of3_error *err) {
  list_chains(c, n_asym, kind);
  for (int a = 1; a <= n_asym; a++)
    for (int b = a + 1; b <= n_asym; b++) {
      if (kind[a] < 0 || kind[b] < 0 || !of3_metric_pair_counts(c, a, b)) continue;
      const int low = kind[a] < kind[b] ? kind[a] : kind[b], high = kind[a] + kind[b] - low;
      OF3_TRY(add_chains(c, a, b, &sums[low][high], err));
    }
  return OF3_OK;
}

of3_status of3_metric_dockq(int n, const of3_metric_case *sample, of3_metric_values *metric, of3_error *err) {
  static const of3_metric first[N_POLYMER_KIND][N_POLYMER_KIND] = {
      {OF3_METRIC_dockq_protein_protein_uw, OF3_METRIC_dockq_protein_rna_uw, OF3_METRIC_dockq_protein_dna_uw},
      {OF3_N_METRIC, OF3_METRIC_dockq_rna_rna_uw, OF3_METRIC_dockq_rna_dna_uw},
      {OF3_N_METRIC, OF3_N_METRIC, OF3_METRIC_dockq_dna_dna_uw}};
  kind_sums sums[N_POLYMER_KIND][N_POLYMER_KIND] = {{{0}}};
  int n_asym = 0;
  for (int t = 0; t < sample->f->n_token; t++)
    if (sample->f->asym_id[t] > n_asym) n_asym = sample->f->asym_id[t];
  int *kind = malloc((size_t)(n_asym + 1) * sizeof *kind);
  of3_status status = kind ? OF3_OK : of3_fail_memory(err, "DockQ");
  for (int s = 0; status == OF3_OK && s < n; s++) status = add_sample(&sample[s], n_asym, kind, sums, err);
  for (int a = 0; status == OF3_OK && a < N_POLYMER_KIND; a++)
    for (int b = a; b < N_POLYMER_KIND; b++)
      for (int s = 0; s < n && sums[a][b].n > 0; s++) {
        metric[s].of[first[a][b]] = sums[a][b].score / sums[a][b].n;
        metric[s].of[first[a][b] + 1] = sums[a][b].weighted / sums[a][b].native;
      }
  free(kind);
  return status;
}
