#include "dialect/glycan.h"

#include <string.h>

#include "base/str.h"
#include "feat/query_check.h"

typedef struct glycan {
  const of3_query_builder *b;
  of3_glycan_form form;
  of3_span left; /* of the text */
  int n;
  of3_sugar *sugar; /* [OF3_MOST_SUGARS] */
} glycan;

/* ---- Reading */

static char peek(glycan *g) {
  while (g->left.n && of3_is_space(*g->left.text)) g->left.text++, g->left.n--;
  return g->left.n ? *g->left.text : 0;
}

static bool take(glycan *g, char c) {
  if (peek(g) != c) return false;
  g->left.text++, g->left.n--;
  return true;
}

static of3_status unexpected(glycan *g, const char *expected, of3_error *err) {
  const char c = peek(g);
  const char shown[2] = {(char)(c >= ' ' && c <= '~' ? c : '?'), 0};
  return of3_fail(err, OF3_ERR_INPUT,
                  "the glycan has %s%s%s after residue %d where %s was expected, as in '%s'", c ? "'" : "",
                  c ? shown : "its end", c ? "'" : "", g->n, expected,
                  g->form == OF3_GLYCAN_NUMBERED ? "NAG(4-1 NAG)" : "NAG(NAG)");
}

static of3_status take_residue(glycan *g, of3_sugar of, of3_error *err) {
  size_t n = 0;
  if (g->n == OF3_MOST_SUGARS)
    return of3_fail(err, OF3_ERR_INPUT, "the glycan has more than %d residues", (int)OF3_MOST_SUGARS);
  peek(g);
  while (n < g->left.n && !strchr("() \t-", g->left.text[n])) n++;
  if (!n) return unexpected(g, "the code of a component", err);
  of.code = of3_arena_strndup(g->b->arena, g->left.text, n);
  if (!of.code) return of3_fail_memory(err, "a glycan");
  g->left.text += n, g->left.n -= n;
  g->sugar[g->n++] = of;
  return of3_query_check_code(of.code, err);
}

static of3_status take_number(glycan *g, int *out, of3_error *err) {
  const char c = peek(g);
  if (c < '1' || c > '9') return unexpected(g, "the number of an atom, 1 to 9,", err);
  *out = c - '0';
  take(g, c);
  return OF3_OK;
}

/* "(4-1 NAG" without the bracket. */
static of3_status take_branch(glycan *g, int parent, of3_error *err) {
  of3_sugar s = {.parent = parent};
  if (g->form == OF3_GLYCAN_NUMBERED) {
    OF3_TRY(take_number(g, &s.from, err));
    if (!take(g, '-')) return unexpected(g, "'-'", err);
    OF3_TRY(take_number(g, &s.to, err));
  }
  return take_residue(g, s, err);
}

/* open[d]: the residue that the d-th open bracket follows. */
static of3_status read_tree(glycan *g, of3_error *err) {
  int open[OF3_MOST_SUGARS], depth = 0, last = 0;
  OF3_TRY(take_residue(g, (of3_sugar){.parent = -1}, err));
  while (peek(g)) {
    if (take(g, ')')) {
      if (depth == 0) return of3_fail(err, OF3_ERR_INPUT, "the glycan has a ')' without its '('");
      last = open[--depth];
      continue;
    }
    if (!take(g, '(')) return unexpected(g, "'(' or ')'", err);
    OF3_TRY(take_branch(g, last, err));
    open[depth++] = last; /* fewer than residues */
    last = g->n - 1;
  }
  return depth ? of3_fail(err, OF3_ERR_INPUT, "the glycan has a '(' without its ')'") : OF3_OK;
}

of3_status of3_glycan_parse(const of3_query_builder *b, of3_span text, of3_glycan_form form,
                            of3_sugar **ret_sugar, int *ret_n, of3_error *err) {
  glycan g = {.b = b, .form = form, .left = text};
  g.sugar = OF3_ARENA_NEW(b->arena, of3_sugar, OF3_MOST_SUGARS);
  if (!g.sugar) return of3_fail_memory(err, "a glycan");
  OF3_TRY(read_tree(&g, err));
  *ret_sugar = g.sugar;
  *ret_n = g.n;
  return OF3_OK;
}

/* ---- As a ligand */

of3_status of3_glycan_leave(of3_query_builder *b, const char *chain, int residue, int to, of3_error *err) {
  const of3_query_atom gone = {chain, residue, of3_arena_printf(b->arena, "O%d", to)};
  if (!gone.name) return of3_fail_memory(err, "a glycan");
  return of3_builder_add_leaving(b, gone, err);
}

/* Residue k, from 0, is bound to its parent. */
static of3_status join(of3_query_builder *b, const of3_sugar *sugar, int k, const char *chain,
                       of3_error *err) {
  const of3_sugar *s = &sugar[k];
  const of3_query_atom o = {chain, s->parent + 1, of3_arena_printf(b->arena, "O%d", s->from)},
                       c = {chain, k + 1, of3_arena_printf(b->arena, "C%d", s->to)};
  if (!o.name || !c.name) return of3_fail_memory(err, "a glycan");
  OF3_TRY(of3_builder_add_bond(b, (of3_query_bond){o, c}, err));
  return of3_glycan_leave(b, chain, k + 1, s->to, err);
}

of3_status of3_glycan_add(of3_query_builder *b, const of3_sugar *sugar, int n, const char *const *id,
                          int n_id, of3_error *err) {
  of3_query_chain *c = of3_builder_add_chain(b, OF3_LIGAND, n_id);
  const char **code = OF3_ARENA_NEW(b->arena, const char *, n);
  if (!c || !code) return of3_fail_memory(err, "a glycan");
  for (int i = 0; i < n; i++) code[i] = sugar[i].code;
  c->code = code;
  c->n_residue = c->n_code = n;
  for (int copy = 0; copy < n_id; copy++) {
    c->id[copy] = id[copy];
    for (int k = 1; k < n; k++) OF3_TRY(join(b, sugar, k, id[copy], err));
  }
  return OF3_OK;
}
