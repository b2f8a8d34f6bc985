#include "feat/alignments.h"

#include <stdlib.h>
#include <string.h>

of3_alignments *of3_alignments_join(of3_alignments *a) {
  atomic_fetch_add(&a->users, 1);
  return a;
}

void of3_alignments_leave(of3_alignments *a) {
  if (!a || atomic_fetch_sub(&a->users, 1) > 1) return;
  of3_arena_free(a->arena);
  free(a);
}

/* ---- Which chains share an alignment */

/* DNA never has one, nor does a chain whose list of files is empty, or whose kind settings do not name. */
static bool has_msa(const of3_query_chain *c, const of3_feature_mode *mode) {
  const of3_names *named = mode->opt_settings ? &mode->opt_settings->msa.molecules : NULL;
  const char *kind = c->type == OF3_PROTEIN ? "protein" : "rna";
  if ((c->type != OF3_PROTEIN && c->type != OF3_RNA) || c->no_msa) return false;
  for (int i = 0; named && named->given && i < named->n; i++)
    if (strcmp(named->name[i], kind) == 0) return true;
  return !named || !named->given;
}

static bool same_paths(int n, const char *const *a, int m, const char *const *b) {
  if (n != m) return false;
  for (int i = 0; i < n; i++)
    if (strcmp(a[i], b[i]) != 0) return false;
  return true;
}

static bool same_texts(const of3_query_chain *a, const of3_query_chain *b) {
  if (a->n_msa_text != b->n_msa_text) return false;
  for (int i = 0; i < a->n_msa_text; i++)
    if (strcmp(a->msa_text[i].key, b->msa_text[i].key) != 0 ||
        strcmp(a->msa_text[i].text, b->msa_text[i].text) != 0)
      return false;
  return true;
}

/* Since 0.4 the reference takes chains of equal letters and files for one, whether they are protein or RNA,
 * and counts in the classes of the first. */
static bool share_msa(const of3_query_chain *a, const of3_query_chain *b, const of3_feature_mode *mode) {
  return strcmp(a->sequence, b->sequence) == 0 && (mode->variant != OF3_P1 || a->type == b->type) &&
         same_paths(a->n_msa, a->msa_path, b->n_msa, b->msa_path) &&
         same_paths(a->n_paired, a->paired_path, b->n_paired, b->paired_path) && same_texts(a, b);
}

/* The alignment of an earlier polymer that chain `c`, polymer p, shares; -1: none. */
static int find_shared(const of3_alignments *a, const of3_query *q, const of3_query_chain *c, int p,
                       const of3_feature_mode *mode) {
  const of3_query_chain *other = q->chain;
  for (int k = 0; k < p; other++) {
    if (other->type == OF3_LIGAND) continue;
    if (a->of_polymer[k] >= 0 && share_msa(other, c, mode)) return a->of_polymer[k];
    k++;
  }
  return -1;
}

static void find_alignments(of3_alignments *a, const of3_query *q, const of3_feature_mode *mode) {
  for (int i = 0, p = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    if (c->type == OF3_LIGAND) continue;
    int k = -1;
    if (q->use_msas && has_msa(c, mode)) {
      k = find_shared(a, q, c, p, mode);
      if (k < 0) {
        k = a->n++;
        a->partner[k] = (of3_msa_partner){.chain = c->id[0], .polymer = c->type, .msa = &a->msa[k]};
      }
      a->partner[k].n_chain += c->n_id;
    }
    a->of_polymer[p++] = k;
  }
}

/* ---- Loading */

static of3_status load_files(of3_alignments *a, const of3_query *q, const of3_feature_mode *mode,
                             const of3_log *log, of3_arena *scratch, of3_error *err) {
  const bool by_species = q->use_paired_msas && of3_msa_pairs_species(a->partner, a->n);
  for (int i = 0, p = 0, next = 0; i < q->n_chain; i++) {
    const of3_query_chain *c = &q->chain[i];
    if (c->type == OF3_LIGAND || a->of_polymer[p++] != next) continue; /* none, or another chain's */
    const of3_msa_request request = {.chain = c->id[0],
                                     .polymer = c->type,
                                     .sequence = c->sequence,
                                     .n_path = c->n_msa,
                                     .path = c->msa_path,
                                     .n_text = c->n_msa_text,
                                     .text = c->msa_text,
                                     .n_paired = q->use_paired_msas ? c->n_paired : 0,
                                     .paired = c->paired_path,
                                     .use_main = q->use_main_msas,
                                     .use_paired = q->use_paired_msas,
                                     .use_hits = by_species && c->type == OF3_PROTEIN,
                                     .opt_hits = scratch,
                                     .opt_account = of3_account_chain(mode->opt_account, c->id[0]),
                                     .opt_cancel = mode->opt_cancel};
    OF3_TRY(of3_msa_load(&request, &mode->msa, log, a->arena, &a->msa[next++], err));
  }
  return OF3_OK;
}

/* The query, paired and main rows of an alignment, below one another. */
static of3_status stack_alignment(of3_alignments *a, int k, of3_error *err) {
  const of3_msa *m = &a->msa[k];
  const int paired = m->n_paired < a->n_paired ? m->n_paired : a->n_paired;
  of3_msa_row *row = OF3_ARENA_NEW(a->arena, of3_msa_row, 1 + (size_t)paired + (size_t)m->n_row);
  if (!row) return of3_fail_memory(err, "the rows of an MSA");
  row[0] = m->query;
  if (paired) memcpy(row + 1, m->paired, (size_t)paired * sizeof *row);
  if (m->n_row) memcpy(row + 1 + paired, m->row, (size_t)m->n_row * sizeof *row);
  a->row[k] = row;
  a->depth[k] = 1 + paired + m->n_row;
  if (1 + a->n_paired + m->n_row > a->n_row) a->n_row = 1 + a->n_paired + m->n_row;
  return OF3_OK;
}

/* ---- Accounts */

static void give_account(const of3_alignments *a, int k, of3_chain_account *opt_account) {
  const of3_msa *m = &a->msa[k];
  if (!opt_account) return;
  opt_account->main_read = m->n_read;
  opt_account->main_equal = m->n_equal;
  opt_account->main_paired = m->n_also_paired;
  opt_account->main_cut = m->n_cut;
  opt_account->n_main = m->n_row;
  opt_account->n_paired = a->depth[k] - 1 - m->n_row;
  for (int i = 0; i < opt_account->n_file; i++) {
    of3_file_account *f = &opt_account->file[i];
    for (int r = 1; f->alignment && r < a->depth[k]; r++) f->n_used += a->row[k][r].of == f->alignment;
    f->alignment = NULL;
  }
}

/* Chains that have the alignment of an earlier one. */
static void account_shared(const of3_alignments *a, const of3_query *q, of3_account *opt_account) {
  for (int i = 0, p = 0; opt_account && i < q->n_chain; i++) {
    if (q->chain[i].type == OF3_LIGAND) continue;
    const int k = a->of_polymer[p++];
    if (k < 0 || strcmp(a->partner[k].chain, q->chain[i].id[0]) == 0) continue;
    of3_chain_account *c = of3_account_chain(opt_account, q->chain[i].id[0]);
    const of3_chain_account *first = of3_account_chain(opt_account, a->partner[k].chain);
    if (c && first) c->opt_same_as = first->chain;
  }
}

static of3_status make_alignments(of3_alignments *a, const of3_query *q, const of3_feature_mode *mode,
                                  const of3_log *log, of3_arena *scratch, of3_error *err) {
  OF3_TRY(load_files(a, q, mode, log, scratch, err));
  if (q->use_paired_msas)
    OF3_TRY(of3_msa_pair(a->partner, a->n, &mode->msa, log, mode->opt_cancel, scratch, a->arena, &a->n_paired,
                         err));
  for (int k = 0; k < a->n; k++) {
    OF3_TRY(of3_msa_finish(&a->msa[k], a->partner[k].polymer, &mode->msa, a->n_paired, mode->opt_cancel,
                           a->arena, err));
    OF3_TRY(stack_alignment(a, k, err));
    give_account(a, k, of3_account_chain(mode->opt_account, a->partner[k].chain));
  }
  account_shared(a, q, mode->opt_account);
  return OF3_OK;
}

static of3_status alignments_take_memory(of3_alignments *a, const of3_query *q, of3_error *err) {
  const size_t n = (size_t)q->n_chain;
  for (int i = 0; i < q->n_chain; i++) a->n_polymer += q->chain[i].type != OF3_LIGAND;
  a->of_polymer = OF3_ARENA_NEW(a->arena, int, n);
  a->msa = OF3_ARENA_NEW(a->arena, of3_msa, n);
  a->partner = OF3_ARENA_NEW(a->arena, of3_msa_partner, n);
  a->row = OF3_ARENA_NEW(a->arena, of3_msa_row *, n);
  a->depth = OF3_ARENA_NEW(a->arena, int, n);
  a->class_of = OF3_ARENA_NEW(a->arena, uint8_t, 2 * 256);
  if (!a->of_polymer || !a->msa || !a->partner || !a->row || !a->depth || !a->class_of)
    return of3_fail_memory(err, "the MSAs");
  of3_msa_classes(OF3_PROTEIN, a->class_of);
  of3_msa_classes(OF3_RNA, a->class_of + 256);
  return OF3_OK;
}

of3_status of3_alignments_load(const of3_query *query, const of3_feature_mode *mode, const of3_log *log,
                               of3_alignments **out, of3_error *err) {
  of3_alignments *a = calloc(1, sizeof *a);
  *out = NULL;
  if (!a) return of3_fail_memory(err, "the MSAs");
  atomic_init(&a->users, 1);
  a->n_row = 1;
  a->arena = of3_arena_new(0);
  if (a->arena && mode->most_memory) of3_arena_limit(a->arena, mode->most_memory);
  of3_arena *scratch = a->arena ? of3_arena_new_within(a->arena) : NULL;
  of3_status status = scratch ? alignments_take_memory(a, query, err) : of3_fail_memory(err, "the MSAs");
  if (status == OF3_OK) find_alignments(a, query, mode);
  if (status == OF3_OK && a->n) status = make_alignments(a, query, mode, log, scratch, err);
  of3_arena_free(scratch);
  if (status != OF3_OK) {
    of3_alignments_leave(a);
    return status;
  }
  *out = a;
  return OF3_OK;
}
