/* A query and a list of ligands: one query for each ligand. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dialect/ligand_list.h"
#include "feat/query_check.h"

/* What the queries of one template have in common. */
typedef struct template_query {
  const of3_query *query;
  const char *chain;           /* the id of the ligand */
  const of3_query_chain *kept; /* [n_kept] without a ligand that gives way */
  int n_kept;
} template_query;

/* ---- The chain */

static bool has_id(const of3_query_chain *c, const char *id) {
  for (int k = 0; k < c->n_id; k++)
    if (strcmp(c->id[k], id) == 0) return true;
  return false;
}

static const of3_query_chain *chain_of_id(const of3_query *q, const char *id) {
  for (int i = 0; i < q->n_chain; i++)
    if (has_id(&q->chain[i], id)) return &q->chain[i];
  return NULL;
}

static const char *free_id(const of3_query *q) {
  static const char *const ids[] = {"L", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "M",  "N",
                                    "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z", "LIG"};
  for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
    if (!chain_of_id(q, ids[k])) return ids[k];
  return NULL;
}

static of3_status choose_chain(const of3_query *q, const char *opt_chain, template_query *out,
                               of3_error *err) {
  const of3_query_chain *old = opt_chain ? chain_of_id(q, opt_chain) : NULL;
  out->chain = opt_chain ? opt_chain : free_id(q);
  if (!out->chain)
    return of3_fail(err, OF3_ERR_INPUT,
                    "query '%.160s' has no chain id left for a ligand; name one with --ligand-chain",
                    q->name);
  if (opt_chain) OF3_TRY(of3_query_check_chain_id(opt_chain, err));
  if (old && (old->type != OF3_LIGAND || old->n_id > 1))
    return of3_fail(err, OF3_ERR_INPUT,
                    "query '%.160s': chain %s is %s; ligands of a list take a new id, or that of one ligand",
                    q->name, opt_chain, old->type != OF3_LIGAND ? "no ligand" : "one of several copies");
  return OF3_OK;
}

static of3_status make_template(const of3_query *q, const char *opt_chain, of3_arena *arena,
                                template_query *out, of3_error *err) {
  *out = (template_query){.query = q};
  OF3_TRY(choose_chain(q, opt_chain, out, err));
  of3_query_chain *kept = OF3_ARENA_NEW(arena, of3_query_chain, q->n_chain + 1);
  if (!kept) return of3_fail_memory(err, "the queries of ligands");
  for (int i = 0; i < q->n_chain; i++)
    if (!has_id(&q->chain[i], out->chain)) kept[out->n_kept++] = q->chain[i];
  out->kept = kept;
  return OF3_OK;
}

/* ---- Names */

/* "protein_aspirin": what a folder cannot be called, and blanks, become '_'; room is left for _2. */
static char *screened_name(const char *query, const of3_listed_ligand *l, int number, of3_arena *arena) {
  enum { SUFFIX = 9 };
  char out[OF3_MAX_QUERY_NAME + 1];
  char *whole = l->name && *l->name ? of3_arena_printf(arena, "%s_%s", query, l->name)
                                    : of3_arena_printf(arena, "%s_%d", query, number);
  size_t n = 0;
  if (!whole) return NULL;
  const size_t size = strlen(whole);
  for (size_t at = 0; at < size;) {
    bool fit = false;
    const size_t bytes = of3_query_name_character(whole + at, size - at, &fit);
    if (n + bytes > OF3_MAX_QUERY_NAME - SUFFIX) break;
    if (fit && !of3_is_space(whole[at])) {
      memcpy(out + n, whole + at, bytes);
      n += bytes;
    } else
      out[n++] = '_';
    at += bytes;
  }
  return of3_arena_strndup(arena, out, n);
}

/* A name in small letters, and whose it is. */
typedef struct lower_name {
  char *text;
  int of;
} lower_name;

static int lower_order(const void *pa, const void *pb) {
  const lower_name *a = pa, *b = pb;
  const int c = strcmp(a->text, b->text);
  return c ? c : (a->of > b->of) - (a->of < b->of);
}

static int lower_text_order(const void *pa, const void *pb) {
  return strcmp(((const lower_name *)pa)->text, ((const lower_name *)pb)->text);
}

static bool lower_all(const of3_query *query, int n, lower_name *out, of3_arena *arena) {
  for (int i = 0; i < n; i++) {
    out[i] = (lower_name){.text = of3_arena_strdup(arena, query[i].name), .of = i};
    if (!out[i].text) return false;
    for (char *c = out[i].text; *c; c++)
      if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
  }
  return true;
}

/* Of equal names the second is called NAME_2, and so on; numbers that make another ligand's name are left
 * out. (Names that end with different numbers and are equal without them differ.) */
static bool number_equal(of3_query *query, int n, lower_name *name, of3_arena *arena, of3_arena *scratch) {
  qsort(name, (size_t)n, sizeof *name, lower_order);
  for (int i = 1, number = 1; i < n; i++) {
    if (strcmp(name[i].text, name[i - 1].text) != 0) number = 1;
    if (strcmp(name[i].text, name[i - 1].text) != 0) continue;
    lower_name wanted = {.of = 0};
    do {
      wanted.text = of3_arena_printf(scratch, "%s_%d", name[i].text, ++number);
      if (!wanted.text) return false;
    } while (bsearch(&wanted, name, (size_t)n, sizeof *name, lower_text_order));
    of3_query *q = &query[name[i].of];
    q->name = of3_arena_printf(arena, "%s_%d", q->name, number);
    if (!q->name) return false;
  }
  return true;
}

static of3_status tell_apart(of3_query_set *set, of3_error *err) {
  of3_arena *scratch = of3_arena_new(0);
  lower_name *name = scratch ? OF3_ARENA_NEW(scratch, lower_name, set->n) : NULL;
  const bool ok = name && lower_all(set->query, set->n, name, scratch) &&
                  number_equal(set->query, set->n, name, set->arena, scratch);
  of3_arena_free(scratch);
  return ok ? OF3_OK : of3_fail_memory(err, "the names of ligands");
}

/* ---- Queries */

static const char *kept_text(const char *opt_text, of3_arena *arena, bool *ok) {
  const char *text = opt_text ? of3_arena_strdup(arena, opt_text) : NULL;
  *ok = *ok && (text || !opt_text);
  return text;
}

static bool put_ligand(const template_query *t, const of3_listed_ligand *l,
                       const of3_query_screened *screened, of3_query_chain *out, of3_arena *arena) {
  bool ok = true;
  *out = (of3_query_chain){.type = OF3_LIGAND, .n_id = 1, .n_residue = 1, .smiles = screened->smiles};
  out->id = OF3_ARENA_NEW(arena, const char *, 1);
  if (!out->id || !(out->id[0] = kept_text(t->chain, arena, &ok))) return false;
  out->sdf_text = kept_text(l->sdf, arena, &ok);
  if (l->sdf) out->sdf_path = of3_arena_printf(arena, "%s, line %d", screened->file, screened->line);
  if (l->ccd) out->code = OF3_ARENA_NEW(arena, const char *, 1);
  if (out->code) {
    out->code[0] = screened->ccd;
    out->n_code = 1;
  }
  return ok && (!l->sdf || out->sdf_path) && (!l->ccd || out->code);
}

static bool put_query(const template_query *t, const of3_listed_ligand *l, int number, const char *file,
                      of3_query *out, of3_arena *arena) {
  bool ok = true;
  of3_query_screened *s = OF3_ARENA_NEW(arena, of3_query_screened, 1);
  of3_query_chain *chain = OF3_ARENA_NEW(arena, of3_query_chain, t->n_kept + 1);
  *out = *t->query;
  out->name = screened_name(t->query->name, l, number, arena);
  if (!s || !chain || !out->name) return false;
  *s = (of3_query_screened){.name = l->name ? kept_text(l->name, arena, &ok) : "",
                            .smiles = kept_text(l->smiles, arena, &ok),
                            .ccd = kept_text(l->ccd, arena, &ok),
                            .file = file,
                            .line = l->line};
  if (t->n_kept) memcpy(chain, t->kept, (size_t)t->n_kept * sizeof *chain);
  out->chain = chain;
  out->n_chain = t->n_kept;
  out->screened = s;
  if (l->error)
    of3_fail(&out->error, OF3_ERR_INPUT,
             "query '%.160s': the ligand in line %d of '%.200s' cannot be used: %s", out->name, l->line, file,
             l->error);
  else
    ok = ok && put_ligand(t, l, s, &chain[out->n_chain++], arena);
  return ok;
}

static of3_status put_queries(const of3_query *from, const of3_ligand_list *list, const char *opt_chain,
                              of3_query_set *set, of3_query *out, int *n, of3_error *err) {
  template_query t;
  const char *file = of3_arena_strdup(set->arena, list->file);
  if (!file) return of3_fail_memory(err, "the queries of ligands");
  OF3_TRY(make_template(from, opt_chain, set->arena, &t, err));
  for (int k = 0; k < list->n; k++)
    if (!put_query(&t, &list->ligand[k], k + 1, file, &out[(*n)++], set->arena))
      return of3_fail_memory(err, "the queries of ligands");
  return OF3_OK;
}

of3_status of3_query_set_add_ligands(of3_query_set *set, const of3_ligand_list *list, const char *opt_chain,
                                     of3_error *err) {
  const int64_t most = (int64_t)set->n * list->n;
  int n = 0;
  if (most > OF3_MAX_LIGANDS)
    return of3_fail(err, OF3_ERR_INPUT,
                    "%d queries with %d ligands each are more than %d queries; split them", set->n, list->n,
                    OF3_MAX_LIGANDS);
  of3_query *query = OF3_ARENA_NEW(set->arena, of3_query, most);
  if (!query) return of3_fail_memory(err, "the queries of ligands");
  for (int i = 0; i < set->n; i++) {
    if (set->query[i].error.code == OF3_OK)
      OF3_TRY(put_queries(&set->query[i], list, opt_chain, set, query, &n, err));
    else
      query[n++] = set->query[i];
  }
  set->query = query;
  set->n = n;
  OF3_TRY(tell_apart(set, err));
  return of3_query_refuse_equal_names(set, err);
}
