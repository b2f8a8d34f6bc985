#include "query_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void put_atom(of3_str *s, const of3_query_atom *a) {
  of3_str_addf(s, "%s%d:%s", a->chain, a->residue, a->name ? a->name : "");
}

static void put_template(of3_str *s, const of3_template_source *t) {
  of3_str_addf(s, " template=%s:%s", t->path, t->opt_chain ? t->opt_chain : "");
  if (t->opt_text) of3_str_addf(s, "text=%zu", strlen(t->opt_text));
  for (int i = 0; i < t->n_pair; i++)
    of3_str_addf(s, "%s%d=%d", i ? "," : "/", t->pair[i].query, t->pair[i].template_);
}

static void put_chain(of3_str *s, const of3_query_chain *c) {
  static const char *const type[] = {"protein", "rna", "dna", "ligand"};
  of3_str_addf(s, " %s ", type[c->type]);
  for (int i = 0; i < c->n_id; i++) of3_str_addf(s, "%s%s", i ? "," : "", c->id[i]);
  if (c->sequence) of3_str_addf(s, " %s", c->sequence);
  for (int i = 0; i < c->n_code; i++) of3_str_addf(s, "%s%s", i ? "," : " ", c->code[i]);
  if (c->smiles) of3_str_addf(s, " smiles=%s", c->smiles);
  for (int i = 0; i < c->n_modified; i++)
    of3_str_addf(s, " %d=%s", c->modified[i].position, c->modified[i].code);
  for (int i = 0; i < c->n_msa; i++) of3_str_addf(s, " msa=%s", c->msa_path[i]);
  for (int i = 0; i < c->n_msa_text; i++)
    of3_str_addf(s, " %s=%zu", c->msa_text[i].key, strlen(c->msa_text[i].text));
  for (int i = 0; i < c->n_template; i++) put_template(s, &c->template_[i]);
  if (c->no_templates) of3_str_add(s, " template=none");
  if (c->cyclic) of3_str_add(s, " cyclic");
  of3_str_add(s, ";");
}

void query_text_put(of3_str *s, const of3_query *q) {
  of3_str_addf(s, "%s:", q->name);
  if (q->error.code != OF3_OK) {
    of3_str_addf(s, " error %s", q->error.text);
    return;
  }
  for (int i = 0; i < q->n_chain; i++) put_chain(s, &q->chain[i]);
  for (int i = 0; i < q->n_bond; i++) {
    of3_str_add(s, " bond ");
    put_atom(s, &q->bond[i].a);
    of3_str_add(s, "-");
    put_atom(s, &q->bond[i].b);
    of3_str_add(s, ";");
  }
  for (int i = 0; i < q->n_leaving; i++) {
    of3_str_add(s, " leaves ");
    put_atom(s, &q->leaving[i]);
    of3_str_add(s, ";");
  }
  if (q->pocket) of3_str_addf(s, " pocket %s %g", q->pocket->ligand, q->pocket->max_distance);
  for (int i = 0; q->pocket && i < q->pocket->n_residue; i++)
    of3_str_addf(s, " %s%d", q->pocket->residue[i].chain, q->pocket->residue[i].residue);
  if (q->pocket) of3_str_add(s, ";");
  if (q->components) of3_str_addf(s, " components=%zu;", strlen(q->components));
  for (int i = 0; i < q->n_note; i++) of3_str_addf(s, " note %s;", q->note[i]);
}

/* What reading the text gives: the queries, or the error of the file, a line each. */
void query_text_reads(query_reader *read, const char *text, const char *expected) {
  of3_query_set set;
  of3_error err = {0};
  of3_str shown = {0};
  const of3_query_source source = {text, strlen(text), "folder/job.x.gz", "tests/fixtures/features",
                                   SIZE_MAX};
  if (read(&source, &set, &err) != OF3_OK) {
    of3_str_addf(&shown, "error %s\n", err.text);
    assert_null(set.arena);
  }
  for (int i = 0; i < set.n_seed; i++)
    of3_str_addf(&shown, "%s%llu%s", i ? " " : "seeds ", (unsigned long long)set.seed[i],
                 i + 1 < set.n_seed ? "" : "\n");
  for (int i = 0; i < set.n; i++) {
    query_text_put(&shown, &set.query[i]);
    of3_str_add(&shown, "\n");
  }
  assert_false(shown.failed);
  assert_string_equal(shown.text, expected);
  of3_str_free(&shown);
  of3_query_set_free(&set);
}
