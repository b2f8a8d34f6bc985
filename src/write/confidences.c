#include "write/confidences.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/str.h"
#include "write/decimal6.h"

static const char *const full_name[] = {[OF3_FULL_JSON] = "json",
                                        [OF3_FULL_NPZ_F16] = "npz",
                                        [OF3_FULL_NPZ_F32] = "npz32",
                                        [OF3_FULL_NONE] = "none"};

const char *of3_full_name(of3_full_confidences full) { return full_name[full]; }

bool of3_full_parse(const char *name, of3_full_confidences *out) {
  for (int f = OF3_FULL_JSON; f <= OF3_FULL_NONE; f++)
    if (strcmp(name, full_name[f]) == 0) {
      *out = (of3_full_confidences)f;
      return true;
    }
  return false;
}

/* ---- Full confidences as JSON */

/* Bytes on their way to a file, in large pieces. */
typedef struct sink {
  FILE *f;
  size_t n;
  char buffer[1 << 16];
} sink;

enum { MOST_PER_NUMBER = 64 }; /* indent, digits, comma, newline */

static void flush(sink *s) {
  fwrite(s->buffer, 1, s->n, s->f);
  s->n = 0;
}

static void confidences_put(sink *s, const char *text) {
  size_t n = strlen(text);
  if (s->n + n > sizeof s->buffer) flush(s);
  memcpy(s->buffer + s->n, text, n);
  s->n += n;
}

/* The elements of a list, each on a line of its own. */
static void put_numbers(sink *s, const float *x, int n, size_t indent) {
  for (int k = 0; k < n; k++) {
    if (s->n + MOST_PER_NUMBER > sizeof s->buffer) flush(s);
    char *o = s->buffer + s->n;
    memset(o, ' ', indent);
    o += indent;
    o += of3_format_decimal6(o, x[k]);
    if (k + 1 < n) *o++ = ',';
    *o++ = '\n';
    s->n = (size_t)(o - s->buffer);
  }
}

static void put_matrix(sink *s, const char *name, const float *x, int n, of3_cancel *opt_cancel) {
  confidences_put(s, ",\n    \"");
  confidences_put(s, name);
  confidences_put(s, "\": [\n");
  for (int row = 0; row < n && !of3_cancelled(opt_cancel); row++, x += n) {
    confidences_put(s, "        [\n");
    put_numbers(s, x, n, 12);
    confidences_put(s, row + 1 < n ? "        ],\n" : "        ]\n");
  }
  confidences_put(s, "    ]");
}

of3_status of3_confidences_write_json(const char *path, const of3_confidences *c, of3_error *err) {
  of3_out out = {0};
  sink *s = malloc(sizeof *s);
  if (!s) return of3_fail_memory(err, path);
  of3_status status = of3_out_open(&out, path, err);
  if (status == OF3_OK) {
    s->f = out.f;
    s->n = 0;
    confidences_put(s, "{\n    \"plddt\": [\n");
    put_numbers(s, c->plddt, c->n_atom, 8);
    confidences_put(s, "    ]");
    put_matrix(s, "pde", c->pde, c->n_token, c->opt_cancel);
    put_matrix(s, "pae", c->pae, c->n_token, c->opt_cancel);
    confidences_put(s, "\n}");
    flush(s);
    status = of3_go_on(c->opt_cancel, err);
    if (status == OF3_OK)
      status = of3_out_commit(&out, err);
    else
      of3_out_abort(&out);
  }
  free(s);
  return status;
}

/* ---- Aggregated confidences */

static void confidences_add_number(of3_str *out, float x) {
  char text[OF3_F32_TEXT];
  of3_format_f64(text, of3_round6(x));
  of3_str_add(out, text);
}

/* \u00E9 to \u00e9: Python writes small letters. */
static void lower_escapes(char *text) {
  for (char *p = text; *p; p++) {
    if (*p != '\\') continue;
    if (*++p == 'u')
      for (int k = 1; k <= 4; k++) p[k] = (char)(p[k] >= 'A' && p[k] <= 'F' ? p[k] + ('a' - 'A') : p[k]);
  }
}

/* "key" as Python's json writes it: everything outside printable ASCII escaped. */
static void add_key(of3_str *out, size_t indent, const char *key) {
  json_t *string = json_string(key);
  char *text = string ? of3_json_dump(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
  if (text)
    lower_escapes(text);
  else
    out->failed = true;
  of3_str_addc(out, ' ', indent);
  of3_str_add(out, text ? text : "");
  of3_str_add(out, ": ");
  free(text);
  json_decref(string);
}

static void add_score(of3_str *out, const char *name, float x) {
  add_key(out, 4, name);
  confidences_add_number(out, x);
  of3_str_add(out, ",\n");
}

/* Ids of the chains by asym_id - 1. */
static const char **sorted_ids(const of3_complex *c, of3_arena *arena) {
  const char **id = OF3_ARENA_NEW(arena, const char *, c->n_chain);
  for (int k = 0; id && k < c->n_chain; k++) id[c->chain[k].asym_id - 1] = c->chain[k].id;
  return id;
}

static void add_chains(of3_str *out, const char **id, const of3_scores *s) {
  add_key(out, 4, "chain_ptm");
  of3_str_add(out, "{");
  for (int k = 0; k < s->n_chain; k++) {
    of3_str_add(out, k ? ",\n" : "\n");
    add_key(out, 8, id[k]);
    confidences_add_number(out, s->chain_ptm[k]);
  }
  of3_str_add(out, "\n    },\n");
}

/* Each unordered pair once. */
static void confidences_add_pairs(of3_str *out, const char *name, const char **id, int n, const float *x,
                                  of3_arena *arena) {
  add_key(out, 4, name);
  of3_str_add(out, "{");
  for (int a = 0; a < n; a++)
    for (int b = a + 1; b < n; b++) {
      const char *pair = of3_arena_printf(arena, "(%s, %s)", id[a], id[b]);
      of3_str_add(out, a == 0 && b == 1 ? "\n" : ",\n");
      if (pair)
        add_key(out, 8, pair);
      else
        out->failed = true;
      confidences_add_number(out, x[(size_t)a * (size_t)n + (size_t)b]);
    }
  of3_str_add(out, n > 1 ? "\n    }" : "}");
}

static void add_aggregated(of3_str *out, const char **id, const of3_scores *s, of3_arena *arena) {
  of3_str_add(out, "{\n");
  add_score(out, "avg_plddt", s->avg_plddt);
  add_score(out, "gpde", s->gpde);
  add_score(out, "iptm", s->iptm);
  add_score(out, "ptm", s->ptm);
  add_score(out, "disorder", s->disorder);
  add_score(out, "has_clash", s->has_clash);
  add_score(out, "sample_ranking_score", s->sample_ranking_score);
  add_chains(out, id, s);
  confidences_add_pairs(out, "chain_pair_iptm", id, s->n_chain, s->chain_pair_iptm, arena);
  of3_str_add(out, ",\n");
  confidences_add_pairs(out, "bespoke_iptm", id, s->n_chain, s->bespoke_iptm, arena);
  of3_str_add(out, "\n}");
}

of3_status of3_aggregated_write(const char *path, const of3_complex *complex, const of3_scores *scores,
                                of3_error *err) {
  of3_arena *arena = of3_arena_new(0);
  const char **id = arena ? sorted_ids(complex, arena) : NULL;
  of3_str text = {0};
  if (id) add_aggregated(&text, id, scores, arena);
  of3_status status = OF3_OK;
  if (!id || text.failed)
    status = of3_fail_memory(err, path);
  else
    status = of3_write_file(path, text.text, text.len, err);
  of3_str_free(&text);
  of3_arena_free(arena);
  return status;
}

of3_aggregated of3_aggregated_of(const of3_scores *s) {
  return (of3_aggregated){.avg_plddt = of3_round6(s->avg_plddt),
                          .gpde = of3_round6(s->gpde),
                          .ptm = of3_round6(s->ptm),
                          .iptm = of3_round6(s->iptm),
                          .disorder = of3_round6(s->disorder),
                          .has_clash = of3_round6(s->has_clash),
                          .sample_ranking_score = of3_round6(s->sample_ranking_score),
                          .ligand_iptm = of3_round6(s->ligand_iptm),
                          .ligand_plddt = of3_round6(s->ligand_plddt),
                          .ligand_pae_min = of3_round6(s->ligand_pae_min)};
}
