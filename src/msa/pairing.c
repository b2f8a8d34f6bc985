/* Pairing of rows by species, as AlphaFold-Multimer does it and OpenFold3 varies it.
 *
 * Each protein that takes part (a member) has a list of hits with their species. Species are ordered as text;
 * count[member][species] says how many hits are left.
 *
 *   for n = number of members ... 2
 *     for each species that n members have left, in order
 *       k = the least count among them: emit k rows, each of the next hit of every member that has some
 *     stop when 8191 rows are there
 *
 * What the releases differ in is how a list comes about: 0.3 sorts it by identity to the query and leaves out
 * species with more than 600 hits in any member; 0.4 and 0.5 keep the first 600 of a species, 0.4 with hits
 * of one species put together. And what happens to more than 8191 rows: 0.3 cuts; 0.4 and 0.5 first sort
 * those that are equally complete by the product of the hits' places in their lists. The reference sorts with
 * numpy's default, which depends on the processor where products are equal; here equal ones stay in order. */
#include "msa/pairing.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "msa/species.h"

enum { MOST_OF_SPECIES = 600, LEAST_CHAINS = 2, NO_SPECIES = -1 };

typedef struct hit {
  of3_msa_row row;
  const char *species; /* or NULL */
  size_t n_species;
  int id;    /* of the species, or NO_SPECIES */
  int place; /* in the list, from 1 */
} hit;

typedef struct member {
  const of3_msa_partner *of;
  int n;
  hit *hit;   /* in the order of the list */
  int *order; /* [n] of hits, by species and place; those without species first */
  int *next;  /* [n_species] where the next hit of a species lies in order */
} member;

typedef struct pairing {
  const of3_msa_rules *rules;
  of3_cancel *opt_cancel;
  of3_arena *scratch;
  int n_member, n_species;
  member *member;
  int *count;         /* [n_species, n_member] hits left */
  const hit **paired; /* [n_row, n_member]; NULL: none */
  int n_row, room;
} pairing;

/* ---- What settings say */

static int least_chains(const of3_msa_rules *r) {
  return r->opt_settings && r->opt_settings->least_chains ? r->opt_settings->least_chains : LEAST_CHAINS;
}

static int most_of_species(const of3_msa_rules *r) {
  return r->opt_settings && r->opt_settings->most_of_species ? r->opt_settings->most_of_species
                                                             : MOST_OF_SPECIES;
}

/* Whether a mask acts: all do where nothing is said. */
static bool is_masked(const of3_msa_rules *r, const char *mask) {
  const of3_names *given = r->opt_settings ? &r->opt_settings->pairing_masks : NULL;
  if (!given || !given->given) return true;
  for (int i = 0; i < given->n; i++)
    if (strcmp(given->name[i], mask) == 0) return true;
  return false;
}

/* ---- Lists */

static int compare_text(const char *a, size_t n_a, const char *b, size_t n_b) {
  const int c = memcmp(a, b, n_a < n_b ? n_a : n_b);
  return c ? c : n_a < n_b ? -1 : n_a > n_b;
}

static int hits_by_species(const void *pa, const void *pb) {
  const hit *a = *(const hit *const *)pa, *b = *(const hit *const *)pb;
  if (!a->species || !b->species) return (a->species != NULL) - (b->species != NULL);
  return compare_text(a->species, a->n_species, b->species, b->n_species);
}

static int hits_by_id(const void *pa, const void *pb) {
  const hit *a = pa, *b = pb;
  return a->id < b->id ? -1 : a->id > b->id;
}

static void read_species(member *m) {
  const of3_msa *msa = m->of->msa;
  for (int i = 0; i < m->n; i++) {
    const of3_msa_row row = msa->hit[i + 1];
    m->hit[i] = (hit){.row = row};
    if (!of3_species_of(row.of->name[row.row], &m->hit[i].species, &m->hit[i].n_species))
      m->hit[i].species = NULL;
  }
}

/* Numbers the species of all members in the order of their texts: hit.id. */
static of3_status number_species(pairing *p, of3_error *err) {
  size_t n = 0;
  for (int k = 0; k < p->n_member; k++) n += (size_t)p->member[k].n;
  hit **all = OF3_ARENA_NEW(p->scratch, hit *, n);
  if (!all) return of3_fail_memory(err, "the species of alignments");
  n = 0;
  for (int k = 0; k < p->n_member; k++)
    for (int i = 0; i < p->member[k].n; i++) all[n++] = &p->member[k].hit[i];
  OF3_TRY(of3_sort(all, n, sizeof *all, hits_by_species, p->opt_cancel, err));
  p->n_species = 0;
  for (size_t i = 0; i < n; i++) {
    p->n_species += all[i]->species && (i == 0 || hits_by_species(&all[i - 1], &all[i]) != 0);
    all[i]->id = all[i]->species ? p->n_species - 1 : NO_SPECIES;
  }
  return OF3_OK;
}

/* 0.3: identity of a row to the query, over columns in which the query has a residue. */
typedef struct ranked {
  double identity;
  int row; /* of hits with the query */
} ranked;

static int by_identity(const void *pa, const void *pb) {
  const ranked *a = pa, *b = pb;
  return a->identity < b->identity ? -1 : a->identity > b->identity;
}

static double identity(const of3_msa *msa, of3_msa_row row) {
  const uint8_t *query = of3_msa_letters(msa, msa->hit[0]), *letter = of3_msa_letters(msa, row);
  int same = 0, residues = 0;
  for (int j = 0; j < msa->n_col; j++) {
    same += letter[j] == query[j];
    residues += query[j] != '-';
  }
  return residues ? (double)same / residues : 0;
}

/* Rows in descending order of identity, equal ones backwards, the query among them; species in the same order
 * as if the query came first: row i of the list has the species of rank[i], and rank 0 of rows means the
 * last species. */
static of3_status sort_by_identity(const pairing *p, member *m, of3_error *err) {
  const of3_msa *msa = m->of->msa;
  const int n = m->n + 1;
  ranked *rank = OF3_ARENA_NEW(p->scratch, ranked, n);
  hit *sorted = OF3_ARENA_NEW(p->scratch, hit, m->n);
  if (!rank || !sorted) return of3_fail_memory(err, "the order of an alignment");
  for (int i = 0; i < n; i++) rank[i] = (ranked){identity(msa, msa->hit[i]), i};
  OF3_TRY(of3_sort(rank, (size_t)n, sizeof *rank, by_identity, p->opt_cancel, err));
  for (int i = 1; i < n; i++) {
    const int row = rank[n - 1 - i].row, species = row ? row - 1 : m->n - 1;
    sorted[i - 1] = m->hit[species];
    sorted[i - 1].row = msa->hit[row];
  }
  m->hit = sorted;
  return OF3_OK;
}

/* Keeps the first hits of each species; together: those of one species side by side, in the order in which
 * species come, those without left out. */
static of3_status limit_species(const pairing *p, member *m, bool together, of3_error *err) {
  int *seen = OF3_ARENA_NEW(p->scratch, int, p->n_species), kept = 0, groups = 0;
  const int most = most_of_species(p->rules);
  int *group = OF3_ARENA_NEW(p->scratch, int, p->n_species);
  if (!seen || !group) return of3_fail_memory(err, "the species of an alignment");
  for (int i = 0; i < m->n; i++) {
    const hit h = m->hit[i];
    if (h.id != NO_SPECIES && seen[h.id]++ == 0) group[h.id] = groups++;
    if (h.id == NO_SPECIES ? !together : seen[h.id] <= most) m->hit[kept++] = h;
  }
  m->n = kept;
  if (!together) return OF3_OK;
  for (int i = 0; i < kept; i++) m->hit[i].place = m->hit[i].id, m->hit[i].id = group[m->hit[i].id];
  OF3_TRY(of3_sort(m->hit, (size_t)kept, sizeof *m->hit, hits_by_id, p->opt_cancel, err));
  for (int i = 0; i < kept; i++) m->hit[i].id = m->hit[i].place;
  return OF3_OK;
}

/* Where the hits of each species lie. */
static of3_status index_hits(const pairing *p, member *m, int k, of3_error *err) {
  m->order = OF3_ARENA_NEW(p->scratch, int, m->n);
  m->next = OF3_ARENA_NEW(p->scratch, int, p->n_species);
  if (!m->order || !m->next) return of3_fail_memory(err, "the species of an alignment");
  for (int i = 0; i < m->n; i++) {
    m->hit[i].place = i + 1;
    if (m->hit[i].id != NO_SPECIES) p->count[(size_t)m->hit[i].id * (size_t)p->n_member + (size_t)k]++;
  }
  for (int s = 0, at = 0; s < p->n_species; s++) {
    m->next[s] = at;
    at += p->count[(size_t)s * (size_t)p->n_member + (size_t)k];
  }
  for (int i = 0; i < m->n; i++)
    if (m->hit[i].id != NO_SPECIES) m->order[m->next[m->hit[i].id]++] = i;
  for (int s = 0; s < p->n_species; s++) m->next[s] -= p->count[(size_t)s * (size_t)p->n_member + (size_t)k];
  return OF3_OK;
}

static of3_status make_lists(pairing *p, of3_error *err) {
  for (int k = 0; k < p->n_member; k++) {
    member *m = &p->member[k];
    m->n = m->of->msa->n_hit - 1;
    m->hit = OF3_ARENA_NEW(p->scratch, hit, m->n);
    if (!m->hit) return of3_fail_memory(err, "the species of an alignment");
    read_species(m);
  }
  OF3_TRY(number_species(p, err));
  p->count = OF3_ARENA_NEW(p->scratch, int, (size_t)p->n_species *(size_t)p->n_member);
  if (!p->count) return of3_fail_memory(err, "the species of alignments");
  for (int k = 0; k < p->n_member; k++) {
    member *m = &p->member[k];
    OF3_TRY(p->rules->release == 3 ? sort_by_identity(p, m, err)
                                   : limit_species(p, m, p->rules->release == 4, err));
    OF3_TRY(index_hits(p, m, k, err));
  }
  return OF3_OK;
}

/* ---- Rows */

static int members_with(const int *count, int n) {
  int have = 0;
  for (int k = 0; k < n; k++) have += count[k] > 0;
  return have;
}

static int most_of(const int *count, int n) {
  int most = 0;
  for (int k = 0; k < n; k++)
    if (count[k] > most) most = count[k];
  return most;
}

/* The next hits of a species from all members that have some. */
static void emit_row(pairing *p, int species, const int *count) {
  const hit **row = p->paired + (size_t)p->n_row++ * (size_t)p->n_member;
  for (int k = 0; k < p->n_member; k++) {
    member *m = &p->member[k];
    row[k] = count[k] > 0 ? &m->hit[m->order[m->next[species]++]] : NULL;
  }
}

static void emit_species(pairing *p, int species) {
  int *count = p->count + (size_t)species * (size_t)p->n_member, least = 0;
  for (int k = 0; k < p->n_member; k++)
    if (count[k] > 0 && (least == 0 || count[k] < least)) least = count[k];
  for (int i = 0; i < least; i++) emit_row(p, species, count);
  for (int k = 0; k < p->n_member; k++)
    if (count[k] > 0) count[k] -= least;
}

static of3_status emit_rows(pairing *p, of3_error *err) {
  const int n = p->n_member, wanted = least_chains(p->rules), least = wanted < n ? wanted : n;
  const bool shared = is_masked(p->rules, "shared_by_two"),
             few = p->rules->release == 3 && is_masked(p->rules, "less_than_600");
  size_t most = 0;
  for (int s = 0; s < p->n_species; s++) {
    int *count = p->count + (size_t)s * (size_t)n;
    const bool too_many = few && most_of(count, n) > MOST_OF_SPECIES;
    if ((shared && members_with(count, n) < 2) || too_many) memset(count, 0, (size_t)n * sizeof *count);
    most += (size_t)most_of(count, n);
  }
  p->paired = OF3_ARENA_NEW(p->scratch, const hit *, most *(size_t)n);
  if (!p->paired) return of3_fail_memory(err, "the paired rows");
  for (int share = n; share >= least && p->n_row < of3_msa_most_paired(p->rules); share--)
    for (int s = 0; s < p->n_species; s++) {
      OF3_TRY(of3_go_on(p->opt_cancel, err));
      if (members_with(p->count + (size_t)s * (size_t)n, n) == share) emit_species(p, s);
    }
  return OF3_OK;
}

/* ---- More rows than may be */

typedef struct scored {
  int row;          /* of p->paired */
  int missing;      /* chains without a hit */
  uint64_t product; /* of the places in all chains, as 64-bit numbers overflow */
} scored;

static scored score_row(const pairing *p, int row) {
  scored s = {.row = row, .product = 1};
  for (int k = 0; k < p->n_member; k++) {
    const hit *h = p->paired[(size_t)row * (size_t)p->n_member + (size_t)k];
    for (int c = 0; c < p->member[k].of->n_chain; c++) {
      s.product *= h ? (uint64_t)h->place : UINT64_MAX;
      s.missing += !h;
    }
  }
  return s;
}

static int by_product(const void *pa, const void *pb) {
  const scored *a = pa, *b = pb;
  const int64_t x = (int64_t)a->product, y = (int64_t)b->product;
  return x < y ? -1 : x > y;
}

/* Rows that miss the same number of chains stay in the places that they have together, in the order of their
 * products. others: chains of no member, each a factor of -1. */
static of3_status sort_rows(pairing *p, int others, of3_error *err) {
  const size_t n = (size_t)p->n_row, width = (size_t)p->n_member;
  scored *all = OF3_ARENA_NEW(p->scratch, scored, n), *group = OF3_ARENA_NEW(p->scratch, scored, n);
  const hit **sorted = OF3_ARENA_NEW(p->scratch, const hit *, n *width);
  int most = 0;
  if (!all || !group || !sorted) return of3_fail_memory(err, "the paired rows");
  for (size_t i = 0; i < n; i++) {
    all[i] = score_row(p, (int)i);
    if (others % 2) all[i].product = 0 - all[i].product;
    if ((int64_t)all[i].product < 0) all[i].product = 0 - all[i].product;
    if (all[i].missing > most) most = all[i].missing;
  }
  for (int missing = 0; missing <= most; missing++) {
    size_t in = 0, at = 0;
    for (size_t i = 0; i < n; i++)
      if (all[i].missing == missing) group[in++] = all[i];
    OF3_TRY(of3_sort(group, in, sizeof *group, by_product, p->opt_cancel, err));
    for (size_t i = 0; i < n; i++)
      if (all[i].missing == missing)
        memcpy(sorted + i * width, p->paired + (size_t)group[at++].row * width, width * sizeof(hit *));
  }
  p->paired = sorted;
  return OF3_OK;
}

/* ---- Into the alignments */

static of3_status copy_row(const of3_alignment *from, int row, of3_alignment *to, int at, of3_arena *arena,
                           of3_error *err) {
  const int64_t n = to->n_col, source = row * n, target = at * n;
  memcpy(to->letter + target, from->letter + source, (size_t)n);
  for (int64_t j = 0; j < n; j++)
    if (from->deletion[source + j])
      OF3_TRY(of3_alignment_set_deletions(to, target + j, (int64_t)of3_alignment_deletions(from, source + j),
                                          arena, err));
  of3_alignment_set_name(to, at, from->name[row], strlen(from->name[row]));
  return OF3_OK;
}

/* The rows of member k. */
static of3_status keep_rows(const pairing *p, int k, of3_arena *arena, of3_error *err) {
  of3_msa *msa = p->member[k].of->msa;
  const of3_alignment_want want = {.file = "paired rows", .n_col = msa->n_col};
  of3_alignment *a = OF3_ARENA_NEW(arena, of3_alignment, 1);
  int n = 0;
  size_t bytes = 0;
  for (int i = 0; i < p->n_row; i++) {
    const hit *h = p->paired[(size_t)i * (size_t)p->n_member + (size_t)k];
    n += h != NULL;
    bytes += h ? strlen(h->row.of->name[h->row.row]) + 1 : 0;
  }
  if (!a) return of3_fail_memory(err, "the paired rows");
  OF3_TRY(of3_alignment_new(n, bytes, &want, arena, a, err));
  n = 0;
  for (int i = 0; i < p->n_row; i++) {
    const hit *h = p->paired[(size_t)i * (size_t)p->n_member + (size_t)k];
    if (!h) continue;
    OF3_TRY(copy_row(h->row.of, h->row.row, a, n, arena, err));
    msa->paired[i] = (of3_msa_row){a, n++};
  }
  return OF3_OK;
}

/* Rows of gaps. */
static of3_status take_paired(of3_msa *msa, int n, of3_arena *arena, of3_error *err) {
  msa->paired = OF3_ARENA_NEW(arena, of3_msa_row, n);
  msa->n_paired = n;
  return msa->paired ? OF3_OK : of3_fail_memory(err, "the paired rows");
}

static of3_status pair_by_species(const of3_msa_partner *partner, int n, pairing *p, const of3_log *log,
                                  of3_arena *arena, of3_error *err) {
  int others = 0;
  p->member = OF3_ARENA_NEW(p->scratch, member, n);
  if (!p->member) return of3_fail_memory(err, "the alignments to be paired");
  for (int i = 0; i < n; i++) {
    const bool takes_part = partner[i].polymer == OF3_PROTEIN && partner[i].msa->n_hit > 1;
    if (takes_part) p->member[p->n_member++].of = &partner[i];
    if (!takes_part) others += partner[i].n_chain;
  }
  if (p->n_member < 2) return OF3_OK;
  OF3_TRY(make_lists(p, err));
  OF3_TRY(emit_rows(p, err));
  const int most = of3_msa_most_paired(p->rules);
  if (p->n_row > most) {
    if (p->rules->release != 3) OF3_TRY(sort_rows(p, others, err));
    p->n_row = most;
  }
  of3_logf(log, OF3_LOG_INFO, "%d rows of %d alignments are paired by species (%d species)", p->n_row,
           p->n_member, p->n_species);
  for (int i = 0; i < n && p->n_row; i++) OF3_TRY(take_paired(partner[i].msa, p->n_row, arena, err));
  for (int k = 0; k < p->n_member && p->n_row; k++) OF3_TRY(keep_rows(p, k, arena, err));
  return OF3_OK;
}

/* ---- Rows that files have paired */

/* 0.5: the same depth everywhere; chains without files have gaps. 0.3: that of the first chain. 0.4 loses the
 * rows, but leaves them out of the main block all the same. */
static of3_status use_files(const of3_msa_partner *partner, int n, const of3_msa_rules *rules,
                            const of3_log *log, of3_arena *arena, int *ret_rows, of3_error *err) {
  const of3_msa_partner *first = NULL;
  for (int i = n; i-- > 0;)
    if (partner[i].msa->has_paired) first = &partner[i];
  *ret_rows = 0;
  if (!first) return OF3_OK;
  const int rows = first->msa->n_paired;
  for (int i = 0; i < n; i++) {
    of3_msa *msa = partner[i].msa;
    if (!msa->has_paired) {
      of3_logf(log, partner[i].polymer == OF3_PROTEIN ? OF3_LOG_WARN : OF3_LOG_DEBUG,
               "chain %s has no paired alignment, as chain %s has: gaps in its paired rows", partner[i].chain,
               first->chain);
      if (rules->release != 4) OF3_TRY(take_paired(msa, rows, arena, err));
    } else if (rules->release == 5 && msa->n_paired != rows)
      return of3_fail(
          err, OF3_ERR_INPUT,
          "the paired alignment of chain %s has %d rows, that of chain %s %d; rows are paired one "
          "by one, so that all must have as many",
          partner[i].chain, msa->n_paired, first->chain, rows);
  }
  *ret_rows = rules->release == 4 ? 0 : rows;
  return OF3_OK;
}

/* ---- */

bool of3_msa_pairs_species(const of3_msa_partner *partner, int n) {
  int proteins = 0;
  for (int i = 0; i < n; i++) proteins += partner[i].polymer == OF3_PROTEIN;
  return proteins > 1;
}

of3_status of3_msa_pair(const of3_msa_partner *partner, int n, const of3_msa_rules *rules, const of3_log *log,
                        of3_cancel *opt_cancel, of3_arena *scratch, of3_arena *arena, int *ret_rows,
                        of3_error *err) {
  pairing p = {.rules = rules, .opt_cancel = opt_cancel, .scratch = scratch};
  *ret_rows = 0;
  for (int i = 0; i < n; i++)
    if (partner[i].msa->has_paired) return use_files(partner, n, rules, log, arena, ret_rows, err);
  if (!of3_msa_pairs_species(partner, n)) return OF3_OK;
  OF3_TRY(pair_by_species(partner, n, &p, log, arena, err));
  *ret_rows = p.n_row;
  return OF3_OK;
}
