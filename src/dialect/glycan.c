/* Sugars in Chai's notation. A residue follows in brackets the one that it is bound to, after the numbers of
 * the atoms: "NAG(4-1 NAG)" is O4 of the first bound to C1 of the second, which loses its O1. */
#include <string.h>

#include "base/str.h"
#include "dialect/fasta_parts.h"
#include "feat/query_check.h"

enum { MOST_SUGARS = 200 };

typedef struct glycan {
  of3_query_builder *b;
  const char *chain;
  of3_span left; /* of the text */
  int n, room;
  const char **code; /* [n] */
} glycan;

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
                  "the glycan has %s%s%s after residue %d where %s was expected, as in 'NAG(4-1 NAG)'",
                  c ? "'" : "", c ? shown : "its end", c ? "'" : "", g->n, expected);
}

static of3_status take_residue(glycan *g, of3_error *err) {
  size_t n = 0;
  if (g->n == g->room)
    return of3_fail(err, OF3_ERR_INPUT, "the glycan has more than %d residues", MOST_SUGARS);
  peek(g);
  while (n < g->left.n && !strchr("() \t-", g->left.text[n])) n++;
  if (!n) return unexpected(g, "the code of a component", err);
  char *code = of3_arena_strndup(g->b->arena, g->left.text, n);
  if (!code) return of3_fail_memory(err, "a glycan");
  g->left.text += n, g->left.n -= n;
  g->code[g->n++] = code;
  return of3_query_check_code(code, err);
}

static of3_status take_number(glycan *g, int *out, of3_error *err) {
  const char c = peek(g);
  if (c < '1' || c > '9') return unexpected(g, "the number of an atom, 1 to 9,", err);
  *out = c - '0';
  take(g, c);
  return OF3_OK;
}

/* Residue `parent` has an atom O`from`, residue `child` C`to` and O`to`. */
static of3_status join(glycan *g, int parent, int from, int child, int to, of3_error *err) {
  of3_arena *a = g->b->arena;
  const of3_query_atom o = {g->chain, parent, of3_arena_printf(a, "O%d", from)},
                       c = {g->chain, child, of3_arena_printf(a, "C%d", to)},
                       gone = {g->chain, child, of3_arena_printf(a, "O%d", to)};
  if (!o.name || !c.name || !gone.name) return of3_fail_memory(err, "a glycan");
  OF3_TRY(of3_builder_add_bond(g->b, (of3_query_bond){o, c}, err));
  return of3_builder_add_leaving(g->b, gone, err);
}

/* open[d]: the residue that the d-th open bracket follows. */
static of3_status read_glycan(glycan *g, of3_error *err) {
  int open[MOST_SUGARS], depth = 0, last = 1;
  OF3_TRY(take_residue(g, err));
  while (peek(g)) {
    int from = 0, to = 0;
    if (take(g, ')')) {
      if (depth == 0) return of3_fail(err, OF3_ERR_INPUT, "the glycan has a ')' without its '('");
      last = open[--depth];
      continue;
    }
    if (!take(g, '(')) return unexpected(g, "'(' or ')'", err);
    OF3_TRY(take_number(g, &from, err));
    if (!take(g, '-')) return unexpected(g, "'-'", err);
    OF3_TRY(take_number(g, &to, err));
    OF3_TRY(take_residue(g, err));
    OF3_TRY(join(g, last, from, g->n, to, err));
    open[depth++] = last; /* fewer than residues */
    last = g->n;
  }
  return depth ? of3_fail(err, OF3_ERR_INPUT, "the glycan has a '(' without its ')'") : OF3_OK;
}

of3_status of3_fasta_glycan(of3_query_builder *b, of3_span text, const char *chain, of3_error *err) {
  of3_query_chain *c = of3_builder_add_chain(b, OF3_LIGAND, 1);
  glycan g = {.b = b, .chain = chain, .left = text, .room = MOST_SUGARS};
  g.code = OF3_ARENA_NEW(b->arena, const char *, MOST_SUGARS);
  if (!c || !g.code) return of3_fail_memory(err, "a glycan");
  c->id[0] = chain;
  OF3_TRY(read_glycan(&g, err));
  c->code = g.code;
  c->n_residue = c->n_code = g.n;
  return OF3_OK;
}
